"""The run: every client against every provider through a real gateway, over real sockets, and what each cell came to.

client's SDK --> gateway --> sandbox        one loop; blocking SDKs in threads
     |                          |
   `Said`                 `Sent`, the bill
     '------- compared by `judge` -------'
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import by_chat
import by_gemini
import by_messages
import by_responses
import httpx2
import msgspec
import sent_upstream
from asked import Ask, Said, Sent
from cases import CASES, FOUND, Case
from gateway_stage import Stage, staged
from judge import Verdict, judge

CLIENTS: dict[str, ModuleType] = {"chat": by_chat, "responses": by_responses, "messages": by_messages, "gemini": by_gemini}
UPSTREAMS = tuple(CLIENTS)
WAYS = ("plain", "stream")
MODELS = {"chat": "gpt-4.1", "responses": "gpt-4.1", "messages": "claude-sonnet-5", "gemini": "gemini-3.8-flash"}
THINKERS = {"chat": "gpt-5-mini", "responses": "gpt-5.4-mini", "messages": "claude-sonnet-5", "gemini": "gemini-3.8-flash"}
SECOND = {"chat": "gpt-5", "responses": "gpt-5.4", "messages": "claude-opus-5", "gemini": "gemini-3.5-flash"}
"""The models that answer, those that are asked to think, and a second one of each provider that thinks."""
AT_ONCE = 12
"""Cells under way together: enough to fill the waiting, few enough for a deadline of seconds."""
CONFIG = """
[providers.chat]
kind = "openai"
base_url = "{url}/v1"
dialects = {{ openai_chat = "" }}
credentials = {{ main = "file:{key}" }}
[providers.responses]
kind = "openai"
base_url = "{url}/v1"
dialects = {{ openai_responses = "" }}
credentials = {{ main = "file:{key}" }}
[providers.messages]
kind = "anthropic"
base_url = "{url}"
credentials = {{ main = "file:{key}" }}
[providers.gemini]
kind = "gemini"
base_url = "{url}/v1beta"
credentials = {{ main = "file:{key}" }}
[providers.openai]
base_url = "{url}/v1"
credentials = {{ main = "file:{key}" }}
[policies.clocks]
first_content = 20
answer = 20
[server.admission]
burst_wait = 60
standing_wait = 60
"""
"""All of it in one process on one loop: a busy machine makes requests wait, which must not have the gateway turn them away."""
"""Four providers at one sandbox, each of which speaks one dialect only, and one more for OpenAI's vectors."""
_heard: ContextVar[list[httpx2.Response]] = ContextVar("heard")
_marks = count()


class Cell(msgspec.Struct, frozen=True):
    """One cell: who asks whom for what, and how."""

    client: str
    upstream: str
    case: str
    way: str = "plain"
    sync: bool = False


class Turn(msgspec.Struct, frozen=True):
    """One request and what came of it.

    Attributes:
        done: the SDK's finished object.
        tokens: what the provider billed.
        lost: what the gateway named as lost.
    """

    done: Any
    said: Said
    sent: Sent
    tokens: Any
    lost: tuple[str, ...]


def cells(client: str, *, sync: bool = False, only: tuple[str, ...] = tuple(CASES)) -> list[Cell]:
    """Return the cells of one client, in the order of the table."""
    return [Cell(client, upstream, case, way, sync) for case in only for upstream in UPSTREAMS for way in WAYS]


class Room:
    """The clients of one dialect at one gateway."""

    def __init__(self, stage: Stage, name: str, open_clients: tuple[Any, Any]) -> None:
        self.stage, self.name, self.dialect = stage, name, CLIENTS[name]
        self._async, self._sync = open_clients

    async def find(self, cell: Cell) -> Verdict:
        """Play one cell."""
        case = CASES[cell.case]
        try:
            turns = await self._play(cell, case)
        except Exception as error:
            return judge(cell, case, self.dialect, f"{type(error).__name__}: {error}"[:600])
        return judge(cell, case, self.dialect, turns)

    async def _play(self, cell: Cell, case: Case) -> list[Turn]:
        home = (THINKERS if case.ask.thinks else MODELS)[cell.upstream]
        if case.then is None:
            return [await self._ask(cell, (cell.upstream, home), case.ask, [])]
        turns = []
        for first in self._beginnings(cell, case, home):
            turn = await self._ask(cell, first, case.ask, [])
            turns.append(await self._go_on(cell, home, case.then, turn, case.ask))
            turns[-1] = msgspec.structs.replace(turns[-1], lost=(*turn.lost, *turns[-1].lost))
        return turns

    def _beginnings(self, cell: Cell, case: Case, home: str) -> list[tuple[str, str]]:
        """With which models the conversation begins: its own, or every other one."""
        if not case.abroad:
            return [(cell.upstream, home)]
        return [(name, model) for name, model in THINKERS.items() if name != cell.upstream] + [
            (cell.upstream, SECOND[cell.upstream])
        ]

    async def _go_on(self, cell: Cell, model: str, ask: Ask, turn: Turn, first: Ask) -> Turn:
        """Ask again, with what was said and done before."""
        ask = _marked(ask)
        before = [
            *self.dialect.turns(first),
            *self.dialect.remember(turn.done),
            *self.dialect.results(turn.said.calls, FOUND, ask),
        ]
        return await self._ask(cell, (cell.upstream, model), ask, before)

    async def _ask(self, cell: Cell, at: tuple[str, str], ask: Ask, before: list[Any]) -> Turn:
        upstream, model = at
        ask = ask if ask.mark else _marked(ask)
        began = before or (self.dialect.pictured(ask) if ask.shown else self.dialect.turns(ask))
        given = self.dialect.body(f"{upstream}/{model}", ask, began)
        done, heard = await self.call(self._method(cell), given, sync=cell.sync)
        *refused, record = [one for one in self.stage.sandbox.requests if ask.mark.encode() in one.body]
        switches = (
            CASES[cell.case].abroad and cell.client == cell.upstream
        )  # only of its own dialect's bodies nobody knows whose they are
        assert not refused or switches, f"asked again behind a refusal: {refused[0].violations}"
        assert not record.violations, record.violations
        row = next(one for one in reversed(self.stage.sandbox.bill()) if one.id == record.id)
        return Turn(done, self.dialect.said(done), sent_upstream.read(upstream, record.body), row.tokens, lost_of(heard))

    def _method(self, cell: Cell) -> Callable[[Any], Callable[..., Any]]:
        name = ("whole" if cell.way == "plain" else "streamed") + ("_sync" if cell.sync else "")
        return lambda sdk: lambda **given: getattr(self.dialect, name)(sdk, given)

    async def call(
        self, method: Callable[[Any], Callable[..., Any]], given: dict[str, Any], *, sync: bool
    ) -> tuple[Any, httpx2.Response]:
        """Call a method of the SDK's client, a blocking one in a thread; return what it made, and the response that it came with."""
        heard: list[httpx2.Response] = []
        _heard.set(heard)
        done = await (asyncio.to_thread(method(self._sync), **given) if sync else method(self._async)(**given))
        return done, heard[-1]


def lost_of(heard: httpx2.Response) -> tuple[str, ...]:
    """Return what the gateway names as lost."""
    return tuple(name for name in heard.headers.get("x-stormkeel-lossy", "").split(", ") if name)


def _marked(ask: Ask) -> Ask:
    return msgspec.structs.replace(ask, mark=f"mark-{next(_marks):06}-")


@asynccontextmanager
async def rooms(folder: Path, names: tuple[str, ...]) -> AsyncIterator[dict[str, Room]]:
    """Open a sandbox, a gateway before it, and the clients of some dialects."""

    def written(url: str) -> Path:
        key = folder / "key"
        key.write_text("sk-any")
        path = folder / "stormkeel.toml"
        path.write_text(CONFIG.format(url=url, key=key))
        return path

    async def hear(response: httpx2.Response) -> None:
        _heard.get().append(response)

    def hear_sync(response: httpx2.Response) -> None:
        _heard.get().append(response)

    async with (
        staged(folder, written=written) as stage,
        httpx2.AsyncClient(event_hooks={"response": [hear]}, trust_env=False, timeout=30) as http,
    ):
        with httpx2.Client(event_hooks={"response": [hear_sync]}, trust_env=False, timeout=30) as blocking:
            yield {
                name: Room(stage, name, (CLIENTS[name].open_async(stage.url, http), CLIENTS[name].open_sync(stage.url, blocking)))
                for name in names
            }
            await stage.calm()


async def run(folder: Path, asked: list[Cell], told: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
    """Play cells, many at once; each verdict is told as it comes, and all are returned in the order they were asked for."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(room: Room, cell: Cell) -> Verdict:
        async with places:
            verdict = await room.find(cell)
        told(verdict)
        return verdict

    async with rooms(folder, tuple(dict.fromkeys(cell.client for cell in asked))) as opened:
        tasks: list[Awaitable[Verdict]] = [asyncio.ensure_future(one(opened[cell.client], cell)) for cell in asked]
        return list(await asyncio.gather(*tasks))

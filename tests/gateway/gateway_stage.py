"""A sandbox as provider, a gateway before it, and a client that sees exactly how an answer ends: over real sockets, in one loop.

Never asserts anything, but that a stage is left as it was found (`Stage.is_calm`).
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h11
import msgspec
import uvloop

from stormkeel.assemble import House, Opening, open_house
from stormkeel.config.load import load
from stormkeel.engine.ports import Sink
from stormkeel.gateway.app import Gateway
from stormkeel.gateway.reply import Receive, Scope, Send
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.runtime.serve import ServeSettings, serve
from stormkeel.sandbox import Sandbox, SandboxSettings, start

DEADLINE = 30.0  # seconds: a broken gateway fails here instead of hanging
CHAT, MESSAGES = "openai", "anthropic"
DIALECTS = (CHAT, MESSAGES)
PATHS = {CHAT: "/v1/chat/completions", MESSAGES: "/v1/messages"}
MODELS = {CHAT: "gpt-5.4-mini", MESSAGES: "claude-sonnet-5"}
SECRETS = {CHAT: "sk-proj-CANARYopenai0123456789abcd", MESSAGES: "sk-ant-CANARYanthropic0123456789ab"}
QUICK = """
[policies.clocks]
first_content = 0.4
idle = 0.4
answer = 0.4
total = 5
[policies.retry]
attempts = 1
throttle_base = 0.01
"""
"""Policies under which a silent provider is given up after 0.4 s, and nobody is asked twice."""


def configuration(url: str, folder: Path, more: str = QUICK) -> str:
    """Two providers, one for each dialect, both at one sandbox; credentials in files, so that no environment is needed."""
    lines = []
    for name, base in ((CHAT, f"{url}/v1"), (MESSAGES, url)):
        (folder / f"{name}.key").write_text(SECRETS[name])
        lines.append(f'[providers.{name}]\nbase_url = "{base}"\ncredentials = {{ main = "file:{folder / name}.key" }}\n')
        lines.append(f'[providers.spare-{name}]\nkind = "{name}"\nbase_url = "{base}"\n')
        lines.append(f'credentials = {{ main = "file:{folder / name}.key" }}\n')
    return "".join(lines) + more.replace("{url}", url)


def route(dialect: str, *wishes: str) -> str:
    """A route "r" whose groups each hold one deployment, which the sandbox treats as its wish says; "" for well."""
    targets = []
    for place, wish in enumerate(wishes):
        provider = dialect if place == 0 else f"spare-{dialect}"
        model = MODELS[dialect] + (f"@{wish}" if wish else "")
        targets.append(f'[{{ provider = "{provider}", model = "{model}", concurrency = 50 }}]')
    return f"[routes.r]\ngroups = [{', '.join(targets)}]\n"


class Stage(NamedTuple):
    """What a test may look at; `url` is the gateway's, `stop` ends it, `served` is its task."""

    sandbox: Sandbox
    house: House
    gateway: Gateway
    url: str
    port: int
    stop: asyncio.Event
    served: asyncio.Task[None]
    tasks: int

    @property
    def reserved(self) -> list[Reserved]:
        """The journal's reservations."""
        return [entry for entry in self._journal.entries if isinstance(entry, Reserved)]

    @property
    def settled(self) -> list[Settled]:
        """The journal's settlements."""
        return [entry for entry in self._journal.entries if isinstance(entry, Settled)]

    @property
    def _journal(self) -> MemoryJournal:
        journal = self.house.world.ports.journal
        assert isinstance(journal, MemoryJournal)
        return journal

    def unbalanced(self) -> list[str]:
        """What is not as it was before the first request: empty once every request has ended (INV-3, INV-15)."""
        counts = Counter(entry.attempt for entry in self.settled)
        names = [entry.attempt for entry in self.reserved]
        wrong = [f"{name} settled {counts[name]} times" for name in names if counts[name] != 1]
        wrong += [f"{member.deployment.name} has {member.in_flight} in flight" for member in self._members() if member.in_flight]
        wrong += [
            f"{member.deployment.name} holds {member.concurrency.in_flight} places"
            for member in self._members()
            if member.concurrency is not None and member.concurrency.in_flight
        ]
        if self.house.world.active:
            wrong.append(f"{self.house.world.active} requests active")
        return wrong

    def _members(self) -> list[Any]:
        return self.house.world.fleet.members

    def gateway_turns(self) -> list[asyncio.Task[Any]]:
        """The gateway's requests under way."""
        return [task for task in asyncio.all_tasks() if "Turn.run" in task.get_coro().__qualname__]

    async def calm(self) -> None:
        """Wait until nothing is under way any more; the assertion tells what still is."""
        await until(lambda: not self.unbalanced() and len(our_tasks()) <= self.tasks, self.unbalanced)


def our_tasks() -> list[asyncio.Task[Any]]:
    """The running tasks, without those the sandbox keeps for its connections."""
    coroutines = ((task, getattr(task.get_coro(), "cr_code", None)) for task in asyncio.all_tasks())
    return [task for task, code in coroutines if code is None or "/sandbox/" not in code.co_filename]


async def until(holds: Callable[[], object], told: Callable[[], object] = lambda: "", seconds: float = 3.0) -> None:
    """Let the loop run until something holds, under a deadline."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"still not so after {seconds} s: {told()} {[str(task) for task in our_tasks()]}") from None


@asynccontextmanager
async def staged(
    folder: Path,
    more: str = QUICK,
    *,
    sandbox: SandboxSettings | None = None,
    http: ServeSettings | None = None,
    sinks: tuple[Sink, ...] = (),
    data: str = "memory",
    has_callback: bool = True,
    written: Callable[[str], Path] | None = None,
) -> AsyncIterator[Stage]:
    """Open a sandbox and a gateway before it.

    `has_callback` False: as under an ASGI server that is not ours. `written` writes a configuration file for the sandbox's URL.
    """
    async with await start(sandbox or SandboxSettings(seed=7)) as provider:
        settings = load(configuration(provider.url, folder, more).encode(), {}, KINDS)
        house = open_house(written(provider.url) if written else settings, data, Opening(sinks=sinks))
        gateway, stop = Gateway(house), asyncio.Event()
        ports: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        given = http or ServeSettings()
        quick = msgspec.structs.replace(given, port=0)

        async def foreign(scope: Scope, receive: Receive, send: Send) -> None:
            scope.pop("extensions")
            await gateway(scope, receive, send)

        app = gateway if has_callback else foreign
        serving = asyncio.ensure_future(serve(app, quick, ready=lambda _host, port: ports.set_result(port), stop=stop))
        port = await ports
        try:
            tasks = len(our_tasks())
            yield Stage(provider, house, gateway, f"http://127.0.0.1:{port}", port, stop, serving, tasks)
        finally:
            serving.cancel()
            await asyncio.wait((serving,))
            await house.close()


def play(story: Callable[[], Awaitable[None]], deadline: float = DEADLINE) -> None:
    """Run a story on the loop the gateway runs on, under a deadline in seconds."""

    async def told() -> None:
        async with asyncio.timeout(deadline):
            await story()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(told())


class Got(NamedTuple):
    """What arrived. `end`: "whole", "torn" (closed before the promised end), "nothing" (closed before a head)."""

    status: int
    headers: dict[str, str]
    body: bytes
    end: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Caller:
    """A connection to the gateway that reads an answer at the pace of the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def at(cls, port: int, window: int = 0) -> Caller:
        """Connect; with a `window` of so many bytes of kernel buffer for what comes."""
        own = socket.socket()
        own.setblocking(False)
        if window:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=own))

    async def get(self) -> Got:
        """Read one answer to its end."""
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        http.send(h11.EndOfMessage())
        status, headers, body = 0, {}, b""
        try:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await self.reader.read(65_536))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return Got(status, headers, body, "whole")
                elif isinstance(event, h11.ConnectionClosed):
                    return Got(status, headers, body, "nothing")
        except (h11.RemoteProtocolError, ConnectionResetError):
            return Got(status, headers, body, "torn" if status else "nothing")

    def leave(self, *, reset: bool = False) -> None:
        """Close the connection, by RST if asked."""
        if reset:
            self.writer.transport.abort()
        else:
            self.writer.close()


def asking(dialect: str, *, path: str = "", model: str = "", headers: dict[str, str] | None = None, **changes: Any) -> bytes:
    """One whole HTTP request of a dialect."""
    body: dict[str, Any] = {"model": model or MODELS[dialect], "messages": [{"role": "user", "content": "Hello there"}]}
    if dialect == MESSAGES:
        body["max_tokens"] = 100
    return posted(path or PATHS[dialect], json.dumps(body | changes).encode(), headers)


def body_of_asking(request: bytes) -> bytes:
    """The body of one whole HTTP request."""
    return request.partition(b"\r\n\r\n")[2]


def posted(path: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> bytes:
    """One whole HTTP request with any body."""
    fields = {"host": "gateway", "content-type": "application/json", "content-length": str(len(body))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def ask(stage: Stage, request: bytes) -> Got:
    """Ask on a connection of its own and read the answer to its end."""
    caller = await Caller.at(stage.port)
    caller.writer.write(request)
    try:
        return await caller.get()
    finally:
        caller.leave()


def wish(**wishes: Any) -> list[dict[str, Any]]:
    """A conversation whose last turn tells the sandbox what to answer."""
    return [{"role": "user", "content": "Hello\nsandbox: " + json.dumps(wishes)}]


# -- streams ---------------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """What a stream said: its text, whether it came to its dialect's own end, and the error it told, None where none."""

    text: str
    is_complete: bool
    error: dict[str, Any] | None


def heard(dialect: str, body: bytes) -> Told:
    """Read a whole event stream as its dialect's clients do."""
    frames = [frame for frame in body.decode().split("\n\n") if frame and not frame.startswith(":")]
    payloads = [line[6:] for frame in frames for line in frame.split("\n") if line.startswith("data: ")]
    return _heard_chat(payloads) if dialect == CHAT else _heard_messages(payloads)


def _heard_chat(payloads: list[str]) -> Told:
    text, finish, error = "", False, None
    for payload in payloads:
        if payload == "[DONE]":
            continue
        chunk = json.loads(payload)
        error = chunk.get("error") or error
        for choice in chunk.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finish = finish or bool(choice["finish_reason"])
    return Told(text, finish and error is None, error)  # `[DONE]` may be missing (docs/reliability.md, When a stream is whole)


def _heard_messages(payloads: list[str]) -> Told:
    text, kinds, error = "", [], None
    for payload in payloads:
        event = json.loads(payload)
        kinds.append(event["type"])
        error = event.get("error") or error
        if event["type"] == "content_block_delta":
            text += event["delta"].get("text", "")
    return Told(text, kinds[-1:] == ["message_stop"] and kinds.count("message_start") == 1 and error is None, error)

"""A gateway before a provider that answers with given bytes, whatever it is asked, in one dialect: over real sockets, in one loop.

Never asserts anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway_stage import Caller, Got, posted
from raw_server import Connection, RawServer

from stormkeel.assemble import Opening, open_house
from stormkeel.config.load import load
from stormkeel.gateway.app import Gateway
from stormkeel.ledger.entry import Settled
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.runtime.serve import ServeSettings, serve

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic_messages", "gemini"
KIND = {CHAT: "openai", RESPONSES: "openai", MESSAGES: "anthropic", GEMINI: "gemini"}
PATHS = {CHAT: "/v1/chat/completions", RESPONSES: "/v1/responses", MESSAGES: "/v1/messages"}


class Answer(NamedTuple):
    """What the provider gives, whether it is a stream, and further lines of its head."""

    status: int
    body: bytes
    streamed: bool
    head: str = ""

    @property
    def wire(self) -> bytes:
        """It as HTTP."""
        kind = "text/event-stream" if self.streamed else "application/json"
        head = f"HTTP/1.1 {self.status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(self.body)}\r\n{self.head}\r\n"
        return head.encode() + self.body


class Provider:
    """A provider that gives the answer it was last told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer = Answer(500, b"", streamed=False)
        self.asked: list[bytes] = []

    async def serve(self, connection: Connection) -> None:
        """Answer every request of a connection."""
        while await connection.read_request():
            self.asked.append(connection.body)
            await connection.send(self.answer.wire)


class Stage(NamedTuple):
    """A gateway, the provider behind it, a connection to it, and its journal."""

    provider: Provider
    caller: Caller
    journal: MemoryJournal

    async def ask(self, path: str, body: bytes) -> Got:
        """Ask on the one connection."""
        self.provider.asked.clear()
        self.journal.entries.clear()
        self.caller.writer.write(posted(path, body))
        return await self.caller.get()

    @property
    def settled(self) -> Settled:
        """The one settlement of the last request."""
        (only,) = [entry for entry in self.journal.entries if isinstance(entry, Settled)]
        return only


@asynccontextmanager
async def staged(upstream: str) -> AsyncIterator[Stage]:
    """Open a gateway before a provider that speaks one dialect; however often it fails, it is asked again."""
    provider = Provider()
    async with RawServer(provider.serve) as server:
        config = f"""
            [providers.p]
            kind = "{KIND[upstream]}"
            base_url = "{server.url}{"" if upstream in (MESSAGES, GEMINI) else "/v1"}"
            auth = "none"
            dialects = {{ {upstream} = "" }}
            [policies.retry]
            attempts = 1
            [policies.breaker]
            consecutive = 10000
            least = 1000000
        """
        house = open_house(load(config.encode(), {}, KINDS), "memory", Opening())
        ports: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        serving = asyncio.ensure_future(
            serve(Gateway(house), ServeSettings(port=0), ready=lambda _host, port: ports.set_result(port), stop=asyncio.Event())
        )
        journal = house.world.ports.journal
        assert isinstance(journal, MemoryJournal)
        caller = await Caller.at(await ports)
        try:
            yield Stage(provider, caller, journal)
        finally:
            caller.leave()
            serving.cancel()
            await asyncio.wait((serving,))
            await house.close()

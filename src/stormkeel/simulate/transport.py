"""The wire in memory: requests go to the providers of the simulation, answers come as their scripts say, and all of it is noted.

Never opens a socket. What is due comes in one piece, as it would out of a socket's buffer; what nobody reads stays where it is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import msgspec

from ..engine.ports import Clock, WireFault
from ..types.wire import Headers, HttpRequest, HttpResponse, header
from .evidence import Evidence, Sending
from .speech import PATHS, TURN
from .upstream import Script, Upstream

_MODEL = re.compile(rb'"model":\s*"([^"]*)"')
_STREAM = re.compile(rb'"stream":\s*true')
PIECE = 64 * 1024  # bytes a read brings at most


class Door(msgspec.Struct, frozen=True):
    """What a provider's address stands for.

    Attributes:
        upstream: who answers there.
        credentials: by what is sent as a credential: the name, and its organisation.
        regions: where each model is served.
    """

    upstream: Upstream
    credentials: Mapping[str, tuple[str, str]]
    regions: Mapping[str, str]


class Wire:
    """A transport (`ports.Transport`) to the providers of one simulation.

    Attributes:
        probes: how often the list of models was asked for.
    """

    def __init__(self, doors: Mapping[str, Door], evidence: Evidence, clock: Clock) -> None:
        self._doors = doors
        self._evidence = evidence
        self._clock = clock
        self.probes = 0

    async def open(self, request: HttpRequest) -> Transfer:
        """Send, and return once the head is there."""
        sending, script = self._take(request)
        await self._head(sending, script)
        return Transfer(sending, script, self._evidence, self._clock)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, and read all of the answer."""
        sending, script = self._take(request)
        await self._head(sending, script)
        transfer, parts = Transfer(sending, script, self._evidence, self._clock), []
        try:
            while piece := await transfer.read():
                parts.append(piece)
        finally:
            await transfer.close()
        return HttpResponse(script.status, script.headers, b"".join(parts))

    async def close(self) -> None:
        """Do nothing: no connection is held."""

    def _take(self, request: HttpRequest) -> tuple[Sending, Script]:
        now, host = self._clock.now(), request.url.split("/")[2]
        door = self._doors[host]
        name, organisation = door.credentials[_credential(request.headers)]
        dialect = next((one for end, one in PATHS.items() if request.url.endswith(end)), "")
        body = request.body
        model = _found(_MODEL, body)
        attempt = header(request.headers, "x-client-request-id") or ""
        deployment = f"{door.upstream.name}/{model}" + (f"#{name}" if name else "")
        sending = Sending(
            attempt, attempt.partition(".")[0], deployment, door.upstream.name, model, name, f"{organisation}/{model}", dialect,
            now, _STREAM.search(body) is not None, prompt=len(body) // 4, is_reserved=attempt in self._evidence.reserved,
            region=door.regions.get(model, ""), offers=b'"tools"' in body, shown=tuple(
                (whose.decode(), turn.decode()) for whose, turn in TURN.findall(body)
            ),
        )  # fmt: skip
        if request.method == "GET":
            self.probes += 1
            return sending, door.upstream.list_models(sending, organisation)
        script = door.upstream.answer(sending, organisation, body)
        self._evidence.sendings.append(sending)
        self._evidence.trace.note(now, attempt, "->", deployment, sending.act, sending.status or script.fault or "no head")
        return sending, script

    async def _head(self, sending: Sending, script: Script) -> None:
        try:
            await self._until(script.head)
        except asyncio.CancelledError:
            sending.close(self._clock.now(), "aborted")
            raise
        if script.fault:
            sending.close(self._clock.now(), "broken")
            raise WireFault(script.fault, "broken by the weather")

    async def _until(self, at: float) -> None:
        wait = at - self._clock.now()
        if wait > 0.0:
            await asyncio.sleep(wait)


class Transfer:
    """An open exchange (`ports.Exchange`)."""

    def __init__(self, sending: Sending, script: Script, evidence: Evidence, clock: Clock) -> None:
        self.status = script.status
        self.headers: Headers = script.headers
        self._sending = sending
        self._script = script
        self._clock = clock
        self._next = 0
        self._rest = b""
        self._call = evidence.calls.get(sending.request)

    async def read(self) -> bytes:
        """Return what is due, waiting for the next piece where nothing is."""
        if self._rest:
            return self._more(b"")
        pieces = self._script.pieces
        if self._next >= len(pieces):
            return await self._end()
        wait = pieces[self._next][0] - self._clock.now()
        if wait > 0.0:
            await asyncio.sleep(wait)
        return self._more(self._due())

    def _more(self, due: bytes) -> bytes:
        """Return as much of what is due as one read brings; the rest waits."""
        sending, due = self._sending, self._rest + due
        data, self._rest = due[:PIECE], due[PIECE:]
        sending.taken += len(data)
        if self._call is not None:
            self._call.ahead = max(self._call.ahead, sending.taken - self._call.written)
        if self._next == self._script.last and not self._rest:
            sending.told = sending.finished = True
        return data

    def _due(self) -> bytes:
        pieces, now = self._script.pieces, self._clock.now()
        at, data = self._next, pieces[self._next][1]
        at += 1
        while at < len(pieces) and pieces[at][0] <= now and len(data) < PIECE:
            data += pieces[at][1]
            at += 1
        self._next = at
        return data

    async def _end(self) -> bytes:
        end = self._script.end
        if end == "stall":
            await asyncio.sleep(1e6)
        if end == "cut":
            self._sending.close(self._clock.now(), "broken")
            raise WireFault("body", "broken by the weather")
        self._sending.close(self._clock.now(), "read")
        return b""

    def linger(self) -> None:
        """Let it go: the answer is whole."""
        self._sending.close(self._clock.now(), "read")

    async def close(self) -> None:
        """Abort what is not read to its end."""
        self._sending.close(self._clock.now(), "aborted")


def _credential(headers: Headers) -> str:
    said = header(headers, "authorization") or header(headers, "x-api-key") or ""
    return said.removeprefix("Bearer ")


def _found(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return "" if found is None else found[1].decode()

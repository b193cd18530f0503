"""One try whose answer is streamed: frames go on to the caller as they come, and the last of them only once it is settled.

Never repeats what a caller has seen, and never takes an end of the bytes for the end of the answer (INV-8, INV-9): what may go
out, and whether it is whole, say the reader and the relay.

    head -> frames held -> commit point -> frames ... -> terminal marker -> settle -> last frames
"""

from __future__ import annotations

import asyncio
from math import inf

from ..dialects.across import CrossReader
from ..dialects.base import StreamReader
from ..types.failure import Failure, FailureKind
from ..types.wire import HttpResponse, packing
from .crossing import headers_for
from .keeping import note
from .mishaps import LAST_MARK, LAST_WORD, PINGS_ONLY, SLOW_CLIENT, read_all
from .ports import Exchange, WireFault
from .reasoning import PREFILL
from .relay import HeldRelay, Relay
from .trial import Trial

K = FailureKind


class StreamTrial(Trial):
    """One streamed attempt under way."""

    __slots__ = ()

    async def go(self) -> Failure | None:
        """Send, and relay the answer's frames to the caller as they come."""
        member, carriage = self.member, self._carriage
        self._watch(self._started + self._span, K.SILENT)
        self.sent = True
        exchange = await member.transport.open(carriage.http(self._id))
        self._exchange = exchange
        self._status = exchange.status
        self._provider_request = carriage.heed(exchange.status, exchange.headers, self._started)
        if exchange.status != 200:
            return carriage.classify(HttpResponse(exchange.status, exchange.headers, await read_all(exchange)))
        if packing(exchange.headers):
            return carriage.no_answer(HttpResponse(200, exchange.headers, b""))
        self._reader = reader = carriage.read_stream()
        held = self._run.held
        relay = HeldRelay(reader, held, carriage.comment_on_size()) if held else Relay(reader)
        try:
            return await self._relay(exchange, relay, reader)
        except (WireFault, asyncio.CancelledError) as fault:
            if not reader.ended or reader.failure or not (isinstance(fault, WireFault) or self._waited()):
                raise
        ready = relay.end()  # whole all the same
        if reader.failure is None:
            await self._finish(ready)
        return reader.failure

    async def _relay(self, exchange: Exchange, relay: Relay, reader: StreamReader) -> Failure | None:
        """Pass frames on until the terminal marker, a failure, or the end. Settles before the last frames go out."""
        member, now, clocks = self.member, self._run.world.ports.clock.now, self._clocks
        pace = member.pace
        seen, grown_at, ends_at = -1, 0.0, inf
        while True:
            data = await exchange.read()
            ready = relay.feed(data) if data else relay.end()
            if self._ttft is None and reader.committed:
                at = now()
                self._ttft = at - self._started
                if pace is not None:
                    pace.observe(at, self._ttft)
                quickness = self._ttft - clocks.prefill * (self.extent.need.input // PREFILL)
                member.health.begin(self._ticket[member.health_place], quickness, at, self._run.world.ports.rng)
            if reader.failure is None and (reader.complete or not data):
                await self._finish(ready)
                return None
            if ready:
                await self._send(ready)
            if reader.failure is not None:
                return self._said(exchange, reader, reader.failure)
            if reader.committed:
                at = now()
                seen, grown_at = reader.output_bytes, at if reader.output_bytes != seen else grown_at
                ends_at = min(ends_at, at + (LAST_MARK if reader.usage_final else LAST_WORD)) if reader.ended else inf
                self._watch(min(at + clocks.idle, grown_at + PINGS_ONLY, ends_at), K.STALLED)

    def _said(self, exchange: Exchange, reader: StreamReader, failure: Failure) -> Failure:
        """Say what a stream's failure means, by all that the provider said of it."""
        if reader.unframed:
            return self._in_one_piece(exchange, reader)
        return self._carriage.told_by_event(failure, exchange.headers, reader.committed) if failure.body else failure

    def _in_one_piece(self, exchange: Exchange, reader: StreamReader) -> Failure:
        """Say what came in place of a stream: an error in a 200, as relays send it, or a whole answer, whose usage is booked."""
        response = HttpResponse(200, exchange.headers, reader.unframed)
        outcome = self._carriage.spoken.dialect.read_outcome(response.body)
        if outcome is None:
            return self._carriage.no_answer(response)
        reader.usage, reader.terms = outcome.usage, outcome.terms
        reader.usage_final = outcome.usage is not None
        name = self.member.deployment.name
        return Failure(K.BAD_RESPONSE, f"{name} answered in one piece where a stream was asked for", 200)

    def _waited(self) -> bool:
        """Was it our own clock that would wait no longer for more of the answer?"""
        dog = self.dog
        if not (dog.bitten and dog.kind is K.STALLED and dog.calm()):
            return False
        dog.bitten = False  # what cancels us from now on is somebody else, or the next bite
        return True

    async def _send(self, ready: bytes) -> None:
        """Write frames to the caller, who may take their time."""
        run, lost = self._run, self._carriage.lost
        assert run.out is not None
        self._watch(run.world.ports.clock.now() + SLOW_CLIENT, K.CANCELLED)
        if not run.committed:
            assert self._exchange is not None
            if lost and run.began:  # the head went out before anybody knew
                ready = self._carriage.comment(lost) + ready
            await run.commit(headers_for(self.member, self._exchange.headers, lost))
        if run.recovery is not None:
            run.recovery.sent(ready)
        self._handed = self._settled
        await run.out.write(ready)

    async def _finish(self, ready: bytes) -> None:
        """The answer is whole: book it, and hand out the last frames; the provider's own end is waited for by nobody."""
        reader, carriage = self._reader, self._carriage
        if isinstance(reader, CrossReader) and reader.lost:
            carriage.lost += reader.lost
            if self._run.committed:  # else the head tells it, or a comment behind it
                ready = carriage.comment(reader.lost) + ready
        request = self._run.request
        if request.is_kept and carriage.crossing is None and reader is not None and not self._joint:
            note(request, reader.id, self._run.world, self.member.deployment)
        self.settle(None)
        assert self._exchange is not None
        self._exchange.linger()
        if ready:
            await self._send(ready)

    async def close(self) -> None:
        """Abort what of a stream is still open upstream."""
        if self._exchange is not None:
            await self._exchange.close()

"""One try of one deployment: admit, reserve, send, read, classify, settle exactly once.

Never raises for a failure: a fault is a value. Only a cancel from outside passes through, after everything is settled.
Settling is plain synchronous code, so no cancel can interrupt it (INV-3).

    admit -> reserve (journal) -> send -> head -> first content -> ... -> terminal marker
              |                    |       |        |                     |
              refused?             connect silent   stalled, truncated    settle: gates, journal, record
"""

from __future__ import annotations

import asyncio
from math import inf

from ..dialects.across import CrossReader
from ..dialects.base import NO_TERMS, StreamReader, Terms
from ..ledger.entry import Reserved, Settled
from ..ledger.losses import kept
from ..policies.base import Verdict
from ..types.attempt import Attempt
from ..types.failure import Failure, FailureKind
from ..types.money import NanoDollars
from ..types.response import Response
from ..types.usage import Usage
from ..types.wire import HttpResponse, packing
from .carriage import Carriage
from .charge import Charged, Evidence, charge
from .crossing import expected_input, headers_for
from .fitting import too_long
from .fleet import Member, Ticket
from .hold import Extent, extent_of, held_for
from .keeping import note
from .mishaps import BITES, LAST_MARK, LAST_WORD, PINGS_ONLY, SLOW_CLIENT, WIRE_KINDS, read_all, verdict_on
from .ports import ClientGone, Exchange, JournalFault, WireFault
from .reasoning import PREFILL, waiting
from .recovery import Recovery
from .relay import HeldRelay, Relay
from .run import Run
from .setting_aside import set_aside
from .watchdog import Watchdog

K = FailureKind
OK = Verdict.OK


class Trial:
    """One attempt under way; `failure` and `response` are set when it is over.

    Attributes:
        member: who is tried.
        sent: did a byte leave for the provider?
        made: did it pass our own gates?
        failure: why it failed, None where it did not.
        response: the whole answer, None for a stream and after a failure.
        read: the same in canonical form, where it is read already.
    """

    __slots__ = (
        "_carriage", "_clocks", "_exchange", "_handed", "_held", "_id", "_joint", "_provider_request", "_reader", "_run",
        "_settled", "_span", "_started", "_status", "_tariff", "_terms", "_ticket", "_ttft", "_usage", "_wall", "dog", "extent",
        "failure", "made", "member", "read", "response", "sent",
    )  # fmt: skip

    def __init__(self, run: Run, member: Member) -> None:
        clock = run.world.ports.clock
        self.member = member
        self.sent = False
        self.made = False
        self.failure: Failure | None = None
        self.response: HttpResponse | None = None
        self.read: Response | None = None
        self.dog: Watchdog
        self._run = run
        self._id = f"{run.request.id}.{len(run.attempts) + run.number}"
        self._started = clock.now()
        self._wall = clock.wall()
        self._tariff = member.tariff(self._wall)
        self._clocks = member.deployment.clocks or run.world.clocks
        self._ticket: Ticket
        self.extent: Extent
        self._held: NanoDollars | None = None
        self._carriage = Carriage(run, member)
        self._settled = False
        self._handed = False  # have the last frames of a stream gone to its caller?
        self._status = 0
        self._provider_request = ""
        self._exchange: Exchange | None = None
        self._reader: StreamReader | None = None
        self._usage: Usage | None = None
        self._terms: Terms = NO_TERMS
        self._ttft: float | None = None
        self._joint = ""
        self._span = 0.0

    # -- before ------------------------------------------------------------------------------------------------------

    def open(self, probe: bool) -> Failure | None:
        """Pass the gates and write the reservation; a Failure means that nothing may be sent."""
        run, member = self._run, self.member
        if run.recovery is not None and run.recovery.broke is not None and (unasked := self._aim(run, run.recovery)):
            return unasked
        carriage = self._carriage
        refusal = carriage.choose()
        if refusal is not None:
            return refusal
        request, raw = run.request, carriage.raw
        ports, window = run.world.ports, member.window
        if window and len(raw) > window and (unfit := too_long(member, request, raw)):
            return unfit
        self.extent = extent = extent_of(request, raw, member, carriage.limit)
        clocks, reasons = self._clocks, member.reasons
        span = clocks.first_content if request.stream else clocks.answer
        if reasons or extent.need.input >= PREFILL:
            span = waiting(span, clocks, reasons, raw, extent.need.input)
        self._span = span
        ticket = member.admit(self._started, extent.need, probe)
        if isinstance(ticket, Failure):
            return ticket
        self._ticket = ticket
        try:
            ports.journal.reserve(self._reservation())
        except JournalFault as fault:
            member.release(ticket, self._started)
            return Failure(K.INTERNAL, f"nothing was sent, because the ledger can't be written: {fault}")
        self.made = True
        return None

    def _aim(self, run: Run, recovery: Recovery) -> Failure | None:
        """Ask for what this deployment can go on with, where a stream has broken off."""
        asked = recovery.aim(self.member)
        self._joint = recovery.way
        if isinstance(asked, Failure):
            return asked
        run.ask(asked)
        self._carriage = Carriage(run, self.member)
        return None

    def _reservation(self) -> Reserved:
        run, deployment = self._run, self.member.deployment
        request, options = run.request, run.request.options
        extent = self.extent
        self._held = held_for(extent, self._carriage.raw, self.member, self._wall, self._tariff)
        return Reserved(
            self._id, request.id, self._wall, run.route, deployment.name, deployment.provider, deployment.model, request.dialect,
            options.key, options.task, options.user, options.tags, *extent.bounds, self._held,
            run.world.prices + self.member.own_prices, run.world.config,
        )  # fmt: skip

    # -- during ------------------------------------------------------------------------------------------------------

    async def whole(self) -> Failure | None:
        """Send, and read the whole answer."""
        member, run, carriage = self.member, self._run, self._carriage
        spoken = carriage.spoken
        self._watch(self._started + self._span, K.SILENT)
        self.sent = True
        response = await member.transport.send(carriage.http(self._id))
        self._status = response.status
        self._provider_request = carriage.heed(response.status, response.headers, self._started)
        if response.status != 200:
            return carriage.classify(response)
        outcome = (spoken.dialect.read_answer if run.request.is_read else spoken.dialect.read_outcome)(response.body)
        if outcome is None:
            return carriage.no_answer(response)
        self._usage, self._terms = outcome.usage, outcome.terms
        self.response = carriage.whole(response)
        if self.response is None:
            return carriage.no_answer(response)
        if carriage.crossing is None:
            self.read = outcome.response
            if run.request.is_kept:
                note(run.request, outcome.id, run.world, member.deployment)
        now = run.world.ports.clock.now()
        self._ttft = now - self._started
        run.ttft = now - run.started
        return None

    async def stream(self) -> Failure | None:
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
                return reader.failure
            if reader.committed:
                at = now()
                seen, grown_at = reader.output_bytes, at if reader.output_bytes != seen else grown_at
                ends_at = min(ends_at, at + (LAST_MARK if reader.usage_final else LAST_WORD)) if reader.ended else inf
                self._watch(min(at + clocks.idle, grown_at + PINGS_ONLY, ends_at), K.STALLED)

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

    # -- clocks ------------------------------------------------------------------------------------------------------

    def _watch(self, at: float, kind: FailureKind) -> None:
        deadline = self._run.deadline
        if at < deadline:
            self.dog.watch(at, kind)
        else:
            self.dog.watch(deadline, K.DEADLINE)

    def bite(self) -> Failure:
        """Say which clock ran out."""
        clocks, kind, run = self._clocks, self.dog.kind, self._run
        spans = {K.SILENT: self._span, K.STALLED: clocks.idle, K.CANCELLED: SLOW_CLIENT}
        return Failure(kind, BITES[kind].format(spans.get(kind, run.deadline - run.started)), self._status or None)

    # -- after -------------------------------------------------------------------------------------------------------

    def cut(self, failure: Failure) -> None:
        """A clock ran out. An answer booked as whole stays booked; its caller is told where its last frames were still here."""
        self.settle(failure)
        if not self._handed:
            self.failure = failure

    async def close(self) -> None:
        """Abort what of a stream is still open upstream."""
        if self._exchange is not None:
            await self._exchange.close()

    def settle(self, failure: Failure | None) -> None:
        """Hand back the ticket, book the money, write the record. Once: later calls change nothing."""
        if self._settled:
            return
        self._settled = True
        self.failure = failure
        member, ports = self.member, self._run.world.ports
        now = ports.clock.now()
        charged = self._charge(failure)
        member.settle(self._ticket, OK if failure is None else verdict_on(failure), charged.usage, now, ports.rng)
        latency, wall, lost = now - self._started, ports.clock.wall(), self._carriage.lost
        member.recent.add(now, failure, latency, self._ttft)
        if failure is None:
            member.credential.served(now, wall, self._ticket.is_probe)
            if member.cooling[0].is_missing:
                member.cooling[0].find()
        else:
            set_aside(member, failure, self._ticket.is_probe, ports, self._run.world.parking)
        ports.journal.settle(Settled(
            self._id, wall, "ok" if failure is None else failure.kind.value, self._status, latency, self._ttft,
            charged.usage, charged.source, charged.amount, self._provider_request, kept(lost) if lost else (),
        ))  # fmt: skip
        self._record(failure, latency, charged)

    def _charge(self, failure: Failure | None) -> Charged:
        response, usage, reader = self.response, self._usage, self._reader
        terms = self._terms if reader is None else reader.terms
        if terms:
            self._tariff = self.member.tariff(self._wall, terms)
        if failure is None and usage is not None:  # the usual end, said at once; `charge` says the same
            return Charged(usage, "provider", None if self._tariff is None else self._tariff.price(usage))
        evidence = Evidence(
            self._carriage.raw, self.extent.bounds, self._held, self._tariff, self.sent,
            reader is not None and reader.committed, self._usage, 0 if response is None else len(response.body), reader,
            self._counted(failure), self._run.guess,
        )  # fmt: skip
        return charge(failure, evidence)

    def _counted(self, failure: Failure | None) -> int | None:
        """Count what was embedded, for a provider who does not say it, as some never do; None where nobody asks for that."""
        if failure is not None or not self._run.request.inputs:
            return None
        reading = self._run.reading()
        return None if isinstance(reading, Failure) else expected_input(reading.prompt, self.member)

    def _record(self, failure: Failure | None, latency: float, charged: Charged) -> None:
        deployment = self.member.deployment
        self._run.attempts.append(Attempt(
            self._id, deployment.name, deployment.provider, deployment.model, self._wall, latency, self._ttft, failure,
            charged.usage, charged.source, charged.amount, self.sent, lost=self._carriage.lost, joint=self._joint,
        ))  # fmt: skip

    def refuse(self, failure: Failure) -> None:
        """Record an attempt that may not be made: nothing sent, nothing booked."""
        self.failure = failure
        deployment = self.member.deployment
        self._run.attempts.append(Attempt(
            self._id, deployment.name, deployment.provider, deployment.model, self._wall, failure=failure, sent=False, made=False,
            lost=self._carriage.lost, joint=self._joint,
        ))  # fmt: skip


async def attempt(run: Run, member: Member, probe: bool = False) -> Trial:
    """Try one deployment once. Raises only `CancelledError`, when the caller is gone, after settling."""
    trial = Trial(run, member)
    refusal = trial.open(probe) if run.turn is None else run.take_turn(trial.open)
    if refusal is not None:
        trial.refuse(refusal)
        return trial
    trial.dog = Watchdog(run.world.kennel, run.loop, run.task)
    try:
        trial.settle(await (trial.stream() if run.request.stream else trial.whole()))
    except asyncio.CancelledError:
        if not (trial.dog.bitten and trial.dog.calm()):
            trial.settle(Failure(K.CANCELLED, run.leaving))
            raise
        trial.cut(trial.bite())
    except WireFault as fault:
        trial.sent = fault.stage != "connect"
        trial.settle(Failure(WIRE_KINDS[fault.stage], f"{member.deployment.name}: {fault.detail}"))
    except ClientGone:
        trial.settle(Failure(K.CANCELLED, "the caller went away"))
    except Exception as error:
        trial.settle(Failure(K.INTERNAL, f"a fault of ours: {type(error).__name__}"))
        raise
    finally:
        trial.dog.stop()
        if run.request.stream:
            await trial.close()
    return trial if run.recovery is None else await _looked_at(run, run.recovery, trial)


async def _looked_at(run: Run, recovery: Recovery, trial: Trial) -> Trial:
    """See whether somebody may go on where a trial broke off; who only would not take a turn that was begun is asked in words."""
    if trial.failure is None or run.is_answered:
        return trial
    if run.committed:
        run.look(trial.failure)
    return await attempt(run, trial.member) if recovery.may_be_asked(trial.failure, trial.member) else trial

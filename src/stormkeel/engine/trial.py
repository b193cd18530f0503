"""What one try of one deployment is made of: its gates, its reservation, its clocks, its settlement; and an answer in one piece.

Never chooses anybody and never tries twice: `attempt.py` lets it run, `stream_trial.py` is the one whose answer is streamed.
Settling is plain synchronous code, so no cancel can interrupt it (INV-3).
"""

from __future__ import annotations

from ..dialects.base import StreamReader
from ..dialects.values import NO_TERMS, Terms
from ..ledger.entry import Reserved, Settled
from ..ledger.estimate import UNKNOWN_OUTPUT, UNKNOWN_WINDOW
from ..ledger.losses import kept
from ..policies.base import Verdict
from ..types.alert import Alert, AlertKind
from ..types.attempt import Attempt
from ..types.failure import Failure, FailureKind
from ..types.money import NanoDollars
from ..types.response import Response
from ..types.usage import Usage
from ..types.wire import HttpResponse
from .carriage import Carriage
from .charge import Charged, Evidence, charge, is_absurd
from .crossing import expected_input
from .fitting import too_long
from .fleet import Member, Ticket
from .hold import Extent, by_time, extent_of, held_for
from .keeping import note
from .mishaps import BITES, ENDED_THERE, SLOW_CLIENT, verdict_on
from .ports import Exchange, JournalFault
from .reasoning import PREFILL, waiting
from .recovery import Recovery
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
        "_carriage", "_claimed", "_clocks", "_exchange", "_handed", "_held", "_id", "_joint", "_provider_request", "_reader",
        "_run", "_settled", "_span", "_started", "_status", "_tariff", "_terms", "_ticket", "_ttft", "_usage", "_wall", "dog",
        "extent", "failure", "made", "member", "read", "response", "sent",
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
        self._claimed: Usage | None = None
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

    async def go(self) -> Failure | None:
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
            if member.alone.is_missing:
                member.alone.find()
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
        said, (most_in, most_out), doubted = usage if reader is None else reader.usage, self.extent.bounds, False
        if said is not None and (  # sums spelt out: a call each would be paid by every answer
            said.input + said.cache_read + said.cache_write + said.cache_write_long + said.audio_input > most_in
            or said.output + said.reasoning + said.audio_output > most_out
        ):
            doubted = self._doubt(said)
        elif failure is None and usage is not None:  # the usual end, said at once; `charge` says the same
            return Charged(usage, "provider", None if self._tariff is None else self._tariff.price(usage))
        evidence = Evidence(
            self._carriage.raw, self.extent.bounds, self._held, self._tariff, self.sent,
            reader is not None and reader.committed, self._usage, 0 if response is None else len(response.body), reader,
            self._counted(failure), self._run.guess,
            self._timed() if failure is not None and failure.kind in ENDED_THERE else None,
            doubted,
        )  # fmt: skip
        return charge(failure, evidence)

    def _doubt(self, said: Usage) -> bool:
        """Keep a report of more than can have been taken, and tell of it; says whether it can't be true at all."""
        self._claimed = said
        member, bounds, ports = self.member, self.extent.bounds, self._run.world.ports
        choices = self._run.request.choices
        largest = max(bounds[0], member.window or UNKNOWN_WINDOW), max(bounds[1], (member.max_output or UNKNOWN_OUTPUT) * choices)
        if not is_absurd(said, largest):
            return False
        text = (
            f"reported {said.total_input:,} input and {said.total_output:,} output tokens for a request that can have taken "
            f"{bounds[0]:,} and {bounds[1]:,}: not believed, booked as estimated ({self._id}); look at its bill"
        )
        ports.tell(Alert(AlertKind.USAGE_ABSURD, member.deployment.name, text, ports.clock.wall()))
        return True

    def _timed(self) -> tuple[tuple[int, int], NanoDollars | None]:
        """Say what an attempt that the provider ended can have taken by now at most, and what that costs."""
        spent = self._run.world.ports.clock.now() - self._started
        extent = by_time(self.extent, spent, self._run.request.choices)
        return extent.bounds, held_for(extent, self._carriage.raw, self.member, self._wall, self._tariff)

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
            claimed=self._claimed,
        ))  # fmt: skip

    def refuse(self, failure: Failure) -> None:
        """Record an attempt that may not be made: nothing sent, nothing booked."""
        self.failure = failure
        deployment = self.member.deployment
        self._run.attempts.append(Attempt(
            self._id, deployment.name, deployment.provider, deployment.model, self._wall, failure=failure, sent=False, made=False,
            lost=self._carriage.lost, joint=self._joint,
        ))  # fmt: skip

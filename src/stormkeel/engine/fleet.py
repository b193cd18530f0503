"""The live state of every deployment: its gates, its load, how long it is set aside.

Never chooses who is asked (that is `routing/`) and never sends: it is asked "may this attempt pass?" and told how it went.

The gates and their order are in `gates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..catalog.load import ModelFacts
from ..dialects.base import Codec
from ..dialects.values import NO_TERMS, Target, Terms
from ..ledger.pricing import Tariff
from ..policies.base import Dice, Need, Verdict
from ..policies.breaker import CLOSED
from ..policies.latency import PeakLatency
from ..providers.base import Caller
from ..routing.deployment import Deployment
from ..types.failure import Failure
from ..types.money import NanoDollars
from ..types.usage import Usage
from .credentials import Credential
from .gates import CREDENTIAL_PROBE, GATES, Gates, Health, rate_gate
from .learned import Learned
from .ports import Transport
from .quota import Alone
from .reasoning import reasons_by
from .recent import Recent

MINUTE = 60_000_000_000  # nanoseconds
TERMS_KEPT = 64  # kinds of terms priced in one minute; providers name a handful


class Ticket(list[int]):
    """A deployment's leave to try: what each of its gates must be told afterwards, in the order they were asked."""

    __slots__ = ()

    @property
    def is_probe(self) -> bool:
        """Is it the probe of a credential that was set aside? The gate that knows is the first, and never left out."""
        return self[0] == CREDENTIAL_PROBE


class Spoken(msgspec.Struct, frozen=True):
    """One wire format that a deployment speaks.

    Attributes:
        dialect: its codec.
        caller: makes its requests, at its address.
        is_narrow: may there be a prompt for which another one of the deployment's must be taken?
    """

    dialect: Codec
    caller: Caller
    is_narrow: bool = False


class Member:
    """One deployment of the fleet with its codecs, its callers' addresses, its facts and its gates.

    Attributes:
        spoken: the wire formats it speaks, by name, the one that others are translated to first.
        first: that one.
        reasons: when its model reasons.
        alone: what is said of its model with its quota group; the quota group itself where no other model counts in it.
        scopes: the breakers of what it shares with others: its region, its credential.
        health, health_place: the gate of its breakers, and where its part of a ticket is.
        own_prices: what is added to the id of the price snapshot where the configuration prices it, "" where the catalog does.
    """

    __slots__ = (
        "__weakref__",
        "_asked",
        "_asks",
        "_priced_until",
        "_settles",
        "_standard",
        "_tariffs",
        "alone",
        "bills",
        "breaker",
        "concurrency",
        "cooling",
        "credential",
        "deployment",
        "facts",
        "first",
        "gates",
        "health",
        "health_place",
        "in_flight",
        "index",
        "learned",
        "max_output",
        "own_prices",
        "pace",
        "rate",
        "reasons",
        "recent",
        "scopes",
        "spoken",
        "target",
        "transport",
        "window",
    )

    def __init__(self, deployment: Deployment, spoken: Sequence[Spoken], known: Knowledge, gates: Gates) -> None:
        facts = known.facts
        self.deployment = deployment
        self.index = deployment.index
        self.spoken: Mapping[str, Spoken] = {one.dialect.name: one for one in spoken}
        self.first = spoken[0]
        self.facts = facts
        self.target = known.target
        self.reasons = reasons_by(known.target.abilities)
        self.window = None if facts is None else facts.window
        self.max_output = None if facts is None else facts.max_output
        self.own_prices = "" if facts is None else facts.own
        self.cooling = gates.cooling
        self.alone: Alone = gates.alone or gates.cooling[0]
        self.credential = gates.cooling[1]
        self.concurrency = gates.concurrency
        self.rate = gates.rate
        self.breaker = gates.breaker
        self.scopes = gates.circle.scopes
        self.gates = tuple((name, make(gates)) for name, make in GATES)
        self.bills = self.first.caller.provider.vendor.asks_usage
        self.transport: Transport  # how it is reached
        self.in_flight = 0
        self.learned: Learned | None = None  # what answers tell of its limits, where that counts
        self.recent = Recent()
        self.pace: PeakLatency | None = None  # the estimate that its attempts feed, where anybody asks for it
        there = [gate for _, gate in self.gates if gate is not None]
        self._asked = tuple(there)
        self.health, self.health_place = next((one, place) for place, one in enumerate(there) if isinstance(one, Health))
        self._asks = tuple(gate.ask for gate in there)
        self._settles = tuple((place, gate.settle) for place, gate in reversed(list(enumerate(there))) if gate.holds)
        self._standard: Tariff | None = None
        self._tariffs: dict[tuple[tuple[str, str], ...], Tariff | None] = {}
        self._priced_until = 0

    def arm(self) -> None:
        """Count by its quota group's rates as well: nobody set any, the provider told them. Asked last: tickets out there fit."""
        gate = rate_gate(self.cooling[0])
        self.rate = self.cooling[0].rate
        self._settles = ((len(self._asked), gate.settle), *self._settles)
        self._asked, self._asks = (*self._asked, gate), (*self._asks, gate.ask)
        self.gates = tuple((name, gate if name == "rate" else one) for name, one in self.gates)

    def admit(self, now: float, need: Need, probe: bool = False) -> Ticket | Failure:
        """Ask each gate in order; the first no undoes the yeses before it.

        Args:
            now: monotonic seconds.
            need: the tokens the attempt is expected to take.
            probe: the last candidate left: an open breaker lets a rare probe through.
        """
        ticket = Ticket()
        for ask in self._asks:
            leave = ask(now, need, probe)
            if type(leave) is not int:
                self._undo(ticket, now)
                return leave  # type: ignore[return-value]  # no int: a Failure
            ticket.append(leave)
        self.in_flight += 1
        return ticket

    def settle(self, ticket: Ticket, verdict: Verdict, used: Usage, now: float, rng: Dice) -> None:
        """Hand a ticket back, once: the true tokens, and what the attempt says about health."""
        self.in_flight -= 1
        settles = self._settles if len(ticket) == len(self._asked) else self._settles[1:]  # given before it was armed
        for place, settle in settles:
            settle(ticket[place], verdict, used, now, rng)

    def release(self, ticket: Ticket, now: float) -> None:
        """Undo an admission of which nothing was sent."""
        self.in_flight -= 1
        self._undo(ticket, now)

    def _undo(self, ticket: Ticket, now: float) -> None:
        for gate, leave in zip(reversed(self._asked[: len(ticket)]), reversed(ticket), strict=True):
            gate.release(leave, now)

    def tariff(self, wall: int, terms: Terms = NO_TERMS) -> Tariff | None:
        """Return the prices at a moment (nanoseconds since the epoch) on some terms, None where unknown; kept for a minute."""
        if wall >= self._priced_until:
            self._priced_until = wall - wall % MINUTE + MINUTE
            self._tariffs.clear()
            self._standard = self._tariff_on(wall, NO_TERMS)
        if not terms:
            return self._standard
        key = tuple(sorted(terms.items()))
        if key not in self._tariffs and len(self._tariffs) < TERMS_KEPT:
            self._tariffs[key] = self._tariff_on(wall, terms)
        return self._tariffs.get(key)

    def _tariff_on(self, wall: int, terms: Terms) -> Tariff | None:
        rates = None if self.facts is None else self.facts.rates(wall, terms)
        return None if rates is None else Tariff(rates)

    def dearest(self, wall: int, bounds: tuple[int, int]) -> NanoDollars | None:
        """Return the most that tokens within these bounds can cost on any terms, None where the price is unknown."""
        offered = [NO_TERMS, *(variant.context for variant in self.facts.sheet.variants)] if self.facts else [NO_TERMS]
        amounts = [tariff.bound(*bounds) for terms in offered if (tariff := self.tariff(wall, terms)) is not None]
        return max((amount for amount in amounts if amount is not None), default=None)


class Knowledge(msgspec.Struct, frozen=True):
    """What is known of a deployment's model: whom a prompt is written for, and its price and window, None where unknown."""

    target: Target
    facts: ModelFacts | None = None


class Fleet:
    """Every deployment by its index, and what routing may see of them (`routing.strategies.FleetView`).

    Attributes:
        members: the deployments.
        credentials: the providers' credentials by (provider, credential), used by a deployment yet or not.
    """

    __slots__ = ("credentials", "members", "now")

    def __init__(self, members: Sequence[Member], credentials: dict[tuple[str, str], Credential] | None = None) -> None:
        self.members = list(members)
        self.credentials = credentials or {}
        self.now = 0.0  # the moment of the view; set by whoever is about to look

    def load(self, index: int) -> float:
        """How busy a deployment is: attempts in flight."""
        return self.members[index].in_flight

    def is_ready(self, index: int) -> bool:
        """Would the gates that are about health let an attempt pass?"""
        member, now = self.members[index], self.now
        for cooling in member.cooling:
            if cooling.until > now and not cooling.is_due(now):
                return False
        if member.alone.until > self.now:
            return False
        for scope in member.scopes:
            if scope.state is not CLOSED and not scope.is_ready(now):
                return False
        breaker = member.breaker
        return breaker.state is CLOSED or breaker.is_ready(now)

"""The live state of every deployment: its gates, its load, how long it is set aside.

Never chooses who is asked (that is `routing/`) and never sends: it is asked "may this attempt pass?" and told how it went.

Gates are asked in this order and settled in reverse:

    cooling (quota group, credential)  ->  concurrency  ->  rate  ->  breaker
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..catalog.load import ModelFacts
from ..dialects.base import NO_TERMS, Dialect, Terms
from ..ledger.pricing import Tariff
from ..policies.base import Dice, Verdict
from ..policies.breaker import Breaker
from ..policies.concurrency import ConcurrencyGate
from ..policies.rate import RateGate
from ..providers.base import Caller
from ..routing.deployment import Deployment
from ..types.failure import Failure
from ..types.money import NanoDollars
from .cooling import Cooling
from .credentials import Credential

MINUTE = 60_000_000_000  # nanoseconds
TERMS_KEPT = 64  # kinds of terms priced in one minute; providers name a handful
LATENCY_WEIGHT = 0.2  # of the newest latency in the moving average shown to people


class Ticket:
    """A deployment's leave to try, with what each gate must be told afterwards.

    Attributes:
        rate, breaker: those gates' own tickets.
        is_probe: is it the probe of a credential that was set aside?
    """

    __slots__ = ("breaker", "is_probe", "rate")

    def __init__(self, rate: int, breaker: int, is_probe: bool) -> None:
        self.rate = rate
        self.breaker = breaker
        self.is_probe = is_probe


class Member:
    """One deployment of the fleet with its codec, its caller's address, its facts and its gates."""

    __slots__ = (
        "_priced_until",
        "_standard", "_tariffs",
        "bills",
        "breaker",
        "caller",
        "concurrency",
        "cooling",
        "credential",
        "deployment",
        "dialect",
        "facts",
        "in_flight",
        "index",
        "latency",
        "max_output",
        "rate",
        "window",
    )

    def __init__(self, deployment: Deployment, dialect: Dialect, caller: Caller, facts: ModelFacts | None, gates: Gates) -> None:
        self.deployment = deployment
        self.index = deployment.index
        self.dialect = dialect
        self.caller = caller
        self.facts = facts
        self.window = None if facts is None else facts.window
        self.max_output = None if facts is None else facts.max_output
        self.cooling = gates.cooling
        self.credential = gates.cooling[1]
        self.concurrency = gates.concurrency
        self.rate = gates.rate
        self.breaker = gates.breaker
        self.bills = caller.provider.vendor.asks_usage
        self.in_flight = 0
        self.latency: float | None = None
        self._standard: Tariff | None = None
        self._tariffs: dict[tuple[tuple[str, str], ...], Tariff | None] = {}
        self._priced_until = 0

    def admit(self, now: float, tokens: int, probe: bool = False) -> Ticket | Failure:
        """Ask each gate in order; the first no undoes the yeses before it.

        Args:
            now: monotonic seconds.
            tokens: the tokens the attempt is expected to cost.
            probe: the last candidate left: an open breaker lets a rare probe through.
        """
        is_probe = False
        for cooling in self.cooling:
            if cooling.until > now:
                refusal = cooling.refuse(now)
                if refusal is not None:
                    return refusal
                is_probe = True
        ticket = self._admit(now, tokens, probe, is_probe)
        if is_probe and isinstance(ticket, Failure):
            self.credential.quarantine.give_back(now)
        return ticket

    def _admit(self, now: float, tokens: int, probe: bool, is_probe: bool) -> Ticket | Failure:
        debited = self._admit_load(now, tokens)
        if isinstance(debited, Failure):
            return debited
        leave = self.breaker.admit_probe(now) if probe else self.breaker.admit(now)
        if isinstance(leave, Failure):
            self._release_load(debited, now)
            return leave
        self.in_flight += 1
        return Ticket(debited, leave, is_probe)

    def _admit_load(self, now: float, tokens: int) -> int | Failure:
        """Ask the gates about load; returns the rate gate's ticket, 0 where there is no such gate."""
        concurrency, rate = self.concurrency, self.rate
        if concurrency is not None and (refusal := concurrency.admit()) is not None:
            return refusal
        if rate is None:
            return 0
        debited = rate.admit(now, tokens)
        if isinstance(debited, Failure) and concurrency is not None:
            concurrency.settle()
        return debited

    def _release_load(self, debited: int, now: float) -> None:
        if self.rate is not None:
            self.rate.release(debited, now)
        if self.concurrency is not None:
            self.concurrency.settle()

    def settle(self, ticket: Ticket, verdict: Verdict, used: int, now: float, rng: Dice) -> None:
        """Hand a ticket back, once: the true tokens, and what the attempt says about health."""
        self.in_flight -= 1
        self.breaker.settle(ticket.breaker, verdict, now, rng)
        if self.rate is not None:
            self.rate.settle(ticket.rate, used, now)
        if self.concurrency is not None:
            self.concurrency.settle()

    def release(self, ticket: Ticket, now: float, rng: Dice) -> None:
        """Undo an admission of which nothing was sent."""
        self.in_flight -= 1
        self.breaker.settle(ticket.breaker, Verdict.IGNORED, now, rng)
        self._release_load(ticket.rate, now)
        if ticket.is_probe:
            self.credential.quarantine.give_back(now)

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

    def took(self, latency: float) -> None:
        """Note the latency of a good attempt, in seconds."""
        known = self.latency
        self.latency = latency if known is None else known + LATENCY_WEIGHT * (latency - known)


class Gates(msgspec.Struct, frozen=True):
    """The gates of one deployment; `cooling` (its quota group, its credential) is shared by all members of either."""

    cooling: tuple[Cooling, Credential]
    breaker: Breaker
    rate: RateGate | None = None
    concurrency: ConcurrencyGate | None = None


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
        member = self.members[index]
        for cooling in member.cooling:
            if cooling.until > self.now and not cooling.is_due(self.now):
                return False
        return member.breaker.is_ready(self.now)

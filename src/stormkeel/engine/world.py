"""The world of one configuration: everything a request may need, built once by `assemble.py`.

Never changes once built: a new configuration is a new world, and a request lives in one to its end (INV-30).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..dialects.base import Codec
from ..dialects.counting import Counting
from ..ledger.calibration import Calibration
from ..policies.base import Dice
from ..policies.deadline import ClockSettings
from ..policies.parking import ParkingSettings
from ..policies.queue import QueueSettings
from ..policies.retry import RetryBudget, RetrySettings
from ..routing.route import Route
from ..types.alert import Tell, tell_nobody
from ..types.border import Border
from ..types.failure import Failure
from ..types.request import Request
from .fleet import Fleet, Member
from .hedging import Hedging
from .makers import Makers
from .ports import Clock, Journal, Sink, Transport
from .watchdog import Kennel


class Ports:
    """The ways out of the engine."""

    __slots__ = ("clock", "journal", "rng", "sinks", "tell", "transport")

    def __init__(
        self, transport: Transport, clock: Clock, journal: Journal, rng: Dice, sinks: Sequence[Sink], tell: Tell = tell_nobody
    ) -> None:
        self.transport = transport
        self.clock = clock
        self.journal = journal
        self.rng = rng
        self.sinks = tuple(sinks)
        self.tell = tell  # of what somebody should look at


class World:
    """What one configuration built.

    Attributes:
        resolve: finds the route of a request's model, or says why there is none.
        clocks, retry, parking, queue: the policies' settings.
        budgets: the retry budget of each provider, by name.
        prices: the id of the price snapshot, kept with every ledger row; a deployment's own prices add their mark.
        config: the version of the configuration, likewise (INV-30).
        kennel: the watchdogs of the attempts under way.
        makers: who made the answers that providers keep; the house's, over reloads.
        hedging: what is learned and spent by hedging; the house's, over reloads.
        turn: a counter for round robin.
        active: requests under way.
        dialects: every dialect a client may speak, by name.
        counting: how tokens are counted in those dialects that have a count, by name.
        terms: what callers' keys say of their turns, by the key's name; of those that say anything.
        borders: where callers' keys may go, by the key's name; of those that may not go everywhere.
        tags: what each account (provider, credential) is tagged with, whatever model is asked.
        calibration: what is known of how far our estimates of a prompt's tokens are off.
    """

    __slots__ = (
        "__weakref__",
        "active",
        "borders",
        "budgets",
        "calibration",
        "clocks",
        "config",
        "counting",
        "dialects",
        "fleet",
        "hedging",
        "kennel",
        "makers",
        "parking",
        "ports",
        "prices",
        "queue",
        "resolve",
        "retry",
        "tags",
        "terms",
        "turn",
    )  # fmt: skip

    def __init__(
        self, fleet: Fleet, ports: Ports, resolve: Callable[[Request], Route | Failure], policies: Policies, known: Known
    ) -> None:
        self.fleet = fleet
        self.ports = ports
        self.resolve = resolve
        self.clocks = policies.clocks
        self.retry = policies.retry
        self.parking = policies.parking
        self.queue = policies.queue
        self.budgets = policies.budgets
        self.prices = known.prices
        self.dialects = known.dialects
        self.counting = known.counting
        self.calibration = Calibration()
        self.borders: Mapping[str, Border] = {}
        self.terms: Mapping[str, Terms] = {}
        self.tags: Mapping[tuple[str, str], tuple[str, ...]] = {}
        self.config = ""
        self.kennel = Kennel()
        self.makers = Makers()
        self.hedging = Hedging()
        self.turn = 0
        self.active = 0

    def reward(self, member: Member, paid: int) -> None:
        """A request succeeded: its provider's retry budget gets back what its last retry paid."""
        self.budgets[member.deployment.provider].refund(paid)


class Known(msgspec.Struct, frozen=True):
    """What comes with the package rather than the configuration.

    Attributes:
        dialects: by name.
        prices: the id of the price snapshot.
        counting: how tokens are counted, by the name of the dialect.
    """

    dialects: Mapping[str, Codec]
    prices: str
    counting: Mapping[str, Counting]


class Terms(msgspec.Struct, frozen=True):
    """What a caller's key says of its owner's turns at full limits: seconds they are worth, and the most priority; or None."""

    queue_wait: float | None
    priority: int | None


class Policies:
    """The policies that belong to no single deployment."""

    __slots__ = ("budgets", "clocks", "parking", "queue", "retry")

    def __init__(
        self, clocks: ClockSettings, retry: RetrySettings, parking: ParkingSettings, budgets: dict[str, RetryBudget],
        queue: QueueSettings,
    ) -> None:  # fmt: skip
        self.clocks = clocks
        self.retry = retry
        self.parking = parking
        self.budgets = budgets
        self.queue = queue

"""What routing is told of one request, and from where a walk over a route is begun.

Never finds out what nobody asks for: a key, a price or a latency is worked out when a strategy wants it, and a route whose
choice needs none of them (`Route.is_plain`) is walked without this.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dialects.opening import key_of, opening
from ..ledger.estimate import input_estimate
from ..policies.base import Dice
from ..routing.plan import InformedWalk, Walk
from ..routing.route import Route
from ..routing.sticky import StickyName
from ..routing.strategies import FleetView
from ..types.money import NanoDollars
from ..types.request import Request
from ..types.usage import Usage
from .fleet import Member
from .ports import Clock
from .world import World

USUAL_OUTPUT = 1000
"""Output tokens by which prices are compared where a request sets no limit: about a long answer."""


class Outlook:
    """One request, with the fleet in mind (`routing.informed.Outlook`).

    Attributes:
        expected: input and output tokens that prices are compared by: about the input, and the output that is asked for.
    """

    __slots__ = ("_clock", "_key", "_members", "_request", "_sticky", "expected")

    def __init__(self, request: Request, sticky: StickyName, members: Sequence[Member], clock: Clock) -> None:
        self._request = request
        self._sticky = sticky
        self._members = members
        self._clock = clock
        self._key: bytes | None = None
        output = 0 if request.inputs else request.max_output or USUAL_OUTPUT
        self.expected = input_estimate(request.raw), output

    @property
    def key(self) -> bytes:
        """What the request sticks by, b"" where it sticks by nothing."""
        if self._key is None:
            self._key = sticky_key(self._request, self._sticky)
        return self._key

    def latency(self, index: int) -> float | None:
        """Seconds to the first content as of late, None where nobody knows."""
        member = self._members[index]
        return None if member.pace is None else member.pace.estimate(self._clock.now(), member.in_flight > 0)

    def price(self, index: int) -> NanoDollars | None:
        """About what the request costs there on standard terms, None where nobody knows."""
        member, (tokens, output) = self._members[index], self.expected
        tariff = member.tariff(self._clock.wall())
        if member.max_output:
            output = min(output, member.max_output)
        return None if tariff is None else tariff.price(Usage(input=tokens, output=output * self._request.choices))


def sticky_key(request: Request, sticky: StickyName) -> bytes:
    """Return what a request sticks by, b"" where it sticks by nothing."""
    options = request.options
    if sticky == "off" or request.inputs:
        return b""
    if sticky == "user":
        return key_of(str(options.user or options.key).encode())
    if sticky == "conversation" and options.session:
        return key_of(str(options.session).encode())  # the library takes whatever names a conversation
    return opening(request.raw, sticky)


class Sight:
    """From where walks are begun: who is there, what may be seen of them, and by which turn and dice one is chosen."""

    __slots__ = ("_clock", "_members", "_rng", "_turn", "_view")

    def __init__(self, view: FleetView, members: Sequence[Member], chance: tuple[int, Dice], clock: Clock) -> None:
        self._view = view
        self._members = members
        self._turn, self._rng = chance
        self._clock = clock

    def walk(self, route: Route, request: Request) -> Walk:
        """Return the walk of a request over a route."""
        if route.is_plain:
            return Walk(route, self._view, self._turn, self._rng)
        return InformedWalk(route, self._view, self._turn, self._rng, self.outlook(route, request))

    def outlook(self, route: Route, request: Request) -> Outlook:
        """Return what is to be known of a request on a route."""
        return Outlook(request, route.sticky, self._members, self._clock)


def sight_of(world: World) -> Sight:
    """Return the present sight of a world."""
    return Sight(world.fleet, world.fleet.members, (world.turn, world.ports.rng), world.ports.clock)

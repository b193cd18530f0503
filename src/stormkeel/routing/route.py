"""Route: a public model name and the ordered groups of deployments behind it.

Never changes once built, and knows nothing of which deployment is well today.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..policies.commit import FIRST, bytes_held
from ..policies.hedge import HedgeSettings
from ..policies.recovery import RecoveryName
from ..types.border import NO_BORDER, Border
from ..types.money import NanoDollars
from .deployment import Deployment
from .informed import INFORMED
from .sticky import StickyName
from .strategies import STRATEGIES, StrategyName


class Group(msgspec.Struct, frozen=True):
    """Deployments that serve equally well; the strategy says how traffic is spread over them."""

    deployments: tuple[Deployment, ...]
    strategy: StrategyName = "weighted"

    def __post_init__(self) -> None:
        if not self.deployments:
            raise ValueError("a group has no deployment: name at least one, or leave the group out")
        if self.strategy not in STRATEGIES and self.strategy not in INFORMED:
            raise ValueError(f'`strategy` is "{self.strategy}": give one of {", ".join((*STRATEGIES, *INFORMED))}')


class Detour(msgspec.Struct, frozen=True):
    """Where a request goes on after one kind of failure.

    Attributes:
        groups: who is asked first, in their order.
        goes_on: is what is left of the route asked after them?
        most: nano-dollars; nobody is asked whom the request would cost more, None for no limit.
    """

    groups: tuple[Group, ...] = ()
    goes_on: bool = False
    most: NanoDollars | None = None


ONWARDS = Detour(goes_on=True)
NOWHERE = Detour()


class LastResort(msgspec.Struct, frozen=True):
    """What is tried when nobody is left for a request that is too long or was refused.

    Attributes:
        groups: who is asked, () for the route's own, the largest windows first.
        trim: are the oldest turns left out?
        system: takes the place of the instructions, None leaves them.
        prompt: takes the place of the conversation, None leaves it.
    """

    groups: tuple[Group, ...] = ()
    trim: bool = False
    system: str | None = None
    prompt: str | None = None


class Route(msgspec.Struct, frozen=True):
    """What a public model name stands for.

    Attributes:
        name: how it is asked for.
        groups: in the order of preference.
        strict: is a deployment passed over that can't be told everything a request says?
        sticky: by what requests keep to one deployment of a group.
        commit: how much of a streamed answer must be here before the client is sent any of it (`policies/commit.py`).
        recovery: what becomes of a stream that breaks off behind that point (`policies/recovery.py`).
        border: what its deployments must have; whoever has not is in `outside`, and in no group.
        outside: who is named in it and no candidate, whatever fails.
        too_long: where a request goes on that was too long for somebody; never to an equal or smaller window.
        refused: where one goes on that somebody's filter refused.
        last: what is tried when nobody is left, None for nothing.
        queue_wait: seconds that its requests wait for their turns at full limits, None for the usual.
        priority: how much of a full limit's room they get, None for the usual.
        hedge: when a second attempt is made beside a slow one, None for never.
        is_plain: is a deployment chosen without a look at the request? Found, not given.
        held: the bytes of content that `commit` stands for. Found, not given.
    """

    name: str
    groups: tuple[Group, ...]
    strict: bool = False
    sticky: StickyName = "off"
    commit: str = FIRST
    recovery: RecoveryName = "error"
    border: Border = NO_BORDER
    outside: tuple[Deployment, ...] = ()
    too_long: Detour = ONWARDS
    refused: Detour = NOWHERE
    last: LastResort | None = None
    queue_wait: float | None = None
    priority: int | None = None
    hedge: HedgeSettings | None = None
    is_plain: bool = True
    held: float = 0.0

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError(f'route "{self.name}" has no group: give it at least one deployment')
        plain = self.sticky == "off" and all(group.strategy in STRATEGIES for group in self.groups)
        msgspec.structs.force_setattr(self, "is_plain", plain)
        msgspec.structs.force_setattr(self, "held", bytes_held(self.commit))

    @property
    def everybody(self) -> tuple[Deployment, ...]:
        """Every deployment that a request may come to, those among them that only a failure leads to."""
        aside = (*self.too_long.groups, *self.refused.groups, *(() if self.last is None else self.last.groups))
        return (*self.deployments, *(deployment for group in aside for deployment in group.deployments))

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Every deployment of the route, in the order of its groups; one that stands in two groups is there twice."""
        return tuple(deployment for group in self.groups for deployment in group.deployments)

    def only(self, holds: Callable[[Deployment], bool]) -> Route | None:
        """Return the route with those deployments alone for which something holds, None where it holds for none."""
        left = _only(self.groups, holds)
        if not left:
            return None
        too_long, refused = (
            msgspec.structs.replace(one, groups=_only(one.groups, holds)) if one.groups else one
            for one in (self.too_long, self.refused)
        )
        return msgspec.structs.replace(self, groups=left, too_long=too_long, refused=refused, last=_last_of(self.last, holds))


def _only(groups: tuple[Group, ...], holds: Callable[[Deployment], bool]) -> tuple[Group, ...]:
    left = [(group, tuple(one for one in group.deployments if holds(one))) for group in groups]
    return tuple(Group(deployments, group.strategy) for group, deployments in left if deployments)


def _last_of(last: LastResort | None, holds: Callable[[Deployment], bool]) -> LastResort | None:
    """A last resort that named somebody, none of whom is left, is none; one that named nobody is the route's own."""
    if last is None or not last.groups:
        return last
    groups = _only(last.groups, holds)
    return msgspec.structs.replace(last, groups=groups) if groups else None

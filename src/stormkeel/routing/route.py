"""Route: a public model name and the ordered groups of deployments behind it.

Never changes once built, and knows nothing of which deployment is well today.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..policies.commit import FIRST, bytes_held
from ..types.border import NO_BORDER, Border
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


class Route(msgspec.Struct, frozen=True):
    """What a public model name stands for.

    Attributes:
        name: how it is asked for.
        groups: in the order of preference.
        strict: is a deployment passed over that can't be told everything a request says?
        sticky: by what requests keep to one deployment of a group.
        commit: how much of a streamed answer must be here before the client is sent any of it (`policies/commit.py`).
        border: what its deployments must have; whoever has not is in `outside`, and in no group.
        outside: who is named in it and no candidate, whatever fails.
        is_plain: is a deployment chosen without a look at the request? Found, not given.
        held: the bytes of content that `commit` stands for. Found, not given.
    """

    name: str
    groups: tuple[Group, ...]
    strict: bool = False
    sticky: StickyName = "off"
    commit: str = FIRST
    border: Border = NO_BORDER
    outside: tuple[Deployment, ...] = ()
    is_plain: bool = True
    held: float = 0.0

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError(f'route "{self.name}" has no group: give it at least one deployment')
        plain = self.sticky == "off" and all(group.strategy in STRATEGIES for group in self.groups)
        msgspec.structs.force_setattr(self, "is_plain", plain)
        msgspec.structs.force_setattr(self, "held", bytes_held(self.commit))

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """Every deployment of the route, in the order of its groups; one that stands in two groups is there twice."""
        return tuple(deployment for group in self.groups for deployment in group.deployments)

    def only(self, holds: Callable[[Deployment], bool]) -> Route | None:
        """Return the route with those deployments alone for which something holds, None where it holds for none."""
        groups = [(group, tuple(one for one in group.deployments if holds(one))) for group in self.groups]
        left = tuple(Group(deployments, group.strategy) for group, deployments in groups if deployments)
        return msgspec.structs.replace(self, groups=left) if left else None

"""How long a credential or a quota group is set aside after a failure that no retry mends.

Never sets anybody aside itself: the fleet does (`engine.fleet.Cooling`). Rules by docs/reliability.md, Failures.
"""

from __future__ import annotations

import msgspec

from .base import within


class ParkingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long, in seconds.

    Attributes:
        credential: after a 401 or 403, until a first probe: nobody asks with a dead credential, but a mended one is found out.
            Doubles with each probe that is refused too.
        credential_cap: beyond which it doesn't double.
        quota: after "no money left" or a spent quota.
        model: a deployment whose provider has no such model (any more), where the route has another one; 0 for not at all.
    """

    credential: float = 60.0
    credential_cap: float = 900.0
    quota: float = 300.0
    model: float = 300.0

    def __post_init__(self) -> None:
        within("credential", self.credential, 0.0, 86_400.0, "seconds")
        within("credential_cap", self.credential_cap, 0.0, 604_800.0, "seconds")
        within("quota", self.quota, 0.0, 2_678_400.0, "seconds")
        within("model", self.model, 0.0, 2_678_400.0, "seconds")

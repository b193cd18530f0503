"""Settings of what a gateway does by itself: reading its configuration again, asking providers for their health.

Never says how: the gateway does.
"""

from __future__ import annotations

import msgspec

from ..policies.base import within


class ReloadSettings(msgspec.Struct, frozen=True):
    """When a gateway reads its configuration again; SIGHUP always makes it.

    Attributes:
        watch: also where a file that it was read from has changed.
        interval: seconds between two looks at the files; a change counts once it has held still from one look to the next.
    """

    watch: bool = True
    interval: float = 1.0

    def __post_init__(self) -> None:
        within("interval", self.interval, 0.05, 3600.0, "seconds")


class ProbeSettings(msgspec.Struct, frozen=True):
    """How a gateway asks its providers for their health by itself: for their list of models, which costs nothing.

    Attributes:
        interval: seconds between two probes with each credential, never less than 1; 0 asks never.
        timeout: seconds for one.
    """

    interval: float = 0.0
    timeout: float = 5.0

    def __post_init__(self) -> None:
        within("interval", self.interval, 0.0, 86_400.0, "seconds")
        within("timeout", self.timeout, 0.01, 600.0, "seconds")

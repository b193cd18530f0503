"""What of a body no other dialect would be told, by its paths (`Lost`), and what of a prompt one is not told, by name (`Losses`).

Never looks at the body again: each loss says where it stands, so that many of them cost no more than their number.
"""

from __future__ import annotations

Order = tuple[int, ...]
"""Where a field stands in a body: its place in each object and list on the way to it."""


class Lost:
    """The paths of what is lost, however the reading went, in the body's order."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[tuple[Order, str]] = []

    def add(self, order: Order, path: str) -> None:
        """Note one."""
        self._found.append((order, path))

    def told(self) -> tuple[str, ...]:
        """Return each once."""
        return tuple(dict.fromkeys(path for _, path in sorted(self._found)))


class Losses:
    """What a prompt says and this dialect or model is not told: each name once, in the order it was met."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, *names: str) -> None:
        """Note names."""
        self._names.update(dict.fromkeys(names))

    def told(self) -> tuple[str, ...]:
        """Return them."""
        return tuple(self._names)

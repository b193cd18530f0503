"""Who has most of something, among many whose amounts change all the time.

Never looks at all of them: a heap holds every amount that anybody has had of late, and what is out of date is thrown away when it
comes to the top, or when there is more of it than of what holds.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

SPARE = 64  # entries out of date that are always borne


class Most:
    """Amounts by name. Who has none is not in it; of equals the one comes first who has had something for longer."""

    __slots__ = ("_amounts", "_heap", "_next")

    def __init__(self) -> None:
        self._amounts: dict[str, tuple[int, int]] = {}  # how much, and since which turn there was any
        self._heap: list[tuple[int, int, str]] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._amounts)

    def __contains__(self, name: str) -> bool:
        return name in self._amounts

    def add(self, name: str, amount: int) -> None:
        """Let somebody have so much more, or less."""
        had, since = self._amounts.get(name, (0, self._next))
        self._next += 1
        if had + amount <= 0:
            self._amounts.pop(name, None)
            return
        self._amounts[name] = had + amount, since
        heappush(self._heap, (-had - amount, since, name))
        if len(self._heap) > SPARE + 2 * len(self._amounts):
            self._heap = [(-much, since, name) for name, (much, since) in self._amounts.items()]
            heapify(self._heap)

    def first(self) -> str | None:
        """Return who has most, None where nobody has anything."""
        while self._heap:
            much, since, name = self._heap[0]
            if self._amounts.get(name) == (-much, since):
                return name
            heappop(self._heap)
        return None

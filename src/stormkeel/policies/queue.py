"""Who is next at a full limit: fair shares among callers by expected tokens, more of them for a higher priority.

Never waits and never wakes anybody: `engine/waiting.py` does. Start-time fair queueing, which shares as deficit round robin does,
without its rounds (docs/reliability.md, Queues):

    a caller's requests of one priority are a flow, first in, first out
    tag = max(the tag that was served last, where the flow's last request ended);  the flow ends at tag + tokens / weight
    the smallest tag is next, of equal ones the heaviest, then who came first

A caller's flows together weigh as much as the heaviest of them that waits: many priorities make no larger share than one.
So nobody starves: whoever waits is overtaken by a flow for as many tokens as its weight allows, and one request, and no more. A
full queue lets the newest request of who has most there go, so that one caller's flood is its own loss.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Generic, Protocol, TypeVar

import msgspec

from .base import within
from .most import Most

NAMED = {"high": 5, "normal": 0, "low": -5}
LOWEST, HIGHEST = -10, 10
NORMAL_WEIGHT = 16
UNIT = 4 * NORMAL_WEIGHT * NORMAL_WEIGHT
MIB = 1 << 20
_NUMBER = re.compile(r"[+-]?[0-9]{1,2}")


class QueueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How requests wait at full limits.

    Attributes:
        wait: seconds a request waits at most, where neither it, its key nor its route says otherwise. One that brings a deadline
            of its own waits until then.
        most: requests that may wait at one quota group and model.
        bytes: the size of their bodies together.
    """

    wait: float = 0.25
    most: int = 2000
    bytes: int = 256 * MIB

    def __post_init__(self) -> None:
        within("wait", self.wait, 0.0, 86_400.0, "seconds")
        within("most", self.most, 0, 1_000_000, "requests")
        within("bytes", self.bytes, 0, 1024 * MIB, "bytes")


def priority_of(text: str) -> int | None:
    """Read a priority: "high", "normal", "low", or a whole number from -10 to 10, the higher the sooner; None where it is none.

    >>> priority_of("high"), priority_of("-3"), priority_of("soon")
    (5, -3, None)
    """
    said = text.strip().lower()
    if said in NAMED:
        return NAMED[said]
    number = int(said) if _NUMBER.fullmatch(said) else None
    return number if number is not None and LOWEST <= number <= HIGHEST else None


def check_turns(queue_wait: float | None, priority: str | None) -> None:
    """Check what a route or a key says of its turns. Raises ValueError, which names the setting and the mend."""
    if queue_wait is not None:
        within("queue_wait", queue_wait, 0.0, 86_400.0, "seconds")
    if priority is not None and priority_of(priority) is None:
        mend = f'give "high", "normal", "low", or a number from {LOWEST} to {HIGHEST} as text'
        raise ValueError(f'`priority` is "{priority}": {mend}')


def weight_of(priority: int) -> int:
    """Return the share of a priority: each five steps are four times as much.

    >>> weight_of(5), weight_of(0), weight_of(-10)
    (64, 16, 1)
    """
    clamped = min(max(priority, LOWEST), HIGHEST)
    weight: float = NORMAL_WEIGHT * 4.0 ** (clamped / 5)
    return max(1, round(weight))


class Waiting(Protocol):
    """Somebody who waits. What it says never changes."""

    caller: str
    priority: int
    tokens: int
    size: int


W = TypeVar("W", bound=Waiting)


class _Flow:
    """One caller's requests of one priority."""

    __slots__ = ("end", "waiting", "weight")

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.end = 0
        self.waiting: dict[int, int] = {}  # by the order of their coming: their tags


class FairQueue(Generic[W]):
    """Those who wait at one limit. Nothing that each request asks for takes a loop over all who wait, or over their callers."""

    __slots__ = ("_bytes", "_counts", "_flows", "_next", "_numbers", "_order", "_served", "_tokens", "_waiting", "size")

    def __init__(self) -> None:
        self.size = 0  # bytes
        self._flows: dict[str, dict[int, _Flow]] = {}  # by caller and priority
        self._order: list[tuple[int, int, int]] = []  # tags, weights below zero, and numbers, in the order of being served
        self._waiting: list[W] = []  # whose they are,
        self._tokens: list[int] = []  # and what they take
        self._numbers: dict[int, int] = {}  # by who it is: in which order they came
        self._served = 0  # the tag that was served last
        self._next = 0
        self._counts, self._bytes = Most(), Most()  # by caller: how many of its requests wait, and their bytes

    def __len__(self) -> int:
        return len(self._order)

    def join(self, one: W, settings: QueueSettings) -> list[W]:
        """Let somebody wait; returns those who must leave for it, which may be itself."""
        if one.size > settings.bytes:
            return [one]
        flows = self._flows.setdefault(one.caller, {})
        flow = flows.get(one.priority)
        if flow is None:
            flow = flows[one.priority] = _Flow(weight_of(one.priority))
        number, tag = self._next, max(self._served, flow.end)
        self._next += 1
        flow.waiting[number] = tag
        weights = [each.weight for each in flows.values() if each.waiting]
        flow.end = tag + max(1, one.tokens) * UNIT * sum(weights) // (flow.weight * max(weights))
        self._counts.add(one.caller, 1)
        self._bytes.add(one.caller, one.size)
        self.size += one.size
        self._numbers[id(one)] = number
        place = bisect_left(self._order, (tag, -flow.weight, number))
        self._order.insert(place, (tag, -flow.weight, number))
        self._waiting.insert(place, one)
        self._tokens.insert(place, one.tokens)
        gone: list[W] = []
        while len(self._order) > settings.most or self.size > settings.bytes:
            gone.append(self._drop(by_bytes=self.size > settings.bytes))
        return gone

    def leave(self, one: W) -> None:
        """Let somebody go, served or not. Whoever is not here may go as well."""
        if id(one) in self._numbers:
            self._remove(one)

    def first(self) -> W | None:
        """Return who is next, None where nobody waits."""
        return self._waiting[0] if self._waiting else None

    def first_but(self, caller: str) -> W | None:
        """Return who is next of all but one caller, None where nobody else waits."""
        if len(self._counts) == (caller in self._counts):
            return None
        return next(one for one in self._waiting if one.caller != caller)

    def take(self, one: W | None = None) -> W:
        """Let the next one go, or another, because it is served."""
        one = one or self.first()
        assert one is not None, "nobody waits"
        tag = self._flows[one.caller][one.priority].waiting[self._numbers[id(one)]]
        self._served = max(self._served, tag)
        self._remove(one)
        return one

    def ahead(self, one: Waiting) -> tuple[int, int]:
        """Return how many requests, with how many tokens, go before somebody who would come now."""
        flow = self._flows.get(one.caller, {}).get(one.priority)
        tag = self._served if flow is None else max(self._served, flow.end)
        before = bisect_left(self._order, (tag, -weight_of(one.priority), self._next))
        return before, sum(self._tokens[:before])

    def _drop(self, by_bytes: bool) -> W:
        """Let the newest of who has most here go, requests or bytes: that of its longest flow."""
        caller = (self._bytes if by_bytes else self._counts).first()
        assert caller is not None, "nobody waits"
        flows = self._flows[caller].values()
        longest = max((flow for flow in flows if flow.waiting), key=lambda flow: len(flow.waiting))
        number, tag = next(reversed(longest.waiting.items()))
        longest.end = tag
        one = self._waiting[bisect_left(self._order, (tag, -longest.weight, number))]
        self._remove(one)
        return one

    def _remove(self, one: W) -> None:
        number, flows = self._numbers.pop(id(one)), self._flows[one.caller]
        flow = flows[one.priority]
        place = bisect_left(self._order, (flow.waiting.pop(number), -flow.weight, number))
        del self._order[place], self._waiting[place], self._tokens[place]
        self._counts.add(one.caller, -1)
        self._bytes.add(one.caller, -one.size)
        self.size -= one.size
        if not self._order:
            self._flows.clear()
        elif not flow.waiting and flow.end <= self._served:
            del flows[one.priority]
            if not flows:
                del self._flows[one.caller]

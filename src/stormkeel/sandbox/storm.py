"""Which request meets which fault, by schedule: a seeded share, a written plan, an outage.

Never looks at a request and keeps no clock: the number of the arrival and the time are arguments, so a storm can be replayed.

For each arrival: an outage that is on, else the plan's entry, else the seeded draw.
"""

from __future__ import annotations

import hashlib

import msgspec

from stormkeel.sandbox.faults import OK, Chosen, parse


class Storm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A schedule of faults.

    Attributes:
        share: The part of all requests that meet a fault, 0 to 1.
        faults: What they meet, drawn with equal chances.
        plan: One entry for each arrival, "ok" among them; after the last one the share decides, or it starts again with `repeat`.
        repeat: Start the plan again at its end.
        outages: Spans ("start:seconds" since the storm began) in which every request gets 503.
        seed: For the draw; None takes the sandbox's own.
    """

    share: float = 0.0
    faults: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    repeat: bool = False
    outages: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"`share` must be between 0 and 1, not {self.share}")
        if self.share and not self.faults:
            raise ValueError("`share` needs `faults` to draw from")
        for text in (*self.faults, *self.plan):
            parse(text)
        for text in self.outages:
            _span(text)


def draw(storm: Storm, number: int, elapsed: float, seed: int) -> Chosen | None:
    """Return the fault of one arrival, or None.

    Args:
        storm: The schedule.
        number: 0 for the first request since the storm began, 1 for the next.
        elapsed: Seconds since the storm began.
        seed: Used when the storm names none.
    """
    if any(start <= elapsed < start + seconds for start, seconds in map(_span, storm.outages)):
        return parse("unavailable")
    if storm.plan and (storm.repeat or number < len(storm.plan)):
        return parse(storm.plan[number % len(storm.plan)])
    chance, which = _numbers(seed if storm.seed is None else storm.seed, number)
    if chance >= storm.share:
        return None
    return parse(storm.faults[int(which * len(storm.faults))])


def read(text: str) -> Storm:
    """Read a storm from JSON or from compact text; ValueError says what is wrong.

    Compact: `share=0.4,faults=reset|cut:at=0.5,outage=5:10,seed=7` or `plan=ok|reset|ok,repeat=1`.

    >>> read("share=0.5,faults=reset|eof") == read('{"share":0.5,"faults":["reset","eof"]}')
    True
    """
    stripped = text.strip()
    try:
        if stripped.startswith("{"):
            return msgspec.json.decode(stripped, type=Storm)
        return msgspec.convert(_compact(stripped), Storm, strict=False)
    except msgspec.MsgspecError as error:
        raise ValueError(f"storm: {error}") from error


_LISTS = {"faults": "faults", "plan": "plan", "outage": "outages", "outages": "outages"}


def _compact(text: str) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f'storm: expected "name=value", found "{item}"')
        fields[_LISTS.get(key, key)] = value.split("|") if key in _LISTS else value
    return fields


def _span(text: str) -> tuple[float, float]:
    try:
        start, seconds = (float(part) for part in text.split(":"))
    except ValueError:
        raise ValueError(f'an outage is "start:seconds", not "{text}"') from None
    return start, seconds


def _numbers(seed: int, number: int) -> tuple[float, float]:
    """Two numbers in [0, 1) that depend on nothing else, so that the draw does not depend on the order of answers."""
    digest = hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") / 2**64, int.from_bytes(digest[8:], "big") / 2**64


CALM = Storm()
__all__ = ["CALM", "OK", "Storm", "draw", "read"]

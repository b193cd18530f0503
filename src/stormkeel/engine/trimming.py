"""A conversation made to fit: the oldest turns left out, whole, until the rest has room.

Never leaves out instructions, what the user said last, or the last turn; never tears a tool's result from its call; never lets an
assistant begin. Pure: it counts by the weights it is given, and in one pass: a conversation may have a hundred thousand turns.

    system | user | assistant(call) user(result) | assistant | user | assistant(call) user(result)
     kept    '--------------- left out, oldest first --------'  kept          kept
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..types.content import Message, ToolCall, ToolResult

ROUNDING = 1e-9
"""The share by which a running sum may be off: what seems to fit within it is summed anew."""
Unit = tuple[int, ...]
"""Turns that stay or go together, by their places."""


def kept_turns(messages: Sequence[Message], weights: Sequence[float], room: float) -> tuple[int, ...] | None:
    """Return the places of the turns that stay where as few as may be of the oldest go, None where none that may go makes room.

    Args:
        messages: the conversation.
        weights: of each turn.
        room: how much all that stay may weigh.
    """
    whole = units(messages)
    instructions = [place for place, message in enumerate(messages) if message.role == "system"]
    heavy = [sum(weights[place] for place in unit) for unit in whole]
    left = sum(heavy) + sum(weights[place] for place in instructions)
    slack = left * ROUNDING
    said = next((at for at in reversed(range(len(whole))) if any(is_said(messages[place]) for place in whole[at])), len(whole))
    user = len(whole)  # the latest unit left out that a user begins
    for cut, unit in enumerate(whole):
        begins = messages[unit[0]].role
        stays = {at for at in (said, user if begins == "assistant" else cut) if at < cut}
        if left + sum(heavy[at] for at in stays) <= room + slack:
            places = sorted({*instructions, *(place for each in (*(whole[at] for at in stays), *whole[cut:]) for place in each)})
            if sum(weights[place] for place in places) <= room:
                return tuple(places)
        left -= heavy[cut]
        user = cut if begins == "user" else user
    return None


def units(messages: Sequence[Message]) -> list[Unit]:
    """Return all turns but instructions, in their order, a tool's call with its result and all between them as one."""
    starts: list[int] = []
    called: dict[str, int] = {}  # the place of each call
    turns = [place for place, message in enumerate(messages) if message.role != "system"]
    for place in turns:
        first = min((called[id] for id in _answered(messages[place]) if id in called), default=place)
        if first == place:
            starts.append(place)
        else:
            del starts[bisect_right(starts, first) :]
        called.update((part.id, place) for part in _parts(messages[place]) if isinstance(part, ToolCall))
    bounds = [*(bisect_left(turns, start) for start in starts), len(turns)]
    return [tuple(turns[start:end]) for start, end in pairwise(bounds)]


def is_said(message: Message) -> bool:
    """Does a user say something, beside what tools answered?"""
    if message.role != "user":
        return False
    return isinstance(message.content, str) or any(not isinstance(part, ToolResult) for part in message.content)


def _answered(message: Message) -> Iterator[str]:
    return (part.call_id for part in _parts(message) if isinstance(part, ToolResult))


def _parts(message: Message) -> Sequence[object]:
    return () if isinstance(message.content, str) else message.content


def ranges(places: Sequence[int]) -> Iterator[str]:
    """Write places as ranges.

    >>> list(ranges([1, 2, 3, 7]))
    ['1..3', '7']
    """
    start = 0
    for end, place in enumerate(places, 1):
        if end == len(places) or places[end] != place + 1:
            yield str(place) if end - start == 1 else f"{places[start]}..{place}"
            start = end

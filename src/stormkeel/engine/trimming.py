"""A conversation made to fit: the oldest turns left out, whole, until the rest has room.

Never leaves out instructions, what the user said last, or the last turn; never tears a tool's result from its call; never lets an
assistant begin. Pure: it counts by the weights it is given.

    system | user | assistant(call) user(result) | assistant | user | assistant(call) user(result)
     kept    '--------------- left out, oldest first --------'  kept          kept
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..types.content import Message, ToolCall, ToolResult

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
    for cut in range(len(whole)):
        places = sorted({*instructions, *(place for unit in _from(whole, cut, messages) for place in unit)})
        if sum(weights[place] for place in places) <= room:
            return tuple(places)
    return None


def units(messages: Sequence[Message]) -> list[Unit]:
    """Return all turns but instructions, in their order, a tool's call with its result and all between them as one."""
    found: list[Unit] = []
    called: dict[str, int] = {}  # the unit of each call
    for place, message in enumerate(messages):
        if message.role == "system":
            continue
        start = min((called[id] for id in _answered(message) if id in called), default=len(found))
        joined = tuple(one for unit in found[start:] for one in unit)
        del found[start:]
        called = {id: min(unit, start) for id, unit in called.items()}
        called.update((part.id, start) for part in _parts(message) if isinstance(part, ToolCall))
        found.append((*joined, place))
    return found


def _from(whole: Sequence[Unit], cut: int, messages: Sequence[Message]) -> Iterator[Unit]:
    """The units from a cut on, with what must stay of those before it."""
    rest = whole[cut:]
    said = [unit for unit in whole if any(is_said(messages[place]) for place in unit)]
    if said and said[-1] not in rest:
        yield said[-1]
    if messages[rest[0][0]].role == "assistant":
        before = [unit for unit in whole[:cut] if messages[unit[0]].role == "user"]
        yield from before[-1:]
    yield from rest


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

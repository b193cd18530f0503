"""Turns an answer and a fault into steps: what is written, when it stops, how the socket ends. Pure; `play` does the steps.

Never writes, waits or bills.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.dialect import Frame
from stormkeel.sandbox.faults import Chosen


class Open(msgspec.Struct, frozen=True):
    """Send a 200 head; `length` None: chunked, an event stream or not by `stream`."""

    length: int | None
    stream: bool


class Send(msgspec.Struct, frozen=True):
    """Send a piece of the body with `pieces` tokens of content in it; `generated` False when it costs the provider nothing."""

    data: bytes
    pieces: int = 0
    usage: bool = False
    generated: bool = True


class Wait(msgspec.Struct, frozen=True):
    """Let time pass."""

    seconds: float


class Hold(msgspec.Struct, frozen=True):
    """Stay silent until the client leaves."""


class End(msgspec.Struct, frozen=True):
    """End the body as HTTP asks."""


class Cut(msgspec.Struct, frozen=True):
    """Close the socket, by RST if `reset`."""

    reset: bool = False


Step = Open | Send | Wait | Hold | End | Cut

_UNTOUCHED = Chosen("no_usage", {})  # stands for "no fault": the answer itself was already written without usage


def wire_script(fault: Chosen) -> list[Step]:
    """Return the steps of a fault that gives no HTTP answer."""
    if fault.name == "silence":
        return [Hold(), Cut()]
    return [Cut(reset=fault.name == "reset")]


def stream_script(frames: Sequence[Frame], error: bytes, fault: Chosen | None, *, array: bool = False) -> list[Step]:
    """Return the steps of a streamed answer.

    Args:
        frames: The whole stream, in order.
        error: The dialect's error event, for stream_error.
        fault: A fault of stage "answer", or None.
        array: The stream is one JSON array, not events.
    """
    sends = [Send(frame.data, frame.pieces, frame.usage) for frame in frames]
    return [Open(None, stream=not array), *_stream(frames, sends, error, fault or _UNTOUCHED)]


def _stream(frames: Sequence[Frame], sends: list[Send], error: bytes, fault: Chosen) -> list[Step]:
    given = fault.parameters
    match fault.name:
        case "cut":
            return _cut(sends, fault)
        case "cut_clean":
            return [*sends[: _share(given["at"], len(sends))], End()]
        case "stall":
            return [*sends[: int(given["after"])], Hold(), Cut()]
        case "malformed":
            return _malformed(sends, int(given["after"]))
        case "no_terminal":
            return [*_unended(sends, frames), *([Hold(), Cut()] if given["hold"] else [End()])]
        case "stream_error":
            return [*sends[: int(given["after"])], Send(error, generated=False), End()]
        case "slow_first_token":
            return [Wait(given["seconds"]), *sends, End()]
        case _:
            return [*sends, End()]


def _unended(sends: list[Send], frames: Sequence[Frame]) -> list[Send]:
    """Leave out what ends the stream, and no content with it."""
    bare = [frame.unended if frame.terminal else frame.data for frame in frames]
    return [msgspec.structs.replace(send, data=data) for send, data in zip(sends, bare, strict=True) if data is not None]


def _cut(sends: list[Send], fault: Chosen) -> list[Step]:
    kept = _share(fault.parameters["at"], len(sends))
    data = sends[kept].data
    torn = [Send(data[: len(data) // 2])] if fault.parameters["inside"] else []
    return [*sends[:kept], *torn, Cut(reset=bool(fault.parameters["reset"]))]


def _malformed(sends: list[Send], after: int) -> list[Step]:
    place = min(after, len(sends) - 1)
    broken = msgspec.structs.replace(sends[place], data=_broken_event(sends[place].data))
    return [*sends[:place], broken, *sends[place + 1 :], End()]


def _broken_event(frame: bytes) -> bytes:
    """Break the JSON off in its last third; the framing of an event stays whole."""
    if b"data: " not in frame:
        return frame[: max(1, len(frame) * 2 // 3)]
    start = frame.index(b"data: ") + 6
    data = frame[start:].rstrip()
    return frame[:start] + data[: max(1, len(data) * 2 // 3)] + b"\n\n"


def whole_script(body: bytes, pieces: int, usage: bool, fault: Chosen | None) -> list[Step]:
    """Return the steps of an answer that is not streamed; it was generated whole, so any part of it costs all of it."""
    part = Send(body[: len(body) // 2], pieces)
    opened = Open(len(body), stream=False)
    given = {} if fault is None else fault.parameters
    match "" if fault is None else fault.name:
        case "cut":
            return [opened, Send(body[: _share(given["at"], len(body))], pieces), Cut(reset=bool(given["reset"]))]
        case "cut_clean":
            return [Open(None, stream=False), Send(body[: _share(given["at"], len(body))], pieces), End()]
        case "stall":
            return [opened, part, Hold(), Cut()]
        case "malformed":
            return [Open(len(part.data), stream=False), part, End()]
        case "slow_first_token":
            return [Wait(given["seconds"]), opened, Send(body, pieces, usage=usage), End()]
        case _:
            return [opened, Send(body, pieces, usage=usage), End()]


def _share(at: float, length: int) -> int:
    """Return a share of a length, at least 1 and never all of it; nothing of what has one part."""
    return max(1, min(int(at * length), length - 1)) if length > 1 else 0

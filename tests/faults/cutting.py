"""Streams cut in two at every byte, in time that grows with their length: a reader is copied at the frame before the cut.

Never asks a reader how it cuts: frames are found here, by the line end that the stream was given.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stormkeel.dialects.sse import Framer
from stormkeel.dialects.values import NO_TERMS

LINE_ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}
_WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"(?=\s*[,}\]])|\d+')
_FIRST, _LAST = 40, 12  # bytes of a frame: its first line and the beginning of its data; the line ends, and what stands before them
_ENDS = 4  # bytes: the line ends of a frame of a known shape
LONG = 1000  # bytes; where frames alone are cut, those up to here are cut everywhere
_STEP = 31  # bytes between the cuts elsewhere, of a frame that is not cut everywhere

Feed = Callable[[bytes], Any]


class Frame(NamedTuple):
    """One frame of a stream, and whether one of the same shape, which differs in words and numbers alone, was seen before."""

    data: bytes
    is_known: bool


def with_ends(stream: bytes, end: bytes) -> bytes:
    """Return a stream with other line ends."""
    return stream.replace(b"\r\n", b"\n").replace(b"\n", end)


def frames_of(stream: bytes, end: bytes, seen: set[bytes]) -> Iterator[Frame]:
    """Yield the frames of a stream whose lines end so; what stands behind the last blank line is no frame."""
    for piece in with_ends(stream, end).split(end + end)[:-1]:
        shape = _WORDS.sub(b"", piece)
        yield Frame(piece + end + end, shape in seen)
        seen.add(shape)


def cuts_of(frame: Frame, every: bool, long: int = 0) -> Iterator[int]:
    """Yield where to cut: everywhere, or at the ends and here and there between; everywhere too up to a length."""
    size = len(frame.data)
    if every or size <= long:
        yield from range(1, size)
    elif frame.is_known:
        yield from sorted({1, size // 2, *range(max(1, size - _ENDS), size)})
    else:
        yield from sorted({*range(1, min(size, _FIRST)), *range(1, size, _STEP), *range(max(1, size - _LAST), size)})


def copy_of(reader: Any) -> Any:
    """Return a reader in the same state, which goes on by itself."""
    return copy.deepcopy(reader, {id(NO_TERMS): NO_TERMS})  # a mapping that nobody can change, and that no copy can be made of


def known_by(reader: Any) -> Any:
    """Return all that a reader knows, as something to compare; what it still holds means nothing once it is over."""
    kind, told = state_of(reader)
    if told.get("complete") or told.get("failure"):
        del told["_framer"]
    return kind, told


def state_of(value: Any) -> Any:
    """Return all that a value of ours holds."""
    kind = type(value)
    if kind in (list, tuple):
        return [*map(state_of, value)]
    if kind is dict:
        return {key: state_of(one) for key, one in value.items()}
    names = [name for one in kind.__mro__ for name in getattr(one, "__slots__", ()) if hasattr(value, name)]
    if not kind.__module__.startswith("stormkeel") or hasattr(kind, "__struct_fields__") or not names:
        return value
    return kind, {name: state_of(getattr(value, name)) for name in names}


def differing(reader: Any, stream: bytes, end: bytes, seen: set[bytes] | None) -> tuple[int, list[str]]:
    """Cut a stream in two; return how often, and where what came out, or what the reader then knew, was not the same.

    Args:
        reader: a fresh one, of frames or of events.
        stream: with any line ends.
        end: what its lines end with instead.
        seen: shapes of frames that were cut already, which differ in words and numbers alone; None to cut all at every byte.
    """
    cut_times, found, place, every = 0, [], 0, seen is None
    for frame in frames_of(stream, end, set() if seen is None else seen):
        before, whole = copy_of(reader), reader.feed(frame.data)
        known = known_by(reader)
        for cut in cuts_of(frame, every):
            one = copy_of(before)
            told = one.feed(frame.data[:cut]) + one.feed(frame.data[cut:])
            cut_times += 1
            if (told, known_by(one)) != (whole, known):
                found.append(f"at byte {place + cut}")
        place += len(frame.data)
    return cut_times, found


def differing_frames(stream: bytes, end: bytes, every: bool) -> tuple[int, list[str]]:
    """Cut a stream in two for its frames alone; what is left of one that was cut is held, byte for byte."""
    made, found, start = 0, [], 0
    for frame in frames_of(stream, end, set()):
        for cut in cuts_of(frame, every, LONG):
            made += 1
            framer = Framer()
            first, held = framer.feed(frame.data[:cut]), framer.rest()
            rest = framer.feed(frame.data[cut:] + (b":" if end == b"\r" else b""))  # where a CR ends the last line, the next byte tells
            if (first, held, rest) != ([], frame.data[:cut], [frame.data]):
                found.append(f"at byte {start + cut}")
        start += len(frame.data)
    return made, found

"""Server-sent events: bytes to whole frames, and the two fields of a frame that matter.

Never decodes text and never changes a byte: the frames and the tail joined are the input. A frame is everything up to its blank
line, that one included; a line ends at LF, CR or CRLF and nowhere else (U+2028 is text). Rules by the HTML standard, section
"Server-sent events".
"""

from __future__ import annotations

import re

FRAME_LIMIT = 16 * 1024 * 1024
"""The largest frame in bytes: longer than any real event, short enough to hold."""

BOM = b"\xef\xbb\xbf"

# A CR at the end of what has arrived may be half a CRLF: it ends a line only once the next byte is known, so that the frames do
# not depend on how the bytes were cut.
_LINE_END = rb"(?:\r\n|\n|\r(?=[^\n]))"
_BLANK_LINE = re.compile(_LINE_END + _LINE_END)
_LINE = re.compile(rb"\r\n|\n|\r")
_OVERLAP = 2  # what may be held of a blank line and still be needed to see it: a line's last byte, and a CR


class Framer:
    """Cuts a stream of bytes into frames.

    Attributes:
        overflowed: was a frame longer than the limit? Then nothing more comes out.
    """

    __slots__ = ("_held", "_limit", "overflowed")

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._held = bytearray()
        self._limit = limit
        self.overflowed = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come and return the frames they complete, each with its blank line."""
        if self._held or not data.endswith(b"\n\n") or b"\r" in data or len(data) > self._limit:
            return self._feed_slowly(data)
        if data.find(b"\n\n") == len(data) - 2:
            return [data]
        pieces = data.split(b"\n\n")
        self._held += pieces.pop()
        return [piece + b"\n\n" for piece in pieces]

    def _feed_slowly(self, data: bytes) -> list[bytes]:
        held, frames, start = self._held, [], 0
        searched = max(0, len(held) - _OVERLAP)
        held += data
        for match in _BLANK_LINE.finditer(held, searched):
            end = match.end()
            if end - start > self._limit:
                self.overflowed = True
                break
            frames.append(bytes(held[start:end]))
            start = end
        self.overflowed = self.overflowed or len(held) - start > self._limit
        if self.overflowed:
            self._held = bytearray()
        else:
            del held[:start]
        return frames

    def rest(self) -> bytes:
        """Return what is held: the beginning of a frame whose blank line has not come."""
        return bytes(self._held)


def data_of(frame: bytes) -> bytes | None:
    r"""Return the data of a frame, several `data` lines joined by LF, None where it has none.

    >>> data_of(b"event: x\ndata: 1\ndata:2\n\n"), data_of(b": ping\n\n")
    (b'1\n2', None)
    """
    if frame.startswith(b"data: ") and frame.find(b"\n") == len(frame) - 2 and b"\r" not in frame:
        return frame[6:-2]
    lines = _values(frame, b"data")
    return b"\n".join(lines) if lines else None


def event_of(frame: bytes) -> bytes | None:
    """Return the event's name, None where the frame names none; the last of several counts."""
    names = _values(frame, b"event")
    return names[-1] if names else None


def _values(frame: bytes, field: bytes) -> list[bytes]:
    found = []
    for line in _LINE.split(frame.removeprefix(BOM)):
        name, _, value = line.partition(b":")
        if name == field:
            found.append(value.removeprefix(b" "))
    return found

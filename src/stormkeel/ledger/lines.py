r"""Lines of a journal: an entry as bytes that tell of their own damage, and back.

Never opens a file; never drops a byte in silence: what is no entry comes back as `Damage` with its place.

    line    <length> <crc32> <json>\n      length of the JSON in bytes, decimal; its CRC-32, eight hex digits
    guard   ~\n                            ahead of the line that follows a failed write: what that write left behind ends
                                           there and can never be read as an entry, for nobody was told it was written
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import msgspec

from .entry import Entry

GUARD = b"~\n"
LONGEST = 1 << 18
"""Bytes; an unfinished line longer than this is no line of ours."""

_encoder = msgspec.json.Encoder()
_decode: Callable[[bytes], Entry] = msgspec.json.Decoder(Entry).decode


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no entry.

    Attributes:
        offset: where they start in the file.
        length: how many.
        torn: was it the unfinished tail of a writer that is gone (or of a failed write), not a line gone bad?
    """

    offset: int
    length: int
    torn: bool


class Lines(msgspec.Struct, frozen=True):
    """What was read: entries in order, the offset to read on from, and what was damaged on the way."""

    entries: tuple[Entry, ...]
    offset: int
    damages: tuple[Damage, ...] = ()


def write_line(entry: Entry) -> bytes:
    """Return an entry as one line. Text that no UTF-8 can say (half a surrogate pair) is written with question marks."""
    try:
        body = _encoder.encode(entry)
    except UnicodeEncodeError:
        body = _encoder.encode(_sayable(msgspec.to_builtins(entry)))
    return b"%d %08x %b\n" % (len(body), crc32(body), body)


def _sayable(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return [_sayable(item) for item in value] if isinstance(value, list | tuple) else value


def read_lines(data: bytes, offset: int, *, is_final: bool) -> Lines:
    """Read the whole lines of a piece of a journal.

    Args:
        data: bytes from `offset` on, where a line starts.
        offset: where in the file they stand.
        is_final: is the writer gone, so that an unfinished tail is torn? Else it is not yet whole, and left for the next read.
    """
    entries: list[Entry] = []
    damages: list[Damage] = []
    start = 0
    *lines, tail = data.split(b"\n")
    for line in lines:
        entry = _entry(line)
        if entry is not None:
            entries.append(entry)
        elif not _is_guard(line):
            damages.append(Damage(offset + start, len(line) + 1, line.endswith(b"~")))
        start += len(line) + 1
    if not is_final and len(tail) <= LONGEST:
        return Lines(tuple(entries), offset + start, tuple(damages))
    if not _is_guard(tail):
        damages.append(Damage(offset + start, len(tail), is_final))
    return Lines(tuple(entries), offset + len(data), tuple(damages))


def _is_guard(line: bytes) -> bool:
    return not line.strip(b"~")


def _entry(line: bytes) -> Entry | None:
    try:
        length, check, body = line.split(b" ", 2)
        is_whole = int(length) == len(body) and int(check, 16) == crc32(body)
        return _decode(body) if is_whole else None
    except ValueError:  # not three parts, no numbers, or (msgspec's are ValueErrors) no entry
        return None

"""Lines of a journal tell of their own damage."""

from __future__ import annotations

from zlib import crc32

import pytest

from stormkeel.ledger.entry import Entry, Reserved, Settled
from stormkeel.ledger.lines import GUARD, LONGEST, Damage, read_lines, write_line
from stormkeel.types.usage import Usage

RESERVED = Reserved("r.1", "r", 1, "fast", "openai/x#main", "openai", "x", "openai_chat", "k", "", "ü", ("a",), 10, 20, 30, "s")
SETTLED = Settled("r.1", 2, "ok", 200, 0.5, None, Usage(input=3), "provider", 7, "id")
TWO = write_line(RESERVED) + write_line(SETTLED)


def test_there_and_back() -> None:
    """What is written is read, and the offset is the end."""
    lines = read_lines(TWO, 100, is_final=False)
    assert lines.entries == (RESERVED, SETTLED)
    assert (lines.offset, lines.damages) == (100 + len(TWO), ())


@pytest.mark.parametrize("cut", range(len(TWO)))
def test_torn_at_every_byte(cut: int) -> None:
    """Cut anywhere, the whole lines are read; the tail of a living file waits, that of a dead one is reported as torn."""
    whole = len(write_line(RESERVED)) if cut >= len(write_line(RESERVED)) else 0
    alive, dead = (read_lines(TWO[:cut], 0, is_final=is_final) for is_final in (False, True))
    assert len(alive.entries) == len(dead.entries) == (1 if whole else 0)
    assert (alive.offset, alive.damages) == (whole, ())
    assert dead.offset == cut
    assert dead.damages == (() if cut == whole else (Damage(whole, cut - whole, True),))


@pytest.mark.parametrize("place", range(len(write_line(RESERVED)) - 1))
def test_a_flipped_bit_anywhere(place: int) -> None:
    """A bit flipped anywhere in a line loses that line, with its place, and no other."""
    data = bytearray(write_line(RESERVED) + write_line(SETTLED))
    data[place] ^= 1
    lines = read_lines(bytes(data), 0, is_final=True)
    assert lines.entries == (SETTLED,)
    assert sum(damage.length for damage in lines.damages) == len(write_line(RESERVED))
    assert lines.damages[0].offset == 0 and not lines.damages[0].torn


def test_a_guard_ends_what_a_failed_write_left() -> None:
    """A line whole but for its newline, left behind by a write that failed, is not read as an entry once a guard follows."""
    left = write_line(RESERVED)[:-1]
    lines = read_lines(left + GUARD + write_line(SETTLED), 0, is_final=False)
    assert lines.entries == (SETTLED,)
    assert lines.damages == (Damage(0, len(left) + len(GUARD), True),)


def test_a_guard_after_nothing_is_no_damage() -> None:
    """Guards alone are passed over."""
    assert read_lines(GUARD + b"~" + GUARD + write_line(SETTLED), 0, is_final=True).damages == ()


def test_a_tail_too_long_to_be_a_line() -> None:
    """An endless tail does not hold the reader up for ever."""
    data = b"x" * (LONGEST + 1)
    assert read_lines(data, 0, is_final=False).damages == (Damage(0, len(data), False),)


def test_text_no_utf8_can_say() -> None:
    """Half a surrogate pair in a name costs that letter, not the entry."""
    odd = Settled("r.1", 2, "ok", 200, 0.5, None, provider_request="a\ud800b")
    (back,) = read_lines(write_line(odd), 0, is_final=False).entries
    assert isinstance(back, Settled) and back.provider_request == "a?b"


def test_other_json_is_no_entry() -> None:
    """A sound line that holds something else is damage."""
    body = b'["x",1]'
    lines = read_lines(b"%d %08x %b\n" % (len(body), crc32(body), body), 0, is_final=False)
    assert lines.entries == () and len(lines.damages) == 1


def test_every_kind_of_entry_is_told_apart() -> None:
    """The tag decides the type."""
    entries: tuple[Entry, ...] = (SETTLED, RESERVED, SETTLED)
    assert read_lines(b"".join(map(write_line, entries)), 0, is_final=False).entries == entries

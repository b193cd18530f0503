"""Losses as the ledger keeps them: few, short, and alike whichever turn they stand in."""

from __future__ import annotations

from stormkeel.ledger.losses import LONGEST, MOST, REST, kept


def test_the_place_in_a_body_is_left_out() -> None:
    """What is lost of ten turns is one kind of loss."""
    lost = ("seed", *(f"messages[{place}].content[1].citations" for place in range(10)))
    assert kept(lost) == ("seed", "messages[].content[].citations")
    assert kept(()) == ()


def test_names_of_a_clients_own_are_bounded() -> None:
    """However many, long or odd the names are, a settlement stays a short line; that there were more is said."""
    told = kept(tuple(f"field_{number}" + "x" * 10_000 for number in range(5_000)))
    assert len(told) == MOST + 1
    assert told[-1] == REST
    assert max(map(len, told)) == LONGEST
    assert kept(("a\nb\x1b[31m\u00fc\ud800",)) == ("a?b?[31m??",)

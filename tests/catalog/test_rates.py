"""Rates: parents, cliffs, dates, hours, and prices written by people."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.catalog.match import Clause, dashed_date, is_match
from stormkeel.catalog.quote import Quote, Sheet, Variant, When, holds, rates_at
from stormkeel.catalog.rates import DEAREST, Rates, Tier, rate_of, tier_of

HOUR_NS = 3_600 * 10**9


def test_a_bucket_takes_its_parents_rate() -> None:
    """A bucket without a rate of its own is billed as the wider kind it belongs to."""
    rates = Rates(input=5, cache_write=7, output=9)
    assert (rates.cache_read, rates.audio_input, rates.cache_write_long, rates.reasoning, rates.audio_output) == (5, 5, 7, 9, 9)


def test_nothing_known_stays_unknown() -> None:
    """Without any rate nothing is known; a rate of 0 is known."""
    assert not Rates().is_known
    assert Rates(input=0).is_known


def test_cliffs() -> None:
    """The tier is that of the highest start below the total input; the start itself belongs to the tier before."""
    rates = Rates(input=1, tiers=(Tier(10, Rates(input=2)), Tier(20, Rates(input=3))))
    assert [tier_of(rates, tokens).input for tokens in (0, 10, 11, 20, 21)] == [1, 1, 2, 2, 3]


@given(st.integers(0, DEAREST), st.integers(0, 9))
def test_a_price_is_taken_exactly(rate: int, zeros: int) -> None:
    """Whatever nano-dollars a person writes as decimal text come back, to the last one, however many zeros stand behind."""
    whole, fraction = divmod(rate, 10**9)
    digits = f"{fraction:09d}".rstrip("0")
    text = f"{whole}.{digits.ljust(max(zeros, 1), '0')}" if digits or zeros else str(whole)
    assert rate_of(text) == rate


@given(st.text(max_size=12) | st.from_regex(r"[0-9.eE+-]{1,14}", fullmatch=True))
def test_a_text_is_its_number_or_refused(text: str) -> None:
    """Any text is the exact number it writes, or no price: never a near one."""
    with suppress(ValueError):
        assert Fraction(rate_of(text), 10**9) == Fraction(text)


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "x",
        "nan",
        "1e-10",
        "",
        "1e3",
        "1_000",
        " 1",
        "1.",
        ".5",
        "+1",
        "٣",
        "0.0000000001",
        "1000000.000000001",
        "9" * 400,
        "1\n",
    ],
)
def test_prices_nobody_can_charge(text: str) -> None:
    """A negative, senseless, too fine or too high price is refused, and so is one that could be read in two ways."""
    with pytest.raises(ValueError, match="at most 9 decimals"):
        rate_of(text)


def test_hours_over_midnight() -> None:
    """Hours that end before they start run over midnight; the end is excluded."""
    night = When(hours=(22 * 3600, 6 * 3600))
    assert [holds(night, hour * HOUR_NS) for hour in (21, 22, 23, 24, 29, 30)] == [False, True, True, True, True, False]


def test_the_last_quote_that_holds() -> None:
    """Of several quotes the last that holds is taken, and the first where none does."""
    sheet = Sheet(
        (Quote(input=1, when=When(since=100)), Quote(input=2, when=When(since=200)), Quote(input=3, when=When(since=300)))
    )
    found = [rates_at(sheet, second * 10**9, {}) for second in (50, 100, 250, 300)]
    assert [rates.input for rates in found if rates] == [1, 1, 2, 3]


def test_variants_override_bucket_by_bucket() -> None:
    """The first variant that fits wins for each bucket it names; its flat price takes a cliff's place."""
    sheet = Sheet(
        (Quote(input=((0, 10), (100, 20)), output=((0, 30), (100, 60))),),
        (Variant({"tier": "flex"}, Quote(input=5)), Variant({"tier": "flex"}, Quote(input=4, output=15))),
    )
    flex = rates_at(sheet, 0, {"tier": "flex", "region": "eu"})
    assert flex == Rates(input=5, output=15)
    assert rates_at(sheet, 0, {"tier": "fast"}) == Rates(input=10, output=30, tiers=(Tier(100, Rates(input=20, output=60)),))


def test_cliffs_of_different_buckets() -> None:
    """Buckets whose cliffs stand at different places make one ladder of whole tiers."""
    rates = rates_at(Sheet((Quote(input=((0, 1), (10, 2)), output=((0, 5), (20, 6))),)), 0, {})
    assert rates is not None
    assert [(tier_of(rates, n).input, tier_of(rates, n).output) for n in (10, 11, 21)] == [(1, 5), (2, 5), (2, 6)]


@pytest.mark.parametrize(
    ("clause", "yes", "no"),
    [
        (Clause(equals="a-b"), "a-b", "a-b-c"),
        (Clause(starts_with="a-"), "a-b", "b-a-"),
        (Clause(ends_with="-b"), "a-b", "a-b-c"),
        (Clause(contains="-"), "a-b", "ab"),
        (Clause(regex=r"^a\d+$"), "a12", "xa12"),
        (Clause(any_of=(Clause(equals="x"), Clause(equals="y"))), "y", "z"),
        (Clause(all_of=(Clause(starts_with="x"), Clause(ends_with="y"))), "x-y", "x-z"),
        (Clause(), "", ""),
    ],
)
def test_clauses(clause: Clause, yes: str, no: str) -> None:
    """Every kind of clause matches what it says and nothing else; an empty one matches nothing."""
    assert is_match(clause, yes) is (clause != Clause())
    assert not is_match(clause, no)


def test_compact_dates() -> None:
    """A compact date becomes a dashed one; a number that is no date stays."""
    assert dashed_date("m-20251211:free") == "m-2025-12-11:free"
    assert dashed_date("m-20251399") == "m-20251399"

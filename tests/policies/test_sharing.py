"""Places that callers share: all for one who is alone, the last ones for others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.sharing import SharedPlaces
from stormkeel.types.failure import Failure, FailureKind


def taken(places: SharedPlaces, caller: str, now: float, most: int = 100) -> list[int]:
    """Take as many places as there are."""
    return [number for _ in range(most) if isinstance(number := places.take(caller, now), int)]


def test_alone_a_caller_may_have_all() -> None:
    """Where nobody else asks no place is kept free."""
    assert len(taken(SharedPlaces(16), "a", 0.0)) == 16


def test_the_last_places_are_kept_for_others() -> None:
    """Once another caller has asked, one of eight is its, for a minute; and the flood is told why."""
    places = SharedPlaces(16)
    held = taken(places, "b", 0.0, 1)
    places.give_back(held[0])
    flood = taken(places, "a", 1.0)
    assert len(flood) == 14
    refusal = places.take("a", 1.0)
    assert isinstance(refusal, Failure)
    assert refusal.kind is FailureKind.CONCURRENCY_REACHED
    assert "kept for others" in refusal.message
    assert len(taken(places, "b", 30.0, 3)) == 2
    for number in flood[:2]:
        places.give_back(number)
    assert len(taken(places, "a", 91.0)) == 2


def test_who_asked_and_had_to_wait_is_another_caller_too() -> None:
    """A question that took no place counts as one, for a minute; one's own do not."""
    places = SharedPlaces(16)
    for caller, now in (("b", 0.0), ("a", 0.5), ("a", 0.6)):
        places.note(caller, now)
    assert len(taken(places, "a", 1.0)) == 14
    assert len(taken(places, "a", 59.0)) == 0
    assert len(taken(places, "a", 61.0)) == 2
    alone = SharedPlaces(16)
    for now in (0.0, 0.5):
        alone.note("a", now)
    assert len(taken(alone, "a", 1.0)) == 16


def test_few_places_are_kept_for_nobody() -> None:
    """Of fewer than eight places none can be spared."""
    places = SharedPlaces(7)
    taken(places, "b", 0.0, 1)
    assert len(taken(places, "a", 1.0)) == 6


@given(st.integers(1, 40), st.lists(st.one_of(st.sampled_from("abc"), st.integers(0, 50)), max_size=150))
def test_never_more_than_the_limit(limit: int, steps: list[str | int]) -> None:
    """Whoever takes and gives back: as many are under way as were taken, the limit at most, and a look says what taking would."""
    places, held, now = SharedPlaces(limit), list[tuple[int, str]](), 0.0
    for step in steps:
        now += 1.0
        if isinstance(step, str):
            number = places.take(step, now)
            assert (places.refusal_for(step, now) is None) or isinstance(number, Failure) or places.in_flight == limit or limit >= 8
            if isinstance(number, int):
                held.append((number, step))
        elif held:
            places.give_back(held.pop(step % len(held))[0])
        assert places.in_flight == len(held) <= limit
        assert len({number for number, _ in held}) == len(held)
        assert places._counts == Counter(caller for _, caller in held)


def test_kept_places_are_whole_ones() -> None:
    """Of 25 three are kept; whoever has 22 is told so in whole numbers."""
    places = SharedPlaces(25)
    places.note("b", 0.0)
    assert len(taken(places, "a", 1.0)) == 22
    refusal = places.refusal_for("a", 1.0)
    assert refusal is not None
    assert refusal.message == "22 of 25 places are this caller's, the others are kept for others (`concurrency`)"


def test_a_place_is_kept_for_a_minute() -> None:
    """Just short of it it is, at it no longer; whoever asks again is there again."""
    places = SharedPlaces(8)
    places.note("b", 0.0)
    assert len(taken(places, "a", 59.9)) == 7
    assert len(taken(places, "a", 60.0)) == 1

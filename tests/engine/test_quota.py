"""A quota group: what it says of its limits, for how long it is set aside, and what it asks for after throttles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stormkeel.engine.cooling import Cooling
from stormkeel.engine.learned import MOST_SKIPPED, SILENT, Learned
from stormkeel.engine.quota import Alone, Quota
from stormkeel.policies.base import Need
from stormkeel.policies.easing import EasingSettings
from stormkeel.policies.rate import Limit, RateSettings
from stormkeel.testing import ManualClock
from stormkeel.testing.clock import EPOCH
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.wire import Headers

K = FailureKind
SLOW = EasingSettings(cut=0.5, floor=0.1, gain=0.25, window=10.0, pause=1.0)


def limits(quota: Quota, now: float = 0.0) -> dict[str, tuple[int, int]]:
    """Each limit, with what is left."""
    return {one.name: (one.amount, one.left) for one in quota.limits(now)}


class Bare:
    """A deployment that counts how often it was armed."""

    def __init__(self) -> None:
        self.armed = 0

    def arm(self) -> None:
        """Once more."""
        self.armed += 1


def test_without_limits_everything_passes() -> None:
    """Nothing is counted, nothing is kept."""
    quota = Quota("g")
    assert (quota.name, quota.group, quota.is_missing, quota.keeps_room) == ('quota group "g"', "g", False, False)
    assert (quota.limits(0.0), quota.full(0.0, Need(10**9)), quota.delay(0.0, 9, 9)) == ([], None, 0.0)


def test_its_limits_say_no_in_their_order() -> None:
    """A pause, then places, then rates; each with its kind."""
    quota = Quota("g", RateSettings(rpm=2, tpm=100), 1)
    assert quota.limits(0.0) == [Limit("rpm", 2, 2), Limit("tpm", 100, 100), Limit("concurrency", 1, 1)]
    quota.rate.admit(0.0, 60, 30)
    rate = quota.full(0.0, Need(5, 6))
    assert rate is not None
    assert (rate.kind, quota.full(0.0, Need(5, 5))) == (K.RATE_REACHED, None)
    assert quota.places is not None
    number = quota.places.take("a", 0.0)
    assert not isinstance(number, Failure)
    assert limits(quota) == {"rpm": (2, 1), "tpm": (100, 10), "concurrency": (1, 0)}
    place = quota.full(0.0, Need(5, 6))
    assert place is not None
    assert place.kind is K.CONCURRENCY_REACHED
    quota.park(5.0, "told to", waits=True)
    pause = quota.full(4.0, Need(5, 6))
    assert pause == Failure(K.COOLING, 'quota group "g" is set aside for 1.0 s more: told to', retry_after=1.0, forever=False)
    again = quota.full(5.0, Need(5, 6))
    assert again is not None
    assert again.kind is K.CONCURRENCY_REACHED
    assert quota.delay(0.0, 2, 0) == pytest.approx(30.0)
    quota.places.give_back(number)
    assert limits(quota)["concurrency"] == (1, 1)


def test_room_is_kept_for_those_who_have_little() -> None:
    """As long as a place is free, if only for others."""
    quota = Quota("g", None, 2)
    assert quota.places is not None
    for caller, kept in (("a", True), ("b", False)):
        quota.places.take(caller, 0.0)
        assert quota.keeps_room is kept


@pytest.mark.parametrize("make", [lambda: Alone('quota group "g"'), lambda: Quota("g")], ids=["alone", "quota"])
def test_a_model_that_is_not_there(make) -> None:
    """It is told once, with the time; a longer pause takes its place, a shorter one does not; and it is found again."""
    one = make()
    assert one.miss(100.0, "404 gone")
    said = 'quota group "g" is left alone for 60 s more: its provider has no such model (404 gone)'
    assert one.refusal(40.0) == Failure(K.MODEL_UNAVAILABLE, said, 404, "model_not_found", retry_after=60.0, forever=True)
    assert (one.miss(100.0, "x"), one.miss(99.0, "x"), one.miss(120.0, "later"), one.until) == (False, False, False, 120.0)
    one.park(110.0, "told to", waits=True)
    assert (one.is_missing, one.until) == (True, 120.0)
    one.park(130.0, "told to", waits=True)
    refusal = one.refusal(100.0)
    assert (one.is_missing, refusal.kind, refusal.forever, refusal.retry_after) == (False, K.COOLING, False, 30.0)
    assert one.miss(140.0, "404 gone")
    one.find()
    assert (one.is_missing, one.until) == (False, 0.0)
    assert one.miss(150.0, "again")


def test_throttles_let_less_through_and_time_more_again() -> None:
    """Rates and places alike; a swarm of throttles is one."""
    quota = Quota("g", RateSettings(rpm=60), 8)
    quota.change(RateSettings(rpm=60), 8, 0.0, SLOW)
    assert quota.places is not None
    seen = []
    for what, now in (("throttled", 100.0), ("throttled", 100.5), ("throttled", 101.0), ("ease", 110.9), ("ease", 111.0), ("ease", 141.0)):
        getattr(quota, what)(now)
        seen.append((quota.rate.share, quota.places.limit))
    assert seen == [(0.5, 4), (0.5, 4), (0.25, 2), (0.25, 2), (0.5, 4), (1.0, 8)]


def test_what_comes_back_comes_once() -> None:
    """A part for each window since the throttle, however often it is asked for."""
    quota = Quota("g", RateSettings(rpm=60))
    quota.change(RateSettings(rpm=60), None, 0.0, SLOW)
    seen = []
    quota.throttled(100.0)
    for now in (109.0, 110.0, 111.0, 119.0, 120.0):
        quota.ease(now)
        seen.append(quota.rate.share)
    assert seen == [0.5, 0.75, 0.75, 0.75, 1.0]


def test_other_limits_hold_from_then_on() -> None:
    """What was taken stays taken, also through a time without the limit; a limit that nobody sets any more is gone."""
    quota = Quota("g", RateSettings(rpm=10), 4)
    for _ in range(3):
        quota.rate.admit(0.0, 0)
    assert quota.places is not None
    number = quota.places.take("a", 0.0)
    quota.change(RateSettings(rpm=5), 6, 0.0, SLOW)
    assert limits(quota) == {"rpm": (5, 2), "concurrency": (6, 5)}
    quota.change(None, None, 0.0, SLOW)
    assert (limits(quota), quota.places, quota.places_of(None)) == ({}, None, None)
    quota.change(None, 2, 0.0, SLOW)
    assert limits(quota) == {"concurrency": (2, 1)}
    quota.places.give_back(number)  # type: ignore[arg-type]  # it was free
    assert limits(quota) == {"concurrency": (2, 2)}


# -- what answers tell -------------------------------------------------------------------------------------------------


def told(*fields: tuple[str, str], rate: RateSettings | None = None, asked: float = 100.0, now: float = 100.0) -> tuple[Quota, Learned, Bare]:
    """A group after one answer with such headers, asked for and here at these moments."""
    quota, bare = Quota("g", rate), Bare()
    quota.wait_for(bare)
    learned = Learned(quota, {})
    clock = ManualClock()
    clock.advance(now)
    learned.tell(tuple((f"x-ratelimit-{name}", value) for name, value in fields), asked, clock)
    return quota, learned, bare


def rpm(limit: int, left: int, reset: str = "60s") -> Headers:
    """What is told of a minute's requests."""
    return (("limit-requests", str(limit)), ("remaining-requests", str(left)), ("reset-requests", reset))


def test_an_answer_that_tells_nothing_is_not_looked_at_often() -> None:
    """Every 64th is enough."""
    quota, learned, bare = told(("other", "1"))
    assert (learned.skip, limits(quota), bare.armed) == (SILENT, {}, 0)


@pytest.mark.parametrize(
    ("limit", "left", "kept", "skip", "armed"),
    [
        (1000, 900, 880, MOST_SKIPPED, 0),
        (1000, 500, 480, MOST_SKIPPED, 0),
        (1000, 499, 479, MOST_SKIPPED, 1),
        (1000, 100, 80, 12, 1),
        (1000, 62, 42, 0, 1),
        (1000, 63, 43, 7, 1),
        (640, 40, 28, 5, 1),
        (40, 40, 40, 5, 0),
        (10, 1, 1, 0, 1),
    ],
)
def test_what_is_left_is_believed_with_a_part_in_hand(limit: int, left: int, kept: int, skip: int, armed: int) -> None:
    """A fiftieth is for others of the account; the less is left the sooner it is looked at again, and counted by from half on."""
    quota, learned, bare = told(*rpm(limit, left))
    assert (limits(quota, 100.0), learned.skip, bare.armed) == ({"rpm": (limit, kept)}, skip, armed)


def test_a_limit_that_is_only_named_is_taken_as_such() -> None:
    """With nothing said of what is left nothing is taken of it."""
    quota, learned, bare = told(("limit-requests", "50"))
    assert (limits(quota, 100.0), learned.skip, bare.armed) == ({"rpm": (50, 50)}, MOST_SKIPPED, 0)


def test_what_was_said_before_it_came_back_says_nothing() -> None:
    """An answer that took longer than the limit's reset is older than its refill; one that took a part of it tells of less."""
    quota, learned, _ = told(*rpm(100, 0, "30s"), asked=70.0)
    assert (quota.until, learned.skip, limits(quota, 100.0)) == (0.0, 0, {"rpm": (100, 100)})
    quota, _, _ = told(*rpm(100, 20, "60s"), asked=70.0)
    assert limits(quota, 100.0) == {"rpm": (100, 58)}
    quota, _, _ = told(*rpm(100, 20, "60s"), asked=100.0)
    assert limits(quota, 100.0) == {"rpm": (100, 18)}


def test_where_nothing_is_left_the_group_waits() -> None:
    """Until the reset, a second where none was told, five minutes at most; with the reason; and turns may be waited for."""
    quota, learned, bare = told(*rpm(100, 0, "20s"))
    refusal = quota.refusal(100.0)
    assert refusal is not None
    assert (quota.until, learned.skip, bare.armed) == (120.0, 0, 1)
    assert (refusal.forever, "the provider says that nothing is left (rpm)" in refusal.message) == (False, True)
    assert told(*rpm(100, 0)[:2])[0].until == 101.0
    assert told(*rpm(100, 0, "5000s"))[0].until == 400.0
    assert told(("remaining-requests", "0"), rate=RateSettings(rpm=10))[0].until == 101.0


def test_a_reset_may_be_told_as_a_moment() -> None:
    """By the clock on the wall; one that is now says nothing of what comes back."""
    moment = datetime.fromtimestamp(EPOCH + 120, UTC).isoformat()
    assert told(*rpm(100, 0, moment))[0].until == 120.0
    quota, learned, bare = told(*rpm(60, 50, "0s"))
    assert (limits(quota, 100.0), learned.skip, bare.armed) == ({"rpm": (60, 49)}, 6, 0)


def test_what_is_left_of_nobody_knows_how_much_counts_where_it_is_limited() -> None:
    """As little, to be looked at again with the next answer; with a reset or without."""
    for fields in ((("remaining-requests", "5"), ("reset-requests", "30s")), (("remaining-requests", "5"),)):
        quota, learned, bare = told(*fields, rate=RateSettings(rpm=100), asked=90.0)
        assert (limits(quota, 100.0), learned.skip, bare.armed) == ({"rpm": (100, 5)}, 0, 1)
    quota, learned, bare = told(*rpm(100, 40)[:2], asked=90.0)
    assert (limits(quota, 100.0), learned.skip, bare.armed) == ({"rpm": (100, 38)}, 5, 1)


def test_the_most_urgent_limit_says_when_to_look_again() -> None:
    """Of several rows the least."""
    tokens = (("limit-tokens", "1000"), ("remaining-tokens", "10"), ("reset-tokens", "60s"))
    quota, learned, _ = told(*rpm(1000, 1000), *tokens)
    assert (learned.skip, limits(quota, 100.0)) == (0, {"rpm": (1000, 980), "tpm": (1000, 0)})


def test_what_is_set_aside_for_no_stated_wait_is_not_waited_for() -> None:
    """Whoever says that time alone mends it says so."""
    for one in (Cooling("c"), Alone("m"), Quota("g")):
        one.park(5.0, "empty")
        refusal = one.refusal(1.0)
        assert refusal is not None
        assert (refusal.retry_after, refusal.forever) == (4.0, True)
        one.park(9.0, "full", waits=True)
        refusal = one.refusal(1.0)
        assert refusal is not None
        assert (refusal.retry_after, refusal.forever) == (8.0, False)


def test_places_are_counted_for_a_limit_that_comes_later() -> None:
    """Whoever asks for one has the same places, in force or not yet; what was taken of them counts once they are."""
    quota = Quota("g")
    places = quota.places_of(2)
    assert places is not None
    assert (quota.places_of(2) is places, quota.places_of(None), quota.places) == (True, None, None)
    places.take("a", 0.0)
    quota.change(None, 2, 0.0, EasingSettings())
    assert limits(quota) == {"concurrency": (2, 1)}
    quota.change(None, None, 0.0, EasingSettings())
    assert (limits(quota), quota.places_of(2) is places) == ({}, True)

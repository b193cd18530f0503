"""The fair queue: shares, order, no starvation, bounds; against what must hold for any traffic."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.queue import HIGHEST, LOWEST, FairQueue, QueueSettings, priority_of, weight_of

WIDE = QueueSettings(most=100_000)


class One:
    """Somebody who waits."""

    def __init__(self, caller: str, priority: int = 0, tokens: int = 100, size: int = 10) -> None:
        self.caller, self.priority, self.tokens, self.size = caller, priority, tokens, size


Ones = st.builds(
    One, st.sampled_from("abcd"), st.sampled_from([-10, -5, 0, 5, 10]), st.integers(0, 5000), st.integers(0, 1000)
)
Steps = st.lists(st.one_of(Ones, st.just("take"), st.integers(0, 50)), max_size=120)


@given(Steps)
def test_it_loses_nobody_and_keeps_each_flow_in_order(steps: list[One | str | int]) -> None:
    """Whoever joined is served once or left; as long as anybody waits there is a next one; a flow is first in, first out."""
    queue, here, served = FairQueue[One](), list[One](), list[One]()
    for step in steps:
        if isinstance(step, One):
            assert queue.join(step, WIDE) == []
            here.append(step)
        elif step == "take" and here:
            one = queue.take()
            served.append(one)
            earlier = next(other for other in here if (other.caller, other.priority) == (one.caller, one.priority))
            assert one is earlier, "first in, first out within a caller and priority"
            here.remove(one)
        elif isinstance(step, int) and here:
            gone = here.pop(step % len(here))
            queue.leave(gone)
            queue.leave(gone)
        assert len(queue) == len(here)
        assert queue.size == sum(one.size for one in here)
        assert (queue.first() in here) == bool(here), "work-conserving"


@given(st.integers(1, 200), st.sampled_from([LOWEST, -5, 0, 5]), st.integers(1, 4000), st.integers(1, 4000))
def test_nobody_starves(flood: int, priority: int, mine: int, its: int) -> None:
    """Whoever waits is overtaken by another's flood for at most its own tokens times the ratio of weights, and one request more."""
    queue = FairQueue[One]()
    for _ in range(flood):
        queue.join(One("flood", HIGHEST, its), WIDE)
    queue.take()
    first, second = One("me", priority, mine), One("me", priority, mine)
    queue.join(first, WIDE)
    queue.join(second, WIDE)
    passed = 0
    while (one := queue.take()) is not first:
        passed += one.tokens
        queue.join(One("flood", HIGHEST, its), WIDE)
    assert passed <= its, "the first one waits for one request at most"
    passed = 0
    while (one := queue.take()) is not second:
        passed += one.tokens
        queue.join(One("flood", HIGHEST, its), WIDE)
    assert passed <= mine * weight_of(HIGHEST) / weight_of(priority) + 2 * its + 256


@given(st.lists(st.sampled_from([-5, 0, 5]), min_size=1, max_size=40))
def test_of_callers_with_one_request_each_the_highest_priority_is_next(priorities: list[int]) -> None:
    """Where nobody had anything yet there is no share to go by: the higher priority goes first, and within it who came first."""
    queue = FairQueue[One]()
    for number, priority in enumerate(priorities):
        queue.join(One(f"{number:02}", priority), WIDE)
    served = [(-one.priority, one.caller) for one in [queue.take() for _ in priorities]]
    assert served == sorted(served)


def test_a_crowd_of_high_ones_passes_a_low_one_once_each() -> None:
    """However many callers of a high priority come again and again, each is ahead of one that waits but once: nobody starves."""
    queue = FairQueue[One]()
    low = One("low", LOWEST)
    queue.join(low, WIDE)
    crowd = [f"high {number}" for number in range(20)]
    for caller in crowd:
        queue.join(One(caller, HIGHEST), WIDE)
    passed = Counter[str]()
    while (one := queue.take()) is not low:
        passed[one.caller] += 1
        queue.join(One(one.caller, HIGHEST), WIDE)
    assert passed == Counter(crowd)


@pytest.mark.parametrize(
    ("callers", "shares"),
    [
        ({"a": (0, 100), "b": (0, 100)}, {"a": 1, "b": 1}),
        ({"a": (0, 100), "b": (0, 1000)}, {"a": 1, "b": 1}),
        ({"a": (5, 100), "b": (0, 100), "c": (-5, 100)}, {"a": 16, "b": 4, "c": 1}),
    ],
)
def test_tokens_are_shared_by_weight(callers: dict[str, tuple[int, int]], shares: dict[str, int]) -> None:
    """Callers who always have something waiting get equal tokens, whatever their requests' sizes; priorities four times each."""
    queue, tokens = FairQueue[One](), Counter[str]()
    for caller, (priority, size) in callers.items():
        for _ in range(3):
            queue.join(One(caller, priority, size), WIDE)
    for _ in range(5000):
        one = queue.take()
        tokens[one.caller] += one.tokens
        queue.join(One(one.caller, one.priority, one.tokens), WIDE)
    unit = sum(tokens.values()) / sum(shares.values())
    for caller, share in shares.items():
        assert tokens[caller] == pytest.approx(unit * share, rel=0.05)


def test_many_priorities_make_no_larger_share() -> None:
    """Who asks under each priority it may shares with who asks under one as if it asked under the highest alone (INV-23)."""
    queue, tokens = FairQueue[One](), Counter[str]()
    those = [One("many", priority) for priority in range(LOWEST, 1)] + [One("one")]
    for one in those * 3:
        queue.join(One(one.caller, one.priority), WIDE)
    for _ in range(5000):
        one = queue.take()
        tokens[one.caller] += one.tokens
        queue.join(One(one.caller, one.priority), WIDE)
    assert tokens["many"] == pytest.approx(tokens["one"], rel=0.1)


def test_a_flood_of_many_priorities_pushes_out_its_own() -> None:
    """A full queue lets somebody of the caller with most go, however many priorities that has."""
    queue, settings = FairQueue[One](), QueueSettings(most=10)
    for one in [One("many", priority) for priority in range(-7, 1)] + [One("one"), One("one")]:
        assert queue.join(one, settings) == []
    assert queue.join(One("one"), settings)[0].caller == "many"


def test_a_newcomer_has_no_arrears() -> None:
    """Whoever comes after others have been served for long shares with them from then on, and does not go first for as long."""
    queue, order = FairQueue[One](), list[str]()
    for _ in range(200):
        queue.join(One("old"), WIDE)
    for _ in range(100):
        queue.take()
    for _ in range(50):
        queue.join(One("new"), WIDE)
    for _ in range(60):
        order.append(queue.take().caller)
    assert Counter(order[:20])["old"] in {9, 10, 11}


def test_a_flood_pushes_out_its_own() -> None:
    """A full queue lets the newest of the longest flow go: who sends little always finds room."""
    queue, settings = FairQueue[One](), QueueSettings(most=10)
    flood = [One("flood") for _ in range(10)]
    assert [queue.join(one, settings) for one in flood] == [[]] * 10
    late = One("flood")
    assert queue.join(late, settings) == [late]
    small = One("small")
    assert queue.join(small, settings) == [flood[-1]]
    assert len(queue) == 10
    queue.take()
    assert queue.take() is small


def test_bytes_are_bounded_too() -> None:
    """Bodies that would be too large together do not wait together; a single one beyond the bound does not wait at all."""
    queue, settings = FairQueue[One](), QueueSettings(bytes=100)
    small, large = One("a", size=60), One("b", size=60)
    queue.join(small, settings)
    assert queue.join(large, settings) in ([small], [large])
    huge = One("c", size=101)
    assert huge in queue.join(huge, settings)
    assert queue.size <= 100


def test_who_goes_before_is_told() -> None:
    """A newcomer is told what goes before it: its own flow, and of others no more than their fair part."""
    queue = FairQueue[One]()
    for _ in range(50):
        queue.join(One("flood", tokens=10), WIDE)
    queue.take()
    assert queue.ahead(One("flood", tokens=10)) == (49, 490)
    assert queue.ahead(One("small", tokens=10))[0] <= 1


class Watched(One):
    """Somebody who counts how often it is looked at."""

    looks = 0

    def __getattribute__(self, name: str) -> object:
        """Count a look."""
        Watched.looks += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize("callers", [1, 20, 2000])
def test_a_long_line_costs_each_of_it_no_more(callers: int) -> None:
    """With 2,000 who wait nobody who comes, goes, or asks how long it will be looks at all the others (INV-14)."""
    queue, ones = FairQueue[One](), [Watched(str(number % callers)) for number in range(2000)]
    for one in ones:
        queue.join(one, WIDE)
    Watched.looks = 0
    assert queue.ahead(One("0"))[0] >= 1
    queue.leave(ones[1999])
    queue.leave(ones[1000])
    queue.take()
    assert Watched.looks <= 40


def test_a_full_line_of_many_callers_costs_no_more() -> None:
    """Whoever comes to a full queue, by number or by bytes, pushes somebody out without a look at each caller."""

    def calls(callers: int) -> int:
        queue, settings, counted = FairQueue[One](), QueueSettings(most=2000, bytes=20_000), 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        for number in range(2000):
            queue.join(One(str(number % callers), number // callers % 2), settings)
        sys.setprofile(count)
        for size in (1, 10, 100):
            assert queue.join(One("late", size=size), settings)
            assert queue.first_but("nobody") is not None
        sys.setprofile(None)
        return counted

    assert calls(1000) <= 2 * calls(10)


@given(Steps)
def test_the_one_with_most_lets_its_newest_go(steps: list[One | str | int]) -> None:
    """Who is pushed out is the newest of a flow of somebody who had as much as anybody, requests or bytes, the newcomer with it."""
    queue, settings, here = FairQueue[One](), QueueSettings(most=8, bytes=3000), list[One]()
    for step in steps:
        if isinstance(step, One):
            here.append(step)
            for gone in queue.join(step, settings):
                counts, sizes = Counter(one.caller for one in here), Counter[str]()
                for one in here:
                    sizes[one.caller] += one.size
                most = sizes if sum(sizes.values()) > settings.bytes else counts
                assert most[gone.caller] == max(most.values())
                assert gone is [one for one in here if (one.caller, one.priority) == (gone.caller, gone.priority)][-1]
                here.remove(gone)
        elif step == "take" and here:
            here.remove(queue.take())
        elif isinstance(step, int) and here:
            queue.leave(here.pop(step % len(here)))


@pytest.mark.parametrize(
    ("text", "priority"),
    [("high", 5), (" Low ", -5), ("normal", 0), ("10", 10), ("-10", -10), ("+3", 3), ("11", None), ("", None), ("1.5", None),
     ("--3", None), ("²", None), ("urgent", None)],
)  # fmt: skip
def test_priorities_as_people_write_them(text: str, priority: int | None) -> None:
    """Three names and whole numbers from -10 to 10; anything else is none."""
    assert priority_of(text) == priority

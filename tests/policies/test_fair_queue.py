"""The fair queue at its edges: what its laws leave open (tests/laws/test_queue_laws.py has those)."""

import pytest

from stormkeel.policies.most import Most
from stormkeel.policies.queue import HIGHEST, LOWEST, FairQueue, QueueSettings, weight_of

WIDE = QueueSettings(most=100)


class One:
    """Somebody who waits."""

    def __init__(self, caller, priority=0, tokens=100, size=10):
        self.caller, self.priority, self.tokens, self.size = caller, priority, tokens, size


def joined(queue, *ones, settings=WIDE):
    """Let some wait."""
    for one in ones:
        assert queue.join(one, settings) == []
    return ones


def order(queue):
    """The callers in the order they are served."""
    return [queue.take().caller for _ in range(len(queue))]


def test_exactly_so_many_may_wait_and_exactly_so_many_bytes():
    """The bounds themselves are inside: the next request or byte pushes one out."""
    settings = QueueSettings(most=2, bytes=100)
    queue = FairQueue()
    joined(queue, One("a", size=50), One("b", size=50), settings=settings)
    assert (len(queue), queue.size) == (2, 100)
    empty = One("c", size=0)
    assert len(queue.join(empty, settings)) == 1
    alone = FairQueue()
    joined(alone, One("a", size=100), settings=settings)
    assert alone.size == 100
    assert len(alone.join(One("b", size=1), settings)) == 1


def test_too_many_bytes_push_out_whoever_has_the_most_of_them():
    """Not who sent most requests: the newest body of the caller with the most bytes."""
    settings = QueueSettings(most=100, bytes=100)
    queue = FairQueue()
    large = One("large", size=60)
    joined(queue, *[One("many", size=5) for _ in range(6)], large, settings=settings)
    assert queue.join(One("new", size=11), settings) == [large]
    assert queue.size == 41


def test_whoever_was_pushed_out_owes_nothing():
    """A request that had to leave does not count against its caller's next."""
    queue, few = FairQueue(), QueueSettings(most=3)
    _, kept, pushed = joined(queue, One("z"), One("a"), One("a"), settings=few)
    late = One("b")
    assert queue.join(late, few) == [pushed]
    queue.take(kept)
    queue.take(late)
    joined(queue, One("a"), One("b"))
    assert order(queue) == ["z", "a", "b"]


def test_who_had_its_share_waits_though_it_has_nothing_else_here():
    """A caller whose one large request was served comes after those who are due, also where its flow was empty meanwhile."""
    queue = FairQueue()
    joined(queue, One("large", tokens=1000), One("b"), One("b"), One("b"))
    assert queue.take().caller == "large"
    joined(queue, One("large", tokens=1000))
    assert order(queue) == ["b", "b", "b", "large"]


def test_a_request_of_no_tokens_counts_as_one():
    """Nothing is free: a flood of requests of no tokens does not pass others for ever."""
    queue = FairQueue()
    joined(queue, *[One("nothing", tokens=0) for _ in range(3)], One("one", tokens=1), One("one", tokens=1))
    assert order(queue) == ["nothing", "one", "nothing", "one", "nothing"]


def test_the_next_of_all_but_one_is_the_first_to_be_due():
    """Whoever is at its limit is passed over, and of the others the one with the smallest tag is next; nobody is where there is none."""
    queue = FairQueue()
    assert queue.first() is None and queue.first_but("a") is None
    first, second, other = joined(queue, One("a"), One("b"), One("b"))
    assert queue.first() is first
    assert queue.first_but("a") is second
    assert queue.first_but("b") is first
    queue.take(second)
    assert queue.first_but("a") is other
    queue.leave(other)
    assert queue.first_but("a") is None
    assert queue.first() is first


def test_one_that_is_served_before_its_turn_is_gone():
    """Taking another than the next leaves the next where it is."""
    queue = FairQueue()
    first, second = joined(queue, One("a", size=3), One("a", size=4))
    assert queue.take(second) is second
    assert (len(queue), queue.size, queue.first()) == (1, 3, first)


def test_who_comes_is_told_what_is_before_it_and_no_more():
    """Requests as early as its own go first, and so do their tokens."""
    queue = FairQueue()
    assert queue.ahead(One("a")) == (0, 0)
    joined(queue, One("a", tokens=7), One("b", tokens=5))
    assert queue.ahead(One("c")) == (2, 12)
    assert queue.ahead(One("a")) == (2, 12)


def test_those_who_left_change_nothing():
    """A thousand who come and leave while somebody waits: one waits still, and is next."""
    queue = FairQueue()
    joined(queue, One("here"))
    for _ in range(1000):
        (one,) = joined(queue, One("gone"))
        queue.leave(one)
    assert (len(queue), queue.size) == (1, 10)
    assert order(queue) == ["here"]


@pytest.mark.parametrize(("priority", "weight"), [(LOWEST, 1), (-5, 4), (0, 16), (5, 64), (HIGHEST, 256), (-99, 1), (99, 256), (1, 21)])
def test_five_steps_are_four_times_as_much(priority, weight):
    """From 1 to 256; beyond both ends as at them."""
    assert weight_of(priority) == weight


def test_who_has_most_is_known_however_often_amounts_change() -> None:
    """What is out of date is thrown away, and nothing else with it."""
    most = Most()
    for number in range(300):
        most.add("little", 1 if number % 2 else 2)
        most.add("much", 5)
        assert most.first() == "much"
    most.add("much", -1500)
    assert (most.first(), len(most), "much" in most) == ("little", 1, False)
    most.add("little", -450)
    assert (most.first(), len(most)) == (None, 0)


def test_of_equals_the_one_comes_first_who_has_had_something_for_longer() -> None:
    """Not the one whose name does; and who had nothing in between begins anew."""
    most = Most()
    for name in ("z", "y", "x"):
        most.add(name, 1)
    assert most.first() == "z"
    most.add("z", -1)
    assert most.first() == "y"
    most.add("z", 1)
    most.add("y", -1)
    assert most.first() == "x"
    most.add("x", -1)
    assert most.first() == "z"


def test_exactly_as_many_bytes_as_may_be_are_no_reason_to_go_for_bytes():
    """Where only requests are too many the one goes who has most requests."""
    queue, settings = FairQueue(), QueueSettings(most=2, bytes=100)
    joined(queue, One("a", size=10), One("b", size=80), settings=settings)
    late = One("a", size=10)
    assert queue.join(late, settings) == [late]


def test_bytes_of_those_who_left_are_nobodys():
    """Who goes for bytes is whoever has most of them now."""
    queue, settings = FairQueue(), QueueSettings(most=10, bytes=100)
    keeps, large, small, much = One("k", size=1), One("a", size=90), One("a", size=30), One("b", size=50)
    joined(queue, keeps, large, settings=settings)
    queue.leave(large)
    joined(queue, small, much, settings=settings)
    assert queue.join(One("c", size=25), settings) == [much]

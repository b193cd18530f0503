"""Sums of bookings."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from stormkeel.ledger.booking import Booking, gather, orphan
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.ledger.query import GROUPINGS, Query
from stormkeel.ledger.reports import Sum, in_order, percentile, request_of
from stormkeel.runtime.reports import nothing
from stormkeel.runtime.stores.sqlite import add
from stormkeel.types.usage import Usage

HOUR_NS = 3_600 * 10**9


def reserved(attempt: str, at: int = 0, amount: int | None = 100, model: str = "m", tags: tuple[str, ...] = ()) -> Reserved:
    """A reservation of 100 nano-dollars."""
    return Reserved(attempt, attempt.rpartition(".")[0], at, "fast", "d", "p", model, "x", "k", "", "", tags, 1, 1, amount, "s")


def settled(
    attempt: str, outcome: str = "ok", amount: int | None = 10, source: str = "provider", latency: float = 1.0
) -> Settled:
    """A settlement of 10 nano-dollars, 3 tokens in and 2 out."""
    return Settled(attempt, 5, outcome, 200, latency, None, Usage(input=2, cache_read=1, output=2), source, amount)


def booked(attempt: str, **about: object) -> Booking:
    """A finished booking."""
    return Booking(reserved(attempt), settled(attempt, **about))  # type: ignore[arg-type]


def grouped(bookings: Iterable[Booking], *by: str) -> list[Sum]:
    """Sum bookings up as `stormkeel usage` does, in its order."""
    with nothing() as view:
        for booking in bookings:
            add(view._base, "w", [half for half in (booking.reserved, booking.settled) if half])
        return in_order(view.sums(Query(0, 1 << 62, by)), by, None, None)


def total(bookings: Iterable[Booking]) -> Sum:
    """Sum bookings up to one sum."""
    return grouped(bookings)[0]


def test_requests_and_attempts() -> None:
    """A request that succeeds at its second attempt is one success of one request and two attempts."""
    one = total([booked("a.1", outcome="overloaded"), booked("a.2"), booked("b.1", outcome="server")])
    assert (one.requests, one.succeeded, one.attempts, one.success) == (2, 1, 3, 0.5)
    assert (one.usage.total_input, one.usage.cache_read, one.usage.total_output, one.cost) == (9, 3, 6, 30)


def test_what_is_under_way() -> None:
    """Open attempts hold money and are neither success nor failure."""
    one = total([booked("a.1"), Booking(reserved("b.1")), Booking(reserved("c.1", amount=None))])
    assert (one.open, one.held, one.cost, one.success, one.unpriced) == (2, 100, 10, 1.0, 1)
    assert total([Booking(reserved("b.1"))]).success is None


def test_a_hedge_still_under_way() -> None:
    """A request that has succeeded is finished, though its second runner has not come home."""
    one = total([booked("a.1"), Booking(reserved("a.2")), booked("b.1", outcome="server")])
    assert (one.success, one.open) == (0.5, 1)


def test_estimates_are_named() -> None:
    """What rests on an estimate or a reservation is told apart from the provider's word; an orphan's time is no latency."""
    lost = Booking(reserved("c.1"), orphan("c.1", 100, 9))
    one = total([booked("b.1", source="estimated", amount=7, latency=3.0), lost])
    assert (one.cost, one.guessed) == (107, 107)
    assert one.latencies == (3.0, 3.0, 3.0)


def test_unknown_price_is_counted_not_added() -> None:
    """An attempt of unknown price adds to the count of those, not 0 to the cost."""
    one = total([booked("a.1"), booked("b.1", amount=None)])
    assert (one.cost, one.unpriced) == (10, 1)


def test_nothing_at_all() -> None:
    """A sum over nothing has no rate of success and no latency."""
    one = total([])
    assert (one.success, one.latencies, one.cost, one.usage) == (None, None, 0, Usage())


@pytest.mark.parametrize(("percent", "rank"), [(50, 2), (95, 4), (99, 4), (1, 1), (25, 1), (26, 2), (100, 4)])
def test_percentile_by_nearest_rank(percent: int, rank: int) -> None:
    """The percentile is a value that was seen: the smallest that so many percent do not exceed."""
    assert percentile([1.0, 2.0, 3.0, 4.0], percent) == rank


def test_grouping_by_tag_counts_under_each() -> None:
    """An attempt with two tags stands under both, one without stands under "-"."""
    with_two = Booking(reserved("a.1", tags=("x", "y")), settled("a.1"))
    sums = {one.names[0]: one.attempts for one in grouped([with_two, booked("b.1")], "tag")}
    assert sums == {"x": 1, "y": 1, "-": 1}


def test_grouping_by_loss_counts_under_each() -> None:
    """An attempt that lost two things stands under both, one that lost nothing or is under way under "-"."""
    lossy = Booking(reserved("a.1"), msgspec.structs.replace(settled("a.1"), lost=("seed", "messages[].name")))
    sums = {one.names[0]: one.attempts for one in grouped([lossy, booked("b.1"), Booking(reserved("c.1"))], "loss")}
    assert sums == {"seed": 1, "messages[].name": 1, "-": 2}


def test_hours_in_order_models_by_cost() -> None:
    """Hours come in their order, models with the dearest first."""
    late, early = (
        Booking(reserved("a.1", at=2 * HOUR_NS), settled("a.1")),
        Booking(reserved("b.1", model="n"), settled("b.1", amount=99)),
    )
    assert [one.names[0] for one in grouped([late, early], "hour")] == ["1970-01-01 00:00Z", "1970-01-01 02:00Z"]
    assert [one.names[0] for one in grouped([late, early], "model")] == ["n", "m"]


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_grouping_keeps_the_sum(by: str) -> None:
    """Whatever it is grouped by, no cost and no attempt is lost; a booking without a reservation stands under "-"."""
    bookings = [booked("a.1"), booked("a.2", outcome="server"), Booking(None, settled("z.1")), Booking(reserved("o.1"))]
    sums = grouped(bookings, by)
    assert sum(one.cost for one in sums) == 30
    assert sum(one.attempts for one in sums) == 4


def test_first_come_stays() -> None:
    """Of two reservations or settlements of one attempt the first stands, in whatever order the halves come (INV-3)."""
    bookings: dict[str, Booking] = {}
    gather(bookings, [settled("a.1"), reserved("a.1"), settled("a.1", amount=99), reserved("a.1", amount=1)])
    assert bookings == {"a.1": booked("a.1")}


def test_a_lost_reservation() -> None:
    """A settlement whose reservation was lost still tells its request and its amount."""
    half = Booking(None, settled("req.2"))
    assert (request_of(half), half.amount, half.is_open, half.at) == ("req", 10, False, 5)

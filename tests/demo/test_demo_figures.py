"""Arrivals, counts and percentiles of an arm, and the claims made of them."""

from __future__ import annotations

import msgspec
import pytest
from tests.demo.demo_values import OUTCOME, arrived, booked

from stormkeel.demo.arrival import KINDS, OUTAGE, count_kinds, read_arrivals
from stormkeel.demo.audit import audit
from stormkeel.demo.claims import check
from stormkeel.demo.figures import Figures, added_by_bill, added_by_ledger, figure, percentiles, turns
from stormkeel.demo.report import table
from stormkeel.demo.storm import BLOCK


@pytest.mark.parametrize(
    ("fault", "streamed", "status", "kind"),
    [
        ("overloaded", True, 529, "529"),
        ("overloaded", False, 503, "503"),
        ("stream_error", True, 200, "in-stream error"),
        ("stream_error", False, 529, "529"),
        ("no_terminal", True, 200, "missing terminal marker"),
        ("no_terminal", False, 200, None),
        ("malformed", True, 200, "malformed event"),
        ("malformed", False, 200, "malformed body"),
        ("cut_clean", True, 200, "cut mid-stream"),
        ("cut", False, 200, "cut body"),
        ("unavailable", True, 503, OUTAGE),
        ("", True, 200, None),
    ],
)
def test_a_fault_counts_as_what_the_request_met(fault: str, streamed: bool, status: int, kind: str | None) -> None:
    """A fault that needs a stream does not count as one where there was none."""
    assert arrived(fault=fault, streamed=streamed, status=status).kind == kind


def test_every_fault_of_the_plan_has_a_kind() -> None:
    """With the outage, the plan's faults are all kinds there are, and no others."""
    names = {name.partition(":")[0] for name in BLOCK} - {"ok"}
    met = {arrived(fault=name, status=status).kind for name in names for status in (503, 529)}
    assert met | {OUTAGE} == set(KINDS)


def test_an_outage_counts_once_however_many_it_hits() -> None:
    """Hits close together are one outage, hits after a pause another."""
    hits = [arrived(fault="unavailable", at=at) for at in (10.0, 10.3, 10.1, 12.0)]
    assert count_kinds(hits)[OUTAGE] == 2
    assert count_kinds([])[OUTAGE] == 0


def test_bill_and_requests_are_joined_by_id() -> None:
    """A row of the bill is known by its request's number, which stands in the prompt."""
    tokens = {"input": 3, "cached": 1, "cache_write": 0, "cache_write_1h": 0, "output": 2, "reasoning": 0}
    row = {
        "id": "req_1", "client_request_id": "r.1", "model": "m", "status": 200, "fault": "cut:at=0.5", "tokens": tokens,
        "usage_reported": False, "open": False, "cost_nano_dollars": 9,
    }  # fmt: skip
    body = '{"stream": true, "messages": [{"role": "user", "content": "Request 17: what?"}]}'
    [one] = read_arrivals({"rows": [row]}, {"requests": [{"id": "req_1", "at": 5.0, "body": body}]})
    assert (one.request, one.fault, one.streamed, one.input, one.output) == (17, "cut", True, 4, 2)


def test_a_stream_broken_after_content_is_told_from_one_that_could_be_saved() -> None:
    """Broken is only what had content out and ended by a fault of the stream."""
    cut = msgspec.structs.replace(OUTCOME, text="the who", error="APIError")
    assert figure([cut], [arrived(fault="stall")], None).broken == 1
    assert figure([cut], [arrived(fault="server_error")], None).broken == 0
    assert figure([msgspec.structs.replace(cut, text="")], [arrived(fault="stall")], None).broken == 0
    assert figure([OUTCOME], [arrived(fault="no_terminal")], None).broken == 0


def test_half_an_answer_without_an_error_is_silent() -> None:
    """It is neither answered nor told."""
    found = figure([msgspec.structs.replace(OUTCOME, text="the who")], [arrived(fault="cut_clean")], None)
    assert (found.answered, found.silent, found.broken, found.broken_silently) == (0, 1, 1, 1)


def test_retries_and_failovers_follow_the_attempts_in_order() -> None:
    """The same deployment again is a retry, another one a failover; the tenth attempt comes after the ninth."""
    a, b = "openai/m#a", "backup/m#a"
    order = [a, a, b, b, b, b, b, b, b, a]
    bookings = {f"r.{place + 1}": booked(f"r.{place + 1}", deployment=name) for place, name in enumerate(order)}
    assert turns(dict(sorted(bookings.items()))) == (7, 2)


def test_added_latency_leaves_the_answering_attempt_out() -> None:
    """By the bill it is the time until that attempt arrived, by the ledger all but its own latency."""
    came = {0: [arrived(at=99.6), arrived(at=100.0)]}
    bookings = {"r.1": booked("r.1", outcome="silent", latency=0.8), "r.2": booked("r.2", latency=0.25)}
    assert added_by_bill([OUTCOME], came) == pytest.approx([0.5])
    assert added_by_ledger([OUTCOME], bookings) == pytest.approx([0.35])


def test_percentiles_are_by_nearest_rank() -> None:
    """Of 1 to 100 they are the numbers themselves, of nothing there are none."""
    assert percentiles(float(value) for value in range(100, 0, -1)) == (50.0, 95.0, 99.0)
    assert percentiles([]) is None


GOOD = Figures(
    requests=300, answered=297, broken=0, broken_silently=0, silent=0, errors={}, attempts=400, failed=120, retries=0,
    failovers=0, latency=None, added=None, input=0, output=0, cost=0, kinds=dict.fromkeys(KINDS, 5),
)  # fmt: skip
RIGHT = audit([arrived()], {"r.1": booked()})


def test_a_run_at_the_edge_of_every_claim_holds() -> None:
    """Exactly 300 requests, 30 % failed, five of each fault and 99 % answered are enough."""
    assert all(claim.holds for claim in check([GOOD], GOOD, RIGHT))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests": 299, "answered": 299}, "requests in every arm"),
        ({"failed": 119}, "of all attempts fail"),
        ({"kinds": {**GOOD.kinds, "stall": 4}}, "every fault is met"),
        ({"answered": 296}, "requests that can be saved"),
        ({"broken": 1, "broken_silently": 1}, "told as an error"),
        ({"silent": 1}, "in silence"),
    ],
)
def test_one_less_is_not_enough(changes: dict[str, object], words: str) -> None:
    """Each claim fails on its own where it is missed by one."""
    found = msgspec.structs.replace(GOOD, **changes)
    assert [words in claim.text for claim in check([found], found, RIGHT) if not claim.holds] == [True]


def test_money_that_does_not_add_up_fails_its_claim() -> None:
    """A ledger that differs, one that is out of bounds, and a stray each break one claim."""
    wrong = audit([arrived()], {"r.1": booked(amount=1)})
    beyond = audit(
        [arrived(), arrived(attempt="s.1", cost=5)],
        {"r.1": booked(), "s.1": booked("s.1", outcome="reset", usage_source="none", amount=0)},
    )
    stray = audit([arrived(), arrived(attempt="s.1")], {"r.1": booked()})
    for found in (wrong, beyond, stray):
        assert sum(not claim.holds for claim in check([GOOD], GOOD, found)) == 1


def test_tables_are_aligned() -> None:
    """The first column stands to the left, numbers to the right."""
    assert table([["", "a"], ["long name", "1"], ["b", "1000"]]) == ["              a", "long name     1", "b          1000"]

"""The judge of `make storm`: each of its verdicts can fail, on evidence that is made up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from bench.storm.evidence import Arrival, Booked, Evidence, Seen
from bench.storm.judge import CHECKS, end_of, judge
from bench.storm.report import as_data, lines, scenarios
from bench.storm.scenario import CUT, FILTERED, GARBLED, TOLD, WHOLE, Asks, Run, Scenario, Wanted, ever
from bench.storm.table import table

TEXTS = ("All of it.", "Every word.")
MODELS = ("one", "two")
REFUSED = Arrival(0, 0.1, 429, "rate_limit:retry_after=2", 2.0, "one", id="r.1")
ANSWERED = Arrival(0, 0.2, 200, "", 0.0, "two", (5, 7), reported=True, cost=90, id="r.2")
GOOD = Seen(0, 0.0, 0.3, "Every word.", "stop", "two", (5, 7))
BOOKS = (Booked("r.1", 0, 100, reported=False, settled=True), Booked("r.2", 90, 100, reported=True, settled=True))
ERROR = {
    "error": "APIStatusError",
    "status": 429,
    "words": "rate_limit_exceeded slow down",
    "text": "",
    "finish": "",
    "model": "",
}


def shown(seen: dict[str, Any] | None = None, wanted: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    """A rescue that is good in every way, but for what is changed."""
    bounds = Wanted((WHOLE,), 1.0, 1, 1, "because", says=("rate_limit",))
    bounds = msgspec.structs.replace(bounds, **wanted or {})
    scenario = Scenario(1, "made-up", "made up", ever("rate_limit"), bounds, Asks(), silent=changes.pop("silent", False))
    one = msgspec.structs.replace(GOOD, **seen or {})
    evidence = Evidence(Run(scenario, 0), (one,), (REFUSED,), (ANSWERED,), (TEXTS,), MODELS, books=BOOKS)
    return msgspec.structs.replace(evidence, **changes)


def red(evidence: Evidence) -> set[str]:
    """The checks that do not hold."""
    return {verdict.check for verdict in judge(evidence).verdicts if verdict.holds is False}


def test_a_good_rescue_is_green() -> None:
    """Nothing is wrong with a rescue that is good in every way, and what there was to look at was looked at."""
    judged = judge(shown())
    assert judged.ok
    assert judged.rescued == 1
    assert {verdict.check for verdict in judged.verdicts if verdict.holds is None} == {
        "silent one left alone",
        "reason told",
        "back home",
    }


AGAIN = msgspec.structs.replace(REFUSED, at=1.9, id="r.3")
LATER = msgspec.structs.replace(REFUSED, at=2.11, id="r.3", fault="", hint=0.0, status=0)
HEALTHY = Arrival(0, 9.0, 200, "", 0.0, "one", (5, 7), reported=True)
BAD = [
    ("outcome", shown(ERROR)),
    ("in time", shown({"seconds": 1.01})),
    ("no hammering", shown(primary=(REFUSED, LATER, msgspec.structs.replace(REFUSED, at=5.0)))),
    ("no hammering", shown(fallback=(ANSWERED, ANSWERED))),
    ("no hammering", shown(primary=(REFUSED, *[msgspec.structs.replace(LATER, at=3.0 + place) for place in range(3)]))),
    ("Retry-After kept", shown(primary=(REFUSED, AGAIN))),
    ("silent one left alone", shown(primary=(REFUSED, LATER), silent=True)),
    ("no part for all", shown({"text": "Every"})),
    ("no part for all", shown({"text": "Every word. All of it."})),
    ("no part for all", shown({"finish": ""})),
    ("reason told", shown({**ERROR, "words": ""}, {"ends": (TOLD,)})),
    ("reason told", shown({**ERROR, "status": 400, "words": "bad request"}, {"ends": (TOLD,)})),
    ("model and usage", shown({"model": "one"})),
    ("model and usage", shown({"usage": (5, 8)})),
    ("model and usage", shown({"usage": None})),
    ("back home", shown(wanted={"back": 5.0}, healed=3.0)),
    ("back home", shown(wanted={"back": 5.0}, healed=3.0, primary=(REFUSED, HEALTHY))),
    ("books", shown(books=BOOKS[:1])),
    ("books", shown(books=(BOOKS[0], Booked("r.2", 91, 100, reported=True, settled=True)))),
    ("books", shown(books=(BOOKS[0], Booked("r.2", 91, 100, reported=False, settled=True)))),
    ("books", shown(books=(Booked("r.1", 101, 100, reported=False, settled=True), BOOKS[1]))),
    ("books", shown(books=(Booked("r.1", None, 100, reported=False, settled=True), BOOKS[1]))),
    ("books", shown(books=(*BOOKS, Booked("r.9", 1, 1, reported=False, settled=True)))),
]


@pytest.mark.parametrize(("check", "evidence"), BAD, ids=[f"{place}-{check}" for place, (check, _) in enumerate(BAD)])
def test_each_verdict_can_fail(check: str, evidence: Evidence) -> None:
    """What is made wrong is found wrong, by the check that is for it."""
    judged = judge(evidence)
    assert check in red(evidence)
    assert not judged.ok
    assert any(check in line for line in lines([judged], 1.0))


def test_every_check_is_among_the_bad_examples() -> None:
    """No check is there that no example makes fail."""
    assert {check for check, _ in BAD} == set(CHECKS)


def test_what_nobody_can_be_blamed_for_is_not_held_against_anybody() -> None:
    """A wait that was kept, a machine without time, and books that nobody can read."""
    assert red(shown(primary=(REFUSED, LATER), wanted={"primary": 2}, books=None)) == set()
    late = judge(shown({"seconds": 1.5, "lag": 0.6}))
    assert late.ok
    assert [verdict.holds for verdict in late.verdicts if verdict.check == "in time"] == [None]
    assert any("Not judged" in line for line in lines([late], 1.0))
    assert red(shown({"seconds": 1.7, "lag": 0.6})) == {"in time"}
    assert red(shown(wanted={"back": 7.0}, healed=3.0, primary=(REFUSED, HEALTHY), books=None)) == {
        "back home"
    }  # answers of another


def test_how_a_request_ended() -> None:
    """Whole is the whole text of one of them, and the word that it is whole; an error is told wherever the text stopped."""
    assert end_of(GOOD, TEXTS) == WHOLE
    for text, finish, error, end in (
        ("All", "content_filter", "", FILTERED),
        ("All", "stop", "", CUT),
        ("All of it.", "", "", CUT),
        ("All", "", "APIError", TOLD),
        ("Allword.", "", "APIError", GARBLED),
        ("", "stop", "", CUT),
    ):
        assert end_of(Seen(0, 0.0, 0.1, text, finish, error=error), TEXTS) == end


def test_a_number_holds_where_all_of_its_runs_do() -> None:
    """One bad variant makes its number red, and the exit code and the JSON with it."""
    good, bad = judge(shown()), judge(shown(ERROR))
    assert scenarios([good, bad]) == {1: False}
    assert as_data([good, good], 1.0)["ok"]
    assert not as_data([good, bad], 1.0)["ok"]


def test_the_table_has_sixteen_numbers_with_their_reasons() -> None:
    """All sixteen are there, by names of their own, each with its reason; what a machine may take is on top of each bound."""
    rows, patient = table(), table(spare=4.0)
    assert {row.number for row in rows} == set(range(1, 17))
    assert len({row.name for row in rows}) == len(rows)
    assert all(len(row.wanted.because) > 8 for row in rows)
    assert {more.wanted.within - less.wanted.within for less, more in zip(rows, patient, strict=True)} == {3.0}

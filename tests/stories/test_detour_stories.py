"""What a detour may cost and how often it is taken: its cap holds to the end, and so do a request's tries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from story_stage import Bench, play, whole
from test_fallback_stories import FILTERED, TOO_LONG, asked_of, by_model, house

from stormkeel.types.failure import FailureKind

K = FailureKind
DEAR = '[models."gpu/huge"]\nwindow = 500000\ninput_price = "1000"\noutput_price = "1000"\n'
WRITES_LITTLE = '[models."gpu/terse"]\nwindow = 200000\nmax_output = 100\ninput_price = "1"\noutput_price = "2"\n'


def asked(groups: str, more: str, script: Any = None, **body: Any) -> list[str]:
    """Who is asked, in order, where the small ones refuse a request as too long."""
    found: list[str] = []

    async def story() -> None:
        bench = Bench(script or by_model(small=TOO_LONG, middle=TOO_LONG), house(groups, more))
        await bench.ask(**body)
        found.extend(asked_of(bench))

    play(story)
    return found


def within(cost: str) -> str:
    """A detour along the route that may cost so much."""
    return f'fallback.context_length = {{ to = ["next"], max_cost = "{cost}" }}\n'


def test_the_cap_holds_for_a_second_detour() -> None:
    """Whoever is too dear is not asked after another one was too small either."""
    groups = '[["gpu/small"], ["gpu/middle"], ["gpu/huge"], ["gpu/large"]]'
    assert asked(groups, within("0.01") + DEAR) == ["small", "middle", "large"]
    assert asked(groups, within("100") + DEAR) == ["small", "middle", "huge"]


@pytest.mark.parametrize(
    ("cost", "body", "is_asked"),
    [
        ("0.002", {}, False), ("0.0021", {}, True), ("0.0061", {"n": 3}, True), ("0.006", {"n": 3}, False),
        ("0.0003", {"max_tokens": 100}, True), ("0.0002", {"max_tokens": 100}, False),
        ("0.011", {"max_tokens": 5000}, True), ("0.01", {"max_tokens": 5000}, False),
    ],
)  # fmt: skip
def test_a_cost_is_that_of_all_answers_asked_for(cost: str, body: dict[str, int], *, is_asked: bool) -> None:
    """Of as much output as is asked for, else as is usual, for each of them, at $2 a million tokens; and of the input."""
    assert asked('[["gpu/small"], ["gpu/large"]]', within(cost), **body) == ["small", *["large"] * is_asked]


def test_no_answer_costs_more_than_its_model_can_write() -> None:
    """However much is asked for."""
    groups = '[["gpu/small"], ["gpu/terse"]]'
    assert asked(groups, within("0.0003") + WRITES_LITTLE, max_tokens=5000) == ["small", "terse"]
    assert asked(groups, within("0.0002") + WRITES_LITTLE, max_tokens=5000) == ["small"]


def test_where_nobody_knows_a_price_a_cap_lets_nobody_through() -> None:
    """It may cost anything."""
    assert asked('[["gpu/small"], ["gpu/strange"]]', within("100")) == ["small"]


@pytest.mark.parametrize(("tries", "whom"), [(1, ["small"]), (2, ["small", "middle"]), (3, ["small", "middle", "large"])])
def test_a_detour_is_a_try_like_others(tries: int, whom: list[str]) -> None:
    """A request that has made all its tries takes none, nor its last resort (INV-11)."""
    groups = '[["gpu/small"], ["gpu/middle"], ["gpu/large"]]'
    more = f"last_resort.trim = true\n[policies.retry]\nrequest_attempts = {tries}\n"
    assert asked(groups, more) == whom


def test_each_reason_has_a_cap_of_its_own() -> None:
    """What a filter refused goes on by its own rule, under its own cap."""
    rule = 'fallback.content_refused = {{ to = ["next"], max_cost = "{}" }}\n'
    script = by_model(small=FILTERED)
    groups = '[["gpu/small"], ["gpu/huge"], ["gpu/large"]]'
    assert asked(groups, rule.format("0.01") + DEAR, script) == ["small", "large"]
    assert asked(groups, rule.format("100") + DEAR, script) == ["small", "huge"]


def test_the_last_word_of_a_request_that_fits_nobody_is_the_providers() -> None:
    """With its own body, and its kind."""

    async def story() -> None:
        bench = Bench(by_model(small=TOO_LONG), house('[["gpu/small"]]'))
        answer = await bench.ask()
        assert answer.failure is not None
        assert (answer.failure.kind, json.loads(answer.failure.body)["error"]["code"]) == (K.CONTEXT_LENGTH, "context_length_exceeded")
        well = Bench([whole()], house('[["gpu/small"]]'))
        assert (await well.ask()).failure is None

    play(story)

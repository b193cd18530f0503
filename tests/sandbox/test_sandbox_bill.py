"""The bill: exact fractions of a dollar, worked out by hand here."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import ask, body_for, send, with_sandbox

from stormkeel.sandbox import PRICES, Sandbox, SandboxSettings, Tokens, cost, nano_dollars
from stormkeel.sandbox.bill import part_of

COUNTS = st.integers(0, 2_000_000)
TOKENS = st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        # 1000 x 0.75 + 200 x 0.075 + 50 x 4.5 = 750 + 15 + 225 = 990 per million
        ("gpt-5.4-mini", Tokens(input=1000, cached=200, output=50), Fraction(990, 1_000_000)),
        # before 5.6 a written token costs what any other does: (10 + 5) x 0.75 = 11.25
        ("gpt-5.4-mini", Tokens(input=10, cache_write=5), Fraction(1125, 100_000_000)),
        # 1 x 0.2 + 1 x 1.25 = 1.45
        ("gpt-5.4-nano", Tokens(input=1, output=1), Fraction(145, 100_000_000)),
        # 8 x 0.25 + 4 x 0.025 + 2 x 2 = 6.1
        ("gpt-5-mini", Tokens(input=8, cached=4, output=2), Fraction(61, 10_000_000)),
        # 100 x 0.1 + 100 x 0.125 + 100 x 0.01 + 100 x 0.5 = 10 + 12.5 + 1 + 50 = 73.5
        ("gpt-6-luna", Tokens(100, 100, 100, 0, 100), Fraction(735, 10_000_000)),
        # 272,000 x 2.5 + 10 x 15 = 680,150: just under the cliff
        ("gpt-5.4", Tokens(input=272_000, output=10), Fraction(68015, 100_000)),
        # 272,001 x 5 + 10 x 22.5 = 1,360,230: every token is repriced
        ("gpt-5.4", Tokens(input=272_001, output=10), Fraction(136023, 100_000)),
        # the whole prompt counts for the cliff: 1 x 5 + 272,000 x 0.5 = 136,005
        ("gpt-5.4", Tokens(input=1, cached=272_000), Fraction(136005, 1_000_000)),
        # the smaller models have no cliff: 300,000 x 0.75
        ("gpt-5.4-mini", Tokens(input=300_000), Fraction(225, 1000)),
        # 10 x 2 + 200 x 0.2 + 30 x 2.5 + 4 x 4 + 50 x 10 = 20 + 40 + 75 + 16 + 500 = 651
        ("claude-sonnet-5", Tokens(10, 200, 30, 4, 50), Fraction(651, 1_000_000)),
        # 1 x 5 + 1 x 0.5 + 1 x 6.25 + 1 x 10 + 1 x 25 = 46.75
        ("claude-opus-5", Tokens(1, 1, 1, 1, 1), Fraction(4675, 100_000_000)),
        # 1 x 1 + 1 x 0.1 + 1 x 1.25 + 1 x 2 + 1 x 5 = 9.35
        ("claude-haiku-4-5", Tokens(1, 1, 1, 1, 1), Fraction(935, 100_000_000)),
        # 1 x 3 + 1 x 0.3 + 1 x 3.75 + 1 x 6 + 1 x 15 = 28.05
        ("claude-sonnet-4-6", Tokens(1, 1, 1, 1, 1), Fraction(2805, 100_000_000)),
        # 100,001 x 0.5 + 2 x 2.5 = 50,005.5: five times over 100,000
        ("claude-haiku-5-5", Tokens(input=100_001, output=2), Fraction(500055, 10_000_000)),
        ("whale-1", Tokens(input=1), None),
    ],
)
def test_costs_by_hand(model: str, tokens: Tokens, dollars: Fraction | None) -> None:
    """A cost is the sum of tokens by dollars per million, with the cliffs of the model."""
    assert cost(model, tokens) == dollars


@pytest.mark.parametrize(
    ("dollars", "nano"),
    [
        (Fraction(0), 0),
        (Fraction(1, 2_000_000_000), 1),
        (Fraction(49, 100_000_000_000), 0),
        (Fraction(3, 2_000_000_000), 2),
        (Fraction(1, 3), 333_333_333),
    ],
)
def test_nano_dollars_round_half_up(dollars: Fraction, nano: int) -> None:
    """Half a nano-dollar is one."""
    assert nano_dollars(dollars) == nano


@given(st.sampled_from(sorted(PRICES)), TOKENS, TOKENS)
def test_more_tokens_never_cost_less(model: str, one: Tokens, other: Tokens) -> None:
    """No cliff makes a larger request cheaper."""
    more = Tokens(
        one.input + other.input,
        one.cached + other.cached,
        one.cache_write + other.cache_write,
        one.cache_write_1h + other.cache_write_1h,
        one.output + other.output,
    )
    cheaper, dearer = cost(model, one), cost(model, more)
    assert cheaper is not None
    assert dearer is not None
    assert cheaper <= dearer


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 500), st.integers(0, 500))
def test_parts_grow_to_the_whole(output: int, reasoning: int, total: int, written: int) -> None:
    """What was written of an answer is never more than all of it, grows with every piece, and is all of it at the end."""
    whole = Tokens(input=9, output=output + reasoning, reasoning=reasoning)
    part, next_part = (part_of(whole, count, total) for count in (min(written, total), min(written + 1, total)))
    assert part.input == 9
    assert part.reasoning <= part.output <= next_part.output <= whole.output
    assert part_of(whole, total, total) == whole


def test_parts_are_rounded_up() -> None:
    """A quarter of 30 tokens is 8, so that nobody pays less than was written."""
    assert part_of(Tokens(input=5, output=30, reasoning=10), 1, 4) == Tokens(input=5, output=8, reasoning=8)


def test_a_row_says_who_asked_and_what_it_cost() -> None:
    """Each request for an answer is one row, with both ids, the plain model, its tokens and exact cost."""

    async def story(sandbox: Sandbox) -> None:
        usage = json.dumps({"input": 10, "cached": 200, "cache_write": 30, "cache_write_1h": 4, "output": 50, "reasoning": 20})
        headers: dict[str, str | None] = {"x-client-request-id": "mine-1", "x-sandbox-usage": usage}
        got = await ask(sandbox, "anthropic", body_for("anthropic", model="claude-sonnet-5@tokens=4"), headers)
        (row,) = sandbox.bill()
        assert (row.id, row.client_request_id) == (got.headers["request-id"], "mine-1")
        assert (row.dialect, row.model, row.status, row.fault) == ("anthropic", "claude-sonnet-5", 200, None)
        assert row.tokens == Tokens(10, 200, 30, 4, 50, 20)
        assert row.cost == Fraction(651, 1_000_000)
        assert (row.usage_reported, row.left, row.open) == (True, False, False)
        bill = (await send(sandbox, "GET", "/sandbox/bill")).json
        assert (bill["total"], bill["total_nano_dollars"], bill["open"], bill["unpriced"]) == ("651/1000000", 651_000, 0, 0)
        assert (bill["rows"][0]["cost"], bill["rows"][0]["cost_nano_dollars"]) == ("651/1000000", 651_000)
        assert bill["rows"][0]["tokens"]["cache_write_1h"] == 4

    with_sandbox(story)


def test_a_model_without_a_price_is_unpriced_not_free() -> None:
    """A model that is not in the table costs null; where nothing was generated it costs 0."""

    async def story(sandbox: Sandbox) -> None:
        await ask(sandbox, "openai", body_for("openai", model="whale-1"))
        await ask(sandbox, "openai", body_for("openai", model="whale-1@fault=server_error"))
        assert [row.cost for row in sandbox.bill()] == [None, 0]
        bill = (await send(sandbox, "GET", "/sandbox/bill")).json
        assert (bill["unpriced"], bill["rows"][0]["cost"], bill["rows"][1]["cost"]) == (1, None, "0/1")

    with_sandbox(story)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_wished_usage_is_billed_in_proportion_when_cut(dialect: str) -> None:
    """A cut stream costs the whole prompt and the written share of the wished output, rounded up."""

    async def story(sandbox: Sandbox) -> None:
        wish: dict[str, str | None] = {
            "x-sandbox-usage": '{"input":7,"output":1000}',
            "x-sandbox-tokens": "10",
            "x-sandbox-fault": "stall:after=6",
        }
        got = await ask(sandbox, dialect, body_for(dialect, stream=True), wish)
        await sandbox.quiet()
        words = got.body.count(b'"content":"') - 1 if dialect == "openai" else got.body.count(b"text_delta")
        assert sandbox.bill()[0].tokens == Tokens(input=7, output=words * 100)
        assert 0 < words < 10

    with_sandbox(story, SandboxSettings(hold_s=0.05))

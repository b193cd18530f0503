"""An explanation as a whole: every field of it, by the case; what the gates say; what it costs; how long it would be waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from story_stage import FALL, TWO, Bench, Reply, play, refused, whole

from stormkeel.engine.explain import Clocks, Explanation, GateAnswer, Price
from stormkeel.engine.residency import Outsider
from stormkeel.engine.standing import LimitStanding, Room, Standing
from stormkeel.types.border import Border
from stormkeel.types.request import Options
from stormkeel.types.wire import Headers

START = 100.0
LIMITED = FALL.replace(
    b'[["openai/gpt-5.4-mini"]', b'[[{ provider = "openai", model = "gpt-5.4-mini", rpm = 3, tpm = 1000, concurrency = 2 }]'
)
GOING_ON = [
    "too long: what is left of the route with a larger window, unknown ones last",
    "refused by a filter: nobody else is asked",
]


def explained(
    settings: bytes, script: Any = None, asked: int = 0, pause: float = 0.0, options: Options | None = None, **body: Any
) -> Explanation:
    """What is told of a request after so many others, which began at START, and a pause."""
    kept: list[Explanation] = []

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench(script or [whole(prompt=20, completion=280)], settings)
        for _ in range(asked):
            await bench.ask(max_tokens=300)
        await asyncio.sleep(pause)
        request = bench.request(body.pop("model", "fast"), **body)
        said = request.options if options is None else options
        kept.append(bench.house.explain(msgspec.structs.replace(request, options=said)))

    play(story)
    return kept[0]


def test_every_field_of_an_explanation() -> None:
    """Who is asked in which order and by which right, each gate, each limit before and after, the price, the clocks, the labels."""
    options = Options(timeout=7.0, task="t", user="u", tags=("a", "b"), key="k", recovery="restart")
    told = explained(LIMITED, asked=1, options=options, max_tokens=300)
    clocks = Clocks(connect=5.0, first_content=30.0, answer=120.0, idle=30.0)
    price = Price(45, 33_750, "0.000033750", 88, 300, 1_416_000, "0.001416000", own=False)
    first, second = told.candidates
    limits = [LimitStanding("rpm", 3, 2, "target"), LimitStanding("tpm", 1000, 700, "target"), LimitStanding("concurrency", 2, 2, "target")]
    assert first.standing == Standing(
        "openai/gpt-5.4-mini#main", "openai", "gpt-5.4-mini", "main", "openai_chat", False, "healthy", "", None, 0, Room(2, 700, 2),
        "openai#main/gpt-5.4-mini", limits, 1.0, 0, 0.0, 0.0, 1, 1.0, {}, None,
    )  # fmt: skip
    assert second.standing == Standing(
        "other/gpt-5.4-mini#main", "other", "gpt-5.4-mini", "main", "openai_chat", False, "healthy", "", None, 0,
        Room(None, None, None), "other#main/gpt-5.4-mini", [], 1.0, 0, None, None, 0, None, {}, None,
    )  # fmt: skip
    for place, one in enumerate((first, second), 1):
        assert (one.group, one.strategy, one.weight, one.choice) == (place, "weighted", 1.0, f"the only one ready of group {place}")
        assert (one.would_try, one.why, one.losses, one.price, one.clocks) == (True, "", [], price, clocks)
        assert one.edits == ['model: "fast" becomes "gpt-5.4-mini"']
    names = ["cooling", "concurrency", "rate", "breaker"]
    unlimited = {"concurrency": "no limit is set", "rate": "no limit is set"}
    assert first.gates == [GateAnswer(name, passes=True) for name in names]
    assert second.gates == [GateAnswer(name, passes=True, says=unlimited.get(name, "")) for name in names]
    assert (first.left, second.left) == (Room(1, 355, 1), Room(None, None, None))
    assert msgspec.structs.replace(told, candidates=[]) == Explanation(
        "fast", "openai_chat", False, False, "k", "t", "u", ("a", "b"), names, "fast", "", "openai/gpt-5.4-mini#main",
        "first_token", "restart", 7.0, 3, 5, [], [], GOING_ON,
    )  # fmt: skip


def test_every_field_where_no_route_is_found() -> None:
    """The request's own, the reason, and nothing of a route."""
    told = explained(TWO, model="fats", stream=True, options=Options(strict=True))
    names = ["cooling", "concurrency", "rate", "breaker"]
    assert 'did you mean "fast"' in told.why
    assert msgspec.structs.replace(told, why="") == Explanation(
        "fats", "openai_chat", True, True, "", "", "", (), names, "", "", None, "", "", 600.0, 3, 5, [],
    )  # fmt: skip


def gates(told: Explanation, place: int = 0) -> dict[str, GateAnswer]:
    """Each gate's answer of one candidate."""
    return {one.gate: one for one in told.candidates[place].gates}


def test_a_full_limit_may_be_waited_for() -> None:
    """The gate says which limit, and that a turn may be waited for; the candidate says the same as its reason."""
    told = explained(LIMITED, asked=3, max_tokens=1)
    rate = gates(told)["rate"]
    assert not rate.passes
    assert "requests a minute" in rate.says
    assert rate.says.endswith("; its turn may be waited for")
    assert (told.candidates[0].why, told.candidates[0].would_try) == (rate.says, False)
    assert told.first == "other/gpt-5.4-mini#main"
    assert told.candidates[0].left == Room(0, told.candidates[0].left.tokens, 1)


def test_what_never_fits_is_not_waited_for() -> None:
    """A request larger than its limit is refused for ever."""
    told = explained(LIMITED, max_tokens=5000)
    rate = gates(told)["rate"]
    assert not rate.passes
    assert not rate.says.endswith("its turn may be waited for")
    assert told.candidates[0].left == Room(2, 0, 1)


def test_nobody_would_be_asked() -> None:
    """Where each candidate would be refused by us it is said so."""
    told = explained(LIMITED.replace(b', ["other/gpt-5.4-mini"]', b""), asked=3, max_tokens=1)
    assert (told.first, told.why) == (None, "nobody would be asked now: each candidate would be refused by us")


ALONE = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
[policies.breaker]
consecutive = 1
[policies.retry]
attempts = 1
"""
GONE = refused(404, "model_not_found", message="The model `gpt-5.4-mini` does not exist")


@pytest.mark.parametrize(
    ("reply", "gate", "says"),
    [
        (refused(500), "breaker", "it is open; as the last one left this would go as a probe"),
        (GONE, "cooling", "the model was missing; as the last one left this would go as a probe"),
    ],
    ids=["breaker", "model"],
)
def test_the_last_one_left_would_go_as_a_probe_and_says_why(reply: Reply, gate: str, says: str) -> None:
    """In spite of an open breaker, and of a model that was missing; with others left it is passed over."""
    told = explained(ALONE, [reply], asked=1, pause=1.0)
    assert gates(told)[gate] == GateAnswer(gate, passes=True, says=says)
    assert (told.candidates[0].would_try, told.candidates[0].why, told.first) == (True, "", "openai/gpt-5.4-mini#main")
    two = ALONE.replace(b'"]]', b'"], ["openai/gpt-5.4"]]')
    assert not gates(explained(two, [reply], asked=1, pause=1.0))[gate].passes


def test_a_breaker_that_had_its_probe_lets_nobody_through() -> None:
    """Rare probes are rare: right after one the last one left is refused as well."""
    told = explained(ALONE, [refused(500)], asked=2)
    assert not gates(told)["breaker"].passes
    assert (told.first, told.candidates[0].would_try) == (None, False)


def test_an_account_that_is_set_aside_says_so() -> None:
    """A pause the provider asked for is told by the first gate, and may be waited for; the others are told all the same."""
    wait: Headers = (("retry-after", "100"),)
    told = explained(FALL, [refused(429, "rate_limit_exceeded", headers=wait), whole()], asked=1, pause=40.0)
    (aside,) = [one for one in told.candidates if one.standing.provider == "openai"]
    assert [one.passes for one in aside.gates] == [False, True, True, True]
    assert "set aside for 60.0 s more" in aside.gates[0].says
    assert aside.gates[0].says.endswith("; its turn may be waited for")
    assert aside.why == aside.gates[0].says


REASONING = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [[{ provider = "openai", model = "gpt-5.5", weight = 2.5 }]]
[policies.clocks]
connect = 4.0
first_content = 10.0
idle = 7.0
"""


def test_clocks_are_those_that_would_run() -> None:
    """Longer where the model reasons, and by a long input."""
    plain = explained(REASONING, reasoning_effort="none").candidates[0]
    assert (plain.weight, plain.clocks) == (2.5, Clocks(4.0, 10.0, 120.0, 7.0))
    reasons = explained(REASONING, reasoning_effort="high").candidates[0].clocks
    assert (reasons.first_content, reasons.answer, reasons.idle) == (30.0, 360.0, 7.0)
    long = explained(REASONING, reasoning_effort="none", messages=[{"role": "user", "content": "word " * 10_000}])
    assert (long.candidates[0].clocks.first_content, long.candidates[0].clocks.answer) == (12.0, 122.0)


PRICED = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
[models."openai/gpt-5.4-mini"]
input_price = "2"
output_price = "3"
"""


def test_own_prices_are_told_as_such() -> None:
    """What the configuration prices is priced by that."""
    price = explained(PRICED, max_tokens=100).candidates[0].price
    assert price is not None
    assert (price.own, price.input, price.most) == (True, price.input_tokens * 2000, price.most_input_tokens * 2000 + 100 * 3000)


BORDERED = b"""
[providers.openai]
tags = ["us"]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.other]
kind = "openai"
tags = ["eu"]
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
strict = true
groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]
"""


def test_who_is_outside_is_told_and_not_among_the_candidates() -> None:
    """Of a border the route has a part inside; where nobody is, there is no candidate, and the route is named all the same."""
    told = explained(BORDERED, options=Options(border=Border(("eu",))))
    assert told.outside == [Outsider("openai/gpt-5.4-mini#main", 'outside: it is tagged "us"')]
    assert ([one.standing.provider for one in told.candidates], told.strict) == (["other"], True)
    none = explained(BORDERED, options=Options(border=Border(("ch",))))
    assert (none.candidates, none.route, none.first, none.strict) == ([], "fast", None, True)
    assert 'within "ch"' in none.why


def test_a_strict_route_passes_over_whom_it_cannot_tell_everything() -> None:
    """With the losses by name, and no gate asked."""
    strict = BORDERED.replace(b'"openai/gpt-5.4-mini"], ', b'"anthropic/claude-haiku-4-5"], ').replace(
        b"[providers.openai]", b'[providers.anthropic]\ncredentials = { main = "env:ANTHROPIC_API_KEY" }\n[providers.openai]'
    )
    told = explained(strict, max_tokens=50, seed=7)
    first, second = told.candidates
    assert (first.would_try, first.losses, first.gates, first.edits, first.price) == (False, ["seed"], [], [], None)
    assert "it can't be told seed, and the request is strict" in first.why
    assert first.left == first.standing.left
    assert (second.would_try, second.losses, told.first) == (True, [], "other/gpt-5.4-mini#main")


def test_whose_window_is_too_small_would_not_be_tried() -> None:
    """With both numbers, as the engine says it."""
    small = LIMITED.replace(b"gpt-5.4-mini", b"gpt-4").replace(b"tpm = 1000, ", b"")
    told = explained(small, messages=[{"role": "user", "content": "word " * 9_500}])
    assert [one.would_try for one in told.candidates] == [False, False]
    assert "at least 9,500 tokens" in told.candidates[0].why


def test_where_nobody_is_ready_all_are_left_to_choose_from() -> None:
    """Those already tried left out, and it is said that none is ready."""
    three = b'"openai/gpt-5.4-mini", "openai/gpt-5.4", "openai/gpt-5.5"'
    settings = ALONE.replace(b'"openai/gpt-5.4-mini"', three).replace(b"attempts = 1", b"attempts = 1\nrequest_attempts = 9")
    told = explained(settings, [refused(500)], asked=1)
    said = [one.choice for one in told.candidates]
    assert [words.partition("% of ")[2] for words in said[:2]] == ["3 left, none of them ready", "2 left, none of them ready"]
    assert said[2] == "the only one left, none of them ready of group 1"

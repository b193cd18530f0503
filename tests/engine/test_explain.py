"""What would happen to a request: told as it would be, and without a trace."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from story_stage import FALL, KEYS, TWO, Bench, play, refused, whole

from stormkeel.engine.explain import Explanation
from stormkeel.engine.gates import GATES
from stormkeel.ledger.entry import Reserved
from stormkeel.types.wire import Headers

SPREAD = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
second = "env:OPENAI_API_KEY_2"
third = "env:OPENAI_API_KEY_3"
[routes.fast]
strategy = "%s"
groups = [
  [
    { provider = "openai", model = "gpt-5.4-mini", credential = "main", weight = 3.0, rpm = 50 },
    { provider = "openai", model = "gpt-5.4-mini", credential = "second", rpm = 50 },
    { provider = "openai", model = "gpt-5.4-mini", credential = "third", concurrency = 9 },
  ],
  ["openai/gpt-5.4#main"],
]
"""
LIMITED = TWO.replace(
    b'[["openai/gpt-5.4-mini"]', b'[[{ provider = "openai", model = "gpt-5.4-mini", rpm = 3, tpm = 1000, concurrency = 2 }]'
)
WAIT: Headers = (("retry-after", "100"),)


def told(
    bench: Bench, model: str = "fast", dialect: str = "openai_chat", timeout: float | None = None, **body: Any
) -> Explanation:
    """Explain a request."""
    return bench.house.explain(bench.request(model, timeout, dialect, **body))


def names(explanation: Explanation) -> list[str]:
    """The candidates in their order."""
    return [candidate.standing.name for candidate in explanation.candidates]


def state(bench: Bench) -> bytes:
    """Everything a request could move: fleet, gates, quarantines, dice, turn, retry budgets, router."""
    house = bench.house
    world, router = house.world, house.setup._router
    gates = [
        (one.in_flight, *map(_inside, (one.breaker, one.rate, one.concurrency, one.recent, *one.cooling)))
        for one in world.fleet.members
    ]
    rng: Any = world.ports.rng
    budgets = {name: budget.left for name, budget in world.budgets.items()}
    routes = (sorted(map(str, router._routes)), list(router._by_name), router._found)
    return pickle.dumps((repr(gates), rng.getstate(), world.turn, world.active, budgets, routes, world.fleet.now))


def _inside(thing: Any) -> Any:
    if not type(thing).__module__.startswith("stormkeel"):
        return thing
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return {name: _inside(getattr(thing, name)) for name in slots if name not in {"caller", "line"}} or thing


@pytest.mark.parametrize(("strategy", "rounds"), [(b"weighted", 334), (b"round_robin", 10), (b"two_choices", 10)])
def test_a_thousand_explanations_leave_no_trace(strategy: bytes, rounds: int) -> None:
    """However often, and whatever is asked: fleet, gates, turn, dice, budgets and routes are as they were; nothing is sent."""

    async def story() -> None:
        bench = Bench(
            [refused(429, "rate_limit_exceeded", headers=WAIT), refused(401, "invalid_api_key"), whole()], SPREAD % strategy
        )
        await bench.ask()
        await bench.ask()
        await asyncio.sleep(80)  # the credential's probe is due: a look must not take it
        before, sent = state(bench), len(bench.transport.sent)
        for number in range(rounds):
            told(bench)
            told(bench, f"openai/made-up-{number}")
            told(bench, "nothing-like-it")
        assert state(bench) == before
        assert len(bench.transport.sent) == sent
        assert len(bench.journal.entries) == 2 * sent

    play(story)


@pytest.mark.parametrize("strategy", [b"weighted", b"round_robin", b"two_choices"])
def test_the_next_request_does_what_was_told(strategy: bytes) -> None:
    """Each request goes where its explanation said, by the same draw or turn, and holds the amount that was told."""

    async def story() -> None:
        bench = Bench([whole()], SPREAD % strategy)
        seen = set()
        for _ in range(40):
            explained = told(bench, max_tokens=50)
            answer = await bench.ask(max_tokens=50)
            assert explained.first == names(explained)[0] == answer.story.attempts[0].deployment
            held: Reserved = bench.reserved[-1]
            price = explained.candidates[0].price
            assert price is not None
            assert (price.most_input_tokens, price.most_output_tokens, price.most) == (
                held.input_bound,
                held.output_bound,
                held.amount,
            )
            seen.add(explained.first)
        assert len(seen) == 3

    play(story)


def test_the_order_is_the_one_in_which_they_fail() -> None:
    """Where every attempt fails, the request asks the candidates in the order that was told, each as often as it may."""

    async def story() -> None:
        bench = Bench([refused(404, "model_not_found")], SPREAD % b"weighted")
        explained = told(bench)
        answer = await bench.ask()
        assert [attempt.deployment for attempt in answer.story.attempts] == names(explained)
        assert [candidate.group for candidate in explained.candidates] == [1, 1, 1, 2]
        assert "drawn, its share is" in explained.candidates[0].choice
        assert explained.candidates[-1].choice == "the only one ready of group 2"

    play(story)


def test_gates_are_told_in_their_order_with_what_they_say() -> None:
    """Each gate of a candidate is told, in the order the engine asks; limits are told as they would stand afterwards."""

    async def story() -> None:
        bench = Bench([whole(prompt=20, completion=280)], LIMITED)
        await bench.ask(max_tokens=300)
        first, second = told(bench, max_tokens=300).candidates
        assert [gate.gate for gate in first.gates] == [name for name, _ in GATES] == told(bench).gates
        assert first.would_try
        assert (first.standing.left.requests, first.standing.left.tokens, first.standing.left.places) == (2, 700, 2)
        assert first.price is not None
        expected = first.price.input_tokens + 300
        assert (first.left.requests, first.left.tokens, first.left.places) == (1, 700 - expected, 1)
        assert [gate.says for gate in second.gates if gate.gate in {"concurrency", "rate"}] == ["no limit is set"] * 2
        explained = told(bench, max_tokens=800)
        assert [one.would_try for one in explained.candidates] == [False, True]
        assert "tokens a minute" in explained.candidates[0].why
        assert explained.first == explained.candidates[1].standing.name

    play(story)


def test_why_a_candidate_would_not_be_tried() -> None:
    """A quota group that waits and an open breaker are told with their time, and those that are ready come first."""

    async def story() -> None:
        settings = FALL + b"[policies.breaker]\nconsecutive = 2\n[policies.retry]\nattempts = 2\n"
        bench = Bench([refused(500), refused(500), refused(429, "rate_limit_exceeded", headers=WAIT)], settings)
        await bench.ask(timeout=2.0)
        explained = told(bench)
        said = {candidate.standing.provider: candidate for candidate in explained.candidates}
        assert "set aside" in said["other"].why
        assert "the breaker is open" in said["openai"].why
        assert [explained.first, bool(explained.why)] == [None, True]
        assert [gate.passes for gate in said["openai"].gates] == [True, True, True, False]

    play(story)


def test_the_last_one_left_would_go_as_a_probe() -> None:
    """An open breaker lets a rare probe of the last candidate through, and the explanation knows it, as the engine does."""

    async def story() -> None:
        settings = FALL + b"[policies.breaker]\nconsecutive = 1\n[policies.retry]\nattempts = 1\n"
        bench = Bench([refused(500), refused(500), whole()], settings)
        await bench.ask()
        explained = told(bench)
        assert [candidate.would_try for candidate in explained.candidates] == [False, True]
        assert "as a probe" in explained.candidates[1].gates[-1].says
        answer = await bench.ask()
        assert answer.failure is None
        assert answer.story.attempts[-1].deployment == explained.first

    play(story)


def test_edits_of_the_body_are_told_and_no_content() -> None:
    """A renamed model and the usage that a stream is asked for are told with their values; of anything else only the name."""

    async def story() -> None:
        bench = Bench([whole()], TWO)
        assert told(bench).candidates[0].edits == ['model: "fast" becomes "gpt-5.4-mini"']
        edits = told(bench, stream=True, stream_options={"other": 1}).candidates[0].edits
        assert edits[1] == 'stream_options: {"other": 1} becomes {"other":1,"include_usage":true}'
        assert told(bench, "gpt-5.4-mini").candidates[0].edits == []
        thoughts = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "so", "reasoning_content": "hm"},
                    {"role": "user", "content": "go on"}]  # fmt: skip
        assert told(bench, "gpt-5.4-mini", messages=thoughts).candidates[0].edits == ["messages changed"]

    play(story)


def test_prices_deadlines_and_labels() -> None:
    """The price is told for input and as an upper bound, unknown as None; the deadline is the caller's where it is sooner."""

    async def story() -> None:
        bench = Bench([whole()], TWO)
        known, unknown = told(bench, max_tokens=100, timeout=7.0).candidates
        assert known.price is not None
        assert known.price.input == known.price.input_tokens * 750
        assert known.price.most == known.price.most_input_tokens * 750 + 100 * 4500
        assert unknown.price is not None
        assert [unknown.price.input, unknown.price.most] == [None, None]
        assert [told(bench, timeout=7.0).deadline_s, told(bench).deadline_s] == [7.0, 600.0]
        assert known.clocks.first_content == 30.0

    play(story)


def test_no_route_is_told_with_its_mend() -> None:
    """A model that leads nowhere has no candidates, and the reason a request would be told."""

    async def story() -> None:
        bench = Bench([whole()], TWO)
        explained = told(bench, "fats")
        assert [explained.route, explained.candidates, explained.first] == ["", [], None]
        assert 'did you mean "fast"' in explained.why

    play(story)


def test_credentials_are_told_by_their_names() -> None:
    """An explanation holds no secret, only the credentials' names."""

    async def story() -> None:
        bench = Bench([whole()], KEYS)
        explained = told(bench)
        assert {candidate.standing.credential for candidate in explained.candidates} == {"main", "second"}
        assert "0123456789abcdef" not in repr(explained)

    play(story)


def test_what_another_dialect_is_not_told() -> None:
    """A candidate of another dialect is told with the very losses its attempt then has, and with what would be held for it."""

    async def story() -> None:
        bench = Bench([refused(400)], TWO)
        body = {"max_tokens": 50, "logit_bias": {"1": 2}, "seed": 7}
        (candidate,) = told(bench, "claude-haiku-4-5", **body).candidates
        (attempt,) = (await bench.ask("claude-haiku-4-5", **body)).story.attempts
        held = bench.reserved[-1]
        assert set(candidate.losses) == set(attempt.lost) == {"logit_bias", "seed"}
        assert candidate.price is not None
        assert (candidate.price.most_input_tokens, candidate.price.most) == (held.input_bound, held.amount)
        assert "Anthropic" in candidate.edits[0]

    play(story)


def test_what_can_not_be_carried_is_refused() -> None:
    """Where leaving something out would change what is meant, nobody is asked, and the reason is the engine's own."""

    async def story() -> None:
        bench = Bench([whole()], TWO)
        explained = told(bench, "claude-haiku-4-5", n=2)
        (candidate,) = explained.candidates
        assert [candidate.would_try, candidate.gates, candidate.price] == [False, [], None]
        failure = (await bench.ask("claude-haiku-4-5", n=2)).failure
        assert failure is not None
        assert candidate.why == failure.message
        assert bench.transport.sent == []

    play(story)

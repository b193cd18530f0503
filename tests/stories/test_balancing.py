"""How requests are spread by what is known of the deployments and of the request: latency, price, order, stickiness."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from story_stage import DONE, END, HEAD, USAGE, Bench, by, now, play, refused, streamed, text, whole, whom

from stormkeel.engine.counting import Counted
from stormkeel.engine.pace import Paced
from stormkeel.testing import Reply
from stormkeel.types.request import NO_OPTIONS, Options, Request


def three(strategy: str, sticky: str = "off") -> bytes:
    """Three credentials of one provider in one group."""
    credentials = "\n".join(f'c{number} = "env:OPENAI_API_KEY"' for number in range(3))
    targets = ", ".join(f'"openai/gpt-5.4-mini#c{number}"' for number in range(3))
    return f"""
[providers.openai.credentials]
{credentials}
[routes.fast]
strategy = "{strategy}"
sticky = "{sticky}"
groups = [[{targets}]]
""".encode()


PRICES = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[providers.box]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[routes.fast]
strategy = "cheapest"
groups = [["box/unheard-of", "openai/gpt-5.4", "openai/gpt-5.4-mini"]]
"""


def after(seconds: float, tail: float = 1.0) -> Reply:
    """A stream whose first content comes after so long, and whose end another while later."""
    pieces = [piece for number in range(5) for piece in (tail / 5, *text(f"{number} "))]
    return streamed(HEAD, *text("one "), *pieces, END, USAGE, DONE, delay=seconds)


async def storm(bench: Bench, seconds: float, rate: float) -> list[tuple[float, float | None]]:
    """Ask for streams at an even rate; returns when each was asked, and how long its first content took."""
    met: list[tuple[float, float | None]] = []

    async def one() -> None:
        asked = now()
        answer, _ = await bench.stream()
        assert answer.failure is None
        met.append((asked, answer.story.ttft))

    tasks = []
    for _ in range(int(seconds * rate)):
        tasks.append(asyncio.ensure_future(one()))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*tasks)
    return met


@pytest.mark.parametrize(("rate", "slow", "tail"), [(10.0, 2.0, 1.0), (10.0, 5.0, 30.0), (50.0, 5.0, 1.0), (10.0, 20.0, 30.0)])
def test_one_of_three_slow_is_hardly_asked(rate: float, slow: float, tail: float) -> None:
    """Ten seconds after the start less than one request in a hundred meets the slow one, and the 99th percentile of the first
    content is that of a healthy deployment; also where the streams go on for half a minute."""

    async def story() -> None:
        replies = {f"openai#c{number}": [after(slow if number == 0 else 0.5, tail)] for number in range(3)}
        met = await storm(Bench(by(replies), three("least_latency")), 90.0, rate)
        late = sorted(took for asked, took in met if asked >= 10.0 and took is not None)
        assert late[int(len(late) * 0.99)] == pytest.approx(0.5)
        assert sum(took > 1.0 for took in late) / len(late) < 0.01

    play(story)


def test_one_that_recovers_is_asked_again() -> None:
    """Slow for a minute and quick from then on, it has about its third again within another minute."""

    async def story() -> None:
        def choose(request: Any) -> Reply:
            return after(5.0 if whom(request) == "openai#c0" and now() < 60.0 else 0.5)

        bench = Bench(choose, three("least_latency"))
        await storm(bench, 180.0, 10.0)
        late = Counter(whom(sent.request) for sent in bench.transport.sent if sent.at >= 120.0)
        assert late["openai#c0"] / sum(late.values()) > 0.25

    play(story)


def test_one_that_falls_silent_is_left_alone_before_anything_ends() -> None:
    """Quick for half a minute, it then lets everybody wait for 20 s: some are caught in the first second or two, hardly any after."""

    async def story() -> None:
        def choose(request: Any) -> Reply:
            return after(20.0 if whom(request) == "openai#c0" and now() >= 30.0 else 0.5, 30.0)

        met = await storm(Bench(choose, three("least_latency")), 90.0, 10.0)
        caught = [asked for asked, took in met if took is not None and took > 1.0]
        assert len([asked for asked in caught if asked < 32.0]) < 10
        late = sorted(took for asked, took in met if asked >= 32.0 and took is not None)
        assert late[int(len(late) * 0.99)] == pytest.approx(0.5)

    play(story)


def test_who_fails_at_once_is_not_the_quickest() -> None:
    """One that answers every request with an error, and in no time, is avoided like a slow one."""

    async def story() -> None:
        busy = [refused(500)]
        bench = Bench(by({"openai#c0": busy, "openai#c1": [after(0.5)], "openai#c2": [after(0.5)]}), three("least_latency"))
        await storm(bench, 60.0, 10.0)
        asked = Counter(bench.whom)
        assert asked["openai#c0"] < 30
        assert min(asked["openai#c1"], asked["openai#c2"]) > 200

    play(story)


def test_a_plain_route_keeps_no_estimates() -> None:
    """Only deployments of routes that compare latencies are timed."""

    async def story() -> None:
        kinds = [
            {type(one.recent) is Paced for one in Bench([whole()], three(strategy)).house.world.fleet.members}
            for strategy in ("weighted", "least_latency")
        ]
        assert kinds == [{False}, {True}]

    play(story)


def test_cheapest_asks_who_costs_least_and_goes_on_by_price() -> None:
    """gpt-5.4-mini before gpt-5.4, and who is of unknown price last."""

    async def story() -> None:
        bench = Bench([refused(400, "invalid_prompt")], PRICES)
        told = bench.house.explain(bench.request("fast", max_tokens=100))
        assert [one.standing.name for one in told.candidates] == [
            "openai/gpt-5.4-mini#main",
            "openai/gpt-5.4#main",
            "box/unheard-of",
        ]
        first = told.candidates[0].choice
        assert first.startswith("cheapest: about $0.000") and first.endswith("100 out, the least of 3 ready")
        await bench.ask()
        assert json.loads(bench.transport.sent[0].request.body)["model"] == "gpt-5.4-mini"

    play(story)


def said(bench: Bench, *turns: str, options: Options = NO_OPTIONS, **body: Any) -> Request:
    """Read a conversation of these turns, the user's and the assistant's in turn."""
    messages = [{"role": ("user", "assistant")[place % 2], "content": turn} for place, turn in enumerate(turns)]
    raw = json.dumps({"model": "fast", "messages": messages, **body}).encode()
    read = bench.house.dialect("openai_chat").read_request(raw, bench.house.new_id(), options=options)
    assert isinstance(read, Request)
    return read


def test_a_conversation_stays_where_it_began() -> None:
    """Each of thirty conversations meets one deployment in all its turns, and all three deployments have some."""

    async def story() -> None:
        bench = Bench([whole()], three("weighted", "conversation"))
        homes = []
        for number in range(30):
            turns = [f"question {number}"]
            for _ in range(4):
                assert (await bench.house.answer(said(bench, *turns))).failure is None
                turns += ["an answer", "another question"]
            homes.append(set(bench.whom[-4:]))
        assert all(len(home) == 1 for home in homes)
        assert len(set.union(*homes)) == 3

    play(story)


def test_the_session_counts_before_the_beginning_and_the_user_by_name() -> None:
    """A named conversation is one whatever is said in it; a user is one by the label, else by the key."""

    async def story() -> None:
        for sticky, one, other in (
            ("conversation", [Options(session="s")], [Options(session=f"s{n}") for n in range(20)]),
            ("user", [Options(user="u", key=k) for k in "abcdefghij"], [Options(user=f"u{n}") for n in range(20)]),
            ("user", [Options(key="k")], [Options(key=f"k{n}") for n in range(20)]),
        ):
            bench = Bench([whole()], three("weighted", sticky))
            for number in range(10):
                await bench.house.answer(said(bench, f"question {number}", options=one[number % len(one)]))
            assert len(set(bench.whom)) == 1
            for options in other:
                await bench.house.answer(said(bench, "the same", options=options))
            assert len(set(bench.whom)) == 3

    play(story)


def test_a_common_prefix_sticks_until_there_is_no_room() -> None:
    """One at a time, requests with one system prompt meet one deployment; thirty at once are held by all three, none above its
    room."""

    async def story() -> None:
        bench = Bench([Reply(200, whole().body, delay=10.0)], three("weighted", "prefix"))

        def ask(number: int) -> Any:
            system = [{"role": "system", "content": "You are a pilot."}, {"role": "user", "content": f"question {number}"}]
            return bench.house.answer(said(bench, messages=system))

        for number in range(5):
            await ask(number)
        assert len(set(bench.whom)) == 1
        home = bench.whom[0]
        await asyncio.gather(*map(ask, range(30)))
        at_once = Counter(bench.whom[5:])
        assert at_once[home] == max(at_once.values()) <= 13
        assert len(at_once) == 3

    play(story)


def test_one_without_a_key_is_left_to_the_strategy() -> None:
    """Requests of nobody in particular are spread as the strategy says, and explain tells so."""

    async def story() -> None:
        bench = Bench([whole()], three("round_robin", "user"))
        for _ in range(6):
            await bench.ask()
        assert Counter(bench.whom) == {"openai#c0": 2, "openai#c1": 2, "openai#c2": 2}
        choice = bench.house.explain(bench.request("fast")).candidates[0].choice
        assert choice == "round_robin: number 2 of 3 ready in turn 7; nothing to stick by user"

    play(story)


def test_a_failing_home_is_left_for_the_next_in_order_and_returned_to() -> None:
    """While its home is set aside a conversation is at one other; afterwards it is at home again."""

    async def story() -> None:
        bench = Bench([whole()], three("weighted", "conversation"))
        await bench.house.answer(said(bench, "hello"))
        home = bench.whom[0]
        names = [one.standing.name for one in bench.house.explain(said(bench, "hello")).candidates]
        replies = {f"openai#c{n}": [whole()] for n in range(3)}
        replies[home] = [refused(429, "rate_limit_exceeded", headers=(("retry-after", "100"),)), whole()]
        bench.transport._choose = by(replies)
        for _ in range(5):
            assert (await bench.house.answer(said(bench, "hello"))).failure is None
        second = names[1].replace("/gpt-5.4-mini", "")
        assert bench.whom[1:] == [home, *[second] * 5]
        await asyncio.sleep(101)
        await bench.house.answer(said(bench, "hello"))
        assert bench.whom[-1] == home

    play(story)


def test_a_short_wait_is_spent_at_home() -> None:
    """A conversation told to come back in two seconds waits for its home, whose cache it would leave behind; a long wait moves on."""

    async def story() -> None:
        for seconds, at_home in (("2", True), ("20", False)):
            bench = Bench([whole()], three("weighted", "conversation"))
            await bench.house.answer(said(bench, "hello"))
            home = bench.whom[0]
            replies = {f"openai#c{n}": [whole()] for n in range(3)}
            replies[home] = [refused(429, "rate_limit_exceeded", headers=(("retry-after", seconds),)), whole()]
            bench.transport._choose = by(replies)
            assert (await bench.house.answer(said(bench, "hello"))).failure is None
            assert bench.whom[1] == home
            assert (bench.whom[2] == home) is at_home

    play(story)


def test_explain_tells_where_there_was_no_room() -> None:
    """With one attempt at home the second of the same beginning goes to the next in order, and why is told with the numbers."""

    async def story() -> None:
        bench = Bench([Reply(200, whole().body, delay=10.0)], three("weighted", "conversation"))
        home = bench.house.explain(said(bench, "hello")).first
        first = asyncio.ensure_future(bench.house.answer(said(bench, "hello")))
        await asyncio.sleep(1.0)
        told = bench.house.explain(said(bench, "hello")).candidates[0]
        assert told.choice == f"sticky by conversation: number 2 in its order of 3 ready, no room at {home} (1 of at most 1)"
        await asyncio.gather(first, bench.house.answer(said(bench, "hello")))
        assert len(set(bench.whom)) == 2

    play(story)


def test_a_count_goes_where_its_request_would() -> None:
    """Each conversation is counted for the deployment that it sticks to."""

    async def story() -> None:
        there = b'[providers.openai]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\n'  # one without a count endpoint
        bench = Bench([whole()], there + three("weighted", "conversation"))
        met = set()
        for number in range(12):
            request = said(bench, f"question {number}")
            told = await bench.house.setup.count(request)
            assert isinstance(told, Counted)
            assert told.member.deployment.name == bench.house.explain(request).first
            met.add(told.member.index)
        assert met == {0, 1, 2}

    play(story)


@pytest.mark.parametrize(
    ("strategy", "sticky", "words"),
    [
        ("random", "off", "drawn of 3 ready"),
        ("priority", "off", "priority: the first of 3 ready, as written"),
        ("least_latency", "off", "drawn of 3 ready, latency unknown as yet, 0 in flight"),
        ("weighted", "conversation", "sticky by conversation: number 1 in its order of 3 ready"),
    ],
)
def test_explain_says_how_each_was_chosen_and_is_right(strategy: str, sticky: str, words: str) -> None:
    """What it shows first is who is asked next, and why is in words."""

    async def story() -> None:
        bench = Bench([whole()], three(strategy, sticky))
        for _ in range(12):
            told = bench.house.explain(bench.request("fast"))
            assert words in told.candidates[0].choice or strategy == "least_latency"
            await bench.ask()
            assert told.first == bench.whom[-1].replace("openai#", "openai/gpt-5.4-mini#")
        if strategy == "least_latency":
            assert "s to the first content, 0 in flight, which comes to" in told.candidates[0].choice

    play(story)

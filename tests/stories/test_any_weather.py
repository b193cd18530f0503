"""Whatever providers and callers do: every attempt is reserved and settled once, every outcome is in time, and no text is mixed.

The invariants (docs/reliability.md, Invariants) on requests under seeded scripts of replies; `play` audits INV-2, INV-3 and
INV-15 after each.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from story_stage import (
    DONE,
    END,
    HEAD,
    USAGE,
    Bench,
    Reply,
    Taken,
    error_frame,
    now,
    play,
    refused,
    streamed,
    text,
    text_in,
    whole,
)

from stormkeel.engine.line import Answer
from stormkeel.engine.ports import WireFault
from stormkeel.types.wire import HttpRequest

HOUSE = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
second = "env:OPENAI_API_KEY_2"
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
strategy = "two_choices"
groups = [[{ provider = "openai", model = "gpt-5.4-mini", concurrency = 3, rpm = 600 }], ["other/gpt-5.4-mini"]]
"""
MOST = 200
"""Sends of five callers that nothing but a runaway retry can need."""
CODES = ["", "rate_limit_exceeded", "insufficient_quota", "invalid_api_key", "context_length_exceeded", "server_is_overloaded"]


class Plan(NamedTuple):
    """What a provider does to one request: an error before it answers, or an answer and where it stops."""

    kind: str
    status: int = 200
    code: str = ""
    hint: float | None = None
    delay: float = 0.0
    words: int = 3
    stops_after: int = 99
    end: str = "clean"
    pause: float = 0.0
    usage: bool = True


class Caller(NamedTuple):
    """What a caller does: how long it will wait, how slowly it reads, whether and when it goes away."""

    stream: bool
    timeout: float | None
    takes: float
    leaves_after: int | None
    leaves_at: float | None
    starts_at: float


delays = st.sampled_from([0.0, 0.0, 0.0, 0.5, 3.0, 12.0, 45.0, 1e5])
errors = st.tuples(
    st.sampled_from([400, 401, 404, 408, 413, 429, 500, 503, 529]),
    st.sampled_from(CODES),
    st.sampled_from([None, None, 0.2, 2.0, 30.0, 1000.0]),
    delays,
).map(lambda said: Plan("error", *said))
faults = st.tuples(st.sampled_from(["connect", "head"]), delays).map(lambda said: Plan(said[0], delay=said[1]))
answers = st.tuples(
    delays,
    st.integers(1, 5),
    st.one_of(st.just(99), st.integers(0, 9)),
    st.sampled_from(["clean", "cut", "stall", "malformed", "error", "half"]),
    st.sampled_from([0.0, 0.0, 1.0, 40.0]),
    st.booleans(),
).map(lambda said: Plan("answer", 200, "", None, *said))
plans = st.lists(st.one_of(errors, faults, answers, answers), min_size=1, max_size=8)
callers = st.tuples(
    st.booleans(),
    st.sampled_from([None, None, 0.4, 3.0, 20.0]),
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 70.0]),
    st.sampled_from([None, None, None, 0, 2]),
    st.sampled_from([None, None, None, 0.0, 0.3, 11.0, 50.0]),
    st.sampled_from([0.0, 0.0, 0.1, 5.0]),
).map(lambda said: Caller(*said))


class Weather:
    """A script that follows plans, and remembers what each attempt was going to say."""

    def __init__(self, plans: list[Plan]) -> None:
        self._plans = plans
        self._count = 0
        self.saying: dict[str, str] = {}
        self.bodies: list[bytes] = []
        self.reached: dict[str, int] = {}

    def __call__(self, request: HttpRequest) -> Reply:
        plan = self._plans[self._count % len(self._plans)]
        self._count += 1
        assert self._count < MOST, "INV-11: sends without end"
        attempt = dict(request.headers)["x-client-request-id"]
        words = [f"{attempt}:{number} " for number in range(plan.words)]
        self.saying[attempt] = "".join(words)
        owner = attempt.partition(".")[0]
        self.reached[owner] = self.reached.get(owner, 0) + 1
        if plan.kind == "error":
            headers = () if plan.hint is None else (("retry-after-ms", str(int(plan.hint * 1000))),)
            return Reply(plan.status, refused(plan.status, plan.code).body, headers, plan.delay)
        if plan.kind != "answer":
            return Reply(fault=WireFault(plan.kind, "broken"), delay=plan.delay)
        return self._stream(plan, words) if b'"stream": true' in request.body else self._whole(plan, words)

    def _stream(self, plan: Plan, words: list[str]) -> Reply:
        frames = [HEAD, *text(*words), END, *([USAGE] if plan.usage else []), DONE]
        steps = [step for frame in frames[: plan.stops_after] for step in (frame, plan.pause)]
        ends = {
            "cut": [WireFault("body", "reset")],
            "stall": [1e5],
            "malformed": [b"data: {oh\n\n", *frames],
            "half": [frames[1][:50]],
        }
        ends["error"] = [error_frame("server_is_overloaded"), *frames]
        return streamed(*steps, *ends.get(plan.end, []), delay=plan.delay)

    def _whole(self, plan: Plan, words: list[str]) -> Reply:
        body = b"".join(piece for piece in whole("".join(words)).body if isinstance(piece, bytes))
        self.bodies.append(body)
        end = {"cut": [WireFault("body", "reset")], "stall": [1e5], "malformed": [b"}{"], "half": [b"{"]}.get(plan.end, [])
        kept = body if plan.stops_after > 9 else body[: len(body) * plan.stops_after // 10]
        return Reply(200, (kept, plan.pause, *(end if plan.stops_after <= 9 else ())), delay=plan.delay)


async def call(bench: Bench, caller: Caller) -> tuple[Answer | None, Taken, float]:
    """Do what a caller does; returns the answer (None where it went away), what it got, and how long it took."""
    await asyncio.sleep(caller.starts_at)
    start, taken = now(), Taken(caller.leaves_after, caller.takes)
    request = bench.request("fast", caller.timeout, **({"stream": True} if caller.stream else {}))
    task = asyncio.ensure_future(bench.house.answer(request, taken if caller.stream else None))
    if caller.leaves_at is not None:
        await asyncio.wait((task,), timeout=caller.leaves_at)
        task.cancel()
    await asyncio.wait((task,))
    return (None if task.cancelled() else task.result()), taken, now() - start


def check(answer: Answer | None, taken: Taken, took: float, caller: Caller, weather: Weather) -> None:
    """One caller's laws."""
    assert took <= (caller.timeout or 600.0) + 0.1, "INV-10"
    said = text_in(taken.body)
    sources = [whole_text for whole_text in weather.saying.values() if said and whole_text.startswith(said)]
    assert not said or len(sources) == 1, "INV-8: text of more than one attempt"
    assert len(taken.heads) <= 1
    if answer is None:
        return
    assert weather.reached.get(answer.story.request.id, 0) <= 5, "INV-11"
    assert len(answer.story.attempts) < 20
    if answer.failure is None and caller.stream:
        assert took >= 60.0 or caller.takes or said in sources, "INV-9: told complete, and was not"
    elif answer.failure is None:
        assert answer.response is not None
        assert answer.response.body in weather.bodies, "INV-9"
    else:
        assert answer.response is None
        assert answer.story.committed == bool(said) or caller.leaves_after is not None or caller.takes
        assert b"[DONE]" not in taken.body


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plans, st.lists(callers, min_size=1, max_size=5), st.integers(0, 3))
@example([Plan("answer", words=1, stops_after=3, end="malformed")], [Caller(True, None, 0.0, None, None, 0.0)], 0)
def test_the_laws_hold_in_any_weather(plans, callers, seed):
    """Under any script of replies and any manner of calling the invariants 2, 3, 8, 9, 10, 11 and 15 hold."""

    async def story():
        weather = Weather(plans)
        bench = Bench(weather, HOUSE, seed)
        ends = await asyncio.gather(*(call(bench, caller) for caller in callers))
        assert len(bench.told) == len(callers)
        for caller, (answer, taken, took) in zip(callers, ends, strict=True):
            check(answer, taken, took, caller, weather)

    play(story)

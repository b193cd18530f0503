"""Answers that a provider keeps: who goes on from one goes to the account that made it, and to no other."""

from __future__ import annotations

import json
from typing import Any

from story_stage import Bench, Taken, play, refused, streamed

from stormkeel.assemble.building import build_setup
from stormkeel.engine.line import Answer
from stormkeel.testing import Reply
from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Request

ACCOUNTS = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
spare = "env:OPENAI_API_KEY"
[providers.compatible]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
dialects = { openai_chat = "" }
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
strategy = "round_robin"
[routes.spare]
groups = [["openai/gpt-5.4#spare"]]
[routes.other]
groups = [["compatible/gpt-5.4-mini"]]
"""
"""Two accounts that take turns, one of them behind another route as well, and a provider that keeps nothing."""


def made(id: str) -> Reply:
    """A whole response of this id."""
    body = {
        "id": id, "object": "response", "status": "completed", "model": "gpt-5.4-mini", "created_at": 1,
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }  # fmt: skip
    return Reply(200, (json.dumps(body).encode(),), (("content-type", "application/json"),))


def event(kind: str, **fields: Any) -> bytes:
    """One event of a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def told(id: str) -> Reply:
    """A streamed response of this id."""
    response = {"id": id, "model": "gpt-5.4-mini", "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    delta = event("response.output_text.delta", delta="hi")
    return streamed(event("response.created", response=response), delta, event("response.completed", response=response))


def asking(bench: Bench, model: str = "fast", **body: Any) -> Request:
    """A request for a response."""
    return bench.request(model, dialect="openai_responses", input="hello", messages=None, **body)


async def ask(bench: Bench, model: str = "fast", **body: Any) -> Answer:
    """Ask for a response."""
    return await bench.house.answer(asking(bench, model, **body))


def test_going_on_goes_to_the_maker() -> None:
    """Whoever goes on from an answer reaches the account that made it, whose turn it may be; the chain goes on so."""

    async def story() -> None:
        bench = Bench([made(f"resp_{number}") for number in range(8)], ACCOUNTS)
        first = await ask(bench)
        maker = bench.whom[0]
        assert first.failure is None
        for number in range(4):
            assert (await ask(bench, previous_response_id=f"resp_{number}")).failure is None
        assert bench.whom == [maker] * 5
        await ask(bench)
        await ask(bench)
        assert len(set(bench.whom)) == 2  # who leans on nothing takes turns, as before

    play(story)


def test_streams_are_remembered_too() -> None:
    """The id of a streamed answer is known from its events."""

    async def story() -> None:
        bench = Bench([told("resp_a"), made("resp_b"), made("resp_c"), made("resp_d")], ACCOUNTS)
        answer = await bench.house.answer(asking(bench, stream=True), Taken())
        assert answer.failure is None
        for _ in range(3):
            await ask(bench, previous_response_id="resp_a")
        assert len(set(bench.whom)) == 1

    play(story)


def test_nobody_else_is_asked() -> None:
    """Where the maker fails nobody else is asked, and the failure says why and what mends it."""

    async def story() -> None:
        bench = Bench(lambda request: made("resp_a") if b"previous" not in request.body else refused(503), ACCOUNTS)
        await ask(bench)
        failed = (await ask(bench, previous_response_id="resp_a")).failure
        assert failed is not None
        assert "kept at that account alone, so nobody else was asked; send the whole conversation" in failed.message
        assert len(set(bench.whom)) == 1

    play(story)


def test_a_stranger_stays_with_whom_it_met() -> None:
    """An id that nobody remembers goes to whoever comes first, and with a failure no further; once it was good it is remembered."""

    async def story() -> None:
        bench = Bench([refused(503), refused(503), *(made(f"resp_{number}") for number in range(6))], ACCOUNTS)
        assert (await ask(bench, previous_response_id="resp_old")).failure is not None
        assert len(set(bench.whom)) == 1
        before = len(bench.whom)
        for _ in range(4):
            assert (await ask(bench, conversation={"id": "conv_1"})).failure is None
        assert len(set(bench.whom[before:])) == 1

    play(story)


def test_another_model_of_the_same_account() -> None:
    """The account counts, not the model: a route that leads there by another model will do."""

    async def story() -> None:
        bench = Bench([made("resp_a"), made("resp_b"), made("resp_c")], ACCOUNTS)
        await ask(bench, "spare")
        assert (await ask(bench, previous_response_id="resp_a")).failure is None
        assert bench.whom == ["openai#spare", "openai#spare"]

    play(story)


def test_a_route_that_does_not_lead_there() -> None:
    """A route without the account is told plainly, and nothing is sent or reserved."""

    async def story() -> None:
        bench = Bench([made("resp_a"), made("resp_b")], ACCOUNTS)
        await ask(bench)
        await ask(bench)  # by both accounts in turn
        by_main = f"resp_{'ab'[bench.whom.index('openai#main')]}"
        failure = (await ask(bench, "spare", previous_response_id=by_main)).failure
        assert failure is not None
        assert (failure.kind, failure.status, failure.code) == (FailureKind.CALLER, 400, "previous_response_not_found")
        assert 'credential "main"' in failure.message
        assert "send the whole conversation as input" in failure.message
        assert len(bench.reserved) == 2

    play(story)


def test_a_provider_that_keeps_nothing() -> None:
    """Where the answer would have to cross dialects the refusal names the field and its mend (wire trap 34)."""

    async def story() -> None:
        bench = Bench([made("resp_a")], ACCOUNTS)
        failure = (await ask(bench, "other", previous_response_id="resp_a")).failure
        assert failure is not None
        assert failure.kind is FailureKind.UNSUPPORTED
        assert "previous_response_id" in failure.message
        assert failure.message.count("send the whole conversation as input") == 1
        assert bench.transport.sent == []

    play(story)


def test_what_is_not_stored_is_not_remembered() -> None:
    """With `store: false` the provider keeps nothing, so nothing is remembered; a name written with escapes counts all the same."""

    async def story() -> None:
        bench = Bench([made("resp_a"), made("resp_b")], ACCOUNTS)
        await ask(bench, store=False)
        assert len(bench.house.makers) == 0
        raw = b'{"model":"fast","input":"x","previous_\\u0072esponse_id":"resp_z"}'
        request = bench.house.dialect("openai_responses").read_request(raw, "req")
        assert isinstance(request, Request)
        assert request.follows == "resp_z"

    play(story)


def test_over_a_reload() -> None:
    """Who made an answer is known after a reload too."""

    async def story() -> None:
        bench = Bench([made(f"resp_{number}") for number in range(6)], ACCOUNTS)
        await ask(bench)
        bench.house.swap(build_setup(bench.house.setup.blueprint, bench.house))
        for _ in range(3):
            await ask(bench, previous_response_id="resp_0")
        assert len(set(bench.whom)) == 1

    play(story)


def test_explain_says_so() -> None:
    """What explain shows of a request that leans on an answer is its account alone."""

    async def story() -> None:
        bench = Bench([made("resp_a"), made("resp_b")], ACCOUNTS)
        await ask(bench)
        account = bench.whom[0].partition("#")[2]
        said = bench.house.explain(asking(bench, previous_response_id="resp_a"))
        assert [candidate.standing.name for candidate in said.candidates] == [f"openai/gpt-5.4-mini#{account}"]
        elsewhere = bench.house.explain(asking(bench, "other", previous_response_id="resp_a"))
        assert elsewhere.first is None

    play(story)

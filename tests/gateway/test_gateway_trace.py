"""`x-stormkeel-trace: 1`: the story of a real request comes back with its answer, and no client stumbles over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_stage import CHAT, DIALECTS, MESSAGES, MODELS, QUICK, Got, ask, asking, heard, play, route, staged, wish

from stormkeel.gateway.trace import LIMIT, trace_of
from stormkeel.types.attempt import Attempt, Story
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request

TRACE = {"x-stormkeel-trace": "1"}
TEXT = "The sea is calm today, and so are we."


def in_header(got: Got) -> Any:
    """The story in the response header."""
    return json.loads(got.headers["x-stormkeel-trace"])


def in_comment(got: Got) -> Any:
    """The story in the last frame of a stream."""
    (line,) = [line for line in got.body.decode().splitlines() if line.startswith(": stormkeel-trace ")]
    assert got.body.decode().rstrip("\n").endswith(line), "nothing comes behind it"
    return json.loads(line.removeprefix(": stormkeel-trace "))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer_tells_its_attempts(dialect: str, tmp_path: Path) -> None:
    """A header tells who was tried, how each ended, by which status, how long it took and what it cost; no content."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(dialect, "fault=server_error", "")) as stage:
            said = wish(answer="CANARYanswer", usage={"input": 100, "output": 20})
            got = await ask(stage, asking(dialect, model="r", headers=TRACE, messages=said))
            told = in_header(got)
            first, second = told["attempts"]
            assert [told["route"], told["outcome"], told["request_id"]] == ["r", "ok", got.headers["x-request-id"]]
            assert [first["outcome"], first["status"], first["cost_usd"], first["sent"]] == ["server", 500, "0.000000000", True]
            assert [second["outcome"], second["status"], second["sent"]] == ["ok", 200, True]
            assert second["deployment"].startswith(f"spare-{dialect}/")
            assert float(told["cost_usd"]) == float(second["cost_usd"]) == pytest.approx(stage.settled[-1].amount / 1e9)
            assert "CANARY" not in got.headers["x-stormkeel-trace"]
            assert "x-stormkeel-trace" not in (await ask(stage, asking(dialect, model="r", messages=said))).headers

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_tells_it_behind_its_end(dialect: str, tmp_path: Path) -> None:
    """A comment behind the last frame tells the story of a stream that ended well, and of one that broke."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            got = await ask(stage, asking(dialect, headers=TRACE, messages=wish(answer=TEXT), stream=True))
            assert heard(dialect, got.body) == (TEXT, True, None)
            assert [in_comment(got)["outcome"], in_comment(got)["attempts"][0]["outcome"]] == ["ok", "ok"]
            assert in_comment(got)["ttft"] is not None
            broken = await ask(
                stage, asking(dialect, headers=TRACE, messages=wish(answer=TEXT * 9, fault="cut:at=0.5"), stream=True)
            )
            assert heard(dialect, broken.body).error is not None
            assert in_comment(broken)["outcome"] in {"truncated", "reset"}
            plain = await ask(stage, asking(dialect, messages=wish(answer=TEXT), stream=True))
            assert b"stormkeel-trace" not in plain.body

    play(story)


def test_failures_tell_it_too(tmp_path: Path) -> None:
    """A failure before any content, streamed or not, and one of which no provider knows, come with their story in the header."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "fault=server_error", "fault=bad_credential")) as stage:
            for stream in (False, True):
                got = await ask(stage, asking(CHAT, model="r", headers=TRACE, stream=stream))
                assert got.status >= 500
                assert in_header(got)["attempts"][0]["outcome"] == "server"
            unknown = await ask(stage, asking(CHAT, model="nothing", headers=TRACE))
            assert [unknown.status, in_header(unknown)["attempts"], in_header(unknown)["outcome"]] == [
                404,
                [],
                "model_unavailable",
            ]
            off = await ask(stage, asking(CHAT, model="r", headers={"x-stormkeel-trace": "0"}))
            assert "x-stormkeel-trace" not in off.headers

    play(story)


def test_the_sdks_read_past_it(tmp_path: Path) -> None:
    """Both official SDKs, unmodified, stream to the end with a trace behind it; a broken stream still raises what it did."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            chat = openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", default_headers=TRACE)
            messages = anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="any", default_headers=TRACE)
            async with chat, messages:
                asked: dict[str, Any] = {"model": MODELS[CHAT], "messages": wish(answer=TEXT)}
                async with chat.chat.completions.stream(**asked) as stream:
                    assert (await stream.get_final_completion()).choices[0].message.content == TEXT
                chunks = [chunk async for chunk in await chat.chat.completions.create(**asked, stream=True)]
                assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
                whole = await chat.chat.completions.with_raw_response.create(**asked)
                assert json.loads(whole.headers["x-stormkeel-trace"])["outcome"] == "ok"
                spoken: dict[str, Any] = {"model": MODELS[MESSAGES], "max_tokens": 50, "messages": wish(answer=TEXT)}
                async with messages.messages.stream(**spoken) as told:
                    assert (await told.get_final_message()).content[0].text == TEXT
                events = [event.type async for event in await messages.messages.create(**spoken, stream=True)]
                assert events[-1] == "message_stop"
                torn = wish(answer=TEXT * 9, fault="cut:at=0.5")
                with pytest.raises(openai.APIError):
                    _ = [chunk async for chunk in await chat.chat.completions.create(**(asked | {"messages": torn}), stream=True)]
                with pytest.raises(anthropic.APIError):
                    _ = [event async for event in await messages.messages.create(**(spoken | {"messages": torn}), stream=True)]

    play(story)


def test_it_is_bounded_and_plain() -> None:
    """However many attempts with however strange names: at most 4 KiB of ASCII on one line, the first and the last among them."""
    failure = Failure(FailureKind.SERVER, "CANARY words", 500)
    name = "прovider/" + "模" * 300 + "\x7f\r\n"
    attempts = tuple(Attempt(f"req_1.{n}", f"{n} {name}", "p", "m", n * 10**9, 0.5, failure=failure) for n in range(100))
    raw = trace_of(Story(Request("req_1", "openai_chat", "m", b""), name, attempts, failure, 0, 99.5))
    told = json.loads(raw)
    assert len(raw) <= LIMIT
    assert raw.isascii()
    assert raw.decode().isprintable()
    assert b"CANARY" not in raw
    assert told["left_out"] == 100 - len(told["attempts"])
    kept = [attempt["deployment"].split()[0] for attempt in told["attempts"]]
    assert [kept[0], kept[-1]] == ["0", "99"]
    assert [attempt["waited"] for attempt in told["attempts"]] == [0.0, *[0.5] * (len(kept) - 1)]

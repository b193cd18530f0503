"""Answers of a shape, mended answers, and fallback prompts: one call of the library that takes several requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pydantic
import pytest
from asking_stage import answered, asked, client_of
from story_stage import ALONE, DONE, END, HEAD, TWO, USAGE, Bench, now, play, refused, streamed, text

from stormkeel.errors import (
    AnswerCutError,
    BadResponseError,
    ContentRefusedError,
    ContextTooLongError,
    DeadlineError,
    InvalidRequestError,
    RateLimitedError,
    UpstreamError,
)
from stormkeel.types.content import Message

LONG = {"code": "context_length_exceeded", "kind": "invalid_request_error"}


class Port(pydantic.BaseModel):
    name: str
    berths: int


class PortStruct(msgspec.Struct):
    name: str
    berths: int


@dataclass
class PortData:
    name: str
    berths: int


SCHEMA = {
    "title": "Port",
    "type": "object",
    "properties": {"name": {"type": "string"}, "berths": {"type": "integer"}},
    "required": ["name", "berths"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Port, Port(name="Bergen", berths=4)),
        (PortStruct, PortStruct("Bergen", 4)),
        (PortData, PortData("Bergen", 4)),
        (SCHEMA, {"name": "Bergen", "berths": 4}),
    ],
)
def test_an_answer_of_a_shape(kind, value):
    """Whatever names the shape, the provider is held to its schema strictly, and the answer comes as a value of it."""

    async def story():
        bench = Bench([answered('{"name": "Bergen", "berths": 4}')], ALONE)
        done = await client_of(bench).complete("Which port?", output=kind)
        assert done.parsed == value
        assert done.rounds == 1
        told = asked(bench)[0]["response_format"]["json_schema"]
        assert told["strict"] is True
        assert told["schema"]["required"] == ["name", "berths"]
        assert told["schema"]["additionalProperties"] is False

    play(story)


def test_an_answer_that_is_no_object():
    """A list travels inside an object, and nobody has to know."""

    async def story():
        bench = Bench([answered('```json\n{"value": [{"name": "Bergen", "berths": 4}]}\n```')], ALONE)
        done = await client_of(bench).complete("Which ports?", output=list[PortStruct])
        assert done.parsed == [PortStruct("Bergen", 4)]

    play(story)


@pytest.mark.parametrize("kind", [Port, PortStruct, PortData, SCHEMA])
def test_an_answer_that_does_not_fit(kind):
    """What does not fit is an error that names the place, with the text beside it and not inside."""

    async def story():
        bench = Bench([answered('{"name": "CANARY", "berths": "many"}')], ALONE)
        with pytest.raises(BadResponseError, match=r"\$\.berths") as caught:
            await client_of(bench).complete("Which port?", output=kind)
        assert caught.value.text == '{"name": "CANARY", "berths": "many"}'
        assert "CANARY" not in str(caught.value)
        assert "many" not in str(caught.value)
        assert len(caught.value.attempts) == 1
        assert caught.value.request_id

    play(story)


def test_an_answer_is_mended():
    """`repair=1` asks once more with the words of whoever looked, and the answer tells of both attempts and their cost."""

    async def story():
        bench = Bench([answered('{"name": "Bergen"}'), answered('{"name": "Bergen", "berths": 4}')], ALONE)
        done = await client_of(bench).complete("Which port?", system="Be brief.", output=PortStruct, repair=1)
        assert done.parsed == PortStruct("Bergen", 4)
        assert (done.rounds, len(done.attempts)) == (2, 2)
        assert done.cost == Decimal("0.00006")
        turns = asked(bench)[1]["messages"]
        assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
        assert "berths" in turns[-1]["content"]

    play(story)


def test_mending_has_an_end():
    """An answer that never fits is asked for as often as was said, and fails with every attempt."""

    async def story():
        bench = Bench([answered("no JSON")] * 9, ALONE)
        with pytest.raises(BadResponseError, match="3 answers") as caught:
            await client_of(bench).complete("Which port?", output=Port, repair=2)
        assert len(caught.value.attempts) == len(bench.transport.sent) == 3

    play(story)


def test_mending_stays_within_the_timeout():
    """Asking again takes from the same timeout."""

    async def story():
        bench = Bench([msgspec.structs.replace(answered("no JSON"), delay=4.0)] * 9, ALONE)
        with pytest.raises(DeadlineError) as caught:
            await client_of(bench).complete("Which port?", output=Port, repair=5, timeout=10.0)
        assert now() == pytest.approx(10.0, abs=0.2)
        assert len(caught.value.attempts) == 3

    play(story)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answered('{"name": "Ber', "length"), AnswerCutError),
        (answered(None, refusal="I won't."), ContentRefusedError),
        (answered("", "content_filter"), ContentRefusedError),
    ],
)
def test_nothing_that_could_fit(reply, kind):
    """An answer that was cut off, and one that was refused, say so in errors of their own, and are not asked for again."""

    async def story():
        bench = Bench([reply] * 3, ALONE)
        with pytest.raises(kind) as caught:
            await client_of(bench).complete("Which port?", output=Port, repair=2)
        assert len(caught.value.attempts) == 1

    play(story)


def test_a_stream_of_a_shape():
    """A stream's completion has the value, too; one that does not fit raises at its end, after every piece was handed out."""

    async def story():
        good = streamed(HEAD, *text('{"name": "Bergen",', ' "berths": 4}'), END, USAGE, DONE)
        bench = Bench([good, streamed(HEAD, *text("no JSON"), END, USAGE, DONE)], ALONE)
        done = await client_of(bench).stream("Which port?", output=Port).until_done()
        assert done.parsed == Port(name="Bergen", berths=4)
        stream, pieces = client_of(bench).stream("Which port?", output=Port), []
        with pytest.raises(BadResponseError):
            async for piece in stream:
                pieces.append(piece)
        assert pieces == ["no JSON"]

    play(story)


@pytest.mark.parametrize("fallback", ["short", [Message("user", "short")], lambda _error: "short"])
def test_another_prompt_where_the_first_is_too_long(fallback):
    """A prompt that fails in a way another can mend is followed by the fallback, once, and the answer says so."""

    async def story():
        bench = Bench([refused(400, **LONG), answered("yes")], ALONE)
        done = await client_of(bench).complete("x" * 100, system="Be brief.", fallback=fallback)
        assert (done.text, done.fell_back) == ("yes", True)
        assert [attempt.failure is None for attempt in done.attempts] == [False, True]
        assert [turn["content"] for turn in asked(bench)[1]["messages"]] == ["Be brief.", "short"]

    play(story)


def test_both_prompts_fail():
    """Where both fail the second's error is raised, the first as its cause, and every attempt in order."""

    async def story():
        bench = Bench([refused(400, **LONG), refused(500), refused(500), refused(500)], ALONE)
        with pytest.raises(UpstreamError) as caught:
            await client_of(bench).complete("x", fallback="y")
        assert isinstance(caught.value.__cause__, ContextTooLongError)
        assert len(caught.value.attempts) == len(bench.transport.sent) > 1
        assert caught.value.attempts[0].failure.kind == "context_length"

    play(story)


def test_what_another_prompt_would_not_mend():
    """A limit says the same to any prompt, so nothing else is asked; nor where the fallback declines."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "900"),))], ALONE)
        with pytest.raises(RateLimitedError):
            await client_of(bench).complete("x", fallback="y", timeout=5.0)
        assert len(bench.transport.sent) == 1
        bench = Bench([refused(400, **LONG)], ALONE)
        with pytest.raises(ContextTooLongError):
            await client_of(bench).complete("x", fallback=lambda error: None)
        assert len(bench.transport.sent) == 1

    play(story)


def test_a_conversation_goes_on_with_its_answers():
    """A completion among the messages stands for its assistant turn."""

    async def story():
        bench = Bench([answered("one"), answered("two")], ALONE)
        client = client_of(bench)
        first = await client.complete(messages=[Message("user", "a")])
        await client.complete(messages=[Message("user", "a"), first, Message("user", "b")])
        turns = [(turn["role"], turn["content"]) for turn in asked(bench)[1]["messages"]]
        assert turns == [("user", "a"), ("assistant", "one"), ("user", "b")]

    play(story)


def test_further_wishes_are_sent():
    """Sampling, stop texts and effort reach the provider, and what the model can't be told is named on the answer."""

    async def story():
        bench = Bench([answered("yes")] * 2, TWO)
        await client_of(bench, "backup/llama-3").complete("x", top_p=0.5, stop="END", temperature=0.1)
        told = asked(bench)[0]
        assert (told["top_p"], told["stop"], told["temperature"]) == (0.5, ["END"], 0.1)
        done = await client_of(bench).complete("x", effort="low", temperature=0.1)
        assert asked(bench)[1]["reasoning_effort"] == "low"
        assert "temperature" in done.lossy

    play(story)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"top_p": 2}, "top_p"),
        ({"stop": [1]}, "stop"),
        ({"effort": "hard"}, "effort"),
        ({"repair": 1}, "output"),
        ({"repair": 99, "output": Port}, "repair"),
        ({"tool_choice": "look"}, "look"),
        ({"output": object}, "JSON Schema"),
        ({"tools": [lambda x: x]}, "called"),
        ({"messages": [7]}, "type int"),
    ],
)
def test_wrong_wishes(wrong: dict[str, Any], words: str):
    """A wish that can't be meant so is refused before anything is sent, and the text names it."""

    async def story():
        bench = Bench([answered("yes")], ALONE)
        given = {"prompt": "x"} if "messages" not in wrong else {}
        with pytest.raises(InvalidRequestError, match=words):
            await client_of(bench).complete(**given, **wrong)
        assert bench.transport.sent == []

    play(story)


def test_errors_hold_no_content():
    """What does not fit is told by its place; the value stays out of the text, an enum's included."""

    async def story():
        bench = Bench([answered(json.dumps({"sea": "CANARY"}))], ALONE)
        kind = msgspec.defstruct("Sea", [("sea", Literal["north", "south"])])
        with pytest.raises(BadResponseError, match="enum") as caught:
            await client_of(bench).complete("x", output=kind)
        assert "CANARY" not in str(caught.value) + str(caught.value.failure)

    play(story)

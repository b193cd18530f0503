"""Answers: the same for the same question, as long as was asked, cut where they must be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import Got, ask, body_for, with_sandbox

from stormkeel.sandbox import Sandbox, SandboxSettings
from stormkeel.sandbox.answer import compose, count, pieces
from stormkeel.sandbox.ask import Asked, Wish
from stormkeel.sandbox.resume import going_on

ASKED = Asked("gpt-5.4-mini", stream=False, prompt=("hi",), last_user="hi")


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    """Pieces joined again are the text, and none is empty."""
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


@given(st.integers(), st.integers(0, 200), st.integers(1, 3))
def test_answers_have_the_length_that_was_wished(seed: int, tokens: int, choices: int) -> None:
    """`tokens` is exact, and each choice is counted."""
    asked = Asked("m", stream=False, prompt=("hi",), last_user="hi", count=choices)
    answer = compose(asked, Wish(tokens=tokens), seed)
    assert [len(choice.pieces) for choice in answer.choices] == [tokens] * choices
    assert [count([choice.text]) for choice in answer.choices] == [tokens] * choices
    assert answer.tokens.output == tokens * choices


def test_answers_follow_from_seed_model_and_conversation() -> None:
    """Another seed, model or conversation is another answer; the same three are the same."""
    text = compose(ASKED, Wish(), 1).choices[0].text
    other_model = Asked("gpt-5.4", stream=False, prompt=("hi",), last_user="hi")
    other_prompt = Asked("gpt-5.4-mini", stream=False, prompt=("ho",), last_user="ho")
    streamed = Asked("gpt-5.4-mini", stream=True, prompt=("hi",), last_user="hi", limit=1000)
    assert compose(streamed, Wish(), 1).choices[0].text == text
    assert text not in {compose(asked, Wish(), 1).choices[0].text for asked in (other_model, other_prompt)}
    assert text != compose(ASKED, Wish(), 2).choices[0].text


def answered(dialect: str, headers: dict[str, str | None], **changes: Any) -> Got:
    """Ask one thing of a fresh sandbox."""
    seen: list[Got] = []

    async def story(sandbox: Sandbox) -> None:
        seen.append(await ask(sandbox, dialect, body_for(dialect, **changes), headers))

    with_sandbox(story)
    return seen[0]


TEN = {"x-sandbox-answer": "one two three four five six seven eight nine ten"}


@pytest.mark.parametrize(
    ("limit", "text", "finish", "stop_reason"),
    [
        (3, "one two three", "length", "max_tokens"),
        (10, TEN["x-sandbox-answer"], "stop", "end_turn"),
        (9, TEN["x-sandbox-answer"][:-4], "length", "max_tokens"),
    ],
)
def test_limits_are_kept(limit: int, text: str, finish: str, stop_reason: str) -> None:
    """An answer is no longer than asked, says so when it is cut, and is billed as cut."""
    chat = answered("openai", dict(TEN), max_completion_tokens=limit).json
    assert (chat["choices"][0]["message"]["content"], chat["choices"][0]["finish_reason"]) == (text, finish)
    assert chat["usage"]["completion_tokens"] == limit
    old = answered("openai", dict(TEN), max_tokens=limit, model="gpt-4.1-mini").json
    assert old["choices"][0]["finish_reason"] == finish
    message = answered("anthropic", dict(TEN), max_tokens=limit).json
    assert (message["content"][0]["text"], message["stop_reason"]) == (text, stop_reason)
    assert message["usage"]["output_tokens"] == limit


def test_stop_sequences_end_an_answer() -> None:
    """The earliest stop sequence cuts the answer and is not in it; Anthropic says which one it was."""
    chat = answered("openai", dict(TEN), stop=["nine", " three"]).json
    assert (chat["choices"][0]["message"]["content"], chat["choices"][0]["finish_reason"]) == ("one two", "stop")
    message = answered("anthropic", dict(TEN), stop_sequences=["nine", " three"]).json
    assert (message["content"][0]["text"], message["stop_reason"], message["stop_sequence"]) == (
        "one two",
        "stop_sequence",
        " three",
    )
    short = answered("anthropic", dict(TEN), stop_sequences=["nine"], max_tokens=2).json
    assert (short["stop_reason"], short["stop_sequence"]) == ("max_tokens", None)


@pytest.mark.parametrize("stream", [False, True])
def test_several_choices(stream: bool) -> None:
    """`n` choices are numbered and all counted."""
    options = {"stream_options": {"include_usage": True}} if stream else {}
    got = answered("openai", {"x-sandbox-tokens": "5"}, n=3, stream=stream, **options)
    if stream:
        chunks = [json.loads(data) for data in got.data[:-1]]
        assert {choice["index"] for chunk in chunks for choice in chunk["choices"]} == {0, 1, 2}
        assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 15)
    else:
        texts = [choice["message"]["content"] for choice in got.json["choices"]]
        assert (len(set(texts)), got.json["usage"]["completion_tokens"]) == (3, 15)


def test_openai_streams_in_order() -> None:
    """Role, words, reason, usage where asked for, `[DONE]`; one id, one time, one model throughout."""
    got = answered("openai", {"x-sandbox-answer": "Hi you"}, stream=True, stream_options={"include_usage": True})
    chunks = [json.loads(data) for data in got.data[:-1]]
    assert got.headers["content-type"].startswith("text/event-stream")
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "Hi"},
        {"content": " you"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, None, "stop"]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 4
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert got.data[-1] == "[DONE]"
    plain = answered("openai", {"x-sandbox-answer": "Hi you"}, stream=True)
    assert b"usage" not in plain.body


def test_anthropic_streams_in_order() -> None:
    """The events come in the documented order, the input counted at the start and the output at the end."""
    got = answered("anthropic", {"x-sandbox-answer": "Hi you", "x-sandbox-usage": '{"input":9,"cached":5}'}, stream=True)
    events = [json.loads(data) for data in got.data]
    assert [event["type"] for event in events] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start, end = events[0]["message"], events[-2]
    assert (start["usage"]["input_tokens"], start["usage"]["cache_read_input_tokens"], start["usage"]["output_tokens"]) == (
        9,
        5,
        1,
    )
    assert (start["stop_reason"], start["content"]) == (None, [])
    assert (end["delta"]["stop_reason"], end["usage"]["output_tokens"], end["usage"]["input_tokens"]) == ("end_turn", 2, 9)
    assert [line for line in got.body.decode().split("\n") if line.startswith("event: ")] == [
        f"event: {event['type']}" for event in events
    ]


def test_an_answer_without_words() -> None:
    """An empty answer, and one of no allowed tokens, are whole answers."""
    assert answered("openai", {"x-sandbox-tokens": "0"}).json["choices"][0]["message"]["content"] == ""
    message = answered("anthropic", {}, max_tokens=0).json
    assert (message["content"], message["stop_reason"], message["usage"]["output_tokens"]) == ([], "max_tokens", 0)


def test_pace_is_kept_by_the_wish() -> None:
    """A paced stream is the same stream, only slower: no event is lost or doubled."""
    fast = answered("openai", {"x-sandbox-tokens": "5"}, stream=True)
    slow = answered("openai", {"x-sandbox-tokens": "5", "x-sandbox-pace": "1"}, stream=True)
    assert [json.loads(data)["choices"] for data in slow.data[:-1]] == [json.loads(data)["choices"] for data in fast.data[:-1]]
    assert slow.data[-1] == "[DONE]"


def test_a_reader_that_leaves_stops_the_generation() -> None:
    """Who leaves a paced stream is billed for what was written until then, and noted as left."""

    async def story(sandbox: Sandbox) -> None:
        reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
        raw = json.dumps(body_for("openai", stream=True, model="gpt-5.4-mini@tokens=400,pace_ms=2")).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(raw), raw)
        )
        await reader.readuntil(b'"delta":{"content":')
        writer.close()
        await sandbox.quiet()
        (row,) = sandbox.bill()
        assert (row.left, row.usage_reported) == (True, False)
        assert 0 < row.tokens.output < 400

    with_sandbox(story, SandboxSettings())


WISH = 'Hello\nsandbox: {"answer": "one two three four five six seven."}'
BEGUN = "one two three four five"


def gone_on(dialect: str, *turns: str, model: str = "") -> Got:
    """Ask with a wish, a turn that was begun, and what follows."""
    said = [WISH, BEGUN, *turns]
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(said)]
    seen: list[Got] = []

    async def story(sandbox: Sandbox) -> None:
        more = {"model": model} if model else {}
        seen.append(await ask(sandbox, dialect, body_for(dialect, messages=messages, **more)))

    with_sandbox(story)
    return seen[0]


def test_a_turn_that_was_begun_is_gone_on_with() -> None:
    """Anthropic's older models answer the rest, the newer ones refuse, OpenAI's write all of it anew."""
    assert gone_on("anthropic", model="claude-haiku-4-5").json["content"][0]["text"] == " six seven."
    refused = gone_on("anthropic", model="claude-sonnet-5")
    assert refused.status == 400
    assert "prefill" in refused.json["error"]["message"]
    assert gone_on("openai").json["choices"][0]["message"]["content"] == "one two three four five six seven."


def test_who_is_asked_to_go_on_repeats_the_last_words() -> None:
    """A user's turn behind what was begun gets the rest, with four words of what is there already."""
    assert gone_on("openai", "Go on.").json["choices"][0]["message"]["content"] == "two three four five six seven."
    assert gone_on("anthropic", "Go on.").json["content"][0]["text"] == "two three four five six seven."


def test_what_was_not_begun_is_not_gone_on_with() -> None:
    """Another text behind the wish, a whole answer, or more turns are a conversation like any other."""
    for prompt in ((WISH, "two three"), (WISH, "", "more"), (WISH, BEGUN, "more", "and", "more"), ("Hello", BEGUN)):
        assert going_on(Asked("m", stream=False, prompt=prompt, last_user=""), begins=True) == Wish()

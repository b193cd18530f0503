"""Every recorded exchange through a gateway over sockets, from each dialect to each: unchanged in its own, accepted and said in full
in every other, paid for as it was reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import recordings as source
from crossings import (
    CHAT,
    EVENT,
    FILES,
    GEMINI,
    MESSAGES,
    MODELS,
    PAIRS,
    RESPONSES,
    WHOLE,
    Said,
    accept,
    events,
    raw_of,
    rows,
    said,
    said_in_stream,
)  # fmt: skip
from gateway_stage import Got, play
from raw_stage import PATHS, Answer, staged

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.values import Reading


def answers(dialect: str, *, streamed: bool) -> Iterator[Answer]:
    """The recorded good answers of a dialect, over and over."""
    told = [answer for row in usable(dialect) if (answer := answer_of(row)).streamed == streamed and answer.status == 200]
    return cycle(answer for answer in told if streamed or makes_sense(dialect, answer))


def makes_sense(dialect: str, answer: Answer) -> bool:
    """Is a whole answer one? Not where the model failed at its call, which a 200 tells as well."""
    return DIALECTS[dialect].read_response(answer.body) is not None


def answer_of(row: dict[str, Any]) -> Answer:
    """What was answered."""
    body = row["response_text"].encode() if row["response_text"] else json.dumps(row["response"], ensure_ascii=False).encode()
    return Answer(row["status"], body, is_streamed(row))


def is_streamed(row: dict[str, Any]) -> bool:
    """Was it a stream?"""
    return bool(row["request"].get("stream")) or "streamGenerateContent" in row["path"]


def asking(client: str, row: dict[str, Any], model: str) -> tuple[str, bytes]:
    """Path and body of a recorded request for another model."""
    if client != GEMINI:
        return PATHS[client], raw_of({"request": row["request"] | {"model": model}})
    method = "streamGenerateContent?alt=sse" if is_streamed(row) else "generateContent"
    return f"/v1beta/models/{model}:{method}", raw_of(row)


def model_of(client: str, row: dict[str, Any]) -> str:
    """The model of a recorded request."""
    return row["request"]["model"] if client != GEMINI else row["path"].rsplit("/models/", 1)[1].partition(":")[0]


def usable(dialect: str) -> list[dict[str, Any]]:
    """The recorded exchanges, without the streams that the recording damaged."""
    found = [row for row in rows(dialect) if not is_streamed(row) or source.damage(answer_of(row).body) is None]
    if not found:
        pytest.skip(f"no recordings of {dialect} in {source.FOLDER}: set STORMKEEL_RECORDINGS to their folder")
    return found


def what_is_said(dialect: str, body: bytes, *, streamed: bool) -> Said:
    """What an answer says, by its bytes."""
    return said_in_stream(dialect, body) if streamed else said(dialect, json.loads(body))


def sent_of(dialect: str, row: dict[str, Any]) -> Any:
    """What must reach the provider of its own dialect: the very bytes, or their meaning where the usage had to be asked for."""
    if dialect == CHAT and is_streamed(row) and "stream_options" not in row["request"]:
        return row["request"] | {"stream_options": {"include_usage": True}}
    return raw_of(row)


def without_done(body: bytes) -> bytes:
    """An answer without the marker that means nothing to a responses' client."""
    return body.removesuffix(b"data: [DONE]\n\n").strip()


@pytest.mark.parametrize("dialect", FILES)
def test_every_exchange_passes_unchanged(dialect: str) -> None:
    """In its own dialect a recorded request reaches the provider byte for byte, but for the usage a chat stream is billed by, and what
    was answered, be it an error, comes back byte for byte; what can't be billed is not asked for."""

    async def story() -> None:
        async with staged(dialect) as stage:
            for row in usable(dialect):
                stage.provider.answer = answer = answer_of(row)
                got = await stage.ask(*asking(dialect, row, f"p/{model_of(dialect, row)}"))
                if row["request"].get("background"):
                    assert (got.status, stage.provider.asked) == (400, [])
                    continue
                assert sent_of(dialect, row) in (stage.provider.asked[0], json.loads(stage.provider.asked[0]))
                if answer.status == 200 and not answer.streamed and not makes_sense(dialect, answer):
                    assert (got.status, stage.settled.outcome) == (502, "bad_response")
                    continue
                assert (got.status, got.end) == (row["status"], "whole")
                assert without_done(got.body) == without_done(answer.body)
                assert "x-stormkeel-lossy" not in got.headers
                if answer.status != 200:
                    assert (stage.settled.amount, stage.settled.usage_source) == (0, "none")
                elif (counts := what_is_said(dialect, answer.body, streamed=answer.streamed).counts) is not None:
                    usage = stage.settled.usage
                    assert (usage.total_input, usage.total_output, usage.cache_read) == counts

    play(story)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_every_exchange_across(client: str, upstream: str) -> None:
    """In another dialect a recorded request is accepted by a strict provider, or refused with nothing sent or booked; a recorded answer
    of that provider is taken by the client's SDK, says the same, and is booked as reported."""

    async def story() -> None:
        given = {streamed: answers(upstream, streamed=streamed) for streamed in (False, True)}
        served = 0
        async with staged(upstream) as stage:
            for row in usable(client):
                if row["status"] != 200:
                    continue
                stage.provider.answer = answer = next(given[is_streamed(row)])
                got = await stage.ask(*asking(client, row, f"p/{MODELS[upstream][1]}"))
                assert got.end == "whole"
                if got.status != 200:
                    status = 400 if row["request"].get("background") else 422
                    assert (got.status, stage.provider.asked, list(stage.journal.entries)) == (status, [], []), got.body
                    continue
                served += 1
                reading = DIALECTS[client].read_prompt(raw_of(row))
                assert isinstance(reading, Reading)
                assert set(reading.lost) <= set(got.headers.get("x-stormkeel-lossy", "").split(", "))
                accept(upstream, *stage.provider.asked)
                check(client, got, answer)
                told = what_is_said(upstream, answer.body, streamed=answer.streamed)
                heard = what_is_said(client, got.body, streamed=answer.streamed)
                assert heard[:2] == told[:2]
                if told.counts is not None:
                    usage = stage.settled.usage
                    assert (usage.total_input, usage.total_output, usage.cache_read) == told.counts
                    assert heard.counts in (told.counts, None)
        assert served >= 50

    play(story)


ENDS = {
    CHAT: (b'"finish_reason":"',), RESPONSES: (b"response.completed", b"response.incomplete"),
    MESSAGES: (b"message_stop",), GEMINI: (b'"finishReason"',),
}  # fmt: skip
"""What tells a client that a stream is whole. (A chat client's `[DONE]` comes behind an error too, which its SDK raises first.)"""


@pytest.mark.parametrize(("client", "upstream"), [(client, upstream) for client in FILES for upstream in FILES])
def test_a_stream_cut_short_is_told_across(client: str, upstream: str) -> None:
    """A recorded stream that breaks off before its end is an error in the client's dialect, in the stream or instead of it, and never
    looks whole (S-28); it is booked as truncated."""

    async def story() -> None:
        streams = [answer.body for row in usable(upstream) if (answer := answer_of(row)).streamed and answer.status == 200]
        cuts = 0
        async with staged(upstream) as stage:
            path, body = asking_small(client, f"p/{MODELS[upstream][1]}")
            for cut in (stream[: int(len(stream) * share)] for stream in dict.fromkeys(streams) for share in (0.3, 0.6)):
                if any(end in cut.replace(b": ", b":") for end in ENDS[upstream]):
                    continue
                stage.provider.answer = Answer(200, cut, streamed=True)
                got = await stage.ask(path, body)
                assert (got.end, stage.settled.outcome) == ("whole", "truncated")
                assert b'"error"' in got.body
                assert [end for end in ENDS[client] if end in got.body] == []
                assert got.status in (200, 502)
                cuts += 1
        assert cuts >= 5

    play(story)


def asking_small(client: str, model: str) -> tuple[str, bytes]:
    """Path and body of a small request for a stream."""
    if client == GEMINI:
        return f"/v1beta/models/{model}:streamGenerateContent?alt=sse", b'{"contents":[{"parts":[{"text":"Hi"}]}]}'
    body = {
        "model": model,
        "stream": True,
        "max_tokens": 9,
        "input" if client == RESPONSES else "messages": [{"role": "user", "content": "Hi"}],
    }
    if client == RESPONSES:
        del body["max_tokens"]
    return PATHS[client], json.dumps(body).encode()


def check(client: str, got: Got, answer: Answer) -> None:
    """Let the client's SDK read an answer."""
    if answer.streamed:
        assert [EVENT[client].validate_python(event) for event in events(got.body)]
    else:
        WHOLE[client].validate_json(got.body, strict=client != GEMINI)

"""Message streams: what passes, what commits, what completes, what fails."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.anthropic_messages.stream import MessageReader
from stormkeel.types.failure import FailureKind
from stormkeel.types.usage import Usage


def frame(type_: str, **fields: object) -> bytes:
    """Return one event's frame."""
    return f"event: {type_}\ndata: {json.dumps({'type': type_} | fields, ensure_ascii=False)}\n\n".encode()


def delta(**fields: object) -> bytes:
    """Return the frame of one step of a block."""
    return frame("content_block_delta", index=0, delta=fields)


def block(**fields: object) -> bytes:
    """Return the frame of a block's beginning."""
    return frame("content_block_start", index=0, content_block=fields)


START = frame("message_start", message={"id": "m1", "model": "claude-x", "usage": {"input_tokens": 10, "output_tokens": 1}})
BLOCK = block(type="text", text="")
TEXT = delta(type="text_delta", text="Hé")
BLOCK_STOP = frame("content_block_stop", index=0)
END = frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4})
STOP = frame("message_stop")
PING = frame("ping")


def fed(*frames: bytes) -> MessageReader:
    """Return a reader that has read frames."""
    reader = MessageReader()
    reader.feed(b"".join(frames))
    return reader


def test_a_whole_stream() -> None:
    """A stream passes untouched and is complete at message_stop, with usage, id and model."""
    stream = START + BLOCK + PING + TEXT + BLOCK_STOP + END + STOP
    reader = MessageReader()
    assert reader.feed(stream) == stream
    assert (reader.committed, reader.complete, reader.id, reader.model) == (True, True, "m1", "claude-x")
    assert (reader.usage, reader.usage_final, reader.output_bytes) == (Usage(input=10, output=4), True, 3)
    assert reader.finish() is None


def test_lifecycle_does_not_commit() -> None:
    """The start, pings, comments and an empty block pass but do not commit; the first report of usage is not the last."""
    stream = PING + START + BLOCK + b": c\n\n" + block(type="thinking", thinking="", signature="")
    reader = MessageReader()
    assert reader.feed(stream) == stream
    assert (reader.committed, reader.usage, reader.usage_final) == (False, Usage(input=10, output=1), False)


@pytest.mark.parametrize(
    ("said", "size"),
    [
        (TEXT, 3),
        (delta(type="thinking_delta", thinking="hm"), 2),
        (delta(type="input_json_delta", partial_json='{"a'), 3),
        (delta(type="signature_delta", signature="x"), 0),
        (block(type="tool_use", id="t", name="f", input={}), 0),
        (block(type="redacted_thinking", data="x"), 0),
        (block(type="text", text="ab"), 2),
        (frame("message_delta", delta={"stop_reason": "refusal"}, usage={"output_tokens": 0}), 0),
        (STOP, 0),
    ],
)
def test_content_commits(said: bytes, size: int) -> None:
    """Text, thinking, a tool's start, a refusal and the end commit a stream, and their text is measured."""
    reader = fed(START)
    assert reader.feed(said) == said
    assert (reader.committed, reader.output_bytes) == (True, size)


def test_usage_is_cumulative() -> None:
    """The last report overwrites the first, its nulls and gaps do not."""
    first = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 5}
    start = frame("message_start", message={"id": "m", "model": "c", "usage": first})
    end = frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9, "input_tokens": None})
    assert fed(start, end).usage == Usage(input=10, cache_read=5, output=9)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 0, "output_tokens": 0}, Usage()),
        ({"output_tokens": -1}, None),
        ({"output_tokens": 10**15}, None),
        ({"output_tokens": "many"}, Usage(input=10, output=1)),
    ],
)
def test_usage_variants(told: dict, usage: Usage | None) -> None:
    """Zero stays zero; negative and huge usage is none, and senseless usage breaks no stream (S-8)."""
    odd = frame("message_delta", delta={"stop_reason": "end_turn"}, usage=told)
    reader = MessageReader()
    assert reader.feed(START + odd + odd + STOP) == START + odd + odd + STOP
    assert (reader.usage, reader.complete) == (usage, True)


def test_only_message_stop_completes() -> None:
    """A stream that ends behind its last content but before message_stop is truncated (S-28)."""
    reader = fed(START, BLOCK, TEXT, BLOCK_STOP, END)
    failure = reader.finish()
    assert failure is not None
    assert failure.kind is FailureKind.TRUNCATED
    assert (reader.usage, reader.usage_final) == (Usage(input=10, output=4), True)


def test_a_last_frame_without_its_blank_line() -> None:
    """A message_stop that lacks only its blank line counts, and is handed out with one."""
    reader = fed(START, BLOCK, TEXT, END, STOP[:-2])
    assert reader.finish() is None
    assert (reader.rest, reader.complete) == (STOP, True)


def test_a_last_frame_cut_in_its_data() -> None:
    """A last frame that broke off inside its data is neither nonsense nor an end: the stream is truncated."""
    for tail in (STOP[:-3], TEXT[:20], TEXT[:-2], b"event: mess", b": c"):
        reader = fed(START, BLOCK, TEXT, tail)
        failure = reader.finish()
        assert failure is not None
        assert failure.kind is FailureKind.TRUNCATED
        assert reader.rest == b""


def test_frames_behind_the_end_are_dropped() -> None:
    """Nothing passes behind message_stop."""
    reader = MessageReader()
    assert reader.feed(START + STOP + TEXT) == START + STOP
    assert reader.feed(TEXT) == b""


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, FailureKind.OVERLOADED, "overloaded_error"),
        ({"type": "rate_limit_error", "message": "m"}, FailureKind.RATE_LIMIT, "rate_limit_error"),
        ({"type": "api_error", "message": "m"}, FailureKind.SERVER, "api_error"),
        ({"type": "invalid_request_error", "message": "m"}, FailureKind.CALLER, "invalid_request_error"),
        (
            {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}},
            FailureKind.QUOTA,
            "enforced_spend_limit_reached",
        ),
        ({}, FailureKind.SERVER, "error"),
    ],
)
def test_an_error_event_fails_the_stream(error: object, kind: FailureKind, code: str) -> None:
    """An error event is a failure by its type; what came before passes, it and what follows do not."""
    reader = MessageReader()
    broken = frame("error", error=error)
    assert reader.feed(START + TEXT + broken + TEXT) == START + TEXT
    assert reader.feed(STOP) == b""
    failure = reader.finish()
    assert failure is not None
    assert (failure.kind, failure.code) == (kind, code)
    assert json.loads(failure.body) == {"type": "error", "error": error}


@pytest.mark.parametrize("payload", [b"{nonsense", b"[]", b'{"type":', b"\xff"])
def test_nonsense_fails_the_stream(payload: bytes) -> None:
    """An event that is not a JSON object is a bad response and is not forwarded."""
    reader = MessageReader()
    assert reader.feed(START + b"event: x\ndata: " + payload + b"\n\n" + STOP) == START
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.BAD_RESPONSE


def test_odd_framing_passes_untouched() -> None:
    """CRLF, missing spaces, unknown events, U+2028, surrogate halves and several data lines pass byte for byte."""
    stream = (START + BLOCK).replace(b"\n", b"\r\n") + TEXT.replace(b": ", b":", 2) + delta(type="text_delta", text="\u2028")
    stream += frame("new_kind", x=1)
    stream += b'event: content_block_delta\ndata: {"type":"content_block_delta",\ndata: "delta":{"text":"abc"}}\n\n'
    stream += b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"\\ud83d"}}\n\n' + STOP
    reader = MessageReader()
    assert b"".join(reader.feed(stream[i : i + 1]) for i in range(len(stream))) == stream
    assert (reader.complete, reader.output_bytes) == (True, 3 + 3 + 3 + 3)

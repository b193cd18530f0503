"""Chat completion streams: what passes, what commits, what completes, what fails."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.openai_chat.stream import ChatReader
from stormkeel.types.failure import FailureKind
from stormkeel.types.usage import Usage

DONE = b"data: [DONE]\n\n"
HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def frame(**fields: object) -> bytes:
    """Return one chunk's frame."""
    return b"data: " + json.dumps(HEAD | fields, ensure_ascii=False).encode() + b"\n\n"


def delta(said: object = None, finish: object = None, index: int = 0) -> bytes:
    """Return the frame of one step of one choice."""
    return frame(choices=[{"index": index, "delta": said or {}, "finish_reason": finish, "logprobs": None}], usage=None)


FIRST = delta({"role": "assistant", "content": ""})
STOP = delta({}, "stop")
USED = frame(choices=[], usage=USAGE)


def fed(*frames: bytes, keep_usage: bool = True) -> ChatReader:
    """Return a reader that has read frames."""
    reader = ChatReader(keep_usage)
    reader.feed(b"".join(frames))
    return reader


def test_a_whole_stream() -> None:
    """A stream passes untouched and is complete at its [DONE], with usage, id and model."""
    stream = FIRST + delta({"content": "Hé"}) + STOP + USED + DONE
    reader = ChatReader(keep_usage=True)
    assert reader.feed(stream) == stream
    assert (reader.committed, reader.complete, reader.id, reader.model) == (True, True, "c1", "gpt-x")
    assert (reader.usage, reader.usage_final, reader.output_bytes) == (Usage(input=10, output=4), True, 3)
    assert reader.finish() is None


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"content": "a"}, 1),
        ({"refusal": "no"}, 2),
        ({"reasoning_content": "hm"}, 2),
        ({"reasoning": "hm", "reasoning_content": "hm"}, 2),
        ({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}]}, 0),
        ({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, 2),
        ({"tool_calls": [{"index": 0, "custom": {"input": "abc"}}]}, 3),
        ({"function_call": {"name": "f", "arguments": "{"}}, 1),
        ({"audio": {"id": "a"}}, 1),
        ({"content": [{"type": "text", "text": "hi"}]}, 2),
    ],
    ids=str,
)
def test_content_commits(said: dict, size: int) -> None:
    """Text, refusal, reasoning, a tool's start and audio commit a stream, and their text is measured (1 for audio)."""
    reader = fed(FIRST)
    assert not reader.committed
    assert reader.feed(delta(said)) == delta(said)
    assert (reader.committed, reader.output_bytes) == (True, size)


def test_lifecycle_does_not_commit() -> None:
    """Comments, roles, empty text and filter results pass but do not commit."""
    frames = b": OPENROUTER PROCESSING\n\n" + frame(choices=[], prompt_filter_results=[]) + FIRST + delta({"content": None})
    reader = ChatReader(keep_usage=False)
    assert reader.feed(frames) == frames
    assert not reader.committed


def test_the_usage_frame_we_asked_for_is_taken_out() -> None:
    """Without keep_usage the frame that holds nothing but usage disappears; `usage:null` elsewhere and a shared frame stay."""
    reader = ChatReader(keep_usage=False)
    assert reader.feed(FIRST + STOP + USED + DONE) == FIRST + STOP + DONE
    assert reader.usage == Usage(input=10, output=4)
    shared = frame(choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": None}], usage=USAGE)
    reader = ChatReader(keep_usage=False)
    assert reader.feed(STOP + shared + DONE) == STOP + shared + DONE
    assert (reader.usage, reader.usage_final) == (Usage(input=10, output=4), True)


def test_running_usage_is_not_the_last_word() -> None:
    """Usage on every chunk is cumulative: the latest counts, and it is final only behind the finish."""
    early = frame(choices=[{"index": 0, "delta": {"content": "a"}}], usage=USAGE | {"completion_tokens": 1})
    reader = fed(early)
    assert (reader.usage, reader.usage_final) == (Usage(input=10, output=1), False)
    reader.feed(STOP + USED)
    assert (reader.usage, reader.usage_final) == (Usage(input=10, output=4), True)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
        ({"prompt_tokens": -5, "completion_tokens": 1}, None),
        ({"prompt_tokens": 10**15, "completion_tokens": 1}, None),
        ({"prompt_tokens": "many", "completion_tokens": 1}, None),
        ([], None),
        (None, None),
    ],
)
def test_usage_variants(told: object, usage: Usage | None) -> None:
    """Zero stays zero; negative, huge and senseless usage is none, and breaks no stream (S-8)."""
    odd = frame(choices=[], usage=told)
    reader = ChatReader(keep_usage=True)
    assert reader.feed(STOP + odd + odd + DONE) == STOP + odd + odd + DONE
    assert (reader.usage, reader.usage_final, reader.complete) == (usage, usage is not None, True)


def test_usage_after_done_is_dropped() -> None:
    """Frames behind the terminal marker are neither forwarded nor believed (S-8)."""
    reader = ChatReader(keep_usage=True)
    assert reader.feed(FIRST + STOP + DONE + USED + b"data: {nonsense\n\n") == FIRST + STOP + DONE
    assert reader.feed(USED) == b""
    assert (reader.usage, reader.failure, reader.complete) == (None, None, True)


def test_groq_tells_usage_elsewhere() -> None:
    """Groq's `x_groq.usage` counts, and its frame stays."""
    last = frame(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], x_groq={"id": "r", "usage": USAGE})
    reader = ChatReader(keep_usage=False)
    assert reader.feed(last + DONE) == last + DONE
    assert (reader.usage, reader.usage_final) == (Usage(input=10, output=4), True)


def test_every_choice_must_finish() -> None:
    """With several choices the answer is complete once each that was seen has finished; a later empty step opens none again."""
    reader = fed(delta({"content": "a"}), delta({"content": "b"}, index=1), STOP)
    failure = reader.finish()
    assert failure is not None
    assert failure.kind is FailureKind.TRUNCATED
    done = fed(delta({"content": "a"}), delta({"content": "b"}, index=1), STOP, delta({}, "length", 1), delta({"content": ""}))
    assert done.finish() is None


def test_a_clean_end_behind_the_finish_is_enough() -> None:
    """A stream that ends after finish_reason without [DONE] is complete; one that ends before it is truncated."""
    reader = fed(FIRST, delta({"content": "a"}), STOP)
    assert not reader.complete
    assert reader.finish() is None
    assert reader.complete
    cut = fed(FIRST, delta({"content": "a"}))
    failure = cut.finish()
    assert failure is not None
    assert failure.kind is FailureKind.TRUNCATED
    assert not cut.complete


def test_done_without_a_finish_is_truncated() -> None:
    """A [DONE] before any finish_reason completes nothing and is not forwarded (INV-9)."""
    reader = ChatReader(keep_usage=True)
    assert reader.feed(FIRST + delta({"content": "a"}) + DONE) == FIRST + delta({"content": "a"})
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.TRUNCATED
    assert reader.finish() is reader.failure


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
def test_a_last_frame_without_its_blank_line(tail: bytes) -> None:
    """A last frame that lacks only its blank line counts, and is handed out with one."""
    reader = fed(FIRST, STOP, tail)
    assert not reader.complete
    assert reader.finish() is None
    assert reader.rest == tail + b"\n\n"


def test_the_usage_frame_without_its_blank_line() -> None:
    """The usage of a last frame without its blank line counts, and is taken out where nobody asked for it."""
    reader = fed(FIRST, STOP, USED[:-2], keep_usage=False)
    assert reader.finish() is None
    assert (reader.rest, reader.usage) == (b"", Usage(input=10, output=4))


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"message": "m", "type": "server_error", "code": None}, FailureKind.SERVER, "server_error"),
        ({"type": "server_error", "code": "server_is_overloaded"}, FailureKind.OVERLOADED, "server_is_overloaded"),
        ({"message": "m", "type": "requests", "code": "rate_limit_exceeded"}, FailureKind.RATE_LIMIT, "rate_limit_exceeded"),
        ({"message": "m", "type": "insufficient_quota"}, FailureKind.QUOTA, "insufficient_quota"),
        ({"message": "m", "code": "context_length_exceeded"}, FailureKind.CONTEXT_LENGTH, "context_length_exceeded"),
        ({"message": "m", "code": 429}, FailureKind.RATE_LIMIT, "429"),
        ("broken", FailureKind.SERVER, "error"),
    ],
)
def test_an_error_event_fails_the_stream(error: object, kind: FailureKind, code: str) -> None:
    """An error inside the stream is a failure by its type and code; what came before passes, it and what follows do not."""
    reader = ChatReader(keep_usage=True)
    text = delta({"content": "a"})
    broken = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    assert reader.feed(FIRST + text + broken + text) == FIRST + text
    assert reader.feed(text) == b""
    failure = reader.finish()
    assert failure is not None
    assert (failure.kind, failure.code) == (kind, code)
    assert b"data: " + failure.body + b"\n\n" == broken


def test_an_error_first_does_not_commit() -> None:
    """An error as the first event leaves the stream uncommitted, so that another deployment may be asked."""
    reader = fed(b'data: {"error":{"type":"server_error"}}\n\n')
    assert (reader.committed, reader.failure is not None) == (False, True)


@pytest.mark.parametrize("payload", [b"{nonsense", b"[]", b"7", b"<html>", b'{"choices":', b"\xff", b"[" * 10**5])
def test_nonsense_fails_the_stream(payload: bytes) -> None:
    """An event that is not a JSON object is a bad response and is not forwarded."""
    reader = ChatReader(keep_usage=True)
    assert reader.feed(FIRST + b"data: " + payload + b"\n\n" + STOP) == FIRST
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.BAD_RESPONSE


@pytest.mark.parametrize(
    "choices",
    [b'[{"index":0,"delta":{"content":"a"},"logprobs":{"x":NaN}}]', b'[{"delta":{"content":"\\ud83d"}}]', b"{}", b"[7]"],
)
def test_loose_json_passes(choices: bytes) -> None:
    """What clients read although it is not strictly JSON, or not of the usual form, passes untouched."""
    odd = b'data: {"choices":' + choices + b"}\n\n"
    reader = ChatReader(keep_usage=True)
    assert reader.feed(odd + STOP + DONE) == odd + STOP + DONE
    assert reader.complete


def test_odd_framing_passes_untouched() -> None:
    """CRLF, missing spaces, comments, U+2028 and several data lines in one frame pass byte for byte."""
    stream = (FIRST + delta({"content": "a\u2028b"})).replace(b"\n\n", b"\r\n\r\n") + b": c\r\n\r\n"
    stream += STOP.replace(b"data: ", b"data:") + b'data: {"choices":[],\ndata: "usage":null}\n\n' + DONE
    reader = ChatReader(keep_usage=False)
    assert b"".join(reader.feed(stream[i : i + 1]) for i in range(len(stream))) == stream
    assert (reader.complete, reader.output_bytes) == (True, 5)


def test_a_frame_too_large_fails_the_stream() -> None:
    """An event that never ends is a bad response once it is larger than any event can be."""
    reader = fed(FIRST)
    piece = b"x" * (1 << 20)
    for _ in range(17):
        assert reader.feed(piece) == b""
    assert reader.failure is not None
    assert (reader.failure.kind, reader.failure.code) == (FailureKind.BAD_RESPONSE, "frame_too_large")

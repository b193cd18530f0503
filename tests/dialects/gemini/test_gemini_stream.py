"""Gemini streams, passing through: what may pass, when an answer is whole, and what breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.stream import GeminiReader
from stormkeel.types.failure import FailureKind
from stormkeel.types.usage import Usage

DIALECT = Gemini()
K = FailureKind
Wire = dict[str, Any]


def chunk(*parts: Wire, finish: str = "", index: int = 0, **more: Any) -> bytes:
    """One event of a stream, as Google frames it."""
    candidate: Wire = {"content": {"parts": list(parts), "role": "model"}, "index": index} | (
        {"finishReason": finish} if finish else {}
    )
    told = {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "a1"} | more
    return b"data: " + json.dumps(told, ensure_ascii=False).encode() + b"\r\n\r\n"


def text(words: str, finish: str = "", **more: Any) -> bytes:
    """A piece of text."""
    return chunk({"text": words}, finish=finish, **more)


def usage(prompt: int, candidates: int = 0, thoughts: int = 0) -> Wire:
    """A report."""
    return {"promptTokenCount": prompt, "candidatesTokenCount": candidates, "thoughtsTokenCount": thoughts}


def run(*frames: bytes) -> tuple[GeminiReader, bytes]:
    """Read frames up to a clean end."""
    reader = DIALECT.read_stream(keep_usage=True)
    passed = b"".join(reader.feed(frame) for frame in frames)
    reader.finish()
    return reader, passed + reader.rest


def test_a_stream_is_whole_at_a_clean_end_behind_its_reason() -> None:
    """There is no terminal marker: the reason, then the end of the bytes; the last usage counts, and later events still pass."""
    frames = (
        text("Hm", usageMetadata=usage(9)), text("é", "STOP", usageMetadata=usage(4, 2, 3)),
        chunk({"text": "", "thoughtSignature": "c2ln"}, usageMetadata=usage(5, 2, 3)),
    )  # fmt: skip
    reader, passed = run(*frames)
    assert passed == b"".join(frames)
    assert (reader.complete, reader.failure, reader.usage, reader.usage_final) == (
        True,
        None,
        Usage(input=5, output=2, reasoning=3),
        True,
    )
    assert (reader.id, reader.model, reader.output_bytes) == ("a1", "gemini-x", 4)


def test_an_end_without_a_reason_is_truncated() -> None:
    """An end before every candidate said why it ended is no end (S-28, trap 14)."""
    for frames in ((), (text("Hm"),), (text("a", "STOP"), chunk({"text": "b"}, index=1))):
        reader, _ = run(*frames)
        assert reader.failure is not None
        assert (reader.failure.kind, reader.complete) == (K.TRUNCATED, False)


def test_several_candidates_end_each_on_its_own() -> None:
    """A stream of two answers is whole once both are."""
    reader, _ = run(text("a", "STOP"), chunk({"text": "b"}, index=1), chunk({"text": "c"}, index=1, finish="MAX_TOKENS"))
    assert reader.complete


@pytest.mark.parametrize(
    "frame",
    [
        text("Hm"), chunk({"text": "Hm", "thought": True}), chunk({"functionCall": {"name": "f"}}), text("", "STOP"),
        chunk({"inlineData": {"mimeType": "image/png", "data": "aGk="}}), chunk({"executableCode": {"code": "1"}}),
        b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n',
    ],
)  # fmt: skip
def test_content_commits(frame: bytes) -> None:
    """Text, thoughts, calls, pictures, the end, and a blocked prompt are content; nothing is asked again behind them."""
    reader = DIALECT.read_stream(keep_usage=True)
    reader.feed(text("", usageMetadata=usage(1)))
    assert not reader.committed
    reader = DIALECT.read_stream(keep_usage=True)
    reader.feed(frame)
    assert reader.committed


def test_a_blocked_prompt_is_an_outcome() -> None:
    """A prompt that was blocked ends well, without candidates."""
    reader, passed = run(b'data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":7}}\n\n')
    assert (reader.complete, reader.usage, reader.usage_final) == (True, Usage(input=7), True)
    assert passed.startswith(b"data: ")


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "OTHER"])
def test_the_models_own_failure_can_be_tried_again(reason: str) -> None:
    """What the model gave up with is a failure, not an answer; without content before it nothing was committed (trap 23)."""
    reader, passed = run(chunk(finish=reason, usageMetadata=usage(9, 1)))
    assert reader.failure is not None
    assert (reader.failure.kind, reader.failure.code, reader.failure.rule.elsewhere) == (K.BAD_RESPONSE, reason, True)
    assert (passed, reader.committed, reader.complete, reader.usage) == (b"", False, False, Usage(input=9, output=1))
    reader, passed = run(text("Hm"), chunk(finish=reason))
    assert (reader.committed, reader.complete, passed) == (True, False, text("Hm"))


ERRORS: list[tuple[Wire, FailureKind]] = [
    ({"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}, K.RATE_LIMIT),
    ({"code": 402, "message": "pay", "status": "RESOURCE_EXHAUSTED"}, K.QUOTA),
    ({"code": 503, "message": "busy", "status": "UNAVAILABLE"}, K.OVERLOADED),
    ({"code": 500, "message": "oops", "status": "INTERNAL"}, K.SERVER),
    ({"code": 504, "message": "late", "status": "DEADLINE_EXCEEDED"}, K.SERVER),
    ({"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}, K.CALLER),
    ({"code": 400, "message": "not in your country", "status": "FAILED_PRECONDITION"}, K.CREDENTIAL),
    ({"code": 400, "message": "why", "status": "FAILED_PRECONDITION"}, K.MODEL_UNAVAILABLE),
    ({"code": 403, "message": "no", "status": "PERMISSION_DENIED"}, K.CREDENTIAL),
    ({"code": 404, "message": "who", "status": "NOT_FOUND"}, K.MODEL_UNAVAILABLE),
    ({"code": 429, "message": "slow"}, K.RATE_LIMIT),
    ({"message": "?"}, K.SERVER),
]
FORMS = {
    "frame": lambda error: b"data: " + json.dumps({"error": error}).encode() + b"\r\n\r\n",
    "frame without its end": lambda error: b"data: " + json.dumps({"error": error}).encode(),
    "bare": lambda error: json.dumps({"error": error}, indent=2).encode() + b"\n",
    "bare, CRLF, ended": lambda error: json.dumps({"error": error}, indent=2).encode().replace(b"\n", b"\r\n") + b"\r\n\r\n",
    "bare list": lambda error: json.dumps([{"error": error}], indent=2).encode(),
}


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize(("error", "kind"), ERRORS, ids=str)
def test_an_error_inside_a_stream_is_told_by_its_status(error: Wire, kind: FailureKind, form: str) -> None:
    """An error, as a frame or as JSON outside of any, fails the stream by its status; its words stay in the body (trap 22)."""
    reader, passed = run(text("Hm"), FORMS[form](error))
    assert reader.failure is not None
    assert (reader.failure.kind, passed, reader.complete) == (kind, text("Hm"), False)
    assert error["message"] not in reader.failure.message.split('"')[0]
    assert error["message"].encode() in reader.failure.body


def test_an_error_says_when_to_come_back() -> None:
    """The pause stands in the details: there is no header."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s"}
    reader, _ = run(FORMS["frame"]({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "x"}, "y", detail]}))
    assert reader.failure is not None
    assert reader.failure.retry_after == 36.5
    for odd in ("soon", "", "-1s", 3, None):
        reader, _ = run(FORMS["frame"]({"code": 429, "details": [detail | {"retryDelay": odd}]}))
        assert reader.failure is not None
        assert reader.failure.retry_after is None


@pytest.mark.parametrize("frame", [b"data: nonsense\n\n", b"data: [1]\n\n", b"data: [DONE]\n\n"])
def test_nonsense_fails(frame: bytes) -> None:
    """An event that is no JSON object breaks the stream; this dialect has no [DONE]."""
    reader, _ = run(text("Hm"), frame)
    assert reader.failure is not None
    assert reader.failure.kind is K.BAD_RESPONSE


def test_what_a_client_can_not_skip_is_kept_from_it() -> None:
    """A comment breaks this dialect's SDK (trap 46) and does not pass; blank lines do."""
    reader, passed = run(b": ping\n\n", text("a"), b"\n\n", text("b", "STOP"))
    assert (passed, reader.failure) == (text("a") + b"\n\n" + text("b", "STOP"), None)


def test_a_last_event_without_its_blank_line_is_taken() -> None:
    """A stream that ends behind the JSON of its last event is whole, and the client gets the blank line."""
    last = text("b", "STOP").rstrip()
    reader, passed = run(text("a"), last)
    assert (reader.complete, passed) == (True, text("a") + last + b"\n\n")
    reader, passed = run(text("a"), last[:-5])
    assert (reader.complete, passed) == (False, text("a"))


def test_odd_values_count_as_absent() -> None:
    """What has an unexpected type is passed over, and the rest is read."""
    odd = {
        "usageMetadata": {"promptTokenCount": "x"},
        "candidates": [7, {"content": {"parts": [{"text": 7}]}}],
        "responseId": 4,
        "modelVersion": None,
    }
    reader, _ = run(
        b"data: " + json.dumps(odd).encode() + b"\n\n",
        b'data: {"candidates":[{"avgLogprobs":NaN,"finishReason":"STOP","content":{"parts":[{"text":"a"}]}}]}\n\n',
    )
    assert (reader.complete, reader.output_bytes, reader.usage) == (True, 1, None)

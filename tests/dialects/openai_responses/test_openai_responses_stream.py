"""A response's stream at a passthrough: what passes, what it amounts to, and what is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.openai_responses.stream import ResponseReader
from stormkeel.types.failure import FailureKind
from stormkeel.types.usage import Usage

K = FailureKind
USAGE = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_tokens_details": {"cached_tokens": 4}}


def frame(type_: str, **fields: Any) -> bytes:
    """Write one event."""
    told = json.dumps({"type": type_, **fields}, ensure_ascii=False)
    return f"event: {type_}\ndata: {told}\n\n".encode()


def life(type_: str, **fields: Any) -> bytes:
    """Write a lifecycle event."""
    return frame(f"response.{type_}", response={"id": "resp_1", "model": "gpt-x", "usage": None, "service_tier": "auto"} | fields)


def added(kind: str) -> bytes:
    """Write the beginning of an item."""
    return frame("response.output_item.added", output_index=0, item={"type": kind, "id": "i_1"})


def delta(kind: str, text: str) -> bytes:
    """Write a step."""
    return frame(f"response.{kind}.delta", delta=text, output_index=0)


START = life("created") + life("in_progress")
END = life("completed", usage=USAGE, service_tier="default")


def read(stream: bytes) -> tuple[ResponseReader, bytes]:
    """Feed a stream; return the reader and what passed."""
    reader = OpenAIResponses().read_stream(keep_usage=False)
    return reader, reader.feed(stream)


def test_a_stream_passes_and_is_understood() -> None:
    """A whole stream passes byte for byte; id, model, usage, terms and size are known, and nothing passes behind its end."""
    stream = START + added("message") + delta("output_text", "Grüße") + life("completed", usage=USAGE, service_tier="flex")
    reader, passed = read(stream + b"data: [DONE]\n\n" + delta("output_text", "x"))
    assert passed == stream
    assert (reader.id, reader.model, reader.complete, reader.committed, reader.usage_final) == (
        "resp_1",
        "gpt-x",
        True,
        True,
        True,
    )
    assert (reader.usage, reader.output_bytes, dict(reader.terms)) == (
        Usage(input=5, cache_read=4, output=5), 7, {"service_tier": "flex"},
    )  # fmt: skip
    assert reader.finish() is None
    assert reader.feed(stream) == b""


@pytest.mark.parametrize("step", [
    delta("output_text", "a"), delta("refusal", "a"), delta("reasoning_summary_text", "a"), delta("reasoning_text", "a"),
    delta("function_call_arguments", "{"), delta("custom_tool_call_input", "a"), delta("mcp_call_arguments", "{"),
    added("function_call"), added("custom_tool_call"), added("web_search_call"), delta("audio", "AAAA"),
    frame("response.output_item.done", item={"type": "message", "content": []}),
])  # fmt: skip
def test_content_commits(step: bytes) -> None:
    """Text, thought, refusal, the start of a tool of anybody's and sound are content: nothing is tried again after them."""
    reader, _ = read(START)
    reader.feed(step)
    assert reader.committed


def test_nothing_else_commits() -> None:
    """Lifecycle events, empty messages and hidden reasoning are no content: what is held back may still be tried elsewhere."""
    reader, passed = read(
        START + life("queued") + added("message") + added("reasoning") + b": ping\n\n"
        + frame("response.output_item.done", item={"type": "reasoning", "encrypted_content": "x"})
    )  # fmt: skip
    assert not reader.committed
    assert passed.endswith(b"\n\n")


def test_sizes_are_of_text() -> None:
    """Bytes of text are counted whatever they say, sound as one a step."""
    reader, _ = read(START + delta("output_text", "ab") + delta("function_call_arguments", "{}") + delta("audio", "A" * 400))
    assert reader.output_bytes == 5


@pytest.mark.parametrize("end", [life("incomplete", usage=USAGE, incomplete_details={"reason": "max_output_tokens"}), END])
def test_both_ends_are_ends(end: bytes) -> None:
    """An answer that was cut off by its limit is complete as a stream."""
    reader, _ = read(START + delta("output_text", "a") + end)
    assert (reader.complete, reader.finish()) == (True, None)


@pytest.mark.parametrize(
    "stream", [START, START + delta("output_text", "a"), START + b"data: [DONE]\n\n", START + END[:-30], b""]
)
def test_without_its_end_a_stream_is_broken(stream: bytes) -> None:
    """A clean end of the bytes, or `[DONE]`, is no end of an answer (S-28)."""
    reader, passed = read(stream)
    failure = reader.finish()
    assert failure is not None
    assert failure.kind is K.TRUNCATED
    assert b"[DONE]" not in passed
    assert not reader.complete


def test_a_last_frame_may_lack_its_blank_line() -> None:
    """An end that came whole but for its blank line is given it."""
    reader, passed = read(START + END.rstrip(b"\n"))
    assert reader.finish() is None
    assert passed + reader.rest == START + END


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", K.SERVER), ("rate_limit_exceeded", K.RATE_LIMIT), ("invalid_prompt", K.CALLER), ("bio_policy", K.CONTENT_REFUSED),
        ("image_too_large", K.CALLER), ("vector_store_timeout", K.SERVER), ("context_length_exceeded", K.CONTEXT_LENGTH), (None, K.SERVER),
    ],
)  # fmt: skip
def test_a_failed_response_is_a_failure(code: str | None, kind: FailureKind) -> None:
    """`response.failed` fails by its code, with the usage it reports, and is not forwarded; its words stay in the body."""
    failed = life("failed", usage=USAGE, error={"code": code, "message": "secret words"})
    reader, passed = read(START + failed + END)
    assert passed == START
    assert reader.failure is not None
    assert (reader.failure.kind, reader.complete) == (kind, False)
    assert reader.usage == Usage(input=5, cache_read=4, output=5)
    assert "secret" not in reader.failure.message
    assert json.loads(reader.failure.body)["response"]["error"]["message"] == "secret words"


@pytest.mark.parametrize("error", [
    frame("error", code="server_is_overloaded", message="m", param=None, sequence_number=3),
    frame("error", error={"type": "service_unavailable_error", "code": "server_is_overloaded", "message": "m"}),
    b'data: {"error":{"type":"service_unavailable_error","code":null,"message":"m"}}\n\n',
])  # fmt: skip
def test_an_error_event_is_a_failure(error: bytes) -> None:
    """An error event in its flat form, in its nested form, or without a name fails by its own word."""
    reader, passed = read(START + delta("output_text", "a") + error)
    assert passed == START + delta("output_text", "a")
    assert reader.failure is not None
    assert reader.failure.kind is K.OVERLOADED


def test_nonsense_is_a_failure() -> None:
    """An event that is no JSON object breaks the stream."""
    reader, passed = read(START + b"data: {nonsense\n\n" + END)
    assert passed == START
    assert reader.failure is not None
    assert reader.failure.kind is K.BAD_RESPONSE


def test_what_is_odd_is_passed_on() -> None:
    """Fields of an unexpected type, unknown events and numbers that are no JSON cost nothing."""
    odd = (
        frame("response.surprise", item=5) + frame("response.output_text.delta", delta={"a": 1})
        + b'data: {"type":"response.output_text.delta","delta":"a","logprobs":[NaN]}\n\n'
        + frame("response.in_progress", response={"id": 5, "model": "gpt-y", "usage": "none"})
    )  # fmt: skip
    reader, passed = read(START + odd + END.replace(b": ", b":"))
    assert passed == START + odd + END.replace(b": ", b":")
    assert (reader.complete, reader.model, reader.id) == (True, "gpt-x", "resp_1")


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_any_way(line_end: bytes) -> None:
    """Streams with any of the three line ends pass unchanged."""
    stream = (START + delta("output_text", "a\u2028b") + END).replace(b"\n", line_end)
    reader = OpenAIResponses().read_stream(keep_usage=True)
    passed = b"".join(reader.feed(stream[at : at + 1]) for at in range(len(stream)))
    reader.finish()
    assert (passed + reader.rest).startswith(stream.rstrip(b"\r\n"))
    assert (reader.complete, reader.output_bytes) == (True, 5)

"""The dialects on recorded real traffic: nothing is lost, changed, or taken for complete when it is not (S-27, S-28)."""

from __future__ import annotations

import json

import pytest
import recordings as source
from msgspec.structs import replace

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Dialect, StreamReader
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.types.events import fold
from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Request

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (OpenAIChat(), AnthropicMessages())}
each_dialect = pytest.mark.parametrize(("recorded", "dialect"), list(DIALECTS.items()), indirect=["recorded"], ids=list(DIALECTS))
SMALL = 6000  # bytes: up to here every cut is tried, above every 37th


def cuts(stream: bytes) -> range:
    """Return where to cut a stream."""
    return range(len(stream) + 1) if len(stream) <= SMALL else range(0, len(stream) + 1, 37)


def state(reader: StreamReader) -> tuple:
    """Return all that a reader has to say."""
    said = (reader.id, reader.model, reader.usage, reader.usage_final, reader.output_bytes)
    return (*said, reader.committed, reader.complete, reader.failure)


def marker_end(name: str, stream: bytes) -> int:
    """Where the answer is complete, found without our codec: behind the JSON that carries the terminal marker."""
    last = 0
    for end in (position for position, byte in enumerate(stream) if byte == 0x0A):
        line = stream[stream.rfind(b"\n", 0, end) + 1 : end]
        if not line.startswith(b"data: {"):
            continue
        told = json.loads(line[6:])
        finished = any(choice.get("finish_reason") for choice in told.get("choices", ()))
        if finished or told.get("type") == "message_stop":
            last = last or end - len(line) + len(line.rstrip())
    return last


@each_dialect
def test_requests_pass_untouched(recorded: list[dict], dialect: Dialect) -> None:
    """A recorded request that keeps its model leaves as the very bytes that came."""
    for raw in source.requests(dialect.name):
        request = dialect.read_request(raw, "r1")
        assert isinstance(request, Request)
        told = json.loads(raw)
        assert (request.model, request.stream) == (told["model"], bool(told.get("stream")))
        assert dialect.write_request(request, request.model, bills=request.wants_usage) is raw


@each_dialect
def test_renaming_changes_the_model_only(recorded: list[dict], dialect: Dialect) -> None:
    """A renamed request differs from what came by its top-level model and nothing else."""
    for raw in source.requests(dialect.name):
        request = dialect.read_request(raw, "r1")
        assert isinstance(request, Request)
        sent = json.loads(dialect.write_request(request, 'new "name"', bills=False))
        assert sent == json.loads(raw) | {"model": 'new "name"'}


@each_dialect
def test_answers_are_read(recorded: list[dict], dialect: Dialect) -> None:
    """A recorded answer is read as one, its totals being those reported; a recorded error is not."""
    for status, told in source.answers(dialect.name):
        body = json.dumps(told).encode()
        outcome, response = dialect.read_outcome(body), dialect.read_response(body)
        if status != 200:
            assert outcome is None
            assert response is None
            continue
        assert outcome is not None
        assert response is not None
        assert (outcome.id, outcome.model, outcome.finish) == (response.id, response.model, response.finish)
        assert outcome.usage == response.usage
        once = dialect.read_answer(body)
        assert once is not None
        assert once.response in (None, response)
        assert replace(once, response=None) == outcome
        assert outcome.usage is not None
        assert (outcome.usage.total_input, outcome.usage.total_output) == totals(told["usage"])


def totals(usage: dict) -> tuple[int, int]:
    """Return all input and all output tokens by the provider's word (docs/wire.md, Usage)."""
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage["completion_tokens"]
    written, read = usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]
    return usage["input_tokens"] + written + read, usage["output_tokens"]


@each_dialect
def test_streams_pass_untouched_however_they_are_cut(recorded: list[dict], dialect: Dialect) -> None:
    """A recorded stream comes out byte for byte and means the same, whole, in two parts cut anywhere, or byte by byte (S-27)."""
    for stream in source.streams(dialect.name):
        whole = dialect.read_stream(keep_usage=True)
        passed = whole.feed(stream)
        assert passed.strip() == stream.strip()
        assert whole.complete
        assert whole.usage_final
        single = dialect.read_stream(keep_usage=True)
        assert b"".join(single.feed(stream[i : i + 1]) for i in range(len(stream))) == passed
        assert state(single) == state(whole)
        for cut in cuts(stream)[:: 1 if len(stream) <= SMALL else 5]:
            parts = dialect.read_stream(keep_usage=True)
            assert parts.feed(stream[:cut]) + parts.feed(stream[cut:]) == passed
            assert state(parts) == state(whole)


@each_dialect
def test_a_cut_stream_is_complete_only_if_it_is(recorded: list[dict], dialect: Dialect) -> None:
    """A recorded stream that ends early is truncated exactly while its terminal marker has not come (S-28)."""
    for stream in source.streams(dialect.name):
        whole_from = marker_end(dialect.name, stream)
        assert whole_from > 0
        for cut in cuts(stream):
            reader = dialect.read_stream(keep_usage=True)
            passed = reader.feed(stream[:cut])
            failure = reader.finish()
            assert stream.startswith(passed)
            assert (failure is None) == (cut >= whole_from), (cut, whole_from)
            assert failure is None or failure.kind is FailureKind.TRUNCATED
            assert reader.complete == (failure is None)
            if failure is None:
                assert (passed + reader.rest).startswith(stream[:whole_from])


@each_dialect
def test_events_tell_the_same_as_the_reader(recorded: list[dict], dialect: Dialect) -> None:
    """The events of a recorded stream fold into the id, model and usage its passthrough reader saw, with the text inside."""
    for stream in source.streams(dialect.name):
        reader, events = dialect.read_stream(keep_usage=True), dialect.read_events()
        reader.feed(stream)
        response = fold(events.feed(stream))
        assert (response.id, response.model, response.usage) == (reader.id, reader.model, reader.usage)
        assert response.finish is not None
        assert len(response.text.encode()) <= reader.output_bytes


@each_dialect
def test_a_damaged_stream_is_stopped_before_the_damage(recorded: list[dict], dialect: Dialect) -> None:
    """An event that is no JSON ends a stream as a bad response, with the whole frames before it passed on."""
    for stream in source.damaged_streams(dialect.name):
        reader = dialect.read_stream(keep_usage=True)
        passed = reader.feed(stream)
        damage = source.damage(stream)
        assert damage is not None
        assert stream[:damage].startswith(passed)
        assert b"\n\n" not in stream[len(passed) : damage]
        assert reader.failure is not None
        assert reader.failure.kind is FailureKind.BAD_RESPONSE
        assert not reader.complete

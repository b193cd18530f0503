"""The responses dialect at a passthrough: requests peeked at, answers looked into."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.values import Outcome, Target
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

DIALECT = OpenAIResponses()
TEXT = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}  # fmt: skip
REFUSAL = TEXT | {"content": [{"type": "refusal", "refusal": "No"}]}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
USAGE = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_tokens_details": {"cached_tokens": 4},
         "output_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip


def request(raw: bytes) -> Request:
    """Return the request that a good body is read as."""
    read = DIALECT.read_request(raw, "r1", (("x", "y"),), Options(task="t"))
    assert isinstance(read, Request), read
    return read


def outcome(**fields: Any) -> Outcome | None:
    """Return the short look into an answer."""
    told = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-x",
        "status": "completed",
        "output": [TEXT],
        "usage": USAGE,
    } | fields
    return DIALECT.read_outcome(json.dumps(told).encode())


def test_a_request_is_peeked_at() -> None:
    """Model, stream and the limit are found; other limits are no limits here, and one answer is asked for."""
    raw = b'{"input":"Hi","model":"gpt-x","stream":true,"max_output_tokens":50,"max_tokens":9}'
    read = request(raw)
    assert (read.model, read.stream, read.max_output, read.choices, read.wants_usage) == ("gpt-x", True, 50, 1, True)
    assert (read.id, read.dialect, read.raw, read.headers, read.options.task) == (
        "r1",
        "openai_responses",
        raw,
        (("x", "y"),),
        "t",
    )
    assert request(b'{"model":"m"}').max_output is None


@pytest.mark.parametrize("raw", [b'{"input":"Hi"}', b"[]", b"", b'{"model":"m","max_output_tokens":"9"}',
                                 b'{"model":"m","max_output_tokens":9,"max_output_tokens":10}'])  # fmt: skip
def test_a_body_that_cannot_be_billed_is_refused(raw: bytes) -> None:
    """A body without a model, or with a limit that is none or two, is the caller's fault."""
    read = DIALECT.read_request(raw, "r1")
    assert isinstance(read, Failure)
    assert read.kind is FailureKind.CALLER


def test_writing_changes_the_model_and_nothing_else() -> None:
    """A body goes as it came, but for a model that is renamed; usage need not be asked for."""
    raw = b'{ "model" : "fast", "stream":true, "input":"model" }'
    read = request(raw)
    assert DIALECT.write_request(read, "fast", bills=True) is raw
    assert DIALECT.write_request(read, "gpt-x", bills=True) == raw.replace(b'"fast"', b'"gpt-x"')


def test_an_outcome_is_read() -> None:
    """The short look finds id, model, end, usage in disjoint buckets, and no terms for the standard tier."""
    assert outcome(service_tier="default") == Outcome(
        "resp_1", "gpt-x", Finish.STOP, Usage(input=5, cache_read=4, output=3, reasoning=2)
    )
    found = outcome(service_tier="flex")
    assert found is not None
    assert found.terms == {"service_tier": "flex"}


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"output": [TEXT, CALL]}, Finish.TOOL_CALLS), ({"output": [REFUSAL]}, Finish.REFUSAL), ({"output": []}, Finish.STOP),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Finish.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Finish.CONTENT_FILTER),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, Finish.OTHER),
        ({"status": "incomplete", "incomplete_details": None}, Finish.OTHER),
        ({"status": "queued"}, None), ({"status": "in_progress"}, None), ({"status": "complete"}, Finish.STOP),
        ({"output": [{"type": "web_search_call", "content": "odd"}, CALL | {"type": "custom_tool_call"}]}, Finish.TOOL_CALLS),
    ],
)  # fmt: skip
def test_why_an_answer_ended(fields: dict[str, Any], finish: Finish | None) -> None:
    """The end is derived from the status and the items, as there is no word for it; it is the same by the long look."""
    found = outcome(**fields)
    assert found is not None
    assert found.finish is finish
    assert found.content_filtered == (finish in (Finish.REFUSAL, Finish.CONTENT_FILTER))
    told = {"object": "response", "status": "completed", "output": [TEXT]} | fields
    read = DIALECT.read_response(json.dumps(told).encode())
    assert read is not None
    assert read.finish is finish


def test_a_failed_response_is_no_answer():
    """A 200 whose response failed is the model's failure, for the engine to try again: nothing is read of it."""
    assert DIALECT.read_outcome(b'{"object":"response","status":"failed","output":[],"error":{"code":"server_error"}}') is None


def test_an_answer_in_the_background_is_refused():
    """`background` would be answered with nothing that is counted: it is refused before anything is sent; false is served."""
    told = DIALECT.read_request(b'{"model":"gpt-5.4","input":"x","background":true}', "r1")
    assert isinstance(told, Failure)
    assert "background" in told.message
    assert not isinstance(DIALECT.read_request(b'{"model":"gpt-5.4","input":"x","background":false}', "r1"), Failure)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"error":{"message":"m"}}', b'{"object":"chat.completion","choices":[]}',
                                  b'{"object":"list","output":[]}', b'{"output":"x"}', b"[" * 100_000])  # fmt: skip
def test_nonsense_is_no_answer(body: bytes) -> None:
    """What has no output, or is another thing, is no response, by the short look and by the long one."""
    assert DIALECT.read_outcome(body) is None
    assert DIALECT.read_response(body) is None


def test_a_usage_in_an_odd_form_costs_no_answer() -> None:
    """A usage that makes no sense is none; the rest is read all the same."""
    for usage in ("none", {"input_tokens": "9"}, {"input_tokens": -1, "output_tokens": 1}, {"input_tokens": 1}, []):
        found = outcome(usage=usage)
        assert found is not None
        assert (found.id, found.usage) == ("resp_1", None)


def test_others_thoughts_are_taken_out_of_a_history() -> None:
    """Reasoning that another provider's model signed or hid is taken out by its path; this one's own stays, byte for byte."""
    own = b'{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gA|x"}'
    signed = b'{"type": "reasoning","summary":[],"encrypted_content":"stormkeel|signature|abc"}'
    hidden = b'{"encrypted_content" :"stormkeel|redacted|abc","type":"reasoning"}'
    said = b'{"role":"assistant","content":"stormkeel|signature|"}'
    body = b'{"model":"m", "input":[' + b",".join([signed, said, hidden, own]) + b'],"x":1.0}'
    target = Target("gpt-x")
    left, taken = DIALECT.without_foreign(body, target)
    assert taken == ("input[0]", "input[2]")
    assert left == b'{"model":"m","input":[' + said + b"," + own + b'],"x":1.0}'
    for clean in (
        left,
        b'{"input":"stormkeel|x"}',
        b'"stormkeel|',
        b'{"model":"stormkeel|x"}',
        b'{"input":[{"content":"stormkeel|"}]}',
        b'{"input":[{"type":"message","encrypted_content":"stormkeel|x"}]}',
    ):
        kept, nothing = DIALECT.without_foreign(clean, target)
        assert kept is clean
        assert nothing == ()

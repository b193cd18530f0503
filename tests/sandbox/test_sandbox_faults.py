"""Each fault over a real socket, in every dialect that streams, streamed and whole."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import Got, ask, body_for, with_sandbox

from stormkeel.sandbox import FAULTS, Row, Sandbox, SandboxSettings, Tokens
from stormkeel.sandbox.faults import parse

DIALECTS = ("openai", "anthropic", "responses", "gemini")
NOW = 1_800_000_000.0
QUICK = SandboxSettings(seed=7, clock=lambda: NOW, hold_s=0.05, close_grace_s=0.1)


def met(fault: str, dialect: str, **changes: Any) -> tuple[Got, Row]:
    """Ask one thing under a fault and return what came and what was billed."""
    seen: list[tuple[Got, Row]] = []

    async def story(sandbox: Sandbox) -> None:
        got = await ask(sandbox, dialect, body_for(dialect, **changes), {"x-sandbox-fault": fault})
        await sandbox.quiet()
        seen.append((got, sandbox.bill()[-1]))

    with_sandbox(story, QUICK)
    return seen[0]


def error_of(got: Got) -> tuple[str, str | None]:
    """Return the error's type and code in either dialect, of Gemini its status and the kinds of its details."""
    error = got.json["error"]
    if "status" in error:
        assert error["code"] == got.status
        return error["status"], ",".join(one["@type"].rpartition(".")[2] for one in error.get("details", ())) or None
    return error["type"], error.get("code", error.get("details", {}).get("error_code"))


REFUSALS = [
    ("rate_limit", "openai", 429, "requests", "rate_limit_exceeded"),
    ("rate_limit", "anthropic", 429, "rate_limit_error", None),
    ("rate_limit_no_hint", "openai", 429, "requests", "rate_limit_exceeded"),
    ("rate_limit_no_hint", "anthropic", 429, "rate_limit_error", None),
    ("insufficient_quota", "openai", 429, "insufficient_quota", "insufficient_quota"),
    ("insufficient_quota", "anthropic", 429, "rate_limit_error", "enforced_spend_limit_reached"),
    ("server_error", "openai", 500, "server_error", None),
    ("server_error", "anthropic", 500, "api_error", None),
    ("overloaded", "openai", 503, "service_unavailable_error", "server_is_overloaded"),
    ("overloaded", "anthropic", 529, "overloaded_error", None),
    ("unavailable", "openai", 503, "service_unavailable_error", None),
    ("unavailable", "anthropic", 503, "api_error", None),
    ("bad_credential", "openai", 401, "invalid_request_error", "invalid_api_key"),
    ("bad_credential", "anthropic", 401, "authentication_error", None),
    ("permission", "openai", 403, "request_forbidden", "unsupported_country_region_territory"),
    ("permission", "anthropic", 403, "permission_error", None),
    ("model_not_found", "openai", 404, "invalid_request_error", "model_not_found"),
    ("model_not_found", "anthropic", 404, "not_found_error", None),
    ("context_length", "openai", 400, "invalid_request_error", "context_length_exceeded"),
    ("context_length", "anthropic", 400, "invalid_request_error", None),
    ("daily_quota", "openai", 429, "requests", "rate_limit_exceeded"),
    ("daily_quota", "anthropic", 429, "rate_limit_error", None),
    ("gateway_timeout", "openai", 504, "server_error", None),
    ("gateway_timeout", "anthropic", 504, "timeout_error", None),
    ("region", "openai", 403, "request_forbidden", "unsupported_country_region_territory"),
    ("region", "anthropic", 403, "forbidden", None),
    ("rate_limit", "gemini", 429, "RESOURCE_EXHAUSTED", "Help,QuotaFailure,RetryInfo"),
    ("rate_limit_no_hint", "gemini", 429, "RESOURCE_EXHAUSTED", None),
    ("daily_quota", "gemini", 429, "RESOURCE_EXHAUSTED", "Help,QuotaFailure,RetryInfo"),
    ("insufficient_quota", "gemini", 402, "RESOURCE_EXHAUSTED", None),
    ("server_error", "gemini", 500, "INTERNAL", None),
    ("overloaded", "gemini", 503, "UNAVAILABLE", None),
    ("unavailable", "gemini", 503, "UNAVAILABLE", None),
    ("gateway_timeout", "gemini", 504, "DEADLINE_EXCEEDED", None),
    ("bad_credential", "gemini", 400, "INVALID_ARGUMENT", "ErrorInfo,LocalizedMessage"),
    ("permission", "gemini", 403, "PERMISSION_DENIED", "ErrorInfo"),
    ("region", "gemini", 400, "FAILED_PRECONDITION", None),
    ("model_not_found", "gemini", 404, "NOT_FOUND", None),
    ("context_length", "gemini", 400, "INVALID_ARGUMENT", None),
]
REFUSALS += [(fault, "responses", *told) for fault, dialect, *told in REFUSALS if dialect == "openai"]  # the same service


@pytest.mark.parametrize(("fault", "dialect", "status", "kind", "code"), REFUSALS)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_have_the_providers_own_words(
    fault: str, dialect: str, status: int, kind: str, code: str | None, stream: bool
) -> None:
    """A refusal has the status, type and code its provider gives it, streamed or not, and costs nothing."""
    got, row = met(fault, dialect, stream=stream)
    assert (got.status, *error_of(got), got.end) == (status, kind, code, "whole")
    assert got.headers["content-type"] == "application/json"
    assert (row.status, row.fault, row.cost, row.tokens) == (status, fault, 0, Tokens())


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("rate_limit:retry_after=2", ("retry-after", "2")),
        ("rate_limit:retry_after=1.2", ("retry-after", "2")),
        ("rate_limit_date:retry_after=30", ("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")),
        ("rate_limit_ms:retry_after=0.25", ("retry-after-ms", "250")),
        ("daily_quota", ("retry-after", "36")),
        ("rate_limit_no_hint", None),
        ("insufficient_quota", None),
    ],
)
def test_rate_limits_say_when_to_come_back(fault: str, hint: tuple[str, str] | None, dialect: str) -> None:
    """Each kind of 429 has its own hint, and no other."""
    got, _ = met(fault, dialect)
    hints = {name: value for name, value in got.headers.items() if name.startswith("retry-after")}
    assert hints == (dict([hint]) if hint else {})
    if fault.startswith("rate_limit_date"):
        assert parsedate_to_datetime(hints["retry-after"]).timestamp() == NOW + 30


@pytest.mark.parametrize(
    ("fault", "delay", "quota"),
    [
        ("rate_limit:retry_after=1.2", "2s", "GenerateRequestsPerMinutePerProjectPerModel"),
        ("rate_limit_date:retry_after=30", "30s", "GenerateRequestsPerMinutePerProjectPerModel"),
        ("rate_limit_ms:retry_after=0.25", "0.25s", "GenerateRequestsPerMinutePerProjectPerModel"),
        ("daily_quota", "36s", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
    ],
)
def test_gemini_says_in_the_body_when_to_come_back(fault: str, delay: str, quota: str) -> None:
    """The delay and the quota stand in the details, the delay in the text too, and nothing of it in a header."""
    got, _ = met(fault, "gemini")
    _, failure, retry = got.json["error"]["details"]
    assert (retry["retryDelay"], failure["violations"][0]["quotaId"]) == (delay, quota)
    assert got.json["error"]["message"].endswith(f"Please retry in {delay}.")
    assert [name for name in got.headers if name.startswith(("retry", "x-rate"))] == []


def test_spent_limits_show_in_the_rate_headers() -> None:
    """A 429 has nothing remaining; any other answer has."""
    assert met("rate_limit", "openai")[0].headers["x-ratelimit-remaining-requests"] == "0"
    assert met("ok", "openai")[0].headers["x-ratelimit-remaining-requests"] == "499"
    assert met("rate_limit", "anthropic")[0].headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert met("ok", "anthropic")[0].headers["anthropic-ratelimit-requests-remaining"] == "49"
    assert met("ok", "anthropic")[0].headers["anthropic-ratelimit-requests-reset"] == "2027-01-15T08:00:01Z"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_html_error_comes_from_an_edge(dialect: str) -> None:
    """A 502 of an edge is an HTML page without the provider's request id."""
    got, row = met("html_error", dialect)
    assert (got.status, got.headers["content-type"], row.cost) == (502, "text/html", 0)
    assert got.body.startswith(b"<html>")
    assert "x-request-id" not in got.headers
    assert "request-id" not in got.headers


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("fault", "end"), [("reset", "reset"), ("eof", "nothing"), ("silence", "nothing")])
def test_wire_faults_give_no_answer(fault: str, end: str, dialect: str) -> None:
    """Reset, close and silence send not a byte, and cost nothing unless the fault says the work was done."""
    got, row = met(fault, dialect)
    assert (got.status, got.body, got.end) == (None, b"", end)
    assert (row.status, row.cost) == (None, 0)
    _, billed = met(f"{fault}:billed=1", dialect)
    assert billed.tokens == met("ok", dialect)[1].tokens
    assert billed.cost


@pytest.mark.parametrize("fault", ["silence", "stall:after=0"])
def test_held_sockets_stay_open_until_the_client_leaves(fault: str) -> None:
    """A held request ends when its client goes, and is noted as left."""

    async def story(sandbox: Sandbox) -> None:
        body = body_for("openai", stream=True, model=f"gpt-5.4-mini@fault={fault}")
        asking = asyncio.create_task(ask(sandbox, "openai", body))
        await sandbox.arrived()
        asking.cancel()
        await sandbox.quiet()
        assert (sandbox.bill()[0].left, sandbox.bill()[0].open) == (True, False)

    with_sandbox(story)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["silence", "stall", "slow_first_token:seconds=1000"])
def test_closing_does_not_wait_for_held_requests(fault: str, dialect: str) -> None:
    """A sandbox that closes lets go of what it holds."""
    seen: list[Got] = []

    async def story(sandbox: Sandbox) -> None:
        asking = asyncio.create_task(ask(sandbox, dialect, body_for(dialect, stream=True), {"x-sandbox-fault": fault}))
        await sandbox.arrived()
        await sandbox.close()
        seen.append(await asking)

    with_sandbox(story, SandboxSettings(close_grace_s=0.05))
    assert seen[0].end != "whole"


def content(got: Got, dialect: str) -> str:
    """Put the text of a stream together from its whole events."""
    events = [json.loads(data) for data in got.data if data != "[DONE]"]
    if dialect == "openai":
        return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    if dialect == "responses":
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    if dialect == "gemini":
        return "".join(part["text"] for event in events for part in event["candidates"][0]["content"]["parts"])
    return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")


def ended(got: Got, dialect: str) -> bool:
    """Tell whether the dialect's terminal marker was there."""
    if dialect == "gemini":
        return '"finishReason":"STOP"' in got.data[-1]
    marks = {"openai": "[DONE]", "anthropic": '{"type":"message_stop"}', "responses": '{"type":"response.completed"'}
    return got.data[-1].startswith(marks[dialect])


STREAM = {"stream": True}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("fault", "end"), [("cut", "torn"), ("cut:reset=1", "reset"), ("cut_clean", "whole"), ("stall", "torn")])
def test_broken_streams_bill_what_was_written(fault: str, end: str, dialect: str) -> None:
    """A stream that breaks off has a part of the text, no terminal marker, and a bill for that part."""
    got, row = met(fault, dialect, stream=True)
    full, usual = met("ok", dialect, stream=True)
    assert got.status == 200
    assert got.end == end
    assert not ended(got, dialect)
    assert content(full, dialect).startswith(content(got, dialect))
    assert row.tokens.input == usual.tokens.input
    assert 0 < row.tokens.output < usual.tokens.output
    assert not row.usage_reported


@pytest.mark.parametrize("dialect", DIALECTS)
def test_cut_takes_its_share_and_may_tear_an_event(dialect: str) -> None:
    """`at` says how much of the events gets through, `inside` lets half of the next one follow."""
    full, _ = met("ok", dialect, stream=True)
    half, _ = met("cut:at=0.5", dialect, stream=True)
    torn, _ = met("cut:at=0.5:inside=1", dialect, stream=True)
    assert len(half.data) == len(full.data) // 2
    assert torn.data == half.data
    assert len(torn.body) > len(half.body)
    assert not torn.body.endswith(b"\n\n")


@pytest.mark.parametrize("fault", ["cut", "cut:inside=1", "cut_clean"])
def test_a_stream_of_one_event_is_cut_before_it_is_whole(fault: str) -> None:
    """Of an answer that fits into one event nothing, or half an event, gets through: never all of it."""
    short = "gemini-2.5-flash@tokens=1"
    full, _ = met("ok", "gemini", stream=True, model=short)
    got, _ = met(fault, "gemini", stream=True, model=short)
    assert len(full.data) == 1
    assert len(got.body) < len(full.body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_stall_stops_after_its_events(dialect: str) -> None:
    """`after` says how many events come before the silence; a whole answer stops in the middle of its body."""
    got, _ = met("stall:after=5", dialect, stream=True)
    assert len(got.data) == 5
    whole, row = met("stall", dialect)
    assert whole.end == "torn"
    assert len(whole.body) == int(whole.headers["content-length"]) // 2
    assert row.cost


@pytest.mark.parametrize("dialect", DIALECTS)
def test_malformed_breaks_one_event_and_goes_on(dialect: str) -> None:
    """One event is not JSON, all others are, and the stream comes to its end."""
    got, row = met("malformed:after=4", dialect, stream=True)
    broken = [place for place, data in enumerate(got.data) if data != "[DONE]" and not is_json(data)]
    assert (broken, got.end, ended(got, dialect)) == ([4], "whole", True)
    assert row.tokens == met("ok", dialect, stream=True)[1].tokens
    whole, _ = met("malformed", dialect)
    assert (whole.status, whole.end, is_json(whole.body.decode())) == (200, "whole", False)


def is_json(text: str) -> bool:
    """Tell whether text is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_terminal_leaves_out_only_the_marker(dialect: str) -> None:
    """All content and the reason to stop are there; `[DONE]`, `message_stop`, `response.completed` or `finishReason`
    is not."""
    got, row = met("no_terminal", dialect, stream=True)
    full, usual = met("ok", dialect, stream=True)
    assert len(got.data) == len(full.data) - 1
    assert got.end == "whole"
    assert not ended(got, dialect)
    assert content(got, dialect) == content(full, dialect)
    last = {"openai": "finish_reason", "anthropic": "stop_reason", "responses": "response.output_item.done", "gemini": "parts"}
    assert last[dialect] in got.data[-1]
    assert row.tokens == usual.tokens


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_terminal_may_leave_the_socket_open(dialect: str) -> None:
    """With hold=1 all content came, and then neither a marker nor the end of HTTP, until the socket is let go."""
    got, row = met("no_terminal:hold=1", dialect, stream=True)
    bare, usual = met("no_terminal", dialect, stream=True)
    assert content(got, dialect) == content(bare, dialect)
    assert got.end == "torn"
    assert row.tokens == usual.tokens


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("after", [0, 5])
def test_stream_errors_stand_in_the_stream(dialect: str, after: int) -> None:
    """The error event comes after `after` events, in the dialect's form, and is the last."""
    got, row = met(f"stream_error:after={after}", dialect, stream=True)
    error = json.loads(got.data[-1])
    assert (got.status, got.end, len(got.data)) == (200, "whole", after + 1)
    if dialect == "responses":
        assert (error["type"], error["code"], error["sequence_number"]) == ("error", "server_error", after)
    elif dialect == "gemini":
        assert (error["error"]["code"], error["error"]["status"]) == (503, "UNAVAILABLE")
    else:
        assert error["error"]["type"] == ("server_error" if dialect == "openai" else "overloaded_error")
    assert (b"event: error\n" in got.body) == (dialect in {"anthropic", "responses"})
    assert bool(row.cost) == bool(after)


def test_stream_errors_of_responses_come_in_two_forms() -> None:
    """With nested=1 the error stands in an object of its own, as it also does in the wild."""
    got, _ = met("stream_error:after=3:nested=1", "responses", stream=True)
    error = json.loads(got.data[-1])
    assert (error["type"], error["sequence_number"], error["error"]["type"]) == ("error", 3, "server_error")
    assert "message" not in error


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_that_failed_says_so_in_a_200(stream: bool) -> None:
    """A failed response is a 200: status failed, its error, no usage; it costs what was written."""
    got, row = met("failed:after=3", "responses", stream=stream)
    last = json.loads(got.data[-1]) if stream else {"type": "response.failed", "response": got.json}
    response = last["response"]
    assert (got.status, last["type"], response["status"], response["error"]["code"]) == (
        200,
        "response.failed",
        "failed",
        "server_error",
    )
    assert (response["output"], response["usage"], row.tokens.output, row.usage_reported) == ([], None, 3, False)
    if stream:
        numbers = [json.loads(data)["sequence_number"] for data in got.data]
        assert numbers == list(range(len(got.data)))
        assert len(content(got, "responses").split()) == 3
        assert "response.output_item.done" not in got.body.decode()


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("stream", [False, True])
def test_elsewhere_failed_is_an_error(dialect: str, stream: bool) -> None:
    """A dialect that has no answer that failed gets the error of stream_error instead."""
    got, _ = met("failed:after=3", dialect, stream=stream)
    like, _ = met("stream_error:after=3", dialect, stream=stream)
    assert (got.status, got.body) == (like.status, like.body)


@pytest.mark.parametrize(("dialect", "status"), [("openai", 500), ("anthropic", 529), ("responses", 500), ("gemini", 503)])
def test_stream_error_without_a_stream_is_a_status(dialect: str, status: int) -> None:
    """Where nothing is streamed the same error comes with its status, and costs nothing."""
    got, row = met("stream_error", dialect)
    assert (got.status, row.status, row.cost) == (status, status, 0)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_content_filter_stops_the_answer(dialect: str, stream: bool) -> None:
    """A filtered answer is a 200 that says so, after a few words."""
    got, row = met("content_filter", dialect, stream=stream)
    reasons = {
        "openai": '"finish_reason":"content_filter"',
        "anthropic": '"stop_reason":"refusal"',
        "responses": '"incomplete_details":{"reason":"content_filter"}',
        "gemini": '"finishReason":"SAFETY"',
    }
    assert reasons[dialect] in got.body.decode()
    assert (got.status, got.end, row.tokens.output) == (200, "whole", 4)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_usage_is_billed_all_the_same(dialect: str, stream: bool) -> None:
    """An answer without usage costs what it always does, and the bill says that it was not told."""
    changes = {"stream": stream} | ({"stream_options": {"include_usage": True}} if stream and dialect == "openai" else {})
    got, row = met("no_usage", dialect, **changes)
    told, usual = met("ok", dialect, **changes)
    name = b'"usageMetadata"' if dialect == "gemini" else b'"usage"'
    assert name not in got.body
    assert name in told.body
    assert (row.usage_reported, usual.usage_reported) == (False, True)
    assert row.tokens == usual.tokens


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_slow_first_token_comes_in_the_end(dialect: str, stream: bool) -> None:
    """After its wait the answer is the usual one."""
    got, row = met("slow_first_token:seconds=0.02", dialect, stream=stream)
    assert (got.status, got.end) == (200, "whole")
    assert row.tokens == met("ok", dialect, stream=stream)[1].tokens


@pytest.mark.parametrize("stream", [False, True])
def test_slow_first_token_costs_nothing_to_who_leaves_before(stream: bool) -> None:
    """A streamed head comes at once; nothing is generated while the client waits for the first event."""

    async def story(sandbox: Sandbox) -> None:
        reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
        raw = json.dumps(body_for("openai", stream=stream)).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-1\r\ncontent-type: application/json\r\n"
            b"x-sandbox-fault: slow_first_token:seconds=1000\r\ncontent-length: %d\r\n\r\n%b" % (len(raw), raw)
        )
        if stream:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await sandbox.arrived()
        writer.close()
        await sandbox.quiet()
        row = sandbox.bill()[0]
        assert (row.left, row.cost) == (True, 0)

    with_sandbox(story)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("fault", "end"), [("cut", "torn"), ("cut:reset=1", "reset"), ("cut_clean", "whole")])
def test_broken_whole_answers_cost_all(fault: str, end: str, dialect: str) -> None:
    """A whole answer that breaks off was generated in full: it is cut JSON, and billed in full."""
    got, row = met(fault, dialect)
    full, usual = met("ok", dialect)
    assert (got.end, is_json(got.body.decode())) == (end, False)
    assert full.body.startswith(got.body[:20])
    assert row.tokens == usual.tokens
    assert not row.usage_reported


def test_every_fault_is_tried_here() -> None:
    """No fault is in the table without a case in this file."""
    tried = {name for name, *_ in REFUSALS} | {"rate_limit_date", "rate_limit_ms", "html_error", "reset", "eof", "silence"}
    tried |= {"slow_first_token", "cut", "cut_clean", "stall", "malformed", "no_terminal", "stream_error"}
    assert set(FAULTS) == tried | {"content_filter", "no_usage", "failed"}


@pytest.mark.parametrize("text", ["nosuch", "cut:nosuch=1", "cut:at=x", "cut:at=-1", "rate_limit:retry_after=inf", "reset:"])
def test_faults_that_make_no_sense_are_refused(text: str) -> None:
    """A fault that is not known, or a parameter it has not, is an error that names it."""
    with pytest.raises(ValueError, match="fault"):
        parse(text)


@given(st.sampled_from(sorted(FAULTS)), st.floats(0, 1e6))
def test_faults_read_back_as_they_are_written(name: str, value: float) -> None:
    """A chosen fault written down and read again is the same fault, to six digits."""
    keys = sorted(FAULTS[name].parameters)
    text = ":".join([name, *(f"{key}={value}" for key in keys)])
    chosen = parse(text)
    again = parse(str(chosen))
    assert chosen is not None
    assert again is not None
    assert again.name == name
    assert again.parameters == pytest.approx(chosen.parameters, rel=1e-5)

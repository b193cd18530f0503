"""What the sandbox refuses, in the words of the service it stands for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sandbox_client import Got, ask, body_for, with_sandbox

from stormkeel.sandbox import Record, Row, Sandbox, SandboxSettings

USER: dict[str, Any] = {"role": "user", "content": "Hi"}
FUNCTION = {"type": "function", "function": {"name": "look"}}
CHAT_CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
}
CHAT_RESULT = {"role": "tool", "tool_call_id": "c1", "content": "fog"}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "fog"}]}


def asked(
    dialect: str, body: Any, headers: dict[str, str | None] | None = None, settings: SandboxSettings | None = None
) -> tuple[Got, Record, list[Row]]:
    """Ask one thing and return the answer, the record and the bill."""
    seen: list[tuple[Got, Record, list[Row]]] = []

    async def story(sandbox: Sandbox) -> None:
        got = await ask(sandbox, dialect, body, headers)
        seen.append((got, sandbox.requests[-1], sandbox.bill()))

    with_sandbox(story, settings)
    return seen[0]


CHAT_REFUSED: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({"surprise": 1}, "Unrecognized request argument supplied: surprise", None, None),
    ({"messages": None}, "Missing required parameter: 'messages'.", "missing_required_parameter", "messages"),
    ({"model": None}, "Missing required parameter: 'model'.", "missing_required_parameter", "model"),
    ({"messages": []}, "Invalid value for 'messages'", "invalid_value", "messages"),
    ({"messages": "hi"}, "Invalid type for 'messages'", "invalid_type", "messages"),
    (
        {"messages": [{"role": "pirate", "content": "x"}]},
        "Invalid value for 'messages[0].role'",
        "invalid_value",
        "messages[0].role",
    ),
    (
        {"messages": [{"role": "user", "content": 3}]},
        "Invalid type for 'messages[0].content'",
        "invalid_type",
        "messages[0].content",
    ),
    (
        {"messages": [{"role": "user"}]},
        "Missing required parameter: 'messages[0].content'.",
        "missing_required_parameter",
        "messages[0].content",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "txt": "x"}]}]},
        "Unknown parameter: 'messages[0].content[0].txt'.",
        "unknown_parameter",
        "messages[0].content[0].txt",
    ),
    (
        {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "Invalid value for 'messages[0].content[0].type'",
        "invalid_value",
        "messages[0].content[0].type",
    ),
    ({"temperature": 2.1}, "Invalid value for 'temperature'", "invalid_value", "temperature"),
    ({"temperature": "warm"}, "Invalid type for 'temperature'", "invalid_type", "temperature"),
    ({"top_p": -0.1}, "Invalid value for 'top_p'", "invalid_value", "top_p"),
    ({"n": 0}, "Invalid value for 'n'", "invalid_value", "n"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "Invalid value for 'stop'", "invalid_value", "stop"),
    ({"max_completion_tokens": 0}, "Invalid value for 'max_completion_tokens'", "invalid_value", "max_completion_tokens"),
    ({"reasoning_effort": "utmost"}, "Invalid value for 'reasoning_effort'", "invalid_value", "reasoning_effort"),
    (
        {"tools": [{"type": "function", "function": {"name": "no spaces"}}]},
        "Invalid value for",
        "invalid_value",
        "tools[0].function.name",
    ),
    ({"stream_options": {"include_usage": True}}, "The 'stream_options' parameter is only allowed", None, "stream_options"),
    ({"top_logprobs": 3}, "The 'top_logprobs' parameter is only allowed", None, "top_logprobs"),
    ({"tool_choice": "required"}, "Invalid value for 'tool_choice'", None, "tool_choice"),
    ({"max_tokens": 5}, "Unsupported parameter: 'max_tokens'", "unsupported_parameter", "max_tokens"),
    ({"model": "gpt-4.1-mini", "max_tokens": 5, "max_completion_tokens": 5}, "Setting 'max_tokens' and", None, "max_tokens"),
    ({"model": "o3", "stop": "x"}, "Unsupported parameter: 'stop'", "unsupported_parameter", "stop"),
    ({"tools": [FUNCTION], "reasoning_effort": "low"}, "Function tools with reasoning_effort", None, "reasoning_effort"),
    ({"tools": [FUNCTION], "model": "gpt-6-luna"}, "Function tools with reasoning_effort", None, "reasoning_effort"),
    ({"messages": [USER, CHAT_CALL]}, "An assistant message with 'tool_calls' must be", None, "messages.[2].role"),
    ({"messages": [USER, CHAT_CALL, USER]}, "An assistant message with 'tool_calls' must be", None, "messages.[2].role"),
    ({"messages": [USER, CHAT_RESULT]}, "Invalid parameter: messages with role 'tool'", None, "messages.[1].role"),
]


@pytest.mark.parametrize(("changes", "message", "code", "param"), CHAT_REFUSED)
def test_openai_refuses(changes: dict[str, Any], message: str, code: str | None, param: str | None) -> None:
    """A chat request the service would not take is a 400 in its words, is noted, and costs nothing."""
    got, record, bill = asked("openai", body_for("openai", **changes))
    error = got.json["error"]
    assert (got.status, error["type"], error["code"], error["param"]) == (400, "invalid_request_error", code, param)
    assert error["message"].startswith(message)
    assert record.violations == [error["message"]]
    assert [(row.status, row.cost) for row in bill] == [(400, 0)]


CHAT_TAKEN: list[dict[str, Any]] = [
    {
        "temperature": 2,
        "top_p": 0,
        "n": 2,
        "stop": "x",
        "seed": 1,
        "user": "u",
        "metadata": {"k": "v"},
        "logit_bias": {"1": -100},
    },
    {"temperature": None, "logprobs": True, "top_logprobs": 20, "max_completion_tokens": 1},
    {"model": "gpt-4.1-mini", "max_tokens": 5},
    {"model": "gpt-5.5", "tools": [FUNCTION]},
    {"model": "gpt-6-luna", "tools": [FUNCTION], "reasoning_effort": "none", "tool_choice": "auto"},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
    {"messages": [USER, CHAT_CALL, CHAT_RESULT, USER]},
    {"messages": [{"role": "developer", "content": "x"}, {"role": "system", "content": [{"type": "text", "text": "y"}]}, USER]},
    {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "f"}},
                    {"type": "text", "text": "what is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
                ],
            }
        ]
    },
]


@pytest.mark.parametrize("changes", CHAT_TAKEN)
def test_openai_takes(changes: dict[str, Any]) -> None:
    """A chat request as documented is answered."""
    got, record, _ = asked("openai", body_for("openai", **changes))
    assert (got.status, record.violations) == (200, [])


OLDER = {"anthropic-version": "2023-06-01"}
CLAUDE_REFUSED: list[tuple[dict[str, Any], dict[str, str | None], str]] = [
    ({}, {"anthropic-version": None}, "anthropic-version: header is required"),
    ({}, {"anthropic-version": "2024-01-01"}, 'anthropic-version: "2024-01-01" is not a valid version'),
    ({"max_tokens": None}, {}, "max_tokens: Field required"),
    ({"max_tokens": -1}, {}, "max_tokens: Input should be valid"),
    ({"surprise": 1}, {}, "surprise: Extra inputs are not permitted"),
    ({"n": 2}, {}, "n: Extra inputs are not permitted"),
    ({"temperature": 1}, {}, "temperature: Extra inputs are not permitted"),
    ({"top_p": 0.5}, {}, "top_p: Extra inputs are not permitted"),
    ({"top_k": 5}, {}, "top_k: Extra inputs are not permitted"),
    ({"temperature": 0.5}, OLDER, "temperature: may only be left at its default"),
    ({"temperature": 1.5, "model": "claude-sonnet-4-6"}, OLDER, "temperature: Input should be valid"),
    ({"mcp_servers": []}, {}, "mcp_servers: Extra inputs are not permitted"),
    ({"messages": []}, {}, "messages: Input should be valid"),
    ({"messages": [{"role": "user", "content": ""}]}, {}, "messages.0: all messages must have non-empty content"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        {},
        "messages: text content blocks must be non-empty",
    ),
    ({"system": [{"type": "text", "text": ""}]}, {}, "system: text content blocks must be non-empty"),
    ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, {}, "messages.0.content.0.type: Input should be valid"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "y": 1}]}]},
        {},
        "messages.0.content.0.y: Extra inputs",
    ),
    ({"messages": [{"role": "tool", "content": "x"}]}, {}, "messages.0.role: Input should be valid"),
    ({"messages": [{"role": "assistant", "content": "x"}, USER]}, {}, "messages: first message must use"),
    ({"messages": [USER, {"role": "assistant", "content": "{"}]}, {}, "This model does not support assistant message prefill"),
    ({"messages": [USER, CALL, USER]}, {}, "messages.1: `tool_use` ids were found without `tool_result` blocks"),
    ({"messages": [USER, RESULT]}, {}, "messages.1.content: unexpected `tool_use_id`"),
    (
        {"messages": [USER, CALL, {"role": "user", "content": [{"type": "text", "text": "x"}, *RESULT["content"]]}]},
        {},
        "messages.1: `tool_use` ids were found without",
    ),
    ({"messages": [USER, {"role": "system", "content": "x"}, USER]}, {}, "messages.1: a `system` message must"),
    ({"messages": [USER, {"role": "system", "content": "x"}], "model": "claude-sonnet-4-6"}, {}, "messages: this model does not"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {}, "`max_tokens` must be greater than"),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
        {},
        'thinking: type "enabled" is not supported',
    ),
    ({"tools": [{"name": "look"}]}, {}, "tools.0.input_schema: Field required"),
    ({"tools": [{"name": "look", "input_schema": {}}]}, {}, "tools.0.input_schema.type: Input should be 'object'"),
    ({"tools": [TOOL | {"y": 1}]}, {}, "tools.0.y: Extra inputs are not permitted"),
    ({"tool_choice": {"type": "any"}}, {}, "tool_choice: tools must be provided"),
    (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "array", "items": {"type": "object"}}}}},
        {},
        "output_config.format.schema: For 'object' type",
    ),
    (
        {"messages": [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": ""}]}, USER]},
        {},
        "messages.1.content.0: Invalid `signature`",
    ),
    ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5}, {}, "A maximum of 4 blocks"),
    ({"stop_sequences": [" "]}, {}, "stop_sequences.0: each stop sequence must contain non-whitespace"),
]


@pytest.mark.parametrize(("changes", "headers", "message"), CLAUDE_REFUSED)
def test_anthropic_refuses(changes: dict[str, Any], headers: dict[str, str | None], message: str) -> None:
    """A messages request the service would not take is a 400 in its words, is noted, and costs nothing."""
    got, record, bill = asked("anthropic", body_for("anthropic", **changes), headers)
    error = got.json["error"]
    assert (got.status, got.json["type"], error["type"]) == (400, "error", "invalid_request_error")
    assert error["message"].startswith(message)
    assert got.json["request_id"] == got.headers["request-id"] == record.id
    assert record.violations == [error["message"]]
    assert [(row.status, row.cost) for row in bill] == [(400, 0)]


CLAUDE_TAKEN: list[tuple[dict[str, Any], dict[str, str | None]]] = [
    ({"system": "x", "stop_sequences": ["y"], "metadata": {"user_id": "u"}, "service_tier": "auto"}, {}),
    ({"temperature": 0.3, "top_k": 5, "model": "claude-haiku-4-5"}, OLDER),
    ({"messages": [USER, {"role": "assistant", "content": "{"}], "model": "claude-haiku-4-5"}, {}),
    ({"mcp_servers": []}, {"anthropic-beta": "mcp-client-2025-11-20"}),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, {}),
    ({"messages": [USER, CALL, RESULT], "tools": [TOOL, {"type": "web_search_20260318", "name": "web_search"}]}, {}),
    ({"messages": [USER, {"role": "system", "content": "x"}], "model": "claude-opus-5"}, {}),
    ({"messages": [USER, USER], "max_tokens": 0}, {}),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "url", "url": "http://x"}},
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
                        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    ],
                }
            ]
        },
        {},
    ),
]


@pytest.mark.parametrize(("changes", "headers"), CLAUDE_TAKEN)
def test_anthropic_takes(changes: dict[str, Any], headers: dict[str, str | None]) -> None:
    """A messages request as documented is answered."""
    got, record, _ = asked("anthropic", body_for("anthropic", **changes), headers)
    assert (got.status, record.violations) == (200, [])


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[1]", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"model":"m","model":"m","messages":[],"max_tokens":1}'],
)
def test_bodies_that_are_no_object_are_refused(raw: bytes, dialect: str) -> None:
    """What is not one JSON object is a 400 of the dialect."""
    got, record, _ = asked(dialect, raw)
    assert (got.status, got.json["error"]["type"], len(record.violations)) == (400, "invalid_request_error", 1)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize("again", ['"model":"gpt-5.4"', '"stream":true', '"mod\\u0065l":"x"'])
def test_a_key_that_stands_twice_is_refused(again: str, dialect: str) -> None:
    """A top-level key that stands twice is refused, however it is written; deeper down it is nobody's business."""
    plain = json.dumps(body_for(dialect, stream=False))
    got, _, _ = asked(dialect, f"{plain[:-1]},{again}}}".encode())
    assert got.status == 400
    assert "Duplicate key" in got.json["error"]["message"]
    deeper, _, _ = asked(dialect, plain.replace('"role": "user"', '"role": "user", "role": "user"').encode())
    assert deeper.status == 200


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
def test_the_body_must_be_declared_json(dialect: str) -> None:
    """Another content type is a 400; parameters of the right one do not matter."""
    assert asked(dialect, None, {"content-type": "text/plain"})[0].status == 400
    assert asked(dialect, None, {"content-type": "Application/JSON; charset=utf-8"})[0].status == 200


@pytest.mark.parametrize(
    ("dialect", "headers", "status"),
    [
        ("openai", {"authorization": None}, 401),
        ("openai", {"authorization": None, "x-api-key": "sk-test"}, 401),
        ("openai", {"authorization": "Basic sk-test"}, 401),
        ("openai", {"authorization": "Bearer nope"}, 401),
        ("openai", {"authorization": "bearer sk-any"}, 200),
        ("anthropic", {"x-api-key": None}, 401),
        ("anthropic", {"x-api-key": None, "authorization": "Bearer sk-any"}, 200),
        ("anthropic", {"x-api-key": "nope", "authorization": "Bearer sk-any"}, 401),
        ("anthropic", {"x-api-key": "sk-any", "authorization": "Bearer nope"}, 200),
    ],
)
def test_credentials(dialect: str, headers: dict[str, str | None], status: int) -> None:
    """OpenAI takes a Bearer token only, Anthropic either header with `x-api-key` first; a 401 never shows the whole key."""
    got, record, _ = asked(dialect, None, headers)
    assert got.status == status
    if status == 401:
        assert got.json["error"]["type"] == ("invalid_request_error" if dialect == "openai" else "authentication_error")
    assert "sk-" not in str(record.headers)


def test_named_keys_are_the_only_ones() -> None:
    """Where keys are named, nothing else is let in, and what is told of a wrong one does not give it away."""
    settings = SandboxSettings(keys=("sk-alpha", "other"))
    assert asked("openai", None, {"authorization": "Bearer other"}, settings)[0].status == 200
    got, _, bill = asked("openai", None, {"authorization": "Bearer sk-a-long-secret-key"}, settings)
    assert (got.status, got.json["error"]["code"]) == (401, "invalid_api_key")
    assert b"long-secret" not in got.body
    assert bill[0].credential != "sk-a-long-secret-key"


def test_only_named_models_are_served() -> None:
    """Where models are named, others are a 404; without names any model is served, priced or not."""
    settings = SandboxSettings(models=("gpt-5.4-mini",))
    got, _, _ = asked("openai", body_for("openai", model="gpt-5.4"), None, settings)
    assert (got.status, got.json["error"]["code"]) == (404, "model_not_found")
    assert asked("openai", body_for("openai", model="gpt-5.4-mini@tokens=3"), None, settings)[0].status == 200
    assert asked("openai", body_for("openai", model="whale-1"))[0].status == 200


def test_prompts_over_the_window_are_refused() -> None:
    """A prompt of more tokens than the model's window is refused for that."""
    got, _, _ = asked(
        "anthropic", body_for("anthropic", model="claude-haiku-4-5", messages=[USER | {"content": "a b " * 100_000}])
    )
    assert got.json["error"]["message"] == "prompt is too long: 200004 tokens > 200000 maximum"


def test_model_rules_can_be_switched_off() -> None:
    """Without model rules only what holds for every model is asked."""
    settings = SandboxSettings(model_rules=False)
    assert asked("openai", body_for("openai", max_tokens=5), None, settings)[0].status == 200
    prefill = body_for("anthropic", messages=[USER, {"role": "assistant", "content": "{"}])
    assert asked("anthropic", prefill, None, settings)[0].status == 200


def test_a_fault_does_not_hide_a_violation() -> None:
    """What is wrong with a request is noted also where a fault kept the provider from saying so."""
    got, record, _ = asked("openai", body_for("openai", surprise=1), {"x-sandbox-fault": "server_error"})
    assert got.status == 500
    assert record.violations == ["Unrecognized request argument supplied: surprise"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-sandbox-fault": "nosuch"},
        {"x-sandbox-usage": "{"},
        {"x-sandbox-usage": '{"input":-1}'},
        {"x-sandbox-usage": '{"output":1,"reasoning":2}'},
        {"x-sandbox-usage": '{"inputs":1}'},
        {"x-sandbox-tokens": "many"},
        {"x-sandbox-pace": "-1"},
    ],
)
def test_wishes_that_make_no_sense_are_refused(headers: dict[str, str | None]) -> None:
    """A wish that cannot be granted is a 400 that says why, not an answer without it."""
    assert asked("openai", None, headers)[0].status == 400


@pytest.mark.parametrize("line", ['{"fault":"nosuch"}', '{"wish":1}', '{"tokens":-1}', '{"usage":{"input":"x"}}', "{oops}"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_wishes_in_a_message_are_checked_too(line: str, dialect: str) -> None:
    """A sandbox line that cannot be granted is a 400; a line of prose that only mentions the word is prose."""
    refused, _, _ = asked(dialect, body_for(dialect, messages=[{"role": "user", "content": f"Hi\nsandbox: {line}"}]))
    assert (refused.status, refused.json["error"]["type"]) == (400, "invalid_request_error")
    prose, _, _ = asked(dialect, body_for(dialect, messages=[{"role": "user", "content": f"the sandbox: {line}"}]))
    assert prose.status == 200

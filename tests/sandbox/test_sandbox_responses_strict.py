"""What the sandbox refuses of a Responses request, in OpenAI's words, and what it takes."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import HEADERS, Got, ask, body_for, send, with_sandbox

from stormkeel.sandbox import Record, Row, Sandbox, SandboxSettings

USER: dict[str, Any] = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "fog"}
PATCH = {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"}
PATCHED = {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"}
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}
SAID = {"role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    """A message made of parts."""
    return {"input": [{"role": "user", "content": list(parts)}]}


def asked(body: dict[str, Any], settings: SandboxSettings | None = None) -> tuple[Got, Record, list[Row]]:
    """Ask one thing and return the answer, the record and the bill."""
    seen: list[tuple[Got, Record, list[Row]]] = []

    async def story(sandbox: Sandbox) -> None:
        got = await ask(sandbox, "responses", body)
        seen.append((got, sandbox.requests[-1], sandbox.bill()))

    with_sandbox(story, settings)
    return seen[0]


REFUSED: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({"surprise": 1}, "Unrecognized request argument supplied: surprise", None, None),
    ({"stop": "x"}, "Unrecognized request argument supplied: stop", None, None),
    ({"n": 2}, "Unrecognized request argument supplied: n", None, None),
    ({"seed": 1}, "Unrecognized request argument supplied: seed", None, None),
    ({"max_tokens": 20}, "Unrecognized request argument supplied: max_tokens", None, None),
    ({"messages": [USER]}, "Unrecognized request argument supplied: messages", None, None),
    ({"model": None}, "Missing required parameter: 'model'.", "missing_required_parameter", "model"),
    ({"input": None}, "One of 'input' or 'previous_response_id'", None, "input"),
    ({"input": []}, "One of 'input' or 'previous_response_id'", None, "input"),
    ({"input": 3}, "Invalid type for 'input'", "invalid_type", "input"),
    ({"temperature": 2.1}, "Invalid value for 'temperature'", "invalid_value", "temperature"),
    ({"max_output_tokens": 15}, "Invalid 'max_output_tokens': integer below", "integer_below_min_value", "max_output_tokens"),
    ({"include": ["everything"]}, "Invalid value for 'include[0]'", "invalid_value", "include[0]"),
    ({"reasoning": {"effort": "utmost"}}, "Invalid value for 'reasoning.effort'", "invalid_value", "reasoning.effort"),
    ({"stream_options": {}}, "The 'stream_options' parameter is only allowed", None, "stream_options"),
    ({"previous_response_id": "resp_x"}, "Previous response with id 'resp_x' not", "previous_response_not_found", "previous_response_id"),
    ({"conversation": "conv_1"}, "'conversation' is not served here", "unsupported_parameter", "conversation"),
    ({"prompt": {"id": "p"}}, "'prompt' is not served here", "unsupported_parameter", "prompt"),
    ({"background": True}, "'background' is not served here", "unsupported_parameter", "background"),
    ({"tools": [{"type": "function", "function": {"name": "look"}}]}, "Missing required parameter: 'tools[0].name'.", "missing_required_parameter", "tools[0].name"),
    ({"tools": [LOOK | {"name": "no spaces"}]}, "Invalid value for 'tools[0].name'", "invalid_value", "tools[0].name"),
    ({"tools": [LOOK | {"extra": 1}]}, "Unknown parameter: 'tools[0].extra'.", "unknown_parameter", "tools[0].extra"),
    ({"tools": [{"type": "telepathy"}]}, "Invalid value: 'telepathy'. Supported values are: 'function'", "invalid_value", "tools[0].type"),
    ({"tools": [{"name": "look"}]}, "Missing required parameter: 'tools[0].type'.", "missing_required_parameter", "tools[0].type"),
    ({"tool_choice": "required"}, "Tool choice 'required' must be specified with 'tools'", None, "tool_choice"),
    ({"tools": [LOOK], "tool_choice": {"type": "function", "name": "x"}}, "Tool choice 'x' not found in 'tools'", None, "tool_choice"),
    ({"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "look"}}}, "Missing required parameter: 'tool_choice.name'.", "missing_required_parameter", "tool_choice.name"),
    ({"text": {"format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}}, "Unknown parameter: 'text.format.json_schema'.", "unknown_parameter", "text.format.json_schema"),
    ({"text": {"format": {"type": "json_object"}}}, "Response input messages must contain the word 'json'", None, "input"),
    ({"input": [{"type": "thought"}]}, "Invalid value: 'thought'. Supported values are: 'message'", "invalid_value", "input[0].type"),
    ({"input": [{}]}, "Missing required parameter: 'input[0].type'.", "missing_required_parameter", "input[0].type"),
    ({"input": [{"role": "user"}]}, "Missing required parameter: 'input[0].content'.", "missing_required_parameter", "input[0].content"),
    ({"input": [{"role": "pirate", "content": "x"}]}, "Invalid value for 'input[0].role'", "invalid_value", "input[0].role"),
    (user({"type": "text", "text": "x"}), "Invalid value for 'input[0].content[0].type'", "invalid_value", "input[0].content[0].type"),
    ({"input": [USER, {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "Invalid value for 'input[1].content[0].type'", "invalid_value", "input[1].content[0].type"),
    (user({"type": "input_image"}), "Invalid 'input[0].content[0]': exactly one of", "missing_required_parameter", "input[0].content[0]"),
    (user({"type": "input_image", "image_url": "fog.png"}), "Invalid 'input[0].content[0].image_url'. Expected a valid URL", "invalid_value", "input[0].content[0].image_url"),
    (user({"type": "input_image", "image_url": {"url": "https://x"}}), "Invalid type for 'input[0].content[0].image_url'", "invalid_type", "input[0].content[0].image_url"),
    (user({"type": "input_file", "filename": "x"}), "Invalid 'input[0].content[0]': exactly one of", "missing_required_parameter", "input[0].content[0]"),
    (user({"type": "input_file", "file_data": "AA=="}), "Invalid 'input[0].content[0].file_data'. Expected a base64", "invalid_value", "input[0].content[0].file_data"),
    ({"input": [USER, CALL]}, "No tool output found for function call c1.", None, "input"),
    ({"input": [USER, PATCH]}, "No tool output found for custom tool call c2.", None, "input"),
    ({"input": [USER, RESULT]}, "No tool call found for function call output with call_id c1.", None, "input"),
    ({"input": [USER, RESULT, CALL]}, "No tool call found for function call output with call_id c1.", None, "input"),
    ({"input": [USER, CALL, RESULT, RESULT]}, "No tool call found for function call output with call_id c1.", None, "input"),
    ({"input": [USER, CALL, PATCHED | {"call_id": "c1"}]}, "No tool call found for custom tool call output with call_id c1.", None, "input"),
    ({"input": [USER, CALL | {"call_id": "c" * 65}, RESULT | {"call_id": "c" * 65}]}, "Invalid 'input[1].call_id': string too long.", "string_above_max_length", "input[1].call_id"),
    ({"input": [USER, CALL | {"call_id": ""}, RESULT | {"call_id": ""}]}, "Invalid 'input[1].call_id': empty string.", "empty_string", "input[1].call_id"),
    ({"input": [USER, CALL | {"id": "call_1"}, RESULT]}, "Invalid 'input[1].id': 'call_1'. Expected an ID that begins with 'fc'.", "invalid_value", "input[1].id"),
    ({"input": [USER, SAID | {"id": "chatcmpl-1"}]}, "Invalid 'input[1].id': 'chatcmpl-1'. Expected an ID that begins with 'msg'.", "invalid_value", "input[1].id"),
    ({"input": [USER, CALL | {"arguments": {}}, RESULT]}, "Invalid type for 'input[1].arguments'", "invalid_type", "input[1].arguments"),
    ({"input": [USER, THOUGHT]}, "Item 'rs_1' of type 'reasoning' was provided without its required following item.", None, "input"),
    ({"input": [USER, THOUGHT, USER]}, "Item 'rs_1' of type 'reasoning' was provided without its required following item.", None, "input"),
    ({"input": [USER, THOUGHT | {"encrypted_content": "made elsewhere"}, SAID]}, "The encrypted content made...here could not be verified.", "invalid_encrypted_content", None),
    ({"model": "gpt-5", "temperature": 1}, "Unsupported parameter: 'temperature' is not supported", "unsupported_parameter", "temperature"),
    ({"model": "gpt-6-luna", "top_p": 0.5}, "Unsupported parameter: 'top_p' is not supported", "unsupported_parameter", "top_p"),
    ({"reasoning": {"effort": "low"}, "temperature": 0.5}, "Unsupported parameter: 'temperature'", "unsupported_parameter", "temperature"),
    ({"model": "gpt-4.1", "reasoning": {"effort": "low"}}, "Unsupported parameter: 'reasoning.effort'", "unsupported_parameter", "reasoning.effort"),
    ({"model": "gpt-4.1", "include": ["reasoning.encrypted_content"]}, "Encrypted content is not supported with this model.", None, "include"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message", "code", "param"), REFUSED)
def test_responses_refuses(changes: dict[str, Any], message: str, code: str | None, param: str | None) -> None:
    """A request the service would not take is a 400 in its words, is noted, and costs nothing."""
    got, record, bill = asked(body_for("responses", **changes))
    error = got.json["error"]
    assert (got.status, error["type"], error["code"], error["param"]) == (400, "invalid_request_error", code, param)
    assert error["message"].startswith(message)
    assert record.violations == [error["message"]]
    assert [(row.status, row.cost) for row in bill] == [(400, 0)]


@pytest.mark.parametrize("extra", [{}, {"encrypted_content": None}])
def test_items_that_are_not_kept_are_not_found(extra: dict[str, Any]) -> None:
    """Reasoning without its content, and a reference, are a 404 where the item is not kept."""
    for item in ([THOUGHT | extra, SAID], [{"type": "item_reference", "id": "rs_1"}], [{"id": "rs_1"}]):
        got, _, _ = asked(body_for("responses", input=[USER, *item]))
        assert got.status == 404
        assert got.json["error"]["message"].startswith("Item with id 'rs_1' not found. Items are not persisted when `store`")


def test_previous_response_and_conversation_exclude_each_other() -> None:
    """The two ways of carrying on cannot both be taken."""

    async def story(sandbox: Sandbox) -> None:
        kept = (await ask(sandbox, "responses", body_for("responses"))).json["id"]
        got = await ask(sandbox, "responses", body_for("responses", previous_response_id=kept, conversation={"id": "conv_1"}))
        assert got.json["error"]["code"] == "mutually_exclusive_parameters"

    with_sandbox(story)


def test_an_item_stands_once() -> None:
    """An item that is sent twice, or again with the answer it came in, is refused by its id."""

    async def story(sandbox: Sandbox) -> None:
        kept = (await ask(sandbox, "responses", body_for("responses"))).json
        (said,) = kept["output"]
        for changes in ({"input": [said, said]}, {"input": [said, USER], "previous_response_id": kept["id"]}):
            got = await ask(sandbox, "responses", body_for("responses", **changes))
            assert got.json["error"]["message"].startswith(f"Duplicate item found with id {said['id']}.")

    with_sandbox(story)


def test_kept_items_need_the_reasoning_they_came_after() -> None:
    """An item of a kept answer that comes back by its id without its reasoning is refused; without its id it is anybody's."""

    async def story(sandbox: Sandbox) -> None:
        wish = {"role": "user", "content": 'sandbox: {"reasoning_text": "Hm", "answer": "Fog."}'}
        thought, said = (await ask(sandbox, "responses", body_for("responses", input=[wish]))).json["output"]
        alone = await ask(sandbox, "responses", body_for("responses", input=[USER, said, USER]))
        assert alone.json["error"]["message"] == (
            f"Item '{said['id']}' of type 'message' was provided without its required 'reasoning' item: '{thought['id']}'."
        )
        for items in ([thought, said], [{key: value for key, value in said.items() if key != "id"}]):
            got = await ask(sandbox, "responses", body_for("responses", input=[USER, *items, USER]))
            assert got.status == 200

    with_sandbox(story)


TAKEN: list[dict[str, Any]] = [
    {"input": "Hi", "instructions": "x", "max_output_tokens": 16, "metadata": {"k": "v"}, "store": False, "user": "u"},
    {"temperature": 2, "top_p": 0, "top_logprobs": 20, "truncation": "auto", "service_tier": "flex", "parallel_tool_calls": False},
    {"model": "gpt-4.1", "temperature": 0.3},
    {"model": "gpt-6-luna", "tools": [LOOK], "reasoning": {"effort": "high", "summary": "auto"}},
    {"model": "gpt-6-luna", "temperature": 0.3, "reasoning": {"effort": "none"}},
    {"model": "whale-1", "temperature": 0.3, "reasoning": {"effort": "low"}},
    {"tools": [LOOK | {"strict": True, "description": "x"}, {"type": "web_search", "search_context_size": "low"}], "tool_choice": "auto"},
    {"tools": [{"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}]},
    {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}, "verbosity": "low"}},
    {"text": {"format": {"type": "json_object"}}, "input": "Say it in JSON."},
    {"input": [{"type": "message", "role": "developer", "content": "x"}, {"role": "system", "content": "y"}, USER, SAID, USER]},
    {"input": [USER, {"role": "assistant", "content": "Hi"}, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, USER]},
    {"input": [USER, CALL, PATCH, PATCHED, RESULT | {"output": [{"type": "input_text", "text": "fog"}]}]},
    {"input": [USER, CALL | {"call_id": "c" * 64, "id": "fc_1", "status": "completed"}, RESULT | {"call_id": "c" * 64}]},
    user(
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "x.pdf"},
        {"type": "input_file", "file_url": "https://example.com/x.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "input_text", "text": "what is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize("changes", TAKEN)
def test_responses_takes(changes: dict[str, Any]) -> None:
    """A request as documented is answered."""
    got, record, _ = asked(body_for("responses", **changes))
    assert (got.status, record.violations) == (200, [])


def test_foreign_reasoning_is_taken_where_nobody_asks() -> None:
    """Without `ownership` nobody asks who made the reasoning."""
    foreign = body_for("responses", input=[USER, THOUGHT | {"encrypted_content": "made elsewhere"}, SAID, USER])
    assert asked(foreign, SandboxSettings(ownership=False))[0].status == 200


def test_long_input_may_be_cut_instead_of_refused() -> None:
    """A prompt over the window is refused in this endpoint's words, unless `truncation` is auto."""
    long = body_for("responses", input="a b " * 200_001)
    got, _, _ = asked(long)
    error = got.json["error"]
    assert (got.status, error["code"], error["param"]) == (400, "context_length_exceeded", "input")
    assert error["message"].startswith("Your input exceeds the context window of this model.")
    assert asked(long | {"truncation": "auto"})[0].status == 200


def test_what_is_kept_is_asked_for_as_strictly() -> None:
    """A key is needed, a page has a size, and what is not served here is said so."""

    async def story(sandbox: Sandbox) -> None:
        kept = (await ask(sandbox, "responses", body_for("responses"))).json["id"]
        for method, path, status, message in (
            ("GET", f"{kept}/input_items?limit=0", 400, "Invalid 'limit'"),
            ("GET", f"{kept}?stream=true", 400, "'stream' is not served here"),
            ("POST", f"{kept}/cancel", 404, "Invalid URL"),
            ("GET", "resp_none/input_items", 404, "Response with id 'resp_none' not found."),
        ):
            got = await send(sandbox, method, f"/v1/responses/{path}", headers=HEADERS["responses"])
            assert (got.status, got.json["error"]["message"].startswith(message)) == (status, True)
        assert (await send(sandbox, "GET", f"/v1/responses/{kept}")).status == 401

    with_sandbox(story)


def test_reasoning_and_refusals_are_wished_in_headers_and_names_too() -> None:
    """Each of the three places takes the wish."""

    async def story(sandbox: Sandbox) -> None:
        headers: dict[str, str | None] = {"x-sandbox-reasoning-text": "Hm", "x-sandbox-refusal": "No."}
        by_header = (await ask(sandbox, "responses", None, headers)).json["output"]
        named = body_for("responses", model="gpt-5.4-mini@reasoning_text=Hm,refusal=No.")
        by_name = (await ask(sandbox, "responses", named)).json["output"]
        for output in (by_header, by_name):
            assert [item["type"] for item in output] == ["reasoning", "message"]
            assert output[1]["content"] == [{"type": "refusal", "refusal": "No."}]

    with_sandbox(story)

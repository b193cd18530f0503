"""A response's body, read as a prompt: all that can cross, what is lost by its path, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.values import Reading
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

PNG = "data:image/png;base64,AAAA"


def read(**body: Any) -> Reading:
    """Read a good body."""
    told = OpenAIResponses().read_prompt(json.dumps({"model": "m", "input": "Hi"} | body).encode())
    assert isinstance(told, Reading), told
    return told


def turns(*items: dict[str, Any], **body: Any) -> tuple[Message, ...]:
    """Read items that lose nothing."""
    told = read(input=list(items), **body)
    assert told.lost == ()
    return told.prompt.messages


def refused(**body: Any) -> tuple[FailureKind, str]:
    """Return why a body is refused."""
    told = OpenAIResponses().read_prompt(json.dumps({"model": "m", "input": "Hi"} | body).encode())
    assert isinstance(told, Failure), told
    return told.kind, told.message


def message(content: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    """Return a message item."""
    return {"type": "message", "role": role, "content": content} | more


def test_the_plainest_body() -> None:
    """A text is a user's turn, and nothing else is said."""
    told = read()
    assert (told.prompt, told.lost) == (Prompt((Message("user", "Hi"),)), ())


def test_every_setting_has_its_place() -> None:
    """Each field that other dialects have is read, and nothing is lost."""
    schema = {"type": "object"}
    told = read(
        instructions="Be brief", max_output_tokens=50, temperature=0.5, top_p=1, parallel_tool_calls=False, store=False, stream=True,
        stream_options={"include_obfuscation": False}, include=["reasoning.encrypted_content"], truncation="disabled", background=False,
        reasoning={"effort": "low", "context": "auto"}, service_tier="fast", safety_identifier="u1", user="u1", top_logprobs=0, metadata={},
        text={"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True, "description": "d"}, "verbosity": "medium"},
        tools=[{"type": "function", "name": "look", "parameters": schema, "strict": True, "description": "d", "defer_loading": False},
               {"type": "custom", "name": "say", "format": {"type": "text"}}],
        tool_choice={"type": "function", "name": "look"},
    )  # fmt: skip
    assert told.lost == ()
    assert told.prompt == Prompt(
        (Message("system", "Be brief"), Message("user", "Hi")), max_tokens=50, temperature=0.5, top_p=1, parallel_tools=False,
        effort="low", tier="priority", user="u1", format=Format(schema, "n", "d", True),
        tools=(Tool("look", "d", schema, True), Tool("say", custom=True)), tool_choice=ToolChoice("required", ("look",)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "choice"),
    [
        ("auto", ToolChoice("auto")), ("none", ToolChoice("none")), ("required", ToolChoice("required")),
        ({"type": "custom", "name": "say"}, ToolChoice("required", ("say",))),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}, {"type": "custom", "name": "b"}]},
         ToolChoice("auto", ("a", "b"))),
    ],
)  # fmt: skip
def test_tool_choices(told: Any, choice: ToolChoice) -> None:
    """Each way to choose a tool of one's own is read."""
    assert read(tool_choice=told).prompt.tool_choice == choice


def test_forms() -> None:
    """A form is flat here: a JSON object of any kind, or none at all."""
    assert read(text={"format": {"type": "json_object"}}).prompt.format == Format()
    assert read(text={"format": {"type": "text"}}).prompt.format is None
    assert read(text={}).prompt.format is None


def test_what_a_user_says() -> None:
    """Text, pictures by data or address, files by data or address, sound: in one turn, with cache marks."""
    parts = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": PNG, "detail": "low"}, {"type": "input_image", "image_url": "https://x/y"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB", "detail": "auto"},
        {"type": "input_file", "filename": "a.txt", "file_data": "BBBB", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        {"type": "input_file", "file_url": "https://x/a.pdf"}, {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
    ]  # fmt: skip
    assert turns(message(parts)) == (
        Message("user", (
            Text("a", "short"), Image("image/png", "AAAA", detail="low"), Image(url="https://x/y"),
            File("application/pdf", "BBBB", name="a.pdf"), File("text/plain", "BBBB", name="a.txt", cache="long"),
            File(url="https://x/a.pdf"), Audio("wav", "CCCC"),
        )),
    )  # fmt: skip


def test_items_become_turns() -> None:
    """What the model said between two user turns is one turn; results go in front of what the user says next."""
    said = [{"type": "output_text", "text": "Look:", "annotations": [], "logprobs": []}, {"type": "refusal", "refusal": "no"}]
    assert turns(
        {"role": "developer", "content": "Rules"}, {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA"},
        message(said, "assistant", id="msg_1", status="completed"),
        {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "look", "arguments": "{}", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "b", "name": "say", "input": "free", "caller": {"type": "direct"}},
        {"type": "custom_tool_call_output", "call_id": "b", "output": "said"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PNG}]},
        {"role": "user", "content": "Well?"}, {"role": "assistant", "content": "Good."}, message("More", "system"), message("Go on"),
    ) == (
        Message("system", "Rules"), Message("user", "Hi"),
        Message("assistant", (
            Thinking("hm", "stormkeel|openai_responses||rs_1|gA"), Text("Look:"), Refusal("no"), ToolCall("a", "look", "{}"),
            ToolCall("b", "say", "free", custom=True),
        )),
        Message("user", (
            ToolResult("b", (Text("said"),)), ToolResult("a", (Text("x"), Image("image/png", "AAAA"))), Text("Well?"),
        )),
        Message("assistant", "Good."), Message("system", "More"), Message("user", "Go on"),
    )  # fmt: skip


def test_a_message_behind_a_message_is_its_own() -> None:
    """Two messages of the model in a row stay two, so that their words do not run together."""
    told = turns(message("a"), message("b", "assistant"), message([{"type": "output_text", "text": "c"}], "assistant"))
    assert told[1:] == (Message("assistant", "b"), Message("assistant", (Text("c"),)))


def test_results_without_a_word_behind_them() -> None:
    """Results at the end are a user's turn of their own."""
    told = turns(
        message("a"), {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": ""}, message("b", "assistant"), message("c"),
    )  # fmt: skip
    assert told[2:] == (Message("user", (ToolResult("c"),)), Message("assistant", "b"), Message("user", "c"))


def test_reasoning_that_was_carried_comes_back() -> None:
    """What another dialect's model signed or hid comes back as it was; raw reasoning of a third keeps its words."""
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "stormkeel|signature|a|b"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "stormkeel|redacted|c"},
        {"type": "reasoning", "id": "x", "content": [{"type": "reasoning_text", "text": "hm"}, {"type": "reasoning_text", "text": "so"}]},
    ]  # fmt: skip
    assert turns(message("a"), *items)[1].content == (Thinking("", "a|b"), Thinking("", redacted="c"), Thinking("hm\n\nso"))


def test_losses_are_told_by_their_paths() -> None:
    """What no other dialect is told is lost by its path, in the body's order."""
    told = read(
        input=[
            message([{"type": "input_text", "text": "a", "x": 1}]), message("b", "assistant", phase="commentary"),
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            message([{"type": "output_text", "text": "c", "annotations": [{"type": "url_citation"}]}], "assistant"),
        ],
        include=["file_search_call.results"], metadata={"a": "b"}, store=True, truncation="auto", prompt_cache_key="k",
        reasoning={"effort": "low", "summary": "detailed"}, text={"verbosity": "low"}, max_tool_calls=3, service_tier="scale",
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": None, "output_schema": {"a": 1}},
               {"type": "custom", "name": "g", "format": {"type": "grammar"}}],
    )  # fmt: skip
    assert told.lost == (
        "input[0].content[0].x", "input[1].phase", "input[2].namespace", "input[3]", "input[4].content[0].annotations", "include",
        "metadata", "store", "truncation", "prompt_cache_key", "reasoning.summary", "text.verbosity", "max_tool_calls", "service_tier",
        "tools[0].output_schema", "tools[1].format",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"), ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"), ({"background": True}, "background"), ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"), ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"id": "x"}]}, "input[0]"), ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0]"),
        ({"input": [message([{"type": "input_image", "file_id": "f"}])]}, "input[0].content[0].file_id"),
        ({"input": [message([{"type": "input_file", "file_id": "f"}])]}, "input[0].content[0].file_id"),
        ({"input": [message([{"type": "computer_screenshot"}])]}, "input[0].content[0]"),
    ],
)  # fmt: skip
def test_what_only_its_provider_can_do_is_refused(body: dict[str, Any], path: str) -> None:
    """What is kept or run at the provider is refused by its path, as leaving it out would change what is meant."""
    kind, why = refused(**body)
    assert kind is FailureKind.UNSUPPORTED
    assert f'"{path}"' in why


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": None}, "input"), ({"input": []}, "input"), ({"input": 5}, "input"), ({"input": [5]}, "input[0]"),
        ({"input": [message(None)]}, "input[0].content"), ({"input": [message(5)]}, "input[0].content"),
        ({"input": [message("a", "tool")]}, "input[0].role"), ({"input": [message([{"type": "refusal", "refusal": "a"}])]}, "input[0].content[0]"),
        ({"input": [message([{"type": "input_image", "image_url": "nonsense"}])]}, "input[0].content[0].image_url"),
        ({"input": [message([{"type": "input_file", "file_data": "nonsense"}])]}, "input[0].content[0].file_data"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"max_output_tokens": 0}, "max_output_tokens"), ({"max_output_tokens": "9"}, "max_output_tokens"), ({"temperature": "1"}, "temperature"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"), ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"), ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"instructions": 5}, "instructions"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(body: dict[str, Any], path: str) -> None:
    """A field of the wrong shape is the caller's fault, by its path."""
    kind, why = refused(**body)
    assert kind is FailureKind.CALLER
    assert f'"{path}"' in why


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"input":NaN}', b'{"input":' + b"[" * 100_000])
def test_no_json_is_the_callers_fault(raw: bytes) -> None:
    """What is no JSON object, or nested without end, is refused."""
    told = OpenAIResponses().read_prompt(raw)
    assert isinstance(told, Failure)
    assert told.code == "invalid_json"


def test_instructions_alone_are_enough() -> None:
    """Instructions without input are a conversation."""
    assert read(instructions="Say hello", input=None).prompt.messages == (Message("system", "Say hello"),)

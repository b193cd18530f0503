"""A whole response: read item by item, written with all that its type demands, and sealed for its maker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.seal import carried, carry, seal, unseal
from stormkeel.dialects.values import Head
from stormkeel.types.content import Refusal, Text, Thinking, ToolCall
from stormkeel.types.response import Finish, Response

DIALECT = OpenAIResponses()
HEAD = Head("req_abc", 1700, "fast")


def read(*items: Any, **fields: Any) -> Response:
    """Read an answer."""
    told = {"id": "resp_1", "object": "response", "model": "gpt-x", "status": "completed", "output": list(items)} | fields
    response = DIALECT.read_response(json.dumps(told).encode())
    assert response is not None
    return response


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return a message item."""
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(parts)}


def test_items_are_read_in_order() -> None:
    """Thoughts, texts, refusals and calls keep their order; neighbouring texts are one, tools of the provider are passed over."""
    told = read(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
         "encrypted_content": "gA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"}, said({"type": "output_text", "text": "So"}),
        said({"type": "output_text", "text": "?"}, {"type": "refusal", "refusal": "No"}),
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"}, {"type": "reasoning", "id": "rs_2", "summary": []},
    )  # fmt: skip
    assert told.content == (
        Thinking("a\n\nb", "stormkeel|openai_responses|gpt-x|rs_1|gA"), Text("So?"), Refusal("No"), ToolCall("c", "f", '{"a":1}'),
        ToolCall("d", "g", "x", custom=True),
    )  # fmt: skip


def test_what_has_no_place_is_lost_by_its_name() -> None:
    """Annotations, and items of tools that ran at the provider, are told as lost, each once."""
    cited = {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]}
    search = {"type": "web_search_call", "id": "ws_1"}
    assert read(search, said(cited), search, said(cited)).lost == ("web_search_call", "annotations")
    assert read(said({"type": "output_text", "text": "a", "annotations": []})).lost == ()


def test_odd_items_are_read_as_far_as_they_make_sense() -> None:
    """Raw reasoning is a thought; arguments may be an object; what has an unexpected form counts as absent."""
    told = read(
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}, {"type": 5}, said(), {"type": "message", "content": "x"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": {"a": 1}}, {"type": "function_call", "call_id": 5, "name": None},
    )  # fmt: skip
    assert told.content == (Thinking("hm"), ToolCall("c", "f", '{"a":1}'), ToolCall("call_resp1_5", ""))


def test_what_is_written_has_all_that_its_type_demands() -> None:
    """Ids are made from ours, each with its kind; what was not asked here is said as it is for every answer of ours."""
    content = (Thinking("hm", "sig"), Text("a"), Refusal("b"), Text(""), ToolCall("", "f"), ToolCall("d", "g", "x", custom=True))
    told = json.loads(DIALECT.write_response(Response("chatcmpl-1", "", content, Finish.STOP), HEAD))
    assert (told["id"], told["model"], told["created_at"], told["status"]) == ("resp_abc", "fast", 1700, "completed")
    assert [item["id"] for item in told["output"]] == ["rs_abc_0", "msg_abc_1", "fc_abc_2", "ctc_abc_3"]
    assert told["output"][2] == {
        "id": "fc_abc_2", "type": "function_call", "status": "completed", "call_id": "call_abc_2", "name": "f", "arguments": "{}",
    }  # fmt: skip
    assert (told["tools"], told["tool_choice"], told["store"], told["usage"]) == ([], "auto", False, None)


def test_an_id_of_this_form_is_kept() -> None:
    """The provider's own id is told where it has this dialect's form."""
    assert json.loads(DIALECT.write_response(Response("resp_9", "m"), HEAD))["id"] == "resp_9"


@pytest.mark.parametrize(("made_by", "asked", "goes"), [
    ("gpt-5.6-sol", "gpt-5.6-sol", True), ("gpt-5-2025-08-07", "gpt-5", True), ("gpt-5.6-sol", "gpt-5.6", True), ("", "anything", True),
    ("openai/gpt-5", "gpt-5", True), ("gpt-5.4", "gpt-5.6", False), ("gpt-5", "gpt-5.4", False), ("gpt-5", "o3", False),
    ("gpt-5.4", "gpt-5.4-mini", False), ("gpt-5.4-mini-2026-03-17", "gpt-5.4", False), ("gpt-5.4-mini-2026-03-17", "gpt-5.4-mini", True),
])  # fmt: skip
def test_a_seal_opens_for_its_maker(made_by: str, asked: str, goes: bool) -> None:
    """A seal opens for the model that made it, by its full name or a shorter one, and for no other."""
    assert unseal(seal(made_by, "rs_1", "g|A="), asked) == (("rs_1", "g|A=") if goes else None)


def test_what_is_no_seal_opens_for_nobody() -> None:
    """Another maker's signature is not taken for a seal; nothing encrypted is no seal; an odd name does not spoil one."""
    assert unseal("EqQBCgIYAh", "gpt-5") is None
    assert unseal("stormkeel|openai_responses|x", "gpt-5") is None
    assert seal("gpt-5", "rs_1", "") == ""
    assert unseal(seal("a|b", "rs_1", "gA"), "gpt-5") == ("rs_1", "gA")


@pytest.mark.parametrize(
    "thinking", [Thinking("a", "s|ig"), Thinking("a", "stormkeel|openai_responses|m|rs_1|gA"), Thinking("", redacted="d|a")]
)
def test_what_is_carried_comes_back(thinking: Thinking) -> None:
    """Whatever a client is given for another maker comes back from it as it was."""
    encrypted = carry(thinking)
    assert encrypted is not None
    assert carried(encrypted, "rs_9", thinking.text) == thinking
    assert carry(Thinking("a")) is None

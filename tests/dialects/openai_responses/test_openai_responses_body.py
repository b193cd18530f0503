"""A prompt, written as a response's body: what is said, how, and what is lost by it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from stormkeel.catalog.abilities import ABILITIES, load_abilities
from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.openai_responses.turns import call_id
from stormkeel.dialects.values import Target, Written
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
HELLO = (Message("user", "Hi"),)


def target(model: str, max_output: int | None = None) -> Target:
    """Return a model of OpenAI."""
    return Target(model, TABLE.find("openai", model), max_output)


def write(prompt: Prompt, model: str = "gpt-5.6-sol", max_output: int | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a body and what was lost."""
    told = OpenAIResponses().write_prompt(prompt, target(model, max_output), stream=False)
    assert isinstance(told, Written), told
    return json.loads(told.body), told.lost


def items(*turns: Message, model: str = "gpt-5.6-sol") -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the items of turns and what was lost."""
    body, lost = write(Prompt(turns), model)
    return body["input"], lost


def refused(prompt: Prompt, model: str = "gpt-5.6-sol") -> Failure:
    """Return why a prompt can't be written."""
    told = OpenAIResponses().write_prompt(prompt, target(model), stream=False)
    assert isinstance(told, Failure)
    return told


def test_the_plainest_body() -> None:
    """The model stands first, nothing is kept, and a model that reasons is asked for its reasoning encrypted."""
    told = OpenAIResponses().write_prompt(Prompt(HELLO), target("gpt-5.6-sol"), stream=True)
    assert isinstance(told, Written)
    assert told.body.startswith(b'{"model":"gpt-5.6-sol"')
    assert json.loads(told.body) == {
        "model": "gpt-5.6-sol", "input": [{"role": "user", "content": "Hi"}], "store": False, "include": ["reasoning.encrypted_content"],
        "stream": True,
    }  # fmt: skip


@pytest.mark.parametrize(("model", "effort", "asks"), [
    ("gpt-4o", "", False), ("gpt-4o", "high", False), ("someone-elses", "", False), ("someone-elses", "high", True), ("o3", "", True),
    ("gpt-5.4", "", True), ("gpt-5.4", "none", True),
])  # fmt: skip
def test_encrypted_reasoning_is_asked_of_who_reasons(model: str, effort: Any, asks: bool) -> None:
    """A model that never reasons refuses to be asked for its reasoning; of one that nobody knows it is asked once it shall reason."""
    body, _ = write(Prompt(HELLO, effort=effort), model)
    assert ("include" in body) is asks


def test_every_setting_has_its_place() -> None:
    """Each wish that this dialect knows is said, and nothing is lost."""
    schema = {"type": "object"}
    body, lost = write(Prompt(
        (Message("system", "a"), Message("system", (Text("b"), Text("c"))), *HELLO), max_tokens=50, temperature=0.5, top_p=0.9,
        tools=(Tool("look", "d", schema, True), Tool("bare"), Tool("say", "e", custom=True)),
        tool_choice=ToolChoice("auto", ("look", "say")), parallel_tools=False, format=Format(schema, "n", "d", True), effort="none",
        user="u", tier="flex",
    ), "gpt-5.4")  # fmt: skip
    assert lost == ()
    assert body["instructions"] == "a\n\nb\n\nc"
    assert (body["max_output_tokens"], body["temperature"], body["top_p"], body["reasoning"]) == (
        50,
        0.5,
        0.9,
        {"effort": "none"},
    )
    assert body["tools"] == [
        {"type": "function", "name": "look", "description": "d", "parameters": schema, "strict": True},
        {"type": "function", "name": "bare", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "say", "description": "e"},
    ]
    assert body["tool_choice"] == {
        "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}, {"type": "custom", "name": "say"}],
    }  # fmt: skip
    assert (body["parallel_tool_calls"], body["user"], body["service_tier"]) == (False, "u", "flex")
    assert body["text"] == {"format": {"type": "json_schema", "name": "n", "schema": schema, "description": "d", "strict": True}}


def test_tools_go_with_reasoning() -> None:
    """Models that refuse functions beside reasoning in a chat take them here (trap 43)."""
    body, lost = write(Prompt(HELLO, tools=(Tool("f"),), effort="high"), "gpt-5.4")
    assert (body["reasoning"], lost) == ({"effort": "high"}, ())


def test_what_is_said_of_no_tools_is_not_said() -> None:
    """Choice and parallelism mean nothing without tools, and would be refused."""
    body, _ = write(Prompt(HELLO, tool_choice=ToolChoice("none"), parallel_tools=True))
    assert body.keys().isdisjoint({"tools", "tool_choice", "parallel_tool_calls"})


@pytest.mark.parametrize(("choice", "told"), [
    (ToolChoice("none", ("f",)), "none"), (ToolChoice("required"), "required"), (ToolChoice("auto"), "auto"),
    (ToolChoice("required", ("f",)), {"type": "function", "name": "f"}), (ToolChoice("required", ("g",)), {"type": "custom", "name": "g"}),
])  # fmt: skip
def test_tool_choices(choice: ToolChoice, told: Any) -> None:
    """Each choice has its flat form."""
    body, _ = write(Prompt(HELLO, tools=(Tool("f"), Tool("g", custom=True)), tool_choice=choice))
    assert body["tool_choice"] == told


@pytest.mark.parametrize(("prompt", "model", "lost"), [
    (Prompt(HELLO, stop=("x",)), "gpt-4o", ("stop",)), (Prompt(HELLO, top_k=5), "gpt-4o", ("top_k",)),
    (Prompt(HELLO, temperature=0.5, top_p=0.5), "o3", ("temperature", "top_p")), (Prompt(HELLO, temperature=1.0, top_p=1.0), "o3", ()),
    (Prompt(HELLO, temperature=0.5), "gpt-5.4", ()), (Prompt(HELLO, temperature=0.5, effort="low"), "gpt-5.4", ("temperature",)),
    (Prompt(HELLO, effort="max"), "gpt-5.4", ("effort",)), (Prompt(HELLO, effort="none"), "o3", ("effort",)),
    (Prompt(HELLO, effort="high"), "gpt-4o", ("effort",)), (Prompt(HELLO, effort="none"), "gpt-4o", ()),
    (Prompt(HELLO, thinking_budget=1000), "gpt-5.4", ("thinking_budget",)), (Prompt(HELLO, tier="auto"), "gpt-5.4", ()),
    (Prompt((Message("user", (Text("a", "short"),)),)), "gpt-5.4", ("cache",)), (Prompt(HELLO, tools=(Tool("f", cache="long"),)), "gpt-5.4", ("cache",)),
    (Prompt((*HELLO, Message("assistant", "It is"))), "gpt-5.4", ("prefill",)),
])  # fmt: skip
def test_losses(prompt: Prompt, model: str, lost: tuple[str, ...]) -> None:
    """What the dialect or the model can't be told is told as lost, and a default is no loss."""
    body, told = write(prompt, model)
    assert told == lost
    assert "stop" not in body


@pytest.mark.parametrize(("budget", "effort"), [(0, "none"), (1000, "low"), (5000, "medium"), (9000, "high")])
def test_a_budget_is_an_effort(budget: int, effort: str) -> None:
    """A number of tokens is told by thirds of the whole output, and none at all by a word without loss."""
    body, lost = write(Prompt(HELLO, thinking_budget=budget, max_tokens=12000))
    assert (body["reasoning"]["effort"], lost) == (effort, ("thinking_budget",) if budget else ())


@pytest.mark.parametrize(
    ("wanted", "told", "lost"), [(16, 16, ()), (1, 16, ("max_tokens",)), (500, 100, ("max_tokens",)), (100, 100, ())]
)
def test_limits(wanted: int, told: int, lost: tuple[str, ...]) -> None:
    """A limit is kept between what the API takes and what the model can say."""
    body, was_lost = write(Prompt(HELLO, max_tokens=wanted), max_output=100)
    assert (body["max_output_tokens"], was_lost) == (told, lost)


def test_a_json_mode_says_its_word() -> None:
    """JSON mode is refused where nobody says the word, so it is said for who does not; a schema needs none."""
    body, lost = write(Prompt(HELLO, format=Format()))
    assert (body["input"][0]["role"], "JSON" in body["input"][0]["content"], lost) == ("system", True, ())
    body, _ = write(Prompt((Message("system", "Reply in JSON"), *HELLO), format=Format()))
    assert (body["input"][0], "instructions" in body) == ({"role": "system", "content": "Reply in JSON"}, False)
    assert len(write(Prompt((Message("user", "As json, please"),), format=Format()))[0]["input"]) == 1
    assert len(write(Prompt(HELLO, format=Format({"type": "object"})))[0]["input"]) == 1


def test_reasoning_without_an_id_is_given_one() -> None:
    """Some clients leave the id of a reasoning item out; the API demands one, and it is the same each time."""
    ours = Thinking("", "stormkeel|openai_responses|||gA")
    told, _ = items(*HELLO, Message("assistant", (ours, Text("a"))), Message("user", "b"))
    again, _ = items(*HELLO, Message("assistant", (ours, Text("a"))), Message("user", "b"))
    assert told == again
    assert told[1]["id"].startswith("rs_")


def test_what_changes_the_meaning_is_refused() -> None:
    """Several answers, no output at all, and parts where they can't stand are refused with their mend."""
    assert refused(Prompt(HELLO, choices=2)).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt(HELLO, max_tokens=0)).kind is FailureKind.UNSUPPORTED
    picture = (Image(url="https://x/y"),)
    assert refused(Prompt((*HELLO, Message("assistant", picture)))).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt((Message("system", picture), *HELLO))).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt((Message("user", (ToolCall("a", "f"),)),))).kind is FailureKind.CALLER
    assert refused(Prompt((*HELLO, Message("assistant", (ToolResult("a"),))))).kind is FailureKind.CALLER


def test_turns_become_items() -> None:
    """Each part becomes an item or stands in a message; results come before what the user says, in the kind of their call."""
    told, lost = items(
        Message("user", (Text("a"), Image("image/png", "AAAA"), File("application/pdf", "BBBB"), File(url="https://x/y"), Audio("wav", "CC"))),
        Message("system", "Be brief"),
        Message("assistant", (Text("b"), Refusal("c"), ToolCall("1", "f"), ToolCall("2", "g", "free", custom=True), Text("d"))),
        Message("user", (Text("e"), ToolResult("2", (Text("x"),), is_error=True), ToolResult("1", (Text("y"), Image(url="https://x/z"))))),
    )  # fmt: skip
    assert lost == ()
    assert told == [
        {"role": "user", "content": [
            {"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
            {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,BBBB"},
            {"type": "input_file", "file_url": "https://x/y"}, {"type": "input_audio", "input_audio": {"data": "CC", "format": "wav"}},
        ]},
        {"role": "system", "content": "Be brief"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "c"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": "free"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "d"}]},
        {"type": "custom_tool_call_output", "call_id": "2", "output": "Error: x"},
        {"type": "function_call_output", "call_id": "1", "output": [
            {"type": "input_text", "text": "y"}, {"type": "input_image", "image_url": "https://x/z", "detail": "auto"},
        ]},
        {"role": "user", "content": "e"},
    ]  # fmt: skip


def test_call_ids_fit() -> None:
    """An id of more than 64 characters becomes a shorter one, the same in the call and in its result, and unlike any other's (trap 30)."""
    long = "toolu_" + "x" * 90
    told, _ = items(
        *HELLO, Message("assistant", (ToolCall(long, "f"), ToolCall(long + "y", "f"), ToolCall("functions.look:0", "f"))),
        Message("user", (ToolResult(long), ToolResult(long + "y"), ToolResult("functions.look:0"))),
    )  # fmt: skip
    ids = [item["call_id"] for item in told[1:]]
    assert ids[:3] == ids[3:]
    assert len(set(ids[:3])) == 3
    assert max(map(len, ids)) <= 64
    assert ids[2] == "functions.look:0"
    assert call_id(call_id(long)) == call_id(long)
    assert call_id("") == call_id("")


def test_reasoning_goes_back_to_its_maker_alone() -> None:
    """Sealed reasoning goes back as it came, by its id, before what it led to; another's goes nowhere, with a word (traps 31, 33, 34)."""
    ours = Thinking("hm", "stormkeel|openai_responses|gpt-5.6-sol|rs_1|gA|=")
    others = (
        Thinking("so", "EqQBCgIYAh"),
        Thinking(redacted="x"),
        Thinking("plain"),
        Thinking("", "stormkeel|openai_responses|gpt-4.1|rs_2|gB"),
    )
    told, lost = items(*HELLO, Message("assistant", (*others, ours, ToolCall("1", "f"))), Message("user", (ToolResult("1"),)))
    assert lost == ("thinking",)
    assert told[1:3] == [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA|="},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
    ]


def test_a_mark_on_a_call_is_lost() -> None:
    """A call's cache mark is lost as any other's."""
    call = ToolCall("1", "f", cache="short")
    assert items(*HELLO, Message("assistant", (call,)), Message("user", (ToolResult("1"),)))[1] == ("cache",)


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    """A reasoning item without the item behind it would be refused (trap 34)."""
    ours = Thinking("hm", "stormkeel|openai_responses|gpt-5.6-sol|rs_1|gA")
    told, lost = items(*HELLO, Message("assistant", (Text("a"), ours)), Message("user", "b"))
    assert [item.get("type") for item in told] == [None, "message", None]
    assert lost == ("thinking",)


def test_system_turns_without_any_other_are_input() -> None:
    """A conversation of instructions alone has input all the same."""
    body, _ = write(Prompt((Message("system", "a"), Message("system", "b"))))
    assert body["input"] == [{"role": "system", "content": "a"}, {"role": "system", "content": "b"}]


def test_own_parts_pass_untouched() -> None:
    """A part given in this dialect's own form stands where it was put, as a part or as an item."""
    told, _ = items(
        Message("user", ({"type": "input_text", "text": "a", "x": 1}, Text("b"))),
        Message("assistant", ({"type": "web_search_call", "id": "ws_1"}, {"type": "output_text", "text": "c"})),
        Message("user", ({"type": "mcp_approval_response", "approve": True},)),
    )
    assert told == [
        {"role": "user", "content": [{"type": "input_text", "text": "a", "x": 1}, {"type": "input_text", "text": "b"}]},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
        {"type": "mcp_approval_response", "approve": True},
    ]

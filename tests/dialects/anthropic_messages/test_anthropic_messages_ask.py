"""Prompts written as messages bodies: judged by the sandbox's strict reader, for models of each generation."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from stormkeel.catalog.abilities import ANY, load_abilities
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.anthropic_messages.ask import FREE_TEXT, JSON_ONLY
from stormkeel.dialects.anthropic_messages.wire import tool_id
from stormkeel.dialects.values import Target, Written
from stormkeel.sandbox.anthropic.reading import read
from stormkeel.sandbox.line import Inbound
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

DIALECT = AnthropicMessages()
TABLE = load_abilities(files("stormkeel.catalog").joinpath("abilities.json").read_bytes())
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))
HI = Message("user", "Hi")
F, G = Tool("f", "d", {"properties": {}}), Tool("g")
OLD, NEW, LOUD, LATE = "claude-haiku-4-5", "claude-opus-4-6", "claude-opus-5-5", "claude-opus-4-8"


def ask(
    prompt: Prompt, model: str = NEW, max_output: int | None = 9000, stream: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body that is written, once the sandbox took it, and what is lost."""
    written = DIALECT.write_prompt(prompt, Target(model, TABLE.find("anthropic", model), max_output), stream)
    assert isinstance(written, Written), written
    read(Inbound("POST", "/v1/messages", "", HEADERS, written.body), model_rules=True)
    return json.loads(written.body), written.lost


def turns(*messages: Message, model: str = NEW, lost: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the turns that are written, having lost what is said."""
    body, told = ask(Prompt(messages, 9), model)
    assert told == lost
    return body["messages"]


def refused(prompt: Prompt, model: str = NEW, max_output: int | None = None) -> str:
    """Return why a prompt can't be written."""
    failure = DIALECT.write_prompt(prompt, Target(model, TABLE.find("anthropic", model), max_output), stream=False)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.UNSUPPORTED
    return failure.message


def test_a_plain_prompt() -> None:
    """Leading system turns become the system text, and nothing is said that was not asked."""
    prompt = Prompt((Message("system", "A"), Message("system", "B"), HI), 9, 0.5)
    assert ask(prompt, stream=True) == (
        {"model": NEW, "max_tokens": 9, "system": "A\n\nB", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "stream": True},
        (),
    )  # fmt: skip


def test_system_blocks() -> None:
    """A cache mark, or a part in this dialect's own words, makes the instruction blocks."""
    part = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}
    for marked in (part, Text("A", "short")):
        body, _ = ask(Prompt((Message("system", [marked]), Message("system", "B"), HI), 1))
        assert body["system"] == [part, {"type": "text", "text": "B"}]


def test_a_late_system_turn_where_it_is_taken() -> None:
    """Behind a user's turn and before an assistant's or the end a system turn stays; elsewhere the user's text holds it in a tag."""
    late, said = Message("system", "C"), Message("assistant", "so")
    assert turns(HI, late, model=LATE) == [{"role": "user", "content": "Hi"}, {"role": "system", "content": "C"}]
    assert [turn["role"] for turn in turns(HI, late, late, said, HI, model=LATE)] == ["user", "system", "assistant", "user"]
    tagged = {"type": "text", "text": "<system>\nC\n</system>"}
    hi = {"type": "text", "text": "Hi"}
    assert turns(HI, late, HI, model=LATE, lost=("system",)) == [{"role": "user", "content": [hi, tagged, hi]}]
    assert turns(HI, said, late, HI, model=LATE, lost=("system",))[2:] == [{"role": "user", "content": [tagged, hi]}]
    assert turns(HI, late, model=NEW, lost=("system",)) == [{"role": "user", "content": [hi, tagged]}]


def test_the_user_begins() -> None:
    """A conversation that the assistant begins, or that is empty, is opened by a user's turn; that it changed is told."""
    opened = turns(Message("assistant", "Welcome"), HI, lost=("messages",))
    assert [turn["role"] for turn in opened] == ["user", "assistant", "user"]
    assert turns(Message("system", "A"), lost=("messages",)) == [{"role": "user", "content": "."}]


def test_nothing_empty_is_written() -> None:
    """Empty and blank texts go, and the turns they leave empty with them (trap: each is a 400)."""
    blank = Message("assistant", (Text(""), Text(" \n")))
    assert turns(Message("user", ""), HI, blank, Message("user", (Text(""), Text("there")))) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]}
    ]


def test_results_stand_first_in_the_order_of_the_calls() -> None:
    """All results of a turn's calls come in one user's turn, before its text, in the order of the calls, whatever their turns were."""
    calls = Message("assistant", (Text("so"), ToolCall("a", "f", '{"x": 1.00}'), ToolCall("b", "f")))
    one, two = ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"), Image(url="https://x.test")), True, "short")
    told = turns(
        HI,
        calls,
        Message("user", (Text("and"), two)),
        Message("system", "C"),
        Message("user", (one,)),
        model=LATE,
        lost=("system",),
    )
    assert told[1]["content"] == [
        {"type": "text", "text": "so"}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
    ]  # fmt: skip
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test"}}
    assert told[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "2"}, image], "is_error": True,
         "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "and"}, {"type": "text", "text": "<system>\nC\n</system>"},
    ]  # fmt: skip


def test_a_result_nobody_asked_for_stays() -> None:
    """A result without its call is left for the provider to refuse, behind those that were asked for."""
    messages = (HI, Message("assistant", (ToolCall("a", "f"),)), Message("user", (ToolResult("x"), ToolResult("a"))))
    written = DIALECT.write_prompt(Prompt(messages, 9), Target(NEW), stream=False)
    assert isinstance(written, Written)
    assert [block["tool_use_id"] for block in json.loads(written.body)["messages"][2]["content"]] == ["a", "x"]


def test_odd_ids_are_made_this_apis() -> None:
    """An id with other letters is made one that is taken, in the call and its result alike, and no two become one."""
    calls = (ToolCall("functions.f:0", "f"), ToolCall("functions_f:0", "f"))
    told = turns(HI, Message("assistant", calls), Message("user", tuple(ToolResult(call.id) for call in calls)))
    ids = [block["id"] for block in told[1]["content"]]
    assert ids == [tool_id("functions.f:0"), tool_id("functions_f:0")]
    assert [block["tool_use_id"] for block in told[2]["content"]] == ids
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("call", "input_", "lost"),
    [
        (ToolCall("a", "f", ""), b"{}", ()),
        (ToolCall("a", "f", '{"n": 1.00, "d": 0.10000000000000000555}'), b'{"n": 1.00, "d": 0.10000000000000000555}', ()),
        (ToolCall("a", "f", "[1]"), b'{"input":"[1]"}', ("arguments",)),
        (ToolCall("a", "f", '{"n'), b'{"input":"{\\"n"}', ("arguments",)),
        (ToolCall("a", "f", "free", custom=True), b'{"input":"free"}', ("custom",)),
        (ToolCall("a", "f", "", custom=True), b'{"input":""}', ("custom",)),
    ],
)
def test_arguments_are_the_very_json(call: ToolCall, input_: bytes, lost: tuple[str, ...]) -> None:
    """Arguments that are an object pass digit by digit; free text and broken JSON are wrapped, and that is told."""
    prompt = Prompt((HI, Message("assistant", (call,)), Message("user", (ToolResult("a"),))), 9)
    written = DIALECT.write_prompt(prompt, Target(NEW), stream=False)
    assert isinstance(written, Written)
    assert b'"input":' + input_ in written.body
    assert written.lost == lost


def test_thinking_of_others_is_dropped() -> None:
    """Unsigned thinking comes from another provider's model and goes; signed and hidden thinking stays; a refusal is text."""
    said = (Thinking("foreign"), Thinking("hm", "s"), Thinking(redacted="x"), Refusal("No."))
    assert turns(HI, Message("assistant", said), HI, lost=("thinking",))[1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "No."},
    ]  # fmt: skip


def test_pictures_and_files() -> None:
    """Bytes and addresses are kept; how closely to look, and that a text was more than plain, are lost."""
    said = (
        Image("image/JPG", "aGk=", detail="high"), Image(url="https://x.test/a", detail="auto", cache="long"),
        File("application/pdf", "aGk=", name="a.pdf"), File("text/markdown", "aGk="), File(url="https://x.test/b"),
    )  # fmt: skip
    assert turns(Message("user", said), lost=("detail", "media_type"))[0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}, "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        {"type": "document", "source": {"type": "url", "url": "https://x.test/b"}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        (Prompt((Message("user", (Audio("wav", "aGk="),)),), 9), "sound"),
        (Prompt((Message("user", (Image("image/tiff", "aGk="),)),), 9), '"image/tiff"'),
        (Prompt((Message("user", (File("application/zip", "aGk="),)),), 9), '"application/zip"'),
        (Prompt((HI, Message("assistant", (Image(url="https://x.test"),))), 9), '"assistant"'),
        (Prompt((HI, Message("assistant", "The answer is")), 9), "end the conversation"),
        (Prompt((HI,), 9, choices=2), "one answer"),
        (Prompt((HI,)), "how many tokens"),
        (Prompt((HI,), 0), "0 tokens"),
    ],
)
def test_what_cant_be_asked_is_given_up(prompt: Prompt, named: str) -> None:
    """What would be missed is refused, and what to do instead is said."""
    assert named in refused(prompt)


def test_a_file_that_is_none_is_the_callers() -> None:
    """A text file whose data is no base64 of UTF-8 is the caller's mistake."""
    failure = DIALECT.write_prompt(Prompt((Message("user", (File("text/plain", "/w=="),)),), 9), Target(NEW), stream=False)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CALLER


def test_an_answer_may_be_begun_for_older_models() -> None:
    """A model that goes on with a begun answer is given it, without thinking, which it refuses then."""
    body, lost = ask(Prompt((HI, Message("assistant", "The answer is")), 5000, effort="high"), OLD)
    assert (body["messages"][-1]["role"], "thinking" in body, lost) == ("assistant", False, ("effort",))


def test_limits() -> None:
    """The limit is the prompt's, else the model's own largest output, never more than that."""
    assert ask(Prompt((HI,)), max_output=777)[0]["max_tokens"] == 777
    body, lost = ask(Prompt((HI,), 10**6), max_output=777)
    assert (body["max_tokens"], lost) == (777, ("max_tokens",))
    assert ask(Prompt((HI,), 5), max_output=None)[0]["max_tokens"] == 5


@pytest.mark.parametrize(
    ("model", "effort", "budget", "limit", "told", "lost"),
    [
        (NEW, "high", None, 9, ({"type": "adaptive"}, "high"), ()),
        (NEW, "xhigh", None, 9, ({"type": "adaptive"}, "high"), ("effort",)),
        (NEW, "minimal", None, 9, ({"type": "adaptive"}, "low"), ("effort",)),
        (NEW, "none", None, 9, ({"type": "disabled"}, None), ()),
        (NEW, "", 0, 9, ({"type": "disabled"}, None), ()),
        (NEW, "", 5000, 9, ({"type": "adaptive"}, None), ("thinking_budget",)),
        (NEW, "", None, 9, (None, None), ()),
        (LOUD, "none", None, 9, (None, "low"), ("effort",)),
        (LOUD, "max", None, 9, ({"type": "adaptive"}, "max"), ()),
        (OLD, "high", None, 40000, ({"type": "enabled", "budget_tokens": 16384}, None), ()),
        (OLD, "high", None, 9000, ({"type": "enabled", "budget_tokens": 4500}, None), ()),
        (OLD, "low", None, 1025, ({"type": "enabled", "budget_tokens": 1024}, None), ()),
        (OLD, "low", None, 1024, (None, None), ("effort",)),
        (OLD, "", 5000, 9000, ({"type": "enabled", "budget_tokens": 5000}, None), ()),
        (OLD, "", 5000, 2000, ({"type": "enabled", "budget_tokens": 1999}, None), ("thinking_budget",)),
        (OLD, "low", 5000, 9000, ({"type": "enabled", "budget_tokens": 5000}, None), ("effort",)),
        (OLD, "none", None, 9, ({"type": "disabled"}, None), ()),
        ("claude-opus-4-5", "medium", None, 9000, ({"type": "enabled", "budget_tokens": 4096}, "medium"), ()),
        ("claude-3-5-haiku", "high", None, 9000, (None, None), ("effort",)),
        ("claude-3-5-haiku", "none", None, 9000, (None, None), ()),
    ],
)
def test_reasoning(model: str, effort: Any, budget: int | None, limit: int, told: tuple[Any, Any], lost: tuple[str, ...]) -> None:
    """Each family is told how hard to reason in its own way; what it can't be told is listed."""
    body, said = ask(Prompt((HI,), limit, effort=effort, thinking_budget=budget), model, None)
    assert ((body.get("thinking"), body.get("output_config", {}).get("effort")), said) == (told, lost)


def test_thinking_gives_way_to_a_forced_tool() -> None:
    """A tool that must be called and thinking are refused together: the tool stays."""
    for model in (OLD, NEW):
        body, lost = ask(Prompt((HI,), 5000, tools=(F,), tool_choice=ToolChoice("required"), effort="high"), model)
        assert (body["tool_choice"], "thinking" in body, lost) == ({"type": "any"}, False, ("effort",))
    body, lost = ask(Prompt((HI,), 5000, tools=(F,), tool_choice=ToolChoice("required"), effort="max"), LOUD)
    assert ("thinking" in body, body["output_config"], lost) == (False, {"effort": "max"}, ())  # it can't but think


def test_a_budget_needs_the_thinking_before_the_call() -> None:
    """A model with a budget refuses to think on behind a call that was made without: it goes on without; others may think."""
    for thoughts, thinks in (((), False), ((Thinking("hm", "s"),), True)):
        loop = (HI, Message("assistant", (*thoughts, ToolCall("a", "f"))), Message("user", (ToolResult("a"),)))
        body, lost = ask(Prompt(loop, 5000, effort="high"), OLD)
        assert ("thinking" in body, lost) == (thinks, () if thinks else ("effort",))
        assert "thinking" in ask(Prompt(loop, 5000, effort="high"), NEW)[0]


@pytest.mark.parametrize(
    ("model", "effort", "sampling", "told", "lost"),
    [
        (NEW, "", (0.5, None, 3), {"temperature": 0.5, "top_k": 3}, ()),
        (NEW, "", (1.5, None, None), {"temperature": 1.0}, ("temperature",)),
        (NEW, "", (0.5, 0.9, None), {"temperature": 0.5}, ("top_p",)),
        (NEW, "", (1.0, 0.9, None), {"top_p": 0.9}, ()),
        (NEW, "", (0.5, 1.0, None), {"temperature": 0.5}, ()),
        (NEW, "low", (0.5, 0.9, 3), {}, ("temperature", "top_p", "top_k")),
        (NEW, "low", (1.0, None, None), {"temperature": 1.0}, ()),
        (NEW, "low", (None, 0.97, None), {"top_p": 0.97}, ()),
        (LATE, "", (0.5, 0.9, 3), {}, ("temperature", "top_p", "top_k")),
        (LATE, "", (1.0, 1.0, None), {}, ()),
    ],
)
def test_sampling(model: str, effort: Any, sampling: tuple[Any, Any, Any], told: dict[str, float], lost: tuple[str, ...]) -> None:
    """Sampling is told where the model takes it; a default that is left out is no loss."""
    body, said = ask(Prompt((HI,), 5000, *sampling, effort=effort), model)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == told
    assert said == lost


@pytest.mark.parametrize(
    ("choice", "parallel", "told", "names", "lost"),
    [
        (None, None, None, "fg", ()),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, "fg", ()),
        (None, True, None, "fg", ()),
        (ToolChoice("none"), False, {"type": "none"}, "fg", ()),
        (ToolChoice("required"), None, {"type": "any"}, "fg", ()),
        (ToolChoice("required", ("g",)), False, {"type": "tool", "name": "g", "disable_parallel_tool_use": True}, "fg", ()),
        (ToolChoice("auto", ("g",)), None, {"type": "auto"}, "g", ()),
        (ToolChoice("required", ("g", "x")), None, {"type": "any"}, "g", ()),
        (ToolChoice("auto", ("x",)), None, None, "fg", ("tool_choice",)),
    ],
)
def test_tool_choice(choice: Any, parallel: Any, told: Any, names: str, lost: tuple[str, ...]) -> None:
    """Each choice has its form; where several tools are named, only those are shown."""
    body, said = ask(Prompt((HI,), 9, tools=(F, G), tool_choice=choice, parallel_tools=parallel))
    assert (body.get("tool_choice"), "".join(tool["name"] for tool in body["tools"]), said) == (told, names, lost)


def test_a_choice_without_tools_is_dropped() -> None:
    """Without tools there is nothing to choose from, which only who demands one will miss."""
    for choice, lost in ((ToolChoice("none"), ()), (ToolChoice("auto"), ()), (ToolChoice("required"), ("tool_choice",))):
        body, said = ask(Prompt((HI,), 9, tool_choice=choice, parallel_tools=False))
        assert ("tool_choice" in body, said) == (False, lost)


def test_tools() -> None:
    """A schema is an object's; a tool that takes free text is given an object of one text, and that is told."""
    tools = (Tool("f", "d", {"properties": {"a": {}}}, True, cache="long"), Tool("g", strict=False), Tool("c", custom=True))
    body, lost = ask(Prompt((HI,), 9, tools=tools))
    assert body["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"a": {}}}, "strict": True,
         "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}, "strict": False},
        {"name": "c", "input_schema": FREE_TEXT},
    ]  # fmt: skip
    assert lost == ("custom",)


def test_forms() -> None:
    """A schema has its field, and what the API can't be told of it is lost; a JSON mode without one becomes a sentence of the
    instruction, and that is told."""
    closed = {"type": "object", "additionalProperties": False}
    body, lost = ask(Prompt((HI,), 9, format=Format(closed, "n", "d", True), effort="low"))
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": closed}}
    assert lost == ()
    body, lost = ask(Prompt((HI,), 9, format=Format({"type": "object"})))
    assert (body["output_config"]["format"]["schema"], lost) == (closed, ("format",))
    body, lost = ask(Prompt((Message("system", "A"), HI), 9, format=Format()))
    assert (body["system"], lost) == (f"A\n\n{JSON_ONLY}", ("format",))


def test_a_schema_nested_too_deeply_is_the_callers() -> None:
    """A schema that no one can walk is refused, not a fault of ours."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    failure = DIALECT.write_prompt(Prompt((HI,), 9, format=Format(schema)), Target(NEW), stream=False)
    assert isinstance(failure, Failure)
    assert (failure.kind, "nested" in failure.message) == (FailureKind.CALLER, True)


def test_no_more_cache_marks_than_are_taken() -> None:
    """Of more than four marks the first two and the last two stay, wherever they stand, and the rest is told."""
    said = [Message("system", (Text("a", "long"),)), Message("user", (Text("b", "short"), Text("c", "short")))]
    called = [
        Message("assistant", (ToolCall("c1", "f", cache="short"),)),
        Message("user", (ToolResult("c1", (Text("d", "short"),)),)),
    ]
    body, lost = ask(Prompt((*said, *called), 9, tools=(Tool("f", cache="short"),)))
    assert lost == ("cache",)
    assert "cache_control" in body["tools"][0]
    assert "cache_control" in body["system"][0]
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, None]
    assert body["messages"][1]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["messages"][2]["content"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_other_settings() -> None:
    """Stops, user and tier have their names here; blank stops and unknown tiers are lost."""
    body, lost = ask(Prompt((HI,), 9, stop=("END", " \n"), user="u", tier="default"))
    assert (body["stop_sequences"], body["metadata"], body["service_tier"]) == (["END"], {"user_id": "u"}, "standard_only")
    assert lost == ("stop",)
    body, lost = ask(Prompt((HI,), 9, tier="flex"))
    assert ("service_tier" in body, lost) == (False, ("tier",))


def test_parts_of_this_dialect_pass() -> None:
    """A part given in this dialect's own words passes untouched, an unknown one too."""
    part = {"type": "brand_new", "x": [1]}
    written = DIALECT.write_prompt(Prompt((Message("user", [part, Text("a")]),), 9), Target("m", ANY), stream=False)
    assert isinstance(written, Written)
    assert json.loads(written.body)["messages"][0]["content"] == [part, {"type": "text", "text": "a"}]


def test_half_a_surrogate_pair_is_written_as_it_came() -> None:
    """A text that UTF-8 has no bytes for is written as an escape: no traceback, and the provider's word decides."""
    call = ToolCall("a", "f", '{"n": 1}')
    messages = (Message("user", "\ud83d"), Message("assistant", (call,)), Message("user", (ToolResult("a"),)))
    written = DIALECT.write_prompt(Prompt(messages, 9), Target("m", ANY), stream=False)
    assert isinstance(written, Written)
    assert json.loads(written.body)["messages"][0]["content"] == "\ud83d"

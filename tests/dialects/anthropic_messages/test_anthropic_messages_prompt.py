"""Messages bodies read as prompts: what each field and block becomes, what is lost by its path, what is refused and why."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.values import Reading
from stormkeel.types.content import File, Image, Message, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

DIALECT = AnthropicMessages()
HI: dict[str, Any] = {"role": "user", "content": "Hi"}
MARK = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def body(*turns: dict[str, Any], **fields: Any) -> bytes:
    """Return a body."""
    return json.dumps({"model": "claude-x", "max_tokens": 9, "messages": turns or [HI]} | fields).encode()


def read(*turns: dict[str, Any], **fields: Any) -> Prompt:
    """Return the prompt of a body that loses nothing."""
    told = DIALECT.read_prompt(body(*turns, **fields))
    assert isinstance(told, Reading), told
    assert told.lost == ()
    return told.prompt


def lost(*turns: dict[str, Any], **fields: Any) -> tuple[str, ...]:
    """Return what a body loses."""
    told = DIALECT.read_prompt(body(*turns, **fields))
    assert isinstance(told, Reading), told
    return told.lost


def refused(*turns: dict[str, Any], **fields: Any) -> Failure:
    """Return why a body is refused."""
    told = DIALECT.read_prompt(body(*turns, **fields))
    assert isinstance(told, Failure), told
    return told


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Return a user's turn of blocks."""
    return {"role": "user", "content": list(blocks)}


def test_a_plain_body() -> None:
    """Text stays text, and what is not said is left to the provider."""
    assert read() == Prompt((Message("user", "Hi"),), 9)
    assert read(stream=True, temperature=None, tools=[], system="", speed="standard", container=None) == read()


def test_system_comes_first() -> None:
    """The instruction is a leading system turn, its blocks are parts; a later one stays where it is."""
    blocks = [{"type": "text", "text": "A", **MARK}, {"type": "text", "text": "B", **LONG}]
    late = {"role": "system", "content": [{"type": "text", "text": "C"}]}
    assert read(HI, late, system=blocks).messages == (
        Message("system", (Text("A", "short"), Text("B", "long"))), Message("user", "Hi"), Message("system", "C"),
    )  # fmt: skip
    assert read(system="A").messages[0] == Message("system", "A")


def test_neighbours_of_one_role_are_one() -> None:
    """Turns of one role behind one another are one turn, as the API takes them."""
    assert read(HI, HI).messages == (Message("user", (Text("Hi"), Text("Hi"))),)


def test_pictures_and_documents() -> None:
    """Every source that another provider could be given is kept; text documents become base64."""
    base64 = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
    plain = {"type": "text", "media_type": "text/plain", "data": "hé"}
    told = read(
        user(
            {"type": "image", "source": base64, **MARK}, {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}},
            {"type": "document", "source": pdf, "title": "a.pdf", "citations": {"enabled": False}},
            {"type": "document", "source": {"type": "url", "url": "https://x.test/b"}}, {"type": "document", "source": plain},
            {"type": "document", "source": {"type": "content", "content": "hé"}},
        )
    )  # fmt: skip
    content = told.messages[0].content
    assert content[:4] == (
        Image("image/png", "aGk=", cache="short"), Image(url="https://x.test/a"), File("application/pdf", "aGk=", name="a.pdf"),
        File(url="https://x.test/b"),
    )  # fmt: skip
    for file in content[4:]:
        assert isinstance(file, File)
        assert (file.media_type, b64decode(file.data).decode()) == ("text/plain", "hé")


def test_calls_and_results() -> None:
    """A call's arguments are the very JSON that came, to the last digit; a result keeps text, pictures and that it failed."""
    raw = body(HI).replace(
        b'"content": "Hi"}]',
        b'"content": "Hi"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f",'
        b' "caller": {"type": "direct"}, "input": { "n": 1.00, "e": 1E400 } }]}]',
    )
    told = DIALECT.read_prompt(raw)
    assert isinstance(told, Reading)
    assert told.lost == ()
    assert told.prompt.messages[1].content == (ToolCall("t1", "f", '{ "n": 1.00, "e": 1E400 }'),)
    image = {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}}
    results = read(
        user(
            {"type": "tool_result", "tool_use_id": "t1", "content": "fog", "is_error": True},
            {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "a"}, image], **LONG},
            {"type": "tool_result", "tool_use_id": "t3"},
        )
    ).messages[0]
    assert results.content == (
        ToolResult("t1", (Text("fog"),), True), ToolResult("t2", (Text("a"), Image(url="https://x.test/a")), cache="long"),
        ToolResult("t3"),
    )  # fmt: skip


def test_thinking() -> None:
    """Thinking is kept with its signature, hidden thinking with its data."""
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}]
    told = read(HI, {"role": "assistant", "content": blocks})
    assert told.messages[1].content == (Thinking("hm", "s"), Thinking(redacted="x"))


def test_tools_and_settings() -> None:
    """Tools, choice, sampling, stops, form, user and tier have their place in a prompt."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    told = read(
        tools=[{"name": "f", "description": "d", "input_schema": schema, "strict": True, "type": "custom", **MARK}],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True}, temperature=0.5, top_p=0.9, top_k=3,
        stop_sequences=["END"], output_config={"effort": "xhigh", "format": {"type": "json_schema", "schema": schema}},
        metadata={"user_id": "u"}, service_tier="standard_only", thinking={"type": "adaptive"},
    )  # fmt: skip
    assert told == Prompt(
        (Message("user", "Hi"),), 9, 0.5, 0.9, 3, ("END",), (Tool("f", "d", schema, True, cache="short"),),
        ToolChoice("required", ("f",)), False, Format(schema), "xhigh", None, "u", "default", shows_thoughts=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "choice"), [("auto", ToolChoice("auto")), ("any", ToolChoice("required")), ("none", ToolChoice("none"))]
)
def test_tool_choices(told: str, choice: ToolChoice) -> None:
    """Each choice has its mode; leave for parallel calls is the default and says nothing."""
    prompt = read(tool_choice={"type": told, "disable_parallel_tool_use": False})
    assert (prompt.tool_choice, prompt.parallel_tools) == (choice, None)


@pytest.mark.parametrize(
    ("thinking", "effort", "told"),
    [
        ({"type": "enabled", "budget_tokens": 2048}, None, ("", 2048)),
        ({"type": "enabled", "budget_tokens": 2048}, "low", ("low", 2048)),
        ({"type": "adaptive"}, "max", ("max", None)),
        ({"type": "disabled"}, None, ("none", None)),
        (None, "high", ("high", None)),
    ],
)
def test_reasoning(thinking: Any, effort: Any, told: tuple[str, int | None]) -> None:
    """How hard to reason is an effort, a budget, or both."""
    prompt = read(thinking=thinking, output_config={"effort": effort})
    assert (prompt.effort, prompt.thinking_budget) == told


def test_losses_are_told_by_their_path_in_the_bodys_order() -> None:
    """What no other dialect would be told is listed by its path, as the body has it, in the body's order, each once."""
    tool = {
        "name": "f",
        "input_schema": {},
        "defer_loading": True,
        "input_examples": [{}],
        "allowed_callers": ["direct"],
        "new": 1,
    }
    cited = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
    document = {
        "context": "c", "type": "document", "citations": {"enabled": True}, "title": "t",
        "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    }  # fmt: skip
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code"}, **MARK}
    image = {
        "type": "image",
        "transformations": {"oversized_image": "error"},
        "source": {"type": "url", "url": "https://u", "x": 1},
    }
    marks = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "9y"}}
    assert lost(
        user(cited, document, found), {"role": "assistant", "content": [call], "name": "n"}, user(image, marks), tools=[tool],
        thinking={"type": "adaptive", "display": "omitted"}, output_config={"task_budget": 1}, metadata={"x": "y"}, speed="fast",
        inference_geo="eu", diagnostics={"a": 1}, context_management={"edits": [1]}, cache_control={"type": "ephemeral"},
        surprise=False, empty=[], nothing=None,
    ) == (
        "messages[0].content[0].citations", "messages[0].content[1].context", "messages[0].content[1].citations",
        "messages[0].content[1].source.content", "messages[0].content[2]", "messages[1].content[0].caller",
        "messages[1].name", "messages[2].content[0].transformations",
        "messages[2].content[0].source.x", "messages[2].content[1].cache_control", "tools[0].defer_loading",
        "tools[0].input_examples", "tools[0].new", "thinking", "thinking.display", "output_config.task_budget", "metadata.x",
        "speed", "inference_geo", "diagnostics", "context_management", "cache_control", "surprise",
    )  # fmt: skip


def test_a_search_result_becomes_text() -> None:
    """A search result is text elsewhere, with its title and source above."""
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]}
    told = DIALECT.read_prompt(body(user(found)))
    assert isinstance(told, Reading)
    assert told.prompt.messages[0].content == "t\ns\n\na"


def test_effort_without_thinking_has_no_word_elsewhere() -> None:
    """Where thinking is switched off, the effort is lost, not the other way round."""
    told = DIALECT.read_prompt(body(thinking={"type": "disabled"}, output_config={"effort": "high"}))
    assert isinstance(told, Reading)
    assert (told.prompt.effort, told.lost) == ("none", ("output_config.effort",))


FILE = {"type": "file", "file_id": "f"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, '"web_search"'),
        ({"container": "c"}, '"container"'),
        ({"mcp_servers": [{"name": "m"}]}, '"mcp_servers"'),
        ({"thread": {"id": "t"}}, '"thread"'),
        ({"max_tokens": 0}, '"max_tokens"'),
        ({"messages": [user({"type": "image", "source": FILE})]}, '"messages[0].content[0].source"'),
        ({"messages": [user({"type": "document", "source": FILE})]}, '"messages[0].content[0].source"'),
        ({"messages": [user({"type": "container_upload", "file_id": "f"})]}, '"messages[0].content[0]"'),
        ({"messages": [HI, {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s"}]}]}, '"server_tool_use"'),
        ({"messages": [HI, {"role": "system", "content": [{"type": "tool_addition", "tool": {}}]}]}, '"tool_addition"'),
        (
            {"messages": [user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference"}]})]},
            '"tool_reference"',
        ),
        (
            {"messages": [user({"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}})]},
            '"messages[0].content[0].source.content[0]"',
        ),
    ],
)
def test_what_only_anthropic_has_is_refused(wrong: dict[str, Any], named: str) -> None:
    """Tools that run at Anthropic, states and files kept there are refused by name, with the mend."""
    failure = refused(**wrong)
    assert failure.kind is FailureKind.UNSUPPORTED
    assert named in failure.message


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"messages": []}, '"messages"'),
        ({"messages": "Hi"}, '"messages" of the body is wrong: expected array, got str'),
        ({"messages": [{"role": "pirate", "content": "x"}]}, '"messages[0].role"'),
        ({"messages": [{"content": "x"}]}, '"messages[0].role": add it'),
        ({"messages": [user({"type": "text", "text": 7})]}, '"messages[0].content[0].text"'),
        ({"messages": [user({"type": "image"})]}, '"messages[0].content[0].source": add it'),
        ({"messages": [user({"text": "a"})]}, '"messages[0].content[0].type": add it'),
        (
            {"messages": [HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "x"}]}]},
            "input",
        ),
        ({"tools": [{"name": "f"}]}, '"tools[0].input_schema": add it'),
        ({"tool_choice": {"type": "maybe"}}, '"tool_choice.type"'),
        ({"thinking": {"type": "hard"}}, '"thinking.type"'),
        ({"thinking": {"type": "enabled"}}, '"thinking.budget_tokens": add it'),
        ({"output_config": {"effort": "mad"}}, '"output_config.effort"'),
        ({"output_config": {"format": {"type": "xml"}}}, '"output_config.format.type"'),
        ({"max_tokens": -1}, '"max_tokens"'),
        ({"temperature": "hot"}, '"temperature"'),
        ({"stop_sequences": "END"}, '"stop_sequences"'),
    ],
)
def test_a_wrong_shape_is_the_callers(wrong: dict[str, Any], named: str) -> None:
    """A body of another shape is refused by the path of what is wrong."""
    failure = refused(**wrong)
    assert (failure.kind, failure.status) == (FailureKind.CALLER, 400)
    assert named in failure.message


@pytest.mark.parametrize("raw", [b"", b"[]", b"{nonsense", b'{"messages":' + b"[" * 5000, b'{"system":"\\ud83d"}', b"\xff"])
def test_nonsense_is_the_callers(raw: bytes) -> None:
    """What is no JSON object is refused, whatever it is."""
    failure = DIALECT.read_prompt(raw)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CALLER


def test_a_limit_may_be_absent() -> None:
    """A body without a limit, such as one to count tokens, is read all the same."""
    told = DIALECT.read_prompt(b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}')
    assert isinstance(told, Reading)
    assert told.prompt.max_tokens is None

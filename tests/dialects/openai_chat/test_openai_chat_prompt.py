"""A chat body, read whole: what it means, what it loses, what is refused."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import Reading
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

K = FailureKind
HI = {"role": "user", "content": "Hi"}
TURN = Message("user", "Hi")
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"n":1.0}'}}


def reading(messages: list | None = None, **fields: object) -> Reading:
    """Return what a good body says."""
    raw = json.dumps({"model": "m", "messages": messages or [HI]} | fields).encode()
    read = OpenAIChat().read_prompt(raw)
    assert isinstance(read, Reading), read
    return read


def turns(*messages: dict) -> tuple[Message, ...]:
    """Return the turns that messages are read as, without a loss."""
    read = reading(list(messages))
    assert read.lost == ()
    return read.prompt.messages


def failure(raw: bytes) -> Failure:
    """Return why a body is refused."""
    read = OpenAIChat().read_prompt(raw)
    assert isinstance(read, Failure), read
    return read


def user(*parts: dict) -> dict:
    """Return a user's message of parts."""
    return {"role": "user", "content": list(parts)}


def test_turns_stay_in_place() -> None:
    """Instructions of both names stay where they stand, also in the middle; texts stay texts."""
    told = [{"role": "developer", "content": "a"}, HI, {"role": "system", "content": [{"type": "text", "text": "b"}]}, HI]
    assert turns(*told) == (Message("system", "a"), TURN, Message("system", (Text("b"),)), TURN)


def test_parts() -> None:
    """Text, images by data and by address, sound, files and cache marks are read."""
    told = user(
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {
            "type": "image_url",
            "image_url": {"url": "https://x/y.png"},
            "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"},
        },
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "BBBB", "filename": "A.PDF"}},
    )
    assert turns(told)[0].content == (
        Text("a", "short"), Text("b", "long"), Image("image/png", "AAAA", detail="low"), Image(url="https://x/y.png", cache="long"),
        Audio("wav", "AAAA"), File("application/pdf", "BBBB", name="a.pdf"), File("application/pdf", "BBBB", name="A.PDF"),
    )  # fmt: skip


@pytest.mark.parametrize(("url", "read"), [
    ("data:image/png;charset=x;base64,AA==", Image("image/png", "AA==")),
    ("DATA:image/PNG;Base64,AA==", Image("image/png", "AA==")),
    ("HTTPS://x/Y.png", Image(url="HTTPS://x/Y.png")),
])  # fmt: skip
def test_addresses_by_their_standard(url: str, read: Image) -> None:
    """A data: address may have parameters, and neither scheme nor media type has a case that means anything (RFC 2397)."""
    assert turns(user({"type": "image_url", "image_url": {"url": url}}))[0].content == (read,)


def test_tool_results_stand_first_in_one_turn() -> None:
    """Results behind a turn with calls become one user turn, and what the user says next is appended to it."""
    calls = [CALL, {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "x = 1"}}]
    told = [
        HI, {"role": "assistant", "content": None, "tool_calls": calls, "refusal": None, "annotations": []},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "", "name": "look"}, {"role": "user", "content": "go on"}, HI,
        {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]  # fmt: skip
    assert turns(*told) == (
        TURN, Message("assistant", (ToolCall("c1", "look", '{"n":1.0}'), ToolCall("c2", "run", "x = 1", custom=True))),
        Message("user", (ToolResult("c2", (Text("2"),)), ToolResult("c1"), Text("go on"))), TURN,
        Message("assistant", (ToolCall("c1", "look", '{"n":1.0}'),)), Message("user", (ToolResult("c1", (Text("3"),)),)),
    )  # fmt: skip


def test_what_an_assistant_said() -> None:
    """An answer sent back keeps its text, refusal and calls, and the reasoning that other servers' clients send with it."""
    assert turns(HI, {"role": "assistant", "content": "a"})[1] == Message("assistant", "a")
    assert turns(HI, {"role": "assistant", "content": None, "refusal": "No."})[1].content == (Refusal("No."),)
    told = {
        "role": "assistant",
        "reasoning_content": "hm",
        "reasoning": "hm",
        "content": "a",
        "tool_calls": [CALL | {"index": 0}],
    }
    assert turns(HI, told)[1].content == (Thinking("hm"), Text("a"), ToolCall("c1", "look", '{"n":1.0}'))
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "refusal", "refusal": "No."}]
    assert turns(HI, {"role": "assistant", "content": parts})[1].content == (Thinking("hm"), Refusal("No."))


def test_functions_of_old() -> None:
    """Functions, their calls and their results from before there were tools become tools, with ids of ours."""
    told = [
        HI, {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "fog"},
    ]  # fmt: skip
    read = reading(told, functions=[{"name": "look", "parameters": {"type": "object"}}], function_call={"name": "look"})
    assert read == Reading(
        Prompt(
            (TURN, Message("assistant", (ToolCall("call_1_look", "look", "{}"),)),
             Message("user", (ToolResult("call_1_look", (Text("fog"),)),))),
            tools=(Tool("look", parameters={"type": "object"}),), tool_choice=ToolChoice("required", ("look",)),
        )
    )  # fmt: skip


def test_settings() -> None:
    """Every setting with a place in a prompt is read into it."""
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    schema = {"name": "n", "description": "d", "schema": {"type": "object"}, "strict": False}
    read = reading(
        max_completion_tokens=7, temperature=0, top_p=0.5, top_k=4, stop="x", reasoning_effort="xhigh", n=2, user="u",
        tools=[
            {"type": "function", "function": function, "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}, {"function": {"name": "h"}},
        ],
        tool_choice="required", parallel_tool_calls=False, service_tier="fast",
        response_format={"type": "json_schema", "json_schema": schema},
    )  # fmt: skip
    tools = (Tool("f", "d", {"type": "object"}, True, cache="short"), Tool("g", custom=True), Tool("h"))
    assert read == Reading(
        Prompt(
            (TURN,), 7, 0, 0.5, 4, ("x",), tools, ToolChoice("required"), False, Format({"type": "object"}, "n", "d", False),
            "xhigh", None, "u", "priority", 2,
        )
    )  # fmt: skip
    assert reading(max_tokens=9, max_completion_tokens=8).prompt.max_tokens == 8
    older = reading(max_tokens=9, stop=["a", "b"], safety_identifier="s", response_format={"type": "json_object"}).prompt
    assert (older.max_tokens, older.stop, older.user, older.format) == (9, ("a", "b"), "s", Format())


@pytest.mark.parametrize(
    ("told", "choice"),
    [
        ("auto", ToolChoice("auto")), ("none", ToolChoice("none")), ("any", ToolChoice("required")), (None, None),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("required", ("f",))),
        ({"type": "custom", "custom": {"name": "g"}}, ToolChoice("required", ("g",))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
                {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}},
            ]}},
            ToolChoice("auto", ("f", "g")),
        ),
    ],
)  # fmt: skip
def test_tool_choice(told: object, choice: ToolChoice | None) -> None:
    """Each form of the choice is read."""
    assert reading(tool_choice=told) == Reading(Prompt((TURN,), tool_choice=choice))


def test_numbers_and_arguments_stay_exact() -> None:
    """Arguments keep their text, a schema its numbers, and half a surrogate pair survives."""
    raw = (
        b'{"model":"m","messages":[{"role":"user","content":"a\\ud83d"},{"role":"assistant","tool_calls":[{"id":"c","type":"function",'
        b'"function":{"name":"f","arguments":"{\\"n\\": 1.00}"}}]}],"tools":[{"type":"function","function":{"name":"f",'
        b'"parameters":{"maximum":123456789012345678901234567890,"minimum":0.1}}}]}'
    )
    read = OpenAIChat().read_prompt(raw)
    assert isinstance(read, Reading)
    assert read.prompt.messages == (Message("user", "a\ud83d"), Message("assistant", (ToolCall("c", "f", '{"n": 1.00}'),)))
    assert read.prompt.tools[0].parameters == {"maximum": 123456789012345678901234567890, "minimum": 0.1}


def test_losses_are_told_by_path_in_order() -> None:
    """What has no place in a prompt is told by its path, each once, in the body's order."""
    told = [
        {"role": "system", "content": "a", "name": "x"},
        user({"type": "text", "text": "a", "citations": [1]}, {"type": "image_url", "image_url": {"url": "https://x", "odd": 1}}),
        {
            "role": "assistant",
            "content": "a",
            "tool_calls": [CALL | {"extra": {"a": 1}}],
            "annotations": [{"type": "url_citation"}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]
    raw = json.dumps(
        {
            "seed": 1, "messages": told, "logit_bias": {"1": 2}, "user": "u", "safety_identifier": "s", "stream": True,
            "tools": [{"type": "custom", "custom": {"name": "g", "format": {"type": "grammar"}}}], "verbosity": "low", "odd": False,
            "prompt_cache_key": "k", "metadata": {"a": "b"}, "store": True, "prediction": {"type": "content"}, "service_tier": "scale",
            "response_format": {"type": "json_object", "odd": 1},
        }
    ).encode()  # fmt: skip
    read = OpenAIChat().read_prompt(raw)
    assert isinstance(read, Reading)
    assert read.lost == (
        "seed", "messages[0].name", "messages[1].content[0].citations", "messages[1].content[1].image_url.odd",
        "messages[2].tool_calls[0].extra", "messages[2].annotations", "logit_bias", "user", "tools[0].custom.format", "verbosity",
        "odd", "prompt_cache_key", "metadata", "store", "prediction", "service_tier", "response_format.odd",
    )  # fmt: skip


def test_what_means_nothing_is_no_loss() -> None:
    """Null, empty values and the service's own defaults lose nothing."""
    assert reading(
        n=1, stream=True, stream_options={"include_usage": True}, logprobs=False, top_logprobs=0, frequency_penalty=0,
        presence_penalty=0.0, seed=None, logit_bias={}, metadata={}, store=False, modalities=["text"], verbosity="medium", top_k=-1,
        prediction=None, tools=[], response_format={"type": "text"}, service_tier="auto",
    ) == Reading(Prompt((TURN,), tier="auto"))  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "path", "mend"),
    [
        ({"messages": []}, "messages", "add a message"),
        ({"messages": {}}, "messages", "a list"),
        ({"messages": [7]}, "messages[0]", "an object"),
        ({"messages": [{"content": "a"}]}, "messages[0].role", "add a text"),
        ({"messages": [{"role": "pirate", "content": "a"}]}, "messages[0].role", '"developer", "system", "user"'),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "add a text or a list of parts"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "a text or a list of parts"),
        ({"messages": [user({"type": "text"})]}, "messages[0].content[0].text", "add a text"),
        ({"messages": [user({"type": "refusal", "refusal": "a"})]}, "messages[0].content[0]", "text, image_url"),
        (
            {"messages": [user({"type": "image_url", "image_url": {"url": "ftp://x"}})]},
            "messages[0].content[0].image_url.url", "data:image/png;base64,",
        ),
        ({"messages": [HI, {"role": "tool", "content": "a"}]}, "messages[1].tool_call_id", "add a text"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "messages[0].tool_calls[0].function", "add an object"),
        ({"temperature": "warm"}, "temperature", "a number"),
        ({"temperature": True}, "temperature", "a number"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "1 or more"),
        ({"max_tokens": 1.5}, "max_tokens", "a whole number"),
        ({"stop": ["a", 1]}, "stop", "a list of texts"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", '"minimal"'),
        ({"tool_choice": "maybe"}, "tool_choice", '"required"'),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "add an object"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters", "an object"),
        ({"response_format": {"type": "xml"}}, "response_format.type", '"json_schema"'),
        ({"modalities": 5}, "modalities", "a list"),
    ],
)  # fmt: skip
def test_bad_shapes(fields: dict, path: str, mend: str) -> None:
    """A body of another shape is refused by the path of its fault, with the mend."""
    found = failure(json.dumps({"model": "m", "messages": [HI]} | fields).encode())
    assert found.kind is K.CALLER
    assert f'"{path}"' in found.message
    assert mend in found.message


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"messages":[],"x":NaN}', b'{"messages":[],"x":1e400}', b"[" * 10**5])
def test_what_is_no_json(raw: bytes) -> None:
    """What is no JSON object, or has a number that can't be kept, is refused."""
    found = failure(raw)
    assert (found.kind, found.code) == (K.CALLER, "invalid_json")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"messages": [user({"type": "file", "file": {"file_id": "f1"}})]}, "messages[0].content[0].file.file_id"),
        ({"messages": [user({"type": "video_url", "video_url": {"url": "x"}})]}, "messages[0].content[0]"),
        ({"messages": [HI, {"role": "assistant", "audio": {"id": "a"}}]}, "messages[1].audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "v"}}, "modalities"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
    ],
)
def test_what_only_its_provider_can_do(fields: dict, path: str) -> None:
    """What would change its meaning in another dialect is unsupported, by its path."""
    found = failure(json.dumps({"model": "m", "messages": [HI]} | fields).encode())
    assert found.kind is K.UNSUPPORTED
    assert f'"{path}"' in found.message

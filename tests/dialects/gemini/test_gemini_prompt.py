"""Gemini bodies, read whole: each content and setting, in both spellings; what is lost and what can't cross."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.values import Reading
from stormkeel.types.content import Audio, File, Image, Message, Part, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

DIALECT = Gemini()
Wire = dict[str, Any]
HI: Wire = {"role": "user", "parts": [{"text": "Hi"}]}


def read(**body: Any) -> Reading | Failure:
    """Read a body."""
    return DIALECT.read_prompt(json.dumps({"contents": [HI]} | body).encode())


def prompt(**body: Any) -> Prompt:
    """Read a body that loses nothing."""
    told = read(**body)
    assert isinstance(told, Reading), told
    assert told.lost == ()
    return told.prompt


def said(role: str, *parts: Wire) -> tuple[Message, ...]:
    """Read one content."""
    return prompt(contents=[{"role": role, "parts": list(parts)}]).messages


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": "aGk="}}, Image("image/png", "aGk=")),
        ({"inline_data": {"mime_type": "IMAGE/PNG", "data": "_9j-4A"}}, Image("image/png", "/9j+4A==")),
        ({"inlineData": {"mimeType": "application/pdf", "data": "aGk=", "displayName": "a.pdf"}}, File("application/pdf", "aGk=", name="a.pdf")),
        ({"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}}, Audio("mp3", "aGk=")),
        ({"inlineData": {"mimeType": "audio/flac", "data": "aGk="}}, Audio("flac", "aGk=")),
        ({"fileData": {"fileUri": "https://x.test/a.png"}}, Image(url="https://x.test/a.png")),
        ({"file_data": {"file_uri": "https://x.test/a", "mime_type": "image/webp"}}, Image(url="https://x.test/a")),
        ({"fileData": {"fileUri": "https://x.test/a.pdf?b", "mimeType": "application/pdf"}}, File("application/pdf", url="https://x.test/a.pdf?b")),
        ({"text": "a", "thought": False, "videoMetadata": None}, Text("a")),
    ],
)  # fmt: skip
def test_a_users_parts_are_read(part: Wire, expected: Part) -> None:
    """Pictures, documents and sound by their media type, addresses of what lies in the open; base64 in its standard form."""
    assert said("user", {"text": "b"}, part) == (Message("user", (Text("b"), expected)),)


BOUND: list[Wire] = [
    {"inlineData": {"mimeType": "video/mp4", "data": "aGk="}},
    {"fileData": {"fileUri": "gs://bucket/a.png", "mimeType": "image/png"}},
    {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x", "mimeType": "image/png"}},
    {"fileData": {"fileUri": "https://youtu.be/x", "mimeType": "video/mp4"}},
    {"fileData": {"fileUri": "https://youtu.be/x"}},
    {"executableCode": {"code": "1"}}, {"codeExecutionResult": {}}, {"toolCall": {"id": "a"}}, {"toolResponse": {}}, {},
]  # fmt: skip


@pytest.mark.parametrize("part", BOUND, ids=str)
@pytest.mark.parametrize("role", ["user", "model"])
def test_what_only_google_can_carry_is_refused_by_its_path(part: Wire, role: str) -> None:
    """Video, stored files, parts of Google's own tools: no other model can be told them."""
    told = read(contents=[HI, {"role": role, "parts": [{"text": "a"}, part]}])
    assert isinstance(told, Failure)
    assert told.kind is FailureKind.UNSUPPORTED
    assert "contents[1].parts[1]" in told.message


SIGNED = {"functionCall": {"name": "f", "args": {"b": 1, "a": 1.50}}, "thoughtSignature": "c2ln"}


def test_calls_and_results_find_each_other() -> None:
    """Calls without ids are given some, the same again each time; a result is matched by its id, else by name in order."""
    contents = [
        HI,
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g", "args": {}}}, {"function_call": {"name": "f", "id": "x"}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "one"}}}, {"function_response": {"name": "f", "id": "x", "response": {"error": "two"}}},
            {"functionResponse": {"name": "g", "id": "unknown", "response": {"output": {"n": 1}}}},
        ]},
        {"parts": {"text": "Go on"}},
        {"role": "MODEL", "parts": [{"functionCall": {"name": "f"}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1.50, "b": [2]}}}]},
    ]  # fmt: skip
    messages = prompt(contents=contents).messages
    assert messages[1:] == (
        Message("assistant", (ToolCall("call_1_0", "f", "{}"), ToolCall("call_1_1", "g", "{}"), ToolCall("x", "f", "{}"))),
        Message("user", (
            ToolResult("call_1_0", (Text("one"),)), ToolResult("x", (Text("two"),), is_error=True), ToolResult("call_1_1", (Text('{"n": 1}'),)),
            Text("Go on"),
        )),
        Message("assistant", (ToolCall("call_4_0", "f", "{}"),)),
        Message("user", (ToolResult("call_4_0", (Text('{"a": 1.5, "b": [2]}'),)),)),
    )  # fmt: skip


def test_a_results_media_are_its_own() -> None:
    """Pictures and files in a result are read; an empty response says nothing; sound there can't cross."""

    def result(**told: Any) -> list[Wire]:
        """A conversation with one call and its result."""
        call = {"role": "model", "parts": [{"functionCall": {"name": "f", "id": "x"}}]}
        return [HI, call, {"role": "user", "parts": [{"functionResponse": {"id": "x", "name": "f"} | told}]}]

    media = [
        {"inline_data": {"mime_type": "image/png", "data": "aGk="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}},
    ]
    told = prompt(contents=result(response={}, parts=media)).messages[-1]
    assert told.content == (ToolResult("x", (Image("image/png", "aGk="), File("application/pdf", "aGk="))),)
    assert prompt(contents=result()).messages[-1].content == (ToolResult("x"),)
    refused = read(contents=result(response={}, parts=[{"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}]))
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.UNSUPPORTED


def test_numbers_of_arguments_keep_every_digit() -> None:
    """Arguments pass as the JSON they are."""
    raw = b'{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1.00,"e":123456789012345678901}}}]}]}'
    told = DIALECT.read_prompt(raw)
    assert isinstance(told, Reading)
    assert told.prompt.messages[1].content == (ToolCall("call_1_0", "f", '{"n":1.00,"e":123456789012345678901}'),)


def test_signatures_stay_with_their_maker() -> None:
    """Google's signatures are told as lost, our stand-in for one is nothing, another provider's comes back as it was (traps 31, 33)."""
    sentinel = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    wrapped = DIALECT_WRAPPED
    parts = [{"text": "Hm", "thought": True}, SIGNED, {"text": "so", "thought_signature": "c2ln"}]
    told = read(contents=[HI, {"role": "model", "parts": parts}])
    assert isinstance(told, Reading)
    assert told.lost == ("contents[1].parts[1].thoughtSignature", "contents[1].parts[2].thought_signature")
    assert told.prompt.messages[1].content == (Thinking("Hm"), ToolCall("call_1_1", "f", '{"b": 1, "a": 1.5}'), Text("so"))
    assert said("model", {"functionCall": {"name": "f"}, "thoughtSignature": sentinel})[0].content == (
        ToolCall("call_0_0", "f", "{}"),
    )
    assert said("model", {"text": "Hm", "thought": True, "thoughtSignature": wrapped})[0].content == (Thinking("Hm", "abc"),)


DIALECT_WRAPPED = "c3Rvcm1rZWVsfHNpZ25hdHVyZXxhYmM"


def test_settings_are_read_in_both_spellings() -> None:
    """Every setting has its place, however it is spelled."""
    told = prompt(
        system_instruction={"role": "user", "parts": [{"text": "Be brief"}]},
        generationConfig={"temperature": 0.5, "top_p": 1, "topK": 40.0, "max_output_tokens": "99", "stopSequences": ["a"], "presencePenalty": 0,
                          "responseMimeType": "application/json", "response_json_schema": {"type": "object"}, "candidateCount": 1,
                          "thinkingConfig": {"thinking_level": "high", "includeThoughts": True}, "responseModalities": ["TEXT"], "seed": None},
        serviceTier="priority", store=False, labels={},
    )  # fmt: skip
    assert told == Prompt(
        (Message("system", "Be brief"), Message("user", "Hi")),
        99,
        0.5,
        1,
        40,
        ("a",),
        format=Format({"type": "object"}),
        effort="high",
        tier="priority",
        shows_thoughts=True,
    )


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"thinkingBudget": 0}, ("", 0)), ({"thinkingBudget": -1}, ("", None)), ({"thinking_budget": 512}, ("", 512)),
        ({"thinkingLevel": "MINIMAL"}, ("minimal", None)), ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, ("", None)), ({}, ("", None)),
    ],
)  # fmt: skip
def test_reasoning_is_read(thinking: Wire, expected: tuple[str, int | None]) -> None:
    """A level, a budget, none at all, or the model's own choice."""
    told = prompt(generationConfig={"thinkingConfig": thinking})
    assert (told.effort, told.thinking_budget) == expected


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")), ({"mode": "none"}, ToolChoice("none")), ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowed_function_names": ["f"]}, ToolChoice("required", ("f",))), ({}, None), ({"mode": "MODE_UNSPECIFIED"}, None),
    ],
)  # fmt: skip
def test_which_tools_are_read(calling: Wire, choice: ToolChoice | None) -> None:
    """A mode and the names."""
    tools = [
        {
            "functionDeclarations": [
                {"name": "f"},
                {"name": "g", "description": "G", "parametersJsonSchema": {"type": "object", "max_x": 1}},
            ]
        },
        {"function_declarations": [{"name": "h"}]},
    ]
    told = prompt(tools=tools, toolConfig={"functionCallingConfig": calling})
    assert told.tools == (Tool("f"), Tool("g", "G", {"type": "object", "max_x": 1}), Tool("h"))
    assert told.tool_choice == choice


def test_googles_schema_is_json_schema_elsewhere() -> None:
    """Types in upper case, `nullable`, counts as texts and the order of properties are said as JSON Schema says them (trap 42)."""
    schema = {
        "type": "OBJECT", "title": "T", "propertyOrdering": ["b", "a"], "required": ["a"], "nullable": True,
        "properties": {
            "a": {"type": "STRING", "format": "enum", "enum": ["x", "y"], "nullable": True}, "b": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int64"}, "min_items": "1"},
            "c": {"any_of": [{"type": "NUMBER"}, {"ref": "#/defs/D"}], "nullable": True}, "type": {"type": "TYPE_UNSPECIFIED", "example": 3},
        },
        "defs": {"D": {"type": "BOOLEAN"}},
    }  # fmt: skip
    told = prompt(tools=[{"functionDeclarations": [{"name": "f", "parameters": schema}]}]).tools[0].parameters
    assert told == {
        "type": ["object", "null"], "title": "T", "required": ["a"],
        "properties": {
            "b": {"type": "array", "items": {"type": "integer", "format": "int64"}, "minItems": 1}, "a": {"type": ["string", "null"], "enum": ["x", "y", None]},
            "c": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/D"}, {"type": "null"}]}, "type": {"examples": [3]},
        },
        "$defs": {"D": {"type": "boolean"}},
    }  # fmt: skip
    assert told is not None
    assert list(told["properties"])[:2] == ["b", "a"]
    assert prompt(generationConfig={"responseSchema": {"type": "STRING"}}).format == Format({"type": "string"})


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ({"safetySettings": [{"category": "X"}], "labels": {"a": "b"}, "store": True}, ("safetySettings", "labels", "store")),
        ({"generation_config": {"seed": 1, "presence_penalty": 0.5, "topK": 1.5, "responseLogprobs": True, "speechConfig": {"a": 1}}},
         ("generation_config.seed", "generation_config.presence_penalty", "generation_config.topK", "generation_config.responseLogprobs", "generation_config.speechConfig")),
        ({"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}, "retrievalConfig": {"a": 1}}}, ("toolConfig.functionCallingConfig.mode", "toolConfig.retrievalConfig")),
        ({"tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING", "response": {"type": "STRING"}}]}]},
         ("tools[0].functionDeclarations[0].behavior", "tools[0].functionDeclarations[0].response")),
        ({"contents": [{"parts": [{"text": "a", "videoMetadata": {"fps": 1}, "mediaResolution": {"level": "X"}}], "x": 1}]},
         ("contents[0].parts[0].videoMetadata", "contents[0].parts[0].mediaResolution", "contents[0].x")),
        ({"serviceTier": "BEST"}, ("serviceTier",)), ({"unknown": 0}, ("unknown",)),
    ],
)  # fmt: skip
def test_losses_are_paths_as_the_client_wrote_them(body: Wire, lost: tuple[str, ...]) -> None:
    """What no other dialect is told is named by its path, in the client's own spelling and order."""
    told = read(**body)
    assert isinstance(told, Reading), told
    assert told.lost == lost


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"cachedContent": "cachedContents/x"}, "cachedContent"), ({"tools": [{"googleSearch": {}}]}, "googleSearch"),
        ({"tools": [{"functionDeclarations": [{"name": "f"}], "url_context": {}}]}, "tools[0].url_context"), ({"tools": [{"codeExecution": {}}]}, "codeExecution"),
        ({"generationConfig": {"candidateCount": 2}}, "candidateCount"), ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "responseModalities"),
        ({"generationConfig": {"continuationToken": "x"}}, "continuationToken"), ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "responseMimeType"),
        ({"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}}, "systemInstruction.parts[0]"),
    ],
)  # fmt: skip
def test_what_would_change_the_meaning_is_refused(body: Wire, named: str) -> None:
    """Google's own tools, stored prompts, several answers, answers in pictures: refused by name, with a mend."""
    told = read(**body)
    assert isinstance(told, Failure)
    assert (told.kind, named in told.message) == (FailureKind.UNSUPPORTED, True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"contents": []}, "contents"), ({"contents": "Hi"}, "contents"), ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"), ({"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}, "functionResponse"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {"args": {}}}]}]}, "functionCall.name"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": [1]}}]}]}, "functionCall.args"),
        ({"contents": [{"parts": [{"inlineData": {"data": "aGk="}}]}]}, "inlineData.mimeType"), ({"generationConfig": {"maxOutputTokens": -1}}, "maxOutputTokens"),
        ({"generationConfig": {"maxOutputTokens": "x"}}, "maxOutputTokens"), ({"generationConfig": {"temperature": "hot"}}, "temperature"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOTS"}}}, "thinkingLevel"), ({"generationConfig": {"thinkingConfig": {"thinkingBudget": -2}}}, "thinkingBudget"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MUST"}}}, "mode"), ({"tools": [{"functionDeclarations": [{}]}]}, "name"),
        ({"generationConfig": {}, "generation_config": {}}, "twice"), ({"generationConfig": {"topP": 1, "top_p": 1}}, "twice"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_by_its_path(body: Wire, named: str) -> None:
    """A body of another shape is the caller's fault, and the path says where."""
    told = read(**body)
    assert isinstance(told, Failure)
    assert (told.kind, told.status, named in told.message) == (FailureKind.CALLER, 400, True), told.message


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"nonsense", b'{"contents":' + b'[{"parts":' * 50_000, b'{"contents":[{"parts":[{"text":"\\ud800"}]}]}']
)
def test_nonsense_is_refused(raw: bytes) -> None:
    """What is no JSON object, or no text, is refused, however deep it goes."""
    told = DIALECT.read_prompt(raw)
    assert isinstance(told, Failure)
    assert told.kind is FailureKind.CALLER

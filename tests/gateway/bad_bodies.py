"""Bodies that make no sense, for each dialect: what is wrong with each stands at one place, and an answer must name it.

Never sends anything.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic_messages", "gemini"
DEEP = 100_000
SCHEMA = {"type": "object", "properties": {}}


class Bad(NamedTuple):
    """A body, by what is wrong with it.

    Attributes:
        name: what is wrong.
        body: without a model, which is put in where the dialect has one.
        path: what an answer must name.
        status: 422 where only its own provider could know what it means.
    """

    name: str
    body: Any
    path: str
    status: int = 400


def _chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _responses(*items: Any, **more: Any) -> dict[str, Any]:
    return {"input": list(items), **more}


def _messages(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"max_tokens": 9, "messages": list(messages), **more}


def _gemini(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"contents": list(contents), **more}


def _said(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


HI = _user("Hi")
YO = _said({"text": "Hi"})


def _call(**changes: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"} | changes}


BODIES: dict[str, list[Bad]] = {
    CHAT: [
        Bad("no messages", {}, "messages"),
        Bad("messages is null", {"messages": None}, "messages"),
        Bad("messages is text", {"messages": "hi"}, "messages"),
        Bad("messages is empty", {"messages": []}, "messages"),
        Bad("message is text", _chat(HI, "hi"), "messages[1]"),
        Bad("no role", _chat({"content": "hi"}), "messages[0]"),
        Bad("unknown role", _chat(HI, {"role": "wizard", "content": "hi"}), "messages[1].role"),
        Bad("role is a number", _chat({"role": 7, "content": "hi"}), "messages[0].role"),
        Bad("no content", _chat(HI, {"role": "user"}), "messages[1].content"),
        Bad("content is a number", _chat(_user(7)), "messages[0].content"),
        Bad("content is an object", _chat(_user({"type": "text", "text": "hi"})), "messages[0].content"),
        Bad("part is text", _chat(_user(["hi"])), "messages[0].content[0]"),
        Bad("part without a type", _chat(_user([{"text": "hi"}])), "messages[0].content[0]"),
        Bad("unknown part", _chat(HI, _user([{"type": "text", "text": "a"}, {"type": "smell", "smell": {}}])),
            "messages[1].content[1]"),
        Bad("text is a number", _chat(_user([{"type": "text", "text": 7}])), "messages[0].content[0].text"),
        Bad("image is text", _chat(_user([{"type": "image_url", "image_url": "x"}])), "messages[0].content[0].image_url"),
        Bad("image is missing", _chat(_user([{"type": "image_url"}])), "messages[0].content[0].image_url"),
        Bad("image is no URL", _chat(HI, HI, _user([{"type": "image_url", "image_url": {"url": "picture.png"}}])),
            "messages[2].content[0].image_url"),
        Bad("image is no base64", _chat(_user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}])),
            "messages[0].content[0].image_url"),
        Bad("image is cut base64", _chat(_user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAAA"}}])),
            "messages[0].content[0].image_url"),
        Bad("file is no base64", _chat(_user([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,!"}}])),
            "messages[0].content[0].file"),
        Bad("sound is no base64", _chat(_user([{"type": "input_audio", "input_audio": {"data": "!", "format": "wav"}}])),
            "messages[0].content[0].input_audio"),
        Bad("call's arguments are an object", _chat(HI, {"role": "assistant", "tool_calls": [_call(arguments={})]}, {"role": "tool", "tool_call_id": "c1", "content": ""}),
            "messages[1].tool_calls[0].function.arguments"),
        Bad("call has no name", _chat(HI, {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"arguments": "{}"}}]}),
            "messages[1].tool_calls[0].function"),
        Bad("calls are an object", _chat(HI, {"role": "assistant", "tool_calls": {}}), "messages[1].tool_calls"),
        Bad("result without an id", _chat(HI, {"role": "tool", "content": "x"}), "messages[1]"),
        Bad("tools is an object", _chat(HI, tools={}), "tools"),
        Bad("tool is text", _chat(HI, tools=["f"]), "tools[0]"),
        Bad("tool has no function", _chat(HI, tools=[{"type": "function"}]), "tools[0]"),
        Bad("tool has no name", _chat(HI, tools=[{"type": "function", "function": {"parameters": SCHEMA}}]), "tools[0].function"),
        Bad("parameters are a list", _chat(HI, tools=[{"type": "function", "function": {"name": "f", "parameters": []}}]),
            "tools[0].function.parameters"),
        Bad("unknown choice", _chat(HI, tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="perhaps"),
            "tool_choice"),
        Bad("schema is text", _chat(HI, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": "x"}}),
            "response_format.json_schema.schema"),
        Bad("unknown format", _chat(HI, response_format={"type": "poem"}), "response_format"),
        Bad("temperature is text", _chat(HI, temperature="hot"), "temperature"),
        Bad("stop is a number", _chat(HI, stop=7), "stop"),
        Bad("stop of numbers", _chat(HI, stop=[7]), "stop"),
        Bad("unknown effort", _chat(HI, reasoning_effort="extreme"), "reasoning_effort"),
        Bad("huge limit", _chat(HI, max_completion_tokens=10**30), "max_completion_tokens"),
        Bad("broken limit", _chat(HI, max_completion_tokens=1.5), "max_completion_tokens"),
        Bad("many choices", _chat(HI, n="two"), "n"),
    ],
    RESPONSES: [
        Bad("no input", {}, "input"),
        Bad("input is a number", {"input": 7}, "input"),
        Bad("input is an object", {"input": {}}, "input"),
        Bad("item is text", _responses("hi"), "input[0]"),
        Bad("unknown item", _responses(HI, {"type": "wish", "text": "hi"}), "input[1]"),
        Bad("unknown role", _responses(HI, {"role": "wizard", "content": "hi"}), "input[1].role"),
        Bad("no content", _responses(HI, {"role": "user"}), "input[1].content"),
        Bad("content is a number", _responses(_user(7)), "input[0].content"),
        Bad("unknown part", _responses(_user([{"type": "input_smell"}])), "input[0].content[0]"),
        Bad("text is a number", _responses(_user([{"type": "input_text", "text": 7}])), "input[0].content[0].text"),
        Bad("image is missing", _responses(_user([{"type": "input_image"}])), "input[0].content[0]"),
        Bad("image is no URL", _responses(_user([{"type": "input_image", "image_url": "x.png"}])),
            "input[0].content[0].image_url"),
        Bad("image is no base64", _responses(_user([{"type": "input_image", "image_url": "data:image/png;base64,%%"}])),
            "input[0].content[0].image_url"),
        Bad("file is no base64", _responses(_user([{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,!"}])),
            "input[0].content[0].file_data"),
        Bad("call's arguments are an object", _responses(HI, {"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}),
            "input[1].arguments"),
        Bad("call has no name", _responses(HI, {"type": "function_call", "call_id": "c", "arguments": "{}"}), "input[1]"),
        Bad("output is a number", _responses(HI, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": 7}),
            "input[2].output"),
        Bad("tool has no name", _responses(HI, tools=[{"type": "function", "parameters": SCHEMA}]), "tools[0]"),
        Bad("parameters are a list", _responses(HI, tools=[{"type": "function", "name": "f", "parameters": []}]),
            "tools[0].parameters"),
        Bad("unknown choice", _responses(HI, tools=[{"type": "function", "name": "f"}], tool_choice="perhaps"), "tool_choice"),
        Bad("schema is text", _responses(HI, text={"format": {"type": "json_schema", "name": "x", "schema": "x"}}),
            "text.format.schema"),
        Bad("temperature is text", _responses(HI, temperature="hot"), "temperature"),
        Bad("unknown effort", _responses(HI, reasoning={"effort": "extreme"}), "reasoning.effort"),
        Bad("huge limit", _responses(HI, max_output_tokens=10**30), "max_output_tokens"),
        Bad("instructions are a number", _responses(HI, instructions=7), "instructions"),
    ],
    MESSAGES: [
        Bad("no messages", {"max_tokens": 9}, "messages"),
        Bad("messages is empty", {"max_tokens": 9, "messages": []}, "messages"),
        Bad("message is text", _messages("hi"), "messages[0]"),
        Bad("unknown role", _messages(HI, {"role": "wizard", "content": "hi"}), "messages[1].role"),
        Bad("no content", _messages({"role": "user"}), "messages[0].content"),
        Bad("content is a number", _messages(_user(7)), "messages[0].content"),
        Bad("unknown block", _messages(HI, _user([{"type": "smell"}])), "messages[1].content[0]"),
        Bad("text is a number", _messages(_user([{"type": "text", "text": 7}])), "messages[0].content[0].text"),
        Bad("image without a source", _messages(_user([{"type": "image"}])), "messages[0].content[0]"),
        Bad("image is no base64", _messages(_user([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%%"}}])),
            "messages[0].content[0].source"),
        Bad("image is no URL", _messages(_user([{"type": "image", "source": {"type": "url", "url": "x.png"}}])),
            "messages[0].content[0].source"),
        Bad("document is no base64", _messages(_user([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "!"}}])),
            "messages[0].content[0].source"),
        Bad("call's input is text", _messages(HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]}),
            "messages[1].content[0].input"),
        Bad("call has no name", _messages(HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "input": {}}]}),
            "messages[1].content[0]"),
        Bad("result is a number", _messages(HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}, _user([{"type": "tool_result", "tool_use_id": "t", "content": 7}])),
            "messages[2].content[0].content"),
        Bad("system is a number", _messages(HI, system=7), "system"),
        Bad("system of pictures", _messages(HI, system=[{"type": "image"}]), "system[0]"),
        Bad("tool has no name", _messages(HI, tools=[{"input_schema": SCHEMA}]), "tools[0]"),
        Bad("schema is a list", _messages(HI, tools=[{"name": "f", "input_schema": []}]), "tools[0].input_schema"),
        Bad("unknown choice", _messages(HI, tools=[{"name": "f", "input_schema": SCHEMA}], tool_choice={"type": "perhaps"}),
            "tool_choice"),
        Bad("temperature is text", _messages(HI, temperature="hot"), "temperature"),
        Bad("stops are text", _messages(HI, stop_sequences="x"), "stop_sequences"),
        Bad("thinking is text", _messages(HI, thinking="hard"), "thinking"),
        Bad("unknown effort", _messages(HI, output_config={"effort": "extreme"}), "output_config.effort"),
        Bad("huge limit", {"max_tokens": 10**30, "messages": [HI]}, "max_tokens"),
    ],
    GEMINI: [
        Bad("no contents", {}, "contents"),
        Bad("contents is empty", {"contents": []}, "contents"),
        Bad("contents is a number", {"contents": 7}, "contents"),
        Bad("content is text", _gemini("hi"), "contents[0]"),
        Bad("unknown role", _gemini(YO, _said({"text": "x"}, role="wizard")), "contents[1].role"),
        Bad("no parts", _gemini({"role": "user"}), "contents[0]"),
        Bad("parts is text", _gemini({"role": "user", "parts": "hi"}), "contents[0].parts"),
        Bad("unknown part", _gemini(YO, _said({"smell": {}})), "contents[1].parts[0]"),
        Bad("text is a number", _gemini(_said({"text": 7})), "contents[0].parts[0].text"),
        Bad("data is no base64", _gemini(_said({"inlineData": {"mimeType": "image/png", "data": "%%"}})),
            "contents[0].parts[0].inlineData"),
        Bad("data without a type", _gemini(_said({"inlineData": {"data": "AAAA"}})), "contents[0].parts[0].inlineData"),
        Bad("file is no URL", _gemini(_said({"fileData": {"mimeType": "image/png", "fileUri": "x.png"}})),
            "contents[0].parts[0].fileData", 422),
        Bad("call's args are text", _gemini(YO, _said({"functionCall": {"name": "f", "args": "{}"}}, role="model")),
            "contents[1].parts[0].functionCall.args"),
        Bad("call has no name", _gemini(YO, _said({"functionCall": {"args": {}}}, role="model")),
            "contents[1].parts[0].functionCall"),
        Bad("response is text", _gemini(YO, _said({"functionCall": {"name": "f", "args": {}}}, role="model"), _said({"functionResponse": {"name": "f", "response": "x"}})),
            "contents[2].parts[0].functionResponse.response"),
        Bad("tool is text", _gemini(YO, tools=["f"]), "tools[0]"),
        Bad("function has no name", _gemini(YO, tools=[{"functionDeclarations": [{"description": "x"}]}]),
            "tools[0].functionDeclarations[0]"),
        Bad("unknown mode", _gemini(YO, tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig={"functionCallingConfig": {"mode": "PERHAPS"}}),
            "toolConfig.functionCallingConfig.mode"),
        Bad("temperature is text", _gemini(YO, generationConfig={"temperature": "hot"}), "generationConfig.temperature"),
        Bad("config is a list", _gemini(YO, generationConfig=[]), "generationConfig"),
        Bad("huge limit", _gemini(YO, generationConfig={"maxOutputTokens": 10**30}), "maxOutputTokens"),
        Bad("schema is text", _gemini(YO, generationConfig={"responseMimeType": "application/json", "responseJsonSchema": "x"}),
            "generationConfig.responseJsonSchema"),
    ],
}  # fmt: skip


CARRIED: dict[str, list[Bad]] = {
    CHAT: [
        Bad("call's arguments are broken", _chat(HI, {"role": "assistant", "tool_calls": [_call(arguments='{"a":')]},
            {"role": "tool", "tool_call_id": "c1", "content": "What?"}), ""),
        Bad("call's arguments are a list", _chat(HI, {"role": "assistant", "tool_calls": [_call(arguments="[1]")]},
            {"role": "tool", "tool_call_id": "c1", "content": "What?"}), ""),
        Bad("huge temperature", _chat(HI, temperature=1e300), ""),
        Bad("call without a result", _chat(HI, {"role": "assistant", "tool_calls": [_call()]}, HI), ""),
    ],
    RESPONSES: [
        Bad("call's arguments are broken", _responses(HI, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{"},
            {"type": "function_call_output", "call_id": "c", "output": ""}), ""),
        Bad("call without a result", _responses(HI, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, HI),
            ""),
    ],
    MESSAGES: [
        Bad("call without a result",
            _messages(HI, {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}, HI), ""),
    ],
    GEMINI: [Bad("call without a result", _gemini(YO, _said({"functionCall": {"name": "f", "args": {}}}, role="model"), YO), "")],
}  # fmt: skip
"""What a model said wrong and its client only repeats, or what a provider may take: it is for the provider to judge. (A model's broken
call must not end its conversation: across dialects it goes as a text in an object, and that is told.)"""


def written(client: str, bad: Bad, model: str, *, streamed: bool = False) -> bytes:
    """A bad body, for a model."""
    asked = {"model": model, "stream": True} if streamed else {"model": model}
    return json.dumps(bad.body if client == GEMINI else {**asked, **bad.body}).encode()


def raw(client: str, model: str) -> list[tuple[str, bytes]]:
    """Bodies that are wrong as bytes, by what is wrong."""
    good = json.dumps({GEMINI: _gemini(YO), CHAT: _chat(HI), RESPONSES: _responses(HI), MESSAGES: _messages(HI)}[client])
    head = good[:-1] if client == GEMINI else good[:-1] + f', "model": "{model}"'
    ends = {
        "cut": "", "deep lists": ', "x": ' + "[" * DEEP + "]" * DEEP + "}", "deep objects": ', "x": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}",
        "half deep": ', "x": ' + "[" * DEEP, "a lone quote": ', "x}', "NaN": ', "temperature": NaN}', "a comment": ", /* x */ }",
        "a huge number": ', "temperature": 1' + "0" * DEEP + "}", "a tiny number": ', "temperature": 1e-' + "9" * DEEP + "}",
        "a trailing comma": ",}", "two bodies": "}{}", "a control character": ', "x": "\x01"}',
    }  # fmt: skip
    told = [(name, (head + end).encode()) for name, end in ends.items()]
    return [*told, ("no UTF-8", head.encode() + b', "x": "\xff"}'), ("empty", b""), ("a list", b"[]"), ("null", b"null")]


GOOD = b'{"model": "gpt-5.4-mini", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}'

FLAT: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "empty"),
    "blank": (b"  \n", 400, ""),
    "no JSON": (b"hello", 400, "JSON"),
    "cut JSON": (GOOD[:-9], 400, "JSON"),
    "a list": (b"[]", 400, "object"),
    "a number": (b"7", 400, "object"),
    "null": (b"null", 400, "object"),
    "no UTF-8": (b'{"model": "gpt-5.4-mini", "x": "\xff\xfe"}', 400, "UTF-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), 400, ""),
    "a BOM": (b"\xef\xbb\xbf" + GOOD, 400, ""),
    "deep lists": (b'{"model": "gpt-5.4-mini", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}", 400, ""),
    "deep objects": (b'{"model": "gpt-5.4-mini", "x": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", 400, ""),
    "a long number": (b'{"model": "gpt-5.4-mini", "max_tokens": 1' + b"0" * 100_000 + b"}", 400, ""),
    "no model": (b'{"messages": []}', 400, "model"),
    "empty model": (b'{"model": "", "messages": []}', 400, "model"),
    "model is a number": (b'{"model": 7}', 400, "model"),
    "two models": (b'{"model": "gpt-5.4-mini", "model": "gpt-6"}', 400, "model"),
    "two models, one escaped": (b'{"model": "gpt-5.4-mini", "\\u006dodel": "gpt-6"}', 400, "model"),
    "two streams": (b'{"model": "gpt-5.4-mini", "stream": false, "stream": true}', 400, "stream"),
    "two limits": (b'{"model": "gpt-5.4-mini", "max_tokens": 1, "max_tokens": 99999}', 400, "max_tokens"),
    "negative limit": (b'{"model": "gpt-5.4-mini", "max_tokens": -1}', 400, "max_tokens"),
    "a word for stream": (b'{"model": "gpt-5.4-mini", "stream": "yes"}', 400, "stream"),
    "unknown model": (b'{"model": "gtp-9"}', 404, "gtp-9"),
    "unknown provider": (b'{"model": "nobody/m"}', 404, "nobody/m"),
    "model with a line break": (b'{"model": "gpt-5.4\\r\\nx: y"}', 404, ""),
    "model with a surrogate": (b'{"model": "gpt-5.4-\\ud800"}', 400, ""),
}
"""What is looked at in every body: model, stream and limit; by name, with the status, and what an answer must name."""

"""What Gemini refuses is refused, in Google's words; what it takes, in either casing, is taken."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from sandbox_client import Got, send, with_sandbox

from stormkeel.sandbox import Sandbox, SandboxSettings

NEW, OLD, VECTORS = "gemini-3.8-flash", "gemini-2.5-flash", "gemini-embedding-001"
KEY = {"x-goog-api-key": "sk-test", "content-type": "application/json"}
HELLO = {"role": "user", "parts": [{"text": "Hello"}]}
CONTENTS = "GenerateContentRequest.contents"
CONFIG = "GenerateContentRequest.generation_config"
FUNCTIONS = "GenerateContentRequest.tools[0].function_declarations[0]"
UNKNOWN = "Invalid JSON payload received. Unknown name"


def call(name: str = "look", **more: Any) -> dict[str, Any]:
    """A part with a call."""
    return {"functionCall": {"name": name, "args": {}, **more}}


def answer(name: str = "look", **more: Any) -> dict[str, Any]:
    """A part with a response."""
    return {"functionResponse": {"name": name, "response": {"output": 1}, **more}}


def turns(*contents: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """A conversation after a first hello."""
    return {"contents": [HELLO, *({"role": role, "parts": parts} for role, parts in contents)]}


def config(**fields: Any) -> dict[str, Any]:
    """A request with a generation config."""
    return {"contents": [HELLO], "generationConfig": fields}


def function(**fields: Any) -> dict[str, Any]:
    """A request with a function."""
    return {"contents": [HELLO], "tools": [{"functionDeclarations": [{"name": "look", **fields}]}]}


def parts(*given: dict[str, Any]) -> dict[str, Any]:
    """A request with parts of the user's."""
    return {"contents": [{"role": "user", "parts": list(given)}]}


async def post(sandbox: Sandbox, body: Any, model: str = NEW, verb: str = "generateContent") -> Got:
    """Send a body as it is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await send(sandbox, "POST", f"/v1beta/models/{model}:{verb}", raw, KEY)


def got(body: Any, model: str = NEW, verb: str = "generateContent", **settings: Any) -> Got:
    """Ask one thing and return what came."""
    seen: list[Got] = []

    async def story(sandbox: Sandbox) -> None:
        seen.append(await post(sandbox, body, model, verb))
        assert sandbox.requests[0].violations == ([] if seen[0].status == 200 else [seen[0].json["error"]["message"]])

    with_sandbox(story, SandboxSettings(**settings))
    return seen[0]


PAYLOADS: list[tuple[Any, str]] = [
    (b"{", "Invalid JSON payload received. Expected a JSON value."),
    (b"[]", f'{UNKNOWN} "": Root element must be a message.'),
    (b'{"contents":[],"contents":[]}', f'{UNKNOWN} "contents": Proto field is already set.'),
    ({"contents": [HELLO], "foo": 1}, f'{UNKNOWN} "foo": Cannot find field.'),
    (config(maxTokens=1), f"{UNKNOWN} \"maxTokens\" at 'generation_config': Cannot find field."),
    (parts({"text": "a", "cache_control": {}}), f"{UNKNOWN} \"cache_control\" at 'contents[0].parts[0]': Cannot find field."),
    (
        function(parameters={"type": "OBJECT", "properties": {"where": {"const": 1}}}),
        f"{UNKNOWN} \"const\" at 'tools[0].function_declarations[0].parameters.properties[0].value': Cannot find field.",
    ),
    (config(maxOutputTokens=5, max_output_tokens=5), f"{UNKNOWN} \"max_output_tokens\" at 'generation_config': Proto field is"),
    (parts({"text": 5}), "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)"),
    (config(maxOutputTokens="many"), "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32)"),
    (config(temperature=[1]), f'{UNKNOWN} "temperature": Proto field is not repeating, cannot start list.'),
    (config(thinkingConfig={"thinkingLevel": "HUGE"}), "Invalid value at 'generation_config.thinking_config.thinking_level'"),
    (
        parts({"inlineData": {"mimeType": "image/png", "data": "%%%"}}),
        "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed",
    ),
]
CONVERSATIONS: list[tuple[Any, str]] = [
    ({}, f"* {CONTENTS}: contents is not specified\n"),
    ({"contents": []}, f"* {CONTENTS}: contents is not specified\n"),
    ({"contents": [{"role": "system", "parts": [{"text": "a"}]}]}, "Please use a valid role: user, model."),
    ({"contents": [{"role": "user"}]}, f"* {CONTENTS}[0].parts: contents.parts must not be empty.\n"),
    (parts({"thought": True}), f"* {CONTENTS}[0].parts[0].data: required oneof field 'data' must have one initialized field\n"),
    (
        parts({"text": "a", **call()}),
        "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'functionCall'",
    ),
    (parts({"inlineData": {"data": "AAAA"}}), f"* {CONTENTS}[0].parts[0].inline_data: mime_type and data must both be set\n"),
    (parts({"fileData": {}}), f"* {CONTENTS}[0].parts[0].file_data.file_uri: file_uri cannot be empty.\n"),
    (parts({"fileData": {"fileUri": "http://x.test/a.png"}}), "Unsupported file URI type: http."),
    (turns(("model", [{"functionCall": {}}])), f"* {CONTENTS}[1].parts[0].function_call.name: Name cannot be empty."),
    (parts(answer("")), f"* {CONTENTS}[0].parts[0].function_response.name: Name cannot be empty."),
    (parts({"functionResponse": {"name": "a"}}), f"* {CONTENTS}[0].parts[0].function_response.response: response must be"),
    (parts(answer()), "Please ensure that function response turn comes immediately after a function call turn."),
    (parts(call()), "Please ensure that function call turn comes immediately after a user turn"),
    ({"contents": [{"role": "model", "parts": [call()]}]}, "Please ensure that function call turn comes immediately after"),
    (turns(("model", [{"text": "a"}]), ("model", [call()])), "Please ensure that function call turn comes immediately after"),
    (turns(("model", [call()])), "Please ensure that the number of function response parts is equal"),
    (turns(("model", [call()]), ("user", [{"text": "a"}])), "Please ensure that the number of function response parts is equal"),
    (turns(("model", [call(), call()]), ("user", [answer()])), "Please ensure that the number of function response parts"),
    (turns(("model", [call()]), ("user", [answer(), answer()])), "Please ensure that the number of function response parts"),
    (turns(("model", [call()]), ("user", [answer("see")])), "Please ensure that every function response answers a function call"),
    (turns(("model", [call(id="a")]), ("user", [answer(id="b")])), "Please ensure that every function response answers"),
    (
        {"contents": [HELLO], "systemInstruction": {"parts": []}},
        "* GenerateContentRequest.system_instruction.parts: contents.parts",
    ),
    (
        {"contents": [HELLO], "systemInstruction": {"parts": [{"fileData": {"fileUri": "gs://a/b"}}]}},
        "* GenerateContentRequest.system_instruction.parts: only text is supported",
    ),
]
FIELDS: list[tuple[Any, str]] = [
    (config(temperature=2.1), f"* {CONFIG}.temperature: temperature must be in the range [0, 2]."),
    (config(topP=-0.1), f"* {CONFIG}.top_p: top_p must be in the range [0, 1]."),
    (config(topK=0), f"* {CONFIG}.top_k: top_k must be in the range [1, inf)."),
    (config(candidateCount=0), f"* {CONFIG}.candidate_count: candidate_count must be in the range [1, 8]."),
    (config(candidateCount=9), f"* {CONFIG}.candidate_count: candidate_count must be in the range [1, 8]."),
    (config(maxOutputTokens=0), f"* {CONFIG}.max_output_tokens: max_output_tokens must be in the range [1, inf)."),
    (config(stopSequences=list("abcdef")), f"* {CONFIG}.stop_sequences: at most 5 stop sequences can be set."),
    (config(stopSequences=[""]), f"* {CONFIG}.stop_sequences: a stop sequence must not be empty."),
    (config(logprobs=2), f"* {CONFIG}.logprobs: logprobs can only be set when response_logprobs is true."),
    (config(responseMimeType="image/png"), f"* {CONFIG}.response_mime_type: allowed mimetypes are `text/plain`,"),
    (
        config(responseMimeType="application/json", responseSchema={"type": "STRING"}, responseJsonSchema={"type": "string"}),
        f"* {CONFIG}: only one of response_schema and response_json_schema can be set.",
    ),
    (config(responseSchema={"type": "STRING"}), f"* {CONFIG}.response_schema: a schema needs response_mime_type"),
    (
        config(responseMimeType="application/json", responseSchema={"type": "OBJECT", "required": ["a"]}),
        f"* {CONFIG}.response_schema.required[0]: property is not defined",
    ),
    (config(thinkingConfig={"thinkingBudget": 5, "thinkingLevel": "LOW"}), "You can only set only one of thinking budget and"),
    (config(thinkingConfig={"thinkingBudget": -2}), f"* {CONFIG}.thinking_config.thinking_budget: thinking_budget must be -1"),
    (config(continuationToken="AAAA"), "The continuation token is not valid."),
    ({"contents": [HELLO], "continuationToken": "AAAA"}, "The continuation token is not valid."),
    ({"contents": [HELLO], "model": "models/whale-1"}, f"* GenerateContentRequest.model: model must be 'models/{NEW}'"),
    (config(responseModalities=["IMAGE"]), "The requested combination of response modalities (IMAGE) is not supported"),
    (function(name="2look"), f"* {FUNCTIONS}.name: Invalid function name."),
    (function(name="a b"), f"* {FUNCTIONS}.name: Invalid function name."),
    (function(name="a" * 129), f"* {FUNCTIONS}.name: Invalid function name."),
    (function(parameters={"type": "OBJECT"}, parametersJsonSchema={}), f"* {FUNCTIONS}: only one of parameters and"),
    (function(response={"type": "OBJECT"}, responseJsonSchema={}), f"* {FUNCTIONS}: only one of response and"),
    (function(parameters={"type": "STRING"}), f"* {FUNCTIONS}.parameters: parameters schema should be of type OBJECT."),
    (
        function(parameters={"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}),
        f"* {FUNCTIONS}.parameters.properties[a].items: missing field.",
    ),
    (
        function(parameters={"type": "OBJECT", "properties": {"a": {"anyOf": [{"type": "INTEGER", "enum": ["1"]}]}}}),
        f"* {FUNCTIONS}.parameters.properties[a].any_of[0].enum: only allowed for STRING type",
    ),
    (
        {"contents": [HELLO], "tools": [{"functionDeclarations": [{"name": "a"}, {"name": "a"}]}]},
        "Duplicate function declaration found: a",
    ),
    (
        {"contents": [HELLO], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "Function calling config is set without function_declarations.",
    ),
    (
        function() | {"toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["look"]}}},
        "allowed_function_names should only be set when the function calling mode is ANY",
    ),
    (
        function() | {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["see"]}}},
        "allowed_function_names contains 'see'",
    ),
]


@pytest.mark.parametrize(("body", "message"), PAYLOADS + CONVERSATIONS + FIELDS)
def test_gemini_refuses(body: Any, message: str) -> None:
    """A request that is not right is a 400 INVALID_ARGUMENT in Google's words, noted as a violation."""
    refused = got(body)
    error = refused.json["error"]
    assert (refused.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["message"].startswith(message)


def test_all_unknown_names_are_told_at_once() -> None:
    """Google tells every unknown name, each with the field it stands in."""
    error = got({"contents": [HELLO | {"name": "me"}], "user": "me"}).json["error"]
    assert error["message"].count("Cannot find field.") == 2
    (details,) = error["details"]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [one.get("field") for one in details["fieldViolations"]] == ["contents[0]", None]


SNAKE = {
    "contents": [HELLO],
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "tools": [{"function_declarations": [{"name": "look", "parameters_json_schema": {"type": "object", "x_y": 1}}]}],
    "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["look"]}},
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    "generation_config": {"max_output_tokens": 50, "thinking_config": {"include_thoughts": True, "thinking_level": "low"}},
    "service_tier": "flex",
    "labels": {"some_name": "x"},
}
MIXED = {
    "contents": [HELLO],
    "systemInstruction": None,
    "generationConfig": {
        "thinkingConfig": {"include_thoughts": True, "thinkingLevel": "HIGH"},
        "max_output_tokens": 5.0,
        "seed": "7",
    },
    "tools": [
        {
            "functionDeclarations": [
                {"name": "a.b:c-d", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}
            ]
        },
        {"googleSearch": {}},
    ],
}
URLSAFE = base64.urlsafe_b64encode(b"\xff\xfe\xfd\xfc").decode().rstrip("=")


@pytest.mark.parametrize(
    "body",
    [
        SNAKE,
        MIXED,
        parts({"text": "See"}, {"inline_data": {"mime_type": "image/png", "data": URLSAFE}}),
        parts({"text": "See"}, {"fileData": {"fileUri": "https://x.test/a.png"}}, {"file_data": {"file_uri": "gs://a/b"}}),
        {"contents": [{"parts": [{"text": "Hello"}]}]},
        turns(("model", [{"text": "Once upon"}])),
        turns(("user", [{"text": "again"}]), ("model", [{"text": ""}]), ("user", [{"text": "and"}])),
    ],
)
def test_gemini_takes(body: Any) -> None:
    """Either casing, mixed too, nulls, enums of any case, numbers as text, both kinds of base64, https and gs addresses, prefill."""
    assert got(body).status == 200


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (NEW, config(candidateCount=2), "Multiple candidates is not enabled for this model"),
        (NEW, config(thinkingConfig={"thinkingBudget": 0}), "Budget 0 is invalid. This model only works in thinking mode."),
        ("gemini-2.5-pro", config(thinkingConfig={"thinkingBudget": 0}), "Budget 0 is invalid."),
        (OLD, config(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported for this model."),
        ("gemini-2.0-flash", config(thinkingConfig={"includeThoughts": True}), "Thinking is not enabled for this model"),
        (
            VECTORS,
            {"contents": [HELLO]},
            f"models/{VECTORS} is not found for API version v1beta, or is not supported for generate",
        ),
    ],
)
def test_rules_of_models_can_be_switched_off(model: str, body: Any, message: str) -> None:
    """What only some models refuse is refused for them, unless model rules are off."""
    assert got(body, model).json["error"]["message"].startswith(message)
    assert got(body, model, model_rules=False).status == 200


def test_a_cached_content_is_not_there() -> None:
    """The sandbox keeps none, so whatever is named is a 403 as for one that is somebody else's."""
    refused = got({"contents": [HELLO], "cachedContent": "cachedContents/a"})
    assert (refused.status, refused.json["error"]["status"]) == (403, "PERMISSION_DENIED")


COUNTS: list[tuple[Any, str]] = [
    ({}, "* CountTokensRequest.contents: contents is not specified"),
    ({"contents": [HELLO], "systemInstruction": HELLO}, f'{UNKNOWN} "systemInstruction": Cannot find field.'),
    ({"contents": [HELLO], "generateContentRequest": {}}, "* CountTokensRequest: only one of contents and"),
    ({"generateContentRequest": {"contents": [HELLO]}}, "* CountTokensRequest.generate_content_request.model: unexpected model"),
    ({"generate_content_request": {"model": f"models/{NEW}"}}, f"* {CONTENTS}: contents is not specified"),
]
TEXT = {"parts": [{"text": "one"}]}
BATCH = "* BatchEmbedContentsRequest.requests"


@pytest.mark.parametrize(("body", "message"), COUNTS)
def test_counts_are_refused(body: Any, message: str) -> None:
    """A count takes contents or a whole request that would be taken."""
    assert got(body, verb="countTokens").json["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("verb", "body", "message"),
    [
        ("embedContent", {}, "* EmbedContentRequest.content: content is not specified"),
        ("embedContent", {"content": {"parts": []}}, "* EmbedContentRequest.content.parts: contents.parts must not be empty."),
        ("embedContent", {"content": {"parts": [{"text": ""}]}}, "* EmbedContentRequest.content: empty text cannot be embedded"),
        ("embedContent", {"content": {"parts": [{"fileData": {"fileUri": "gs://a/b"}}]}}, "* EmbedContentRequest.content.parts"),
        ("embedContent", {"content": TEXT, "outputDimensionality": 0}, "* EmbedContentRequest.output_dimensionality:"),
        ("embedContent", {"content": TEXT, "outputDimensionality": 3073}, "* EmbedContentRequest.output_dimensionality:"),
        ("embedContent", {"content": TEXT, "taskType": "GUESS"}, "Invalid value at 'task_type'"),
        ("embedContent", {"contents": [TEXT]}, f'{UNKNOWN} "contents": Cannot find field.'),
        ("batchEmbedContents", {}, f"{BATCH}: requests must not be empty"),
        ("batchEmbedContents", {"requests": [{"content": TEXT}]}, f"{BATCH}[0].model: unexpected model name format"),
        ("batchEmbedContents", {"requests": [{"model": "models/b", "content": TEXT}]}, f"{BATCH}[0].model: model must be"),
        (
            "batchEmbedContents",
            {"requests": [{"model": f"models/{VECTORS}", "content": TEXT}] * 101},
            f"{BATCH}: at most 100 requests can be in one batch",
        ),
    ],
)
def test_embeddings_are_refused(verb: str, body: Any, message: str) -> None:
    """An embedding takes text that is there, of its own model, in a batch of at most a hundred."""
    assert got(body, VECTORS, verb).json["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        (f"/v1/models/{NEW}:generateContent?foo=1", KEY, 400, f'{UNKNOWN} "foo": Cannot bind query parameter.'),
        (f"/v1/models/{NEW}:generateContent", KEY | {"content-type": "text/plain"}, 400, UNKNOWN),
        (f"/v1/models/{NEW}:generateContent", {"content-type": "application/json"}, 403, "Method doesn't allow unregistered"),
        (f"/v1/models/{NEW}:generateContent?key=no", {}, 400, "API key not valid."),
        (f"/v1/models/{NEW}:generateContent", {"authorization": "Bearer no"}, 400, "API key not valid."),
        (f"/v1beta/models/{NEW}:fly", KEY, 404, "Method not found."),
        ("/v1beta/files", KEY, 404, "Method not found."),
        (
            f"/v1beta/models/{NEW}:embedContent",
            KEY,
            404,
            f"models/{NEW} is not found for API version v1beta, or is not supported",
        ),
    ],
)
def test_gemini_refuses_at_the_door(path: str, headers: dict[str, str], status: int, message: str) -> None:
    """A query, a type, a key or a path that is none is refused in Google's form."""

    async def story(sandbox: Sandbox) -> None:
        body = {"content": TEXT} if "embed" in path else {"contents": [HELLO]}
        refused = await send(sandbox, "POST", path, json.dumps(body).encode(), headers)
        assert (refused.status, refused.json["error"]["code"]) == (status, status)
        assert refused.json["error"]["message"].startswith(message)

    with_sandbox(story)


def signed(sandbox_answer: Got) -> dict[str, Any]:
    """Return the first call of an answer, as it came."""
    part: dict[str, Any] = sandbox_answer.json["candidates"][0]["content"]["parts"][0]
    return part


async def called(sandbox: Sandbox, model: str, name: str = "look") -> dict[str, Any]:
    """Have a model call a function, and return its part."""
    wish = "sandbox: " + json.dumps({"tools": [{"name": name}]})
    return signed(await post(sandbox, {"contents": [{"role": "user", "parts": [{"text": wish}]}]}, model))


def test_signatures_have_to_come_back() -> None:
    """From Gemini 3 on a call of the turn under way needs the signature it came with; older models and older turns do not."""

    async def story(sandbox: Sandbox) -> None:
        part = await called(sandbox, NEW)
        bare = {"functionCall": part["functionCall"]}
        told = answer(id=part["functionCall"]["id"])
        assert (await post(sandbox, turns(("model", [part]), ("user", [told])))).status == 200
        refused = (await post(sandbox, turns(("model", [bare]), ("user", [told])))).json["error"]
        assert refused["message"].startswith("Function call is missing a thought_signature in functionCall parts.")
        assert "function call `default_api:look` , position 2." in refused["message"]
        assert (await post(sandbox, turns(("model", [bare]), ("user", [told])), OLD)).status == 200
        past = turns(("model", [bare]), ("user", [told]), ("model", [{"text": "Aye"}]), ("user", [{"text": "And?"}]))
        assert (await post(sandbox, past)).status == 200
        second = turns(("model", [part]), ("user", [told]), ("model", [bare]), ("user", [told]))
        assert "position 4." in (await post(sandbox, second)).json["error"]["message"]
        first_only = turns(("model", [part, call("see")]), ("user", [told, answer("see")]))
        assert (await post(sandbox, first_only)).status == 200
        last_only = turns(("model", [call("see"), part]), ("user", [answer("see"), told]))
        assert "missing a thought_signature" in (await post(sandbox, last_only)).json["error"]["message"]

    with_sandbox(story)


def test_signatures_are_only_taken_from_their_own_model() -> None:
    """A signature of another model, another function or another hand is a 400, unless ownership is off."""

    async def tried(sandbox: Sandbox, signature: str) -> int | None:
        part = {"functionCall": {"name": "look"}, "thoughtSignature": signature}
        return (await post(sandbox, turns(("model", [part]), ("user", [answer()])))).status

    async def story(sandbox: Sandbox) -> None:
        own, other = [await called(sandbox, model) for model in (NEW, "gemini-4-argon")]
        elsewhere = await called(sandbox, NEW, "see")
        unpadded = own["thoughtSignature"].replace("+", "-").replace("/", "_").rstrip("=")
        assert await tried(sandbox, own["thoughtSignature"]) == 200
        assert await tried(sandbox, unpadded) == 200
        for foreign in (other["thoughtSignature"], elsewhere["thoughtSignature"], "AAAA"):
            assert await tried(sandbox, foreign) == 400
        text = {"text": "Aye", "thoughtSignature": "AAAA"}
        refused = await post(sandbox, turns(("model", [text]), ("user", [{"text": "And?"}])))
        assert refused.json["error"]["message"] == "Thought signature is not valid."

    async def lenient(sandbox: Sandbox) -> None:
        assert await tried(sandbox, "AAAA") == 200

    with_sandbox(story)
    with_sandbox(lenient, SandboxSettings(ownership=False))


@pytest.mark.parametrize("sentinel", [b"skip_thought_signature_validator", base64.b64encode(b"skip_thought_signature_validator")])
def test_the_documented_sentinel_is_taken(sentinel: bytes) -> None:
    """History that never had signatures may say so, as text in the JSON or as the bytes a client makes of it."""
    part = call() | {"thoughtSignature": sentinel.decode()}
    assert got(turns(("model", [part]), ("user", [answer()]))).status == 200


def test_signatures_of_words_go_back_on_any_part_of_them() -> None:
    """The signature of an answer in words is taken on its text, and on an empty text of its own."""

    async def story(sandbox: Sandbox) -> None:
        wish = "sandbox: " + json.dumps({"answer": "Ahoy", "reasoning_text": "Hm"})
        part = signed(await post(sandbox, parts({"text": wish})))
        assert part["text"] == "Ahoy"
        apart = [{"text": "Ahoy"}, {"text": "", "thoughtSignature": part["thoughtSignature"]}]
        for given in ([part], apart):
            assert (await post(sandbox, turns(("model", given), ("user", [{"text": "And?"}])))).status == 200

    with_sandbox(story)

"""Gemini, passing through: what is looked at in a body, where it is asked, whole answers, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.call import call_of
from stormkeel.dialects.values import Call, ModelCard, Target
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

DIALECT = Gemini()
CONTENTS = '"contents":[{"role":"user","parts":[{"text":"Hi"}]}]'
CALL = Call("gemini-x", stream=True, method="streamGenerateContent")


def read(body: str) -> Request | Failure:
    """Read a body that came with a URL."""
    return DIALECT.read_request(body.encode(), "r1", call=CALL)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('"generationConfig":{"maxOutputTokens":9,"candidateCount":2}', (9, 2)),
        ('"generation_config":{"max_output_tokens":9,"candidate_count":2}', (9, 2)),
        ('"generationConfig":{"max_output_tokens":9,"candidateCount":2}', (9, 2)),
        ('"generationConfig":{"maxOutputTokens":"9"}', (9, 1)),
        ('"generationConfig":{"maxOutputTokens":null,"candidateCount":0}', (None, 1)),
        ('"generationConfig":null', (None, 1)),
        ('"generationConfig":{}', (None, 1)),
        ('"generation\\u0043onfig":{"max\\u005foutput_tokens":9}', (9, 1)),
        ('"x":"\\"generationConfig\\" \\"generationConfig\\""', (None, 1)),
    ],
)
def test_limits_are_seen_in_either_spelling(config: str, expected: tuple[int | None, int]) -> None:
    """The most output and the number of answers are seen in camelCase, in snake_case and mixed; the body stays as it was."""
    raw = f"{{{CONTENTS},{config}}}".encode()
    request = DIALECT.read_request(raw, "r1", call=CALL)
    assert isinstance(request, Request), request
    assert (request.max_output, request.choices) == expected
    assert (request.model, request.stream, request.dialect, request.wants_usage) == ("gemini-x", True, "gemini", True)
    assert DIALECT.write_request(request, "another", bills=True) is raw


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f'{{{CONTENTS},"generationConfig":{{}},"generationConfig":{{}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{}},"generation_config":{{}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{}},"generation\\u0043onfig":{{}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":1,"maxOutputTokens":2}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":1,"max_output_tokens":2}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":1,"max_output_t\\u006fkens":2}}}}', "duplicate_field"),
        (f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":-1}}}}', "invalid_type"),
        (f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":"lots"}}}}', "invalid_type"),
        (f'{{{CONTENTS},"generationConfig":{{"candidateCount":true}}}}', "invalid_type"),
        (f'{{{CONTENTS},"generationConfig":[]}}', "invalid_type"),
        (f'{{{CONTENTS},"model":"other"}}', "invalid_field"),
        (f'{{{CONTENTS},"mod\\u0065l":"other"}}', "invalid_field"),
        (f'{{{CONTENTS},"stream":true}}', "invalid_field"),
        ("", "empty_body"),
        ("[]", "invalid_type"),
        ('{"contents":', "invalid_json"),
        ('{"contents":' + "[" * 100_000, "invalid_json"),
    ],
)
def test_a_body_that_can_not_be_billed_for_certain_is_refused(body: str, code: str) -> None:
    """A field twice, in whatever spelling, a limit of another type, a model beside the URL's: refused with a mend."""
    told = read(body)
    assert isinstance(told, Failure)
    assert (told.kind, told.status) == (FailureKind.CALLER, 400)
    assert told.code in (code, "too_deep")


def test_bytes_that_are_no_text_are_refused() -> None:
    """A body that is not UTF-8 is refused, wherever the bytes stand."""
    told = DIALECT.read_request(b'{"contents":[{"parts":[{"text":"\xff"}]}]}', "r1", call=CALL)
    assert isinstance(told, Failure)
    assert told.code == "invalid_utf8"


def test_a_body_without_its_url_is_refused() -> None:
    """The contract's `read_request` can't know the model, and says where it is named."""
    told = DIALECT.read_request(f"{{{CONTENTS}}}".encode(), "r1")
    assert isinstance(told, Failure)
    assert (told.code, "/models/{model}:generateContent" in told.message) == ("missing_model", True)


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-x", False, "/models/gemini-x:generateContent"),
        ("gemini-x", True, "/models/gemini-x:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "/tunedModels/mine:generateContent"),
        ("publishers/google/models/gemini-x", True, "/publishers/google/models/gemini-x:streamGenerateContent?alt=sse"),
        ("odd name?x#y", False, "/models/odd%20name%3Fx%23y:generateContent"),
    ],
)
def test_the_url_names_the_model(model: str, stream: bool, path: str) -> None:
    """Model and stream make the path; no name can leave it."""
    assert DIALECT.path_for(model, stream) == path


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/models/gemini-x:generateContent", Call("gemini-x", method="generateContent")),
        ("models/gemini-x:streamGenerateContent", Call("gemini-x", stream=True, method="streamGenerateContent")),
        ("/models/gemini-x%3AgenerateContent", Call("gemini-x", method="generateContent")),
        ("/tunedModels/mine:generateContent", Call("tunedModels/mine", method="generateContent")),
        ("/models/gemini-x:countTokens", Call("gemini-x", method="countTokens")),
        ("/models/gemini-x:no such", None),
        ("/models/gemini-x", None),
        ("/models/:generateContent", None),
        ("/models/../files/x:generateContent", None),
        ("/models/a%00b:generateContent", None),
    ],
)
def test_a_path_is_read(path: str, call: Call | None) -> None:
    """A path tells the model, what is asked of it and whether as a stream, or is none of this dialect's."""
    assert call_of(path) == call


def answer(**more: Any) -> dict[str, Any]:
    """A whole answer."""
    candidate = {"content": {"parts": [{"text": "Hé"}], "role": "model"}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "a1"} | more


def ended(reason: str | None, *parts: dict[str, Any]) -> dict[str, Any]:
    """A whole answer that ended so."""
    return answer(candidates=[{"content": {"parts": list(parts)}, "index": 0} | ({"finishReason": reason} if reason else {})])


FUNCTION = {"functionCall": {"name": "f", "args": {}}}


@pytest.mark.parametrize(
    ("body", "finish"),
    [
        (answer(), Finish.STOP),
        (ended("STOP", {"text": "a"}, FUNCTION), Finish.TOOL_CALLS),
        (ended("MAX_TOKENS"), Finish.LENGTH),
        (ended("CONTINUATION"), Finish.LENGTH),
        (ended("SAFETY"), Finish.CONTENT_FILTER),
        (ended("MODEL_ARMOR"), Finish.CONTENT_FILTER),
        (ended("IMAGE_SAFETY"), Finish.CONTENT_FILTER),
        (ended("SOMETHING_NEW"), Finish.OTHER),
        (ended(None), None),
        ({"candidates": [{"finishReason": "SAFETY"}]}, Finish.CONTENT_FILTER),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "a1"}, Finish.CONTENT_FILTER),
    ],
)
def test_an_answer_tells_why_it_ended(body: dict[str, Any], finish: Finish | None) -> None:
    """Each reason has its meaning, STOP with calls is a call, a blocked prompt is an answer; peek and whole reading agree."""
    raw = json.dumps(body).encode()
    outcome, response = DIALECT.read_outcome(raw), DIALECT.read_response(raw)
    assert outcome is not None
    assert response is not None
    assert (outcome.finish, response.finish) == (finish, finish)
    assert outcome.usage == response.usage
    assert outcome.content_filtered == (finish is Finish.CONTENT_FILTER)


@pytest.mark.parametrize(
    "body",
    [
        *(ended(reason, {"text": "a"}) for reason in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "OTHER")),
        {"candidates": []}, {}, {"usageMetadata": {"promptTokenCount": 1}}, {"promptFeedback": {}}, {"candidates": "x"},
        {"error": {"code": 500}}, [], 1, {"candidates": [], "promptFeedback": None},
    ],
)  # fmt: skip
def test_the_models_own_failure_is_no_answer(body: object) -> None:
    """What the model gave up with, and a body without candidates, is no answer, so that it may be asked again (trap 23)."""
    raw = json.dumps(body).encode()
    assert DIALECT.read_outcome(raw) is None
    assert DIALECT.read_response(raw) is None


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 5}, Usage(input=9, output=2, reasoning=5)),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 4}, Usage(input=5, cache_read=4)),
        ({"promptTokenCount": 9, "toolUsePromptTokenCount": 3, "candidatesTokenCount": 1}, Usage(input=12, output=1)),
        ({"promptTokenCount": 9, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}, {"modality": "TEXT", "tokenCount": 3}],
          "candidatesTokenCount": 8, "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 8}]}, Usage(input=3, audio_input=6, audio_output=8)),
        ({"promptTokenCount": 9, "cachedContentTokenCount": 90}, Usage(cache_read=9)),
        ({"promptTokenCount": -1}, None), ({"promptTokenCount": 10**12}, None), ({}, None), ({"promptTokenCount": "9"}, None),
        ({"thoughtsTokenCount": 3}, None),
    ],
)  # fmt: skip
def test_usage_is_disjoint(told: dict[str, Any], usage: Usage | None) -> None:
    """Thoughts are output beside the candidates, tool prompts input beside the prompt, cached tokens inside it (trap 25, S-8)."""
    outcome = DIALECT.read_outcome(json.dumps(answer(usageMetadata=told)).encode())
    assert outcome is not None
    assert outcome.usage == usage


@pytest.mark.parametrize(
    ("told", "terms"),
    [
        ({"serviceTier": "standard"}, {}), ({"serviceTier": "FLEX"}, {"service_tier": "flex"}),
        ({"trafficType": "ON_DEMAND"}, {}), ({"trafficType": "ON_DEMAND_PRIORITY"}, {"service_tier": "priority"}),
        ({"serviceTier": "unspecified"}, {}),
    ],
)  # fmt: skip
def test_terms_are_told(told: dict[str, Any], terms: dict[str, str]) -> None:
    """What the price depends on beside tokens is seen, in both services' words."""
    outcome = DIALECT.read_outcome(json.dumps(answer(usageMetadata={"promptTokenCount": 1} | told)).encode())
    assert outcome is not None
    assert dict(outcome.terms) == terms


def test_models_are_listed() -> None:
    """A model's name stands in its collection; what is unknown of it is left out."""
    told = json.loads(
        DIALECT.write_models([ModelCard("fast", max_input=9, max_output=5, display_name="Fast"), ModelCard("slow")])
    )
    methods = ["generateContent", "streamGenerateContent", "countTokens"]
    assert told == {"models": [
        {"name": "models/fast", "displayName": "Fast", "inputTokenLimit": 9, "outputTokenLimit": 5, "supportedGenerationMethods": methods},
        {"name": "models/slow", "displayName": "slow", "supportedGenerationMethods": methods},
    ]}  # fmt: skip
    assert json.loads(DIALECT.write_model(ModelCard("slow"))) == told["models"][1]


def test_others_proofs_are_taken_out_of_a_clients_own_history() -> None:
    """A signature of another provider's model, which a client sends back wrapped, is not shown to Google (trap 33); all else stays."""
    wrapped = "c3Rvcm1rZWVsfHNpZ25hdHVyZXxhYmM="
    parts = [
        {"text": "Hm", "thought": True, "thought_signature": wrapped},
        {"text": "", "thought": True, "thoughtSignature": wrapped},
        {"text": "So"},
    ]
    alone = [{"text": "", "thought": True, "thoughtSignature": wrapped}]
    contents = [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": parts}, {"role": "model", "parts": alone}]
    body, taken = DIALECT.without_foreign(json.dumps({"contents": contents, "x": 1}).encode(), Target("gemini-x"))
    assert json.loads(body) == {
        "contents": [contents[0], {"role": "model", "parts": [{"text": "Hm", "thought": True}, {"text": "So"}]}],
        "x": 1,
    }
    assert taken == (
        "contents[1].parts[0].thought_signature",
        "contents[1].parts[1].thoughtSignature",
        "contents[2].parts[0].thoughtSignature",
    )


@pytest.mark.parametrize(
    "body",
    [b'{"contents":[]}', b'{"contents":"c3Rvcm1rZWVs"}', b"c3Rvcm1rZWVs", b'{"contents":[{"parts":[{"text":"c3Rvcm1rZWVs"}]}]}'],
)
def test_a_body_without_foreign_things_is_not_touched(body: bytes) -> None:
    """A body that has nothing to be taken out, or makes no sense, stays the very bytes."""
    assert DIALECT.without_foreign(body, Target("gemini-x")) == (body, ())

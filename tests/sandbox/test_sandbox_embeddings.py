"""Embeddings: the official client gets unit vectors, as floats and as base64; what the service refuses is refused."""

from __future__ import annotations

import base64
import json
import struct
from fractions import Fraction
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import Got, ask, body_for, with_sandbox

from stormkeel.sandbox import FAULTS, Row, Sandbox, SandboxSettings, Tokens
from stormkeel.sandbox.embeddings.vectors import base64_of, vector

QUICK = SandboxSettings(seed=7, hold_s=0.05, close_grace_s=0.1)


def client_of(sandbox: Sandbox) -> openai.AsyncOpenAI:
    """An OpenAI client that asks once."""
    return openai.AsyncOpenAI(base_url=f"{sandbox.url}/v1", api_key="sk-test", max_retries=0)


def asked(body: dict[str, Any], headers: dict[str, str | None] | None = None) -> tuple[Got, Row]:
    """Ask one thing and return the answer and its row of the bill."""
    seen: list[tuple[Got, Row]] = []

    async def story(sandbox: Sandbox) -> None:
        got = await ask(sandbox, "embeddings", body, headers)
        await sandbox.quiet()
        seen.append((got, sandbox.bill()[-1]))

    with_sandbox(story, QUICK)
    return seen[0]


@given(st.binary(), st.integers(1, 300))
def test_vectors_are_units_in_either_form(source: bytes, dimensions: int) -> None:
    """A vector has length 1, and base64 holds exactly its numbers, little-endian."""
    numbers = vector(source, dimensions)
    assert sum(number**2 for number in numbers) == pytest.approx(1, abs=1e-5)
    assert struct.unpack(f"<{dimensions}f", base64.b64decode(base64_of(numbers))) == tuple(numbers)


@given(st.binary(), st.integers(1, 60), st.integers(1, 60))
def test_a_shorter_vector_is_the_beginning_of_a_longer_one(source: bytes, short: int, more: int) -> None:
    """Fewer dimensions are the first ones, made unit again."""
    begun, longer = vector(source, short), vector(source, short + more)[:short]
    length = sum(number**2 for number in longer) ** 0.5
    assert begun == pytest.approx([number / length for number in longer], abs=1e-6)


def test_the_client_decodes_what_it_asked_for() -> None:
    """The client's own base64 and floats are the same vectors; each input has its place, its own vector and its tokens."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            model, texts = "text-embedding-3-small", ["Hello there", "Land ahoy", "Hello there"]
            packed = await client.embeddings.create(model=model, input=texts)
            plain = await client.embeddings.create(model=model, input=texts, encoding_format="float")
            single = await client.embeddings.create(model=model, input=texts[1])
            large = await client.embeddings.create(model="text-embedding-3-large", input=[[1, 2, 3], [4]])
            short = await client.embeddings.create(model=model, input=[5, 6], dimensions=256)
        assert b'"encoding_format":"base64"' in sandbox.requests[0].body.replace(b" ", b"")
        assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
        assert ([item.index for item in packed.data], packed.object, packed.model) == ([0, 1, 2], "list", model)
        assert packed.data[0].embedding == packed.data[2].embedding != packed.data[1].embedding == single.data[0].embedding
        assert [len(got.data[0].embedding) for got in (packed, large, short)] == [1536, 3072, 256]
        assert [got.usage.prompt_tokens for got in (packed, single, large, short)] == [6, 2, 4, 2]
        assert (packed.usage.total_tokens, len(large.data), len(short.data)) == (6, 2, 1)
        rows = sandbox.bill()
        assert [row.tokens for row in rows[:3]] == [Tokens(input=6), Tokens(input=6), Tokens(input=2)]
        # 6 x 0.02 per million; 4 x 0.13
        assert (rows[0].cost, rows[3].cost) == (Fraction(12, 100_000_000), Fraction(52, 100_000_000))
        assert {row.dialect for row in rows} == {"openai_embeddings"}

    with_sandbox(story)


def test_vectors_follow_from_seed_model_and_input() -> None:
    """Another seed or model is another vector; the same are the same."""
    seen: list[Any] = []

    async def story(sandbox: Sandbox) -> None:
        for model in ("text-embedding-3-small", "whale-embed"):
            seen.append((await ask(sandbox, "embeddings", body_for("embeddings", model=model))).json["data"][0]["embedding"])

    for seed in (1, 1, 2):
        with_sandbox(story, SandboxSettings(seed=seed))
    assert seen[:2] == seen[2:4]
    assert len({json.dumps(one) for one in seen}) == 4


REFUSED: list[tuple[dict[str, Any], int, str, str | None, str | None]] = [
    ({"input": None}, 400, "Missing required parameter: 'input'.", "missing_required_parameter", "input"),
    ({"model": None}, 400, "Missing required parameter: 'model'.", "missing_required_parameter", "model"),
    ({"stream": True}, 400, "Unrecognized request argument supplied: stream", None, None),
    ({"input": ""}, 400, "Invalid 'input[0]': input cannot be an empty string.", None, "input"),
    ({"input": ["a", ""]}, 400, "Invalid 'input[1]': input cannot be an empty string.", None, "input"),
    ({"input": []}, 400, "'$.input' is invalid.", None, None),
    ({"input": ["a", 1]}, 400, "'$.input' is invalid.", None, None),
    ({"input": ["a", [1]]}, 400, "'$.input' is invalid.", None, None),
    ({"input": {"text": "a"}}, 400, "Invalid type for 'input'", "invalid_type", "input"),
    ({"input": [-1]}, 400, "Invalid value for 'input[0]'", "invalid_value", "input[0]"),
    ({"input": ["a"] * 2049}, 400, "Invalid 'input': array too long.", "array_above_max_length", "input"),
    ({"input": "a " * 8193}, 400, "This model's maximum context length is 8192 tokens, however you requested 8194", None, None),
    ({"input": [[1] * 8193]}, 400, "This model's maximum context length is 8192 tokens, however you requested 8193", None, None),
    ({"input": [[1] * 8000] * 38}, 400, "Requested 304000 tokens, max 300000", "max_tokens_per_request", "input"),
    ({"encoding_format": "int8"}, 400, "Invalid value for 'encoding_format'", "invalid_value", "encoding_format"),
    ({"dimensions": 0}, 400, "Invalid value for 'dimensions'", "invalid_value", "dimensions"),
    ({"dimensions": 1537}, 400, "Invalid value for 'dimensions' = 1537. Must be less than or equal to 1536.", None, None),
    ({"model": "text-embedding-ada-002", "dimensions": 8}, 400, "This model does not support specifying dimensions.", None, None),
    ({"model": "gpt-5.4-mini"}, 403, "You are not allowed to generate embeddings from this model", None, None),
]


@pytest.mark.parametrize(("changes", "status", "message", "code", "param"), REFUSED)
def test_embeddings_refuses(changes: dict[str, Any], status: int, message: str, code: str | None, param: str | None) -> None:
    """A request the service would not take is refused in its words, and costs nothing."""
    got, row = asked(body_for("embeddings", **changes))
    error = got.json["error"]
    assert (got.status, error["code"], error["param"]) == (status, code, param)
    assert error["message"].startswith(message)
    assert row.cost == 0


@pytest.mark.parametrize("changes", [{"input": ["a"] * 2048, "dimensions": 2}, {"input": [[1] * 8000] * 37, "dimensions": 2}])
def test_embeddings_takes_what_just_fits(changes: dict[str, Any]) -> None:
    """The limits themselves are allowed."""
    got, row = asked(body_for("embeddings", **changes))
    assert (got.status, len(got.json["data"])) == (200, len(changes["input"]))
    assert row.tokens.input == (2048 if isinstance(changes["input"][0], str) else 296_000)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_faults_of_embeddings(fault: str) -> None:
    """Each fault does to vectors what it does to any whole answer; those of streams and words do nothing."""
    settings = {"slow_first_token": ":seconds=0.02"}
    got, row = asked(body_for("embeddings"), {"x-sandbox-fault": fault + settings.get(fault, "")})
    full, usual = asked(body_for("embeddings"))
    if fault in {"no_terminal", "content_filter", "slow_first_token"}:
        assert (got.body, row.tokens, got.end) == (full.body, usual.tokens, "whole")
    elif fault in {"cut", "cut_clean", "stall", "malformed"}:
        assert (got.status, full.body.startswith(got.body), row.tokens) == (200, True, usual.tokens)
        assert len(got.body) < len(full.body)
    elif fault == "no_usage":
        assert (b'"usage"' in got.body, row.tokens, row.usage_reported) == (False, usual.tokens, False)
    elif FAULTS[fault].stage == "wire":
        assert (got.status, row.cost) == (None, 0)
    else:
        assert (got.status or 0) >= 400
        assert row.cost == 0
    if fault == "context_length":
        assert "8192 tokens, however you requested 8193 tokens" in got.json["error"]["message"]


def test_wishes_for_embeddings() -> None:
    """The tokens of the input may be wished; words cannot, and no other tokens."""
    got, row = asked(body_for("embeddings"), {"x-sandbox-usage": '{"input": 1000000}'})
    assert (got.json["usage"]["prompt_tokens"], row.cost) == (1_000_000, Fraction(2, 100))
    for name, value in {"answer": "Hi", "tokens": "3", "usage": '{"output": 3}', "refusal": "No."}.items():
        refused, _ = asked(body_for("embeddings"), {f"x-sandbox-{name}": value})
        assert refused.status == 400
        assert refused.json["error"]["message"].startswith("sandbox: ")
    plain, _ = asked(body_for("embeddings", input='x\nsandbox: {"usage": {"input": 5}}'))
    assert plain.json["usage"]["total_tokens"] == 5

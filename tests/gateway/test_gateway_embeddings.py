"""Embeddings through the gateway: the official SDKs, unmodified, against providers of their own format and of the other."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from gateway_stage import Got, Stage, ask, configuration, play, posted, staged
from google import genai
from google.genai import errors, types

from stormkeel.sandbox import SandboxSettings

OPENAI_MODEL, GEMINI_MODEL = "openai/text-embedding-3-small", "gemini/gemini-embedding-001"
NEWER = "gemini/gemini-embedding-2"
BATCH = "/v1beta/models/{}:batchEmbedContents"
ONE = "/v1beta/models/{}:embedContent"


@asynccontextmanager
async def house(folder: Path, more: str = "") -> AsyncIterator[Stage]:
    """A stage whose gateway knows OpenAI and Gemini."""

    def written(url: str) -> Path:
        (folder / "gemini.key").write_text("sk-CANARYgemini0123456789")
        gemini = f'[providers.gemini]\nbase_url = "{url}/v1beta"\ncredentials = {{ main = "file:{folder}/gemini.key" }}\n'
        path = folder / "stormkeel.toml"
        path.write_text(configuration(url, folder, "[policies.retry]\nattempts = 1\n") + gemini + more)
        return path

    async with staged(folder, sandbox=SandboxSettings(seed=7), written=written) as stage:
        yield stage


def openai_at(stage: Stage, prefix: str = "/openai/v1") -> openai.AsyncOpenAI:
    """OpenAI's client at the gateway."""
    return openai.AsyncOpenAI(base_url=stage.url + prefix, api_key="any", max_retries=0)


def google_at(stage: Stage, prefix: str = "/gemini") -> Any:
    """Google's client at the gateway."""
    return genai.Client(api_key="any", http_options=types.HttpOptions(base_url=stage.url + prefix)).aio


async def posting(stage: Stage, path: str, body: Any) -> Got:
    """Ask with a body as it is."""
    return await ask(stage, posted(path, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@pytest.mark.parametrize("model", [OPENAI_MODEL, GEMINI_MODEL, NEWER])
def test_openais_sdk(prefix: str, model: str, tmp_path: Path) -> None:
    """OpenAI's SDK gets the same vectors as floats and in base64, which it asks for unasked, from either provider."""

    async def story() -> None:
        async with house(tmp_path) as stage, openai_at(stage, prefix) as client:
            packed = await client.embeddings.create(model=model, input=["one", "two"], dimensions=256)
            plain = await client.embeddings.create(model=model, input=["one", "two"], dimensions=256, encoding_format="float")
            alone = await client.embeddings.create(model=model, input="two", dimensions=256)
            assert [item.index for item in packed.data] == [0, 1]
            assert [len(item.embedding) for item in packed.data] == [256, 256]
            assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
            assert alone.data[0].embedding == plain.data[1].embedding != plain.data[0].embedding
            assert packed.usage.prompt_tokens == packed.usage.total_tokens > 0
            assert [entry.outcome for entry in stage.settled] == ["ok"] * 3

    play(story)


@pytest.mark.parametrize("prefix", ["", "/gemini"])
@pytest.mark.parametrize("model", [GEMINI_MODEL, OPENAI_MODEL])
def test_googles_sdk(prefix: str, model: str, tmp_path: Path) -> None:
    """Google's SDK, which sends a batch even for one text, gets its vectors from either provider."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            client = google_at(stage, prefix)
            wishes = types.EmbedContentConfig(output_dimensionality=64)
            both = await client.models.embed_content(model=model, contents=["one", "two"], config=wishes)
            alone = await client.models.embed_content(model=model, contents="two", config=wishes)
            assert [len(one.values) for one in both.embeddings] == [64, 64]
            assert alone.embeddings[0].values == both.embeddings[1].values

    play(story)


def test_both_clients_see_one_vector(tmp_path: Path) -> None:
    """A text has the very same vector whichever client asks for it, at either provider."""

    async def story() -> None:
        async with house(tmp_path) as stage, openai_at(stage) as client:
            for model in (OPENAI_MODEL, GEMINI_MODEL):
                one = await client.embeddings.create(model=model, input="a text")
                other = await google_at(stage).models.embed_content(model=model, contents="a text")
                assert one.data[0].embedding == other.embeddings[0].values

    play(story)


def test_a_body_passes_byte_for_byte(tmp_path: Path) -> None:
    """A provider that speaks the client's format is sent the client's bytes, but for the name of the model."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            body = b'{ "input" : ["\\u00e9", "b"],\n "model":"openai/text-embedding-3-small" , "encoding_format":"base64"}'
            got = await posting(stage, "/v1/embeddings", body)
            assert got.status == 200, got.body
            sent = stage.sandbox.requests[-1].body
            assert sent == body.replace(b"openai/text", b"text")
            batch = (
                b'{"requests" :[ {"content":{"parts":[{"text":"a"}]},"model": "models/gemini/gemini-embedding-001"} ,\n'
                b'{"model":"models/gemini/gemini-embedding-001","content":{"parts":[{"text":"models/gemini/b"}]},"task_type":"CLUSTERING"}]}'
            )
            got = await posting(stage, BATCH.format(GEMINI_MODEL), batch)
            assert got.status == 200, got.body
            sent = stage.sandbox.requests[-1].body
            assert sent == batch.replace(b'"models/gemini/gemini-', b'"models/gemini-')
            one = b'{"content":{"parts":[{"text":"a"}]}}'
            got = await posting(stage, ONE.format(GEMINI_MODEL), one)
            assert list(json.loads(got.body)) == ["embedding", "usageMetadata"]
            assert stage.sandbox.requests[-1].body == one

    play(story)


def test_one_content_from_openai(tmp_path: Path) -> None:
    """A single content is embedded by OpenAI as well, and comes back alone."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            body = {
                "content": {"parts": [{"text": "a"}, {"text": "b"}], "role": "user"},
                "outputDimensionality": 8,
                "taskType": "CLUSTERING",
            }
            got = await posting(stage, ONE.format(OPENAI_MODEL), body)
            told = json.loads(got.body)
            assert len(told["embedding"]["values"]) == 8
            assert told["usageMetadata"]["promptTokenCount"] > 0
            assert got.headers["x-stormkeel-lossy"] == "taskType"
            assert json.loads(stage.sandbox.requests[-1].body)["input"] == ["ab"]

    play(story)


def test_tokens(tmp_path: Path) -> None:
    """Tokens pass to the provider whose they are, and are refused to another, who would read them as something else."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            for given in ([1, 2, 3], [[1, 2], [3]]):
                got = await posting(stage, "/v1/embeddings", {"model": OPENAI_MODEL, "input": given})
                assert got.status == 200
                assert json.loads(got.body)["usage"]["prompt_tokens"] == 3
                got = await posting(stage, "/v1/embeddings", {"model": GEMINI_MODEL, "input": given})
                assert got.status == 422, got
                assert "send `input` as texts" in json.loads(got.body)["error"]["message"]
            assert len(stage.sandbox.requests) == 2

    play(story)


def test_losses_are_told(tmp_path: Path) -> None:
    """What the other provider has no word for is told, by the client's own names."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            got = await posting(stage, "/v1/embeddings", {"model": GEMINI_MODEL, "input": "a", "user": "u", "extra": 1})
            assert got.headers["x-stormkeel-lossy"] == "extra, user"
            requests = [
                {
                    "model": "models/" + OPENAI_MODEL,
                    "content": {"parts": [{"text": text}]},
                    "taskType": "CLUSTERING",
                    "title": text,
                }
                for text in "ab"
            ]
            got = await posting(stage, BATCH.format(OPENAI_MODEL), {"requests": requests})
            assert got.status == 200, got.body
            assert got.headers["x-stormkeel-lossy"] == "requests[0].title, requests[1].title, requests[].taskType"

    play(story)


def test_money(tmp_path: Path) -> None:
    """What is booked is what the provider's own bill says, or where it reports nothing an estimate that says so; no output."""

    async def story() -> None:
        async with house(tmp_path) as stage, openai_at(stage) as client:
            given = await client.embeddings.create(model=OPENAI_MODEL, input=["Hello there, world", "and again"])
            entry = stage.settled[-1]
            assert (entry.usage_source, entry.usage.total_output) == ("provider", 0)
            assert entry.usage.input == given.usage.prompt_tokens
            assert entry.amount == given.usage.prompt_tokens * 20  # nano-dollars a token: $0.02 a million
            held = stage.reserved[-1]
            assert held.amount is not None
            assert held.amount >= entry.amount
            assert held.output_bound == 0

    play(story)


BAD: list[tuple[Any, str]] = [
    ({}, "input"),
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": {"a": 1}}, "input"),
    ({"input": []}, "input"),
    ({"input": ""}, "input"),
    ({"input": ["a", ""]}, "input[1]"),
    ({"input": [[1], []]}, "input[1]"),
    ({"input": ["a", 1]}, "input"),
    ({"input": [1, "a"]}, "input"),
    ({"input": ["a", None]}, "input[1]"),
    ({"input": [[1, "a"]]}, "input[0][1]"),
    ({"input": [-1]}, "input[0]"),
    ({"input": [2**70]}, "input[0]"),
    ({"input": ["a"] * 2049}, "input"),
]


def test_bad_openai_bodies(tmp_path: Path) -> None:
    """A body that is wrong is refused in the client's format, naming the field, and nothing is sent."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            for more, path in BAD:
                for model in (OPENAI_MODEL, GEMINI_MODEL):
                    got = await posting(stage, "/v1/embeddings", {"model": model, **more})
                    error = json.loads(got.body)["error"]
                    assert (got.status, error["type"]) == (400, "invalid_request_error"), more
                    assert f'"{path}"' in error["message"], error
            assert (stage.sandbox.requests, stage.reserved) == ([], [])

    play(story)


TEXT = {"parts": [{"text": "a"}]}
BAD_BATCHES: list[tuple[Any, str]] = [
    ({}, "requests"),
    ({"requests": None}, "requests"),
    ({"requests": {"content": TEXT}}, "requests"),
    ({"requests": []}, "requests"),
    ({"requests": [{"content": TEXT}] * 101}, "requests"),
    ({"requests": [{"content": TEXT}, {}]}, "requests[1].content"),
    ({"requests": [{"content": {"parts": []}}]}, "requests[0].content.parts"),
    ({"requests": [{"content": {"parts": [{"text": ""}]}}]}, "requests[0].content.parts[0].text"),
    ({"requests": [{"content": {"parts": [{"text": 5}]}}]}, "requests[0].content.parts[0].text"),
    ({"requests": [{"content": TEXT}, {"content": TEXT, "model": "models/another"}]}, "requests[1].model"),
    ({"requests": ["a"]}, "requests[0]"),
]


def test_bad_gemini_bodies(tmp_path: Path) -> None:
    """A batch that is wrong is refused in Gemini's format, naming the field, and nothing is sent."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            for body, path in BAD_BATCHES:
                for model in (OPENAI_MODEL, GEMINI_MODEL):
                    got = await posting(stage, BATCH.format(model), body)
                    error = json.loads(got.body)["error"]
                    assert (got.status, error["status"]) == (400, "INVALID_ARGUMENT"), body
                    assert f'"{path}"' in error["message"], error
            assert (stage.sandbox.requests, stage.reserved) == ([], [])

    play(story)


DEEP = b"[" * 100_000 + b"]" * 100_000


HOSTILE = [
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":' + DEEP + b"}"),
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":"a","x":' + DEEP + b"}"),
    ("/v1/embeddings", b'{"model":"gemini/gemini-embedding-001","input":"a","x":' + DEEP + b"}"),
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":"a","input":["a","b"]}'),
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":"a","\\u0069nput":["a","b"]}'),
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":"\xff"}'),
    ("/v1/embeddings", b'{"model":"openai/text-embedding-3-small","input":"\\ud800"}'),
    ("/v1/embeddings", b"["),
    (BATCH.format(GEMINI_MODEL), b'{"requests":' + DEEP + b"}"),
    (BATCH.format(GEMINI_MODEL), b'{"requests":[{"content":{"parts":[{"text":"a"}]},"x":' + DEEP + b"}]}"),
    (BATCH.format(OPENAI_MODEL), b'{"requests":[{"content":{"parts":[{"text":"a"}]},"x":' + DEEP + b"}]}"),
    (
        BATCH.format(GEMINI_MODEL),
        b'{"requests":[{"content":{"parts":[{"text":"a"}]},"model":"models/gemini/gemini-embedding-001","model":"models/x"}]}',
    ),
    (
        BATCH.format(GEMINI_MODEL),
        b'{"requests":[{"content":{"parts":[{"text":"a"}]}}],"requests":[{"content":{"parts":[{"text":"b"}]}}]}',
    ),
    (ONE.format(GEMINI_MODEL), b'{"content":{"parts":[{"text":"a"}]},"content":{"parts":[{"text":"b"}]}}'),
    (ONE.format(GEMINI_MODEL), b'{"content":{"parts":[{"text":"\xff"}]}}'),
]


def test_hostile_bodies(tmp_path: Path) -> None:
    """Depth, fields that stand twice and bytes that are no text are refused: never a fault of ours, and nothing is sent."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            for path, body in HOSTILE:
                got = await posting(stage, path, body)
                assert got.status == 400, (body[:200], got)
                assert "error" in json.loads(got.body)
            assert (stage.sandbox.requests, stage.reserved) == ([], [])

    play(story)


def test_the_blocking_sdks(tmp_path: Path) -> None:
    """The SDKs' blocking clients get the same."""

    async def story() -> None:
        async with house(tmp_path) as stage:

            def ask_both() -> None:
                with openai.OpenAI(base_url=stage.url + "/v1", api_key="any", max_retries=0) as client:
                    one = client.embeddings.create(model=GEMINI_MODEL, input="a")
                google = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=stage.url + "/gemini"))
                other = google.models.embed_content(model=GEMINI_MODEL, contents="a")
                assert one.data[0].embedding == other.embeddings[0].values

            await asyncio.to_thread(ask_both)

    play(story)


def test_failures_in_the_clients_format(tmp_path: Path) -> None:
    """A provider that is overloaded is told by either client's own class, whichever provider it is."""

    async def story() -> None:
        async with house(tmp_path) as stage, openai_at(stage) as client:
            for model in (OPENAI_MODEL, GEMINI_MODEL):
                with pytest.raises(openai.InternalServerError) as caught:
                    await client.embeddings.create(model=f"{model}@fault=overloaded", input="a")
                assert caught.value.status_code == 503
                with pytest.raises(errors.ServerError) as told:
                    await google_at(stage).models.embed_content(model=f"{model}@fault=overloaded", contents="a")
                assert told.value.code == 503
            assert {entry.amount for entry in stage.settled} == {0}

    play(story)


def test_who_has_no_embeddings(tmp_path: Path) -> None:
    """A provider that speaks no embeddings is not asked; a model that makes none says so itself, and the client reads it."""

    async def story() -> None:
        async with house(tmp_path) as stage, openai_at(stage) as client:
            with pytest.raises(openai.APIStatusError, match="into which OpenAI embeddings can be translated"):
                await client.embeddings.create(model="anthropic/claude-sonnet-5", input="a")
            assert stage.reserved == []
            with pytest.raises(openai.APIStatusError, match="generate embeddings from this model"):
                await client.embeddings.create(model="openai/gpt-5.4-mini", input="a")

    play(story)


def test_base64_on_the_wire(tmp_path: Path) -> None:
    """What is packed for a client is what the provider said: little-endian 32-bit floats, four bytes each."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            body = {"model": GEMINI_MODEL, "input": "a", "encoding_format": "base64", "dimensions": 3}
            got = await posting(stage, "/v1/embeddings", body)
            packed = base64.b64decode(json.loads(got.body)["data"][0]["embedding"])
            got = await posting(stage, ONE.format(GEMINI_MODEL), {"content": TEXT, "outputDimensionality": 3})
            assert list(struct.unpack("<3f", packed)) == json.loads(got.body)["embedding"]["values"]

    play(story)


def test_methods_that_nobody_serves(tmp_path: Path) -> None:
    """A Gemini address whose method is not served is not found, and the methods that are stand there."""

    async def story() -> None:
        async with house(tmp_path) as stage:
            got = await posting(stage, "/v1beta/models/gemini-x:predict", {})
            assert got.status == 404
            assert "models/{model}:batchEmbedContents" in json.loads(got.body)["error"]["message"]

    play(story)

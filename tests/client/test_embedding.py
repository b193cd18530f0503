"""Texts become vectors: both faces, split by the provider's limits, summed, and never of two models."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from client_stage import PATIENT, Provider, provided, run, written

from stormkeel import AsyncClient, Client
from stormkeel.client.embedding import Batch, parts
from stormkeel.config.load import load
from stormkeel.errors import InvalidRequestError, ModelUnavailableError, StormkeelError, UnsupportedError
from stormkeel.providers import KINDS

SMALL = "openai/text-embedding-3-small"
GEMINI = "gemini/gemini-embedding-001"


def settings(provider: Provider, folder: Path, more: str = "") -> Any:
    """OpenAI, Anthropic and Gemini at the sandbox."""
    gemini = f'[providers.gemini]\nbase_url = "{provider.url}/v1beta"\ncredentials = {{ main = "file:{folder / "key"}" }}\n'
    return load(written(provider.url, folder, PATIENT + gemini + more).encode(), {}, KINDS)


def test_one_and_several(tmp_path: Path) -> None:
    """A text has its vector, a list has one for each text in its order; the cost is exact, and what was tried stands there."""
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        alone = client.embed("two", model=SMALL, dimensions=16)
        both = client.embed(["one", "two"], model=SMALL, dimensions=16, task="index", user="me", tags=["a"])
        assert both.vectors[1] == alone.vector != both.vectors[0]
        assert len(alone.vector) == 16
        assert (both.model, both.provider, both.lossy) == ("text-embedding-3-small", "openai", ())
        assert both.cost == Decimal(both.usage.input) * Decimal("0.02") / 1_000_000
        assert (both.usage.total_output, len(both.attempts)) == (0, 1)
        assert both.request_id.startswith("req_")
        with pytest.raises(InvalidRequestError, match=r"take \.vectors"):
            _ = both.vector


def test_the_bill(tmp_path: Path) -> None:
    """What is summed over all requests of a long list is what the provider's own bill says."""
    texts = [f"text number {number}" for number in range(5000)]
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        told = client.embed(texts, model=SMALL, dimensions=2)
        assert len(told.vectors) == 5000
        assert told.vectors[4321] == client.embed(texts[4321], model=SMALL, dimensions=2).vector
        assert len(told.attempts) == 3
        provider.quiet()  # the bill is final then
        rows = provider.sandbox.bill()[:3]
        assert told.usage.input == sum(row.tokens.input for row in rows)
        assert told.cost is not None
        assert Fraction(told.cost) == sum((row.cost for row in rows), Fraction())


@pytest.mark.parametrize("model", ["gemini/gemini-embedding-001", "gemini/gemini-embedding-2"])
def test_gemini(model: str, tmp_path: Path) -> None:
    """Gemini takes a hundred at once, and is told what the vectors are for."""
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        told = client.embed([f"text {number}" for number in range(250)], model=model, purpose="retrieval_document", dimensions=4)
        assert [len(told.vectors), len(told.attempts)] == [250, 3]
        assert all(b'"taskType":"RETRIEVAL_DOCUMENT"' in record.body for record in provider.sandbox.requests)
        provider.quiet()  # the bill is final then
        rows = provider.sandbox.bill()
        assert told.usage.input == sum(row.tokens.input for row in rows)
        assert told.cost is not None
        assert Fraction(told.cost) == sum((row.cost for row in rows), Fraction())


def test_what_is_lost(tmp_path: Path) -> None:
    """OpenAI has no word for a purpose: that is told, or where it must not be so, refused before anything is sent."""
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        assert client.embed("a", model=SMALL, purpose="clustering").lossy == ("purpose",)
        with pytest.raises(UnsupportedError, match="purpose"):
            client.embed("a", model=SMALL, purpose="clustering", strict=True)
        assert len(provider.sandbox.requests) == 1


def test_asynchronously(tmp_path: Path) -> None:
    """The asynchronous client does the same."""

    async def story() -> None:
        async with AsyncClient(settings(provider, tmp_path), data="memory", default_model=SMALL) as client:
            told = await client.embed(["a", "b"])
            assert [len(vector) for vector in told.vectors] == [1536, 1536]

    with provided() as provider:
        run(story)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"texts": []}, "texts is empty"),
        ({"texts": ""}, r"texts\[0\] is empty"),
        ({"texts": ["a", ""]}, r"texts\[1\] is empty"),
        ({"texts": ["a", 5]}, r"texts\[1\] is of type int"),
        ({"texts": "a", "dimensions": 0}, "dimensions=0"),
        ({"texts": "a", "dimensions": True}, "dimensions=True"),
        ({"texts": "a", "timeout": -1}, "timeout=-1"),
        ({"texts": "a", "tags": "x"}, "tags='x'"),
        ({"texts": "a", "purpose": 5}, "purpose=5"),
    ],
)
def test_what_can_not_be_meant(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A wish that can't be meant so is refused by its name, and nothing is sent."""
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        with pytest.raises(InvalidRequestError, match=words):
            client.embed(model=SMALL, **given)
        assert provider.sandbox.requests == []


def test_whom_to_ask(tmp_path: Path) -> None:
    """A provider without embeddings and a model that is not there say so."""
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        with pytest.raises(UnsupportedError, match="speaks no dialect in which texts are embedded"):
            client.embed("a", model="anthropic/claude-sonnet-5")
        with pytest.raises(ModelUnavailableError, match="there is no model or route"):
            client.embed("a", model="nowhere/x")


def test_two_models_never_mix(tmp_path: Path) -> None:
    """Where a second model answers the later texts of a list, it is an error that says both: such vectors can't be compared."""
    more = '[routes.r]\nstrategy = "round_robin"\ngroups = [["openai/text-embedding-3-small", "openai/text-embedding-3-large"]]\n'
    with provided() as provider, Client(settings(provider, tmp_path, more), data="memory") as client:
        with pytest.raises(StormkeelError, match="can't be compared") as caught:
            client.embed(["a"] * 2049, model="r", dimensions=2)
        assert len(caught.value.attempts) == 2


def test_an_error_has_the_attempts_before_it(tmp_path: Path) -> None:
    """Where a later request of a list fails, its error holds the attempts of all, so that nothing paid for is forgotten."""
    texts = ["a"] * 2048 + ["b " * 9000]
    with provided() as provider, Client(settings(provider, tmp_path), data="memory") as client:
        with pytest.raises(StormkeelError) as caught:
            client.embed(texts, model=SMALL, dimensions=2)
        assert [attempt.failure is None for attempt in caught.value.attempts] == [True, False]


def test_parts_by_tokens() -> None:
    """A list is cut by its size as well, by two bytes a token; a text larger than that goes alone."""
    texts = ["aaaa", "bb", "cc", "d" * 100, "e"]
    assert list(parts(texts, Batch(10, 3))) == [("aaaa", "bb"), ("cc",), ("d" * 100,), ("e",)]

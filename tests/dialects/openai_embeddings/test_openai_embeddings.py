"""The OpenAI embeddings codec: what it finds in a body, and what answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.openai_embeddings import OpenAIEmbeddings
from stormkeel.dialects.values import Head, Outcome, Target
from stormkeel.types.embedding import Texts, Vectors
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.usage import Usage

CODEC = OpenAIEmbeddings()
HEAD = Head("req_1", 1, "m")


def read(raw: bytes) -> Request:
    """A body that is looked at."""
    request = CODEC.read_request(raw, "r1")
    assert isinstance(request, Request), request
    return request


def answer(*embeddings: Any, **more: Any) -> bytes:
    """A whole answer."""
    data = [{"object": "embedding", "index": place, "embedding": value} for place, value in enumerate(embeddings)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return json.dumps({"object": "list", "data": data, "model": "m-1", "usage": usage} | more).encode()


@pytest.mark.parametrize(("given", "inputs"), [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2), (["input"], 1)])
def test_what_a_body_says(given: Any, inputs: int) -> None:
    """A request has no output, counts its inputs, and is text, whatever words stand in it."""
    request = read(json.dumps({"model": "m", "input": given, "stream": True}).encode())
    assert (request.model, request.max_output, request.inputs, request.is_text, request.stream) == ("m", 0, inputs, True, False)


def test_the_model_alone_is_renamed() -> None:
    """Every byte but the model's name stays."""
    raw = b'{ "input":["\\u00e9\\n"], "x" : 1.50,\t"model" : "mine", "encoding_format":"base64"}'
    assert CODEC.write_request(read(raw), "mine", bills=True) == raw
    assert CODEC.write_request(read(raw), "theirs", bills=True) == raw.replace(b'"mine"', b'"theirs"')


def test_what_a_prompt_is_written_as() -> None:
    """Tokens stay tokens; what this format has no word for is told."""
    texts = Texts((("a")[0:1], (1, 2)), 8, "CLUSTERING", "t", "u", wants_base64=True)
    written = CODEC.write_prompt(texts, Target("m"), stream=False)
    assert not isinstance(written, Failure)
    assert json.loads(written.body) == {
        "model": "m", "input": ["a", [1, 2]], "dimensions": 8, "user": "u", "encoding_format": "base64",
    }  # fmt: skip
    assert written.lost == ("purpose", "title")


def test_what_nobody_else_is_told() -> None:
    """A field of its own provider's is lost by its name."""
    reading = CODEC.read_prompt(b'{"model":"m","input":"a","truncate":"END","dimensions":null,"provider":{"order":[]}}')
    assert not isinstance(reading, Failure)
    assert (reading.prompt, reading.lost) == (Texts(("a",)), ("truncate", "provider"))


@pytest.mark.parametrize(
    "more", [{"dimensions": "8"}, {"dimensions": 0}, {"dimensions": 1.5}, {"encoding_format": "int8"}, {"user": 5}]
)
def test_a_wish_that_is_none(more: dict[str, Any]) -> None:
    """A wish of a wrong type is refused by its name."""
    failure = CODEC.read_prompt(json.dumps({"model": "m", "input": "a"} | more).encode())
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CALLER
    assert f'"{next(iter(more))}"' in failure.message


def test_an_answer_is_read_in_the_order_of_the_inputs() -> None:
    """Vectors come by their index, as floats or packed; a whole number is a number."""
    told = json.loads(answer("AACAPwAAAL8=", [1, -0.5]))
    told["data"].reverse()
    vectors = CODEC.read_response(json.dumps(told).encode())
    assert vectors == Vectors(([1.0, -0.5], [1, -0.5]), "m-1", Usage(input=4))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"data":[]}', b'{"data":null}', b'{"data":[{}]}', b'{"error":{"message":"no"}}',
        answer([]), answer("AAC"), answer("AACA"), answer("AACA!AAA"), answer([1e39]), answer(["a"]), answer([1.0], []), answer(None),
        answer("AACAfw=="), answer("AADAfw=="), b'{"data":[{"embedding":[NaN]}]}', b'{"data":[{"embedding":[1e999]}]}',
        b'{"data":[{"embedding":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    ],
)  # fmt: skip
def test_what_is_no_answer(body: bytes) -> None:
    """An answer without vectors, or with one that no client could be told, is none: half a float, infinity, nothing."""
    assert CODEC.read_response(body) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data":[]}', b'{"data":[{}]}', b'{"error":{"message":"no"}}'])
def test_what_passes_for_no_answer(body: bytes) -> None:
    """A passthrough takes an answer without vectors for none."""
    assert CODEC.read_outcome(body) is None


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 7, "total_tokens": 7}, Usage(input=7)),
        ({"prompt_tokens": 0, "total_tokens": 7}, Usage(input=7)),
        ({"total_tokens": 7}, Usage(input=7)),
        ({"prompt_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": 10**12}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": "7"}, None),
        ("no", None),
        (None, None),
    ],
)
def test_usage(usage: Any, told: Usage | None) -> None:
    """What makes sense is usage; anything else is none, and never breaks the answer (S-8)."""
    assert CODEC.read_outcome(answer([1.0], usage=usage)) == Outcome("", "m-1", None, told)
    vectors = CODEC.read_response(answer([1.0], usage=usage))
    assert vectors is not None
    assert vectors.usage == told


def test_an_answer_is_written() -> None:
    """A client sees its vectors in the form it asked for; where nobody counted, what was estimated."""
    given = Vectors(([1.0, -0.5],))
    told = json.loads(CODEC.write_response(given, Head("r", 1, "m", input_estimate=9)))
    assert told == {
        "object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0, -0.5]}], "model": "m",
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    }  # fmt: skip
    packed = json.loads(CODEC.write_response(given, Head("r", 1, "m", wants_base64=True)))
    assert packed["data"][0]["embedding"] == "AACAPwAAAL8="

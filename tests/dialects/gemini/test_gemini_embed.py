"""Gemini's embedding codecs: what they find in a body, how a name is exchanged in it, and what answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.gemini.embed import GeminiEmbedding, GeminiEmbeddings
from stormkeel.dialects.values import Call, Head, Outcome, Target
from stormkeel.types.embedding import Texts, Vectors
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.usage import Usage

BATCH, ONE = GeminiEmbeddings(), GeminiEmbedding()
HEAD = Head("req_1", 1, "m")


def content(*texts: str) -> dict[str, Any]:
    """A content of some texts."""
    return {"parts": [{"text": text} for text in texts]}


def batch(*requests: dict[str, Any]) -> bytes:
    """A batch's body."""
    return json.dumps({"requests": requests}).encode()


def read(raw: bytes, codec: GeminiEmbeddings = BATCH, model: str = "mine") -> Request:
    """A body that is looked at."""
    request = codec.read_request(raw, "r1", call=Call(model))
    assert isinstance(request, Request), request
    return request


def test_where_to_ask() -> None:
    """Each has a method of its own."""
    assert BATCH.path_for("gemini-x", False) == "/models/gemini-x:batchEmbedContents"
    assert ONE.path_for("gemini-x", False) == "/models/gemini-x:embedContent"


def test_what_a_body_says() -> None:
    """A request has no output and counts its contents; pictures are no text."""
    request = read(batch({"content": content("a", "b")}, {"content": content("file_data")}))
    assert (request.model, request.max_output, request.inputs, request.is_text) == ("mine", 0, 2, True)
    for name in ("inlineData", "inline_data", "fileData", "file_data"):
        picture = {"parts": [{name: {"mimeType": "image/png", "data": "AA=="}}]}
        assert read(batch({"content": content("a")}, {"content": picture})).is_text is False
        assert read(json.dumps({"content": picture}).encode(), ONE).is_text is False


def test_the_model_alone_is_renamed() -> None:
    """Each name of the model is exchanged where it stands, and no text that looks like one; every other byte stays."""
    raw = (
        b'{"x":[{"model":"models/mine"}],"requests" : [ {"content":{"parts":[{"text":"\\"model\\":\\"models/mine\\""}]},'
        b'"model" :\t"models/mine"},{"content":{"parts":[{"text":"models/mine"}]}} , \n{"model":"mine","content":'
        b'{"parts":[{"text":"\\u00e9"}],"model":"models/mine"}},{"model":null,"content":{"parts":[{"text":"a"}]}}]}'
    )
    request = read(raw)
    assert BATCH.write_request(request, "mine", bills=True) == raw
    renamed = BATCH.write_request(request, "theirs", bills=True)
    assert renamed == raw.replace(b'"model" :\t"models/mine"', b'"model" :\t"models/theirs"').replace(
        b'{"model":"mine"', b'{"model":"models/theirs"'
    )
    alone = b'{"content":{"parts":[{"text":"a"}]} ,"model":"models/mine"}'
    assert ONE.write_request(read(alone, ONE), "theirs", bills=True) == alone.replace(b"models/mine", b"models/theirs")
    unnamed = b'{"content":{"parts":[{"text":"a"}]}}'
    assert ONE.write_request(read(unnamed, ONE), "theirs", bills=True) == unnamed


def test_texts_are_read() -> None:
    """Both spellings are taken, parts are pieces of one text, and what all contents say is common."""
    raw = batch(
        {"content": content("a", "b") | {"role": "user"}, "task_type": "clustering", "outputDimensionality": "8", "title": "t"},
        {"content": content("c"), "taskType": "CLUSTERING", "output_dimensionality": 8, "title": "t"},
    )
    reading = BATCH.read_prompt(raw)
    assert not isinstance(reading, Failure), reading
    assert (reading.prompt, reading.lost) == (Texts(("ab", "c"), 8, "CLUSTERING", "t"), ())


def test_what_differs_is_lost() -> None:
    """Purposes and titles that differ have no common word, and each is told where it stands."""
    raw = batch(
        {"content": content("a"), "title": "t", "autoTruncate": True}, {"content": content("b"), "taskType": "CLUSTERING"}
    )
    reading = BATCH.read_prompt(raw)
    assert not isinstance(reading, Failure), reading
    assert reading.prompt == Texts(("a", "b"))
    assert reading.lost == ("requests[0].title", "requests[0].autoTruncate", "requests[1].taskType")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"requests": [{"content": {"parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}}]},
         'leave out "requests[0].content.parts[1].inlineData"'),
        ({"requests": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": "b"}]}, "outputDimensionality": 8}]},
         '"requests[1].outputDimensionality" differs'),
    ],
)  # fmt: skip
def test_what_can_not_cross(body: Any, words: str) -> None:
    """A picture, and vectors of several lengths, are had from Google alone."""
    failure = BATCH.read_prompt(json.dumps(body).encode())
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.UNSUPPORTED
    assert words in failure.message


def test_texts_are_written() -> None:
    """Each content says all that is wished; more than fit, and tokens, are refused."""
    texts = Texts(("a", "b"), 8, "CLUSTERING", "t", "u", wants_base64=True)
    written = BATCH.write_prompt(texts, Target("m"), stream=False)
    assert not isinstance(written, Failure)
    wish = {"model": "models/m", "taskType": "CLUSTERING", "title": "t", "outputDimensionality": 8}
    assert json.loads(written.body) == {"requests": [wish | {"content": content("a")}, wish | {"content": content("b")}]}
    assert written.lost == ("user",)
    for many, codec in ((Texts(("a",) * 101), BATCH), (texts, ONE), (Texts(((1, 2),)), BATCH)):
        failure = codec.write_prompt(many, Target("m"), stream=False)
        assert isinstance(failure, Failure)
        assert failure.kind is FailureKind.UNSUPPORTED
    assert BATCH.suits(texts, Target("m"))
    assert not ONE.suits(texts, Target("m"))


def test_answers() -> None:
    """Both forms are read by both; the usage may be spelled as it is recorded, with sound apart."""
    for body in ({"embeddings": [{"values": [1.0]}]}, {"embedding": {"values": [1.0]}}):
        assert BATCH.read_response(json.dumps(body).encode()) == Vectors(([1.0],))
        assert BATCH.read_outcome(json.dumps(body).encode()) == Outcome("", "", None, None)
    detail = [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 4}]
    for name in ("promptTokenDetails", "promptTokensDetails"):
        body = {"embeddings": [{"values": [1.0]}], "usageMetadata": {"promptTokenCount": 7, name: detail}}
        outcome = BATCH.read_outcome(json.dumps(body).encode())
        assert outcome is not None
        assert outcome.usage == Usage(input=3, audio_input=4)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"embeddings":[]}', b'{"embeddings":[{}]}', b'{"embedding":null}', b'{"embeddings":[{"values":[]}]}',
        b'{"embeddings":[{"values":[1.0]},{"values":[]}]}', b'{"embeddings":[{"values":[1e39]}]}', b'{"embeddings":[{"values":["a"]}]}',
        b'{"embeddings":[{"values":[1e999]}]}', b'{"error":{"code":400}}',
    ],
)  # fmt: skip
def test_what_is_no_answer(body: bytes) -> None:
    """An answer without vectors, or with one that no client could be told, is none."""
    assert BATCH.read_response(body) is None


@pytest.mark.parametrize(
    "usage", [None, "no", {}, {"promptTokenCount": 0}, {"promptTokenCount": -1}, {"promptTokenCount": 10**12}]
)
def test_usage_that_is_none(usage: Any) -> None:
    """A report that makes no sense is no report, and never breaks the answer (S-8)."""
    outcome = BATCH.read_outcome(json.dumps({"embeddings": [{"values": [1.0]}], "usageMetadata": usage}).encode())
    assert outcome == Outcome("", "", None, None)


def test_answers_are_written() -> None:
    """A batch has a list, a single content one; the usage where somebody counted."""
    given = Vectors(([1.0, -0.5],), "m", Usage(input=4))
    usage = {"promptTokenCount": 4, "totalTokenCount": 4}
    assert json.loads(BATCH.write_response(given, HEAD)) == {"embeddings": [{"values": [1.0, -0.5]}], "usageMetadata": usage}
    assert json.loads(ONE.write_response(Vectors(([1.0],)), HEAD)) == {"embedding": {"values": [1.0]}}


def test_a_body_without_an_address() -> None:
    """Who asks without an address is told where to ask."""
    failure = BATCH.read_request(batch({"content": content("a")}), "r1")
    assert isinstance(failure, Failure)
    assert ":batchEmbedContents" in failure.message

"""Laws of the embedding codecs: what one writes it reads back, across and back, to the bit; a name's exchange touches nothing else."""

from __future__ import annotations

import json
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.assemble import CODECS
from stormkeel.catalog.families import family_of
from stormkeel.dialects.values import Call, Head, Target, TextsReading, Written
from stormkeel.dialects.vectors import from_base64, to_base64
from stormkeel.ledger.count import by_bytes
from stormkeel.ledger.estimate import input_bound
from stormkeel.types.embedding import Texts, Vectors
from stormkeel.types.request import Request
from stormkeel.types.usage import Usage

OPENAI, BATCH, ONE = (CODECS[name] for name in ("openai_embeddings", "gemini_embeddings", "gemini_embedding"))
TARGET, HEAD = Target("m"), Head("r1", 1, "m", 9)

words = st.text(min_size=1, max_size=40)
tokens = st.lists(st.integers(0, 200_000), min_size=1, max_size=8).map(tuple)
floats = st.floats(allow_nan=False, allow_infinity=False, width=32)
vectors = st.lists(st.lists(floats, min_size=1, max_size=8), min_size=1, max_size=4).map(tuple)
usages = st.none() | st.integers(1, 10**6).map(lambda count: Usage(input=count))
dimensions = st.none() | st.integers(1, 4096)
purposes = st.sampled_from(["", "CLUSTERING", "RETRIEVAL_QUERY"])


def texts_of(inputs: st.SearchStrategy[Any], **more: Any) -> st.SearchStrategy[Texts]:
    """Texts of some inputs."""
    return st.builds(Texts, inputs, dimensions, **more)


openai_texts = texts_of(
    st.lists(words, min_size=1, max_size=5).map(tuple) | st.lists(tokens, min_size=1, max_size=5).map(tuple),
    user=st.sampled_from(["", "u"]), wants_base64=st.booleans(),
)  # fmt: skip
gemini_texts = texts_of(st.lists(words, min_size=1, max_size=5).map(tuple), purpose=purposes, title=st.sampled_from(["", "t"]))
one_text = texts_of(st.tuples(words), purpose=purposes, title=st.sampled_from(["", "t"]))


def back(codec: Any, texts: Texts) -> Texts:
    """What a codec reads of what it wrote."""
    written = codec.write_prompt(texts, TARGET, False)
    assert isinstance(written, Written), written
    request = codec.read_request(written.body, "r1", call=Call("m"))
    assert isinstance(request, Request), request
    assert (request.inputs, request.is_text, request.max_output) == (len(texts.inputs), True, 0)
    reading = codec.read_prompt(written.body)
    assert isinstance(reading, TextsReading), reading
    assert reading.lost == ()
    return reading.prompt


@given(openai_texts)
def test_openai_texts_come_back(texts: Texts) -> None:
    """What OpenAI's codec writes it reads back."""
    assert back(OPENAI, texts) == texts


@given(gemini_texts)
def test_gemini_texts_come_back(texts: Texts) -> None:
    """What the batch's codec writes it reads back."""
    assert back(BATCH, texts) == texts


@given(one_text)
def test_one_text_comes_back(texts: Texts) -> None:
    """What the single content's codec writes it reads back."""
    assert back(ONE, texts) == texts


@given(gemini_texts)
def test_texts_cross_and_return(texts: Texts) -> None:
    """From Gemini to OpenAI and back all stays that both can say; the rest is told."""
    written = OPENAI.write_prompt(texts, TARGET, False)
    assert isinstance(written, Written)
    assert set(written.lost) == {name for name in ("purpose", "title") if getattr(texts, name)}
    assert back(BATCH, back(OPENAI, Texts(texts.inputs, texts.dimensions))) == Texts(texts.inputs, texts.dimensions)


@given(st.lists(floats, min_size=1, max_size=50))
def test_base64_is_exact(vector: list[float]) -> None:
    """32-bit floats survive packing to the bit, as an independent packer has it."""
    packed = to_base64(vector)
    told = from_base64(packed)
    assert told is not None
    assert struct.pack(f"<{len(vector)}f", *told) == struct.pack(f"<{len(vector)}f", *vector)
    assert to_base64(told) == packed


@given(vectors, usages, st.booleans())
def test_vectors_come_back(made: tuple[list[float], ...], usage: Usage | None, packed: bool) -> None:
    """An answer is read back from each form it is written in; who must be told a number is told the estimate."""
    answer = Vectors(made, "m", usage)
    head = Head("r1", 1, "m", 9, wants_base64=packed)
    assert OPENAI.read_response(OPENAI.write_response(answer, head)) == Vectors(made, "m", usage or Usage(input=9))
    assert BATCH.read_response(BATCH.write_response(answer, head)) == Vectors(made, "", usage)


@given(vectors)
def test_vectors_cross_and_return(made: tuple[list[float], ...]) -> None:
    """A vector is the same number for number after any way across."""
    answer = Vectors(made, "m", Usage(input=5))
    over = BATCH.read_response(BATCH.write_response(answer, HEAD))
    assert OPENAI.read_response(OPENAI.write_response(over, Head("r1", 1, "m", wants_base64=True))) == answer


@given(gemini_texts, st.booleans(), st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 3))
def test_a_renamed_batch(texts: Texts, spaced: bool, named: list[bool], indent: int) -> None:
    """In any spacing, with or without names: the renamed body is the same JSON but for the names."""
    written = BATCH.write_prompt(texts, TARGET, False)
    assert isinstance(written, Written)
    told = json.loads(written.body)
    for one, is_named in zip(told["requests"], named, strict=False):
        if not is_named:
            del one["model"]
    raw = json.dumps(told, indent=indent if spaced else None, ensure_ascii=spaced).encode("utf-8", "surrogatepass")
    request = BATCH.read_request(raw, "r1", call=Call("m"))
    assert isinstance(request, Request), request
    for one in told["requests"]:
        if "model" in one:
            one["model"] = "models/other"
    renamed = BATCH.write_request(request, "other", True)
    assert json.loads(renamed) == told
    assert len(renamed) - len(raw) == 4 * sum("model" in one for one in told["requests"])


@given(openai_texts)
def test_an_estimate_is_within_the_bound(texts: Texts) -> None:
    """What is estimated for texts is never more than what their body can cost."""
    written = OPENAI.write_prompt(texts, TARGET, False)
    assert isinstance(written, Written)
    assert by_bytes(texts, family_of("m")) <= input_bound(written.body) or any(isinstance(one, tuple) for one in texts.inputs)
    assert by_bytes(texts, family_of("m")) <= len(written.body)

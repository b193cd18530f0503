"""Gemini's embeddings: one content, or a batch of them; strict reading, unit vectors.

Never shares a line with the gateway. A vector follows from the seed, the model and the text alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.embeddings.vectors import vector
from stormkeel.sandbox.gemini import turns
from stormkeel.sandbox.gemini.errors import not_found
from stormkeel.sandbox.gemini.generations import embeds, generation
from stormkeel.sandbox.gemini.proto import decode, refused
from stormkeel.sandbox.gemini.reading import others, plain, texts
from stormkeel.sandbox.gemini.rules import misnamed
from stormkeel.sandbox.gemini.shape import BatchEmbedRequest, EmbedRequest, Json
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import RefusedError

_MOST = 100  # contents in a batch
_DIMENSIONS = 3072


class EmbedAsked(Asked, frozen=True):
    """A request: the text and the length of each vector, and whether there is one only."""

    inputs: tuple[tuple[str, int], ...] = ()
    single: bool = False


def read(inbound: Inbound, verb: str, *, model_rules: bool) -> EmbedAsked:
    """Read a request; RefusedError with Google's own words when it would not take it."""
    single, model = verb == "embedContent", plain(inbound)
    requests = [decode(inbound, EmbedRequest)] if single else decode(inbound, BatchEmbedRequest).requests or []
    if model_rules and generation(model) is not None and not embeds(model):
        raise RefusedError(not_found(model, verb))
    for complaint in _complaints(requests, model, single=single):
        raise refused(complaint)
    contents = [one.content for one in requests if one.content is not None]
    said = ["".join(texts([content])) for content in contents]
    return EmbedAsked(
        model=model,
        stream=False,
        prompt=tuple(said),
        last_user=said[-1],
        count=0,
        truncates=True,  # as the service does with a text that is too long
        inputs=tuple((text, one.output_dimensionality or _DIMENSIONS) for text, one in zip(said, requests, strict=True)),
        single=single,
    )


def body(answer: Answer, asked: EmbedAsked, seed: int) -> bytes:
    """Write the vectors, in the order of the requests."""
    made = [{"values": vector(msgspec.json.encode((seed, asked.model, text)), dimensions)} for text, dimensions in asked.inputs]
    whole: Json = {"embedding": made[0]} if asked.single else {"embeddings": made}
    if answer.usage:
        tokens = answer.tokens.prompt
        whole["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
    return msgspec.json.encode(whole)


def _complaints(requests: Sequence[EmbedRequest], model: str, *, single: bool) -> Iterator[str]:
    if not requests:
        yield "* BatchEmbedContentsRequest.requests: requests must not be empty\n"
    if len(requests) > _MOST:
        yield f"* BatchEmbedContentsRequest.requests: at most {_MOST} requests can be in one batch\n"
    for place, one in enumerate(requests):
        where = "EmbedContentRequest" if single else f"BatchEmbedContentsRequest.requests[{place}]"
        if one.model is None and not single:
            yield f"* {where}.model: unexpected model name format\n"
        yield from misnamed(one.model, model, where)
        yield from _of_content(one, where)


def _of_content(one: EmbedRequest, where: str) -> Iterator[str]:
    if one.content is None:
        yield f"* {where}.content: content is not specified\n"
        return
    yield from turns.of_parts(one.content, f"{where}.content")
    if others([one.content]):
        yield f"* {where}.content.parts: only text is supported\n"
    elif not "".join(texts([one.content])):
        yield f"* {where}.content: empty text cannot be embedded\n"
    if one.output_dimensionality is not None and not 1 <= one.output_dimensionality <= _DIMENSIONS:
        yield f"* {where}.output_dimensionality: output_dimensionality must be in the range [1, {_DIMENSIONS}].\n"

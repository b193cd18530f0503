"""Reads an embeddings request as strictly as OpenAI does, and says in its words what is wrong.

Never makes a vector. The order is: JSON, schema, input, model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stormkeel.sandbox.answer import count
from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.rules import generation
from stormkeel.sandbox.openai.schema import decode, refused
from stormkeel.sandbox.openai.shape import Strict
from stormkeel.sandbox.problem import Problem, RefusedError

_MOST_INPUTS = 2048
_MOST_TOKENS = 8192  # of one input
_MOST_TOKENS_OF_ALL = 300_000
_DIMENSIONS = {"text-embedding-3-large": 3072}
_USUAL_DIMENSIONS = 1536

Value = str | list[int]


class EmbeddingsRequest(Strict, kw_only=True):
    """The whole body."""

    model: str
    input: str | list[str | Annotated[int, Meta(ge=0)] | list[Annotated[int, Meta(ge=0)]]]
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


class EmbeddingsAsked(Asked, frozen=True):
    """A request: the inputs, each a text or a list of tokens, and the form of the vectors."""

    inputs: tuple[Value, ...] = ()
    dimensions: int = _USUAL_DIMENSIONS
    base64: bool = False


_decoder = msgspec.json.Decoder(EmbeddingsRequest)


def read(inbound: Inbound, *, model_rules: bool) -> EmbeddingsAsked:
    """Read a request; RefusedError with OpenAI's own answer when it would not take it."""
    request = decode(inbound, _decoder)
    model, _ = split_model(request.model)
    values = _values(request.input)
    _check_sizes(values)
    if model_rules:
        _check_model(request, model)
    texts = tuple(value for value in values if isinstance(value, str))
    return EmbeddingsAsked(
        model=model,
        stream=False,
        prompt=texts,
        last_user=texts[-1] if texts else "",
        extra_tokens=sum(len(value) for value in values if not isinstance(value, str)),
        count=0,
        truncates=True,  # the sizes were looked at here
        inputs=values,
        dimensions=request.dimensions or _DIMENSIONS.get(model, _USUAL_DIMENSIONS),
        base64=request.encoding_format == "base64",
    )


def too_long(tokens: int) -> Problem:
    """Return the 400 for an input of too many tokens."""
    message = (
        f"This model's maximum context length is {_MOST_TOKENS} tokens, however you requested {tokens} tokens "
        f"({tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
    )
    return Problem(400, "invalid_request_error", message)


def _values(given: str | list[str | int | list[int]]) -> tuple[Value, ...]:
    """Return the inputs; a list of numbers is one input."""
    if isinstance(given, str):
        return (given,)
    numbers = [value for value in given if isinstance(value, int)]
    if numbers and len(numbers) == len(given):
        return (numbers,)
    values = tuple(value for value in given if not isinstance(value, int))
    if not given or numbers or len({type(value) for value in values}) != 1:
        raise refused("'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.")
    return values


def _check_sizes(values: Sequence[Value]) -> None:
    if len(values) > _MOST_INPUTS:
        message = f"array too long. Expected an array with maximum length {_MOST_INPUTS}, but got an array with length"
        raise refused(f"Invalid 'input': {message} {len(values)} instead.", "input", "array_above_max_length")
    sizes = [count([value]) if isinstance(value, str) else len(value) for value in values]
    for place, value in enumerate(values):
        if not value:
            raise refused(f"Invalid 'input[{place}]': input cannot be an empty string.", "input")
        if sizes[place] > _MOST_TOKENS:
            raise RefusedError(too_long(sizes[place]))
    if sum(sizes) > _MOST_TOKENS_OF_ALL:
        message = f"Requested {sum(sizes)} tokens, max {_MOST_TOKENS_OF_ALL} tokens per request"
        raise refused(message, "input", "max_tokens_per_request")


def _check_model(request: EmbeddingsRequest, model: str) -> None:
    if generation(model) is not None:
        raise refused("You are not allowed to generate embeddings from this model", status=403)
    if request.dimensions is None:
        return
    if model == "text-embedding-ada-002":
        raise refused("This model does not support specifying dimensions.")
    most = _DIMENSIONS.get(model, _USUAL_DIMENSIONS)
    if model.startswith("text-embedding-") and request.dimensions > most:
        raise refused(f"Invalid value for 'dimensions' = {request.dimensions}. Must be less than or equal to {most}.")

"""The body of an embeddings request: looked at, read whole, written (docs/wire.md, Embeddings).

Never changes a byte of a client's body. What is counted and what is served must be one: a body that names its `input` twice is
refused, as one that names its model twice is (`peek`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...types.embedding import Source, Texts
from ...types.failure import Failure, FailureKind
from ..fields import Fields, wrong
from ..json import read_json, write_json
from ..lost import Losses, Lost
from ..peek import OURS, Peek, find_escape, find_fields, peek, refuse_ours, refuse_undecodable
from ..uncrossed import CrossingError, refuse
from ..values import Target, TextsReading, Written

MOST_INPUTS = 2048
MOST_TOKENS = 300_000
"""In one request (docs/wire.md, Embeddings)."""

_Token = Annotated[int, Meta(ge=0, le=2**32)]
_Input = str | list[str | _Token | list[_Token]]
_INPUT = "a text, a list of texts, a list of tokens or a list of such lists"


class _Body(msgspec.Struct, gc=False):
    input: _Input | UnsetType = UNSET
    ours: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name=OURS)


_decode = msgspec.json.Decoder(_Body).decode


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What a look at a body finds: the top-level fields, and how many inputs there are."""

    peek: Peek
    inputs: int


def look(raw: bytes) -> Seen | Failure:
    """Look at a client's body; a Failure of kind CALLER names the field and its mend."""
    seen = peek(raw)
    if isinstance(seen, Failure):
        return seen
    try:
        body = _decode(raw)
        sources = sources_of(body.input)
    except CrossingError as error:
        return error.failure
    except (ValueError, RecursionError) as error:
        return refuse_undecodable(raw, error)
    return _twice(raw, body) or Seen(seen, len(sources))


def _twice(raw: bytes, body: _Body) -> Failure | None:
    """Return that a body names its input twice, if it may be so."""
    if raw.count(b'"input"') == 1 and not (b"\\" in raw and find_escape(raw)):
        return None
    if body.ours is not UNSET:
        return refuse_ours()
    found = find_fields(raw, ("input",))
    return found if isinstance(found, Failure) else None


def sources_of(told: _Input | UnsetType) -> tuple[Source, ...]:
    """Return the inputs, one for each vector.

    Raises:
        CrossingError: there are none, too many, an empty one, or texts and tokens mixed.
    """
    if told is UNSET:
        raise wrong("input", f"it is missing: add {_INPUT}", "missing_field")
    if isinstance(told, str):
        return _whole((told,), "input")
    if told and all(isinstance(one, int) for one in told):
        return _whole((tuple(told),), "input")  # type: ignore[arg-type]  # numbers, as was just seen
    if len(told) > MOST_INPUTS:
        raise wrong("input", f"it has {len(told):,} inputs: send at most {MOST_INPUTS:,} at once", "too_many_inputs")
    if len({type(one) for one in told}) > 1:
        raise wrong("input", f"it mixes texts and tokens: send {_INPUT}", "invalid_type")
    return _whole(tuple(one if isinstance(one, str) else tuple(one) for one in told), "input[{}]")  # type: ignore[arg-type]  # no number


def _whole(sources: tuple[Source, ...], path: str) -> tuple[Source, ...]:
    """Return inputs none of which is empty."""
    if not sources:
        raise wrong("input", f"it is empty: send {_INPUT}", "empty_input")
    for place, source in enumerate(sources):
        if not source:
            raise wrong(path.format(place), "it is empty: leave it out", "empty_input")
    return sources


def read_texts(raw: bytes) -> TextsReading | Failure:
    """Read a whole body."""
    lost = Lost()
    try:
        told = read_json(raw)
        if told is None:
            refuse("the body is not JSON: send one JSON object", "invalid_json")
        body = Fields(told, "", lost)
        body.skip("model", "input")
        texts = Texts(
            sources_of(_decode(raw).input),
            _dimensions(body),
            user=body.take("user", str) or "",
            wants_base64=body.choose("encoding_format", ("float", "base64")) == "base64",
        )
        body.close()
    except CrossingError as error:
        return error.failure
    except (ValueError, RecursionError) as error:
        return refuse_undecodable(raw, error)
    return TextsReading(texts, lost.told())


def _dimensions(body: Fields) -> int | None:
    told = body.take("dimensions", int)
    if told is not None and told < 1:
        raise wrong("dimensions", "expected a whole number above 0")
    return told


def write_texts(texts: Texts, target: Target) -> Written | Failure:
    """Write a whole body: numbers are asked for as they are, which every server knows."""
    if len(texts.inputs) > MOST_INPUTS:
        message = f"an OpenAI embeddings request takes {MOST_INPUTS:,} inputs at most: send {len(texts.inputs):,} in several"
        return Failure(FailureKind.UNSUPPORTED, message)
    told: dict[str, object] = {"model": target.model, "input": texts.inputs}
    if texts.dimensions is not None:
        told["dimensions"] = texts.dimensions
    if texts.user:
        told["user"] = texts.user
    if texts.wants_base64:
        told["encoding_format"] = "base64"
    losses = Losses()
    losses.add(*(name for name in ("purpose", "title") if getattr(texts, name)))
    return Written(write_json(told), losses.told())

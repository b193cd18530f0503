"""A look at a body of contents to embed: how many there are, whether they are texts alone, and where they name their model.

Never changes a byte but in `renamed`. The address says which model is asked, and a body that names another is refused: what is
authorised, billed and served must be one. Both spellings of a name are taken.

    batch   {"requests": [{"model": "models/x", "content": {"parts": [{"text": ...}]}}, ...]}
    single  {"model": "models/x", "content": {"parts": [...]}}
"""

from __future__ import annotations

import re

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ....types.failure import Failure
from ...fields import wrong
from ...peek import OURS, Span, find_escape, find_fields, is_utf8, refuse_ours, refuse_undecodable, replace
from ...uncrossed import CrossingError, refuse
from ..call import COLLECTION

MOST_REQUESTS = 100
"""Contents in one batch (the Gemini API's documentation, Embeddings)."""

_match_space = re.compile(rb"[ \t\r\n]*+").match


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    inlineData: Raw | UnsetType = UNSET
    inline_data: Raw | UnsetType = UNSET
    fileData: Raw | UnsetType = UNSET
    file_data: Raw | UnsetType = UNSET


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Request(msgspec.Struct, gc=False):
    content: _Content | None = None
    model: str | None = None
    ours: Raw | UnsetType = msgspec.field(default=UNSET, name=OURS)


class _Batch(msgspec.Struct, gc=False):
    requests: list[_Request] | None = None
    ours: Raw | UnsetType = msgspec.field(default=UNSET, name=OURS)


class _Pieces(msgspec.Struct, gc=False):
    requests: list[Raw]


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What a look finds: how many contents, and whether they are texts and nothing else."""

    inputs: int
    is_text: bool


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_one = msgspec.json.Decoder(_Request).decode
_decode_pieces = msgspec.json.Decoder(_Pieces).decode


def look(raw: bytes, model: str, is_batch: bool) -> Seen | Failure:
    """Look at a client's body; a Failure of kind CALLER names the field and its mend.

    Args:
        raw: the body.
        model: what the address says is asked.
        is_batch: is it a batch?
    """
    try:
        return _look(raw, model, is_batch)
    except CrossingError as error:
        return error.failure
    except (ValueError, RecursionError) as error:
        return refuse_undecodable(raw, error)


def _look(raw: bytes, model: str, is_batch: bool) -> Seen:
    requests = _requests(raw) if is_batch else [_decode_one(raw)]
    if not raw.isascii() and not is_utf8(raw):
        refuse("the body is not UTF-8: encode it as UTF-8", "invalid_utf8")
    named, given = sum(one.model is not None for one in requests), sum(one.content is not None for one in requests)
    names = raw.count(b'"model"'), raw.count(b'"content"'), raw.count(b'"requests"')
    if names != (named, given, int(is_batch)) or (b"\\" in raw and find_escape(raw)):
        _walk(raw, requests, is_batch)
    for place, one in enumerate(requests):
        path = f"requests[{place}]." if is_batch else ""
        if one.model is not None and one.model.removeprefix(COLLECTION) != model:
            raise wrong(f"{path}model", f'the address asks for "{model}": name the same model there, or none', "invalid_model")
        _check(one.content, f"{path}content")
    return Seen(len(requests), all(_is_text(one.content) for one in requests))


def _requests(raw: bytes) -> list[_Request]:
    """Return the contents of a batch, which has some, and not too many."""
    requests = _decode_batch(raw).requests
    if not requests:
        raise wrong("requests", "it is empty: send a list of contents", "empty_input")
    if len(requests) > MOST_REQUESTS:
        raise wrong("requests", f"it has {len(requests):,} contents: send at most {MOST_REQUESTS} at once", "too_many_inputs")
    return requests


def _check(content: _Content | None, path: str) -> None:
    """See that a content has something to embed."""
    if content is None:
        raise wrong(path, 'it is missing: add {"parts": [{"text": ...}]}', "missing_field")
    if not content.parts:
        raise wrong(f"{path}.parts", 'it is empty: send [{"text": ...}]', "empty_input")
    if _is_text(content) and not any(part.text for part in content.parts):
        raise wrong(f"{path}.parts[0].text", "it is empty: there is nothing to embed", "empty_input")


def _is_text(content: _Content | None) -> bool:
    parts = (content.parts if content else None) or []
    return all(part.inlineData is part.inline_data is part.fileData is part.file_data is UNSET for part in parts)


def _walk(raw: bytes, requests: list[_Request], is_batch: bool) -> None:
    """See that no name that is looked at stands twice in its object."""
    if any(one.ours is not UNSET for one in requests) or (is_batch and _decode_batch(raw).ours is not UNSET):
        raise CrossingError(refuse_ours())
    pieces = _places(raw) if is_batch else [(0, len(raw))]
    for start, end in pieces:
        _fields_of(raw[start:end], ("model", "content"))


def _fields_of(piece: bytes, names: tuple[str, ...]) -> dict[str, Span]:
    found = find_fields(piece, names)
    if isinstance(found, Failure):
        raise CrossingError(found)
    return found


def _places(raw: bytes) -> list[Span]:
    """Return where each content of a batch stands."""
    position = _fields_of(raw, ("requests",))["requests"][0] + 1  # behind the bracket
    places = []
    for piece in _decode_pieces(raw).requests:
        start = _behind_space(raw, position)
        end = start + memoryview(piece).nbytes
        places.append((start, end))
        position = _behind_space(raw, end) + 1  # behind the comma
    return places


def _behind_space(raw: bytes, position: int) -> int:
    space = _match_space(raw, position)
    return space.end() if space else position


def renamed(raw: bytes, model: str, is_batch: bool) -> bytes:
    """Return a body that `look` let pass with each name of its model exchanged, and every other byte as it was."""
    name = msgspec.json.encode(model if "/" in model else COLLECTION + model)
    places = _places(raw) if is_batch else [(0, len(raw))]
    for start, end in reversed(places):  # from the end, so that the others still hold
        span = _fields_of(raw[start:end], ("model",)).get("model")
        if span is not None and raw[start + span[0] : start + span[1]] != b"null":
            raw = replace(raw, (start + span[0], start + span[1]), name)
    return raw

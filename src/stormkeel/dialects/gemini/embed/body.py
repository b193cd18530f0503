"""Contents to embed, read whole for another dialect to ask, and written from texts (docs/wire.md, Gemini, Embeddings).

Never takes what is no text: no other dialect embeds it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ....types.embedding import Texts
from ....types.failure import Failure, FailureKind
from ...json import write_json
from ...lost import Losses, Lost
from ...uncrossed import CrossingError, give_up, refuse
from ...values import Target, TextsReading, Written
from ..call import COLLECTION
from ..fields import TEXT, Fields, read_body_fields
from .peek import MOST_REQUESTS

FIELDS = {"dimensions": "outputDimensionality", "purpose": "taskType", "inputs": "content"}
"""This dialect's names of what is asked, in a single request."""


class _Wish(msgspec.Struct, frozen=True):
    """How one content is to be embedded."""

    dimensions: int | None
    purpose: str
    title: str


def read_texts(raw: bytes, is_batch: bool) -> TextsReading | Failure:
    """Read a whole body."""
    lost = Lost()
    try:
        body = read_body_fields(raw, lost)
        requests = body.children("requests") if is_batch else [body]
        if not requests:
            refuse('the body has no "requests": add a list of contents', "missing_field")
        inputs = tuple(_text(one) for one in requests)
        wish = _common([_wish(one) for one in requests], requests)
        for one in requests:
            one.take("model", TEXT)
            one.close()
        body.close()
    except CrossingError as error:
        return error.failure
    return TextsReading(Texts(inputs, wish.dimensions, wish.purpose, wish.title), lost.told())


def _text(request: Fields) -> str:
    """Return a content's text: its parts are pieces of one."""
    content = request.need_child("content")
    pieces = []
    for part in content.children("parts"):
        pieces.append(part.take("text", TEXT) or "")
        other = next(part.left(), None)
        if other is not None:
            give_up(f'only texts are embedded across dialects: leave out "{part.at(other)}", or ask a model of Google\'s')
    content.word("role")
    content.close()
    text = "".join(pieces)
    if not text:
        refuse(f'the field "{content.at("parts")}" of the body is wrong: there is nothing to embed', "empty_input")
    return text


def _wish(request: Fields) -> _Wish:
    dimensions = request.count("outputDimensionality")
    if dimensions is not None and dimensions < 1:
        path = request.at("outputDimensionality")
        refuse(f'the field "{path}" of the body is wrong: expected a whole number above 0', "invalid_value")
    return _Wish(dimensions, request.word("taskType"), request.take("title", TEXT) or "")


def _common(wishes: list[_Wish], requests: list[Fields]) -> _Wish:
    """Return what is wished for all contents; other lengths can't be had, and each its own purpose or title is lost."""
    first = wishes[0]
    for wish, request in zip(wishes, requests, strict=True):
        if wish.dimensions != first.dimensions:
            path = request.at("outputDimensionality")
            give_up(f'"{path}" differs from the first one, and vectors of several lengths are had from Google alone')
    purpose = _one([wish.purpose for wish in wishes], requests, "taskType")
    return _Wish(first.dimensions, purpose, _one([wish.title for wish in wishes], requests, "title"))


def _one(told: list[str], requests: list[Fields], name: str) -> str:
    """Return what all say; "" where they differ, and then each of them is lost."""
    if len(set(told)) == 1:
        return told[0]
    for one, request in zip(told, requests, strict=True):
        if one:
            request.note(name)
    return ""


def write_texts(texts: Texts, target: Target, is_batch: bool) -> Written | Failure:
    """Write a whole body."""
    most = MOST_REQUESTS if is_batch else 1
    if len(texts.inputs) > most:
        return _refused(f"Gemini embeds {most} inputs at once at most: send {len(texts.inputs):,} in several requests")
    if not all(isinstance(source, str) for source in texts.inputs):
        return _refused("tokens mean something to the models of their own provider only: send `inputs` as texts")
    losses = Losses()
    if texts.user:
        losses.add("user")
    model = target.model if "/" in target.model else COLLECTION + target.model
    requests = [{"model": model} | _request(text, texts) for text in texts.inputs]
    return Written(write_json({"requests": requests} if is_batch else requests[0]), losses.told())


def _request(text: object, texts: Texts) -> dict[str, Any]:
    told: dict[str, Any] = {"content": {"parts": [{"text": text}]}}
    if texts.purpose:
        told["taskType"] = texts.purpose
    if texts.title:
        told["title"] = texts.title
    if texts.dimensions is not None:
        told["outputDimensionality"] = texts.dimensions
    return told


def _refused(message: str) -> Failure:
    return Failure(FailureKind.UNSUPPORTED, message)

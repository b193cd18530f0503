"""The peek into a generateContent body: how much output it asks for, which routing and billing need.

Never changes a byte, and never builds the values it does not need. What is authorised, billed and served must be one: a field
that stands there twice, in one spelling or in both (`maxOutputTokens`, `max_output_tokens`), is refused. How and why:
docs/decisions/0004-peek.md.

    decode (msgspec skips the rest) ──> each name stands once in the bytes, none may be escaped? ──yes──> done
                                                                  '──no, or in doubt──> walk the fields one by one
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from ...types.failure import Failure, FailureKind
from ..peek import OURS, find_escape, find_fields, is_utf8, refuse_ours, refuse_undecodable

SPELLINGS = {
    "generationConfig": "generation_config", "maxOutputTokens": "max_output_tokens", "candidateCount": "candidate_count",
}  # fmt: skip
"""The fields looked at; both spellings are taken at every level."""

OUTER = ("generationConfig", "generation_config")
INNER = ("maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count")

_NAMES = [name.encode() for pair in SPELLINGS.items() for name in pair]
_find_names = re.compile(b'"(?:' + b"|".join(_NAMES) + b')"').findall

_Number = Annotated[int, Meta(ge=0, le=10**9)] | Annotated[str, Meta(pattern=r"^[0-9]{1,9}$")]
"""A whole number may stand there as a text (protobuf's JSON)."""
_Count = _Number | UnsetType | None


class _Config(msgspec.Struct, gc=False):
    maxOutputTokens: _Count = UNSET
    max_output_tokens: _Count = UNSET
    candidateCount: _Count = UNSET
    candidate_count: _Count = UNSET


class _Body(msgspec.Struct, gc=False):
    generationConfig: _Config | UnsetType | None = UNSET
    generation_config: _Config | UnsetType | None = UNSET
    model: Raw | UnsetType = UNSET
    stream: Raw | UnsetType = UNSET
    ours: Raw | UnsetType = msgspec.field(default=UNSET, name=OURS)


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What a body says of its output: the most tokens of one answer, None where it does not say, and how many answers."""

    max_output: int | None
    choices: int


_decode = msgspec.json.Decoder(_Body).decode


def peek(raw: bytes) -> Peek | Failure:
    """Read the fields of a body; a Failure of kind CALLER names the thing and its mend."""
    try:
        body = _decode(raw)
    except (ValueError, RecursionError) as error:
        return refuse_undecodable(raw, error)
    if not raw.isascii() and not is_utf8(raw):
        return _refuse("the body is not UTF-8: encode it as UTF-8", "invalid_utf8")
    for name, value in (("model", body.model), ("stream", body.stream)):
        if value is not UNSET:
            return _refuse(f'the body has a field "{name}", which the URL tells in this dialect: leave it out', "invalid_field")
    names = _find_names(raw)
    if len(names) != len(set(names)) or _has_both(names) or (b"\\" in raw and find_escape(raw)):
        twice = _find_twice(raw, body)
        if twice is not None:
            return twice
    return _seen(body)


def _has_both(names: list[bytes]) -> bool:
    return any(f'"{one}"'.encode() in names and f'"{other}"'.encode() in names for one, other in SPELLINGS.items())


def _find_twice(raw: bytes, body: _Body) -> Failure | None:
    if body.ours is not UNSET:
        return refuse_ours()
    outer = _find(raw, OUTER)
    if isinstance(outer, Failure):
        return outer
    for start, end in outer.values():
        config = raw[start:end]
        inner = _find(config, INNER) if config.startswith(b"{") else {}
        if isinstance(inner, Failure):
            return inner
    return None


def _find(raw: bytes, names: tuple[str, ...]) -> dict[str, tuple[int, int]] | Failure:
    found = find_fields(raw, names)
    if isinstance(found, Failure):
        return found
    for one, other in SPELLINGS.items():
        if one in found and other in found:
            return _refuse(f'the body names the field "{one}" twice, also as "{other}": send it once', "duplicate_field")
    return found


def _seen(body: _Body) -> Peek:
    config = body.generationConfig or body.generation_config or _Config()
    limit = _first(config.maxOutputTokens, config.max_output_tokens)
    return Peek(limit, _first(config.candidateCount, config.candidate_count) or 1)


def _first(*told: _Count) -> int | None:
    return next((int(number) for number in told if number is not None and number is not UNSET), None)


def _refuse(message: str, code: str) -> Failure:
    return Failure(FailureKind.CALLER, message, status=400, code=code)

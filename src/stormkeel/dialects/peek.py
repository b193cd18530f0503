"""The peek: the few top-level fields of a request's body that routing, billing and streaming need, and where two of them stand.

Never changes a byte but through `replace`, and never builds the values it does not need. What is authorised, billed and served
must be one: a body that names one of these fields twice is refused, however the name is spelled. How and why, with figures:
docs/decisions/0004-peek.md.

    decode (msgspec skips the rest) ──> each name stands once in the bytes, none may be escaped? ──yes──> one search for each span
                                                                  '──no, or in doubt──> walk the top-level fields one by one
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..catalog.costly import COSTLY
from ..types.failure import Failure, FailureKind

Span = tuple[int, int]
"""A place in a body: byte offsets from its first byte, the end not included."""

OURS = "stormkeel.value"  # a name that `_end_of_nested` puts in, and that no body may have therefore
NAMES = ("model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stream_options")
# Of the walk, which a real body rarely needs: it has a few dozen fields and a handful of nested ones, a hostile one a million.
_FIELD_LIMIT = 1000
_NESTED_LIMIT = 16  # each costs a decode of the rest of the body
_SLICE = 64 * 1024

_Count = Annotated[int, Meta(ge=0, le=10**9)]


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Fields(msgspec.Struct, gc=False):
    model: Annotated[str, Meta(min_length=1, max_length=512)] | UnsetType = UNSET
    stream: bool | UnsetType | None = UNSET
    max_tokens: _Count | UnsetType | None = UNSET
    max_completion_tokens: _Count | UnsetType | None = UNSET
    max_output_tokens: _Count | UnsetType | None = UNSET
    n: Annotated[int, Meta(ge=1, le=128)] | UnsetType | None = UNSET
    stream_options: _StreamOptions | UnsetType | None = UNSET
    ours: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name=OURS)


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What the top level of a body says.

    Attributes:
        model: the name asked for.
        stream: is a stream wanted?
        max_tokens, max_completion_tokens, max_output_tokens: as given, None where absent or null.
        n: how many choices, 1 where absent or null.
        include_usage: does `stream_options` ask for the usage frame?
        model_span: where the value of `model` stands, quotes included.
        stream_options_span: where the value of `stream_options` stands, None where it is absent.
        is_text: is there nothing in it that costs more than its bytes (`catalog/costly.py`)?
    """

    model: str
    stream: bool
    max_tokens: int | None
    max_completion_tokens: int | None
    max_output_tokens: int | None
    n: int
    include_usage: bool
    model_span: Span
    stream_options_span: Span | None
    is_text: bool = False

    @property
    def max_output(self) -> int | None:
        """The most output tokens a chat choice may have: the larger of its two fields, for it is the bound that is reserved."""
        if self.max_tokens is None or self.max_completion_tokens is None:
            return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        return max(self.max_tokens, self.max_completion_tokens)


_decode = msgspec.json.Decoder(_Fields).decode
_NAMES = b"|".join(name.encode() for name in NAMES)
_FIRST = b"".join(sorted({word[:1] for word in (_NAMES + b"|" + COSTLY).split(b"|")}))
_scan = re.compile(b'"(?=[' + _FIRST + b"])(?:(" + _NAMES + b')"|' + COSTLY + b")").findall
"""Finds our names, and an empty one for each that is costly: one look for both, past most quotes by the letter behind them."""
find_escape = re.compile(rb"\\u00[4567]").search
"""Finds \\u0041 to \\u007a: the only escapes that can stand for a letter of a field's name, or for its underscore."""

_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_find_model = re.compile(rb'"model"' + _SPACE + b":" + _SPACE + b"(" + _STRING + b")").search
# only the flat, usual form; any other is looked up by the walk
_FLAT = rb"[\[{](?:[^\[\]{}\"]++|" + _STRING + rb")*+[\]}]"
_find_stream_options = re.compile(rb'"stream_options"' + _SPACE + b":" + _SPACE + b"(null|" + _FLAT + b")").search


def peek(raw: bytes) -> Peek | Failure:
    """Read the top-level fields of a request's body.

    Args:
        raw: a JSON object in UTF-8, without a byte order mark.

    Returns:
        A Failure of kind CALLER that names the thing and its mend where the body is no JSON object, a field of ours has the wrong
        type or stands there twice, or `model` is missing.
    """
    try:
        return _peek(raw)
    except (ValueError, RecursionError) as error:
        return refuse_undecodable(raw, error)


def _peek(raw: bytes) -> Peek | Failure:
    fields = _decode(raw)
    model, options = fields.model, fields.stream_options
    if model is UNSET:
        return _refuse('the body names no model: add the field "model"', "missing_model")
    if not raw.isascii() and not is_utf8(raw):
        return _refuse("the body is not UTF-8: encode it as UTF-8", "invalid_utf8")
    spans = _find_spans(raw, fields)
    if isinstance(spans, Failure):
        return spans
    return Peek(
        model,
        fields.stream is True,
        None if fields.max_tokens is UNSET else fields.max_tokens,
        None if fields.max_completion_tokens is UNSET else fields.max_completion_tokens,
        None if fields.max_output_tokens is UNSET else fields.max_output_tokens,
        fields.n or 1,
        bool(options and options.include_usage),
        *spans,
    )


def replace(raw: bytes, span: Span, new: bytes) -> bytes:
    """Return the body with the bytes of a span exchanged for others, and every other byte as it was."""
    return b"".join((raw[: span[0]], new, raw[span[1] :]))


def _find_spans(raw: bytes, fields: _Fields) -> tuple[Span, Span | None, bool] | Failure:
    """Return where `model` and `stream_options` stand, and whether nothing in the body is costly."""
    names, is_spelt = _scan(raw), b"\\" in raw and b"\\u00" in raw
    is_text = b"" not in names
    if not is_text:
        names = [name for name in names if name]
    is_text = is_text and not is_spelt
    if len(names) != len(set(names)) or (is_spelt and find_escape(raw)):
        return _walk(raw, fields, is_text)
    model, options = _find_model(raw), None
    if fields.stream_options is not UNSET:
        options = _find_stream_options(raw)
        if options is None:
            return _walk(raw, fields, is_text)
    assert model is not None  # decoded, unescaped, and nowhere else in the bytes
    return model.span(1), options.span(1) if options else None, is_text


class _Head(msgspec.Struct, gc=False):
    value: msgspec.Raw = msgspec.field(name=OURS)


_BEGIN = f'{{"{OURS}":'.encode()
_decode_head = msgspec.json.Decoder(_Head).decode
_match_field = re.compile(_SPACE + b"(" + _STRING + b")" + _SPACE + b":" + _SPACE).match
_match_value = re.compile(_STRING + rb"|[-+.0-9A-Za-z]++|" + _FLAT).match  # all but arrays and objects that hold others
_match_comma = re.compile(_SPACE + b",").match
_match_empty = re.compile(_SPACE + rb"\{" + _SPACE + rb"\}").match


def _walk(raw: bytes, fields: _Fields, is_text: bool) -> tuple[Span, Span | None, bool] | Failure:
    """Find our fields among the top-level ones of a body that is known to be a valid object and to have a `model`."""
    if fields.ours is not UNSET:
        return refuse_ours()
    spans = find_fields(raw, NAMES)
    return spans if isinstance(spans, Failure) else (spans["model"], spans.get("stream_options"), is_text)


def find_fields(raw: bytes, names: Collection[str]) -> dict[str, Span] | Failure:
    """Return where the values of some top-level fields stand, by a walk over all of them; one that stands there twice is refused.

    Args:
        raw: a valid JSON object, which has no field of the name `OURS`.
        names: those looked for.
    """
    if _match_empty(raw):
        return {}
    spans: dict[str, Span] = {}
    position, nested = raw.index(b"{") + 1, 0
    for _ in range(_FIELD_LIMIT):
        field = _match_field(raw, position)
        assert field is not None  # the body is valid
        name, start = msgspec.json.decode(field[1], type=str), field.end()
        value = _match_value(raw, start)
        nested += value is None
        if nested > _NESTED_LIMIT:
            break
        end = value.end() if value else _end_of_nested(raw, start)
        if name in spans:
            return _refuse(f'the body names the field "{name}" twice: send it once', "duplicate_field")
        if name in names:
            spans[name] = start, end
        comma = _match_comma(raw, end)
        if comma is None:
            return spans
        position = comma.end()
    return _refuse("the body has too many top-level fields to tell which is meant: send fewer", "too_many_fields")


def _end_of_nested(raw: bytes, start: int) -> int:
    """Return where a value ends, by msgspec's word: the rest of the body, made an object that begins with it, is decoded.

    It goes by a name that no other field of the body has, for of two the decoder would take the later.
    """
    head = _decode_head(b"".join((_BEGIN, memoryview(raw)[start:])))
    return start + memoryview(head.value).nbytes


def is_utf8(raw: bytes) -> bool:
    """Tell whether an object's bytes are UTF-8: where msgspec skips a value it does not look."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), _SLICE):  # in slices: a whole copy as text may take four times the body
            decoder.decode(raw[start : start + _SLICE])  # an object ends with a brace, so nothing is left over
    except UnicodeDecodeError:
        return False
    return True


def refuse_ours() -> Failure:
    """Return that a body has a field of the name that the walk puts in."""
    return _refuse(f'the body has a field "{OURS}", which is ours alone: leave it out', "invalid_field")


def refuse_undecodable(raw: bytes, error: Exception) -> Failure:
    """Return what is wrong with a body that could not be decoded."""
    if isinstance(error, RecursionError):
        return _refuse("the body is nested too deeply: flatten it", "too_deep")
    if not raw.strip():
        return _refuse("the body is empty: send a JSON object", "empty_body")
    if isinstance(error, msgspec.ValidationError):
        return _refuse(_explain(str(error)), "invalid_type")
    if isinstance(error, UnicodeDecodeError):
        return _refuse("the body is not UTF-8: encode it as UTF-8", "invalid_utf8")
    if raw.startswith(b"\xef\xbb\xbf"):
        return _refuse("the body begins with a byte order mark: send JSON without it", "invalid_json")
    reason = str(error).removeprefix("JSON is malformed: ")
    if reason == "Input data was truncated":
        reason = f"ends inside a value (byte {len(raw)})"
    return _refuse(f"the body is not JSON: {reason}; send one JSON object", "invalid_json")


def _explain(problem: str) -> str:
    reason, _, path = problem.partition(" - at `$.")
    if not path:
        return f"the body must be a JSON object: {reason[0].lower()}{reason[1:]}"
    return f'the field "{path.rstrip("`")}" of the body is wrong: {reason[0].lower()}{reason[1:]}'


def _refuse(message: str, code: str) -> Failure:
    return Failure(FailureKind.CALLER, message, status=400, code=code)

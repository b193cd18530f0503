"""Shape: one type, or one schema, that an answer is to have.

Never asks anybody. A root that is no object (a list, a number, a union) travels inside one, under `value`, because providers hold
models to objects only; whoever reads it does not see that.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from ...errors import InvalidRequestError
from ...types.prompt import Format
from .fit import fit
from .schema import MisfitError, Schema, is_model, misfit_of, schema_of, validate
from .strict import closed, is_strict

VALUE = "value"
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


class Shape:
    """What an answer is to be.

    Attributes:
        format: what the model is told.
    """

    __slots__ = ("_decoder", "_kind", "_wrapped", "format")

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        schema = kind if isinstance(kind, dict) else closed(schema_of(kind))
        self._wrapped = not isinstance(kind, dict) and not _is_object(schema)
        if self._wrapped:
            schema = _wrap(schema)
        self._decoder = None if isinstance(kind, dict) or is_model(kind) else msgspec.json.Decoder(kind, dec_hook=validate)
        self.format = Format(schema, _name(kind), strict=True if is_strict(schema) else None)

    def read(self, text: str) -> Any:
        """Return the value a text stands for; a code fence around it is no harm.

        Raises:
            MisfitError: it does not fit.
        """
        fenced = _FENCE.match(text)
        raw = fenced[1] if fenced else text
        try:
            return self._read(self._unwrapped(raw) if self._wrapped else raw)
        except MisfitError:
            raise
        except RecursionError:
            raise MisfitError("$", "Too deep") from None
        except ValueError as error:
            raise misfit_of(error) from None

    def _unwrapped(self, raw: str) -> bytes:
        held = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        if set(held) != {VALUE}:
            raise MisfitError("$", f"Expected an object with the one field `{VALUE}`")
        return bytes(held[VALUE])

    def _read(self, raw: str | bytes) -> Any:
        if self._decoder is not None:
            return self._decoder.decode(raw)
        if not isinstance(self._kind, dict):
            return self._kind.model_validate_json(raw)
        value = msgspec.json.decode(raw)
        fit(value, self._kind)
        return value


def shape_of(kind: Any) -> Shape:
    """Return the shape of a type or a schema; those of types are kept.

    Raises:
        InvalidRequestError: nothing of the kind can be asked for.
    """
    if isinstance(kind, dict):
        return Shape(kind)
    try:
        return _kept(kind)
    except TypeError:  # a type that has no hash
        return Shape(kind)


@lru_cache(256)
def _kept(kind: Any) -> Shape:
    return Shape(kind)


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object"


def _wrap(schema: Schema) -> Schema:
    inside = {name: told for name, told in schema.items() if name != "$defs"}
    whole: Schema = {"type": "object", "properties": {VALUE: inside}, "required": [VALUE], "additionalProperties": False}
    return whole | {"$defs": schema["$defs"]} if "$defs" in schema else whole


def _name(kind: Any) -> str:
    """Return a name by which a provider takes it: letters, digits, underscores and dashes, 64 at most."""
    told = kind.get("title") if isinstance(kind, dict) else getattr(kind, "__name__", None)
    if told is not None and not isinstance(told, str):
        raise InvalidRequestError(f'the schema\'s "title" is {told!r}: give a text')
    return _NO_NAME.sub("_", told or "").strip("_")[:64] or "answer"

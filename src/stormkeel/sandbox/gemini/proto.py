"""Takes JSON into a schema as protobuf's JSON does, or says in Google's words where it does not fit.

Never knows a field. A name may be written in camelCase or in snake_case wherever it stands, null means left out, an enum is
known by any case, bytes by either base64, and a number may be text. All unknown names are told at once, as Google does.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import inspect

from stormkeel.sandbox.body import duplicates, media_type
from stormkeel.sandbox.gemini.address import unknown_parameter
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Misfit, Problem, RefusedError, misfit

Body = TypeVar("Body")
Wrong = list[tuple[str, str]]  # where, and what is wrong there

_INVALID = "INVALID_ARGUMENT"
_PAYLOAD = "Invalid JSON payload received."
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_DIGITS = re.compile(r"^-?\d{1,18}$")
_EXPECTED = re.compile(r"^Expected `(\w+)")
_TYPES = {"str": "TYPE_STRING", "int": "TYPE_INT32", "float": "TYPE_FLOAT", "bool": "TYPE_BOOL", "bytes": "TYPE_BYTES"}


def decode(inbound: Inbound, kind: type[Body]) -> Body:
    """Return the body as its schema has it; RefusedError with Google's own 400 when it does not fit."""
    parameter = unknown_parameter(inbound)
    if parameter is not None:
        raise _unbound(parameter)
    if media_type(inbound.header("content-type")) != "application/json":
        raise _unbound(inbound.body[:40].decode("utf-8", "replace"))
    try:
        value = msgspec.json.decode(inbound.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refused(f"{_PAYLOAD} Expected a JSON value.\n{error}") from error
    if not isinstance(value, dict):
        raise refused(f'{_PAYLOAD} Unknown name "": Root element must be a message.')
    repeated = duplicates(inbound.body)
    if repeated:
        raise _at([("", _already(repeated[0], ""))])
    return fit(value, kind)


def fit(value: object, kind: type[Body]) -> Body:
    """Return a JSON value as its schema has it."""
    wrong: Wrong = []
    fitted = _fitted(value, inspect.type_info(kind), "", wrong)
    if wrong:
        raise _at(wrong)
    try:
        return msgspec.convert(fitted, kind)
    except msgspec.ValidationError as error:
        raise _at([_misfitted(misfit(error))]) from error


def refused(message: str, status: int = 400, kind: str = _INVALID) -> RefusedError:
    """Return a refusal in Google's form."""
    return RefusedError(Problem(status, kind, message))


def snake(name: str) -> str:
    """Return a camelCase name as protobuf has it.

    >>> snake("maxOutputTokens")
    'max_output_tokens'
    """
    return _CAPITAL.sub(r"_\1", name).lower()


def _fitted(value: object, kind: inspect.Type, place: str, wrong: Wrong) -> object:
    """Return a value with the names, enums and bytes the schema knows; what is wrong is noted."""
    match _plain(kind):
        case inspect.StructType() as struct if isinstance(value, dict):
            return _message(value, struct, place, wrong)
        case inspect.ListType(item_type=item) if isinstance(value, list):
            return [_fitted(one, item, f"{place}[{spot}]", wrong) for spot, one in enumerate(value)]
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            pairs = enumerate(value.items())
            return {name: _fitted(one, inner, f"{place}[{spot}].value", wrong) for spot, (name, one) in pairs}
        case inspect.IntType() if isinstance(value, float | str):
            return _whole(value)
        case inspect.LiteralType() if isinstance(value, str):
            return value.upper()
        case inspect.BytesType() if isinstance(value, str):
            return _standard(value)
        case _:
            return value


def _message(value: dict[str, object], struct: inspect.StructType, place: str, wrong: Wrong) -> dict[str, object]:
    known, taken = _names(struct.cls), {}
    for name, one in value.items():
        field = known.get(name)
        if field is None:
            where = f" at '{place}'" if place else ""
            wrong.append((place, f'{_PAYLOAD} Unknown name "{name}"{where}: Cannot find field.'))
        elif field.encode_name in taken:
            wrong.append((place, _already(name, place)))
        elif one is not None:
            inner = f"{place}.{field.name}" if place else field.name
            taken[field.encode_name] = _fitted(one, field.type, inner, wrong)
    return taken


@cache
def _names(kind: type) -> dict[str, inspect.Field]:
    """Return the fields of a message under both of their names."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {name: field for field in info.fields for name in (field.name, field.encode_name)}


def _plain(kind: inspect.Type) -> inspect.Type:
    """Return what a field holds where it is given, without its ranges."""
    if isinstance(kind, inspect.UnionType):
        return next(_plain(one) for one in kind.types if not isinstance(one, inspect.NoneType))
    return _plain(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _whole(value: float | str) -> object:
    """Return a whole number that is written as a fraction or as text as one; anything else as it is."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return int(value) if _DIGITS.match(value) else value


def _standard(text: str) -> str:
    """Return base64 of either alphabet, padded or not, as the standard one."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return text + "=" * (-len(text) % 4)


def _misfitted(wrong: Misfit) -> tuple[str, str]:
    steps = [f"[{step}]" if step.isdigit() else f".{snake(step)}" for step in wrong.path]
    place = "".join(steps).lstrip(".")
    expected = _EXPECTED.match(wrong.text)
    if "base64" in wrong.text:
        return place, f"Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed"
    if wrong.text.endswith("got `array`"):
        return place, f'{_PAYLOAD} Unknown name "{place.rpartition(".")[2]}": Proto field is not repeating, cannot start list.'
    if expected and expected[1] in _TYPES and "got" in wrong.text:
        return place, f"Invalid value at '{place}' ({_TYPES[expected[1]]})"
    return place, f"Invalid value at '{place}': {wrong.text}"


def _already(name: str, place: str) -> str:
    where = f" at '{place}'" if place else ""
    return f'{_PAYLOAD} Unknown name "{name}"{where}: Proto field is already set.'


def _unbound(name: str) -> RefusedError:
    why = f"Cannot bind query parameter. Field '{name}' could not be found in request message."
    return _at([("", f'{_PAYLOAD} Unknown name "{name}": {why}')])


def _at(wrong: Wrong) -> RefusedError:
    told = [{"description": what} | ({"field": where} if where else {}) for where, what in wrong]
    details: dict[str, object] = {"@type": _BAD_REQUEST, "fieldViolations": told}
    return RefusedError(Problem(400, _INVALID, "\n".join(what for _, what in wrong), details=(details,)))

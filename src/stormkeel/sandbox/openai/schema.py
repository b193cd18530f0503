"""Takes the JSON of a request to OpenAI into a schema, or says in its words where it does not fit. All its endpoints share this.

Never knows a field.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from stormkeel.sandbox.body import duplicates, media_type
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Misfit, Problem, RefusedError, misfit

_INVALID = "invalid_request_error"

Body = TypeVar("Body")


def decode(inbound: Inbound, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Return the body as the schema has it; RefusedError with OpenAI's own 400 when it does not fit."""
    if media_type(inbound.header("content-type")) != "application/json":
        raise refused("Unsupported content type: the request body must be application/json.")
    try:
        request = decoder.decode(inbound.body)
    except msgspec.ValidationError as error:
        raise RefusedError(_problem(misfit(error), "")) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise refused(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
            f"correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON: {error})"
        ) from error
    repeated = duplicates(inbound.body)
    if repeated:
        raise refused(f"Duplicate key in the request body: '{repeated[0]}'.", repeated[0])
    return request


def fit(value: object, kind: type[Body], place: str) -> Body:
    """Return a part of a body as its own schema has it; `place` is where it stands, e.g. "input[2]"."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RefusedError(_problem(_missing_first(misfit(error), value, kind), place)) from error


def _missing_first(wrong: Misfit, value: object, kind: Any) -> Misfit:
    """Tell of a name that is missing before one that is unknown, as the service does."""
    if wrong.what != "unknown" or wrong.path or not isinstance(value, dict):
        return wrong
    needed = (field.encode_name for field in msgspec.structs.fields(kind) if field.required)
    lacking = next((name for name in needed if name not in value), None)
    return wrong if lacking is None else Misfit("missing", (), lacking, wrong.text)


def refused(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> RefusedError:
    """Return a refusal in OpenAI's form."""
    return RefusedError(Problem(status, _INVALID, message, code, param))


def _problem(wrong: Misfit, place: str) -> Problem:
    where = _where(place, wrong.path)
    name = f"{where}.{wrong.field}" if where and wrong.field else where or wrong.field
    if not name:
        return Problem(400, _INVALID, f"The request body must be a JSON object. {wrong.text}.")
    if wrong.what == "missing":
        return Problem(400, _INVALID, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    if wrong.what == "unknown" and not where:
        return Problem(400, _INVALID, f"Unrecognized request argument supplied: {name}")
    if wrong.what == "unknown":
        return Problem(400, _INVALID, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    if wrong.what == "type":
        return Problem(400, _INVALID, f"Invalid type for '{name}': {wrong.text}.", "invalid_type", name or None)
    return Problem(400, _INVALID, f"Invalid value for '{name}': {wrong.text}.", "invalid_value", name)


def _where(place: str, path: tuple[str, ...]) -> str:
    steps = (f"[{step}]" if step.isdigit() else f".{step}" for step in path)
    return (place + "".join(steps)).lstrip(".")

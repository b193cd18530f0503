"""What Gemini asks of functions and of its own kind of schema.

Never reads JSON Schema: `parametersJsonSchema` and `responseJsonSchema` are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stormkeel.sandbox.gemini.shape import FunctionDeclaration, GenerateRequest, Schema

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$")
_REQUEST = "GenerateContentRequest"
_FORCED = {"ANY", "VALIDATED"}


def declared(request: GenerateRequest) -> list[FunctionDeclaration]:
    """Return all functions of a request."""
    return [one for tool in request.tools or () for one in tool.function_declarations or ()]


def complaints(request: GenerateRequest) -> Iterator[str]:
    """Yield what is wrong with the functions and with how they may be called."""
    for place, tool in enumerate(request.tools or ()):
        for spot, one in enumerate(tool.function_declarations or ()):
            yield from _function(one, f"{_REQUEST}.tools[{place}].function_declarations[{spot}]")
    names = [one.name or "" for one in declared(request)]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        yield f"Duplicate function declaration found: {twice}"
    yield from _calling(request, names)


def of_schema(schema: Schema, place: str) -> Iterator[str]:
    """Yield what is wrong with a schema, wherever it stands in it."""
    known = schema.properties or {}
    if schema.type == "ARRAY" and schema.items is None:
        yield f"* {place}.items: missing field.\n"
    if schema.enum and schema.type != "STRING":
        yield f"* {place}.enum: only allowed for STRING type\n"
    if known and schema.type != "OBJECT":
        yield f"* {place}.properties: only allowed for OBJECT type\n"
    for spot, name in enumerate(schema.required or ()):
        if name not in known:
            yield f"* {place}.required[{spot}]: property is not defined\n"
    for step, inner in _within(schema):
        yield from of_schema(inner, f"{place}.{step}")


def _within(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas in a schema, each with the step that leads to it."""
    for name, inner in (schema.properties or {}).items():
        yield f"properties[{name}]", inner
    if schema.items is not None:
        yield "items", schema.items
    for spot, inner in enumerate(schema.any_of or ()):
        yield f"any_of[{spot}]", inner


def _function(one: FunctionDeclaration, place: str) -> Iterator[str]:
    if not _NAME.match(one.name or ""):
        yield (
            f"* {place}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, "
            "0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n"
        )
    if one.parameters is not None and one.parameters_json_schema is not None:
        yield f"* {place}: only one of parameters and parameters_json_schema can be set.\n"
    if one.response is not None and one.response_json_schema is not None:
        yield f"* {place}: only one of response and response_json_schema can be set.\n"
    if one.parameters is not None:
        if one.parameters.type != "OBJECT":
            yield f"* {place}.parameters: parameters schema should be of type OBJECT.\n"
        yield from of_schema(one.parameters, f"{place}.parameters")


def _calling(request: GenerateRequest, names: list[str]) -> Iterator[str]:
    config = request.tool_config.function_calling_config if request.tool_config is not None else None
    if config is None:
        return
    if not names and config.mode in _FORCED:
        yield "Function calling config is set without function_declarations."
    if config.allowed_function_names and config.mode not in _FORCED:
        yield "allowed_function_names should only be set when the function calling mode is ANY or VALIDATED."
    for name in config.allowed_function_names or ():
        if name not in names:
            yield f"allowed_function_names contains '{name}', which is not one of the function_declarations."

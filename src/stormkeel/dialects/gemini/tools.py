"""The tools of a generateContent body, and which of them may be called, read (docs/wire.md, Across dialects).

Never drops a tool that runs at Google: leaving it out would change what is meant, so it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...types.prompt import Tool, ToolChoice
from ..uncrossed import give_up, refuse
from .fields import SCHEMA, TEXT, Fields
from .schema import read_schema

DECLARATIONS = "functionDeclarations"
MODES: Mapping[str, Literal["auto", "none", "required"]] = {
    "": "auto", "MODE_UNSPECIFIED": "auto", "AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none",
}  # fmt: skip


def read_tools(body: Fields) -> tuple[Tool, ...]:
    """Return the functions that the client runs."""
    found: list[Tool] = []
    for tool in body.children("tools"):
        found += [_declaration(told) for told in tool.children(DECLARATIONS)]
        for name in tool.left():
            give_up(
                f'the tool "{tool.at(name)}" runs at Google and is known to its models alone: '
                'leave it out, or declare a function of your own in "functionDeclarations"'
            )
    return tuple(found)


def _declaration(told: Fields) -> Tool:
    name, description = told.need("name", TEXT), told.take("description", TEXT) or ""
    schema = read_json_schema(told, "parametersJsonSchema", "parameters")
    if told.has("behavior") and told.word("behavior") not in ("BLOCKING", "UNSPECIFIED"):
        told.note("behavior")
    told.close()
    return Tool(name, description, schema)


def read_json_schema(told: Fields, plain: str, google: str) -> dict[str, Any] | None:
    """Return a schema that may stand there as JSON Schema or in Google's form; None where there is none."""
    schema = told.take(plain, SCHEMA)
    if schema is not None:
        told.lose(google)
        return schema
    form = told.take(google, SCHEMA)
    try:
        return None if form is None else read_schema(form)
    except RecursionError:
        refuse(f'the field "{told.at(google)}" of the body is wrong: it is nested too deeply', "invalid_value")


def read_tool_choice(body: Fields) -> ToolChoice | None:
    """Return which tools may, must not or must be called."""
    config = body.child("toolConfig")
    calling = config.child("functionCallingConfig") if config is not None else None
    choice = _choice(calling) if calling is not None else None
    for fields in (calling, config):
        if fields is not None:
            fields.close()
    return choice


def _choice(calling: Fields) -> ToolChoice | None:
    mode, names = calling.word("mode"), calling.texts("allowedFunctionNames")
    if mode not in MODES:
        what = f'the field "{calling.at("mode")}" of the body is wrong'
        refuse(f'{what}: say "AUTO", "ANY", "NONE" or "VALIDATED"', "invalid_value")
    if mode == "VALIDATED":
        calling.note("mode")  # that arguments fit their schema is another dialect's default, or asks more of the schema
    if mode in ("", "MODE_UNSPECIFIED") and not names:
        return None
    return ToolChoice(MODES[mode], () if mode == "NONE" else names)

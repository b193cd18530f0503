"""Tools from Python functions: the schema from the signature and the docstring, and the call with values of its own types.

Never decides when a function is called: `rounds.py` does.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from copy import copy
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from ..errors import InvalidRequestError
from ..types.content import ToolCall
from ..types.prompt import Tool
from .shapes import MisfitError
from .shapes.schema import misfit_of, schema_of, validate
from .shapes.strict import closed, is_strict

_ARGS = re.compile(r"^(?:Args|Arguments|Parameters):\s*\n((?:[ \t]+.*\n?|\s*\n)+)", re.MULTILINE)
_ARG = re.compile(r"^\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Function(Tool, frozen=True):
    """A tool that is a Python function.

    Attributes:
        function: what is called.
        arguments: a struct of its parameters.
    """

    function: Callable[..., Any] | None = None
    arguments: Any = None

    def parsed(self, call: ToolCall) -> dict[str, Any]:
        """Return a call's arguments by name, as values of the function's own types, defaults filled in.

        Raises:
            MisfitError: they don't fit.
        """
        try:
            read = msgspec.json.decode(call.arguments or "{}", type=self.arguments, dec_hook=validate)
        except ValueError as error:
            raise misfit_of(error) from None
        return {name: getattr(read, name) for name in read.__struct_fields__}

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call the function itself, so that a decorated one stays what it was."""
        assert self.function is not None
        return self.function(*args, **named)


class Call(ToolCall, frozen=True, tag="tool_call"):
    """A tool call of an answer.

    Attributes:
        tool: the tool that was offered by this name, None where none was.
    """

    tool: Tool | None = None

    def parsed(self) -> Any:
        """Return the arguments: by name, as the function's own types where the tool is one; else as JSON has them.

        Raises:
            MisfitError: (a ValueError) they don't fit the function, or are no JSON.
        """
        if isinstance(self.tool, Function):
            return self.tool.parsed(self)
        if self.custom:
            return self.arguments
        try:
            return msgspec.json.decode(self.arguments or "{}")
        except ValueError as error:
            raise misfit_of(error) from None


def tool(function: Callable[..., Any], *, name: str = "", description: str = "", strict: bool | None = None) -> Function:
    """Make a tool of a function.

    Its parameters need annotations: plain types, dataclasses, msgspec Structs, TypedDicts and pydantic models. The docstring's
    first paragraph tells the model what it does, an "Args:" section what each parameter is.

    Args:
        function: plain or async.
        name, description: in place of the function's own.
        strict: must the provider hold the model to the schema? Only for functions without defaults and free dicts.

    Raises:
        InvalidRequestError: the function can't be a tool.
    """
    if not callable(function):
        raise InvalidRequestError(f"a tool is a Tool or a function, not of type {type(function).__name__}")
    called = name or getattr(function, "__name__", "")
    if not _NAME.fullmatch(called):
        raise InvalidRequestError(f'a tool can\'t be called "{called}": give name=, of letters, digits, underscores and dashes')
    about = inspect.getdoc(function) or ""
    arguments = _struct(called, function, _described(about))
    schema = closed(schema_of(arguments))
    schema.pop("title", None)
    if strict and not is_strict(schema):
        raise InvalidRequestError(f'the tool "{called}" can\'t be strict: a parameter has a default, or is a free dict')
    said = description or re.split(r"\n\s*\n", about, maxsplit=1)[0].replace("\n", " ")
    return Function(called, said, schema, strict, function=function, arguments=arguments)


def tool_of(function: Callable[..., Any]) -> Function:
    """Return the tool of a function; those made lately are kept, as making one reads signature and docstring."""
    try:
        return _kept(function)
    except TypeError:  # a callable without a hash
        return tool(function)


@lru_cache(256)
def _kept(function: Callable[..., Any]) -> Function:
    return tool(function)


def _struct(name: str, function: Callable[..., Any], said: Mapping[str, str]) -> Any:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        types = typing.get_type_hints(target, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError, NameError) as error:
        raise InvalidRequestError(f'the signature of the tool "{name}" can\'t be read: {error}') from None
    fields = [_field(name, parameter, types, said) for parameter in parameters]
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _field(tool_name: str, parameter: inspect.Parameter, types: Mapping[str, Any], said: Mapping[str, str]) -> Any:
    where = f'parameter "{parameter.name}" of the tool "{tool_name}"'
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise InvalidRequestError(f"{where} takes no single named value: give it a name and a type")
    if parameter.name not in types:
        raise InvalidRequestError(f"{where} has no annotation: the model must be told its type")
    kind = types[parameter.name]
    if parameter.name in said:
        kind = Annotated[kind, msgspec.Meta(description=said[parameter.name])]
    if parameter.default is parameter.empty:
        return parameter.name, kind
    default = parameter.default
    if isinstance(default, list | dict | set):
        return parameter.name, kind, msgspec.field(default_factory=lambda: copy(default))
    return parameter.name, kind, default


def _described(about: str) -> dict[str, str]:
    """Return what a docstring's "Args:" section says of each parameter; an indented line goes on with the one before it."""
    section = _ARGS.search(about)
    if section is None:
        return {}
    said: dict[str, str] = {}
    margin, latest = None, ""
    for line in filter(str.strip, section[1].splitlines()):
        indent = len(line) - len(line.lstrip())
        margin = indent if margin is None else margin
        found = _ARG.match(line) if indent <= margin else None
        if found:
            latest = found[1]
            said[latest] = found[2].strip()
        elif latest:
            said[latest] += f" {line.strip()}"
    return said


__all__ = ["Call", "Function", "MisfitError", "tool"]

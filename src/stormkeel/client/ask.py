"""Ask: what a caller wants of one call, as one value, and the prompt it makes.

Never asks anybody: `core.py` does. The usual call, one text and little else, pays for nothing it does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any, TypeAlias

import msgspec

from ..errors import InvalidRequestError
from ..policies.queue import priority_of
from ..types.border import NO_BORDER, Border, border_of, listed
from ..types.content import Message
from ..types.prompt import Effort, Prompt, Tool, ToolChoice
from .completion import Completion
from .shapes import shape_of
from .tools import tool_of

Messages: TypeAlias = Sequence[Mapping[str, Any] | Message | Completion]
"""Turns, oldest first: `Message`, {"role": ..., "content": ...}, or a `Completion`, which stands for its assistant turn."""
Tools: TypeAlias = Sequence[Tool | Callable[..., Any]]
Fallback: TypeAlias = str | Messages | Callable[[Exception], "str | Messages | None"]
"""What is asked instead: a prompt, messages, or a function of the error that returns either (None: nothing)."""

Tags: TypeAlias = str | Sequence[str] | None
"""Tags of those who may be asked: one, several by commas, or a list; None says nothing, and an empty one lets nobody through."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
MOST_REPAIRS = 5
_MODES = {"auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("required")}
TEXTS = (str, list, tuple, type(None))  # a text may be several parts
SHAPE = '{"role": "user", "content": "..."}'


class Ask(msgspec.Struct, frozen=True):
    """What a caller wants of one call: the arguments of `complete` by the same names, described there."""

    prompt: str | None = None
    model: str | None = None
    messages: Messages | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    timeout: float | None = None
    task: str = ""
    user: str = ""
    tags: Sequence[str] = ()
    top_p: float | None = None
    stop: str | Sequence[str] = ()
    effort: Effort = ""
    tools: Tools = ()
    tool_choice: str | ToolChoice | None = None
    parallel_tools: bool | None = None
    output: Any = None
    repair: int = 0
    fallback: Fallback | None = None
    strict: bool = False
    session: str = ""
    priority: str | int | None = None
    within: Tags = None
    requires: Tags = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not (_is_number(self.timeout) and 0 < self.timeout < inf):
            raise InvalidRequestError(f"timeout={self.timeout!r}: give seconds above 0")
        if self.temperature is not None and not (_is_number(self.temperature) and 0 <= self.temperature < inf):
            raise InvalidRequestError(f"temperature={self.temperature!r}: give a number from 0 to 2")
        self._look_at_texts()
        if self.model is not None and not isinstance(self.model, str):
            raise InvalidRequestError(f'model={self.model!r}: give a name, as in "openai/gpt-5.4-mini"')
        if self.strict is not False and self.strict is not True:
            raise InvalidRequestError(f"strict={self.strict!r}: give True or False")
        if self.priority is not None and priority_of(str(self.priority)) is None:
            raise InvalidRequestError(f'priority={self.priority!r}: give "high", "normal", "low", or a number from -10 to 10')
        if isinstance(self.tags, str):
            raise InvalidRequestError(f"tags={self.tags!r}: give a list of labels, as in [{self.tags!r}]")

    def _look_at_texts(self) -> None:
        """See that what is to be a text, or several, is."""
        told: tuple[object, ...] = (self.prompt, self.system, self.messages, self.stop)
        prompt, system, messages, stop = told
        if isinstance(prompt, TEXTS) and isinstance(system, TEXTS) and isinstance(messages, TEXTS) and isinstance(stop, TEXTS):
            return  # every call passes here
        for name, said in zip(("prompt", "system", "messages", "stop"), told, strict=True):
            if isinstance(said, TEXTS):
                continue
            if name in {"prompt", "system"} or not isinstance(said, Iterable):
                raise InvalidRequestError(f"{name}= is of type {type(said).__name__}: give a text")

    def turns(self) -> tuple[Message, ...]:
        """Return the conversation's turns, or say what is missing."""
        if (self.prompt is None) == (self.messages is None):
            raise InvalidRequestError("give either a prompt or messages=, one of the two")
        if self.messages is None:
            turns: tuple[Message, ...] = (Message("user", self.prompt or ""),)
        else:
            turns = tuple(turn if isinstance(turn, Message) else _turn(turn) for turn in self.messages)
        if not turns:
            raise InvalidRequestError("messages= is empty: give at least one turn")
        return (Message("system", self.system), *turns) if self.system else turns

    def whole(self) -> Prompt:
        """Return the prompt.

        Raises:
            InvalidRequestError: an argument can't be meant so.
        """
        turns = self.turns()
        if not self._is_more_than_text():
            return Prompt(turns, self.max_tokens, self.temperature)
        self._look_at_repair()
        tools = self.offered()
        return Prompt(
            turns, self.max_tokens, self.temperature,
            top_p=self._share("top_p", self.top_p),
            stop=self._stops(),
            tools=tools,
            tool_choice=self._choice(tools),
            parallel_tools=self.parallel_tools,
            format=None if self.output is None else shape_of(self.output).format,
            effort=self._effort(),
        )  # fmt: skip

    def border(self) -> Border:
        """Return where the request is to stay. Raises `InvalidRequestError`."""
        return border_for(self.within, self.requires)

    def offered(self) -> tuple[Tool, ...]:
        """Return the tools, functions made into tools; each name once."""
        tools = tuple(given if isinstance(given, Tool) else tool_of(given) for given in self.tools)
        names = [given.name for given in tools]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidRequestError(f'tools= has "{twice}" twice: give each tool a name of its own')
        return tools

    def _is_more_than_text(self) -> bool:
        return bool(
            self.tools or self.output is not None or self.stop or self.effort or self.top_p is not None
            or self.tool_choice is not None or self.parallel_tools is not None or self.repair
        )  # fmt: skip

    def _share(self, name: str, value: float | None) -> float | None:
        if value is not None and not (_is_number(value) and 0 <= value <= 1):
            raise InvalidRequestError(f"{name}={value!r}: give a number from 0 to 1")
        return value

    def _stops(self) -> tuple[str, ...]:
        stops = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        if not all(isinstance(stop, str) for stop in stops):
            raise InvalidRequestError(f"stop={self.stop!r}: give a text, or a list of texts")
        return tuple(stop for stop in stops if stop)

    def _effort(self) -> Effort:
        if self.effort and self.effort not in EFFORTS:
            raise InvalidRequestError(f"effort={self.effort!r}: give one of {', '.join(EFFORTS)}")
        return self.effort

    def _choice(self, tools: Sequence[Tool]) -> ToolChoice | None:
        choice = self.tool_choice
        if isinstance(choice, str):
            choice = _MODES.get(choice) or ToolChoice("required", (choice,))
        if choice is not None and not isinstance(choice, ToolChoice):
            raise InvalidRequestError(f'tool_choice={choice!r}: give "auto", "none", "required", a tool\'s name or a ToolChoice')
        names = {one.name for one in tools}
        if choice is not None and (unknown := next((name for name in choice.names if name not in names), None)):
            raise InvalidRequestError(f'tool_choice names "{unknown}", which is not among tools= ({", ".join(names) or "none"})')
        return choice

    def _look_at_repair(self) -> None:
        if type(self.repair) is not int or not 0 <= self.repair <= MOST_REPAIRS:
            raise InvalidRequestError(f"repair={self.repair!r}: give a number from 0 to {MOST_REPAIRS}")
        if self.repair and self.output is None:
            raise InvalidRequestError("repair= mends answers that don't fit output=: give both")


def asking_for(common: Ask, one: str | Messages | Ask) -> Ask:
    """Return one of many: its own prompt, and the common wishes where it has none of its own."""
    if isinstance(one, str):
        return msgspec.structs.replace(common, prompt=one, messages=None)
    if not isinstance(one, Ask | Sequence):
        raise InvalidRequestError(f"a prompt of many is a text, messages or an Ask, not of type {type(one).__name__}")
    if not isinstance(one, Ask):
        return msgspec.structs.replace(common, prompt=None, messages=tuple(one))
    own = {name: getattr(one, name) for name in Ask.__struct_fields__}
    told = {name: value for name, value in own.items() if value is not getattr(PLAIN, name)}
    return msgspec.structs.replace(common, **told)


def border_for(within: Tags, requires: Tags) -> Border:
    """Return the border that two arguments write, as the gateway's headers do. Raises `InvalidRequestError`."""
    if within is None and requires is None:
        return NO_BORDER
    return border_of(_tags("within", within), _tags("requires", requires))


def _tags(name: str, given: object) -> Sequence[str]:
    """The tags of an argument; one that was to be filled in and was not is a tag that nobody has."""
    if given is None:
        return ()
    words = listed(given) if isinstance(given, str) else given
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise InvalidRequestError(f'{name}={given!r}: give a tag, or a list of them, as in ["eu", "ch"]')
    return tuple(words) or ("",)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _turn(turn: Mapping[str, Any] | Completion) -> Message:
    if isinstance(turn, Completion):
        return turn.message
    if not isinstance(turn, Mapping):
        raise InvalidRequestError(f"a message is a Message, a Completion or {SHAPE}; this one is of type {type(turn).__name__}")
    role, content = turn.get("role"), turn.get("content")
    if role not in ("system", "user", "assistant") or not isinstance(content, (str, list, tuple)):
        raise InvalidRequestError(
            f"a message is {SHAPE} with role system, user or assistant; this one has role {role!r} "
            f"and content of type {type(content).__name__}"
        )
    return Message(role, content)


PLAIN = Ask()

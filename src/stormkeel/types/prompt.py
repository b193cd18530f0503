"""Prompt: what is asked of a model, in canonical form: the conversation, the tools, and how to answer.

Never a wire format: a dialect reads it from a body and writes it into one. What has no place here does not cross from one dialect
to another, and whoever reads a body lists it (`dialects.values.Reading`).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .content import CacheLife, Message

Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How hard to reason, from not at all to the most a model can; "" leaves it to the model."""


class Tool(msgspec.Struct, frozen=True):
    """A function the model may ask for.

    Attributes:
        name: letters, digits, underscores and dashes.
        description: for the model.
        parameters: JSON Schema of its arguments, None for none.
        strict: must arguments fit the schema? None leaves it to the provider.
        custom: takes free text instead of JSON arguments (OpenAI's "custom"); `parameters` is None then.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    custom: bool = False
    cache: CacheLife = ""


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether the model may, must not or must ask for a tool.

    Attributes:
        mode: "auto", "none" or "required".
        names: the only tools it may ask for, () for any. One name with "required" forces that tool.
    """

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()


class Format(msgspec.Struct, frozen=True):
    """The form of the answer: any JSON object (`schema` None), or JSON that fits a schema.

    Attributes:
        schema: JSON Schema.
        name, description: what it is, for dialects that want a name.
        strict: must it fit exactly? None leaves it to the provider.
    """

    schema: dict[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Prompt(msgspec.Struct, frozen=True):
    """One question.

    Attributes:
        messages: the turns, oldest first; leading system turns are the instruction.
        max_tokens: the most output tokens wanted, reasoning included; None for the model's own limit.
        temperature, top_p, top_k: sampling; None for the provider's default.
        stop: texts at which the model stops.
        tools, tool_choice: what it may call.
        parallel_tools: may it call several at once? None leaves it to the provider.
        format: the form of the answer, None for free text.
        effort: how hard to reason.
        thinking_budget: the most tokens of reasoning, for models that take a number; None leaves it to `effort`.
        user: an opaque id of the end user.
        tier: the service tier by OpenAI's words ("auto", "default", "flex", "priority"), "" where none was asked for.
        choices: how many answers.
        shows_thoughts: did the client ask to be shown what the model thinks? Only some dialects must be told.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    format: Format | None = None
    effort: Effort = ""
    thinking_budget: int | None = None
    user: str = ""
    tier: str = ""
    choices: int = 1
    shows_thoughts: bool = False

"""A prompt, written as a generateContent body for one model (docs/wire.md, Across dialects).

Never writes what the API refuses, where that can be known beforehand: what it does not take is noted as lost, or the whole is
given up where leaving it out would change what is meant. The model and the stream stand in the URL (`call`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...types.failure import Failure
from ...types.prompt import Prompt, Tool, ToolChoice
from ..lost import Losses
from ..reach import within_reach
from ..uncrossed import CrossingError, give_up
from ..values import Target, Written
from .contents import Writing, write_contents
from .reasoning import write_sampling, write_thinking
from .wire import Block, encode

MOST_STOPS = 5  # docs of the Gemini API, GenerationConfig
FREE_TEXT: Block = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""The schema of a tool that takes free text: this API's functions take objects."""

TIERS = {"default": "standard", "flex": "flex", "priority": "priority"}
_is_name = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*").fullmatch


def write_prompt(prompt: Prompt, target: Target, fetches: bool) -> Written | Failure:
    """Write a whole body; see `base.Dialect.write_prompt`.

    Args:
        prompt: what is asked.
        target: the model it is for.
        fetches: does the provider fetch http addresses itself?
    """
    writing = Writing(target, fetches, Losses())
    try:
        asked, in_words = within_reach(prompt, target)
        body = _write(asked, writing)
    except CrossingError as refused:
        return refused.failure
    if in_words:
        writing.lost.add("format")
    return Written(encode(body), writing.lost.told())


def _write(prompt: Prompt, writing: Writing) -> Block:
    if prompt.choices > 1:
        give_up("one answer comes back from the Gemini dialect: ask for one choice, as often as you need")
    system, contents = write_contents(prompt.messages, writing)
    body: Block = {"contents": contents}
    if contents[-1]["role"] == "model" and not writing.target.abilities.prefill:
        give_up(
            f'"{writing.target.model}" does not go on with an answer that was begun: '
            'end the conversation with a turn of role "user"'
        )
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= _tools(prompt, writing.lost)
    if config := _config(prompt, writing, has_tools="tools" in body):
        body["generationConfig"] = config
    if prompt.tier in TIERS:
        body["serviceTier"] = TIERS[prompt.tier]
    if prompt.user:
        writing.lost.add("user")
    return body


def _config(prompt: Prompt, writing: Writing, *, has_tools: bool) -> Block:
    told: Block = {}
    if prompt.max_tokens is not None:
        told["maxOutputTokens"] = _limit(prompt.max_tokens, writing)
    told |= write_sampling(prompt, writing.target.abilities, writing.lost)
    if prompt.stop:
        told |= _stop(prompt.stop, writing)
    if prompt.format is not None:
        told |= _format(prompt, writing, has_tools=has_tools)
    thinking = write_thinking(prompt, writing.target, writing.lost)
    return told | ({"thinkingConfig": thinking} if thinking else {})


def _limit(wanted: int, writing: Writing) -> int:
    largest = writing.target.max_output
    if wanted < 1:
        give_up("the Gemini dialect writes no answer of 0 tokens: ask for 1 output token at least")
    if largest is not None and wanted > largest:
        writing.lost.add("max_tokens")
        return largest
    return wanted


def _stop(stop: tuple[str, ...], writing: Writing) -> Block:
    told = [text for text in stop if text][:MOST_STOPS] if writing.target.abilities.stop else []
    if len(told) != len(stop):
        writing.lost.add("stop")
    return {"stopSequences": told} if told else {}


def _format(prompt: Prompt, writing: Writing, *, has_tools: bool) -> Block:
    form = prompt.format
    if has_tools and not writing.signs:
        give_up(
            f'"{writing.target.model}" does not answer in JSON while it has functions (from Gemini 3 on it does): '
            "leave out the `format` or the `tools`"
        )
    told: Block = {"responseMimeType": "application/json"}
    return told | ({"responseJsonSchema": form.schema} if form is not None and form.schema is not None else {})


def _tools(prompt: Prompt, lost: Losses) -> Block:
    choice = prompt.tool_choice
    tools = _allowed(prompt.tools, choice)
    if not tools:
        if choice is not None and (choice.mode == "required" or choice.names):
            lost.add("tool_choice")
        tools, choice = prompt.tools, None
    if not tools:
        return {}
    if prompt.parallel_tools is False:
        lost.add("parallel_tools")
    told: Block = {"tools": [{"functionDeclarations": [_tool(tool, lost) for tool in tools]}]}
    calling = _choice(choice, any(tool.strict for tool in tools))
    return told | ({"toolConfig": {"functionCallingConfig": calling}} if calling else {})


def _allowed(tools: Sequence[Tool], choice: ToolChoice | None) -> Sequence[Tool]:
    """Return the tools that may be asked for: those that are not named are not shown where the API can't be told the names."""
    if choice is None or not choice.names or choice.mode != "auto":
        return tools
    named = frozenset(choice.names)
    return [tool for tool in tools if tool.name in named]


def _choice(choice: ToolChoice | None, strict: bool) -> Block:
    match choice:
        case ToolChoice(mode="required", names=names):
            return {"mode": "ANY"} | ({"allowedFunctionNames": list(names)} if names else {})
        case ToolChoice(mode="none"):
            return {"mode": "NONE"}
    if strict:
        return {"mode": "VALIDATED"}  # arguments that fit their schema, without a call that must be
    return {} if choice is None else {"mode": "AUTO"}


def _tool(tool: Tool, lost: Losses) -> Block:
    if not _is_name(tool.name):
        give_up(f'Gemini takes no function of the name "{tool.name[:100]}": begin it with a letter or an underscore')
    if tool.cache:
        lost.add("cache")
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    if tool.custom:
        lost.add("custom")
        return told | {"parametersJsonSchema": FREE_TEXT}
    return told if tool.parameters is None else told | {"parametersJsonSchema": tool.parameters}

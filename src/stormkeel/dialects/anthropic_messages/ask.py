"""A prompt, written as a messages body for one model (docs/wire.md, Across dialects).

Never writes what the API refuses, where that can be known beforehand: what it does not take is noted as lost, or the whole is
given up where leaving it out would change what is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ...types.failure import Failure
from ...types.prompt import Prompt, Tool, ToolChoice
from ..lost import Losses
from ..reach import within_reach
from ..uncrossed import CrossingError, give_up, refuse
from ..values import Target, Written
from .blocks import mark
from .foreign import own_thoughts
from .marks import bound_marks, may_be_over
from .order import Turn, arrange
from .reasoning import write_reasoning, write_sampling
from .schema import carry_schema
from .wire import Block, encode

JSON_ONLY = "Answer with a single JSON object and nothing else: no prose around it, no code fence."
"""What stands in for a JSON mode without a schema, which this API has no field for."""

FREE_TEXT: Block = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""The schema of a tool that takes free text: this API's tools take objects."""

_TIERS = {"auto": "auto", "default": "standard_only"}


def write_prompt(prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
    """Write a whole body; see `base.Dialect.write_prompt`."""
    lost = Losses()
    try:
        asked, in_words = within_reach(prompt, target)
        if in_words:  # there is no JSON mode beside it
            lost.add("format")
            asked = msgspec.structs.replace(asked, format=None)
        body = _write(asked, target, lost)
    except CrossingError as refused:
        return refused.failure
    if stream:
        body["stream"] = True
    written = encode(body)
    if may_be_over(written):
        written = encode(bound_marks(body, lost))
    return Written(written, lost.told())


def _write(prompt: Prompt, target: Target, lost: Losses) -> Block:
    if prompt.choices > 1:
        give_up("the messages dialect gives one answer at a time: leave `choices` at 1, and ask as often as you need")
    limit = _limit(prompt, target, lost)
    system, turns = arrange(own_thoughts(prompt.messages, target.model), target.abilities.late_system, lost)
    if turns[-1].role == "assistant" and not target.abilities.prefill:
        give_up(f'"{target.model}" does not go on with an answer that was begun: end the conversation with a turn of role "user"')
    body: Block = {"model": target.model, "max_tokens": limit}
    if prompt.format is not None and prompt.format.schema is None:
        system = [*system, {"type": "text", "text": JSON_ONLY}]
        lost.add("format")
    if system:
        body["system"] = _joined(system)
    body["messages"] = [{"role": turn.role, "content": turn.content} for turn in turns]
    body |= _tools(prompt, lost)
    return body | _settings(prompt, target, limit, _is_barred(body, turns, target), lost)


def _limit(prompt: Prompt, target: Target, lost: Losses) -> int:
    largest = target.max_output
    if prompt.max_tokens is None:
        if largest is None:
            give_up(
                f'"{target.model}" must be told how many tokens to write at most, and nobody knows how many it can: '
                "name it in `max_tokens`"
            )
        return largest
    if prompt.max_tokens < 1:
        give_up("the messages dialect writes no answer of 0 tokens: ask for 1 output token at least")
    if largest is not None and prompt.max_tokens > largest:
        lost.add("max_tokens")
        return largest
    return prompt.max_tokens


def _joined(system: list[Block]) -> str | list[Block]:
    """Return the instruction: plain texts joined by a blank line, blocks where any of them is more than that."""
    if any(block.keys() != {"type", "text"} for block in system):
        return system
    return "\n\n".join(block["text"] for block in system)


def _is_barred(body: Block, turns: list[Turn], target: Target) -> bool:
    """Tell whether thinking is refused: beside a forced tool, an answer begun, or (by budget) a call that was made without."""
    if body.get("tool_choice", {}).get("type") in ("any", "tool") or turns[-1].role == "assistant":
        return True
    if target.abilities.thinking != "budget" or turns[-1].blocks[0].get("type") != "tool_result" or len(turns) < 2:
        return False
    return turns[-2].blocks[0].get("type") not in ("thinking", "redacted_thinking")


def _settings(prompt: Prompt, target: Target, limit: int, is_barred: bool, lost: Losses) -> Block:
    reasoning = write_reasoning(prompt, target.abilities, limit, is_barred, lost)
    told: Block = dict(write_sampling(prompt, target.abilities, reasoning.is_on, lost))
    if reasoning.thinking is not None:
        told["thinking"] = reasoning.thinking
    elif prompt.shows_thoughts:
        lost.add("shows_thoughts")
    output: Block = {"effort": reasoning.effort} if reasoning.effort else {}
    if prompt.format is not None and prompt.format.schema is not None:
        output["format"] = {"type": "json_schema", "schema": _form(prompt.format.schema, lost)}
    if output:
        told["output_config"] = output
    return told | _plain_settings(prompt, target, lost)


def _form(schema: Block, lost: Losses) -> Block:
    try:
        carried = carry_schema(schema)
    except RecursionError:
        refuse("the schema of the answer's form is nested too deeply: make it flatter", "invalid_value")
    if not carried.is_whole:
        lost.add("format")
    return carried.schema


def _plain_settings(prompt: Prompt, target: Target, lost: Losses) -> Block:
    told: Block = {}
    stops = [stop for stop in prompt.stop if stop.strip()] if target.abilities.stop else []
    if len(stops) != len(prompt.stop):
        lost.add("stop")
    if stops:
        told["stop_sequences"] = stops
    if prompt.user:
        told["metadata"] = {"user_id": prompt.user}
    if prompt.tier in _TIERS:
        told["service_tier"] = _TIERS[prompt.tier]
    elif prompt.tier:
        lost.add("tier")
    return told


def _tools(prompt: Prompt, lost: Losses) -> Block:
    choice = prompt.tool_choice
    tools = _allowed(prompt.tools, choice)
    if not tools:
        if choice is not None and (choice.mode == "required" or choice.names):
            lost.add("tool_choice")
        tools, choice = prompt.tools, None
    if not tools:
        return {}
    if any(tool.custom for tool in tools):
        lost.add("custom")
    told = _choice(choice, prompt.parallel_tools)
    return {"tools": [_tool(tool) for tool in tools]} | ({"tool_choice": told} if told else {})


def _allowed(tools: Sequence[Tool], choice: ToolChoice | None) -> Sequence[Tool]:
    """Return the tools that may be asked for: where several are named, the others are not shown at all."""
    if choice is None or not choice.names or choice.mode == "none" or (choice.mode == "required" and len(choice.names) == 1):
        return tools
    named = frozenset(choice.names)
    return [tool for tool in tools if tool.name in named]


def _choice(choice: ToolChoice | None, parallel: bool | None) -> Block:
    told: Block = {}
    if choice is not None:
        match choice:
            case ToolChoice(mode="required", names=(name,)):
                told = {"type": "tool", "name": name}
            case ToolChoice(mode="required"):
                told = {"type": "any"}
            case ToolChoice(mode=mode):
                told = {"type": mode}
    if parallel is False and told.get("type") != "none":
        told = (told or {"type": "auto"}) | {"disable_parallel_tool_use": True}
    return told


def _tool(tool: Tool) -> Block:
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    told["input_schema"] = FREE_TEXT if tool.custom else _schema(tool.parameters)
    if tool.strict is not None:
        told["strict"] = tool.strict
    return mark(told, tool.cache)


def _schema(parameters: dict[str, Any] | None) -> Block:
    if parameters is None:
        return {"type": "object", "properties": {}}
    return parameters if "type" in parameters else {"type": "object", **parameters}

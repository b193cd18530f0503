"""A prompt, written as the body of a response for one model (docs/wire.md, Across dialects).

Never drops a wish in silence: what the dialect or the model can't be told is in `Written.lost`. Never lets the provider keep what
was said: `store` is false, and the reasoning comes back encrypted instead, so that the conversation can be sent again.
"""

from __future__ import annotations

from typing import Any

from ...catalog.abilities import Abilities
from ...types.failure import Failure, FailureKind
from ...types.prompt import Effort, Format, Prompt, Tool, ToolChoice
from ..json import write_json
from ..openai_marks import Writing
from ..reach import within_reach
from ..uncrossed import CrossingError
from ..values import Target, Written
from .prompt import ENCRYPTED
from .reasoning import may_reason, write_effort, write_sampling
from .turns import write_turns

LEAST_OUTPUT = 16
"""Fewer output tokens are refused (BerriAI/litellm#31536, farion1231/cc-switch#7287)."""

JSON_ONLY = "Answer with a single JSON object."
"""Said where JSON mode is asked for and nobody has the word: the whole request would be refused for it (docs/wire.md, OpenAI
responses)."""

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}

Wire = dict[str, Any]


def write_prompt(prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
    """Write a prompt; a Failure (UNSUPPORTED, CALLER) where it can't be said without changing what is meant."""
    lost: dict[str, None] = {}
    try:
        asked, in_words = within_reach(prompt, target)
        body = _write(asked, target, lost)
    except CrossingError as error:
        return error.failure
    if in_words:
        lost["format"] = None
    if stream:
        body["stream"] = True
    return Written(write_json(body), tuple(lost), body.get("max_output_tokens"))


def _write(prompt: Prompt, target: Target, lost: dict[str, None]) -> Wire:
    if prompt.choices > 1:
        raise _unsupported("the responses dialect gives one answer at a time: leave `choices` at 1, and ask as often as you need")
    abilities = target.abilities
    instructions, items = write_turns(prompt.messages, target.model, Writing(lost, abilities.cache_marks, is_long_known=True))
    if prompt.format is not None and prompt.format.schema is None and not _says_json(items):
        instructions, items = "", [_json_said(instructions), *items]
    effort = write_effort(prompt, abilities, target.max_output, lost)
    body: Wire = {"model": target.model, "input": items, "store": False}
    if instructions:
        body["instructions"] = instructions
    if may_reason(effort, abilities):
        body["include"] = [ENCRYPTED]
    if prompt.max_tokens is not None:
        body["max_output_tokens"] = _limit(prompt.max_tokens, target, lost)
    body |= write_sampling(prompt, abilities, effort, lost)
    if prompt.stop:
        lost["stop"] = None  # this dialect has no word for it
    return body | _reasoning(prompt, effort, abilities, lost) | _tools(prompt, lost) | _rest(prompt)


def _reasoning(prompt: Prompt, effort: Effort, abilities: Abilities, lost: dict[str, None]) -> Wire:
    """Return how hard to reason, and that it is to be shown: unasked nothing is, and an account that may not ask is refused."""
    told: Wire = {"effort": effort} if effort else {}
    if prompt.shows_thoughts and may_reason(effort, abilities):
        told["summary"] = "auto"
    elif prompt.shows_thoughts:
        lost["shows_thoughts"] = None
    return {"reasoning": told} if told else {}


def _says_json(items: list[Wire]) -> bool:
    return b"json" in write_json(items).lower()


def _json_said(instructions: str) -> Wire:
    """Return the instructions as an item, for only there the word counts, with the word in front where they lack it."""
    told: Wire = {"role": "system", "content": instructions}
    if _says_json([told]):
        return told
    return told | {"content": f"{JSON_ONLY}\n\n{instructions}" if instructions else JSON_ONLY}


def _unsupported(message: str) -> CrossingError:
    return CrossingError(Failure(FailureKind.UNSUPPORTED, message))


def _limit(wanted: int, target: Target, lost: dict[str, None]) -> int:
    """Return the limit: more than the model can say would be refused, and asks for no more; so would fewer than it must take."""
    if wanted < 1:  # Anthropic's way to fill a cache
        raise _unsupported("a response can't be asked for no output: ask for 1 token")
    most = target.max_output
    taken = wanted if most is None else min(wanted, most)
    taken = max(taken, LEAST_OUTPUT)
    if taken != wanted:
        lost["max_tokens"] = None
    return taken


def _tools(prompt: Prompt, lost: dict[str, None]) -> Wire:
    """Return what is said of tools; without any it means nothing, and is refused."""
    if not prompt.tools:
        return {}
    if any(tool.cache for tool in prompt.tools):
        lost["cache"] = None
    written: Wire = {"tools": [_write_tool(tool) for tool in prompt.tools]}
    if prompt.tool_choice is not None:
        written["tool_choice"] = _write_choice(prompt.tool_choice, {tool.name for tool in prompt.tools if tool.custom})
    if prompt.parallel_tools is not None:
        written["parallel_tool_calls"] = prompt.parallel_tools
    return written


def _write_tool(tool: Tool) -> Wire:
    told: Wire = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description:
        told["description"] = tool.description
    if not tool.custom:
        told["parameters"] = NO_PARAMETERS if tool.parameters is None else tool.parameters
        told["strict"] = bool(tool.strict)  # here, and in no other dialect, it is the default
    return told


def _write_choice(choice: ToolChoice, custom: set[str]) -> str | Wire:
    if choice.mode == "none" or not choice.names:
        return choice.mode
    named = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def _rest(prompt: Prompt) -> Wire:
    said: Wire = {}
    if prompt.format is not None:
        said["text"] = {"format": _write_format(prompt.format)}
    if prompt.user:
        said["user"] = prompt.user
    if prompt.tier not in ("", "auto"):
        said["service_tier"] = prompt.tier
    return said


def _write_format(form: Format) -> Wire:
    if form.schema is None:
        return {"type": "json_object"}
    told: Wire = {"type": "json_schema", "name": form.name or "response", "schema": form.schema}
    if form.description:
        told["description"] = form.description
    if form.strict is not None:
        told["strict"] = form.strict
    return told

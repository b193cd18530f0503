"""A prompt, written as the body of a chat completion for one model (docs/wire.md, Across dialects).

Never drops a wish in silence: what the dialect or the model can't be told is in `Written.lost`.
"""

from __future__ import annotations

from typing import Any

from ...catalog.abilities import Abilities
from ...types.failure import Failure, FailureKind
from ...types.prompt import Effort, Format, Prompt, Tool, ToolChoice
from ..json import write_json
from ..reach import within_reach
from ..uncrossed import CrossingError
from ..values import Target, Written
from .messages import write_messages
from .prompt import EFFORTS

MOST_STOPS = 4  # openai 3.52
UNKNOWN_OUTPUT = 32_000
"""What a budget of thinking is measured against where neither the prompt nor the catalog has a limit, in tokens."""

JSON_ONLY = "Answer with a single JSON object."
"""Said where JSON mode is asked for and no message has the word: the whole request would be refused for it (docs/wire.md, Across
dialects)."""

Wire = dict[str, Any]


def write_prompt(prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
    """Write a prompt; a Failure (UNSUPPORTED, CALLER) where it can't be said without changing what is meant."""
    lost: dict[str, None] = {}
    try:
        asked, in_words = within_reach(prompt, target)
        body = _Writing(asked, target, lost).body()
    except CrossingError as error:
        return error.failure
    if in_words:
        lost["format"] = None
    if stream:
        body["stream"] = True
    if stream and target.asks_usage:
        body["stream_options"] = {"include_usage": True}
    return Written(write_json(body), tuple(lost))


class _Writing:
    """One body in the making; most prompts set little, so each part is looked at only where it is set."""

    __slots__ = ("_abilities", "_lost", "_prompt", "_target")

    def __init__(self, prompt: Prompt, target: Target, lost: dict[str, None]) -> None:
        self._prompt, self._target, self._lost = prompt, target, lost
        self._abilities = target.abilities

    def body(self) -> Wire:
        prompt = self._prompt
        messages = write_messages(prompt.messages, self._lost, self._abilities.cache_marks)
        if prompt.format is not None and prompt.format.schema is None and b"json" not in write_json(messages).lower():
            messages.insert(0, {"role": "system", "content": JSON_ONLY})
        body: Wire = {"model": self._target.model, "messages": messages}
        asks_for_effort = prompt.effort or prompt.thinking_budget is not None or prompt.tools
        effort = self._effort() if asks_for_effort else ""
        if prompt.shows_thoughts and not self._target.takes_thoughts:
            self._lose("shows_thoughts")  # OpenAI's own chats never show them
        if prompt.max_tokens is not None:
            body[self._target.limit] = self._limit(prompt.max_tokens)
        if prompt.temperature is not None or prompt.top_p is not None or prompt.top_k is not None:
            body |= self._sampling(effort)
        if prompt.stop:
            body |= self._stop()
        if prompt.tools:  # what else is said of tools is refused without them, and means nothing
            body |= self._tools()
        if effort:
            body["reasoning_effort"] = effort
        return body | self._rest() if prompt.format is not None or prompt.user or prompt.tier or prompt.choices > 1 else body

    def _lose(self, name: str) -> None:
        self._lost[name] = None

    def _limit(self, wanted: int) -> int:
        """Return the limit: more than the model can say would be refused, and asks for no more."""
        most = self._target.max_output
        if wanted < 1:  # Anthropic's way to fill a cache
            raise CrossingError(
                Failure(FailureKind.UNSUPPORTED, "a chat completion can't be asked for no output: ask for 1 token")
            )
        if most is None or wanted <= most:
            return wanted
        self._lose("max_tokens")
        return most

    def _effort(self) -> Effort:
        """Return what `reasoning_effort` must say, "" for nothing."""
        abilities = self._abilities
        wanted, field = self._wanted_effort()
        if self._calls_functions() and not abilities.tools_with_reasoning:
            return self._quiet(wanted, field)
        effort = nearest(wanted, abilities.efforts) if wanted else ""
        if effort != wanted and not (wanted == "none" and _is_quiet("", abilities)):
            self._lose(field)
        return effort

    def _wanted_effort(self) -> tuple[Effort, str]:
        """Return the effort asked for and the prompt's field that asks for it."""
        prompt = self._prompt
        if prompt.thinking_budget is None:
            return prompt.effort, "effort"
        if prompt.effort or prompt.thinking_budget > 0:  # none at all is told by a word as well
            self._lose("thinking_budget")
        return (prompt.effort, "effort") if prompt.effort else (self._effort_of(prompt.thinking_budget), "thinking_budget")

    def _effort_of(self, budget: int) -> Effort:
        """Return the effort for a budget by thirds of the whole output, 0 being none at all."""
        most = self._prompt.max_tokens or self._target.max_output or UNKNOWN_OUTPUT
        if budget <= 0:
            return "none"
        return "low" if 3 * budget < most else "medium" if 3 * budget < 2 * most else "high"

    def _calls_functions(self) -> bool:
        return any(not tool.custom for tool in self._prompt.tools)

    def _quiet(self, wanted: Effort, field: str) -> Effort:
        """Return the effort for a model that refuses functions while it reasons: none, said only where it must be."""
        abilities = self._abilities
        if not _is_quiet(wanted, abilities):
            self._lose(field)
        if not wanted and _is_quiet("", abilities):
            return ""
        if "none" not in abilities.efforts:
            why = f'the model "{self._target.model}" takes no functions in a chat completion: ask for another model'
            raise CrossingError(Failure(FailureKind.UNSUPPORTED, why))
        return "none"

    def _sampling(self, effort: Effort) -> Wire:
        prompt, abilities = self._prompt, self._abilities
        if prompt.top_k is not None:
            self._lose("top_k")
        told = (("temperature", prompt.temperature), ("top_p", prompt.top_p))
        asked = {name: value for name, value in told if value is not None}
        if abilities.sampling == "always" or (abilities.sampling == "quiet" and _is_quiet(effort, abilities)):
            return asked
        for name, value in asked.items():
            if value != 1:  # the default, which the model takes anyway
                self._lose(name)
        return {}

    def _stop(self) -> Wire:
        stop = self._prompt.stop
        if not self._abilities.stop or len(stop) > MOST_STOPS:
            self._lose("stop")
        return {"stop": stop[:MOST_STOPS]} if self._abilities.stop else {}

    def _tools(self) -> Wire:
        prompt = self._prompt
        if any(tool.cache for tool in prompt.tools):
            self._lose("cache")
        written: Wire = {"tools": [_write_tool(tool) for tool in prompt.tools]}
        if prompt.tool_choice is not None:
            written["tool_choice"] = _write_choice(prompt.tool_choice, {tool.name for tool in prompt.tools if tool.custom})
        if prompt.parallel_tools is not None:
            written["parallel_tool_calls"] = prompt.parallel_tools
        return written

    def _rest(self) -> Wire:
        prompt = self._prompt
        said: Wire = {}
        if prompt.format is not None:
            said["response_format"] = _write_format(prompt.format)
        if prompt.user:
            said["user"] = prompt.user
        if prompt.tier not in ("", "auto"):
            said["service_tier"] = prompt.tier
        if prompt.choices > 1:
            said["n"] = prompt.choices
        return said


def reasons_with_functions(prompt: Prompt, abilities: Abilities) -> bool:
    """Would a model be offered functions, and reason?"""
    if all(tool.custom for tool in prompt.tools):
        return False
    return bool(prompt.thinking_budget) or not _is_quiet(prompt.effort, abilities)


def _is_quiet(effort: Effort, abilities: Abilities) -> bool:
    """Does a model not reason that is told this effort ("" for nothing)?"""
    return (effort or abilities.default_effort) in ("", "none")


def nearest(wanted: Effort, known: tuple[Effort, ...]) -> Effort:
    """Return the known effort nearest to the one wanted, the weaker of two; "" where none is known.

    Who wants to reason gets no "none", and who does not gets the weakest.

    >>> nearest("max", ("low", "high")), nearest("minimal", ("none", "low")), nearest("none", ("minimal", "low"))
    ('high', 'low', 'minimal')
    """
    if wanted in known:
        return wanted
    ranked = tuple(effort for effort in known if effort != "none")
    return min(ranked or known, key=lambda effort: abs(EFFORTS.index(effort) - EFFORTS.index(wanted)), default="")


def _write_tool(tool: Tool) -> Wire:
    inner: Wire = {"name": tool.name}
    if tool.description:
        inner["description"] = tool.description
    if tool.custom:
        return {"type": "custom", "custom": inner}
    if tool.parameters is not None:
        inner["parameters"] = tool.parameters
    if tool.strict is not None:
        inner["strict"] = tool.strict
    return {"type": "function", "function": inner}


def _write_choice(choice: ToolChoice, custom: set[str]) -> str | Wire:
    if choice.mode == "none" or not choice.names:
        return choice.mode
    named = [_write_name(name, name in custom) for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _write_name(name: str, is_custom: bool) -> Wire:
    kind = "custom" if is_custom else "function"
    return {"type": kind, kind: {"name": name}}


def _write_format(form: Format) -> Wire:
    if form.schema is None:
        return {"type": "json_object"}
    inner: Wire = {"name": form.name or "response", "schema": form.schema}
    if form.description:
        inner["description"] = form.description
    if form.strict is not None:
        inner["strict"] = form.strict
    return {"type": "json_schema", "json_schema": inner}

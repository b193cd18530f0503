"""Reasoning and sampling as each family of models is told of them (docs/wire.md, Across dialects).

Never guesses what a model takes: that is `catalog.abilities`. What it can't be told is noted as lost.

    effort --adaptive model--> thinkingLevel (the nearest it knows)      from Gemini 3 on
          '--budget model----> thinkingBudget by the table                Gemini 2.5
"""

from __future__ import annotations

from collections.abc import Mapping

from ...catalog.abilities import Abilities
from ...types.prompt import Effort, Prompt
from ..lost import Losses
from ..values import Target
from .wire import Block

LEVELS: Mapping[Effort, str] = {
    "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "XHIGH", "max": "XHIGH",
}  # fmt: skip
"""`thinkingLevel` by effort (google-genai 3.6); there is none for the most a model can."""

BUDGETS: Mapping[Effort, int] = {
    "minimal": 512, "low": 1024, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 24576,
}  # fmt: skip
"""Tokens of thinking by effort, for models that take a number; at most half of `max_tokens`, so that an answer has room."""

LEAST_BUDGET, MOST_BUDGET = 512, 24576  # what each of the 2.5 family takes: Flash-Lite's least, Flash's most
LEAST_ALWAYS = 128  # of those that can't stop thinking: 2.5 Pro's least

_RANKS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def write_thinking(prompt: Prompt, target: Target, lost: Losses) -> Block:
    """Return what `thinkingConfig` says, nothing where nothing was asked."""
    asked = _asked(prompt)
    if not asked:
        return _shown(prompt, target.abilities, lost)
    abilities, is_quiet = target.abilities, _is_quiet(prompt)
    if not abilities.thinking:
        lost.add(*(() if is_quiet else asked))
        return {}
    if abilities.thinking == "budget":
        return _with_budget(prompt, abilities, is_quiet, lost)
    return _with_level(prompt, abilities, is_quiet, lost)


def _shown(prompt: Prompt, abilities: Abilities, lost: Losses) -> Block:
    """Show what a model thinks of itself, where that is wanted."""
    if prompt.shows_thoughts and not abilities.thinking:
        lost.add("shows_thoughts")
    return {"includeThoughts": True} if prompt.shows_thoughts and abilities.thinking else {}


def _asked(prompt: Prompt) -> tuple[str, ...]:
    names = {"effort": bool(prompt.effort), "thinking_budget": prompt.thinking_budget is not None}
    return tuple(name for name, said in names.items() if said)


def _is_quiet(prompt: Prompt) -> bool:
    return prompt.effort == "none" or (not prompt.effort and prompt.thinking_budget == 0)


def _with_level(prompt: Prompt, abilities: Abilities, is_quiet: bool, lost: Losses) -> Block:
    if is_quiet:
        lost.add(*_asked(prompt))  # the least it knows is not none
        return {"thinkingLevel": LEVELS[_nearest("minimal", abilities)]}
    if prompt.thinking_budget is not None:
        lost.add("thinking_budget")
    wanted = prompt.effort or _effort_of(prompt.thinking_budget or 0)
    effort = _nearest(wanted, abilities)
    if prompt.effort and (effort != prompt.effort or effort == "max"):
        lost.add("effort")
    return {"thinkingLevel": LEVELS[effort], "includeThoughts": True}


def _effort_of(budget: int) -> Effort:
    """Return the effort whose budget is the nearest, the weaker of two."""
    return min(BUDGETS, key=lambda effort: abs(BUDGETS[effort] - budget))


def _nearest(effort: Effort, abilities: Abilities) -> Effort:
    """Return the known effort next to one, the weaker of two; the effort itself where none is known."""
    rank = _RANKS.index(effort)
    known = [one for one in abilities.efforts if one in LEVELS]
    return min(known, key=lambda one: (abs(_RANKS.index(one) - rank), _RANKS.index(one)), default=effort)


def _with_budget(prompt: Prompt, abilities: Abilities, is_quiet: bool, lost: Losses) -> Block:
    if is_quiet and abilities.silent:
        return {"thinkingBudget": 0}
    least = LEAST_BUDGET if abilities.silent else LEAST_ALWAYS
    if is_quiet:
        lost.add(*_asked(prompt))
        return {"thinkingBudget": least}
    if prompt.thinking_budget is None:
        most = prompt.max_tokens // 2 if prompt.max_tokens is not None else MOST_BUDGET
        return {"thinkingBudget": max(least, min(BUDGETS[prompt.effort], most)), "includeThoughts": True}
    budget = max(least, min(prompt.thinking_budget, MOST_BUDGET))
    if budget != prompt.thinking_budget:
        lost.add("thinking_budget")
    if prompt.effort:
        lost.add("effort")
    return {"thinkingBudget": budget, "includeThoughts": True}


def write_sampling(prompt: Prompt, abilities: Abilities, lost: Losses) -> Block:
    """Return the sampling fields; 1 is the default of temperature and `top_p`, and nothing is lost with it."""
    said = {"temperature": prompt.temperature, "topP": prompt.top_p, "topK": prompt.top_k}
    told = {name: value for name, value in said.items() if value is not None}
    if abilities.sampling == "always":
        return told
    names = {"temperature": "temperature", "topP": "top_p", "topK": "top_k"}
    lost.add(*(names[name] for name, value in told.items() if name == "topK" or value != 1))
    return {}

"""Reasoning and sampling as each family of models is told of them (docs/wire.md, Across dialects).

Never guesses what a model takes: that is `catalog.abilities`. What it can't be told is noted as lost.

    effort --adaptive model--> thinking "adaptive", output_config.effort (the nearest it knows)
          '--budget model----> thinking "enabled", budget_tokens by the table, and the effort where it knows efforts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ...catalog.abilities import Abilities
from ...types.prompt import Effort, Prompt
from ..lost import Losses
from .wire import EFFORTS, LEAST_BUDGET, Block

BUDGETS: Mapping[Effort, int] = {
    "minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 65536,
}  # fmt: skip
"""Tokens of thinking by effort, for models that take a number; at most half of `max_tokens`, so that an answer has room."""

LEAST_TOP_P = 0.95  # below it a model that thinks refuses `top_p`

_RANKS: tuple[Effort, ...] = ("none", "minimal", *EFFORTS)


class Reasoning(msgspec.Struct, frozen=True):
    """What the body says of reasoning; None and "" where it says nothing."""

    thinking: Block | None = None
    effort: Effort = ""

    @property
    def is_on(self) -> bool:
        """Is the model told to think?"""
        return self.thinking is not None and self.thinking["type"] != "disabled"


NO_REASONING = Reasoning()


def write_reasoning(prompt: Prompt, abilities: Abilities, limit: int, is_barred: bool, lost: Losses) -> Reasoning:
    """Return what to say of reasoning.

    Args:
        prompt: what was asked.
        abilities: of the model.
        limit: `max_tokens`, which holds the thinking too.
        is_barred: would anything else in the body make the API refuse thinking?
        lost: takes the names of what is not said.
    """
    asked = _asked(prompt)
    if not asked:
        return NO_REASONING
    if _is_quiet(prompt):
        return _switched_off(abilities, asked, lost)
    if not abilities.thinking or (is_barred and abilities.silent):
        lost.add(*asked)
        return NO_REASONING
    if abilities.thinking == "adaptive":
        told = _adaptive(prompt, abilities, lost)
        return Reasoning(effort=told.effort) if is_barred else told  # it thinks anyway: how hard may be said
    return _with_budget(prompt, abilities, limit, lost)


def _asked(prompt: Prompt) -> tuple[str, ...]:
    names = {"effort": bool(prompt.effort), "thinking_budget": prompt.thinking_budget is not None}
    return tuple(name for name, said in names.items() if said)


def _is_quiet(prompt: Prompt) -> bool:
    return prompt.effort == "none" or (not prompt.effort and prompt.thinking_budget == 0)


def _switched_off(abilities: Abilities, asked: Sequence[str], lost: Losses) -> Reasoning:
    if not abilities.thinking:
        return NO_REASONING  # it never thinks
    if abilities.silent:
        return Reasoning({"type": "disabled"})
    lost.add(*asked)
    return Reasoning(effort=_nearest("low", _known(abilities)))


def _adaptive(prompt: Prompt, abilities: Abilities, lost: Losses) -> Reasoning:
    if prompt.thinking_budget is not None:
        lost.add("thinking_budget")
    effort = _nearest(prompt.effort, _known(abilities)) if prompt.effort else ""
    if effort != prompt.effort:
        lost.add("effort")
    return Reasoning({"type": "adaptive"}, effort)


def _with_budget(prompt: Prompt, abilities: Abilities, limit: int, lost: Losses) -> Reasoning:
    known = _known(abilities)
    effort = _nearest(prompt.effort, known) if prompt.effort else ""
    if limit <= LEAST_BUDGET:
        lost.add(*_asked(prompt))
        return NO_REASONING
    if prompt.thinking_budget is None:
        budget = max(LEAST_BUDGET, min(BUDGETS[prompt.effort], limit // 2))
    else:
        budget = max(LEAST_BUDGET, min(prompt.thinking_budget, limit - 1))
        if budget != prompt.thinking_budget:
            lost.add("thinking_budget")
    if effort != prompt.effort and (known or prompt.thinking_budget is not None):
        lost.add("effort")
    return Reasoning({"type": "enabled", "budget_tokens": budget}, effort)


def _known(abilities: Abilities) -> tuple[Effort, ...]:
    return tuple(effort for effort in abilities.efforts if effort in EFFORTS)


def _nearest(effort: Effort, known: Sequence[Effort]) -> Effort:
    """Return the known effort next to one, the weaker of two; "" where none is known."""
    rank = _RANKS.index(effort)
    return min(known, key=lambda one: (abs(_RANKS.index(one) - rank), _RANKS.index(one)), default="")


def write_sampling(prompt: Prompt, abilities: Abilities, thinks: bool, lost: Losses) -> dict[str, float]:
    """Return the sampling fields; 1 is the default of temperature and `top_p`, and nothing is lost with it."""
    said = {"temperature": prompt.temperature, "top_p": prompt.top_p, "top_k": prompt.top_k}
    told: dict[str, float] = {name: value for name, value in said.items() if value is not None}
    if told.get("temperature", 0) > 1:
        told["temperature"] = 1.0
        lost.add("temperature")
    if abilities.sampling == "never" or (abilities.sampling == "quiet" and thinks):
        lost.add(*(name for name, value in told.items() if name == "top_k" or value != 1))
        return {}
    if thinks:
        told = _beside_thinking(told, lost)
    if "top_p" in told and "temperature" in told:  # refused together from Opus 4.1 on
        if told["temperature"] == 1 or told["top_p"] == 1:
            del told["temperature" if told["temperature"] == 1 else "top_p"]
        else:
            lost.add("top_p")
            del told["top_p"]
    return told


def _beside_thinking(told: dict[str, float], lost: Losses) -> dict[str, float]:
    taken = {
        name: value
        for name, value in told.items()
        if (name == "temperature" and value == 1) or (name == "top_p" and value >= LEAST_TOP_P)
    }
    lost.add(*(name for name in told if name not in taken))
    return taken

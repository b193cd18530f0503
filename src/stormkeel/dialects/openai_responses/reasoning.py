"""How hard a model is told to reason, and what it may be told of sampling beside it (docs/wire.md, Across dialects).

Never guesses what a model takes: that is `catalog.abilities`. What it can't be told is noted as lost.
"""

from __future__ import annotations

from typing import get_args

from ...catalog.abilities import ANY, Abilities
from ...types.prompt import Effort, Prompt

_RANKS: tuple[Effort, ...] = get_args(Effort)[1:]

UNKNOWN_OUTPUT = 32_000
"""What a budget of thinking is measured against where neither the prompt nor the catalog has a limit, in tokens."""

Lost = dict[str, None]


def write_effort(prompt: Prompt, abilities: Abilities, most: int | None, lost: Lost) -> Effort:
    """Return what `reasoning.effort` must say, "" for nothing.

    Args:
        prompt: what was asked.
        abilities: of the model.
        most: its largest output in tokens, None where unknown.
        lost: takes the names of what is not said.
    """
    wanted, field = _wanted(prompt, most, lost)
    if not wanted:
        return ""
    effort = _nearest(wanted, abilities.efforts)
    if effort != wanted and not (wanted == "none" and is_quiet("", abilities)):
        lost[field] = None
    return effort


def _wanted(prompt: Prompt, most: int | None, lost: Lost) -> tuple[Effort, str]:
    """Return the effort asked for and the prompt's field that asks for it; a budget is told by thirds of the whole output."""
    budget = prompt.thinking_budget
    if budget is None:
        return prompt.effort, "effort"
    if prompt.effort or budget > 0:  # none at all is told by a word as well
        lost["thinking_budget"] = None
    if prompt.effort:
        return prompt.effort, "effort"
    whole = prompt.max_tokens or most or UNKNOWN_OUTPUT
    of_budget: Effort = "none" if budget <= 0 else "low" if 3 * budget < whole else "medium" if 3 * budget < 2 * whole else "high"
    return of_budget, "thinking_budget"


def _nearest(wanted: Effort, known: tuple[Effort, ...]) -> Effort:
    """Return the known effort nearest to the one wanted, the weaker of two; "" where none is known.

    Who wants to reason gets no "none", and who does not gets the weakest.
    """
    if wanted in known:
        return wanted
    ranked = tuple(effort for effort in known if effort != "none")
    return min(ranked or known, key=lambda effort: abs(_RANKS.index(effort) - _RANKS.index(wanted)), default="")


def is_quiet(effort: Effort, abilities: Abilities) -> bool:
    """Does a model not reason that is told this effort ("" for nothing)?"""
    return (effort or abilities.default_effort) in ("", "none")


def may_reason(effort: Effort, abilities: Abilities) -> bool:
    """Is it a model that can encrypt its reasoning? One that never reasons refuses to be asked for it."""
    return not is_quiet(effort, abilities) or (abilities != ANY and bool(abilities.efforts))


def write_sampling(prompt: Prompt, abilities: Abilities, effort: Effort, lost: Lost) -> dict[str, float]:
    """Return the sampling fields; 1 is the default of temperature and `top_p`, and nothing is lost with it."""
    if prompt.top_k is not None:
        lost["top_k"] = None
    told = (("temperature", prompt.temperature), ("top_p", prompt.top_p))
    asked = {name: value for name, value in told if value is not None}
    if abilities.sampling == "always" or (abilities.sampling == "quiet" and is_quiet(effort, abilities)):
        return asked
    lost.update(dict.fromkeys(name for name, value in asked.items() if value != 1))
    return {}

"""Counting tokens before asking, and learning from every answer how far the estimates are off.

Never holds a prompt: of an answer only a ratio is kept, per model.
"""

from __future__ import annotations

from ..catalog.families import family_of
from ..ledger.count import BY_BYTES, TokenCount, by_bytes, count, is_plain
from ..types.attempt import Attempt
from ..types.prompt import Prompt

WEIGHT = 0.2
"""Of the newest answer in the running mean."""
FIRST = 8  # answers that are all looked at
EACH = 16  # one in so many afterwards: counting is cheap, but not free
BOUNDS = (0.25, 4.0)
"""Ratios outside are a sign that something else was counted: a cache, a tool of the provider's, another model."""


class Calibration:
    """What providers reported, to what was estimated, by model: an exponentially weighted mean."""

    __slots__ = ("_answers", "_ratios")

    def __init__(self) -> None:
        self._answers = 0
        self._ratios: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, prompt: Prompt, last: Attempt) -> None:
        """Take an answer into account, where it says something: a conversation of texts, counted by the provider."""
        self._answers += 1
        if self._answers > FIRST and self._answers % EACH:
            return
        if last.usage is None or last.usage_source != "provider" or not is_plain(prompt):
            return
        ratio = last.usage.total_input / by_bytes(prompt, family_of(last.model))
        if not BOUNDS[0] <= ratio <= BOUNDS[1]:
            return
        key = (last.provider, last.model)
        mean, number = self._ratios.get(key, (ratio, 0))
        self._ratios[key] = (mean + WEIGHT * (ratio - mean), number + 1)

    def count(self, prompt: Prompt, provider: str, model: str) -> TokenCount:
        """Count a prompt for a model at a provider."""
        ratio, number = self._ratios.get((provider, model), (1.0, 0))
        counted = count(prompt, family_of(model), ratio)
        if counted.method != BY_BYTES or not number:
            return counted
        return TokenCount(counted.tokens, False, f"{counted.method}, calibrated by {number} answer{'s' if number > 1 else ''}")

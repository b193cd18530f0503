"""Learning how far estimates of a prompt's tokens are off: from what providers report of answers, and from their own counts.

Never holds a prompt: only a ratio is kept, per model.
"""

from __future__ import annotations

from ..catalog.families import family_of
from ..types.attempt import Attempt
from ..types.prompt import Prompt
from .count import BY_BYTES, TokenCount, by_bytes, count, is_plain

WEIGHT = 0.2
"""Of the newest answer in the running mean."""
FIRST = 8  # answers that are all looked at
EACH = 16  # one in so many afterwards: counting is cheap, but not free
SETTLED = 512  # answers after which the ratios stand, and one in `SELDOM` keeps them fresh
SELDOM = 256
MOST = 2000  # models whose ratios are kept, the newest; some servers answer by any name that callers think of
BOUNDS = (0.25, 4.0)
"""Ratios outside are a sign that something else was counted: a cache, a tool of the provider's, another model."""


class Calibration:
    """What providers reported, to what was estimated, by model: an exponentially weighted mean."""

    __slots__ = ("_answers", "_ratios")

    def __init__(self) -> None:
        self._answers = 0
        self._ratios: dict[tuple[str, str], tuple[float, int]] = {}

    def is_due(self) -> bool:
        """Tell whether this answer is one to be looked at; asked once for each."""
        self._answers += 1
        if self._answers > SETTLED:
            return not self._answers % SELDOM
        return self._answers <= FIRST or not self._answers % EACH

    def note(self, prompt: Prompt, last: Attempt) -> None:
        """Take an answer into account, where it says something: a conversation of texts, counted by the provider."""
        if last.usage is not None and last.usage_source == "provider":
            self.learn(prompt, last.provider, last.model, last.usage.total_input)

    def learn(self, prompt: Prompt, provider: str, model: str, tokens: int) -> None:
        """Take a provider's number of a prompt's tokens into account, where the prompt is a conversation of texts."""
        if not is_plain(prompt):
            return
        ratio = tokens / by_bytes(prompt, family_of(model))
        if not BOUNDS[0] <= ratio <= BOUNDS[1]:
            return
        key = (provider, model)
        if key not in self._ratios and len(self._ratios) >= MOST:
            del self._ratios[next(iter(self._ratios))]
        mean, number = self._ratios.get(key, (ratio, 0))
        self._ratios[key] = (mean + WEIGHT * (ratio - mean), number + 1)

    def count(self, prompt: Prompt, provider: str, model: str) -> TokenCount:
        """Count a prompt for a model at a provider: by its public encoding where there is one, whose first use takes a while."""
        ratio, number = self._ratios.get((provider, model), (1.0, 0))
        counted = count(prompt, family_of(model), ratio)
        return counted if counted.method != BY_BYTES else _told(counted.tokens, number)

    def estimate(self, prompt: Prompt, provider: str, model: str) -> TokenCount:
        """Estimate a prompt's tokens by its bytes alone: cheap, and no encoding is loaded."""
        ratio, number = self._ratios.get((provider, model), (1.0, 0))
        return _told(round(ratio * by_bytes(prompt, family_of(model))), number)


def _told(tokens: int, number: int) -> TokenCount:
    learnt = f", calibrated by {number} answer{'s' if number > 1 else ''}" if number else ""
    return TokenCount(tokens, False, BY_BYTES + learnt)

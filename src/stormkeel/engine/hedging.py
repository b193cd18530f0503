"""What hedging has learned and may spend: waits by deployment, budgets by route, and how hedges ended.

Never decides anything (`policies/hedge.py`) and never sends (`hedge.py`). The house's, over reloads, by names.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from ..policies.hedge import HedgeBudget, HedgeSettings, Waits, moment

Outcome = Literal["won", "lost", "failed", "refused", "unpaid", "nobody"]
"""How a chance to hedge ended: the second one answered, or the first, the second failed, our gates or the journal refused it, the
budget could not pay for it, nobody was ready."""

Unit = Literal["money", "tokens"]
"""What a budget counts: nano-dollars, or tokens for a hedge of which one side's price is unknown."""


class Hedging:
    """The state of all hedging.

    Attributes:
        outcomes: by route and outcome.
    """

    __slots__ = ("_budgets", "_waits", "outcomes")

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._waits: dict[tuple[str, bool], Waits] = {}
        self._budgets: dict[tuple[str, Unit], HedgeBudget] = {}

    def waits(self, deployment: str, stream: bool) -> Waits:
        """Return how long a deployment has been waited for, for streams or for whole answers."""
        return self._waits.setdefault((deployment, stream), Waits())

    def budget(self, route: str, unit: Unit) -> HedgeBudget:
        """Return what a route may spend on hedges, in one unit."""
        return self._budgets.setdefault((route, unit), HedgeBudget())

    def in_words(self, settings: HedgeSettings, deployment: str, stream: bool) -> str:
        """Say when a second attempt would be made beside one of a deployment."""
        waits = self._waits.get((deployment, stream), Waits())
        seconds, what = moment(settings, waits), "streams" if stream else "whole answers"
        percent = max(settings.percentile, 100.0 - 100.0 * settings.share)
        learnt = "" if settings.after is not None else f", within which {percent:g} % of its {what} began of late"
        share = f"for at most {100 * settings.share:g} % of what is spent"
        if seconds is None:
            return f"hedge: not yet: too few {what} of {deployment} were seen to know what is slow; {share}"
        return f"hedge: a second attempt after {seconds:.3g} s without content of {deployment}{learnt}; {share}"

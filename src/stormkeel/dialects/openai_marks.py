"""Cache marks of OpenAI's dialects: which parts bear one, and for how long.

Never more than are taken: a request writes up to four, one of which is the provider's own at its end. Models that know of none
are written none, and that is told (`Abilities.cache_marks`; openai 3.52, `prompt_cache_options`).
"""

from __future__ import annotations

from typing import Any

from ..types.content import CacheLife, Part

Wire = dict[str, Any]

MARK = "prompt_cache_breakpoint"
MOST = 3
_KEPT_FIRST = 2
"""Of those that are kept: instructions and what stays the same stand first; the last covers the conversation so far."""

LONG = "12h"
"""The lifetime beyond the default one."""


class Writing:
    """What writing a conversation needs to know beside it.

    Attributes:
        lost: takes the names of what is not said.
    """

    __slots__ = ("_is_long_known", "_marked", "_takes", "lost")

    def __init__(self, lost: dict[str, None], takes: bool, is_long_known: bool) -> None:
        """Take where losses go, whether the model takes marks, and whether the dialect has a longer lifetime."""
        self.lost = lost
        self._takes, self._is_long_known = takes, is_long_known
        self._marked: list[Wire] = []

    def takes_mark(self, life: CacheLife) -> bool:
        """Tell whether a mark is written where it stands; where it is not, it is lost."""
        if life and not self._takes:
            self.lost["cache"] = None
        return bool(life) and self._takes

    def lose_mark(self, life: CacheLife) -> None:
        """Note that a mark stands where this dialect has no place for one."""
        if life:
            self.lost["cache"] = None

    def mark(self, block: Wire, life: CacheLife) -> Wire:
        """Put a mark on a block that may bear one; return the block."""
        if not self.takes_mark(life):
            return block
        block[MARK] = {"mode": "explicit"}
        if life == "long" and self._is_long_known:
            block[MARK]["ttl"] = LONG
        elif life == "long":
            self.lost["cache"] = None  # it is marked, for less long
        self._marked.append(block)
        return block

    def end(self) -> None:
        """Take away the marks that are too many."""
        surplus = self._marked[_KEPT_FIRST : len(self._marked) - (MOST - _KEPT_FIRST)] if len(self._marked) > MOST else ()
        for block in surplus:
            del block[MARK]
            self.lost["cache"] = None


def life_of(part: Part | Wire) -> CacheLife:
    """Return the mark of a part, "" for those that have none."""
    return "" if isinstance(part, dict) else getattr(part, "cache", "")

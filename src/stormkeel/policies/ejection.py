"""How many of those that serve equally well may be out at once.

Never takes anybody out itself: a breaker that may not is spared
(`Breaker.spared`), and lets a bounded part of its traffic through.
"""

from __future__ import annotations


def may_eject(out: int, of: int, share: float) -> bool:
    """May one more be taken out?

    Args:
        out: how many are out already.
        of: how many there are.
        share: the largest share that may be out; one always may, or nothing would ever go to the next group.

    >>> [may_eject(out, 4, 0.5) for out in range(4)], may_eject(0, 1, 0.5), may_eject(1, 3, 0.5)
    ([True, True, False, False], True, False)
    """
    return out < max(1, int(share * of))

"""Bars and sparklines: amounts as lengths, for who looks at a terminal.

Never the only place a number stands: a bar is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

EIGHTHS = " ▏▎▍▌▋▊▉█"
STEPS = "▁▂▃▄▅▆▇█"


def bar(amount: float, largest: float, width: int) -> str:
    """Return a horizontal bar: as long as `width` for the largest amount; what is more than nothing shows at least a trace.

    >>> bar(5, 10, 4), bar(0, 10, 4), bar(1, 1000, 4)
    ('██', '', '▏')
    """
    if amount <= 0 or largest <= 0:
        return ""
    eighths = max(1, round(8 * width * min(amount, largest) / largest))
    whole, rest = divmod(eighths, 8)
    return EIGHTHS[8] * whole + (EIGHTHS[rest] if rest else "")


def sparkline(amounts: Sequence[float]) -> str:
    """Return one step a value; nothing is the lowest step, and only the largest the highest.

    >>> sparkline([0, 5, 10])
    '▁▄█'
    """
    largest = max(amounts, default=0)
    if largest <= 0:
        return STEPS[0] * len(amounts)
    return "".join(STEPS[min(7, int(7 * max(amount, 0) / largest))] for amount in amounts)

"""Money as integers: one nano-dollar is 10^-9 US dollar. Never a float, never negative.

A rate is integer nano-dollars per million tokens, so $0.75 per million tokens is 750_000_000. A cost is the sum over its
buckets of tokens x rate, divided by a million and rounded half up once, at the end (INV-25).
"""

from __future__ import annotations

from decimal import Decimal

NANO = 1_000_000_000
MILLION = 1_000_000

NanoDollars = int
"""An amount of money in nano-dollars, 0 or more."""

Rate = int
"""A price in nano-dollars per million tokens, 0 or more."""


def round_half_up(numerator: int, denominator: int) -> int:
    """Divide two non-negative integers and round half up.

    >>> round_half_up(5, 2), round_half_up(7, 5)
    (3, 1)
    """
    return (2 * numerator + denominator) // (2 * denominator)


def dollars(amount: NanoDollars) -> Decimal:
    """Return nano-dollars as an exact decimal number of dollars, for people to read."""
    return Decimal(amount).scaleb(-9)


def format_dollars(amount: NanoDollars | None) -> str:
    """Write an amount for people: at least four decimals, as many more as it needs, `?` where it is unknown.

    >>> format_dollars(1_234_500_000), format_dollars(750), format_dollars(None)
    ('$1.2345', '$0.00000075', '?')
    """
    if amount is None:
        return "?"
    whole, fraction = divmod(amount, NANO)
    digits = f"{fraction:09d}".rstrip("0")
    return f"${whole}.{digits.ljust(4, '0')}"

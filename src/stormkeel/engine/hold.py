"""What an attempt may cost: the tokens it is expected to take, the most it can take, and the money held for that.

Never debits anything and never writes: it says the numbers that `attempt.py` reserves and `explain.py` shows.
"""

from __future__ import annotations

import msgspec

from ..ledger.estimate import input_bound, input_estimate, is_plain, names_terms, output_bound
from ..ledger.pricing import Tariff
from ..types.money import NanoDollars
from ..types.request import Request
from .charge import most
from .fleet import Member


class Hold(msgspec.Struct, frozen=True, gc=False):
    """What one attempt may take.

    Attributes:
        expected: tokens the rate gate is asked for: about those of the input, and all output that is asked for.
        bounds: the most input and the most output tokens.
        amount: nano-dollars that are reserved, None where the price is unknown.
    """

    expected: int
    bounds: tuple[int, int]
    amount: NanoDollars | None


def hold_for(request: Request, raw: bytes, member: Member, wall: int, tariff: Tariff | None) -> Hold:
    """Return what an attempt may take.

    Args:
        request: what is asked.
        raw: the body that tokens are counted by.
        member: who would be asked.
        wall: the moment, nanoseconds since the epoch.
        tariff: its prices then on standard terms, None where unknown.
    """
    window, plain = member.window, is_plain(raw)
    most_in = min(len(raw), window) if plain and window else input_bound(raw, window)
    bounds = (most_in, output_bound(request.max_output, member.max_output, request.choices))
    expected = input_estimate(raw) + (request.max_output or 0)
    if not plain and names_terms(raw):  # dearer or cheaper terms are asked for: hold enough for the dearest
        return Hold(expected, bounds, member.dearest(wall, bounds))
    return Hold(expected, bounds, most(bounds, tariff))

"""What an attempt may cost: the tokens it is expected to take, the most it can take, by an end too, and the money held for that.

Never debits anything and never writes: it says the numbers that `trial.py` reserves and `explain.py` shows.
"""

from __future__ import annotations

import msgspec

from ..ledger.estimate import input_bound, input_estimate, is_plain, names_terms, output_bound, written_bound
from ..ledger.pricing import Tariff
from ..policies.base import Need
from ..types.money import NanoDollars
from ..types.request import Request
from .fleet import Member


class Extent(msgspec.Struct, frozen=True, gc=False):
    """How many tokens one attempt may take.

    Attributes:
        need: what the gates are asked for: about the tokens of the input, and all output that is asked for.
        bounds: the most input and the most output tokens.
        is_plain: is the body text on standard terms and nothing else?
    """

    need: Need
    bounds: tuple[int, int]
    is_plain: bool


def extent_of(request: Request, raw: bytes, member: Member, limit: int | None) -> Extent:
    """Return how many tokens an attempt may take.

    Args:
        request: as the client sent it.
        raw: the body that its tokens are counted by.
        member: who is asked.
        limit: the most output tokens that the body allows, None where it does not say.
    """
    window = member.window and member.window * max(request.inputs, 1)
    plain = (request.is_text and (raw is request.raw or request.inputs > 0)) or is_plain(raw)
    most_in = min(len(raw), window) if plain and window else input_bound(raw, window)
    bounds = (most_in, output_bound(limit, member.max_output, request.choices))
    return Extent(Need(input_estimate(raw), limit or 0, request.options.key), bounds, plain)


def by_time(extent: Extent, seconds: float, choices: int) -> Extent:
    """Return what an attempt can have taken by the time its provider ended it: all its input, and what can be written by then.

    Args:
        extent: what it could have taken without an end.
        seconds: how long it lasted, from before it was sent.
        choices: answers asked for.
    """
    most_in, most_out = extent.bounds
    return msgspec.structs.replace(extent, bounds=(most_in, min(most_out, written_bound(seconds, choices))))


def held_for(extent: Extent, raw: bytes, member: Member, wall: int, tariff: Tariff | None) -> NanoDollars | None:
    """Return what is reserved for an attempt, None where the price is unknown.

    Args:
        extent: its tokens.
        raw: the body that they were counted by.
        member: who is asked.
        wall: the moment, nanoseconds since the epoch.
        tariff: the prices then on standard terms, None where unknown.
    """
    if not extent.is_plain and names_terms(raw):  # dearer or cheaper terms are asked for: hold enough for the dearest
        return member.dearest(wall, extent.bounds)
    return None if tariff is None else tariff.bound(*extent.bounds)

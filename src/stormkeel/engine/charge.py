"""What an attempt is charged: the provider's word, else an estimate, else the whole reservation; never silently nothing (INV-5).

Never writes anything: it says usage, where that comes from, and the amount.

    answered, usage reported ----------------------------> provider
    failed before content or any usage was told, and this kind is never billed -> none
    broken, but the last word on usage had been said -----> provider
    broken in the middle, or answered without usage ------> estimated (within the reservation)
    ended by the provider, and nothing came back ---------> estimated by its time: no less than it can have cost by then
    ended by us, and nothing came back -------------------> reserved: the provider may go on, and bill
"""

from __future__ import annotations

import msgspec

from ..dialects.base import StreamReader
from ..ledger.estimate import estimate_usage
from ..ledger.pricing import Tariff
from ..types.failure import Charge, Failure
from ..types.money import NanoDollars
from ..types.usage import NO_USAGE, Usage


class Charged(msgspec.Struct, frozen=True, gc=False):
    """What is booked: tokens, their source ("provider", "estimated", "reserved", "none"), nano-dollars (None: unknown price)."""

    usage: Usage
    source: str
    amount: NanoDollars | None


NOTHING = Charged(NO_USAGE, "none", 0)
BEYOND = 10
"""So many times what a model can take at all is no report but a mistake (S-8): a served tool may go round a few times."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """What is known of an attempt when it ends.

    Attributes:
        raw: the request's body.
        bounds, held: the reservation's input and output tokens, and its amount.
        tariff: the model's prices, None where they are unknown.
        sent: did a byte leave?
        committed: had content come?
        usage: what a whole answer reported.
        answer_bytes: bytes of a whole answer, 0 where there was none.
        reader: a stream's reader, None for a whole answer.
        timed: the most tokens it can have taken by the time its provider ended it, and what they cost; None where we ended it.
        guess: what it has probably taken of which nothing was seen, None where nobody knows better than the reservation.
        is_absurd: is what was reported no report, as it can't be true? Then it is not charged by.
        counted: the input tokens that what was asked has by its texts alone, None where the body's bytes must do.
    """

    raw: bytes
    bounds: tuple[int, int]
    held: NanoDollars | None
    tariff: Tariff | None
    sent: bool
    committed: bool
    usage: Usage | None
    answer_bytes: int
    reader: StreamReader | None
    counted: int | None = None
    guess: Usage | None = None
    timed: tuple[tuple[int, int], NanoDollars | None] | None = None
    is_absurd: bool = False


def charge(failure: Failure | None, evidence: Evidence) -> Charged:
    """Return what an attempt that ended so is charged."""
    reader, tariff = evidence.reader, evidence.tariff
    reported = None if evidence.is_absurd else evidence.usage if reader is None else reader.usage
    if failure is not None and _is_free(failure, evidence):
        return NOTHING
    if reported is not None and (failure is None or (reader is not None and reader.usage_final)):
        return Charged(reported, "provider", _price(reported, tariff))
    seen = evidence.answer_bytes if reader is None else reader.output_bytes
    if evidence.counted is not None:
        usage = Usage(input=min(evidence.counted, evidence.bounds[0]))
        return Charged(usage, "estimated", _price(usage, tariff))
    if seen or reader is not None:
        usage = estimate_usage(reported, evidence.raw, seen, evidence.bounds)
        return Charged(usage, "estimated", _price(usage, tariff))
    if evidence.guess is not None:
        usage = Usage(input=min(evidence.guess.input, evidence.bounds[0]), output=min(evidence.guess.output, evidence.bounds[1]))
        return Charged(usage, "estimated", _price(usage, tariff))
    if evidence.timed is not None:
        (most_in, most_out), amount = evidence.timed
        return Charged(Usage(input=most_in, output=most_out), "estimated", amount)
    usage = Usage(input=evidence.bounds[0], output=evidence.bounds[1])
    return Charged(usage, "reserved", evidence.held)


def is_absurd(usage: Usage, largest: tuple[int, int]) -> bool:
    """Say whether a report can't be true.

    Args:
        usage: what was reported.
        largest: the most input and output tokens that the model can take at all, or that were held.
    """
    return usage.total_input > BEYOND * largest[0] or usage.total_output > BEYOND * largest[1]


def _price(usage: Usage, tariff: Tariff | None) -> NanoDollars | None:
    return None if tariff is None else tariff.price(usage)


def _is_free(failure: Failure, evidence: Evidence) -> bool:
    """Was nothing sent, or refused before anything was generated? What a provider has counted already it may bill."""
    has_begun = evidence.committed or (evidence.reader is not None and evidence.reader.usage is not None)
    return not evidence.sent or (failure.rule.charge is Charge.NO and not has_begun)

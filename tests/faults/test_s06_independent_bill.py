"""S-6: what we booked of thousands of mixed requests, against the bill of those who served them, attempt by attempt and in all.

In virtual time, with streams, whole answers, cancels, retries, failovers and hedges; the bill counts the words that were made.
"""

from __future__ import annotations

from stormkeel.simulate.audit.books import WORD
from stormkeel.simulate.stage import Stage, draw_plan


def test_the_ledger_against_the_bill(figure):
    """Where usage was reported the sums are equal to the token; elsewhere the ledger has at least the bill, within what was held."""
    told, booked_told, billed, booked, requests = 0, 0, 0, 0, 0
    for seed in (1, 2):
        evidence = Stage(draw_plan(seed, 0.45)).play()
        requests += len(evidence.calls)
        sent = {one.attempt: one for one in evidence.sendings}
        for at, settled in evidence.settled:
            one, held = sent[settled.attempt], evidence.reserved[settled.attempt]
            words = sum(moment <= at for moment in one.made)
            tokens = one.prompt + WORD * words if words else 0
            assert settled.amount is None or held.amount is None or settled.amount <= held.amount
            if one.told:
                told, booked_told = told + tokens, booked_told + settled.usage.total
            else:
                billed, booked = billed + tokens, booked + settled.usage.total
                assert settled.usage.total >= tokens
    figure(
        "S-6",
        "5,000 mixed requests: reported usage equal, else bill <= ledger <= reservation",
        f"{requests:,} requests: {booked_told:,} of {told:,} tokens reported; {billed:,} <= {booked:,} elsewhere",
    )
    assert requests >= 5000
    assert booked_told == told > 0
    assert booked >= billed > 0

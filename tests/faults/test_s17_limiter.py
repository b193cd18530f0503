"""S-17, INV-12: the limiter against an exact reference made of fractions and written another way."""

from collections import Counter
from fractions import Fraction
from random import Random

import pytest

from stormkeel.policies.rate import RateGate, RateSettings
from stormkeel.types.failure import Failure

NANO = 10**9


class Bucket:
    """A token bucket in exact fractions: it fills by `limit` a minute up to `burst`, and may be in debt."""

    def __init__(self, limit, burst):
        self.rate = Fraction(limit, 60 * NANO)
        self.burst = self.level = Fraction(burst)
        self.at = 0

    def lacks(self, at, units):
        """Fill up to a moment (nanoseconds); return the nanoseconds until so many units are there."""
        self.level = min(self.burst, self.level + (at - self.at) * self.rate)
        self.at = at
        return max(Fraction(0), (units - self.level) / self.rate)

    def move(self, at, units):
        """Fill up to a moment, then add units or take them away."""
        self.lacks(at, 0)
        self.level = min(self.burst, self.level + units)


class Exact:
    """The reference of the whole gate: two buckets, all or none."""

    def __init__(self, settings):
        self.requests = Bucket(settings.rpm, max(1, int(settings.rpm * settings.burst)))
        self.tokens = Bucket(settings.tpm, max(1, int(settings.tpm * settings.token_burst)))

    def admit(self, at, tokens):
        """Return None and debit, or the nanoseconds to wait, or infinity."""
        wait = max(self.requests.lacks(at, 1), self.tokens.lacks(at, tokens))
        if tokens > self.tokens.burst:
            return float("inf")
        if wait > 0:
            return wait
        self.requests.move(at, -1)
        self.tokens.move(at, -tokens)
        return None


def agree(answer, expected):
    """Is the gate's answer the reference's, its hint never early and at most 1 ms late?"""
    if expected is None:
        return not isinstance(answer, Failure)
    if expected == float("inf"):
        return isinstance(answer, Failure) and answer.forever
    return isinstance(answer, Failure) and 0 <= answer.retry_after * NANO - expected <= 1_000_000


@pytest.mark.parametrize(
    ("seed", "settings"),
    [
        (1, RateSettings(rpm=600, tpm=90_000)),
        (2, RateSettings(rpm=7, tpm=1_000_003, burst=0.5, token_burst=0.5)),
        (3, RateSettings(rpm=6_000, tpm=9_999_991, burst=1 / 60, token_burst=1 / 60)),
        (4, RateSettings(rpm=997, tpm=30_000, burst=0.1)),
    ],
)
def test_100_000_events_are_decided_exactly(figure, seed, settings):
    """S-17: arrivals, refunds, debts and releases decide as the reference does, every one of 4 x 25,000."""
    rng, gate, exact, at, out = Random(seed), RateGate(settings), Exact(settings), 0, []
    mean = 60 * NANO / settings.rpm
    seen, pace, latest = Counter(), 1.0, 0.0
    for _ in range(25_000):
        if rng.random() < 0.001:
            pace = rng.choice([0.05, 0.3, 1.0, 4.0])
        at += int(rng.expovariate(1.0) * mean * pace)
        now = at / NANO
        at = int(now * NANO)  # the moment a float clock really names
        if out and rng.random() < 0.3:
            ticket, step = out.pop(rng.randrange(len(out))), rng.random()
            if step < 0.1:
                gate.release(ticket, now)
                exact.requests.move(at, 1)
                exact.tokens.move(at, ticket)
            else:
                used = int(ticket * rng.random() * 1.3)
                gate.settle(ticket, used, now)
                exact.tokens.move(at, ticket - used)
            continue
        tokens = int(settings.tpm / settings.rpm * rng.expovariate(0.9))
        answer, expected = gate.admit(now, tokens), exact.admit(at, tokens)
        assert agree(answer, expected), (at, tokens, answer, expected)
        if expected not in (None, float("inf")):
            latest = max(latest, answer.retry_after * NANO - expected)
        seen["never" if expected == float("inf") else "pass" if expected is None else "wait"] += 1
        if expected is None:
            out.append(tokens)
    assert min(seen["pass"], seen["wait"]) > 1000, seen
    figure(
        "S-17",
        "decisions identical, hints never early, 1 ms late at most",
        f"25,000 identical, {float(latest) / 1e6:.4f} ms late",
    )

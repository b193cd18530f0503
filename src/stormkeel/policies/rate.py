"""How many requests and tokens a minute: GCRA, exact, one number of state a limit.

Never waits: a refusal says after how many seconds the same ask would pass, rounded up, so never too early (INV-12). Formulas by
docs/reliability.md, Rates. Inside, time is integer nanoseconds times the limit, so that no rate needs a fraction:

    each unit moves the arrival time TAT on by `period`;
    n units pass at `now` if max(TAT, now * limit) + n * period - now * limit <= burst * period

Tokens are debited by estimate and corrected by `settle`: a refund moves TAT back, an overrun moves it on (debt is allowed, and
delays the next). `now` is monotonic: it never goes back by more than the time a caller held on to it.
"""

from __future__ import annotations

import msgspec

from ..types.failure import Failure, FailureKind
from .base import within

NANO = 1_000_000_000
MINUTE = 60.0
MICRO = 1000  # nanoseconds
MOST = 1_000_000_000_000


class RateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a deployment or a quota group.

    Attributes:
        rpm: requests a minute, None for no limit.
        tpm: tokens a minute, None for no limit.
        burst: the share of a minute's requests that may go at once after a pause (at least one request). Make it 1/60 for a
            provider that counts in windows of a second.
        token_burst: the same for tokens; no request larger than this share of `tpm` can ever pass.
    """

    rpm: int | None = None
    tpm: int | None = None
    burst: float = 1.0
    token_burst: float = 1.0

    def __post_init__(self) -> None:
        if self.rpm is not None:
            within("rpm", self.rpm, 1, MOST, "requests a minute")
        if self.tpm is not None:
            within("tpm", self.tpm, 1, MOST, "tokens a minute")
        within("burst", self.burst, 0.0001, 1.0, "(a share of a minute's limit)")
        within("token_burst", self.token_burst, 0.0001, 1.0, "(a share of a minute's limit)")


class Gcra:
    """One limit: `limit` units a `period`, `burst` of them at once. Exact in integers; `at` arguments are `moment(now)`."""

    __slots__ = ("_arrival", "_limit", "_period", "_tolerance", "burst")

    def __init__(self, limit: int, period: float, burst: int) -> None:
        """Take a limit in units, a period in seconds, a burst in units."""
        self._limit = limit
        self._period = round(period * NANO)
        self._tolerance = burst * self._period
        self._arrival = 0
        self.burst = burst

    def excess(self, at: int, units: int) -> int:
        """Return how far units exceed what may pass at a moment: 0 or less means that they pass. Changes nothing."""
        arrival, now = self._arrival, at * self._limit
        return (arrival - now if arrival > now else 0) + units * self._period - self._tolerance

    def room(self, at: int) -> int:
        """Return how many units may pass at a moment, 0 where there is a debt. Changes nothing."""
        return max(0, -self.excess(at, 0) // self._period)

    def admit(self, at: int, units: int) -> bool:
        """Debit units if they may pass, and say whether they did."""
        arrival, now = self._arrival, at * self._limit
        arrival = (arrival if arrival > now else now) + units * self._period
        if arrival - now > self._tolerance:
            return False
        self._arrival = arrival
        return True

    def take(self, at: int, units: int) -> None:
        """Debit units, whether they pass or not."""
        arrival, now = self._arrival, at * self._limit
        self._arrival = (arrival if arrival > now else now) + units * self._period

    def give_back(self, at: int, units: int) -> None:
        """Refund units; a full bucket stays full."""
        arrival, now = self._arrival, at * self._limit
        if arrival > now:
            arrival -= units * self._period
            self._arrival = arrival if arrival > now else now

    def follow(self, other: Gcra, at: int) -> None:
        """Owe what another limit is owed: as many units as it had taken and not yet earned back."""
        owed = other._arrival - at * other._limit
        if owed > 0:  # units times the period, which is the same for both
            self._arrival = at * self._limit + owed * self._period // other._period

    def wait(self, excess: int) -> float:
        """Return the seconds until an excess is gone, rounded up to the next microsecond and one more, against float clocks."""
        return (-(-excess // (self._limit * MICRO)) + 1) / 1_000_000


def moment(now: float) -> int:
    """Return monotonic seconds as integer nanoseconds."""
    return int(now * NANO)


class RateGate:
    """Requests and tokens a minute, together: all limits are checked, then all debited or none."""

    __slots__ = ("_requests", "_settings", "_tokens")

    def __init__(self, settings: RateSettings) -> None:
        self._settings = settings
        self._requests = _limit(settings.rpm, settings.burst)
        self._tokens = _limit(settings.tpm, settings.token_burst)

    def change(self, settings: RateSettings, now: float) -> None:
        """Go on under other limits: what was taken stays taken, so that no change of limits opens one (INV-12)."""
        at = moment(now)
        self._settings = settings
        self._requests = _follow(self._requests, _limit(settings.rpm, settings.burst), at)
        self._tokens = _follow(self._tokens, _limit(settings.tpm, settings.token_burst), at)

    def admit(self, now: float, tokens: int) -> int | Failure:
        """Ask for leave to send one request of about so many tokens. Returns a ticket: the tokens debited."""
        at = int(now * NANO)
        requests, texts = self._requests, self._tokens
        if requests is not None and requests.excess(at, 1) > 0:
            return self._refuse(at, tokens)
        if texts is not None and not texts.admit(at, tokens):
            return self._refuse(at, tokens)
        if requests is not None:
            requests.take(at, 1)
        return tokens

    def refusal(self, now: float, tokens: int) -> Failure | None:
        """Say why `admit` would refuse, None where it would give a ticket. Changes nothing."""
        at = moment(now)
        asked = ((self._requests, 1), (self._tokens, tokens))
        if any(limit is not None and limit.excess(at, units) > 0 for limit, units in asked):
            return self._refuse(at, tokens)
        return None

    def room(self, now: float) -> tuple[int | None, int | None]:
        """Return how many requests and how many tokens may pass at once now; None where there is no such limit."""
        at = moment(now)
        requests, tokens = self._requests, self._tokens
        return None if requests is None else requests.room(at), None if tokens is None else tokens.room(at)

    def settle(self, ticket: int, used: int, now: float) -> None:
        """Book the true tokens of an attempt that was sent: a refund, or a debt. Its request stays counted, even if it failed."""
        if self._tokens is None or used == ticket:
            return
        if used < ticket:
            self._tokens.give_back(moment(now), ticket - used)
        else:
            self._tokens.take(moment(now), used - ticket)

    def release(self, ticket: int, now: float) -> None:
        """Undo an admission of which nothing was sent: its request and all its tokens."""
        at = moment(now)
        if self._requests is not None:
            self._requests.give_back(at, 1)
        if self._tokens is not None:
            self._tokens.give_back(at, ticket)

    def _refuse(self, at: int, tokens: int) -> Failure:
        if self._tokens is not None and tokens > self._tokens.burst:
            return self._never(tokens, self._tokens.burst)
        waits = []
        if self._requests is not None and (excess := self._requests.excess(at, 1)) > 0:
            waits.append((self._requests.wait(excess), f"{self._settings.rpm} requests a minute (`rpm`)"))
        if self._tokens is not None and (excess := self._tokens.excess(at, tokens)) > 0:
            waits.append((self._tokens.wait(excess), f"{self._settings.tpm} tokens a minute (`tpm`)"))
        after, limit = max(waits)
        return Failure(FailureKind.RATE_REACHED, f"our own limit of {limit} is reached for {after:.3f} s more", retry_after=after)

    def _never(self, tokens: int, burst: int) -> Failure:
        return Failure(
            FailureKind.RATE_REACHED,
            f"the request may take {tokens} tokens, and the limit never lets more than {burst} through at once: "
            "send less, ask for fewer output tokens, or raise `tpm` or `token_burst`",
            forever=True,
        )


def _follow(old: Gcra | None, new: Gcra | None, at: int) -> Gcra | None:
    if old is not None and new is not None:
        new.follow(old, at)
    return new


def _limit(per_minute: int | None, burst: float) -> Gcra | None:
    return None if per_minute is None else Gcra(per_minute, MINUTE, max(1, int(per_minute * burst + 1e-9)))

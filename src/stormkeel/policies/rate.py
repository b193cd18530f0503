"""How many requests and tokens a minute and a day: several limits that pass together or not at all.

Never waits: a refusal says after how many seconds the same ask would pass, rounded up, so never too early (INV-12). One limit is
a `Gcra` (`gcra.py`) or, for a day, a `Daily`. Tokens are debited by estimate and corrected by `settle`: a refund gives back, an
overrun is a debt that delays the next. `now` is monotonic: it never goes back by more than the time a caller held on to it.

    what is set, and what the provider said of itself, whichever is less  x  the share of it that is left after throttles
    (of a tier's published figure, which may have moved since: what the provider said, be it less or more)
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..types.failure import Failure, FailureKind
from .base import within
from .daily import Daily
from .gcra import NANO, Gcra

MINUTE = 60.0
MOST = 1_000_000_000_000
SPLIT = 48  # bits of a ticket for each of what was debited: tokens, input, output
FIELD = (1 << SPLIT) - 1
NEWS = 8  # answers after which a mean output is mostly made of newer ones

KINDS: dict[str, tuple[int, str]] = {
    "rpm": (0, "requests a minute"),
    "tpm": (1, "tokens a minute"),
    "itpm": (2, "input tokens a minute"),
    "otpm": (3, "output tokens a minute"),
    "rpd": (0, "requests a day"),
    "tpd": (1, "tokens a day"),
}
"""Each limit's name: which of an attempt's units it counts (one request, all tokens, input, output), and its words."""
Counts = Literal["used", "asked"]


class RateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a quota group.

    Attributes:
        rpm: requests a minute, None for no limit.
        tpm: tokens a minute, None for no limit.
        itpm, otpm: input and output tokens a minute, where the provider counts them apart; None for no limit.
        rpd, tpd: requests and tokens a day, None for no limit.
        burst: the share of a minute's requests that may go at once after a pause (at least one request).
        token_burst: the same for tokens; no request larger than this share of a limit can ever pass.
        window: seconds of the windows in which the provider enforces a minute's requests, 60 where it does so by the minute. In a
            shorter one no more than its part of the minute goes out.
        counts: the tokens that its provider counts: those that were "used", input and output, or those that were "asked" for: the
            most output or the estimated input, whichever is more, of failed attempts as well.
        frees_cached: is input that is read from the provider's cache left out of `itpm`?
        published: the limits that are only what the provider publishes for a tier: what it tells of them itself counts instead.
    """

    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None
    burst: float = 1.0
    token_burst: float = 1.0
    window: float = MINUTE
    counts: Counts = "used"
    frees_cached: bool = False
    published: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (_, words) in KINDS.items():
            if (value := getattr(self, name)) is not None:
                within(name, value, 1, MOST, words)
        within("burst", self.burst, 0.0001, 1.0, "(a share of a minute's limit)")
        within("token_burst", self.token_burst, 0.0001, 1.0, "(a share of a minute's limit)")
        within("window", self.window, 0.1, MINUTE, "seconds")


def moment(now: float) -> int:
    """Return monotonic seconds as integer nanoseconds."""
    return int(now * NANO)


class Limit(msgspec.Struct, frozen=True):
    """One limit as it stands: its name, how much it lets through, and how much of that is left."""

    name: str
    amount: int
    left: int


class RateGate:
    """The limits of a quota group: all are checked, then all debited or none."""

    __slots__ = ("_amounts", "_believed", "_buckets", "_learned", "_mean", "_ours", "_settings", "_widest", "share")

    def __init__(self, settings: RateSettings) -> None:
        self.share = 1.0  # of the limits a minute, after throttles
        self._settings = settings
        self._learned: dict[str, int] = {}
        self._mean = 0.0  # output tokens of an answer
        self._amounts: dict[str, int] = {}
        self._believed: dict[str, int] = {}  # what was learned before the latest change
        self._ours: set[str] = set()  # the limits that held, before the latest change, by our own word
        self._buckets: dict[str, tuple[int, Gcra | Daily]] = {}
        self._widest = MOST  # output expected of an answer at most: more than ever fits would be refused for good, by a guess
        self._build(0)

    # -- what holds --------------------------------------------------------------------------------------------------

    def change(self, settings: RateSettings, now: float) -> None:
        """Go on under other limits: what was taken stays taken, so that no change of limits opens one (INV-12)."""
        self._settings = settings
        self._build(moment(now))

    def learn(self, name: str, amount: int, now: float) -> bool:
        """Take a limit that the provider told; a lower one of ours stays, but for a tier's figure. Says whether it is news."""
        if amount < 1 or self._learned.get(name) == amount:
            return False
        self._learned[name] = amount
        self._build(moment(now))
        return True

    def scale(self, share: float, now: float) -> None:
        """Let only a share of each limit a minute through; bursts stay, so that whatever fitted still fits."""
        if share != self.share:
            self.share = share
            self._build(moment(now), is_same=True)

    def sink(self, name: str, left: int, now: float) -> None:
        """Believe a provider that no more is left of a limit; that more is left it is not believed (INV-12)."""
        if name in self._buckets:
            self._buckets[name][1].sink(moment(now), max(0, left))

    def take_over(self, other: RateGate, now: float, adds: bool) -> None:
        """Count what another gate has counted for those who count here from now on.

        Args:
            other: that gate.
            now: monotonic seconds.
            adds: is it beside what is counted here? Else that is a part of it.
        """
        at = moment(now)
        for name, (_, bucket) in self._buckets.items():
            if name in other._buckets:
                taken = other._buckets[name][1].taken(at)
                if adds:
                    bucket.take(at, taken)
                else:
                    bucket.sink(at, bucket.burst - taken)

    @property
    def frees_cached(self) -> bool:
        """Is input that is read from the provider's cache left out?"""
        return self._settings.frees_cached

    @property
    def learned(self) -> frozenset[str]:
        """The limits that hold because the provider told them."""
        return frozenset(name for name, amount in self._learned.items() if self._amounts[name] == amount != self._set(name))

    def _set(self, name: str) -> int | None:
        value: int | None = getattr(self._settings, name)
        return value

    def _build(self, at: int, is_same: bool = False) -> None:
        before, self._buckets = self._buckets, {}
        learned = {} if is_same else self._believed
        self._ours = {name for name, amount in self._amounts.items() if learned.get(name) != amount}
        self._believed = dict(self._learned)
        self._amounts = {}
        for name, (kind, _) in KINDS.items():
            amount = self._holding(name)
            if amount is not None:
                self._amounts[name] = amount
                self._buckets[name] = kind, self._bucket(name, amount, before.get(name), at)
        self._widest = self._buckets["otpm"][1].burst if "otpm" in self._buckets else MOST

    def _holding(self, name: str) -> int | None:
        """How much a limit lets through: what is set or what was told, the less of both."""
        ours, theirs = self._set(name), self._learned.get(name)
        if ours is None or theirs is None or name in self._settings.published:
            return ours if theirs is None else theirs
        return min(ours, theirs)

    def _bucket(self, name: str, amount: int, before: tuple[int, Gcra | Daily] | None, at: int) -> Gcra | Daily:
        old = None if before is None else before[1]
        if name in {"rpd", "tpd"}:
            daily = Daily(amount)
            if isinstance(old, Daily):
                daily.follow(old, at)
            return daily
        bucket = Gcra(*_pace(name, amount, self._settings, self.share))
        if isinstance(old, Gcra) and name in self._ours:
            bucket.follow(old, at)
        elif isinstance(old, Gcra):
            bucket.keep_pace(old, at)  # what was taken of the provider's limit, by its word, was not all taken by us
        return bucket

    # -- what passes -------------------------------------------------------------------------------------------------

    def admit(self, now: float, tokens: int, output: int = 0) -> int | Failure:
        """Ask for leave to send one request of about so many input tokens and at most so much output. Returns a ticket."""
        at, units, passed = int(now * NANO), self._units(tokens, output), self._buckets.values()
        for kind, bucket in passed:
            if bucket.excess(at, units[kind]) > 0:
                refusal = self._refuse(at, units)
                if refusal is not None:
                    return refusal
                break
        for kind, bucket in passed:
            bucket.take(at, units[kind])
        return units[1] | units[2] << SPLIT | units[3] << 2 * SPLIT

    def _units(self, tokens: int, output: int) -> tuple[int, int, int, int]:
        whole = max(tokens, output) if self._settings.counts == "asked" else tokens + output
        expected = min(int(self._mean), self._widest)
        return 1, whole, tokens, min(output, expected) if output else expected

    def refusal(self, now: float, tokens: int, output: int = 0) -> Failure | None:
        """Say why `admit` would refuse, None where it would give a ticket. Changes nothing."""
        at, units = moment(now), self._units(tokens, output)
        if any(bucket.excess(at, units[kind]) > 0 for kind, bucket in self._buckets.values()):
            return self._refuse(at, units)
        return None

    def delay(self, now: float, requests: int, tokens: int) -> float:
        """Return the seconds until so many requests with so many tokens in all would have passed, one after another."""
        at, units = moment(now), (requests, tokens, tokens, 0)
        return max((bucket.delay(at, units[kind]) for kind, bucket in self._buckets.values()), default=0.0)

    def settle(self, ticket: int, used: int, now: float, read: int = 0, written: int = 0) -> None:
        """Book the true tokens of an attempt that was sent: a refund, or a debt. Its request stays counted, even if it failed.

        Args:
            ticket: its own.
            used: all its tokens.
            now: the moment.
            read: of them, input that counts.
            written: of them, output.
        """
        if written:
            self._mean += (written - self._mean) / NEWS
        whole = ticket & FIELD
        if self._settings.counts == "asked" and used < whole:
            used = whole
        self._correct(now, (0, used - whole, read - (ticket >> SPLIT & FIELD), written - (ticket >> 2 * SPLIT)))

    def release(self, ticket: int, now: float) -> None:
        """Undo an admission of which nothing was sent: its request and all its tokens."""
        self._correct(now, (-1, -(ticket & FIELD), -(ticket >> SPLIT & FIELD), -(ticket >> 2 * SPLIT)))

    def _correct(self, now: float, units: tuple[int, int, int, int]) -> None:
        """Take or give back units of each kind: requests, all tokens, input, output."""
        at = int(now * NANO)
        for kind, bucket in self._buckets.values():
            if units[kind] < 0:
                bucket.give_back(at, -units[kind])
            elif units[kind]:
                bucket.take(at, units[kind])

    # -- what is told ------------------------------------------------------------------------------------------------

    def limits(self, now: float) -> list[Limit]:
        """Return every limit as it stands."""
        at = moment(now)
        return [Limit(name, self._amounts[name], bucket.room(at)) for name, (_, bucket) in self._buckets.items()]

    def room(self, now: float) -> tuple[int | None, int | None]:
        """Return how many requests and how many tokens may pass at once now; None where there is no such limit."""
        at = moment(now)
        rooms = [(kind, bucket.room(at)) for kind, bucket in self._buckets.values()]
        requests, tokens = [room for kind, room in rooms if kind == 0], [room for kind, room in rooms if kind]
        return min(requests, default=None), min(tokens, default=None)

    def _refuse(self, at: int, units: tuple[int, int, int, int]) -> Failure | None:
        """Say why units do not pass; None where by a learned limit alone they never would, and it is as full as it gets.

        Whoever told the limit is then asked, and says no if it meant it: nobody would ever hear that it meant something else.
        """
        waits = []
        for name, (kind, bucket) in self._buckets.items():
            asked = units[kind]
            if kind and asked > bucket.burst:
                if name not in self.learned:
                    return _never(name, asked, bucket.burst)
                asked = bucket.burst
            waits.append((bucket.delay(at, asked), name))
        after, name = max(waits)
        if after <= 0.0:
            return None
        limit = f"{self._amounts[name]} {KINDS[name][1]} (`{name}`)"
        return Failure(FailureKind.RATE_REACHED, f"our own limit of {limit} is reached for {after:.3f} s more", retry_after=after)


def _never(name: str, tokens: int, burst: int) -> Failure:
    return Failure(
        FailureKind.RATE_REACHED,
        f"the request may take {tokens} tokens, and the limit never lets more than {burst} through at once: "
        f"send less, ask for fewer output tokens, or raise `{name}`" + (" or `token_burst`" if name.endswith("pm") else ""),
        forever=True,
    )


def _pace(name: str, amount: int, settings: RateSettings, share: float) -> tuple[int, float, int]:
    """Units, the seconds in which they come, and the burst of a limit a minute.

    A provider that counts in windows of w seconds sees at most rate * w + burst in any of them: together they must not be more
    than the minute's part.
    """
    slowed = MINUTE / max(share, 0.001)
    if name != "rpm":
        return amount, slowed, max(1, int(amount * settings.token_burst + 1e-9))
    burst = max(1, int(amount * settings.burst + 1e-9))
    part = int(amount * settings.window / MINUTE)
    if settings.window == MINUTE or part <= 1:
        return amount, slowed, burst if settings.window == MINUTE else 1
    burst = min(burst, max(1, part // 50))
    return part - burst, settings.window * slowed / MINUTE, burst

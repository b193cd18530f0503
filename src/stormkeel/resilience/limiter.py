"""A rate limiter for anything: so many units a period, exact, in the order they were asked for.

Never lets more through than the limit, whatever threads and tasks do: units are debited (`policies.gcra.Gcra`) in the moment
they pass, and never before. Who must wait is told for how long at once, counting those who wait already, so a wait that does not
fit is not begun. Who leaves has taken nothing: the moment that gets free goes to whoever asks next.
"""

from __future__ import annotations

import math
import re
import threading
from typing import Self

from ..errors import SettingsError, error_of
from ..policies.base import within
from ..policies.gcra import Gcra
from ..policies.rate import MOST, moment
from ..types.failure import Failure, FailureKind
from .clock import REAL, Clock
from .retries import settings
from .steps import Flow, Sleep, drive, drive_async

_WORDS = re.compile(r"([0-9]{1,12})/([smhd])")
_PERIODS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LONGEST = 31 * 86_400.0


class RateLimiter:
    """At most `limit` units in `per` seconds, `burst` of them at once after a pause. For any number of threads and tasks.

    Args:
        limit: units.
        per: the period in seconds.
        burst: how many may go at once after a pause; a whole period's where it is not given.
        clock: time, for tests.

    Raises:
        SettingsError: a number is out of range.
    """

    def __init__(self, limit: int, per: float = 60.0, *, burst: int | None = None, clock: Clock = REAL) -> None:
        with settings():
            within("limit", limit, 1, MOST, "units a period")
            within("per", per, 0.001, _LONGEST, "seconds")
            within("burst", limit if burst is None else burst, 1, limit, "units")
        self.limit = limit
        self.per = per
        self.burst = limit if burst is None else burst
        self.clock = clock
        self._gcra = Gcra(limit, per, self.burst)
        self._lock = threading.Lock()
        self._waiting = 0  # units that somebody waits for

    @classmethod
    def of(cls, words: str, clock: Clock = REAL) -> RateLimiter:
        """Read a limit as people write it: "10/s", "600/m", "1000/h", "5000/d".

        Raises:
            SettingsError: these words are none.
        """
        found = _WORDS.fullmatch(words.strip())
        if found is None:
            raise SettingsError(f'"{words}" is no rate: write a number and a period, as in "10/s", "600/m", "1000/h" or "5000/d"')
        return cls(int(found[1]), _PERIODS[found[2]], clock=clock)

    def acquire(self, tokens: int = 1, timeout: float | None = None) -> None:
        """Wait, blocking this thread, until so many units may pass.

        Args:
            tokens: units, the burst at most.
            timeout: seconds to wait at most, None for as long as it takes.

        Raises:
            RateReachedError: they can never pass, or not in time; said at once, `retry_after` tells when they could.
        """
        _conclude(drive(self.turn(tokens, timeout), self.clock))

    async def acquire_async(self, tokens: int = 1, timeout: float | None = None) -> None:  # noqa: ASYNC109 - refuses at once
        """Wait as `acquire` does, while other tasks run."""
        _conclude(await drive_async(self.turn(tokens, timeout), self.clock))

    def try_acquire(self, tokens: int = 1) -> bool:
        """Let so many units pass right now, but not before others who wait. Returns whether they did."""
        with self._lock:
            return self._units(tokens) <= self.burst and self._pass(tokens, self._waiting) == 0.0

    def turn(self, tokens: int, timeout: float | None) -> Flow[Failure | None]:
        """Wait for so many units as a flow; it returns why they can not pass, None where they did."""
        if self._units(tokens) > self.burst:
            return self._never(tokens)
        until = math.inf if timeout is None else self.clock.now() + timeout
        wait = self._join(tokens)
        if wait == 0.0:
            return None
        try:
            while wait > 0.0:
                if self.clock.now() + wait > until:
                    return self._late(wait)
                yield Sleep(wait)
                with self._lock:
                    wait = self._pass(tokens, 0)
            return None
        finally:
            with self._lock:
                self._waiting -= tokens

    def give_back(self, tokens: int) -> None:
        """Undo the passing of units that nothing was done with."""
        with self._lock:
            self._gcra.give_back(moment(self.clock.now()), tokens)

    def _join(self, tokens: int) -> float:
        """Let units pass, or note that they wait behind those who do already; returns for how long, 0.0 where they passed."""
        with self._lock:
            wait = self._pass(tokens, self._waiting)
            if wait > 0.0:
                self._waiting += tokens
            return wait

    def _pass(self, tokens: int, before: int) -> float:
        """Debit units if they and those before them may pass now, else return the seconds until they may."""
        at = moment(self.clock.now())
        excess = self._gcra.excess(at, before + tokens)
        if excess > 0:
            return self._gcra.wait(excess)
        self._gcra.take(at, tokens)
        return 0.0

    def _units(self, tokens: int) -> int:
        if tokens < 1:
            raise SettingsError(f"`tokens` is {tokens}: acquire 1 or more")
        return tokens

    def _never(self, tokens: int) -> Failure:
        return Failure(
            FailureKind.RATE_REACHED,
            f"{tokens} units were asked of {self}, which never lets more than {self.burst} through at once: ask for less, or "
            "raise `burst`",
            forever=True,
        )

    def _late(self, wait: float) -> Failure:
        return Failure(FailureKind.RATE_REACHED, f"{self} is reached for {wait:.3f} s more", retry_after=wait)

    def __str__(self) -> str:
        return f"our own limit of {self.limit} in {self.per:g} s"

    def __enter__(self) -> Self:
        """Wait for one unit."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is given back: what passed has passed."""

    async def __aenter__(self) -> Self:
        """Wait for one unit while other tasks run."""
        await self.acquire_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is given back."""


def _conclude(failure: Failure | None) -> None:
    if failure is not None:
        raise error_of(failure)

"""A circuit breaker for anything: the engine's own, behind a lock, with a name.

Never waits and never calls anything: who asks is let through or told for how long not. Several functions that use the same thing
guard it with one breaker, as an object or by its name.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Literal, Self

import msgspec

from ..errors import error_of
from ..policies.base import Verdict
from ..policies.breaker import Breaker, BreakerSettings, State
from ..types.failure import Failure
from .clock import REAL, Clock
from .entries import Entries
from .failures import failure_of, verdict_of
from .retries import settings

log = logging.getLogger("stormkeel.resilience")
DEFAULTS = BreakerSettings()
Moved = Literal["", "opened", "closed"]


class Leave(msgspec.Struct, frozen=True):
    """A breaker's leave to try: the state machine that gave it, and its ticket there."""

    breaker: Breaker
    ticket: int


class CircuitBreaker:
    """One breaker for any number of functions, threads and tasks.

    Faults open it: failures whose kind counts for breakers (docs/resilience.md, Which exceptions are failures). While it is open,
    calls are refused with `CircuitOpenError`; then a few probes decide.

    Args:
        name: what it guards, for logs and errors.
        consecutive: faults in a row that open it.
        share: the share of faults in the window that opens it, once there are `least` outcomes.
        least: outcomes in the window below which the share says nothing.
        window: seconds the share looks back.
        open_time: seconds it first stays open, drawn from half of it to all of it; doubles with each failed revival.
        open_cap: seconds beyond which it doesn't double; 15, or `open_time` where that is longer, where it is not given.
        clock: time and chance, for tests.

    Raises:
        SettingsError: a number is out of range.
    """

    def __init__(  # noqa: PLR0913 - the face is flat: each is one word a user writes
        self,
        name: str = "",
        *,
        consecutive: int = DEFAULTS.consecutive,
        share: float = DEFAULTS.share,
        least: int = DEFAULTS.least,
        window: float = DEFAULTS.window,
        open_time: float = DEFAULTS.open_time,
        open_cap: float | None = None,
        clock: Clock = REAL,
    ) -> None:
        with settings():
            self._settings = BreakerSettings(
                consecutive=consecutive,
                share=share,
                least=least,
                window=window,
                open_time=open_time,
                open_cap=max(DEFAULTS.open_cap, open_time) if open_cap is None else open_cap,
            )
        self.name = name
        self.clock = clock
        self._breaker = Breaker(self._settings)
        self._lock = threading.Lock()
        self._entries: Entries[Leave] = Entries()

    @classmethod
    def named(cls, name: str) -> CircuitBreaker:
        """Return the process's breaker of a name, made with the defaults when it is first asked for."""
        with _NAMED_LOCK:
            if name not in _NAMED:
                _NAMED[name] = cls(name)
            return _NAMED[name]

    @property
    def state(self) -> str:
        """Where it stands: "closed", "open" or "half_open" (it becomes that with the first call after its time)."""
        return self._breaker.state.value

    @property
    def retry_at(self) -> float | None:
        """The moment (monotonic seconds of its clock) when it will let a call through for certain, None where it is closed."""
        with self._lock:
            return self._breaker.retry_at

    @property
    def retry_after(self) -> float | None:
        """Seconds until `retry_at`, None where it is closed."""
        at = self.retry_at
        return None if at is None else max(0.0, at - self.clock.now())

    def reset(self) -> None:
        """Close it and forget everything; what is still out changes nothing when it comes home."""
        with self._lock:
            self._breaker = Breaker(self._settings)

    def refusal(self) -> Failure | None:
        """Say why a call would be refused now, None where it would be let through. Takes no leave."""
        now = self.clock.now()
        with self._lock:
            if self._breaker.is_ready(now):
                return None
            refused = self._breaker.admit(now)
            assert isinstance(refused, Failure), "who is not ready refuses"
            return self._named(refused)

    def admit(self) -> Leave | Failure:
        """Ask for leave to try. Each `Leave` is settled once."""
        with self._lock:
            ticket = self._breaker.admit(self.clock.now())
            return self._named(ticket) if isinstance(ticket, Failure) else Leave(self._breaker, ticket)

    def settle(self, leave: Leave, verdict: Verdict) -> Moved:
        """Hand a leave back with what the call says about health.

        Returns:
            "opened" or "closed" where that moved it so, "" elsewhere.
        """
        with self._lock:
            before = leave.breaker.state
            leave.breaker.settle(leave.ticket, verdict, self.clock.now(), self.clock.rng)
            after, until = leave.breaker.state, leave.breaker.retry_at
        if after is before or after is State.HALF_OPEN:
            return ""
        if after is State.CLOSED or until is None:
            log.info('breaker "%s" closed', self.name)
            return "closed"
        log.warning('breaker "%s" opened after faults, for %.1f s', self.name, until - self.clock.now())
        return "opened"

    def _named(self, refusal: Failure) -> Failure:
        stands = self.state.replace("_", " ")
        why = f'breaker "{self.name}" is {stands}: nothing passes for {refusal.retry_after or 0.0:.1f} s more'
        return msgspec.structs.replace(refusal, message=why)

    def __enter__(self) -> Self:
        """Ask for leave. Raises `CircuitOpenError`."""
        leave = self.admit()
        if isinstance(leave, Failure):
            raise error_of(leave)
        self._entries.push(leave)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Settle by what the block raised."""
        leave, verdict = self._entries.pop(), Verdict.IGNORED
        try:
            if error is None:
                verdict = Verdict.OK
            elif isinstance(error, Exception):
                verdict = verdict_of(failure_of(error, self.clock.wall()))
        finally:
            self.settle(leave, verdict)

    async def __aenter__(self) -> Self:
        """Ask for leave, as `with` does: nothing is waited for."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle by what the block raised."""
        self.__exit__(kind, error, trace)


_NAMED: dict[str, CircuitBreaker] = {}
_NAMED_LOCK = threading.Lock()

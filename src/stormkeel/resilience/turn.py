"""One guarded call, or one guarded block, on its way: what its attempts share, and how it ends.

Never waits and never calls (that is `steps.py`), and never decides when to try again itself (`policies/retry.py`).

    admit -> the attempt -> settle -> decide: again after a wait that fits the deadline, or the end
                                                 well: the value  .  badly: the function's own exception, or our refusal
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from ..errors import ExhaustedError, error_of
from ..policies.base import Verdict
from ..policies.retry import Again, Decision, GiveUp
from ..types.failure import Failure, FailureKind
from .failures import Chooser, chosen_failure_of, failure_of, is_bug, verdict_of
from .gates import Gates, Ticket
from .retries import SPENT, Retries
from .steps import Flow, Outcome
from .story import Story, attach, chain, said
from .watch import GuardEvent, Happening, Watch

K = FailureKind
ONCE = GiveUp("")  # no retry policy, or a bug: nothing to explain
LATE = GiveUp("the wait was over only after the deadline")  # a busy machine, or one that slept (INV-10)


class Policies(msgspec.Struct, frozen=True):
    """What guards a function; what is None does not.

    Attributes:
        gates: breaker, rate, places, and the clock.
        watch: who counts and tells.
        retry: when to try again.
        deadline: seconds for all attempts and waits of one call.
        on: which exceptions are failures; None for the table.
        fallback: functions to ask in order where the guarded one failed.
        value: given where it failed and there are no functions; UNSET where there is none.
    """

    gates: Gates
    watch: Watch
    retry: Retries | None = None
    deadline: float | None = None
    on: Chooser | None = None
    fallback: tuple[Callable[..., Any], ...] = ()
    value: object = msgspec.UNSET


class Turn:
    """One call or block. Belongs to one task or thread.

    Attributes:
        policies: what guards it.
        deadline: monotonic seconds, infinite where there is none.
        tries: attempts made.
        failure: the latest, a refusal of ours or an attempt's; None before one and after success.
        error: the latest exception of the function's own.
        is_cut: did the deadline end the latest attempt?
    """

    __slots__ = ("_name", "_paid", "_since", "_story", "deadline", "error", "failure", "is_cut", "policies", "tries")

    def __init__(self, policies: Policies, name: str) -> None:
        now = policies.gates.clock.now()
        self.policies = policies
        self.deadline = math.inf if policies.deadline is None else now + policies.deadline
        self.tries = 0
        self.failure: Failure | None = None
        self.error: Exception | None = None
        self.is_cut = False
        self._name = name
        self._since = now
        self._story = Story(name, now)
        self._paid = 0
        policies.watch.count("calls")

    @property
    def timeout(self) -> float | None:
        """Seconds to the deadline, never negative; None where there is none."""
        return self.policies.gates.timeout(self.deadline)

    @property
    def is_late(self) -> bool:
        """Has the deadline passed?"""
        return self._now() >= self.deadline

    def admit(self) -> Flow[Ticket | Failure]:
        """Ask for leave to make an attempt, waiting where that helps."""
        answer = yield from self.policies.gates.admit(self.deadline)
        return self._refused(answer) if isinstance(answer, Failure) else self._begun(answer)

    def _begun(self, ticket: Ticket) -> Ticket:
        self.tries += 1
        self.policies.watch.count("attempts", "in_flight", *(("retries",) if self.tries > 1 else ()))
        self._since = self._now()
        return ticket

    def _refused(self, failure: Failure) -> Failure:
        self.failure = msgspec.structs.replace(failure, message=f'"{self._name}" was refused by us: {failure.message}')
        self.is_cut = False
        self._story.add(f"refused by us: {failure.message}", 0.0)
        self.policies.watch.count("refusals")
        self._tell("refused")
        return self.failure

    def cancel(self, ticket: Ticket) -> None:
        """Settle an attempt that somebody ended from outside: it says nothing about health."""
        self.policies.watch.count("in_flight", by=-1)
        self.policies.gates.settle(ticket, Verdict.IGNORED)

    def settle(self, ticket: Ticket, outcome: Outcome) -> Failure | None:
        """Settle an attempt by its outcome; returns what went wrong, None where nothing did."""
        self.policies.watch.count("in_flight", by=-1)
        took, verdict = self._now() - self._since, Verdict.IGNORED
        try:
            failure = self._read(outcome, took)
            verdict = self._verdict(failure, took)
        except Exception:  # the user's own `on` raised: that ends the call
            self.policies.watch.count("failures")
            raise
        finally:
            moved = self.policies.gates.settle(ticket, verdict)
        self._note(outcome, failure, took)
        if moved:
            self._tell(moved)
        return failure

    def _read(self, outcome: Outcome, took: float) -> Failure | None:
        if outcome.cut:
            why = f'"{self._name}" was ended after {took:.2f} s by its deadline of {self.policies.deadline:g} s'
            return Failure(K.DEADLINE, why)
        if outcome.error is None:
            return None
        return chosen_failure_of(outcome.error, self.policies.gates.clock.wall(), self.policies.on)

    def _verdict(self, failure: Failure | None, took: float) -> Verdict:
        """An attempt the deadline ended counts against what was called, unless waiting had used up most of the time before."""
        if failure is None:
            return Verdict.OK
        if failure.kind is K.DEADLINE and self.policies.deadline is not None:
            return Verdict.FAULT if took >= self.policies.deadline / 2.0 else Verdict.IGNORED
        return verdict_of(failure)

    def _note(self, outcome: Outcome, failure: Failure | None, took: float) -> None:
        self.failure, self.is_cut = failure, outcome.cut
        if failure is None:
            self.error = None
            self._tell("succeeded")
            return
        self.error = outcome.error or self.error
        self._story.add("ended by the deadline" if outcome.error is None else said(outcome.error, failure), took)
        self._tell("failed")

    def decide(self) -> Decision:
        """Decide what follows a failed attempt: again, which is paid for and told here, or no more."""
        retry, failure = self.policies.retry, self.failure
        if retry is None or failure is None or self.is_cut or is_bug(failure):
            return ONCE
        decision = retry.decide(failure, self.tries, self.deadline - self._now(), self.policies.gates.clock.rng)
        if not isinstance(decision, Again):
            return decision
        paid = retry.pay(failure)
        if paid is None:
            return SPENT
        self._paid = paid
        self._story.wait(decision.after)
        self._tell("retry", decision.after)
        return decision

    def succeed(self) -> None:
        """End well."""
        if self.policies.retry is not None:
            self.policies.retry.reward(self._paid)
        self.policies.watch.count("successes")

    def complaint(self, why: str) -> Exception:
        """Return what to raise: the function's own latest exception with the story on it, else our refusal.

        Args:
            why: nothing more is tried, for people; "" where there is nothing to explain.
        """
        failure, error = self.failure, self.error
        assert failure is not None, "only what has failed has a complaint"
        if error is None or self.is_cut:
            refusal = error_of(failure)
            if error is not None:
                refusal.__cause__ = error
            error = refusal
        if len(self._story) > 1 or (why and not is_bug(failure)):
            attach(error, self._told(why))
        return error

    def fail(self, error: Exception) -> Exception:
        """End badly, with this to raise."""
        self.policies.watch.count("failures")
        self._tell("gave_up")
        return error

    def break_off(self) -> None:
        """End from outside: a cancel, Ctrl-C."""
        self.policies.watch.count("cancelled")

    # --- fallbacks

    def fall(self) -> None:
        """Tell that a fallback is asked now."""
        self._since = self._now()
        self._tell("fallback")

    def fell(self) -> None:
        """End well, by a fallback."""
        self.policies.watch.count("fallbacks")

    def also_failed(self, error: Exception, before: Exception) -> bool:
        """Note a fallback that failed; returns whether that was a bug, which no further fallback may hide."""
        chain(error, before)
        failure = failure_of(error, self.policies.gates.clock.wall())
        self._story.add(f"fallback: {said(error, failure)}", self._now() - self._since)
        self.failure, self.error = failure, error
        return is_bug(failure)

    def exhausted(self, last: Exception) -> ExhaustedError:
        """Return what to raise where every fallback failed: its text is the story, its cause the last of the exceptions."""
        text = self._told("every fallback failed as well").removeprefix("stormkeel: ")
        error = ExhaustedError(text, failure=Failure(K.EXHAUSTED, text))
        error.__cause__ = last
        return error

    def _told(self, why: str) -> str:
        return self._story.text(why, self.tries, self._now())

    def _now(self) -> float:
        return self.policies.gates.clock.now()

    def _tell(self, what: Happening, wait: float = 0.0) -> None:
        self.policies.watch.tell(GuardEvent(what, self._name, self.tries, wait, self.failure, self.error))

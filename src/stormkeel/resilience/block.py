"""One guarded block: the gates before it, the deadline over it, and what its end means.

Never repeats a block by itself: Python can't. Whether another one should follow is in `wait`, for `attempts.py`.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from ..policies.retry import Again
from ..types.failure import Failure
from .gates import Ticket
from .steps import Outcome, drive, drive_async
from .turn import Turn


class Block:
    """One guarded block of a turn.

    Attributes:
        wait: once it has been left: seconds until another attempt, None where nothing more is to be tried.
    """

    __slots__ = ("_limit", "_ticket", "turn", "wait")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.wait: float | None = None
        self._ticket = Ticket()
        self._limit: asyncio.Timeout | None = None

    def enter(self) -> None:
        """Wait for leave, blocking this thread.

        Raises:
            RefusalError: there is none; or the latest attempt's own exception, where this one would have repeated it.
        """
        turn = self.turn
        try:
            answer = drive(turn.admit(), turn.policies.gates.clock)
        except BaseException:
            turn.break_off()
            raise
        self._begin(answer)

    async def enter_async(self) -> None:
        """Wait for leave while other tasks run, and put the block under the deadline. Raises as `enter` does."""
        turn = self.turn
        try:
            answer = await drive_async(turn.admit(), turn.policies.gates.clock)
        except BaseException:
            turn.break_off()
            raise
        self._begin(answer)
        self._limit = asyncio.timeout(turn.timeout)
        try:
            await self._limit.__aenter__()
        except BaseException:
            turn.cancel(self._ticket)
            turn.break_off()
            raise

    def leave(self, error: BaseException | None, is_cut: bool = False) -> bool:
        """Settle the block by what it raised.

        Returns:
            True where the exception ends here, because another attempt is worth making.

        Raises:
            DeadlineError: the deadline ended it.
        """
        turn = self.turn
        if error is not None and not isinstance(error, Exception) and not is_cut:
            turn.cancel(self._ticket)
            turn.break_off()
            return False
        raised = error if isinstance(error, Exception) else None
        if turn.settle(self._ticket, Outcome(error=raised, cut=is_cut)) is None:
            turn.succeed()
            return False
        return self._go_on(raised)

    async def leave_async(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Settle the block, as `leave` does, and lift the deadline."""
        assert self._limit is not None, "only what was entered is left"
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:
            return self.leave(error, is_cut=True)
        return self.leave(error)

    def _begin(self, answer: Ticket | Failure) -> None:
        if isinstance(answer, Failure):
            raise self.turn.fail(self.turn.complaint(""))
        self._ticket = answer

    def _go_on(self, raised: Exception | None) -> bool:
        decision = self.turn.decide()
        if isinstance(decision, Again):
            self.wait = decision.after
            return True
        complaint = self.turn.fail(self.turn.complaint(getattr(decision, "why", "")))
        if complaint is not raised:
            raise complaint
        return False

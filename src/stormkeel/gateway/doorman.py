"""The doorman: turns requests away while there is no room for them, in their client's dialect, before anything was done for them.

Never decides whether there is room (`policies/admission.py` does) and never turns away who looks after the gateway: health,
metrics and the admin's routes are served as long as anything is. Our own server asks it (`runtime.serve.hub.Doorman`); under
another ASGI server only the bound on bodies holds.

An answer is written once for a dialect and a reason, and then given to many: refusing must cost next to nothing. A few of them
differ in when they say to come again, so that those who were refused together do not come back together.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from time import monotonic
from urllib.parse import unquote

from ..config.settings import Settings
from ..policies.admission import Admission, AdmissionSettings, Reason
from ..policies.base import Dice
from ..runtime.serve.hub import Whole
from ..types.failure import Failure, FailureKind
from .reply import Teller, failed
from .routes import Row, Table

VARIANTS = 16  # answers of one kind that differ in when to come again
PATHS_KEPT = 1000
WHY: dict[Reason, str] = {
    "line": "the gateway has more to do than it can begin in time",
    "requests": "as many requests as the gateway takes are under way",
    "bodies": "the gateway holds as many bytes of requests as it may",
    "connections": "the gateway has as many clients as it takes",
}


class Doorman:
    """The doorman of one gateway.

    Attributes:
        bounds: what is under way, and what may be.
        connections: how many clients' connections are open; the server sets it.

    Args:
        settings: the bounds.
        table: every route.
        otherwise: how failures are told at an address that is none.
        new_id: gives ids for requests.
        rng: draws when to come again.
    """

    def __init__(
        self, settings: AdmissionSettings, table: Table, otherwise: Teller, new_id: Callable[[], str], rng: Dice
    ) -> None:
        self.bounds = Admission(settings)
        self.connections = 0
        self._table = table
        self._otherwise = otherwise
        self._new_id = new_id
        self._rng = rng
        self._rows: dict[tuple[str, bytes], Row | None] = {}
        self._answers: dict[tuple[str, str], cycle[Whole]] = {}

    def has_place(self) -> bool:
        """Is there a place for the latest of the connections?"""
        if self.connections <= self.bounds.settings.connections:
            return True
        self.bounds.refuse("connections", monotonic())
        return False

    def refuse(self, reason: Reason, method: str, target: bytes) -> Whole | None:
        """Return the answer to a request for which there is no room; None for what is served nevertheless."""
        row = self._row(method, target)
        if row is not None and row.is_vital:
            return None
        self.bounds.refuse(reason, monotonic())
        teller = self._otherwise if row is None else row.dialect
        answers = self._answers.get((teller.name, reason))
        if answers is None:
            answers = self._answers[teller.name, reason] = cycle([self._written(teller, reason) for _ in range(VARIANTS)])
        return next(answers)

    def no_room(self, reason: Reason) -> Failure:
        """Return what a client is told whose request was begun, but can't be gone on with for want of room."""
        self.bounds.refuse(reason, monotonic())
        return self._failure(reason)

    def check(self, settings: Settings) -> None:
        """Find nothing wrong: settings know their ranges (`assemble.house.Follower`)."""

    def follow(self, settings: Settings) -> str:
        """Go on with other bounds after a reload."""
        bounds = settings.server.admission
        if bounds == self.bounds.settings:
            return ""
        self.bounds.change(bounds)
        self._answers.clear()
        return "admission"

    def _row(self, method: str, path: bytes) -> Row | None:
        row = self._rows.get((method, path), _UNSEEN)
        if row is _UNSEEN:
            plain = path.partition(b"?")[0].decode("ascii")
            row = self._table.find(method, unquote(plain) if "%" in plain else plain)
            if len(self._rows) >= PATHS_KEPT:
                self._rows.clear()
            self._rows[method, path] = row
        return row

    def _written(self, teller: Teller, reason: Reason) -> Whole:
        return Whole(*failed(teller, self._failure(reason), self._new_id(), False))

    def _failure(self, reason: Reason) -> Failure:
        after = self.bounds.settings.retry_after * (1.0 + self._rng.random())
        message = f"{WHY[reason]}: come again in a moment, or see [server.admission]"
        return Failure(FailureKind.OVERLOADED, message, code="gateway_overloaded", retry_after=after)


_UNSEEN = Row("", None, None, None)  # type: ignore[arg-type]  # stands for "not looked up yet", and is never served

"""What the engine may ask of the world: its ports, and the faults they may raise.

Never implements one: `runtime/` does for real, `testing/` does for tests.
"""

from __future__ import annotations

from typing import Protocol

from ..ledger.entry import Reserved, Settled
from ..types.attempt import Story
from ..types.failure import Failure
from ..types.request import Request
from ..types.wire import Headers, HttpRequest, HttpResponse


class WireFault(Exception):
    """The wire failed: no HTTP answer, or one that broke off.

    Attributes:
        stage: "connect" (nothing was sent: proof for releasing money), "head" (sent, no response head) or "body" (broke off
            inside the body).
        detail: the client library's own words, free of secrets.
    """

    def __init__(self, stage: str, detail: str) -> None:
        super().__init__(f"{stage}: {detail}")
        self.stage = stage
        self.detail = detail


class UploadFault(Exception):
    """A body that was still coming may not go on.

    Attributes:
        failure: why not.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Exchange(Protocol):
    """An open exchange: the response's head is here, its body still coming."""

    status: int
    headers: Headers

    async def read(self) -> bytes:
        """Return the next bytes as they arrive, `b""` at the clean end. Raises `WireFault` (stage "body")."""
        ...

    def linger(self) -> None:
        """The answer is whole, what may follow matters to nobody: keep the connection if its body ends very soon, else drop it.

        Returns at once; nothing may be read afterwards.
        """
        ...

    async def close(self) -> None:
        """End the exchange; a body not read to its end is aborted and its connection not reused. Safe to call twice."""
        ...


class Transport(Protocol):
    """An HTTP client without clocks of its own (but connecting) and without retries: clocks and retries are the engine's."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole response. Raises `WireFault`. Cancelling it aborts the exchange."""
        ...

    async def open(self, request: HttpRequest) -> Exchange:
        """Send and return once the response's head has arrived. Raises `WireFault`. Cancelling it aborts the exchange."""
        ...

    async def close(self) -> None:
        """Close every idle connection."""
        ...


class Clock(Protocol):
    """Two clocks: one that never jumps, one that people read."""

    def now(self) -> float:
        """Return monotonic seconds, on the running loop's own scale."""
        ...

    def wall(self) -> int:
        """Return nanoseconds since the epoch."""
        ...


class JournalFault(Exception):
    """The journal could not be written: nothing may be sent."""


class Journal(Protocol):
    """The ledger's write-ahead: an append-only record of what was reserved and what was settled."""

    def reserve(self, entry: Reserved) -> None:
        """Write a reservation before a byte leaves (INV-2). Raises `JournalFault`: then nothing is sent."""
        ...

    def settle(self, entry: Settled) -> None:
        """Write a settlement. Never raises: what can't be written now is kept and written as soon as it can."""
        ...


class Sink(Protocol):
    """Somebody who wants to know: metrics, logs, statistics. Called synchronously; must be quick and never raise."""

    def answered(self, story: Story) -> None:
        """One request ended, well or not."""
        ...

    def broke(self, error: BaseException, request: Request) -> None:
        """A fault of ours ended a request."""
        ...


class ClientGone(Exception):
    """The caller of a stream has gone: nobody reads on."""


class Output(Protocol):
    """Where a stream goes. Each call returns when the reader has taken enough (back-pressure)."""

    async def start(self, headers: Headers) -> None:
        """Send the head: status 200 and these headers. Raises `ClientGone`."""
        ...

    async def write(self, data: bytes) -> None:
        """Send whole frames. Raises `ClientGone`.

        They are on their way before it waits: where a clock of ours ends the wait they count as sent.
        """
        ...

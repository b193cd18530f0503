"""A load in a process of its own: so many requests a second whatever becomes of them, or as many as are answered.

Never waits for an answer before the next request is due (open loop), so a gateway that is slow is not asked less. A connection that has
its answer is used again; where none is free another is opened, up to a bound; beyond that a request is counted as `unsent`.

Usage: fire_load.py SPEC, where SPEC is JSON (`Spec`); a rate of 0 asks in `connections` ways as fast as it is answered. Prints `Seen` for
each phase as one line of JSON, when the phase is over.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from random import Random

import msgspec
import uvloop

TICK = 0.001


class Seen(msgspec.Struct):
    """What a phase saw.

    Attributes:
        rate: as asked for, 0 for as fast as answered.
        seconds: as it lasted.
        sent, unsent: requests that went out, and that found no connection.
        ok, refused, failed: by status 200, 429 or 5xx with `retry-after`, anything else or a connection that broke.
        left: requests whose client went before the answer was whole.
        latencies: seconds from a request's sending to its whole answer, of good ones, sorted.
        refusals: the same of refused ones.
        by_second: good answers in each second of the phase.
        connections: the most that were open.
    """

    rate: float
    seconds: float = 0.0
    sent: int = 0
    unsent: int = 0
    ok: int = 0
    refused: int = 0
    failed: int = 0
    left: int = 0
    latencies: list[float] = []
    refusals: list[float] = []
    by_second: list[int] = []
    connections: int = 0


class Kind(msgspec.Struct):
    """One kind of request among several.

    Attributes:
        request: its bytes.
        weight: its share.
        leaves: seconds after which its client goes, answered or not; 0 for never.
    """

    request: str
    weight: float
    leaves: float = 0.0


class Spec(msgspec.Struct):
    """What is to be done.

    Attributes:
        port: whom it is done to.
        request: what is asked.
        connections: the most at once.
        phases: (requests a second, seconds) of each.
        others: instead of the request: kinds, by their shares, in an order that is always the same.
        keeps: are latencies kept, and answers counted to the phase they were asked in? Not over hours; then to that of their end.
    """

    port: int
    request: str
    connections: int
    phases: list[tuple[float, float]]
    others: list[Kind] = []
    keeps: bool = True


class Way(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.seen: Seen | None = None  # of the request under way
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def ask(self, seen: Seen) -> None:
        """Send the request."""
        assert self.transport is not None
        self.seen, self.data, self.want = seen, b"", -1
        seen.sent += 1
        self.asked = time.perf_counter()
        request, leaves = self.load.next()
        if leaves:
            self.timer = asyncio.get_running_loop().call_later(leaves, self.leave)
        self.transport.write(request)

    def leave(self) -> None:
        """Go, if the answer is not whole."""
        if self.seen is not None:
            self.load.now.left += 1
            self.seen = None
            assert self.transport is not None
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.seen is None:
            return
        self.data = self.data + data if self.data else data
        if self.want < 0:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.data[:end].lower()
            self.status, self.is_told = int(head[9:12]), b"\r\nretry-after:" in head
            self.is_last = b"connection: close" in head
            at = head.find(b"content-length:")
            self.want = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 1 << 60
        if len(self.data) >= self.want or (self.want == 1 << 60 and self.data.endswith(b"0\r\n\r\n")):
            self.answered(self.seen)

    def answered(self, seen: Seen) -> None:
        """Count the answer, and be free."""
        took, self.seen = time.perf_counter() - self.asked, None
        seen = seen if self.load.keeps else self.load.now
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.status == 200:
            seen.ok += 1
            if self.load.keeps:
                seen.latencies.append(took)
            self.load.tally(seen)
        elif self.is_told and (self.status == 429 or self.status >= 500):
            seen.refused += 1
            if self.load.keeps:
                seen.refusals.append(took)
        else:
            seen.failed += 1
        if self.is_last:
            assert self.transport is not None
            self.transport.close()
        else:
            self.load.freed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.seen is not None:
            self.load.now.failed += 1
            self.seen = None
        self.load.lost(self)


class Load:
    """All connections, and what is under way on them."""

    def __init__(self, spec: Spec) -> None:
        self.request = spec.request.encode()
        self.kinds = [(kind.request.encode(), kind.leaves) for kind in spec.others]
        self.weights = [kind.weight for kind in spec.others]
        self.dice = Random(30)
        self.keeps = spec.keeps
        self.now = Seen(0.0)
        self.port, self.most = spec.port, spec.connections
        self.free: deque[Way] = deque()
        self.open = 0
        self.closed_loop: Seen | None = None
        self.begun = 0.0
        self.opening: set[asyncio.Task[None]] = set()

    def next(self) -> tuple[bytes, float]:
        """Return the next request, and when its client goes."""
        return self.dice.choices(self.kinds, self.weights)[0] if self.kinds else (self.request, 0.0)

    def tally(self, seen: Seen) -> None:
        """Count a good answer to its second."""
        second = int(time.perf_counter() - self.begun)
        while len(seen.by_second) <= second:
            seen.by_second.append(0)
        seen.by_second[second] += 1

    def freed(self, way: Way) -> None:
        """Take a connection back."""
        if self.closed_loop is not None:
            way.ask(self.closed_loop)
        else:
            self.free.append(way)

    def lost(self, way: Way) -> None:
        """Forget a connection."""
        self.open -= 1
        if way in self.free:
            self.free.remove(way)
        if self.closed_loop is not None:
            self.opened(self.closed_loop)

    def send(self, seen: Seen) -> None:
        """Send one request, on a connection of those that have been free the longest."""
        if self.free:
            self.free.popleft().ask(seen)
        elif self.open < self.most:
            self.opened(seen)
        else:
            seen.unsent += 1

    def opened(self, seen: Seen) -> None:
        """Open a connection, and send on it."""
        self.open += 1
        seen.connections = max(seen.connections, self.open)
        task = asyncio.ensure_future(self._open(seen))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def _open(self, seen: Seen) -> None:
        try:
            _, way = await asyncio.get_running_loop().create_connection(lambda: Way(self), "127.0.0.1", self.port)
        except OSError:
            self.open -= 1
            seen.failed += 1
            return
        way.ask(seen)

    async def phase(self, rate: float, seconds: float) -> Seen:
        """Run one phase."""
        seen = self.now = Seen(rate)
        self.begun = begun = time.perf_counter()
        if rate:
            await self._at_rate(seen, rate, begun, seconds)
        else:
            self.closed_loop = seen
            while self.open < self.most:
                self.opened(seen)
            while self.free:
                self.free.popleft().ask(seen)
            await asyncio.sleep(seconds)
            self.closed_loop = None
        seen.seconds = time.perf_counter() - begun
        return seen

    async def _at_rate(self, seen: Seen, rate: float, begun: float, seconds: float) -> None:
        done = 0
        while (at := time.perf_counter() - begun) < seconds:
            for _ in range(int(at * rate) - done):
                self.send(seen)
                done += 1
            await asyncio.sleep(TICK)


async def main(spec: Spec) -> None:
    """Run all phases."""
    load = Load(spec)
    for rate, seconds in spec.phases:
        seen = await load.phase(rate, seconds)
        await asyncio.sleep(0.05)  # what was under way at the end counts to its phase, if it comes soon
        seen.latencies.sort()
        seen.refusals.sort()
        sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Spec)))

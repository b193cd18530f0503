"""Callers: who asks what, when, and how they behave: impatient, slow to read, gone before the head or in the middle.

Never knows the engine: it asks a house and notes what it got. Arrivals are Poisson by the hour of the day, with bursts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import pi, sin
from random import Random
from typing import TYPE_CHECKING

import msgspec

from ..engine.ports import ClientGone
from ..types.border import border_of
from ..types.failure import Failure
from ..types.request import Options, Request
from ..types.wire import Headers, header
from .evidence import Call, Evidence
from .loop import on_grid
from .speech import CALLED, MARK
from .talk import written

if TYPE_CHECKING:
    from ..assemble import House

DIALECTS = ("openai_chat", "openai_chat", "anthropic_messages", "openai_responses")
CONVERSATIONS = 40
HOUR = 3600.0
BURST = (10, 60)
LOSSY = "x-stormkeel-lossy"
KEYS = ("", "team-a", "team-b", "team-c")


class Habits(msgspec.Struct, frozen=True):
    """How callers are, all of them together.

    Attributes:
        hourly: requests an hour.
        streams: the share that asks for a stream.
        leavers: the share that goes away before the end; as many more hang up while they read.
        hurried: the share that gives a deadline of its own.
        slow: the share that reads slowly.
        bursts: how many times an hour many come at once.
        talkers: the share that goes on with a long conversation.
        offenders: the share that a provider's filter takes offence at.
        bordered: the share that says where it may go.
        makers: the share that offers tools.
        formal: the share that asks for an answer of a form.
    """

    hourly: float = 4500.0
    streams: float = 0.7
    leavers: float = 0.04
    hurried: float = 0.15
    slow: float = 0.03
    bursts: float = 8.0
    talkers: float = 0.0
    offenders: float = 0.0
    bordered: float = 0.0
    makers: float = 0.0
    formal: float = 0.0


USUAL = Habits(talkers=0.05, offenders=0.02, bordered=0.05, makers=0.12, formal=0.04)
"""As drawn plans have them."""


class Wish(msgspec.Struct, frozen=True):
    """One request before it is asked.

    Attributes:
        at: when, seconds.
        call: what its caller will remember of it.
        body: what is asked.
        hangs_up: after so many pieces of a stream; None where it does not.
        options: how it is to be handled, and to whose name it is booked.
    """

    at: float
    call: Call
    body: bytes
    hangs_up: int | None
    options: Options


def draw_callers(rng: Random, routes: tuple[str, ...], span: float, habits: Habits) -> Iterator[Wish]:
    """Draw the requests of a run in their order, one by one."""
    at, number = 0.0, 0
    burst = rng.expovariate(habits.bursts / HOUR)
    while True:
        at += rng.expovariate(habits.hourly / HOUR * (1.0 + 0.6 * sin(2.0 * pi * at / HOUR)))
        if at >= span:
            return
        count = 1
        if at >= burst:
            count, burst = rng.randrange(*BURST), at + rng.expovariate(habits.bursts / HOUR)
        for _ in range(count):
            number += 1
            yield _wish(rng, f"r{number}", on_grid(at), rng.choice(routes), habits)


def _wish(rng: Random, name: str, at: float, route: str, habits: Habits) -> Wish:
    dialect, stream = rng.choice(DIALECTS), rng.random() < habits.streams
    call = Call(name, route, dialect, stream, at, got=[], oddities=[], told=[])
    hangs_up = None
    point = rng.random()
    if point < habits.leavers:
        call.leaves = on_grid(at + rng.choice((0.0, 0.5, 5.0, 60.0)) * rng.random())
    elif stream and point < 2.0 * habits.leavers:
        hangs_up = rng.randrange(4)
    if rng.random() < habits.hurried:
        call.patience = rng.choice((0.5, 3.0, 10.0, 25.0))
    if rng.random() < habits.slow:
        call.slow = rng.choice((0.25, 1.0, 1.0, 4.0, 70.0))
    if rng.random() < 0.01 + habits.offenders:
        call.ask = "bad" if rng.random() * (0.01 + habits.offenders) < 0.01 else "forbidden"
    call.key, call.strict = rng.choice(KEYS), rng.random() < 0.03
    if rng.random() < habits.bordered:
        call.border = rng.choice(({"within": ["eu"]}, {"within": ["eu", "ch"]}, {"requires": ["zdr"]}, {"within": ["nowhere"]}))
    body, options = written(call, rng, habits), _options(call, rng)
    return Wish(at, call, body, hangs_up, options)


def _options(call: Call, rng: Random) -> Options:
    conversation = call.conversation = f"c{rng.randrange(CONVERSATIONS)}"
    wait, priority = rng.choice((None, None, None, 1.0, 20.0)), rng.choice((None, None, -5, 5))
    border = border_of(call.border.get("within", ()), call.border.get("requires", ()))
    return Options(
        call.patience, user=conversation, session=conversation, key=call.key, queue_wait=wait, priority=priority, border=border,
        strict=call.strict,
    )  # fmt: skip


class Ear:
    """Where a stream goes (`ports.Output`): a caller that keeps what it is sent, reads slowly, or hangs up.

    What is written has left the house, however long the caller takes over it.

    Attributes:
        is_gone: has it hung up?
    """

    def __init__(self, wish: Wish) -> None:
        self._call = wish.call
        self._left = wish.hangs_up
        self._pieces = 0
        self._is_busy = False
        self.is_gone = False

    async def start(self, headers: Headers) -> None:
        """Take the head."""
        if self._call.began:
            self._call.oddities.append("a second head")
        self._call.began, self._call.lossy = True, header(headers, LOSSY) or ""

    async def write(self, data: bytes) -> None:
        """Take frames."""
        call = self._call
        if self._is_busy or not call.began:
            call.oddities.append("two writes at once" if self._is_busy else "frames before the head")
        if not data.endswith(b"\n\n"):
            call.oddities.append(f"half a frame: {data[-40:]!r}")
        if self._left is not None and self._pieces >= self._left:
            self.is_gone = True
            raise ClientGone
        self._pieces += 1
        call.got.append(data)
        call.written += len(data)
        now = asyncio.get_running_loop().time()
        if call.first is None and MARK.search(data):
            call.first = now
        if call.offers and call.called is None and CALLED.search(data):
            call.called = now
        if call.slow:
            self._is_busy = True
            try:
                await asyncio.sleep(call.slow)
            finally:
                self._is_busy = False


async def ask(house: House, wish: Wish, evidence: Evidence) -> None:
    """Ask one request, and note what came of it; never raises but for faults of the simulation itself."""
    call, loop = wish.call, asyncio.get_running_loop()
    evidence.calls[call.id] = call
    call.at = loop.time()  # later than it wished, where the whole process stood still
    evidence.trace.note(loop.time(), call.id, "asks", call.route, call.dialect, "stream" if call.stream else "whole")
    ear = Ear(wish) if call.stream else None
    task = asyncio.current_task()
    assert task is not None
    leaving = None if call.leaves is None else loop.call_at(call.leaves, task.cancel)
    try:
        answer = await house.answer(_request(house, wish), ear)
    except asyncio.CancelledError:
        call.outcome = "left"
    else:
        failure = answer.failure
        call.outcome, call.kind = ("whole", "") if failure is None else ("failed", failure.kind.value)
        if ear is not None and ear.is_gone:
            call.outcome = "left"
        if answer.response is not None:
            call.got.append(answer.response.body)
            call.lossy = header(answer.headers, LOSSY) or ""
            call.first = loop.time()
    finally:
        if leaving is not None:
            leaving.cancel()
        call.ended = loop.time()
    evidence.trace.note(call.ended, call.id, call.outcome, call.kind, call.written)


def _request(house: House, wish: Wish) -> Request:
    call = wish.call
    request = house.dialect(call.dialect).read_request(wish.body, call.id, options=wish.options)
    if isinstance(request, Failure):
        raise TypeError(f"the simulation asked nonsense: {request.message}")
    return request

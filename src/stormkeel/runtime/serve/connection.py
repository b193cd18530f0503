"""One client's connection: bytes in, turns started in order, bytes out, and the clocks over all of it.

Never runs a timer of its own: the hub looks at every connection a few times a second (`check`), so a request that arrives in one
packet costs no clock at all. Never decides what a request is answered with.

    fresh --> head --> body --> answering --> idle --> head ...          head, body, idle: under a deadline
      '--------'---------'---------'------------'--> closing             answering: under the stall clock only
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from .head import STATUS_LINES, Field, RequestHead, address, refusal, scope_of, write_whole
from .hub import Clock, Hub, Whole
from .known import KnownHead, known_head
from .outlet import HIGH_WATER, LOW_WATER, Outlet
from .turn import BODY_HIGH_WATER, Turn

MAX_LEARNED = 8  # heads of one connection that are kept, one after the other, to be known again
MAX_PIPELINED = 16  # requests a client may send ahead of their answers
LINGER = 2.0  # seconds a refused client's bytes are still read and dropped, so that no reset destroys the answer (RFC 9112 §9.6)


class _RefusedError(Exception):
    """A head the rules refuse; carries the status out of the parser's callback."""


class Connection(asyncio.Protocol):
    """The protocol of one accepted connection; implements `turn.Wire` and the parser's callbacks."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._turns: deque[Turn] = deque()  # not yet answered, in order; the first is running
        self._head: RequestHead | None = None
        self._take: Callable[[Field], object] = _drop  # where the next field goes
        self._parsing: Turn | None = None  # whose body is arriving
        self._known: KnownHead | None = None
        self._learned = 0
        self._refusal = 0
        self._spurned: Whole | None = None  # the answer to the request whose body is arriving, which there is no room for
        self._quiet = 0  # bytes since the last head or piece of body was completed: framing, or a head still growing
        self._is_deaf = False
        self._is_paused = False
        self._outlet = Outlet()
        self._is_held = False  # nothing is read or begun until the client has taken enough of its answers
        self._is_broken = False  # the last answer can't be completed: what the client has not taken of it soon is not waited for
        self._clock = Clock.FRESH
        self._deadline = math.inf

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the header deadline runs from here."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._parser = httptools.HttpRequestParser(self)
        self._client = address(transport.get_extra_info("peername"))
        self._server = address(transport.get_extra_info("sockname"))
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._deadline = self._hub.loop.time() + self._hub.settings.header_deadline
        if not self._hub.enter(self):
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._lose()
        del self._parser  # it holds this object's methods
        self._hub.leave(self)

    def eof_received(self) -> bool | None:
        """Close: a client that will send no more is taken for gone, at once, though bytes to it may still be under way."""
        self._lose()
        return None

    def _lose(self) -> None:
        """Tell every turn not yet answered that its client has gone."""
        self._is_deaf = True
        self._parsing = None
        turns, self._turns = self._turns, deque()
        for turn in turns:
            turn.lose()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Take note that the write buffer is full."""
        self._outlet.is_full = True

    def resume_writing(self) -> None:
        """Let the waiting sender go on."""
        self._outlet.free()
        if self._is_held:
            self._is_held = False
            self.listen()
            self._go_on()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._is_deaf:
            return
        is_fresh = not self._turns and self._head is None and self._parsing is None
        if is_fresh and self._known is not None and (body := self._known.body_in(data)) is not None:
            self._start_known(self._known, body)
            return
        self._feed(data)
        if is_fresh and self._learned < MAX_LEARNED and len(self._turns) == 1 and not self._is_deaf:
            self._learn(data, self._turns[0])

    def _feed(self, data: bytes) -> None:
        """Let the parser read bytes."""
        self._quiet += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._decline_upgrade()
        except httptools.HttpParserError:
            self._refuse(self._refusal or 400)
        else:
            if self._spurned is not None:
                self._answer_spurned(self._parser.should_keep_alive(), is_whole=False)
            elif self._quiet > self._hub.settings.max_header and (self._head or self._parsing):
                self._refuse(431)
            elif not self._is_deaf:
                self._wind()

    def _start_known(self, known: KnownHead, body: bytes) -> None:
        """Start the turn of a whole request whose head was judged before, if there is room for it."""
        self._spurned = self._hub.spurned(known.method, known.target)
        if self._spurned is not None:
            self._answer_spurned(is_kept=True, is_whole=True)
            return
        turn = Turn(self, known.scope(len(body)), is_last=False, is_waiting_for_continue=False, known=known)
        turn.feed_whole(body)
        self._turns.append(turn)
        self._clock, self._deadline = Clock.NONE, math.inf
        self._hub.start(turn)

    def _learn(self, data: bytes, turn: Turn) -> None:
        """Keep the head of the first request in the data."""
        self._learned += 1
        if not turn.is_last and not turn.is_waiting_for_continue:
            self._known = known_head(data, turn.scope, self._hub.settings.max_header)

    def _wind(self) -> None:
        """Set the clock that the parser's state calls for; a clock already running is not wound again."""
        if self._head is None and self._parsing is None:
            if self._turns:
                self._clock, self._deadline = Clock.NONE, math.inf
            return
        clock, span = Clock.HEAD, self._hub.settings.header_deadline
        if self._parsing is not None:
            clock, span = Clock.BODY, self._hub.settings.body_deadline
        if self._clock is Clock.FRESH:
            self._clock = Clock.HEAD
        if self._clock is not clock:
            self._clock, self._deadline = clock, self._hub.loop.time() + span

    # the parser's callbacks

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head = head = RequestHead()
        self._take = head.fields.append

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        assert self._head is not None
        self._head.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; one after the body is a trailer and is dropped, for it could pass for a header (RFC 9110 §6.5.1)."""
        self._take((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Judge the head, and start its turn where nothing is before it."""
        head, self._head = self._head, None
        self._take = _drop
        assert head is not None
        version = self._parser.get_http_version()
        self._refusal = refusal(head, version, self._hub.settings.max_header)
        if self._refusal or len(self._turns) >= MAX_PIPELINED:
            raise _RefusedError
        self._quiet = 0
        method = self._parser.get_method().decode("ascii")
        if not self._turns:
            self._spurned = self._hub.spurned(method, head.target)
            if self._spurned is not None:
                return
        is_last = version == "1.0" or not self._parser.should_keep_alive()
        scope = scope_of(head, method, version) | {"scheme": self._scheme, "client": self._client, "server": self._server}
        turn = Turn(self, scope, is_last=is_last, is_waiting_for_continue=head.is_waiting_for_continue)
        self._parsing = turn
        self._turns.append(turn)
        if len(self._turns) == 1:
            self._hub.start(turn)

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body; the client is held back where the application does not read."""
        turn = self._parsing
        self._quiet = 0
        if turn is None:
            return
        turn.feed(body)
        if turn.buffered > BODY_HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the request; the next one may follow."""
        turn, self._parsing = self._parsing, None
        self._quiet = 0
        if turn is not None:
            turn.feed_end()
        elif self._spurned is not None:
            self._answer_spurned(self._parser.should_keep_alive(), is_whole=True)

    # no room

    def _answer_spurned(self, is_kept: bool, is_whole: bool) -> None:
        """Answer a request for which there is no room; whoever still sends its body is closed."""
        answer, self._spurned = self._spurned, None
        assert answer is not None
        is_last = not (is_kept and is_whole) or self._hub.is_draining
        self._transport.write(write_whole(answer.status, answer.headers, len(answer.body), self._hub.date, is_last) + answer.body)
        if is_last:
            self._linger()
            return
        self._clock, self._deadline = Clock.IDLE, 0.0
        if self._outlet.is_full:
            self._hold()
        elif not self._transport.is_closing() and self._hub.turn_deaf(self):
            self._transport.pause_reading()

    def listen(self) -> None:
        """Read again, after a while in which a client was not listened to."""
        if not (self._is_paused or self._is_held) and not self._transport.is_closing():
            self._transport.resume_reading()

    # what a turn asks (turn.Wire)

    @property
    def date(self) -> bytes:
        """Return the `date` line of now."""
        return self._hub.date

    @property
    def is_draining(self) -> bool:
        """Say whether every answer from now on ends its connection."""
        return self._hub.is_draining

    def write(self, data: bytes) -> None:
        """Hand bytes to the kernel or the write buffer."""
        self._transport.write(data)

    def room(self) -> asyncio.Future[None] | None:
        """Return None where the write buffer has room, else a future that ends when it has."""
        return self._outlet.wait(self._hub.loop) if self._outlet.is_full else None

    def resume(self) -> None:
        """Let the client send on."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def turn_begun(self) -> None:
        """Take note that the application is at work on a turn."""
        self._hub.turn_begun()

    def turn_answered(self, turn: Turn) -> None:
        """Go on to the next turn, wait for one, or end."""
        self._turns.popleft()
        if not turn.is_body_complete:
            self._linger()
        elif turn.is_last or self._hub.is_draining or (self._is_deaf and not self._turns):
            self._close()
        else:
            if self._outlet.is_full:
                self._hold()
            self._go_on()

    def _hold(self) -> None:
        """Read and begin nothing more for a client that has not taken its answers: it could ask on, and we would keep them."""
        self._is_held = True
        self._transport.pause_reading()

    def _go_on(self) -> None:
        """Start the next turn, or wait for one."""
        if self._turns:
            if not self._is_held:
                self._hub.start(self._turns[0])
        elif self._clock is Clock.NONE:
            self._clock, self._deadline = Clock.IDLE, 0.0  # the next check winds it

    def turn_broken(self, turn: Turn) -> None:
        """Cut the connection: the response cannot be completed, and the client must be able to tell."""
        turn.lose()
        self._is_broken = True
        self._close()

    def turn_over(self, turn: Turn) -> None:
        """Take note that the application is done with this request."""
        self._hub.turn_over(turn)

    # ends

    def _decline_upgrade(self) -> None:
        """Answer in HTTP/1.1, as RFC 9110 §7.8 allows, and take nothing more: what follows may be in the other protocol."""
        self._is_deaf = True
        self._clock, self._deadline = Clock.NONE, math.inf
        if self._turns:
            self._turns[-1].is_last = True
        else:  # there was no room for it: it has its answer
            self._linger()

    def _refuse(self, status: int) -> None:
        """Take nothing more; answer `status` where nothing else is being answered, and end."""
        self._is_deaf = True
        broken, self._parsing, self._head, self._spurned = self._parsing, None, None, None
        self._take = _drop
        self._clock, self._deadline = Clock.NONE, math.inf
        if broken is not None and broken is self._turns[0]:
            self._turns.popleft()
            has_begun = broken.has_begun
            broken.lose()
            if has_begun:
                self._close()
                return
        elif broken is not None:
            self._turns.remove(broken)
        if self._turns:
            return
        line, again = STATUS_LINES[status], b"retry-after: 1\r\n" if status == 503 else b""
        self._transport.write(b"%b%b%bcontent-length: 0\r\nconnection: close\r\n\r\n" % (line, self._hub.date, again))
        self._linger()

    def _linger(self) -> None:
        """Close our side, and drop what still comes for a while."""
        self._is_deaf = True
        self._parsing = None
        self._clock, self._deadline = Clock.CLOSING, self._hub.loop.time() + LINGER
        self.resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _close(self) -> None:
        """Close when what was written has gone out."""
        self._is_deaf = True
        self._clock, self._deadline = Clock.CLOSING, self._hub.loop.time() + LINGER
        self._transport.close()

    def abort(self) -> None:
        """Close now; what was not sent is lost."""
        self._transport.abort()

    # what the hub asks

    def check(self, now: float) -> bool:
        """Look at the clocks: to be called a few times a second. Says whether one of them was up."""
        unsent = self._transport.get_write_buffer_size()
        if self._outlet.is_stuck(unsent, now, self._hub.settings.stall_timeout):
            self.abort()
            return True
        if now + self._hub.tick <= self._deadline:
            return False
        if self._clock is Clock.IDLE and not self._deadline:
            self._deadline = now + self._hub.settings.idle_timeout
            return False
        self._expire(unsent)
        return True

    def _expire(self, unsent: int) -> None:
        if self._clock in (Clock.IDLE, Clock.FRESH):
            self._close()
        elif self._clock in (Clock.HEAD, Clock.BODY):
            self._refuse(408)
        elif not unsent or self._is_broken:
            self.abort()

    def drain(self) -> None:
        """End where nothing is going on; a connection just opened has a second to speak."""
        if self._clock is Clock.IDLE:
            self._close()
        elif self._clock is Clock.FRESH:
            self._deadline = min(self._deadline, self._hub.loop.time() + 1.0)


def _drop(field: Field) -> None:
    """Do nothing with a trailer."""

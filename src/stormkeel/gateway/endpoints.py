"""The billable endpoints: one function serves every dialect, because each dialect reads its request and writes its errors itself.

Never touches the order of things: body -> request -> engine -> answer. The engine's line is the only way to a provider (INV-7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from ..assemble import House, Setup
from ..config.keys import KeyRing
from ..dialects import values
from ..dialects.base import Codec, Dialect
from ..dialects.gemini import call_of
from ..engine.line import Answer
from ..engine.ports import ClientGone
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from .inbound import SMALL, Gone, Inbound, declared_length, read_body, refusal_by_head
from .reply import (
    ID_HEADERS,
    JSON,
    TEXT,
    RawHeaders,
    Receive,
    Scope,
    Send,
    StreamOutput,
    Teller,
    failed,
    ours,
    raw,
    send_whole,
    turn_of,
)
from .trace import trace_comment, trace_header
from .watch import Watch

if TYPE_CHECKING:
    from .doorman import Doorman

SHUTDOWN = Failure(FailureKind.CANCELLED, "the gateway is shutting down; ask again", 503, "server_shutdown", retry_after=1.0)


class Call:
    """One call of an endpoint: the client's connection, its headers, the name of its key, and the setup it lives in.

    Attributes:
        asked: what its address says of the request, None where the body says it all.
        met: what was made of the same head before, None where it is new.
        uploads: says where the rest of an upload is to go, None where that is nowhere with us.
        held: bytes of its body that are counted among those held; whoever made the call drops them.
    """

    __slots__ = (
        "asked", "doorman", "held", "inbound", "key", "met", "receive", "request_id", "scope", "send", "setup", "turn", "uploads",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, setup: Setup, doorman: Doorman) -> None:
        self.scope = scope
        self.asked: values.Call | None = None
        self.uploads: Callable[[str], str] | None = None
        self.turn = turn_of(scope)
        self.setup = setup
        memo = None if self.turn is None else self.turn.memo
        self.met = memo if type(memo) is Met else None
        self.inbound = Inbound(scope["headers"]) if self.met is None else self.met.inbound
        self.key = ""
        self.held = 0
        self.doorman = doorman
        self.receive = receive
        self.send = send
        self.request_id = setup.new_id()

    def at_hand(self) -> bytes | Failure | None:
        """Return the request's whole body, or why it is refused; None where it has not come yet."""
        here = None if self.turn is None else self.turn.take_body()
        if here is None:
            return None
        refusal = refusal_by_head(self.inbound, len(here), self.setup.settings.server.max_body)
        if refusal is None and len(here) > SMALL:
            refusal = self.hold(len(here))
        return refusal or here

    async def body(self) -> bytes | Failure:
        """Return the request's whole body, or why it is refused. Raises `Gone`."""
        here = self.at_hand()
        if here is not None:
            return here
        limit = self.setup.settings.server.max_body
        refusal = refusal_by_head(self.inbound, declared_length(self.scope["headers"]), limit)
        return refusal or await read_body(self.receive, limit, self.hold)

    def hold(self, size: int) -> Failure | None:
        """Hold so many more bytes of the body, or say that there is no room for them."""
        if not self.doorman.bounds.hold(size):
            return self.doorman.no_room("bodies")
        self.held += size
        return None

    async def reply(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Send a whole response, by the short way where there is one."""
        if self.turn is None:
            await send_whole(self.send, status, headers, body)
        else:
            self.turn.answer(status, headers, body)

    async def refuse(self, dialect: Teller, failure: Failure) -> None:
        """Answer with a failure of which no provider knows."""
        await self.reply(*failed(dialect, failure, self.request_id, False))


Endpoint = Callable[[Call], Awaitable[None]]


class Met(msgspec.Struct, frozen=True):
    """What was made of a head that a client sends again: it is sorted, routed and let in once for each set of keys.

    Attributes:
        inbound: its headers, sorted.
        endpoint: who serves it.
        keys: the keys by which it was let in; by others it is judged anew.
        key: the name of the caller's.
    """

    inbound: Inbound
    endpoint: Endpoint
    keys: KeyRing
    key: str


class Generate:
    """The endpoint of one codec's billable route, whatever it asks models for."""

    def __init__(self, dialect: Codec) -> None:
        self._dialect = dialect

    async def __call__(self, call: Call) -> None:
        """Serve one request."""
        body = call.at_hand()
        if body is None:
            try:
                body = await call.body()
            except Gone:
                return
        request = body if type(body) is Failure else self._read(call, body)  # type: ignore[arg-type]  # else bytes
        if type(request) is Failure:
            await call.refuse(self._dialect, request)
        else:
            await self._serve(call, request)  # type: ignore[arg-type]  # else a Request

    def _read(self, call: Call, body: bytes) -> Request | Failure:
        inbound = call.inbound
        return self._dialect.read_request(body, call.request_id, inbound.passed, inbound.options(call.key), call.asked)

    async def _serve(self, call: Call, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None
        output = self._output(call, request) if request.stream else None
        watch = Watch(call.scope, call.receive, task)
        try:
            if output is None:
                await call.reply(*await self._whole(call, request))
            else:
                await self._stream(call, request, output)
        except ClientGone:
            return
        except asyncio.CancelledError:
            if watch.left:
                task.uncancel()
                return
            await self._last_words(call, output)
            raise
        finally:
            watch.end()

    async def _whole(self, call: Call, request: Request) -> tuple[int, RawHeaders, bytes]:
        """Return the whole answer: status, headers, body."""
        return self._told(call, await call.setup.answer(request))

    def _output(self, call: Call, request: Request) -> StreamOutput:
        return StreamOutput(call.send, ours(request.id, call.setup.stands_for(request.model)))

    async def _stream(self, call: Call, request: Request, output: StreamOutput) -> None:
        answer = await call.setup.answer(request, output)
        if not answer.began:
            await call.reply(*self._told(call, answer))
            return
        if answer.failure is None and output.is_torn and call.turn is None:
            return  # the last frames may be lost: what nobody ends another server cuts, and the client can tell (INV-9)
        if answer.failure is not None and answer.failure.kind is FailureKind.CANCELLED:
            if call.turn is not None:  # it takes nothing: what is written to it now would keep its connection for as long again
                call.turn.cut()
            return
        streams = self._dialect.streams
        assert streams is not None, "only a service with streams is asked for one"
        last = b"" if answer.failure is None else streams.write_error_frame(answer.failure, request.id)
        is_told = call.inbound.wants_trace and streams.takes_comments
        await output.end(last + trace_comment(answer.story) if is_told else last)

    async def _last_words(self, call: Call, output: StreamOutput | None) -> None:
        """The server cancels us because its grace is over: the client is told so, in its dialect."""
        try:
            streams = self._dialect.streams
            if output is not None and output.began and streams is not None:
                await output.end(streams.write_error_frame(SHUTDOWN, call.request_id))
            else:
                await call.refuse(self._dialect, SHUTDOWN)
        except ClientGone:
            return

    def _told(self, call: Call, answer: Answer) -> tuple[int, RawHeaders, bytes]:
        """Return what tells the client of a whole answer, or of a failure before any content: status, headers, body."""
        response, member, story = answer.response, answer.member, answer.story
        trace = [trace_header(story)] if call.inbound.wants_trace else []
        if answer.failure is None and response is not None and member is not None:
            model = story.request.model
            known = ours(call.request_id, "" if story.route == model else call.setup.stands_for(model))
            headers: RawHeaders = [JSON, *known, *raw(answer.headers), *trace]
            if self._dialect.name not in member.spoken and self._dialect.name in ID_HEADERS:
                headers.append((ID_HEADERS[self._dialect.name], call.request_id.encode()))  # the provider has no such header
            return response.status, headers, response.body
        assert answer.failure is not None
        asked = any(attempt.sent for attempt in story.attempts)
        status, fields, body = failed(self._dialect, answer.failure, call.request_id, asked)
        return status, [*fields, *trace], body


class GenerateAt:
    """The endpoints of the dialect whose addresses say which model is asked, and what of it: the method behind the colon."""

    def __init__(self, base: str, methods: Mapping[str, Endpoint], dialect: Teller, otherwise: Endpoint | None = None) -> None:
        """Take the beginning of the path up to the API's version, what serves each method and all others, how errors are told."""
        self._base = base
        self._otherwise = otherwise
        self._methods = methods
        self._dialect = dialect

    async def __call__(self, call: Call) -> None:
        """Let whoever serves the method serve the request."""
        asked = call_of(call.scope["path"].removeprefix(self._base))
        endpoint = None if asked is None else self._methods.get(asked.method)
        if asked is None or endpoint is None:
            await (self._refuse if self._otherwise is None else self._otherwise)(call)
        elif asked.stream and b"alt=sse" not in call.scope.get("query_string", b""):
            await call.refuse(self._dialect, NO_ARRAY)
        else:
            call.asked = asked
            await endpoint(call)

    async def _refuse(self, call: Call) -> None:
        served = ", ".join(f"models/{{model}}:{method}" for method in self._methods)
        message = f"{call.scope['path'][:200]} asks for nothing that is served; served are {served}"
        await call.refuse(self._dialect, Failure(FailureKind.CALLER, message, 404, "not_found"))


NO_ARRAY = Failure(FailureKind.CALLER, "a stream is served as server-sent events only: add ?alt=sse to the address", 400)


class Models:
    """`GET /v1/models`, all or one, in the shape of whoever asks (docs/wire.md, Two dialects at one address)."""

    async def one(self, call: Call, dialect: Dialect) -> None:
        """Show the model that the path ends in; its name may have slashes."""
        card = call.setup.model(call.scope["path"].partition("/models/")[2])
        if isinstance(card, Failure):
            await call.refuse(dialect, card)
            return
        await send_whole(call.send, 200, [JSON, (b"x-request-id", call.request_id.encode())], dialect.write_model(card))

    async def __call__(self, call: Call, dialect: Dialect) -> None:
        """List the routes and models that can be asked for."""
        told = dialect.write_models(call.setup.models())
        await send_whole(call.send, 200, [JSON, (b"x-request-id", call.request_id.encode())], told)


class Metrics:
    """`GET /metrics`, in Prometheus' text format."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, call: Call) -> None:
        """Show the counts."""
        await send_whole(call.send, 200, [TEXT], self._house.metrics.text())

"""A provider's other paths, for callers with a key: files, sound, pictures, batches, whatever is not served here.

Never chooses a host: that is the provider's base URL. Never passes a path of the gateway's own, nor one at which a model is asked
(`providers.passage`). Body and answer stay as they are; the engine's line for them is `engine.raw`.

    address -> provider that lets paths pass -> passage, or why not -> body -> engine -> answer as it comes, or cut off
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from ..assemble import Setup
from ..config.settings import ProviderSettings
from ..engine.ports import ClientGone
from ..engine.raw import Errand, Passed
from ..providers.passage import ALLOWED, UPLOAD_URL, UPLOADS, Passage, read_passage, upload_path
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from ..types.wire import Headers
from .endpoints import SHUTDOWN, Call
from .inbound import Gone, Incoming, declared_length, refusal_by_head
from .reply import Output, RawHeaders, Scope, Send, Teller, failed, ours, raw
from .ticket import Tickets
from .watch import Watch

RAW = "/raw/"
"""Behind it stand a provider's name and a path of it."""
DIALECT = "raw"
"""What stands in ledger, log and metrics in place of a dialect."""


class Passing:
    """The endpoint of one beginning of addresses.

    Args:
        prefix: the beginning.
        dialects: what the provider speaks first.
        teller: tells failures.
        path: what is put before a path under the provider's base URL.
        version: takes the place of the base URL's own.
        tickets: writes leave to send the rest of an upload.
    """

    def __init__(
        self, prefix: str, dialects: tuple[str, ...], teller: Teller, *, path: str = "", version: str = "",
        tickets: Tickets | None = None,
    ) -> None:  # fmt: skip
        self._tickets = tickets
        self._prefix = prefix
        self._dialects = dialects
        self._teller = teller
        self._path = path
        self._version = version
    async def __call__(self, call: Call) -> None:
        """Pass one request through."""
        rest = _rest(call.scope, self._prefix)
        provider = _first(call.setup, self._dialects)
        if not provider:
            await call.refuse(self._teller, _closed(call.scope, f"no provider of {self._dialects[0]} passes other paths through"))
            return
        passage = read_passage(call.scope["method"], self._path + rest, call.scope.get("query_string", b""), _headers(call))
        if isinstance(passage, Passage) and self._version:
            passage = Passage(passage.method, passage.path, passage.query, passage.headers, self._version)
        if self._tickets is not None and UPLOADS in self._prefix:
            call.uploads = partial(_rest_at, call, self._prefix[: self._prefix.find(UPLOADS)], self._tickets)
        await pass_on(call, self._teller, provider, passage)


class PassingNamed:
    """The endpoint of `/raw/{provider}/...`.

    Args:
        teller: tells failures where there is no such provider.
    """

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    async def __call__(self, call: Call) -> None:
        """Pass one request through."""
        name, _, rest = _rest(call.scope, RAW).partition("/")
        given = call.setup.settings.providers.get(name)
        if given is None or not given.passthrough:
            await call.refuse(self._teller, _closed(call.scope, f'there is no provider "{name[:64]}" that passes paths through'))
            return
        teller = call.setup.dialect(next(iter(given.dialects)))
        passage = read_passage(call.scope["method"], rest, call.scope.get("query_string", b""), _headers(call))
        await pass_on(call, teller, name, passage)


class Kept:
    """The endpoint of answers that a provider has kept: asked of the account that made them.

    Args:
        prefix: the beginning of its addresses, up to the answer's id.
        path: the same under the provider's base URL.
        dialects: what a provider speaks first that is asked where nobody knows who made an answer.
        teller: tells failures.
    """

    def __init__(self, prefix: str, path: str, dialects: tuple[str, ...], teller: Teller) -> None:
        self._prefix = prefix
        self._path = path
        self._dialects = dialects
        self._teller = teller

    async def __call__(self, call: Call) -> None:
        """Pass one request through."""
        rest, method = _rest(call.scope, self._prefix), call.scope["method"]
        id, _, act = rest.partition("/")
        if act not in KEPT_ACTS.get(method, ()):
            await call.refuse(self._teller, UNSERVED)
            return
        provider, credential = self._maker(call, id)
        given = call.setup.settings.providers.get(provider)
        if given is None or not given.passthrough:
            await call.refuse(self._teller, _kept_away(id, provider))
            return
        passage = read_passage(method, self._path + rest, call.scope.get("query_string", b""), _headers(call))
        await pass_on(call, self._teller, provider, passage, credential)

    def _maker(self, call: Call, id: str) -> tuple[str, str | None]:
        """Return whose account an answer lies with; where nobody knows, the first provider that lets its paths pass."""
        return call.setup.world.makers.of(id) or (_first(call.setup, self._dialects), None)


KEPT_ACTS = {"GET": ("", "input_items"), "DELETE": ("",), "POST": ("cancel",)}
"""What may be asked of a kept answer, behind its id, by method."""
UNSERVED = Failure(
    FailureKind.CALLER,
    "this is not served of a kept answer; served are GET and DELETE of responses/{id}, GET {id}/input_items and POST {id}/cancel",
    404,
    "not_found",
)


async def pass_on(call: Call, teller: Teller, provider: str, passage: Passage | Failure, credential: str | None = None) -> None:
    """Pass one request through to a provider, with the first credential in service or a named one."""
    if isinstance(passage, Failure):
        await call.refuse(teller, passage)
        return
    try:
        body = await _body(call)
    except Gone:
        return
    if isinstance(body, Failure):
        await call.refuse(teller, body)
        return
    here, upload = (body, None) if isinstance(body, bytes) else (b"", body)
    request = Request(call.request_id, DIALECT, passage.name, here, options=call.inbound.options(call.key))
    await _serve(call, teller, Errand(request, passage, provider, credential, upload))


async def _body(call: Call) -> bytes | Incoming | Failure:
    """Return a request's body: what is here whole, else what is still coming; under another server than ours always whole."""
    if call.turn is None:
        return await call.body()
    limit = call.setup.settings.server.max_body
    here = call.turn.take_body()
    length = declared_length(call.scope["headers"]) if here is None else len(here)
    refusal = refusal_by_head(call.inbound, length, limit)
    if refusal is not None:
        return refusal
    return Incoming(call.receive, length, limit) if here is None else here


async def _serve(call: Call, teller: Teller, errand: Errand) -> None:
    task = asyncio.current_task()
    assert task is not None
    output = RawAnswer(call.send, ours(call.request_id, ""), call.uploads)
    watch = Watch(call.scope, call.receive, task)
    try:
        done = await call.setup.pass_through(errand, output)
    except asyncio.CancelledError:
        if watch.left:
            task.uncancel()
            return
        await _end(call, teller, Passed(SHUTDOWN, output.began, False, is_ours=True))
        raise
    finally:
        watch.end()
    await _end(call, teller, done)


async def _end(call: Call, teller: Teller, done: Passed) -> None:
    """Tell a failure where nothing was sent yet; break off what can't be completed."""
    if done.ended:
        return
    if done.began:
        if call.turn is not None:
            call.turn.cut()
        return
    assert done.failure is not None
    try:
        await call.reply(*failed(teller, done.failure, call.request_id, not done.is_ours))
    except ClientGone:
        return


class RawAnswer(Output):
    """An answer's way to one client (`engine.raw.RawOutput`); `rest_at` says where the rest of an upload is to go."""

    __slots__ = ("_rest_at",)

    def __init__(self, send: Send, known: RawHeaders, rest_at: Callable[[str], str] | None = None) -> None:
        super().__init__(send, known)
        self._rest_at = rest_at

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        shown = [field for field in headers if field[0] != UPLOAD_URL]
        rest = next((value for name, value in headers if name == UPLOAD_URL), "")
        if rest and self._rest_at is not None and (address := self._rest_at(rest)):
            shown.append((UPLOAD_URL, address))
        await self._begin(status, [*self._ours, *raw(tuple(shown))])


def opened(providers: dict[str, ProviderSettings], dialects: tuple[str, ...]) -> str:
    """Return the first provider that speaks one of these dialects first and lets its other paths pass, "" where none does."""
    return next((name for name, one in providers.items() if one.passthrough and next(iter(one.dialects), "") in dialects), "")


def _first(setup: Setup, dialects: tuple[str, ...]) -> str:
    return opened(setup.settings.providers, dialects)


def _rest(scope: Scope, prefix: str) -> str:
    """Return what stands behind the prefix, undecoded; a prefix that is spelt in another way is none."""
    path = scope.get("raw_path")
    told = path.decode("latin-1").partition("?")[0] if path else quote(scope["path"])
    return told[len(prefix) :] if told.startswith(prefix) else ""


def address_of(scope: Scope) -> str:
    """Return the path and the query that were asked for, as they came."""
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    target: bytes = path + b"?" + scope.get("query_string", b"")
    return target.decode("latin-1")


def _rest_at(call: Call, prefix: str, tickets: Tickets, url: str) -> str:
    """Return where a client is to send the rest of its upload, "" where that can't be said: an address of ours, with its ticket.

    The host is that by which the client has found us, told to nobody but itself.
    """
    path = upload_path(url, prefix)
    if not path:
        return ""
    scope = call.scope
    fields = dict(scope["headers"])
    forwarded = fields.get(b"x-forwarded-proto", b"").decode("latin-1")
    scheme = forwarded if forwarded in ("http", "https") else scope.get("scheme", "http")
    host = fields.get(b"host", b"").decode("latin-1")
    return f"{scheme}://{host}{tickets.write(call.key, path) if call.key else path}"


def _headers(call: Call) -> Headers:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.scope["headers"]]
    return (*call.inbound.passed, *(field for field in fields if field[0] in ALLOWED))


def _kept_away(id: str, provider: str) -> Failure:
    if provider:
        message = f'"{id[:100]}" is kept at provider "{provider}", whose other paths are closed: set `passthrough = true` there'
    else:
        message = f'nothing is kept here, and no provider passes its other paths through to look for "{id[:100]}"'
        message += "; `passthrough = true` of a provider opens its own"
    return Failure(FailureKind.CALLER, message, 404, "not_found")


def _closed(scope: Scope, why: str) -> Failure:
    what = f"there is no {scope['method']} {scope['path'][:200]}"
    message = f"{what}: it is not served here, and {why}; `passthrough = true` of a provider opens its own"
    return Failure(FailureKind.CALLER, message, 404, "not_found")

"""The gateway as one ASGI app: a table of routes with who may call them, and nothing in front of it.

Never decides by a path test: a route's row says who may call it, and what is not in the table does not exist (INV-18).
Only the path and the headers that arrived are believed; `Host` is never looked at, but to tell a client where the rest of its own
upload goes.

    scope -> row of the table -> key, as the row's access says -> endpoint
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

import msgspec

from .._version import __version__
from ..assemble import COUNTING, House
from ..config.keys import KeyRing
from ..dialects.base import Dialect
from ..dialects.gemini import COUNT, EMBED, EMBED_MANY, STREAM, WHOLE
from ..types.failure import Failure, FailureKind
from .admin import PLAIN, Admin
from .counting import Count
from .door import Access, Door
from .doorman import Doorman
from .endpoints import Call, Endpoint, Generate, GenerateAt, Met, Metrics, Models
from .health import door_of, health_of, is_ready
from .inbound import Inbound
from .passing import RAW, Kept, Passing, PassingNamed, address_of
from .probing import Probes
from .reply import JSON, TEXT, RawHeaders, Receive, Scope, Send, Teller, failed, send_whole
from .routes import ANY, ID, Row, Table
from .ticket import Tickets

K = FailureKind
PUBLIC, KEY, ADMIN = Access.PUBLIC, Access.KEY, Access.ADMIN
PREFIXES = ("/openai", "/anthropic", "/gemini")
"""Addresses of one dialect each, for base URLs."""


ASKED = (
    ("openai_chat", "openai", "/chat/completions"),
    ("openai_responses", "openai", "/responses"),
    ("anthropic_messages", "anthropic", "/messages"),
    ("openai_embeddings", "openai", "/embeddings"),
)
"""Where models are asked: the wire format, the prefix of its own, the path behind the version."""
METHODS = {WHOLE: "gemini", STREAM: "gemini", EMBED: "gemini_embedding", EMBED_MANY: "gemini_embeddings"}
"""The wire format of each method behind the colon of a Gemini address."""
COUNTED = (
    ("openai_responses", "openai", "/responses/input_tokens"),
    ("anthropic_messages", "anthropic", "/messages/count_tokens"),
)
"""Where tokens are counted, likewise."""
OF_OPENAI = ("openai_chat", "openai_responses")
GEMINI = tuple(f"{prefix}{version}" for prefix in ("", "/gemini") for version in ("/v1beta", "/v1"))


class Gateway:
    """The ASGI app of one house.

    Attributes:
        table: every route.
        probes: what active probes found; whoever serves the gateway lets them run.
        doorman: turns requests away while there is no room for them.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.probes = Probes(house)
        self._door = Door(house.keys)
        self._chat = house.dialect("openai_chat")
        self._messages = house.dialect("anthropic_messages")
        self._gemini = house.dialect("gemini")
        self._responses = house.dialect("openai_responses")
        self._tickets = Tickets()
        self.table = self._table()
        self.doorman = Doorman(house.settings.server.admission, self.table, self._chat, house.new_id, house.parts.rng)
        house.followers.append(self.doorman)
        house.metrics.doorman = self.doorman

    def _table(self) -> Table:
        table, admin, chat = Table(), Admin(self.house, self.probes), self._chat
        table.add(self._asking())
        table.add(self._models())
        table.add({
            "/metrics": Row("GET", KEY, Metrics(self.house), chat, True),
            "/health": Row("GET", PUBLIC, self._health, chat, True),
            "/health/live": Row("GET", PUBLIC, self._live, chat, True),
            "/health/ready": Row("GET", PUBLIC, self._ready, chat, True),
            "/admin/fleet": Row("GET", ADMIN, admin.fleet, PLAIN, True),
        })
        table.add(self._passing())
        table.add({f"{prefix}/admin/explain": Row("POST", ADMIN, admin.explain, PLAIN, True) for prefix in ("", *PREFIXES)})
        return table

    def _asking(self) -> dict[str, Row]:
        """Return the routes that ask models."""
        rows = {}
        for name, prefix, path in ASKED:
            dialect = self.house.codec(name)
            rows[f"/v1{path}"] = rows[f"/{prefix}/v1{path}"] = Row("POST", KEY, Generate(dialect), dialect)
        for name, prefix, path in COUNTED:
            counted = self.house.dialect(name)
            rows[f"/v1{path}"] = rows[f"/{prefix}/v1{path}"] = Row("POST", KEY, Count(counted, COUNTING[name]), counted)
        methods: dict[str, Endpoint] = {method: Generate(self.house.codec(name)) for method, name in METHODS.items()}
        methods[COUNT] = Count(self._gemini, COUNTING["gemini"])
        for base in GEMINI:
            others = self._gemini_paths(base) if base.startswith("/gemini") else None
            rows[f"{base}/models/{ID}"] = Row("POST", KEY, GenerateAt(base, methods, self._gemini, others), self._gemini)
        return rows

    def _models(self) -> dict[str, Row]:
        """Return the routes that list models: at the address that all dialects share in the shape of whoever asks."""
        models, rows = Models(), dict[str, Row]()
        shapes = dict.fromkeys(GEMINI, self._gemini) | {"/openai/v1": self._chat, "/anthropic/v1": self._messages}
        for base in (*shapes, "/v1"):
            shape = None if base == "/v1" else shapes[base]
            rows[f"{base}/models"] = Row("GET", KEY, partial(self._listed, models, shape), shape or self._chat)
            rows[f"{base}/models/{ID}"] = Row("GET", KEY, partial(self._listed, models.one, shape), shape or self._chat)
        return rows

    def _passing(self) -> dict[str, Row]:
        """Return the routes to whatever else a provider has; last, for they are open to any path."""
        chat, messages, gemini = self._chat, self._messages, self._gemini
        found: dict[str, tuple[Kept | Passing | PassingNamed, Teller]] = {}
        for base in ("/v1/responses/", "/openai/v1/responses/"):
            found[base] = Kept(base, "responses/", OF_OPENAI, self._responses), self._responses
        found |= {
            "/openai/v1/": (Passing("/openai/v1/", OF_OPENAI, chat), chat),
            "/anthropic/v1/": (Passing("/anthropic/v1/", (messages.name,), messages, path="v1/"), messages),
            RAW: (PassingNamed(chat), chat),
        }
        for version in ("v1beta", "v1"):
            found[f"/gemini/{version}/"] = self._gemini_paths(f"/gemini/{version}"), gemini
        rows = {f"{base}{ID}": Row(ANY, KEY, endpoint, teller) for base, (endpoint, teller) in found.items()}
        for base in ("/gemini/upload/v1beta", "/gemini/upload/v1"):
            rows[f"{base}/{ID}"] = Row(ANY, Access.UPLOAD, self._gemini_paths(base), gemini)
        return rows

    def _gemini_paths(self, base: str) -> Passing:
        """Return the endpoint of Google's other paths at one version, which stands in place of that in the base URL."""
        version = base.removeprefix("/gemini/")
        return Passing(f"{base}/", (self._gemini.name,), self._gemini, version=version, tickets=self._tickets)

    async def _listed(self, endpoint: Callable[[Call, Dialect], Awaitable[None]], shape: Dialect | None, call: Call) -> None:
        await endpoint(call, shape or self._asked(call.inbound))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        call = Call(scope, receive, send, self.house.setup, self.doorman)
        met = call.met
        try:
            if met is not None and met.keys is call.setup.keys:
                call.key = met.key
                await met.endpoint(call)
            else:
                await self._meet(call, scope)
        finally:
            if call.held:
                self.doorman.bounds.drop(call.held)

    async def _meet(self, call: Call, scope: Scope) -> None:
        """Find who serves a call, see whether its caller may come in, and let it be served."""
        inbound = call.inbound
        row = self.table.find(scope["method"], scope["path"])
        if row is None:
            await call.refuse(self._dialect_of(scope["path"], inbound), _unknown(scope["method"], scope["path"], self.table))
        elif not row.serves(scope["method"]):
            await self._wrong_method(call, row, scope["method"])
        elif row.access is PUBLIC:
            await row.endpoint(call)
        else:
            caller = self._caller(call, row)
            if isinstance(caller, Failure):
                await call.refuse(row.dialect, caller)
                return
            call.key = caller
            if call.turn is not None and row.access is not Access.UPLOAD:  # a ticket runs out
                call.turn.remember(Met(inbound, row.endpoint, call.setup.keys, caller))
            await row.endpoint(call)

    def _caller(self, call: Call, row: Row) -> str | Failure:
        """Return the name of the caller's key, or why they may not come in."""
        scope, inbound, keys = call.scope, call.inbound, call.setup.keys
        api_key = inbound.api_key or (_key_in(scope) if row.dialect is self._gemini else "")
        caller = self.door_of(keys).check(api_key, inbound.bearer, row.access)
        if not isinstance(caller, Failure):
            return caller.name
        owner = self._tickets.owner(keys, address_of(scope)) if row.access is Access.UPLOAD else None
        return caller if owner is None else owner

    def door_of(self, keys: KeyRing) -> Door:
        """Return the door that opens to these keys; a key taken out is refused from the swap on."""
        if self._door.keys is not keys:
            self._door = Door(keys)
        return self._door

    def _asked(self, inbound: Inbound) -> Dialect:
        """Return the dialect of who asks at an address of all (docs/wire.md, Two dialects at one address)."""
        if inbound.is_anthropic:
            return self._messages
        return self._gemini if inbound.is_gemini else self._chat

    def _dialect_of(self, path: str, inbound: Inbound) -> Teller:
        """Return how an unknown path's error is told."""
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        if first == "admin":
            return PLAIN
        told = {"openai": self._chat, "anthropic": self._messages, "gemini": self._gemini, "v1beta": self._gemini}
        return told.get(first) or self._asked(inbound)

    async def _wrong_method(self, call: Call, row: Row, method: str) -> None:
        failure = Failure(K.CALLER, f"{method} is not served here: use {row.method}", 405, "method_not_allowed")
        status, headers, body = failed(row.dialect, failure, call.request_id, False)
        headers.append((b"allow", row.method.encode()))
        await send_whole(call.send, status, headers, body)

    async def _health(self, call: Call) -> None:
        inbound = call.inbound
        may_know = not isinstance(self.door_of(call.setup.keys).check(inbound.api_key, inbound.bearer), Failure)
        health = health_of(self.house, self.probes.states(), __version__, door_of(self.doorman) if may_know else None)
        await send_whole(call.send, 200 if health.status != "unhealthy" else 503, [JSON], msgspec.json.encode(health))

    async def _live(self, call: Call) -> None:
        await send_whole(call.send, 200, [TEXT], b"alive\n")

    async def _ready(self, call: Call) -> None:
        ready = is_ready(self.house) and not self.house.draining
        headers: RawHeaders = [TEXT]
        await send_whole(call.send, 200 if ready else 503, headers, b"ready\n" if ready else b"not ready\n")


def _key_in(scope: Scope) -> str:
    """Return the key that stands in an address, as Google's own takes it; "" where none does."""
    query = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get("key", [""])[-1] if b"key=" in query else ""


async def _decline(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is no HTTP request: the lifespan's two steps; anything else is closed."""
    if scope["type"] == "lifespan":
        while True:
            step = (await receive())["type"]
            await send({"type": f"{step}.complete"})
            if step == "lifespan.shutdown":
                return
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})


def _unknown(method: str, path: str, table: Table) -> Failure:
    served = ", ".join(f"{row.method} {known}" for known, row in table if not known.startswith(PREFIXES))
    return Failure(K.CALLER, f"there is no {method} {path[:200]}; served are: {served}", 404, "not_found")

"""The gateway as one ASGI app: a table of routes with who may call them, and nothing in front of it.

Never decides by a path test: a route's row says who may call it, and what is not in the table does not exist (INV-18).
Only the path and the headers that arrived are believed; `Host` is never looked at.

    scope -> row of the table -> key, as the row's access says -> endpoint
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from .._version import __version__
from ..assemble import House
from ..config.keys import KeyRing
from ..dialects.base import Dialect
from ..types.failure import Failure, FailureKind
from .admin import PLAIN, Admin
from .door import Access, Door
from .endpoints import Call, Generate, Metrics, Models
from .health import health_of, is_ready
from .inbound import Inbound
from .probing import Probes
from .reply import JSON, TEXT, RawHeaders, Receive, Scope, Send, Teller, failed, send_whole

K = FailureKind
PUBLIC, KEY, ADMIN = Access.PUBLIC, Access.KEY, Access.ADMIN
ID = "{id}"
"""The end of a path in the table that stands for any id."""
Endpoint = Callable[[Call], Awaitable[None]]


class Row(msgspec.Struct, frozen=True):
    """One route. There is none without an access.

    Attributes:
        method: GET or POST.
        access: who may call it.
        endpoint: what serves it.
        dialect: how its errors are told.
    """

    method: str
    access: Access
    endpoint: Endpoint
    dialect: Teller


class Gateway:
    """The ASGI app of one house.

    Attributes:
        table: every route, by its path.
        probes: what active probes found; whoever serves the gateway lets them run.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.probes = Probes(house)
        self._door = Door(house.keys)
        self._chat = house.dialect("openai_chat")
        self._messages = house.dialect("anthropic_messages")
        self.table = self._rows()

    def _rows(self) -> dict[str, Row]:
        chat, messages = self._chat, self._messages
        ask_chat = Row("POST", KEY, Generate(chat), chat)
        ask_messages = Row("POST", KEY, Generate(messages), messages)
        models, admin = Models(), Admin(self.house, self.probes)
        return {
            "/v1/chat/completions": ask_chat,
            "/openai/v1/chat/completions": ask_chat,
            "/v1/messages": ask_messages,
            "/anthropic/v1/messages": ask_messages,
            "/v1/models": Row("GET", KEY, lambda call: models(call, self._asked(call)), chat),
            "/openai/v1/models": Row("GET", KEY, lambda call: models(call, chat), chat),
            "/anthropic/v1/models": Row("GET", KEY, lambda call: models(call, messages), messages),
            "/v1/models/{id}": Row("GET", KEY, lambda call: models.one(call, self._asked(call)), chat),
            "/openai/v1/models/{id}": Row("GET", KEY, lambda call: models.one(call, chat), chat),
            "/anthropic/v1/models/{id}": Row("GET", KEY, lambda call: models.one(call, messages), messages),
            "/metrics": Row("GET", KEY, Metrics(self.house), chat),
            "/health": Row("GET", PUBLIC, self._health, chat),
            "/health/live": Row("GET", PUBLIC, self._live, chat),
            "/health/ready": Row("GET", PUBLIC, self._ready, chat),
            "/admin/fleet": Row("GET", ADMIN, admin.fleet, PLAIN),
            "/admin/explain": Row("POST", ADMIN, admin.explain, PLAIN),
            "/openai/admin/explain": Row("POST", ADMIN, admin.explain, PLAIN),
            "/anthropic/admin/explain": Row("POST", ADMIN, admin.explain, PLAIN),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            await _decline(scope, receive, send)
            return
        call = Call(scope, receive, send, self.house.setup)
        inbound = call.inbound
        row = self.table.get(scope["path"]) or self._open_row(scope["path"])
        if row is None:
            await call.refuse(self._dialect_of(scope["path"], inbound), _unknown(scope["method"], scope["path"], self.table))
        elif row.method != scope["method"]:
            await self._wrong_method(call, row, scope["method"])
        elif row.access is PUBLIC:
            await row.endpoint(call)
        else:
            caller = self.door_of(call.setup.keys).check(inbound.api_key, inbound.bearer, row.access)
            if isinstance(caller, Failure):
                await call.refuse(row.dialect, caller)
                return
            call.key = caller.name
            await row.endpoint(call)

    def door_of(self, keys: KeyRing) -> Door:
        """Return the door that opens to these keys; a key taken out is refused from the swap on."""
        if self._door.keys is not keys:
            self._door = Door(keys)
        return self._door

    def _open_row(self, path: str) -> Row | None:
        """Return the row whose path goes on with any id, slashes included. An id has a character, and no steps back."""
        if ".." in path.split("/"):
            return None
        for known, row in self.table.items():
            if known.endswith(ID) and path.startswith(known[: -len(ID)]) and len(path) > len(known) - len(ID):
                return row
        return None

    def _asked(self, call: Call) -> Dialect:
        """Return the dialect of who asks at an address of both (docs/wire.md, Two dialects at one address)."""
        return self._messages if call.inbound.is_anthropic else self._chat

    def _dialect_of(self, path: str, inbound: Inbound) -> Teller:
        if path.startswith("/admin/"):
            return PLAIN
        return self._messages if path.startswith("/anthropic/") or inbound.is_anthropic else self._chat

    async def _wrong_method(self, call: Call, row: Row, method: str) -> None:
        failure = Failure(K.CALLER, f"{method} is not served here: use {row.method}", 405, "method_not_allowed")
        status, headers, body = failed(row.dialect, failure, call.request_id, False)
        headers.append((b"allow", row.method.encode()))
        await send_whole(call.send, status, headers, body)

    async def _health(self, call: Call) -> None:
        inbound = call.inbound
        may_know = not isinstance(self.door_of(call.setup.keys).check(inbound.api_key, inbound.bearer), Failure)
        health = health_of(self.house, self.probes.states(), __version__, may_know)
        await send_whole(call.send, 200 if health.status != "unhealthy" else 503, [JSON], msgspec.json.encode(health))

    async def _live(self, call: Call) -> None:
        await send_whole(call.send, 200, [TEXT], b"alive\n")

    async def _ready(self, call: Call) -> None:
        ready = is_ready(self.house) and not self.house.draining
        headers: RawHeaders = [TEXT]
        await send_whole(call.send, 200 if ready else 503, headers, b"ready\n" if ready else b"not ready\n")


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


def _unknown(method: str, path: str, table: dict[str, Row]) -> Failure:
    served = ", ".join(f"{row.method} {known}" for known, row in table.items() if known.count("/") < 5)
    return Failure(K.CALLER, f"there is no {method} {path[:200]}; served are: {served}", 404, "not_found")

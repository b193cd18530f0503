"""What operators ask the gateway, beside health and metrics: `/admin/...`, in JSON of no dialect.

Never asks a provider, never moves any state, and never shows a secret: credentials appear by their names.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec

from .._version import __version__
from ..assemble import CODECS, House
from ..dialects import values as wire
from ..engine.standing import Picture, picture
from ..errors import STATUS
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from .endpoints import Call
from .inbound import Gone
from .probing import Probes, ProbeState
from .reply import JSON, NO_STORE, send_whole

K = FailureKind


class Plain:
    """How an admin is told of a failure: `{"error": {"type", "message"}}`."""

    name = "plain"

    def write_error(self, failure: Failure, _request_id: str) -> tuple[int, bytes]:
        """Return status and body."""
        error = {"type": failure.code or failure.kind.value, "message": failure.message}
        return failure.status or STATUS[failure.kind], msgspec.json.encode({"error": error})


PLAIN = Plain()


class FleetAnswer(msgspec.Struct, frozen=True):
    """What `GET /admin/fleet` says.

    Attributes:
        version: Stormkeel's own.
        config: the version of the configuration it serves by.
        fleet: how everything stands.
        probes: what the latest active probes found; empty where they are off.
    """

    version: str
    config: str
    fleet: Picture
    probes: list[ProbeState]


class Admin:
    """The endpoints of `/admin`. Each call lives in the setup it began in, as every request does (INV-30)."""

    def __init__(self, house: House, probes: Probes) -> None:
        self._house = house
        self._probes = probes

    async def fleet(self, call: Call) -> None:
        """Show how every deployment stands."""
        world = call.setup.world
        shown = picture(world, world.ports.clock.now())
        fleet = msgspec.structs.replace(shown, active_requests=self._house.active)  # those of older configurations too
        await tell(call, FleetAnswer(__version__, call.setup.version, fleet, self._probes.states()))

    async def explain(self, call: Call) -> None:
        """Say what would happen to the request in the body, were it sent with these headers."""
        dialect = _dialect_of(call)
        if isinstance(dialect, Failure):
            await call.refuse(PLAIN, dialect)
            return
        try:
            read: bytes | Request | Failure = await call.body()
        except Gone:
            return
        if isinstance(read, bytes):
            options = call.inbound.options(call.key)
            read = call.setup.codec(dialect).read_request(
                read, call.request_id, call.inbound.passed, options, _called(call)
            )
        if isinstance(read, Failure):
            await call.refuse(PLAIN, read)
            return
        await tell(call, call.setup.explain(read))


def _dialect_of(call: Call) -> str | Failure:
    """The dialect of the body to explain: by the query, else by the path, else by the headers."""
    asked = parse_qs(call.scope.get("query_string", b"").decode("latin-1")).get("dialect", [""])[-1]
    if asked:
        known = ", ".join(CODECS)
        return asked if asked in CODECS else Failure(K.CALLER, f"`dialect` is not one of {known}", 400, "unknown_dialect")
    path = call.scope["path"]
    if path.startswith("/gemini/") or (path.startswith("/admin/") and call.inbound.is_gemini):
        return "gemini"
    is_anthropic = path.startswith("/anthropic/") or (not path.startswith("/openai/") and call.inbound.is_anthropic)
    return "anthropic_messages" if is_anthropic else "openai_chat"


def _called(call: Call) -> wire.Call | None:
    """What the query says of the model, for the dialect whose bodies name none."""
    query = parse_qs(call.scope.get("query_string", b"").decode("latin-1"))
    model = query.get("model", [""])[-1]
    return wire.Call(model, query.get("stream", [""])[-1] in ("1", "true")) if model else None


async def tell(call: Call, value: object, status: int = 200) -> None:
    """Answer with a value as JSON that no cache keeps."""
    headers = [JSON, NO_STORE, (b"x-request-id", call.request_id.encode())]
    await send_whole(call.send, status, headers, msgspec.json.encode(value))

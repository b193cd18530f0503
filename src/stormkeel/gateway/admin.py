"""What operators ask the gateway, beside health and metrics: `/admin/...`, in JSON of no dialect.

Never asks a provider, never moves any state, and never shows a secret: credentials appear by their names.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .._version import __version__
from ..assemble import House
from ..engine.standing import Picture, picture
from ..errors import STATUS
from ..types.failure import Failure
from .endpoints import Call
from .reply import JSON, NO_STORE, send_whole


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
        fleet: how everything stands.
    """

    version: str
    fleet: Picture


class Admin:
    """The endpoints of `/admin`. The house is asked for anew with each call: a reload puts another in its place."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._house = house

    async def fleet(self, call: Call) -> None:
        """Show how every deployment stands."""
        world = self._house().world
        await tell(call, FleetAnswer(__version__, picture(world, world.ports.clock.now())))


async def tell(call: Call, value: object, status: int = 200) -> None:
    """Answer with a value as JSON that no cache keeps."""
    headers = [JSON, NO_STORE, (b"x-request-id", call.request_id.encode())]
    await send_whole(call.send, status, headers, msgspec.json.encode(value))

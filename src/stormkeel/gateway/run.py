"""Open a house and serve it: what `stormkeel serve` does, without the command line.

Never listens beyond this machine without keys: whoever reaches an open gateway spends its owner's money.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..assemble import House, Opening, open_house
from ..config.check import fault_of_door
from ..config.settings import ServerSettings, Settings
from ..errors import SettingsError
from ..runtime.serve import Ready, ServeSettings, run
from ..runtime.telemetry.logs import Records, open_logs
from .app import Gateway

GC_AFTER = 10_000  # new containers between two collections; a request leaves almost none behind


def serve(settings: Settings, data: str | None, ready: Ready) -> None:
    """Serve until a signal; returns after the drain.

    Args:
        settings: what to serve.
        data: the data folder, None as configured.
        ready: called with host and port once connections are taken.

    Raises:
        SettingsError: the settings can't be served as they are.
        OSError: the port is taken.
    """
    fault = fault_of_door(settings)
    if fault is not None:
        raise SettingsError(fault)
    logs = open_logs(settings.telemetry.log, quiet=settings.telemetry.level == "warning", profile=settings.profile)

    @asynccontextmanager
    async def open_app(stop: asyncio.Event) -> AsyncIterator[Gateway]:
        gc.freeze()  # what is here now stays: no collection need walk it again
        gc.set_threshold(GC_AFTER, 20, 20)
        ours = logging.getLogger("stormkeel")
        ours.setLevel(logging.INFO)
        ours.addHandler(Records(logs, asyncio.get_running_loop()))
        house = open_house(settings, data, Opening(owns_data=True, logs=logs))
        watcher = asyncio.ensure_future(_drain(house, stop))
        try:
            yield Gateway(house)
        finally:
            watcher.cancel()
            await house.close()

    run(open_app, serve_settings(settings.server), ready=ready)


async def _drain(house: House, stop: asyncio.Event) -> None:
    await stop.wait()
    house.draining = True


def serve_settings(server: ServerSettings) -> ServeSettings:
    """Return what the HTTP server needs to know."""
    return ServeSettings(
        host=server.host,
        port=server.port,
        tls_cert=server.tls_cert or None,
        tls_key=server.tls_key or None,
        drain_delay=server.drain_delay,
        grace=server.grace,
    )

"""Open a house and serve it: what `stormkeel serve` does, without the command line.

Never listens beyond this machine without keys: whoever reaches an open gateway spends its owner's money.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..assemble import Draft, House, Opening, open_house
from ..config.check import fault_of_door
from ..errors import SettingsError
from ..policies.admission import AdmissionSettings
from ..runtime.serve import Ready, make_tls, run
from ..runtime.telemetry.logs import Records, open_logs
from .app import Gateway
from .reloading import Certificate, Reloader, hear, serve_settings
from .tending import keep_probing, keep_reminding, keep_telling, keep_watching

OTHER_FILES = 200  # open files beside connections: ledger, logs, files that are read again
GC_AFTER = 10_000  # new containers between two collections; a request leaves almost none behind


def serve(draft: Draft, data: str | None, ready: Ready) -> None:
    """Serve until a signal; returns after the drain.

    Args:
        draft: the configuration; it is read again where it came from, whenever that changes.
        data: the data folder, None as configured.
        ready: called with host and port once connections are taken.

    Raises:
        SettingsError: the settings can't be served as they are.
        OSError: the port is taken.
    """
    settings = draft.settings
    fault = fault_of_door(settings)
    if fault is not None:
        raise SettingsError(fault)
    logs = open_logs(settings.telemetry.log, quiet=settings.telemetry.level == "warning", profile=settings.profile)
    _allow_files(settings.server.admission)
    tls = make_tls(serve_settings(settings.server))

    @asynccontextmanager
    async def open_app(stop: asyncio.Event) -> AsyncIterator[Gateway]:
        gc.freeze()  # what is here now stays: no collection need walk it again
        gc.set_threshold(GC_AFTER, 20, 20)
        ours = logging.getLogger("stormkeel")
        ours.setLevel(logging.INFO)
        ours.addHandler(Records(logs, asyncio.get_running_loop()))
        house = open_house(draft, data, Opening(owns_data=True, logs=logs, has_prober=True))
        if tls is not None:
            house.followers.append(Certificate(tls, settings.server))
        reloader = Reloader(house, logs)
        hear(reloader.ask)
        gateway = Gateway(house)
        beside = (
            _drain(house, stop), reloader.run(), keep_probing(house), gateway.probes.run(), keep_reminding(house, logs),
            keep_telling(gateway.doorman, logs), keep_watching(house),
        )  # fmt: skip
        tasks = [asyncio.ensure_future(work) for work in beside]
        try:
            yield gateway
        finally:
            for task in tasks:
                task.cancel()
            await house.close()

    run(open_app, serve_settings(settings.server), ready=ready, tls=tls)


async def _drain(house: House, stop: asyncio.Event) -> None:
    await stop.wait()
    house.draining = True


def _allow_files(bounds: AdmissionSettings) -> None:
    """Allow this process as many open files as its bounds may need, as far as the system lets it."""
    if os.name != "posix":
        return
    import resource

    needed = bounds.connections + bounds.requests + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))

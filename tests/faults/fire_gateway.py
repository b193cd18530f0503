"""A gateway in a process of its own, as `stormkeel serve` runs it, that tells on SIGUSR1 how many tasks its loop has.

Usage: fire_gateway.py CONFIGURATION DATA [NAME=SECONDS ...]; the names are settings of the HTTP server that users can't set, for
clocks that a test would have to wait for. Prints its port, and then a number for each signal.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import msgspec

from stormkeel.assemble import Origin, checked_draft
from stormkeel.config.settings import ServerSettings
from stormkeel.gateway import reloading, run
from stormkeel.runtime.serve import ServeSettings


def tell(line: object) -> None:
    """Write one line."""
    print(line, flush=True)


def ready(_host: str, port: int) -> None:
    """Tell the port, and from now on the tasks."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: tell(len(asyncio.all_tasks(loop))))
    tell(port)


def main(configuration: str, data: str, *clocks: str) -> None:
    """Serve until a signal."""
    changed = {name: float(value) for name, _, value in (clock.partition("=") for clock in clocks)}
    usual = reloading.serve_settings

    def quicker(server: ServerSettings) -> ServeSettings:
        return msgspec.structs.replace(usual(server), **changed)

    run.serve_settings = quicker
    run.serve(checked_draft(Origin(configuration)), data, ready)


if __name__ == "__main__":
    main(*sys.argv[1:])

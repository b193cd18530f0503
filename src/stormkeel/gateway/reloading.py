"""Watches the files of the configuration, hears SIGHUP, and has the house reload; tells the log what became of it.

Never applies anything itself: `assemble/reloading.py` does. A file that is still being written is left until it holds still.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import Callable, Mapping

from ..assemble import House, Look, look, reload_house
from ..config.settings import ServerSettings, Settings
from ..errors import SettingsError
from ..runtime.serve import ServeError, ServeSettings, make_tls, renew
from ..runtime.telemetry.logs import Logs


class Reloader:
    """Reloads one house whenever there is a reason to.

    Args:
        house: what is reloaded.
        logs: where it is told.
    """

    def __init__(self, house: House, logs: Logs) -> None:
        self._house = house
        self._logs = logs
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reload now, as after SIGHUP; the log file begins anew."""
        with contextlib.suppress(SettingsError):
            self._logs.reopen()
        self._asked.set()

    async def run(self) -> None:
        """Watch and reload until cancelled."""
        last: Mapping[str, Look] = {}
        while True:
            asked = await self._pause()
            seen = await asyncio.to_thread(look, self._house.files)
            is_still, last = seen == last, seen
            if asked or (is_still and seen != self._house.files):
                await self.reload()

    async def _pause(self) -> bool:
        """Wait for the next look; True where a reload was asked for meanwhile."""
        settings = self._house.settings.reload
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.interval if settings.watch else None):
                await self._asked.wait()
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def reload(self) -> None:
        """Reload, and tell the log; a configuration that can't be used changes nothing."""
        house = self._house
        try:
            done = await reload_house(house)
        except SettingsError as error:
            self._logs.say("error", "reload", {"outcome": "invalid", "config": house.setup.version, "error": str(error)})
        except Exception as error:  # noqa: BLE001 - a fault of ours in a file's reading must not end the watching
            self._logs.say("error", "reload", {"outcome": "failed", "config": house.setup.version, "error": type(error).__name__})
        else:
            if done.outcome == "applied" or done.restart:
                fields = {"outcome": done.outcome, "config": done.version, "before": done.before, "changed": done.changed}
                self._logs.say("info", "reload", fields | ({"needs_restart": done.restart} if done.restart else {}))


class Certificate:
    """Follows the gateway's certificate: a renewed one is shown to every connection to come.

    Args:
        tls: the context in use.
        server: the settings it was made from.
    """

    def __init__(self, tls: ssl.SSLContext, server: ServerSettings) -> None:
        self._tls = tls
        self._looks = look((server.tls_cert, server.tls_key))

    def check(self, settings: Settings) -> None:
        """See whether certificate and key can be read and belong together. Raises `SettingsError`."""
        try:
            make_tls(serve_settings(settings.server))
        except ServeError as error:
            raise SettingsError(str(error)) from None

    def follow(self, settings: Settings) -> str:
        """Show the certificate that stands in the files now."""
        looks = look((settings.server.tls_cert, settings.server.tls_key))
        is_new, self._looks = looks != self._looks, looks
        if is_new:
            renew(self._tls, serve_settings(settings.server))
        return "certificate" if is_new else ""


def hear(asked: Callable[[], None]) -> None:
    """Call a function of the running loop on SIGHUP, where the system has it."""
    number = getattr(signal, "SIGHUP", None)
    if number is not None and os.name == "posix":
        asyncio.get_running_loop().add_signal_handler(number, asked)


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

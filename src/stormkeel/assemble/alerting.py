"""One alert to try out a configuration's webhook: what `stormkeel alerts test` does, without the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from ..config.loaded import Choice
from ..runtime.alerts import Alarm
from ..runtime.clock import LoopClock
from ..runtime.credentials.sources import read_environment
from ..types.alert import Alert, AlertKind
from .reading import read_settings


class Told(msgspec.Struct, frozen=True):
    """What became of an alert.

    Attributes:
        ref: the reference to the webhook's address.
        form: "json" or "slack".
        why: why it was not taken, "" where it was.
    """

    ref: str
    form: str
    why: str


async def send_test(config: str | Path | None, choice: Choice) -> Told:
    """Send one alert. Raises `SettingsError` where the configuration can't be used."""
    settings = read_settings(config, read_environment(), choice)
    clock = LoopClock(asyncio.get_running_loop())
    alarm = Alarm(clock)
    alarm.check(settings)
    alarm.follow(settings)
    try:
        why = await alarm.send(Alert(AlertKind.TEST, "stormkeel", "tells you by way of a test: alerts reach you", clock.wall()))
    finally:
        await alarm.close()
    mend = ': set "url" in [alerts]' if not settings.alerts.url else ""
    return Told(settings.alerts.url, settings.alerts.format, why + mend)

"""Open a House for real: credentials, ledger, log, connections, in the running loop.

Never leaves anything open where a step of it fails.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import msgspec

from ..config.paths import data_folder
from ..config.settings import Settings
from ..engine.ports import Journal, Sink
from ..runtime.alerts import Alarm
from ..runtime.clock import LoopClock
from ..runtime.credentials.age import Sightings
from ..runtime.credentials.sources import read_environment
from ..runtime.journal import MemoryJournal
from ..runtime.ledger import Ledger
from ..runtime.telemetry.logs import Logs, open_logs
from ..runtime.transports import Transports
from .building import build_setup
from .house import Belongings, House, Parts
from .reading import DATA, MEMORY
from .reloading import Draft, Origin, blueprint_of, checked_draft


class Opening(msgspec.Struct, frozen=True):
    """How a house is opened.

    Attributes:
        owns_data: refuse to start where another process owns the data folder.
        logs: the log to write to; None opens the configured file, and writes none where no file is configured (a library's
            standard error is its program's).
        has_prober: somebody will look after refused credentials in the background.
        sinks: who else wants to know, beside the metrics and the log.
    """

    owns_data: bool = False
    logs: Logs | None = None
    has_prober: bool = False
    sinks: tuple[Sink, ...] = ()


def open_house(
    config: str | Path | Settings | Draft | None = None, data: str | None = None, opening: Opening | None = None
) -> House:
    """Build everything one configuration says, in the running loop.

    Args:
        config: a file's path, ready settings, None for the usual file or the environment, or what was read of one of these.
        data: the data folder, "memory" for none; None as configured.
        opening: what the gateway asks for beyond a library's needs.

    Raises:
        SettingsError: anything is wrong; nothing is left open then.
    """
    opening = opening or Opening()
    draft = config if isinstance(config, Draft) else checked_draft(Origin(config))
    settings = draft.settings
    logs = opening.logs
    if logs is None and settings.telemetry.log:
        logs = open_logs(settings.telemetry.log, quiet=settings.telemetry.level == "warning", profile=settings.profile)
    clock = LoopClock(asyncio.get_running_loop())
    alarm = Alarm(clock, logs)
    alarm.check(settings)
    alarm.follow(settings)
    ledger = _open_ledger(data or settings.ledger.data, settings.profile, clock, must_own=opening.owns_data)
    journal: Journal = MemoryJournal() if ledger is None else ledger.journal
    transports = Transports()
    sinks = opening.sinks if logs is None else (*opening.sinks, logs)
    parts = Parts(transports, clock, journal, Random(), sinks)  # noqa: S311 - jitter, no secret
    house = House(parts, Belongings(ledger, logs, transports, Sightings(None if ledger is None else ledger.folder), alarm))
    house.followers.append(alarm)
    house.origin, house.files, house.has_prober = draft.origin, draft.files, opening.has_prober
    if logs is not None:
        house.followers.append(LogLevel(logs))
    house.swap(build_setup(blueprint_of(draft, settings, house), house))
    return house


def _open_ledger(data: str, profile: str, clock: LoopClock, *, must_own: bool) -> Ledger | None:
    """Open the data folder, None for "memory"."""
    environ = read_environment()
    folder = data or environ.get(DATA, "")
    if folder == MEMORY:
        return None
    return Ledger.open(Path(folder) if folder else data_folder(environ, profile), clock, must_own=must_own)


class LogLevel:
    """Follows `telemetry.level`."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def check(self, settings: Settings) -> None:
        """Any level will do."""

    def follow(self, settings: Settings) -> str:
        """Write as much as is wanted; the setting itself is part of the configuration, so there is nothing to tell."""
        self._logs.quiet = settings.telemetry.level == "warning"
        return ""

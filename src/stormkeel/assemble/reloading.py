"""Read a configuration again while requests are served, and swap it in if it is good (S-48).

Never applies a configuration with a fault in it, and never half of one: everything is read, checked and built aside, then one
name changes. What can't change while the process runs is told, and the rest is applied.

    files, environment --thread--> Draft --thread--> Setup, beside the present one --loop--> House.swap
                                     '-> SettingsError: the present one stays
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ..config.check import fault_of_door
from ..config.keys import KeyRing
from ..config.loaded import Choice
from ..config.settings import Settings
from ..errors import SettingsError
from ..runtime.credentials.age import births_of
from ..runtime.credentials.sources import DOTENV, files_of, read_environment, resolve_credentials, resolve_keys
from ..runtime.http import HttpSettings
from ..runtime.network import files_of_network, resolve_network
from .building import build_setup
from .house import House
from .looking import Look, look
from .reading import read_loaded, read_settings
from .setup import Blueprint, Secrets, Setup

Looks = Mapping[str, Look]
Outcome = Literal["applied", "unchanged"]
FIXED = (
    ("server", "host"), ("server", "port"), ("server", "drain_delay"), ("server", "grace"), ("ledger", "data"),
    ("telemetry", "log"),
)  # fmt: skip
"""Settings that hold for as long as the process runs."""
TLS = (("server", "tls_cert"), ("server", "tls_key"))
"""Settings that may change, but not be left out or come in."""


class Origin(msgspec.Struct, frozen=True):
    """Where a configuration comes from, so that it can be read again.

    Attributes:
        config: a file's path, ready settings, or None for the usual file or the environment.
        choice: what arguments say.
    """

    config: str | Path | Settings | None = None
    choice: Choice | None = None


class Draft(msgspec.Struct, frozen=True):
    """A configuration read and checked, of which nothing is built yet.

    Attributes:
        origin: where it was read.
        settings, secrets, keys: what it says, references resolved.
        ways: how each provider is reached.
        files: every file and folder it was read from, or should have been, and how it looked: watch these.
    """

    origin: Origin
    settings: Settings
    secrets: Secrets
    keys: KeyRing
    ways: Mapping[str, HttpSettings] = {}
    files: Looks = {}


class Flaw(msgspec.Struct, frozen=True):
    """A configuration that can't be used.

    Attributes:
        error: what is wrong, and where.
        files: what was read on the way, and how it looked: a change of one of them may have mended it.
    """

    error: SettingsError
    files: Looks = {}


class Reloaded(msgspec.Struct, frozen=True):
    """What became of a reload.

    Attributes:
        outcome: "applied", or "unchanged" where the configuration says what it said before.
        version: the version that new requests run on.
        before: the version they ran on before.
        changed: what is other than it was: "settings", "credentials", "keys", "network", "certificate". A version speaks
            of settings alone: a credential changed in its place keeps it.
        restart: settings that have changed and count only after a restart, as in "server.port".
    """

    outcome: Outcome
    version: str
    before: str
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def read_draft(origin: Origin) -> Draft | Flaw:
    """Read and check a configuration as it is now. Touches nothing but the disk, and may take its time: run it in a thread."""
    files, since = [DOTENV], time.time_ns()
    try:
        environ = read_environment()
        if isinstance(origin.config, Settings):
            settings = read_settings(origin.config, environ, origin.choice)
        else:
            loaded = read_loaded(origin.config, environ, origin.choice)
            files += (*loaded.files, *loaded.folders)
            settings = loaded.checked()
        files += (*files_of(settings), *files_of_network(settings), settings.server.tls_cert, settings.server.tls_key)
        secrets, keys = resolve_credentials(settings, environ), resolve_keys(settings, environ)
        ways = resolve_network(settings, environ)
    except SettingsError as error:
        return Flaw(error, look(files, since))
    return Draft(origin, settings, secrets, keys, ways, look(files, since))


def checked_draft(origin: Origin) -> Draft:
    """Read a configuration. Raises `SettingsError` where it can't be used."""
    draft = read_draft(origin)
    if isinstance(draft, Flaw):
        raise draft.error
    return draft


async def reload_house(house: House) -> Reloaded:
    """Read the configuration again and serve by it from now on. One at a time; requests under way end in the world they began in.

    Raises:
        SettingsError: something is wrong with it; nothing has changed.
    """
    assert house.origin is not None, "a house built of values has nowhere to read from"
    async with house.reloading:
        try:
            draft = await asyncio.to_thread(read_draft, house.origin)
            house.files = draft.files
            done = _apply(house, await asyncio.to_thread(_prepare, house, draft))
        except SettingsError:
            house.metrics.reloads["invalid"] += 1
            raise
        except Exception:
            house.metrics.reloads["failed"] += 1
            raise
        finally:
            if house.transports is not None:
                await house.transports.keep(house.setup.blueprint.transports.values())
        house.metrics.reloads[done.outcome] += 1
        return done


class Prepared(msgspec.Struct, frozen=True):
    """A setup that waits to be swapped in, None where the present one says the same."""

    settings: Settings
    setup: Setup | None
    changed: tuple[str, ...]
    restart: tuple[str, ...]


def _prepare(house: House, draft: Draft | Flaw) -> Prepared:
    """Check a draft against the house and build it aside. Changes nothing that is in use, so a thread may do it."""
    if isinstance(draft, Flaw):
        raise draft.error
    _check_profile(draft.settings.profile, house.settings.profile)
    settings, restart = keep_fixed(draft.settings, house.settings)
    fault = fault_of_door(settings)  # by the address it listens at, whatever the file says by now
    if fault is not None:
        raise SettingsError(fault)
    for follower in house.followers:
        follower.check(settings)
    blueprint = blueprint_of(draft, settings, house)
    changed = blueprint.differences(house.setup.blueprint)
    return Prepared(settings, build_setup(blueprint, house) if changed else None, changed, restart)


def _apply(house: House, prepared: Prepared) -> Reloaded:
    """Swap it in: in the loop, in one step, and without a way to fail."""
    before, setup = house.setup.version, prepared.setup
    if setup is not None:
        house.swap(setup)
    followed = tuple(word for follower in house.followers if (word := follower.follow(prepared.settings)))
    changed = prepared.changed + followed
    return Reloaded("applied" if changed else "unchanged", house.setup.version, before, changed, prepared.restart)


def _check_profile(profile: str, running: str) -> None:
    """Refuse another profile: it has another data folder, and what it spends must not stand in this one's ledger."""
    if profile != running:
        raise SettingsError(f'the profile is "{profile}" now, this process runs "{running}"; restart it, or take the change back')


def blueprint_of(draft: Draft, settings: Settings, house: House) -> Blueprint:
    """Return what a draft's setup is built from; its ways out are those of the house, where it has any of its own."""
    transports = {} if house.transports is None else house.transports.of(draft.ways)
    births = births_of(settings, draft.secrets, house.sightings.first, house.parts.clock.wall())
    return Blueprint(settings, draft.secrets, draft.keys, transports, births)


def keep_fixed(settings: Settings, running: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return settings with what can't change while the process runs as it is, and the names of what would have changed."""
    changed = []
    is_toggled = bool(settings.server.tls_cert) != bool(running.server.tls_cert)
    for section, name in FIXED + (TLS if is_toggled else ()):
        value = getattr(getattr(running, section), name)
        if getattr(getattr(settings, section), name) != value:
            settings = _with(settings, section, name, value)
            changed.append(f"{section}.{name}")
    return settings, tuple(changed)


def _with(settings: Settings, section: str, name: str, value: object) -> Settings:
    part = msgspec.structs.replace(getattr(settings, section), **{name: value})
    return msgspec.structs.replace(settings, **{section: part})

"""What `stormkeel check` tells: what a configuration would run, what is wrong with it, and what is doubtful.

Never opens a house, never asks a provider, and never shows a secret: credentials by their names and references only.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from ..config.doubts import doubts_of
from ..config.flat import differing, dotted, name_of
from ..config.loaded import Choice, Loaded
from ..config.origins import DEFAULT, Fault, origin_of
from ..config.paths import data_folder
from ..config.settings import Settings
from ..errors import SettingsError
from ..providers import KINDS
from ..runtime.alerts import webhook_of
from ..runtime.credentials.sources import resolve_credentials, resolve_keys
from .appraising import appraise
from .limiting import rows_of
from .reading import read_loaded


class Report(msgspec.Struct, frozen=True):
    """What is told of a configuration.

    Attributes:
        loaded: the configuration.
        warnings: what is doubtful; empty where there are faults, which come first.
        folder: the data folder, "memory" for none, "" where there are faults.
    """

    loaded: Loaded
    warnings: tuple[Fault, ...] = ()
    folder: str = ""


def check(config: str | Path | None, environ: Mapping[str, str], choice: Choice) -> Report:
    """Read a configuration as a start would, and look at everything a start would look at; nothing is opened and nothing sent."""
    loaded = read_loaded(config, environ, choice)
    if loaded.faults:
        return Report(loaded)
    try:
        folder = loaded.settings.ledger.data or str(data_folder(environ, loaded.settings.profile))
    except SettingsError as error:
        return Report(msgspec.structs.replace(loaded, faults=(Fault(DEFAULT, str(error)),)))
    return Report(loaded, tuple(_doubts(loaded, environ)), folder)


def _doubts(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Fault]:
    settings = loaded.settings
    yield from _secrets(loaded, environ)
    if settings.server.tls_cert:
        yield from _certificate(loaded)
    yield from doubts_of(settings, loaded.origins, KINDS)
    yield from appraise(loaded, time.time_ns())


def _certificate(loaded: Loaded) -> Iterator[Fault]:
    from ..runtime.checkup.door import fault_of_certificate  # the whole server: not for whoever has no certificate

    if fault := fault_of_certificate(loaded.settings.server):
        yield Fault(origin_of(loaded.origins, ("server", "tls_cert")) or DEFAULT, fault)


def _secrets(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Credentials and keys that a start would refuse here, and files that others may read."""
    settings = loaded.settings
    for name, provider in settings.providers.items():
        for label, credential in provider.credentials.items():
            origin = origin_of(loaded.origins, ("providers", name, "credentials", label)) or DEFAULT
            alone = msgspec.structs.replace(provider, credentials={label: credential})
            one = msgspec.structs.replace(settings, providers={name: alone})
            fault = _said(resolve_credentials, one, environ) or _fault_of_file(credential.ref)
            if fault:
                yield Fault(origin, fault)
    missing = False
    for place, key in enumerate(settings.keys):
        origin = origin_of(loaded.origins, ("keys", place)) or DEFAULT
        refused = _said(resolve_keys, msgspec.structs.replace(settings, keys=(key,)), environ)
        missing = missing or bool(refused)
        fault = refused or _fault_of_file(key.key)
        if fault:
            yield Fault(origin, fault)
    refused = _said(webhook_of, settings, environ) or _fault_of_file(settings.alerts.url)
    if refused:
        yield Fault(origin_of(loaded.origins, ("alerts", "url")) or DEFAULT, refused)
    twins = None if missing else _said(resolve_keys, settings, environ)
    if twins:
        yield Fault(origin_of(loaded.origins, ("keys",)) or DEFAULT, twins)


def _said(resolve: Callable[[Settings, Mapping[str, str]], object], settings: Settings, environ: Mapping[str, str]) -> str | None:
    """What is said where secrets can't be resolved, or None."""
    try:
        resolve(settings, environ)
    except SettingsError as error:
        return str(error)
    return None


def _fault_of_file(ref: str) -> str | None:
    """Say that others on this machine may read the file of a secret."""
    scheme, _, path = ref.partition(":")
    if scheme != "file":
        return None
    try:
        mode = Path(path).expanduser().stat().st_mode
    except (OSError, RuntimeError):
        return None
    if os.name != "posix" or not mode & (stat.S_IRGRP | stat.S_IROTH):
        return None
    return f"{ref} can be read by others on this machine; take that away with chmod 600"


def summary(report: Report) -> dict[str, object]:
    """Return what would run, as plain data: names, addresses and references, never a secret."""
    settings = report.loaded.settings
    scheme = "https" if settings.server.tls_cert else "http"
    return {
        "profile": settings.profile,
        "providers": [_provider(name, settings) for name in settings.providers],
        "routes": [
            {
                "route": name,
                "strategy": route.strategy,
                "sticky": route.sticky,
                "groups": [[*map(name_of, group)] for group in route.groups],
            }
            for name, route in settings.routes.items()
        ],
        "limits": rows_of(settings),
        "default_model": settings.default_model,
        "keys": [key.name for key in settings.keys],
        "server": f"{scheme}://{settings.server.host}:{settings.server.port}",
        "ledger": report.folder,
        "alerts": f"{settings.alerts.url} ({settings.alerts.format})" if settings.alerts.url else "",
        "policies": [{"setting": dotted(path), "value": value, "usual": usual} for path, value, usual in differing(settings)],
    }


def _provider(name: str, settings: Settings) -> dict[str, object]:
    provider = settings.providers[name]
    references = {label: credential.ref for label, credential in provider.credentials.items()}
    return {"provider": name, "kind": provider.kind, "address": provider.base_url, "credentials": references}

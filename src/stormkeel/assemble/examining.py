"""A patient for the checkup: a configuration as a start would read it, its data folder, its providers.

Never opens a house.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..config.loaded import Choice
from ..config.paths import data_folder
from ..config.settings import Settings
from ..errors import SettingsError
from ..runtime.checkup.reach import Subject
from ..runtime.checkup.run import Patient
from ..runtime.checkup.secrets import Secrets
from ..runtime.http import HttpSettings
from ..runtime.network import resolve_network
from .building import caller_of, provider_of
from .reading import MEMORY, read_loaded


def patient_of(config: Path | None, environ: Mapping[str, str], choice: Choice, *, may_ask: bool) -> Patient:
    """Return what there is to look at; a configuration that is wrong is a finding, no error."""
    loaded = read_loaded(config, environ, choice)
    settings, fault = loaded.settings, ""
    try:
        ways = resolve_network(settings, environ)
    except SettingsError as error:
        ways, fault = {}, str(error)
    return Patient(loaded, environ, _folder(settings, environ), partial(_subjects, settings, ways), fault, may_ask)


def _folder(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    if settings.ledger.data == MEMORY:
        return None
    try:
        return Path(settings.ledger.data) if settings.ledger.data else data_folder(environ, settings.profile)
    except SettingsError:
        return None


def _subjects(settings: Settings, ways: Mapping[str, HttpSettings], secrets: Secrets) -> list[Subject]:
    return [_subject(name, settings, way, secrets) for name, way in ways.items()]


def _subject(name: str, settings: Settings, way: HttpSettings, secrets: Secrets) -> Subject:
    provider = provider_of(name, settings)
    given = settings.providers[name].credentials
    callers = {label: caller_of(provider, secrets[name, label]) for label in given if (name, label) in secrets}
    if not given:
        callers[""] = caller_of(provider, None)
    return Subject(name, provider.base_url, callers, way)

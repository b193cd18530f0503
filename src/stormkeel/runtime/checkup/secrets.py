"""Credentials and callers' keys: is each there, can it be one, is it its provider's own, and can nobody else read its file.

Never sends one, and never shows more than its reference.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ...config.settings import Settings
from ...errors import SettingsError
from ...types.secret import Secret
from ..credentials.sources import resolve_credentials, resolve_keys
from .finding import Finding, fail, ok, warn

Secrets = dict[tuple[str, str], Secret]


def look_at_secrets(settings: Settings, environ: Mapping[str, str], resolved: Secrets) -> Iterator[Finding]:
    """Look at every credential and key; what could be resolved is put into `resolved` by (provider, credential)."""
    for name, provider in settings.providers.items():
        for label, credential in provider.credentials.items():
            alone = msgspec.structs.replace(provider, credentials={label: credential})
            subject = f"{name}: key {label}"
            try:
                resolved |= resolve_credentials(msgspec.structs.replace(settings, providers={name: alone}), environ)
            except SettingsError as error:
                yield fail(subject, _first(str(error)), _second(str(error)))
                continue
            yield judge_file(subject, credential.ref)
    try:
        resolve_keys(settings, environ)
    except SettingsError as error:
        yield fail("callers' keys", _first(str(error)), _second(str(error)))
    else:
        yield from _keys(settings)


def _keys(settings: Settings) -> Iterator[Finding]:
    if not settings.keys:
        yield ok("callers' keys", "none: the gateway listens on this machine only")
        return
    open_ones = [key.key for key in settings.keys if key.key.startswith("file:") and is_open(key.key)]
    if open_ones:
        yield warn(
            "callers' keys", f"{', '.join(open_ones)} can be read by others on this machine", f"chmod 600 {_path(open_ones[0])}"
        )
    else:
        yield ok("callers' keys", f"{len(settings.keys)}, each its caller's own")


def judge_file(subject: str, ref: str) -> Finding:
    """Judge where a credential lies that can be had."""
    if is_open(ref):
        return warn(subject, f"{ref} can be read by others on this machine", f"chmod 600 {_path(ref)}")
    return ok(subject, f"{ref} is there, and looks like one")


def is_open(ref: str) -> bool:
    """Tell whether a reference leads to a file that others may read."""
    if not ref.startswith("file:") or os.name != "posix":
        return False
    try:
        return bool(_path(ref).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _path(ref: str) -> Path:
    return Path(ref.removeprefix("file:")).expanduser()


def _first(words: str) -> str:
    return words.partition("; ")[0]


def _second(words: str) -> str:
    return words.partition("; ")[2] or "mend it"

"""How old credentials are: by their settings, by their file, or by when this data folder first saw them.

Never writes a credential down: what is kept of one is a hash under a salt that stands beside it, which tells whether the same one
is there again, and nothing else.

    created = 2026-08-01  >  the file's time of change (`file:`)  >  first seen (`env:`), kept in <data>/credentials.json
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from hashlib import blake2b
from pathlib import Path

import msgspec

from ...config.settings import CredentialSettings, Settings
from ...engine.credentials import NANO, Birth
from ...types.secret import Secret

FILE = "credentials.json"
MOST = 1000  # credentials remembered; the ones seen first are forgotten first
Key = tuple[str, str]


class _Seen(msgspec.Struct):
    """What the file holds: the salt, and when each hash was first seen (nanoseconds since the epoch)."""

    salt: str
    first: dict[str, int] = {}


class Sightings:
    """When credentials were first seen. Without a folder, or where it can't be written, nothing is known beyond this process.

    Args:
        folder: the data folder, None for none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE
        self._seen = _read(self._path) if self._path is not None else None

    def first(self, secret: Secret, wall: int) -> int | None:
        """Return when a credential was first seen, which may be now; None where nobody can know.

        Args:
            secret: the credential.
            wall: nanoseconds since the epoch.
        """
        if self._seen is None:
            return None
        name = blake2b(secret.reveal().encode(), key=bytes.fromhex(self._seen.salt), digest_size=16).hexdigest()
        known = self._seen.first.get(name)
        if known is None:
            known = self._seen.first[name] = wall
            self._write(self._seen)
        return known

    def _write(self, seen: _Seen) -> None:
        """Put the file in place in one step; where that fails, age counts from this process's start."""
        assert self._path is not None
        for name in sorted(seen.first, key=seen.first.__getitem__)[:-MOST]:
            del seen.first[name]
        fresh = self._path.with_suffix(".new")
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(seen))
            fresh.replace(self._path)
        except OSError:
            return


def _read(path: Path) -> _Seen:
    try:
        seen = msgspec.json.decode(path.read_bytes(), type=_Seen)
        if len(bytes.fromhex(seen.salt)) == 16:
            return seen
    except (OSError, ValueError):  # msgspec's errors are ValueErrors; a file that makes no sense is begun anew
        pass
    return _Seen(os.urandom(16).hex())


def births_of(
    settings: Settings, secrets: Mapping[Key, Secret], seen: Callable[[Secret, int], int | None], wall: int
) -> dict[Key, Birth]:
    """Return the age of every credential.

    Args:
        settings: where they come from.
        secrets: the credentials themselves.
        seen: when one was first seen (`Sightings.first`).
        wall: nanoseconds since the epoch.
    """
    births: dict[Key, Birth] = {}
    for (name, label), secret in secrets.items():
        credential = settings.providers[name].credentials[label]
        at = _written(credential)
        if at is None and credential.ref.startswith("env:"):
            at = seen(secret, wall)
        births[name, label] = Birth(at, settings.credentials.remind_after_days)
    return births


def _written(credential: CredentialSettings) -> int | None:
    """When it was made by its settings or its file, None where neither says so."""
    if credential.created is not None:
        return int(datetime.combine(credential.created, time(), UTC).timestamp()) * NANO
    if credential.ref.startswith("file:"):
        try:
            return Path(credential.ref.removeprefix("file:")).expanduser().stat().st_mtime_ns
        except OSError:
            return None
    return None

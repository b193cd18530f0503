"""Resolve references to secrets: `env:NAME` and `file:PATH`, with a `.env` behind the environment.

Never shows a secret: an error names the reference, the provider and the mend. Each is read once, when a configuration is loaded;
a reload reads anew (INV-30).

    process environment  >  .env of the working directory
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ...config.dotenv import merge, read_dotenv
from ...config.keys import LEAST_OWN, CallerKey, KeyRing, keep
from ...config.settings import KeySettings, ProviderSettings, Settings
from ...errors import SettingsError
from ...providers import KINDS
from ...types.secret import Secret
from .shape import fault_of_owner, fault_of_secret

DOTENV = ".env"
LARGEST = 65_536  # bytes; no secret and no sensible `.env` is larger


def read_environment(folder: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the process's environment, completed by the `.env` of a folder where there is one.

    Args:
        folder: the working directory where None.
        environ: the process's own where None.

    Raises:
        SettingsError: the `.env` can't be read or makes no sense.
    """
    own = os.environ if environ is None else environ
    path = (folder or Path.cwd()) / DOTENV
    try:
        raw = _read(path)
    except FileNotFoundError:
        return dict(own)
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}; make it readable, or take it away") from None
    return merge(own, read_dotenv(raw, str(path)))


def resolve(ref: str, environ: Mapping[str, str], what: str) -> Secret:
    """Return the secret behind a reference.

    Args:
        ref: `env:NAME` or `file:PATH`; a path may begin with `~`.
        environ: names and values, `.env` merged in.
        what: whose secret it is, for errors, as in `credential "main" of provider "openai"`.

    Raises:
        SettingsError: it is missing, unreadable, or can't be a secret.
    """
    scheme, _, rest = ref.partition(":")
    secret = _from_file(rest, what) if scheme == "file" else _from_environment(rest, environ, what)
    fault = fault_of_secret(secret)
    if fault is not None:
        raise SettingsError(f"{ref}, the {what}, {fault}")
    return secret


def files_of(settings: Settings) -> list[str]:
    """Return the files that references of the settings lead to."""
    refs = [credential.ref for provider in settings.providers.values() for credential in provider.credentials.values()]
    refs += [*(key.key for key in settings.keys), settings.alerts.url]
    return [str(Path(ref.removeprefix("file:")).expanduser()) for ref in refs if ref.startswith("file:")]


def resolve_credentials(settings: Settings, environ: Mapping[str, str]) -> dict[tuple[str, str], Secret]:
    """Return every provider's credentials by (provider, credential).

    Raises:
        SettingsError: the first one that is missing, can't be a secret, or is another provider's.
    """
    secrets = {}
    for name, provider in settings.providers.items():
        for label, credential in provider.credentials.items():
            what = f'credential "{label}" of provider "{name}"'
            secret = resolve(credential.ref, environ, what)
            _check_owner(secret, provider, f"{credential.ref}, the {what},")
            secrets[name, label] = secret
    return secrets


def resolve_keys(settings: Settings, environ: Mapping[str, str]) -> KeyRing:
    """Return the callers' keys of the settings, references resolved.

    Raises:
        SettingsError: one is missing, too short, or the same as another.
    """
    kept: dict[str, CallerKey] = {}
    for key in settings.keys:
        entry = CallerKey(key.name, key.id, key.hash, key.admin) if key.hash else _own_key(key, environ)
        twin = kept.setdefault(entry.hash, entry)
        if twin is not entry:
            raise SettingsError(f'keys "{twin.name}" and "{entry.name}" are the same key; give each caller one of its own')
    return KeyRing(kept.values())


def _own_key(key: KeySettings, environ: Mapping[str, str]) -> CallerKey:
    secret = resolve(key.key, environ, f'key "{key.name}"')
    if len(secret.reveal()) < LEAST_OWN:
        what = f'{key.key}, the key "{key.name}"'
        raise SettingsError(f"{what}, is shorter than {LEAST_OWN} characters; make one with `stormkeel key`")
    return keep(key.name, secret, key.admin)


def _check_owner(secret: Secret, provider: ProviderSettings, what: str) -> None:
    fault = fault_of_owner(secret, KINDS[provider.kind], provider.base_url, KINDS.values())
    if fault is not None:
        raise SettingsError(f"{what} {fault}")


def _from_environment(name: str, environ: Mapping[str, str], what: str) -> Secret:
    value = environ.get(name)
    if value is None:
        raise SettingsError(f"env:{name}, the {what}, is not set; set {name} in the environment or in .env")
    return Secret(value)


def _from_file(path: str, what: str) -> Secret:
    """A file's text; the line break editors leave at its end is no part of the secret."""
    try:
        raw = _read(Path(path).expanduser())
        return Secret(raw.decode("utf-8-sig").rstrip("\r\n"))
    except FileNotFoundError:
        raise SettingsError(f"file:{path}, the {what}, is not there; write the key into that file, or mend the path") from None
    except UnicodeDecodeError:
        raise SettingsError(f"file:{path}, the {what}, is no text; write the key into it") from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its path makes no sense"
        raise SettingsError(f"file:{path}, the {what}, can't be read: {reason}; mend the path or its permissions") from None


def _read(path: Path) -> bytes:
    """Read a small regular file (a symbolic link to one is fine: container platforms mount secrets so)."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not hold us up
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            raw = file.read(LARGEST + 1)
    finally:
        os.close(handle)
    if len(raw) > LARGEST:
        raise OSError(0, f"it is larger than {LARGEST} bytes")
    return raw

"""Settings as a list of leaves: path and value, to show and to compare them.

Never shows a secret: there is none in Settings.

    ("server", "port") 8787        ("routes", "fast", "groups", 0, 1) "openai/gpt-5.4-mini#main"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from .origins import Path
from .settings import CredentialSettings, KeySettings, Settings, TargetSettings

Leaf = tuple[Path, Any]
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def leaves_of(settings: Settings) -> Iterator[Leaf]:
    """Yield every setting, defaults among them, in the order of the Settings; what is None is not set and left out."""
    return _leaves(settings, ())


def _leaves(value: Any, path: Path) -> Iterator[Leaf]:
    if isinstance(value, TargetSettings | CredentialSettings | KeySettings):
        yield path, compact(value)
    elif (inner := _inner(value)) is not None:
        for part, one in inner:
            yield from _leaves(one, (*path, part))
    elif value is not None:
        yield path, list(value) if isinstance(value, tuple) else value


def _inner(value: Any) -> Iterable[tuple[str | int, Any]] | None:
    """What is inside a table or a list of tables, None for a leaf; a list of plain values is one."""
    if isinstance(value, msgspec.Struct):
        return [(name, getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, tuple) and any(isinstance(one, msgspec.Struct | tuple) for one in value):
        return enumerate(value)
    return None


def compact(value: TargetSettings | CredentialSettings | KeySettings) -> Any:
    """Return what somebody would write for a small table: text where its short form says it all, else what is no default."""
    said = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    usual = {field.name: field.default for field in msgspec.structs.fields(value)}
    said = {name: one for name, one in said.items() if one != usual[name]}
    if isinstance(value, CredentialSettings) and said.keys() == {"ref"}:
        return value.ref
    if isinstance(value, TargetSettings) and said.keys() <= {"provider", "model", "credential"}:
        return name_of(value)
    return said


def _plain(value: Any) -> Any:
    """A value as every format can write it."""
    return value.isoformat() if isinstance(value, date) else value


def name_of(target: TargetSettings) -> str:
    """Return a target in its short form, without its weight and limits."""
    return f"{target.provider}/{target.model}" + (f"#{target.credential}" if target.credential else "")


def dotted(path: Path) -> str:
    """Write a path for people.

    >>> dotted(("routes", "fast", "groups", 0, 1)), dotted(("providers", "a.b", "kind"))
    ('routes.fast.groups[0][1]', 'providers."a.b".kind')
    """
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            words += f".{part}" if _BARE.fullmatch(part) else f'."{part}"'
    return words.removeprefix(".")


def differing(settings: Settings) -> Iterator[tuple[Path, Any, Any]]:
    """Yield the policies that differ from the usual ones: path, value, usual value."""
    usual = dict(_leaves(type(settings.policies)(), ("policies",)))
    for path, value in _leaves(settings.policies, ("policies",)):
        if value != usual.get(path):
            yield path, value, usual.get(path)

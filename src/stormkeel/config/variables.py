"""Settings from environment variables: STORMKEEL_, then the path with two underscores between its levels.

Never takes a variable that a credential or key refers to, and never shows a value.

    STORMKEEL_SERVER__PORT=9000                          server.port
    STORMKEEL_PROVIDERS__GPU_BOX__BASE_URL=http://...    providers.gpu-box.base_url, where the file has a provider gpu-box
    STORMKEEL_ROUTES__FAST__GROUPS=[["openai/..."]]      lists and tables as JSON
    STORMKEEL_DEFAULT_MODEL=fast                         outermost settings that are no table
    STORMKEEL_DATA=/data                                 ledger.data, by its old name
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from .layers import Layer, layer_of_leaves
from .origins import Fault, Origin, Path
from .settings import Settings
from .shape import ALSO, SHORT_FORMS
from .source import Source, quoted, suggestion

PREFIX = "STORMKEEL_"
DATA = "STORMKEEL_DATA"
OTHERS = frozenset({"STORMKEEL_CONFIG", "STORMKEEL_PROFILE", DATA})
"""Variables with a meaning of their own."""
_REFERENCE = re.compile(r"env:(\w+)")


class _Unknown(Exception):
    """A variable that names no setting."""


def variables(environ: Mapping[str, str], layer: Layer, source: Source) -> Layer:
    """Return the settings that environment variables give.

    Args:
        environ: names and values; a `.env` is already merged in.
        layer: what is below, to know the names of providers, routes and the like.
        source: notes a variable that names no setting.
    """
    leaves: dict[Path, tuple[Any, Origin]] = {}
    if environ.get(DATA):
        leaves["ledger", "data"] = (environ[DATA], Origin("environment", DATA))
    taken = set(_references(layer.tree)) | OTHERS
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in taken or not _is_meant(name):
            continue
        origin = Origin("environment", name)
        try:
            path, kind = _find(name.removeprefix(PREFIX).split("__"), layer.tree)
            _refuse_inside(path, leaves)
            leaves[path] = (_value(environ[name], kind), origin)
        except _Unknown as error:
            source.note(Fault(origin, str(error)))
    return layer_of_leaves((path, value, origin) for path, (value, origin) in leaves.items())


def _refuse_inside(path: Path, leaves: Mapping[Path, tuple[Any, Origin]]) -> None:
    """Refuse a setting inside one that another variable has made no table of; names are sorted, so that one came before."""
    for end in range(1, len(path)):
        value, origin = leaves.get(path[:end], ({}, None))
        if not isinstance(value, Mapping):
            raise _Unknown(f"{origin} sets all of it already, and to no table; set one of the two")


def _is_meant(name: str) -> bool:
    rest = name.removeprefix(PREFIX)
    if "__" in rest:
        return True
    kind = _types(Settings).get(rest.lower())
    return kind in {str, int, float, bool}


def _find(parts: list[str], tree: Mapping[str, Any]) -> tuple[Path, Any]:
    """The path and the type of the setting that a variable's parts name."""
    path: tuple[str, ...] = ()
    kind: Any = Settings
    below: Any = tree
    for place, part in enumerate(parts):
        kind = _bare(kind)
        if get_origin(kind) is dict:
            name, kind = _named(part, below), get_args(kind)[1]
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            name, known = part.lower(), _types(kind)
            if name not in known:
                raise _Unknown(_unknown(name, known, path, parts[place + 1 :]))
            kind = known[name]
        else:
            raise _Unknown(f'"{path[-1]}" has no settings inside that a variable could name; set it whole, or in the file')
        path = (*path, name)
        below = below.get(name, {}) if isinstance(below, Mapping) else {}
    return path, _bare(kind)


def _unknown(name: str, known: Mapping[str, Any], path: tuple[str, ...], rest: list[str]) -> str:
    if not path and name in ALSO:
        return f'"{name}" can only stand in a file; write it there'
    inside = f" in [{'.'.join(path)}]" if path else ""
    mend = suggestion(name, known)
    found = re.search(r'did you mean "(\w+)"', mend)
    if found:
        mend = f"did you mean {PREFIX}{'__'.join([*path, found[1], *rest]).upper()}?"
    return f"unknown setting {quoted(name)}{inside}; {mend}"


def _named(part: str, below: Any) -> str:
    """The name of a provider, a route or the like: one that is there, written as a variable can, else in small letters.

    Raises:
        _Unknown: it could be two.
    """
    names = list(below) if isinstance(below, Mapping) else []
    found = [name for name in names if re.sub(r"[^A-Za-z0-9_]", "_", name).upper() == part.upper()]
    if len(found) > 1:
        raise _Unknown(f'this could be {" or ".join(map(quoted, found))}; set it in the file')
    if not part:
        raise _Unknown("a name between the underscores is empty; write two of them between two levels")
    return found[0] if found else part.lower()


def _value(text: str, kind: Any) -> Any:
    """The value of a variable by the type of its setting; what is no number stays text, and is refused by its type."""
    if kind in {str, date} or get_origin(kind) is Literal:
        return text
    if kind is bool:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if kind in SHORT_FORMS and not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if kind in {int, float}:
            return text
        raise _Unknown("a list or table must be JSON here; mend its syntax") from None


def _bare(kind: Any) -> Any:
    """A type without its None."""
    if get_origin(kind) in {Union, UnionType}:
        return next(one for one in get_args(kind) if one is not type(None))
    return kind


def _types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _references(value: object) -> Iterator[str]:
    """Every variable that a tree refers to."""
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        if found:
            yield found[1]
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _references(one)

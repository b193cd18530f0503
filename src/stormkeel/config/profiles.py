"""Profiles: one file for dev, staging and prod, and what each says differently.

Never mixes credentials: a profile's table of them takes the place of the provider's, so that none of another profile is used.

    [profiles.prod.server]            --profile prod  >  STORMKEEL_PROFILE=prod  >  profile = "prod" in the file
    port = 80
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from .layers import Layer, layer_of_leaves, overlay
from .origins import Fault, Origin, Path
from .settings import NAME, Settings
from .shape import read_struct, read_value
from .source import Source, quoted, suggestion

PROFILE = "STORMKEEL_PROFILE"
OPTION = "--profile"
_OWN = ("include", "profile", "profiles")
_TABLES = dict[str, dict[str, Any]]


def with_profile(layer: Layer, argument: str, environ: Mapping[str, str], source: Source) -> Layer:
    """Return a file's layer with the chosen profile laid over it; the source notes what is wrong with any of the profiles.

    Args:
        layer: the file's, with all it includes.
        argument: the profile an argument names, "" for none.
        environ: names and values.
        source: knows the layer's origins.
    """
    base = layer.without(["profile", "profiles"])
    tables = {name: _table(layer, name) for name in _names(layer, source)}
    chosen, origin = _chosen(layer, argument, environ, source)
    for name, table in tables.items():
        _check(base, table, name, source, is_chosen=name == chosen)
    if not chosen:
        return base
    if chosen not in tables:
        mend = f"{suggestion(chosen, tables)} (or add [profiles.NAME])"
        source.note(Fault(origin, f"there is no profile {quoted(chosen)}; {mend}"))
        return base
    told = layer_of_leaves([(("profile",), chosen, origin)])
    return overlay(overlay(base, tables[chosen].without(_OWN), is_whole=_are_credentials), told)


def _table(layer: Layer, name: str) -> Layer:
    """A profile's own layer."""
    inside = layer.inside(("profiles", name))
    return Layer(inside.tree, {path: replace(origin, profile=name) for path, origin in inside.origins.items()})


def _are_credentials(path: Path) -> bool:
    return len(path) == 3 and (path[0], path[2]) == ("providers", "credentials")


def _names(layer: Layer, source: Source) -> list[str]:
    """The profiles that are tables and have a name."""
    read = read_value(source, dict[str, Any], layer.tree.get("profiles", {}), ("profiles",))
    names = []
    for name, table in read.items() if isinstance(read, dict) else ():
        if not NAME.fullmatch(name):
            text = f"a profile is named {quoted(name)}; use letters, digits, dots, dashes and underscores"
            source.add(("profiles", name), text)
        elif not isinstance(table, dict):
            source.add(("profiles", name), f'the profile "{name}" must be a table, as in [profiles.{name}]')
        else:
            names.append(name)
    return names


def _chosen(layer: Layer, argument: str, environ: Mapping[str, str], source: Source) -> tuple[str, Origin]:
    if argument:
        return argument, Origin("argument", OPTION)
    if named := environ.get(PROFILE, "").strip():
        return named, Origin("environment", PROFILE)
    if "profile" not in layer.tree:
        return "", Origin("default")
    name = read_value(source, str, layer.tree["profile"], ("profile",))
    return (name, layer.origins["profile",]) if isinstance(name, str) else ("", Origin("default"))


def _check(base: Layer, table: Layer, name: str, source: Source, is_chosen: bool) -> None:
    """Note what can't stand in a profile, and the shape of one that is not chosen: a chosen one is read with all the rest."""
    for own in _OWN:
        if own in table.tree:
            source.add(("profiles", name, own), f'"{own}" can\'t stand in a profile; take it out')
    if is_chosen:
        return
    whole = overlay(base, table.without(_OWN), is_whole=_are_credentials)
    local = Source(source.name, whole.origins)
    read_struct(local, Settings, whole.tree, ())
    places = set(table.origins.values())
    for fault in local.faults:
        if fault.origin in places:
            source.note(fault)

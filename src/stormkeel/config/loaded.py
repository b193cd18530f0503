"""Everything that makes a configuration, laid together: files, profile, environment, arguments; and all that is wrong with it.

Never reads a file or the environment itself, never resolves a credential, and never stops at the first mistake.

    argument  >  environment  >  file  >  default
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from .check import complete
from .environment import offered
from .formats import parse
from .formats.document import Unreadable
from .layers import Layer, layer_of, overlay
from .origins import Fault, Origin, Path
from .settings import Kinds, Settings
from .shape import WRONG, read_struct
from .source import Source, refuse


class Files(Protocol):
    """Where files are read from; the disk is one (`assemble/reading.py`)."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            OSError: it can't be read; its `strerror` says why.
        """
        ...

    def find(self, pattern: str) -> list[str]:
        """Return the files that a pattern with `*`, `?` or `[...]` matches, sorted."""
        ...


class Choice(msgspec.Struct, frozen=True):
    """What the arguments of a command or a call say about a configuration; it wins over everything else.

    Attributes:
        profile: the profile to take, "" for the environment's or the file's.
        arguments: single settings by the argument's name, as in {"--port": (("server", "port"), 9000)}.
    """

    profile: str = ""
    arguments: Mapping[str, tuple[Path, object]] = {}


class Inputs(msgspec.Struct, frozen=True):
    """What a configuration is made of beside its file.

    Attributes:
        environ: names and values; a `.env` is already merged in.
        kinds: what is known of providers (`providers.KINDS`).
        choice: what arguments say.
    """

    environ: Mapping[str, str]
    kinds: Kinds
    choice: Choice = Choice()


class Loaded(msgspec.Struct, frozen=True):
    """A configuration and how it came about.

    Attributes:
        settings: what is configured; nothing but defaults where there are faults.
        origins: where each setting comes from that is no default, and each table and element of a list.
        files: every file that was read or should have been, the first one first: watch these.
        folders: folders that included patterns look into: a new file there may count.
        faults: what is wrong, in the order of the files; the first 50.
        more: how many faults there are beyond those.
    """

    settings: Settings
    origins: Mapping[Path, Origin] = {}
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    more: int = 0

    def checked(self) -> Settings:
        """Return the settings of a configuration without faults.

        Raises:
            SettingsError: names the first fault and how many more there are.
        """
        refuse(self.faults, self.more)
        return self.settings


def load_all(name: str, files: Files, inputs: Inputs) -> Loaded:
    """Read a configuration file with all that belongs to it. One that names no provider uses those the environment offers.

    Args:
        name: the file's path, as errors show it; "" for none: the environment is the configuration.
        files: where it is read from.
        inputs: what else counts.
    """
    source = Source(name or "the environment", {})
    layer = _read(name, files, source) if name else Layer()
    source.origins = layer.origins
    if source.faults:
        return _loaded(Settings(), source, (name,))
    return _loaded(settings_of(layer, inputs, source), source, (name,) if name else ())


def settings_of(layer: Layer, inputs: Inputs, source: Source) -> Settings:
    """Return the settings of a layer; the source notes what is wrong."""
    if "providers" not in layer.tree:
        layer = overlay(offered(inputs.environ, inputs.kinds, source), layer)
    source.origins = layer.origins
    settings = read_struct(source, Settings, layer.tree, ())
    return Settings() if settings is WRONG else complete(source, settings, inputs.kinds)


def _read(name: str, files: Files, source: Source) -> Layer:
    try:
        return layer_of(parse(files.read(name), name), name)
    except Unreadable as error:
        source.note(error.fault(name))
    except OSError as error:
        text = f'the configuration "{name}" can\'t be read: {error.strerror}; name another, or mend its rights'
        source.note(Fault(Origin("default"), text))
    return Layer()


def _loaded(settings: Settings, source: Source, files: tuple[str, ...], folders: tuple[str, ...] = ()) -> Loaded:
    places = {name: place for place, name in enumerate(files)}

    def place(fault: Fault) -> tuple[int, int, int]:
        at = fault.origin
        return places.get(at.name, len(places)), at.line, at.column

    faults = tuple(sorted(source.faults, key=place))
    return Loaded(Settings() if faults else settings, source.origins, files, folders, faults, source.more)

"""Everything that makes a configuration, laid together: files, profile, environment, arguments; and all that is wrong with it.

Never reads a file or the environment itself, never resolves a credential, and never stops at the first mistake.

    argument  >  environment  >  file  >  default
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from .check import complete
from .environment import offered
from .includes import Files, Gatherer
from .layers import Layer, layer_of_leaves, overlay
from .origins import DEFAULT, Fault, Origin, Path
from .profiles import with_profile
from .settings import Kinds, Settings
from .shape import WRONG, read_struct
from .source import Source, refuse
from .upkeep import LedgerSettings
from .variables import variables


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
    gatherer = Gatherer(files, source)
    layer = gatherer.gather(name) if name else Layer()
    settings = Settings()
    if not source.faults:  # what stands in a file that can't be read would only be missed everywhere
        layer = laid(layer, inputs, source)
        source.origins = layer.origins
        read = read_struct(source, Settings, layer.tree, ())
        settings = settings if read is WRONG else complete(source, read, inputs.kinds)
    faults = tuple(sorted(source.faults, key=_order(list(gatherer.read))))
    return Loaded(
        Settings() if faults else settings, layer.origins, tuple(gatherer.read), tuple(gatherer.folders), faults, source.more
    )


class Place(msgspec.Struct, frozen=True):
    """Where the ledger is, as far as a configuration says.

    Attributes:
        data: the data folder, "" for the usual one, "memory" for none.
        profile: the profile that was chosen, "" for none.
        origin: where the folder is said.
    """

    data: str
    profile: str
    origin: Origin


def load_place(name: str, files: Files, inputs: Inputs) -> Place:
    """Read of a configuration only where the ledger is; providers may be set up where nobody but the gateway sees it.

    Raises:
        SettingsError: the files or the profile can't be read.
    """
    source = Source(name or "the environment", {})
    layer = Gatherer(files, source).gather(name) if name else Layer()
    source.refuse()
    layer = laid(layer, inputs, source)
    source.origins = layer.origins
    found = read_struct(source, LedgerSettings, layer.tree.get("ledger", {}), ("ledger",))
    source.refuse()
    assert found is not WRONG, "what is wrong was refused"
    return Place(found.data, str(layer.tree.get("profile", "")), layer.origins.get(("ledger", "data"), DEFAULT))


def laid(layer: Layer, inputs: Inputs, source: Source) -> Layer:
    """Lay over a file's layer what counts beside it: its profile, the environment, the arguments."""
    source.origins = layer.origins
    layer = with_profile(layer, inputs.choice.profile, inputs.environ, source)
    if "providers" not in layer.tree:
        layer = overlay(offered(inputs.environ, inputs.kinds, source), layer)
    layer = overlay(layer, variables(inputs.environ, layer, source))
    said = inputs.choice.arguments.items()
    return overlay(layer, layer_of_leaves((path, value, Origin("argument", name)) for name, (path, value) in said))


def _order(files: list[str]) -> Callable[[Fault], tuple[int, int, int]]:
    """In the order of the files and of what stands in them; what stands elsewhere comes last."""
    places = {name: place for place, name in enumerate(files)}
    return lambda fault: (places.get(fault.origin.name, len(places)), fault.origin.line, fault.origin.column)

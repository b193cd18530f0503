"""Which data folder a report is about.

Reads only the place of the ledger in a configuration: the providers' keys may be known to the gateway alone.
"""

from __future__ import annotations

from pathlib import Path

from ...config.paths import data_folder
from ...errors import SettingsError
from ...runtime.credentials.sources import read_environment


def usual_folder(config: Path | None, profile: str) -> Path:
    """Return the data folder that a gateway started here would use.

    Raises:
        SettingsError: the configuration can't be read, or keeps no ledger.
    """
    from ...assemble import MEMORY
    from ...assemble.reading import read_place
    from ...config.loaded import Choice

    environ = read_environment()
    place = read_place(config, environ, Choice(profile))
    if place.data == MEMORY:
        raise SettingsError(f'{place.origin} says data = "{MEMORY}", so nothing is kept; name a folder with --data')
    return Path(place.data) if place.data else data_folder(environ, place.profile)

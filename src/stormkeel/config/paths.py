"""Where things live when nobody says: a pure rule over the environment.

Never looks at the disk, never makes a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingsError


def data_folder(environment: Mapping[str, str], profile: str = "") -> Path:
    """Return the data folder: `$STORMKEEL_DATA`, else `$XDG_DATA_HOME/stormkeel`, else `~/.local/share/stormkeel`.

    A profile has a folder of its own in the last two, so that what dev spends is not booked with prod. A relative `XDG_DATA_HOME`
    is ignored, as the XDG base directory specification asks.

    Raises:
        SettingsError: none of the three is set.
    """
    if own := environment.get("STORMKEEL_DATA"):
        return Path(own)
    if (shared := environment.get("XDG_DATA_HOME", "")).startswith("/"):
        return Path(shared) / "stormkeel" / profile
    if home := environment.get("HOME"):
        return Path(home) / ".local" / "share" / "stormkeel" / profile
    raise SettingsError("no data folder is known, for HOME is not set: set STORMKEEL_DATA to a folder of your own")

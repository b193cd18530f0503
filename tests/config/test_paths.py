"""Where the data folder is when nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormkeel.config.paths import data_folder
from stormkeel.errors import SettingsError

ALL = {"STORMKEEL_DATA": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"}


@pytest.mark.parametrize(
    ("without", "folder"),
    [((), "/a"), (("STORMKEEL_DATA",), "/b/stormkeel"), (("STORMKEEL_DATA", "XDG_DATA_HOME"), "/c/.local/share/stormkeel")],
)
def test_order(without: tuple[str, ...], folder: str) -> None:
    """Our own variable comes first, then the desktop's, then the home folder."""
    assert data_folder({name: value for name, value in ALL.items() if name not in without}) == Path(folder)


def test_a_profile_has_its_own_folder() -> None:
    """The usual folders have one inside for each profile; a folder that somebody named is taken as it is."""
    assert data_folder({"HOME": "/c"}, "dev") == Path("/c/.local/share/stormkeel/dev")
    assert data_folder({"XDG_DATA_HOME": "/b"}, "dev") == Path("/b/stormkeel/dev")
    assert data_folder({"STORMKEEL_DATA": "/a"}, "dev") == Path("/a")


def test_relative_xdg_is_ignored() -> None:
    """A relative XDG_DATA_HOME and empty variables count as unset."""
    assert data_folder({"STORMKEEL_DATA": "", "XDG_DATA_HOME": "b", "HOME": "/c"}) == Path("/c/.local/share/stormkeel")


def test_nothing_set() -> None:
    """Without any of them the error names the variable to set."""
    with pytest.raises(SettingsError, match="STORMKEEL_DATA"):
        data_folder({})

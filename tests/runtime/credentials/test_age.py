"""How old a credential is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stormkeel.config.load import load
from stormkeel.config.settings import Settings
from stormkeel.engine.credentials import DAY, Birth
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS
from stormkeel.runtime.credentials.age import FILE, MOST, Sightings, births_of
from stormkeel.types.secret import Secret

SECRET = Secret("sk-proj-CANARY0123456789abcdef")
KEY = ("openai", "main")
DAY_0 = 1_785_542_400 * 1_000_000_000  # 2026-08-01 in UTC


def settings(credential: str, more: str = "") -> Settings:
    """One provider with one credential."""
    return load(f"[providers.openai.credentials]\nmain = {credential}\n{more}".encode(), {}, KINDS)


def birth(given: Settings, sightings: Sightings, wall: int) -> Birth:
    """The age of the one credential."""
    return births_of(given, {KEY: SECRET}, sightings.first, wall)[KEY]


@pytest.mark.parametrize("said", ["2026-08-01", '"2026-08-01"'])
def test_a_day_in_the_settings_is_believed(said):
    """`created` counts before everything else, as a date of TOML or as text."""
    given = settings(f'{{ ref = "env:KEY", created = {said} }}')
    assert birth(given, Sightings(None), DAY_0 + 5 * DAY) == Birth(DAY_0, 90.0)


@pytest.mark.parametrize("said", ['"soon"', "2026-08-01T10:00:00", "20260801", '"2026-13-01"'])
def test_what_is_no_day_is_refused(said):
    """Anything but a date is told with its place."""
    with pytest.raises(SettingsError, match=r'2:\d+: "created" must be a date, as in 2026-08-01'):
        settings(f'{{ ref = "env:KEY", created = {said} }}')


def test_a_file_is_as_old_as_its_last_change(tmp_path: Path):
    """A credential in a file of its own needs no memory."""
    path = tmp_path / "key"
    path.write_text("x")
    os.utime(path, ns=(DAY_0, DAY_0))
    assert birth(settings(f'"file:{path}"'), Sightings(None), DAY_0 + DAY).at == DAY_0


def test_the_environment_s_is_as_old_as_its_first_sight(tmp_path: Path):
    """What the folder saw first stays over processes; another secret begins anew; without a folder nobody knows."""
    given = settings('"env:KEY"')
    assert birth(given, Sightings(tmp_path), DAY_0).at == DAY_0
    assert birth(given, Sightings(tmp_path), DAY_0 + 100 * DAY).at == DAY_0
    later = births_of(given, {KEY: Secret("sk-another-0123456789abcdef")}, Sightings(tmp_path).first, DAY_0 + 7)
    assert later[KEY].at == DAY_0 + 7
    assert birth(given, Sightings(None), DAY_0).at is None


def test_no_credential_is_written_down(tmp_path: Path):
    """The file holds a salt and hashes, is the owner's alone, and the same credential has another hash in another folder."""
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        Sightings(folder).first(SECRET, 1)
    first, second = ((folder / FILE).read_text() for folder in (tmp_path, tmp_path / "other"))
    assert "CANARY" not in first and first != second
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{}", "nonsense", '{"salt": "00", "first": {}}', '{"salt": 7}'])
def test_a_file_that_makes_no_sense_is_begun_anew(content, tmp_path: Path):
    """A damaged memory costs the age, never the start."""
    (tmp_path / FILE).write_text(content)
    assert Sightings(tmp_path).first(SECRET, 5) == 5
    assert Sightings(tmp_path).first(SECRET, 9) == 5


def test_a_folder_that_can_not_be_written_is_no_fault(tmp_path: Path):
    """Where nothing can be kept, age counts from this process's first sight."""
    sightings = Sightings(tmp_path / "nowhere")
    assert (sightings.first(SECRET, 5), sightings.first(SECRET, 9)) == (5, 5)


def test_the_memory_is_bounded(tmp_path: Path):
    """The credentials seen first are forgotten first."""
    sightings = Sightings(tmp_path)
    for number in range(MOST + 5):
        sightings.first(Secret(f"sk-{number:030}"), number)
    assert Sightings(tmp_path).first(Secret(f"sk-{4:030}"), 10**6) == 10**6
    assert Sightings(tmp_path).first(Secret(f"sk-{MOST:030}"), 10**6) == MOST


@pytest.mark.parametrize(("after", "days", "is_old"), [(90, 89.9, False), (90, 90, True), (0, 9000, False)])
def test_when_it_is_old(after, days, is_old):
    """After the days of the settings, and never where they are 0."""
    given = settings('{ ref = "env:KEY", created = 2026-08-01 }', f"[credentials]\nremind_after_days = {after}\n")
    assert birth(given, Sightings(None), 0).is_old(DAY_0 + int(days * DAY)) is is_old

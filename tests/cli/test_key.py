"""`stormkeel key`: what it prints can be put into a configuration as it is."""

from __future__ import annotations

import tomllib

import pytest
from click.testing import CliRunner

from stormkeel.cli.key import command
from stormkeel.config.keys import hash_of, public_id


@pytest.mark.parametrize("name", ["team-a", 'we"ird\\x', "Grüße 你好"])
def test_it_prints_toml(name: str) -> None:
    """Standard output is the [[keys]] table of that name; the key itself is on standard error, and fits its hash."""
    told = CliRunner().invoke(command, [name])
    (kept,) = tomllib.loads(told.stdout)["keys"]
    key = next(word for word in told.stderr.split() if public_id(word))
    assert kept == {"name": name, "id": public_id(key), "hash": hash_of(key)}


def test_an_admins_key_says_so() -> None:
    """`--admin` marks the key in what the configuration keeps; without it nothing is said."""
    (kept,) = tomllib.loads(CliRunner().invoke(command, ["boss", "--admin"]).stdout)["keys"]
    assert kept["admin"] is True


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x7f"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    """An empty name, or one with control characters, is a usage error, and no key is made."""
    told = CliRunner().invoke(command, [name])
    assert told.exit_code == 2 and told.stdout == ""

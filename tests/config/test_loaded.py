"""Everything that makes a configuration, laid together, and all that is wrong with it."""

from __future__ import annotations

import pytest

from stormkeel.config.loaded import Choice, Files, Inputs, Loaded, load_all
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS


class Shelf:
    """Files in memory."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        if name not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[name].encode()

    def find(self, pattern: str) -> list[str]:
        """Return the files a pattern matches."""
        from fnmatch import fnmatch

        return sorted(name for name in self.files if fnmatch(name, pattern))


def loaded(files: dict[str, str], environ: dict[str, str] | None = None, choice: Choice | None = None) -> Loaded:
    """Load the first of some files."""
    shelf: Files = Shelf(files)
    return load_all(next(iter(files), ""), shelf, Inputs(environ or {}, KINDS, choice or Choice()))


def told(*args, **kwargs) -> list[str]:
    """Load, and return the faults as they are told."""
    return [str(fault) for fault in loaded(*args, **kwargs).faults]


def test_every_mistake_is_told_at_once():
    """All mistakes of a file are collected, in the order in which they stand, and what only follows from another is left out."""
    text = """\
[server]
prot = 1
max_body = 7
[providers.openai]
credentails = { main = "env:A" }
[providers.gpu]
kind = "compatible"
base_url = 5
[routes.fast]
groups = [["openai/a", 7, "gpu/"], [], ["opneai/a", "gpu/b#main"]]
[policies.retry]
attempts = 0
cap = -1
[[keys]]
name = "a b"
key = "env:A"
[[keys]]
nam = "c"
"""
    assert told({"a.toml": text}) == [
        'a.toml:2:1: unknown setting "prot" in [server]; did you mean "port"?',
        'a.toml:3:1: "max_body" is 7: give a number from 1024 to 1.07374e+09 bytes',
        'a.toml:5:1: unknown setting "credentails" in [providers.openai]; did you mean "credentials"?',
        'a.toml:8:1: "base_url" must be text in quotes, not a whole number',
        'a.toml:10:24: number 2 of number 1 of "groups" must be a table, not a whole number',
        'a.toml:10:27: a target at provider "gpu" names no model; write it as "gpu/MODEL"',
        'a.toml:10:36: group 2 of route "fast" is empty; give it a target, or take it out',
        'a.toml:10:41: there is no provider "opneai"; did you mean "openai"? (or add [providers.NAME])',
        'a.toml:10:53: provider "gpu" has no credential "main"; there is none yet',
        'a.toml:12:1: "attempts" is 0: give a number from 1 to 20',
        'a.toml:13:1: "cap" is -1: give a number from 1 to 3600 seconds',
        "a.toml:14:3: a key's \"name\" is \"a b\"; use letters, digits, dots, dashes and underscores",
        'a.toml:18:1: unknown setting "nam" in [keys]; did you mean "name"?',
    ]


def test_a_start_names_the_first_mistake_and_counts_the_others():
    """Who only starts up is told the first mistake, how many others there are, and how to see them."""
    with pytest.raises(SettingsError) as caught:
        loaded({"a.toml": "[server]\nport = -1\nprot = 2\n"}).checked()
    assert str(caught.value) == (
        'a.toml:2:1: "port" is -1: give a number from 0 to 65535\n1 more mistake: run `stormkeel check` to see them all'
    )


def test_where_each_setting_comes_from_is_known():
    """A setting of the file has its line and column there, a provider of the environment its variables; defaults have none."""
    found = loaded({"a.toml": "[server]\nport = 1\n"}, {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "https://a.example.com/v1"})
    assert {path: str(origin) for path, origin in found.origins.items()} == {
        ("server",): "a.toml:1:2",
        ("server", "port"): "a.toml:2:1",
        ("providers",): "environment variable OPENAI_API_KEY",
        ("providers", "openai"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "kind"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "base_url"): "environment variable OPENAI_BASE_URL",
        ("providers", "openai", "credentials"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "credentials", "main"): "environment variable OPENAI_API_KEY",
    }
    assert found.checked().server.port == 1


def test_a_file_that_is_not_there_is_a_fault():
    """A configuration that can't be read is told with the reason, and still counts among the files to watch."""
    found = load_all("b.toml", Shelf({}), Inputs({}, KINDS))
    assert [str(fault) for fault in found.faults] == [
        'the configuration "b.toml" can\'t be read: No such file or directory; name another, or mend its rights'
    ]
    assert found.files == ("b.toml",)

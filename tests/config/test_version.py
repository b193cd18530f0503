"""The version of a configuration."""

import re

from stormkeel.config.load import load
from stormkeel.config.version import version_of
from stormkeel.providers import KINDS

ONE = b"""
[providers.openai.credentials]
main = "env:A"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
"""


def version(raw: bytes) -> str:
    """The version of a file's settings."""
    return version_of(load(raw, {"OPENAI_API_KEY": "sk-1"}, KINDS))


def test_the_same_settings_have_the_same_version():
    """Comments, order and written-out defaults change nothing; the name is short and safe everywhere."""
    other = b'# hello\n[routes.fast]\ngroups = [["openai/gpt-5.4-mini"]]\nstrategy = "weighted"\n' + ONE.split(b"[routes")[0]
    assert version(ONE) == version(other)
    assert re.fullmatch(r"[0-9a-f]{10}", version(ONE))


def test_any_setting_makes_another_version():
    """Each change of what is configured is another version, a reference too."""
    changes = [ONE.replace(b"env:A", b"env:B"), ONE.replace(b"mini", b"nano"), ONE + b"[policies.retry]\nattempts = 2\n"]
    assert len({version(raw) for raw in [ONE, *changes]}) == 4

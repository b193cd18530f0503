"""How users' values and names are written into errors."""

from datetime import date

import pytest

from stormkeel.config.origins import Origin
from stormkeel.config.source import Source, quoted, suggestion, type_name
from stormkeel.errors import SettingsError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("fast", '"fast"'), ("claude-haiku-4-5-20251001", '"claude-haiku-4-5-20251001"'), (7, "7"), (1.5, "1.5"), (True, "true"),
        ([1], "a list"), ({}, "a table"),
        ("sk-short", "a text of 8 characters"), ("a" * 61, "a text of 61 characters"),
        ("gsk_Zt04canaryU2mX9aLw4", "a text of 23 characters"), ("Bearer Zt04canaryU2mX9aLw4xyz", "a text of 29 characters"),
    ],
)  # fmt: skip
def test_values_are_quoted_unless_they_may_be_secrets(value: object, text: str):
    """S-37: names are shown in quotes; what begins or looks like a key, or is long, is only measured."""
    assert quoted(value) == text


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("prot", ["port", "host"], 'did you mean "port"?'),
        ("zzz", ["port", "host"], 'known: "host", "port"'),
        ("zzz", [], "there is none yet"),
        (
            "zzz",
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"],
            'known: "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", ...',
        ),
    ],
)
def test_a_name_nobody_knows_gets_the_nearest_or_the_list(name: str, known: list[str], text: str):
    """The mend is the nearest known name, else the known names, not too many of them."""
    assert suggestion(name, known) == text


def test_a_fault_stands_at_the_nearest_known_place():
    """A setting that has no place of its own is placed at its table; what has none at all, in the file."""
    source = Source("f.toml", {("a",): Origin("file", "f.toml", 3, 1), ("a", "b"): Origin("environment", "A_B")})
    for path in (("a", "b"), ("a", "c", 1), ("z",)):
        source.add(path, "x")
    assert [str(fault) for fault in source.faults] == ["environment variable A_B: x", "f.toml:3:1: x", "f.toml: x"]
    assert [type_name(None), type_name(date(2026, 1, 1))] == ["nothing", "date or time"]


def test_faults_are_bounded_and_told_once():
    """The same fault counts once, only the first 50 are kept, and who starts up is told the first and how many others."""
    source = Source("f.toml", {})
    for number in range(60):
        source.add(("a", number), f"wrong {number}; mend it")
        source.add(("a", number), f"wrong {number}; mend it")
    assert (len(source.faults), source.more) == (50, 10)
    with pytest.raises(SettingsError) as caught:
        source.refuse()
    assert str(caught.value) == "f.toml: wrong 0; mend it (and 59 more mistakes: run `stormkeel check`)"


def test_what_depends_on_a_fault_is_known():
    """A path is wrong where a fault is at it, around it or below it, and nowhere else."""
    source = Source("f.toml", {})
    source.add(("a", "b"), "x")
    assert [source.is_wrong(path) for path in (("a",), ("a", "b"), ("a", "b", 1), ("a", "c"), ("z",))] == [
        True, True, True, False, False,
    ]  # fmt: skip

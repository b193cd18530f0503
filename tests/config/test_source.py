"""How users' values and names are written into errors."""

import pytest

from stormkeel.config.source import Source, quoted, suggestion, type_name


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
        ("zzz", ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"],
         'known: "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", ...'),
    ],
)
def test_a_name_nobody_knows_gets_the_nearest_or_the_list(name: str, known: list[str], text: str):
    """The mend is the nearest known name, else the known names, not too many of them."""
    assert suggestion(name, known) == text


def test_an_error_stands_at_the_nearest_known_place():
    """A setting that has no line of its own is placed at its table; what has none at all, in the file."""
    source = Source("f.toml", {("a",): 3, ("a", "b"): 5})
    assert str(source.error(("a", "b"), "x")) == "f.toml:5: x"
    assert str(source.error(("a", "c", 1), "x")) == "f.toml:3: x"
    assert str(source.error(("z",), "x")) == "f.toml: x"
    assert type_name(None) == "date or time"

"""The formats of a configuration: the same tree from each, with the place of everything in it."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.formats import parse
from stormkeel.config.formats.document import Unreadable

TEXTS = {
    "a.toml": '[server]\nport = 1\n[routes.fast]\ngroups = [["a/b", { provider = "c" }]]\n',
    "a.yaml": 'server:\n  port: 1\nroutes:\n  fast:\n    groups: [[a/b, {provider: c}]]\n',
    "a.json": '{"server": {"port": 1},\n "routes": {"fast": {"groups": [["a/b", {"provider": "c"}]]}}}',
}  # fmt: skip


def test_each_format_says_the_same():
    """The same settings written in TOML, YAML and JSON are the same tree with the same paths."""
    documents = [parse(text.encode(), name) for name, text in TEXTS.items()]
    assert [one.tree for one in documents] == [
        {"server": {"port": 1}, "routes": {"fast": {"groups": [["a/b", {"provider": "c"}]]}}}
    ] * 3
    assert len({frozenset(one.spots) for one in documents}) == 1


def test_places_in_yaml():
    """Names and elements have their line and column; what an alias or a merge brings has the place of its anchor."""
    text = 'a: &x {b: 1, "c": [1, 2]}\nd: *x\ne:\n  <<: *x\n  c:\n  - z\n'
    spots = parse(text.encode(), "a.yml").spots
    assert spots == {
        ("a",): (1, 1), ("a", "b"): (1, 8), ("a", "c"): (1, 14), ("a", "c", 0): (1, 20), ("a", "c", 1): (1, 23),
        ("d",): (2, 1), ("d", "b"): (1, 8), ("d", "c"): (1, 14), ("d", "c", 0): (1, 20), ("d", "c", 1): (1, 23),
        ("e",): (3, 1), ("e", "b"): (1, 8), ("e", "c"): (5, 3), ("e", "c", 0): (6, 5),
    }  # fmt: skip


def test_places_in_json():
    """Names stand at their quotes, elements where they begin, after any blanks, with any line ends."""
    text = '\ufeff{ "a\\"b" : [ 1,\r\n  {"c": "}"}, "x" ] , "d": {} }'
    assert parse(text.encode(), "A.JSON").spots == {
        ('a"b',): (1, 3), ('a"b', 0): (1, 14), ('a"b', 1): (2, 3), ('a"b', 1, "c"): (2, 4), ('a"b', 2): (2, 15), ("d",): (2, 23),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None), ("12", 12), ("-3", -3), ("0", 0), ("0x1F", 31),
        ("0o17", 15), ("1e5", 1e5), (".5", 0.5), ("1.", 1.0), ("-.INF", -math.inf), ("2026-11-21", "2026-11-21"), ("y", "y"), ("=", "="),
        ("'no'", "no"), ('"1_000"', "1_000"), ("env:A", "env:A"), ("openai/gpt-5.4", "openai/gpt-5.4"),
        ("|\n  a\n  b", "a\nb"), ("1.2.3", "1.2.3"), ("127.0.0.1", "127.0.0.1"),
    ],
)  # fmt: skip
def test_plain_values_of_yaml(text: str, value: object):
    """What stands without quotes is read by YAML 1.2; what stands in them is text."""
    assert parse(f"a: {text}".encode(), "a.yaml").tree == {"a": value}


@pytest.mark.parametrize(
    "text", ["no", "Yes", "ON", "off", "010", "-07", "1_000", "0b11", "0x1_F", "1_0.5", "1:30", "190:20:30.15"]
)
def test_traps_of_yaml_are_refused(text: str):
    """What YAML 1.1 and 1.2 read differently is refused, and readers of 1.1 do read it as something other than text."""
    with pytest.raises(Unreadable, match="without quotes is"):
        parse(f"a: {text}".encode(), "a.yaml")
    assert not isinstance(yaml.safe_load(f"a: {text}")["a"], str)


def test_names_of_yaml_are_words():
    """A setting's name is the word as it is written, whatever it would be as a value."""
    assert parse(b"on: 1\n8080: 2\n1_0: 3", "a.yaml").tree == {"on": 1, "8080": 2, "1_0": 3}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "a: &a [*a]", "contains itself"),
        ("a.yaml", "? [a]\n: b", "a name is a list"),
        ("a.yaml", "a: 'x\x01'", r"holds the character U\+0001"),
        ("a.yaml", "[" * 5000, "nested too deep"),
        ("a.yaml", "a: &a [x,x]\n" + "".join(f"a{n}: &b{n} [{', '.join(['*' + ('a' if not n else f'b{n - 1}')] * 9)}]\n" for n in range(9)),
         "its aliases make more than 100,000 values"),
        ("a.yaml", 'a: "\\ud83d"', "half a character"),
        ("a.yaml", "a: " + "9" * 200, "too many digits"),
        ("a.yaml", "a: !x b", "has a tag"),
        ("a.yaml", "a: &secretcanary x\nb: *secretcanaries", "found undefined alias"),
        ("a.json", '{"a": "\\ud83d"}', "half a character"),
        ("a.json", '{"a": Infinity}', "Infinity is no number of JSON"),
        ("a.json", '{"a": ' + "9" * 5000 + "}", "too many digits"),
        ("a.json", "[" * 100_000, "nested too deep"),
        ("a.json", "7", "not a single value"),
        ("a.toml", "a = " + "9" * 5000, "too many digits"),
        ("stormkeel", "", "its name has no suffix"),
    ],
)  # fmt: skip
def test_what_no_configuration_may_hold(name: str, text: str, words: str):
    """Hostile and broken documents are refused in words, in bounded time, and without what might be a secret."""
    with pytest.raises(Unreadable, match=words) as caught:
        parse(text.encode(), name)
    assert "canary" not in str(caught.value)


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"), max_size=6
)
TREES = st.dictionaries(
    WORDS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
        max_leaves=10,
    ),
    max_size=4,
)


def _paths(value: object, path: tuple) -> list[tuple]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, one in children for found in ((*path, name), *_paths(one, (*path, name)))]


@given(TREES, st.sampled_from([None, 0, 3]))
def test_json_is_read_back(tree: dict, indent: int | None):
    """Whatever is written as JSON is read back, and each of its paths, no other, has a place."""
    document = parse(json.dumps(tree, indent=indent).encode(), "a.json")
    assert document.tree == tree
    assert set(document.spots) == set(_paths(tree, ()))


@given(TREES)
def test_yaml_is_read_back(tree: dict):
    """JSON is YAML: what is written so means the same in both, and has the same places."""
    text = json.dumps(tree, ensure_ascii=False).encode()
    assert parse(text, "a.yaml") == parse(text, "a.json")


@given(st.binary(max_size=60), st.sampled_from(["a.toml", "a.yaml", "a.json"]))
def test_any_bytes_are_read_or_refused(raw: bytes, name: str):
    """Whatever stands in a file, the answer is a document or words."""
    try:
        tree = parse(raw, name).tree
    except Unreadable:
        return
    assert isinstance(tree, dict)

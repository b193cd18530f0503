"""Where each setting of a TOML file stands."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.formats.toml_spots import find_spots

DOCUMENT = '''\
# a comment with = and [brackets]
title = "a # no comment"  # one
"quoted key" = 1
a.b . "c.d" = 2

[one]
text = """
[not.a.table]
x = "y"
"""
raw = \'\'\'
[nor this]\'\'\'
list = [
  1,  # ]
  [2, 3],
  { x = 1, y = "}" },

  4,
]
when = 2026-11-21T10:00:00Z

[one.two]
x = {a = [1, 2]}

[[many]]
n = 1
[many.sub]
z = 1
[[many]]
n = 2
[[many.deep]]
k = 1
'''

SPOTS = {
    ("title",): (2, 1), ("quoted key",): (3, 1), ("a",): (4, 1), ("a", "b"): (4, 3), ("a", "b", "c.d"): (4, 7), ("one",): (6, 2),
    ("one", "text"): (7, 1), ("one", "raw"): (11, 1), ("one", "list"): (13, 1), ("one", "list", 0): (14, 3),
    ("one", "list", 1): (15, 3), ("one", "list", 1, 1): (15, 7), ("one", "list", 2, "y"): (16, 12), ("one", "list", 3): (18, 3),
    ("one", "when"): (20, 1), ("one", "two"): (22, 6), ("one", "two", "x", "a", 1): (23, 14), ("many",): (25, 3),
    ("many", 0): (25, 3), ("many", 0, "n"): (26, 1), ("many", 0, "sub"): (27, 7), ("many", 0, "sub", "z"): (28, 1),
    ("many", 1): (29, 3), ("many", 1, "n"): (30, 1), ("many", 1, "deep"): (31, 8), ("many", 1, "deep", 0): (31, 8),
    ("many", 1, "deep", 0, "k"): (32, 1),
}  # fmt: skip


def test_each_setting_is_found_in_its_place():
    """Tables, dotted and quoted keys, arrays, inline tables, arrays of tables and many-line texts: each has its line and column."""
    tomllib.loads(DOCUMENT)
    spots = find_spots(DOCUMENT)
    assert {path: spots.get(path) for path in SPOTS} == SPOTS


VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c d", "#", "=", "]"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["x", "y", "z w"]), VALUES, max_size=3))
def test_every_path_of_a_document_has_a_spot(tree: dict[str, object]):
    """Whatever a document holds, each of its paths has a spot, and no other path has one."""
    text = "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in tree.items())
    assert tomllib.loads(text) == tree
    assert set(find_spots(text)) == set(_paths(tree, ()))


def _key(name: str) -> str:
    return f"'{name}'"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n # ]\n".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _paths(value: object, path: tuple) -> list[tuple]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for name, one in children:
        found += _paths(one, (*path, name))
    return found

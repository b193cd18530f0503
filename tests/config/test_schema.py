"""The schema that editors check by, and the text of settings, agree with what is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stormkeel.config.flat import dotted, leaves_of
from stormkeel.config.load import load
from stormkeel.config.schema import schema
from stormkeel.config.settings import Settings
from stormkeel.config.tree import toml_of, tree_of
from stormkeel.policies.breaker import BreakerSettings
from stormkeel.providers import KINDS

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "stormkeel.toml"
SCHEMA = schema()
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def wrong(value: Any, shape: dict[str, Any], path: str = "") -> Iterator[str]:
    """Walk a value along a schema, and tell what it refuses: the words of draft 2020-12 that ours uses."""
    if "$ref" in shape:
        yield from wrong(value, SCHEMA["$defs"][shape["$ref"].removeprefix("#/$defs/")], path)
    if "anyOf" in shape and all(list(wrong(value, one, path)) for one in shape["anyOf"]):
        yield f"{path}: none of anyOf"
    if "enum" in shape and value not in shape["enum"]:
        yield f"{path}: not in enum"
    kind = shape.get("type")
    if shape.get("format") == "date" and isinstance(value, date):
        value = value.isoformat()  # a date of TOML's own is a text to whoever checks by a schema
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: no {kind}"
    elif kind in {"integer", "number"} and not shape.get("minimum", value) <= value <= shape.get("maximum", value):
        yield f"{path}: out of range"
    elif kind == "string" and not re.search(shape.get("pattern", ""), value):
        yield f"{path}: no match"
    elif kind == "array":
        for index, one in enumerate(value):
            yield from wrong(one, shape.get("items", {}), f"{path}[{index}]")
    elif kind == "object":
        yield from wrong_table(value, shape, path)


def wrong_table(value: dict[str, Any], shape: dict[str, Any], path: str) -> Iterator[str]:
    """As `wrong`, of an object."""
    yield from (f"{path}: {name} is missing" for name in shape.get("required", []) if name not in value)
    names = shape.get("propertyNames", {}).get("pattern", "")
    for name, one in value.items():
        inner = shape.get("properties", {}).get(name, shape.get("additionalProperties", {}))
        if inner is False or not re.search(names, name):
            yield f"{path}: {name} is unknown"
        else:
            yield from wrong(one, inner, f"{path}.{name}")


def blocks(language: str) -> list[str]:
    """The configurations that the documents show in a language."""
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    found = [
        block for page in pages for block in re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert found or language != "toml"
    return found


@pytest.mark.parametrize("text", [EXAMPLE.read_text(), *blocks("toml")])
def test_documented_toml_keeps_to_the_schema(text: str):
    """Every TOML block of the documents, and the example, is valid by the schema."""
    assert list(wrong(tomllib.loads(text), SCHEMA)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("servr: {}", ": servr is unknown"),
        ("server: {port: 70000}", ".server.port: out of range"),
        ("server: {port: '1'}", ".server.port: no integer"),
        ("server: {port: true}", ".server.port: no integer"),
        ("telemetry: {level: loud}", ".telemetry.level: not in enum"),
        ("routes: {fast: {groups: [[a]]}}", ".routes.fast.groups[0][0]: none of anyOf"),
        ("routes: {fast: {groups: [[{provider: a}]]}}", ".routes.fast.groups[0][0]: none of anyOf"),
        ("keys: [{key: env:A}]", ".keys[0]: name is missing"),
        ("providers: {openai: {credentials: {main: sk-canary}}}", ".providers.openai.credentials.main: none of anyOf"),
        ("profiles: {dev: {server: {prot: 1}}}", ".profiles.dev.server: prot is unknown"),
        ("profiles: {'../x': {}}", ".profiles: ../x is unknown"),
        ("profiles: {dev: {profile: x}}", ".profiles.dev: profile is unknown"),
    ],
)
def test_the_schema_refuses_what_we_refuse(text: str, said: str):
    """What is wrong by itself is wrong by the schema."""
    assert list(wrong(yaml.safe_load(text), SCHEMA)) == [said]


def test_ranges_are_those_of_the_checks():
    """Each number's range is what its own check takes, as wide as other settings may make it."""
    tables = SCHEMA["$defs"]
    ends = {
        (table, name): (shape.get("minimum"), shape.get("maximum"))
        for table in ("Server", "Breaker", "Retry", "Budget", "Target")
        for name, shape in tables[table]["properties"].items()
    }
    assert ends["Server", "port"] == (0, 65_535)
    assert ends["Server", "max_body"] == (1024, 2**30)
    assert ends["Retry", "cap"] == (0.001, 3600.0)
    assert ends["Retry", "max_hint"] == (0.0, 86_400.0)
    assert ends["Budget", "transient_cost"] == (1, 1_000_000)
    assert ends["Target", "rpm"] == (1, 1_000_000_000_000)
    assert ends["Breaker", "share"] == (0.01, 1.0)
    assert ends["Breaker", "permits"] == (None, None)
    assert BreakerSettings(share=0.01).share == 0.01


def test_every_setting_is_described():
    """Every setting of every table has words, so that an editor can show them; none is forgotten in a docstring."""
    bare = [
        f"{table}.{name}"
        for table, shape in [("", SCHEMA), *SCHEMA["$defs"].items()]
        for name, inner in shape["properties"].items()
        if "description" not in inner and "$ref" not in inner
    ]
    assert bare == []


WHOLE = load(EXAMPLE.read_bytes(), {}, KINDS)


def test_settings_are_read_back():
    """Settings written as TOML or JSON, defaults and all, are read back as the same settings, and keep to the schema."""
    assert load(toml_of(tree_of(WHOLE)).encode(), {}, KINDS) == WHOLE
    assert load(msgspec.json.encode(tree_of(WHOLE)), {}, KINDS, "a.json") == WHOLE
    assert list(wrong(tree_of(WHOLE), SCHEMA)) == []
    odd = load(b'[routes."a b\\u007f\\n\\"c"]\ngroups = [["openai/x"]]\n', {"OPENAI_API_KEY": "x"}, KINDS)
    assert load(toml_of(tree_of(odd)).encode(), {}, KINDS) == odd


def test_leaves_have_a_path_and_a_value():
    """Every setting is a leaf with a path people can read; small tables are written as people would."""
    leaves = {dotted(path): value for path, value in leaves_of(WHOLE)}
    assert leaves["routes.fast.groups[0][0]"] == "openai/gpt-5.4-mini"
    assert leaves["routes.fast.groups[0][1]"] == {
        "provider": "groq", "model": "openai/gpt-oss-120b", "weight": 0.5, "rpm": 300, "tpm": 200000, "concurrency": 20,
    }  # fmt: skip
    assert leaves["providers.openai.credentials.main"] == "env:OPENAI_API_KEY"
    assert leaves["policies.breaker.permits"] == [1, 3, 10]
    assert leaves["keys[0]"] == {"name": "team-a", "key": "env:STORMKEEL_KEY_TEAM_A"}
    assert {path.partition(".")[0] for path in map(dotted, (path for path, _ in leaves_of(Settings())))} >= {
        "keys", "default_model", "fallback_route", "policies", "server", "ledger", "telemetry", "profile",
    }  # fmt: skip


def test_the_example_in_yaml_keeps_to_the_schema():
    """The example in YAML is valid by the schema it names."""
    assert list(wrong(yaml.safe_load(EXAMPLE.with_suffix(".yaml").read_text()), SCHEMA)) == []

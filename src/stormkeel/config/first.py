"""A first configuration file, with words: what was found, as text in one of the formats.

Never looks for anything itself, and never writes a secret: credentials are references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal

import msgspec

from .tree import toml_of

Form = Literal["toml", "yaml", "json"]


_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


class Part(msgspec.Struct, frozen=True):
    """A part of the file: what is said about it, and what it sets.

    Attributes:
        words: lines of comment before it.
        tree: the settings.
        is_hint: is it only shown, as a comment, for whoever wants it?
    """

    words: tuple[str, ...]
    tree: Mapping[str, Any]
    is_hint: bool = False


HEAD = Part((
    "What Stormkeel calls, and how. `stormkeel check` looks it over, `stormkeel config show --origin` tells what counts.",
    'Secrets are never written here, only where they are: "env:NAME" or "file:PATH".',
), {})  # fmt: skip
HINTS = (
    Part(
        ("Keys of your callers; without any, the gateway serves this machine only. `stormkeel key NAME` makes one.",),
        {"keys": [{"name": "team-a", "key": "env:STORMKEEL_KEY_TEAM_A"}]},
        is_hint=True,
    ),
    Part(
        ("What dev and prod do differently: `--profile prod`, or STORMKEEL_PROFILE=prod.",),
        {"profiles": {"dev": {"telemetry": {"level": "info"}}, "prod": {"telemetry": {"level": "warning"}}}},
        is_hint=True,
    ),
    Part(("The gateway's door.",), {"server": {"host": "127.0.0.1", "port": 8787}}, is_hint=True),
)


def first_file(providers: Mapping[str, tuple[str, Mapping[str, Any]]], groups: list[list[str]], form: Form) -> str:
    """Write a first file.

    Args:
        providers: by name: why it is here, and its settings.
        groups: the groups of the first route, of targets in their short form; none for no route.
        form: the format; JSON has no words and no hints.
    """
    parts = [HEAD, *_parts(providers, groups), *HINTS]
    if form == "json":
        return json.dumps(_joined(parts), indent=2, ensure_ascii=False) + "\n"
    texts = [_text(part, form, part.tree.keys() == before.tree.keys()) for before, part in pairwise(parts)]
    return "\n".join([_text(HEAD, form, False), *texts])


def _parts(providers: Mapping[str, tuple[str, Mapping[str, Any]]], groups: list[list[str]]) -> Iterator[Part]:
    if groups:
        yield Part(("The model or route where a caller names none.",), {"default_model": "fast"})
    for name, (why, settings) in providers.items():
        yield Part((why,), {"providers": {name: dict(settings)}})
    if groups:
        words = "What the name \"fast\" stands for: the groups are tried in their order, the models of one group share the load."
        yield Part((words, "The models are examples: name those you use."), {"routes": {"fast": {"groups": groups}}})


def _text(part: Part, form: Form, goes_on: bool) -> str:
    """A part's text; in YAML one that goes on with the table of the part before does not begin it anew."""
    text = "" if not part.tree else toml_of(part.tree) if form == "toml" else yaml_of(part.tree)
    indent = "  " if goes_on and form == "yaml" else ""
    if indent:
        text = text.partition("\n")[2]
    if part.is_hint:
        text = "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
    return "".join(f"{indent}# {line}\n" for line in part.words) + text


def _joined(parts: list[Part]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for part in parts:
        for name, value in {} if part.is_hint else part.tree.items():
            tree[name] = {**tree[name], **value} if name in tree else value
    return tree


def yaml_of(tree: Mapping[str, Any]) -> str:
    """Write a tree as YAML: every text in quotes, so that no reader takes it for something else."""
    return "\n".join(_yaml_lines(tree)) + "\n"


def _yaml_lines(tree: Mapping[str, Any]) -> Iterator[str]:
    for name, value in tree.items():
        key = name if _BARE.fullmatch(name) and name.lower() not in _WORDS else json.dumps(name, ensure_ascii=False)
        if isinstance(value, Mapping) and value:
            yield f"{key}:"
            yield from (f"  {line}" for line in _yaml_lines(value))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping | list):
            yield f"{key}:"
            yield from (f"  - {json.dumps(one, ensure_ascii=False)}" for one in value)
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"

"""The tables of docs/reference, made from the code: commands, settings, failures, metrics, the Python surface.

Never holds words of its own about a thing: they are the code's help texts, docstrings and descriptions.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

import stormkeel
from stormkeel.catalog.tiers import POOLS, TIERS
from stormkeel.cli import cli
from stormkeel.config.schema import schema
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.errors import CLASSES, STATUS
from stormkeel.types.failure import RULES, Charge, Failure, FailureKind

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = {"never": "no", "once": "once", "backoff": "after a backoff", "after_hint": "after the hint", "mended": "once, mended"}
"""How `types.failure.Again` reads."""


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def told(dialect: Dialect, kind: FailureKind) -> tuple[int, dict[str, str]]:
    """Return the status and the `error` object a dialect tells a kind of failure with."""
    status, body = dialect.write_error(Failure(kind, "words"), "req_1")
    error: dict[str, str] = msgspec.json.decode(body)["error"]
    return status, error


# --- tiers


def tiers() -> str:
    """Every known tier's figures, with their source and date."""
    rows = [
        (f"`{kind}`", f"`{tier}`", ", ".join(f"`{name}`" for name in row.models),
         ", ".join(f"{amount:,} {name}" for name, amount in row.limits.items()), row.source, row.as_of)
        for kind, known in TIERS.items() for tier, found in known.items() for row in found
    ]  # fmt: skip
    return table(("provider", "tier", "models", "limits", "source", "as of"), rows)


def pools() -> str:
    """Every known pool, with its source and date."""
    rows = [
        (f"`{kind}`", f"`{pool.name}`", ", ".join(f"`{name}`" for name in pool.models), pool.source, pool.as_of)
        for kind, found in POOLS.items() for pool in found
    ]  # fmt: skip
    return table(("provider", "pool", "models", "source", "as of"), rows)


# --- commands


def commands() -> str:
    """Every command with its arguments and options."""
    return "\n\n".join(_command(path, command) for path, command in _walk("stormkeel", cli))


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _walk(f"{path} {name}", inner)


def _command(path: str, command: click.Command) -> str:
    usage = " ".join([path, *command.collect_usage_pieces(click.Context(command))])
    words = inspect.cleandoc(command.help or "").replace("\b\n", "")
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    parts = [f"{'#' * (path.count(' ') + 2)} {path}", f"```text\n{usage}\n```", _paragraphs(words)]
    if options:
        parts.append(table(("option", "", "default"), [_option(option) for option in options]))
    return "\n\n".join(parts)


def _paragraphs(words: str) -> str:
    """Return help as Markdown: what is indented or aligned stays as it is, the rest flows."""
    shown = []
    for part in words.split("\n\n"):
        shown.append(f"```text\n{part}\n```" if "   " in part else " ".join(part.split()).replace("<", "\\<"))
    return "\n\n".join(shown)


def _option(option: click.Option) -> tuple[str, str, str]:
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {_value(option)}"
    words, _, said = (option.help or "").partition(" [default: ")
    if option.show_default and option.default not in {None, ()}:
        default = option.default
        said = ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)
    return f"{flags}{value}", words, said.removesuffix(".").removesuffix("]")


def _value(option: click.Option) -> str:
    kind = option.type
    if isinstance(kind, click.Choice):
        return ", ".join(kind.choices)
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{kind.name.split()[0]}, {kind._describe_range()}"
    return kind.name


# --- settings


def settings() -> str:
    """Every setting of a configuration file, a table for each of its tables."""
    whole = schema()
    inner: dict[str, Any] = whole.pop("$defs")
    parts = [_settings("", whole, inner)]
    parts += [_settings(path, shape, inner) for path, shape in _tables("", whole, inner)]
    return "\n\n".join(parts)


def _tables(path: str, shape: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, one in shape["properties"].items():
        found = _inner(f"{path}.{name}".lstrip("."), one, known)
        if found and name != "profiles":
            yield found
            yield from _tables(*found, known)


def _inner(path: str, one: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Return the table that a setting is or holds, with its path."""
    if "$ref" in one:
        return path, known[one["$ref"].rpartition("/")[2]]
    if "anyOf" in one:
        return _inner(path, one["anyOf"][1], known)
    if isinstance(one.get("additionalProperties"), dict):
        return _inner(f"{path}.NAME", one["additionalProperties"], known)
    if "items" in one:
        return _inner(f"{path}[]" if not path.endswith("[]") else path, one["items"], known)
    return None


def _settings(path: str, shape: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    rows = []
    for name, one in shape["properties"].items():
        is_table = "$ref" in one
        kind = "table" if is_table else _kind(one)
        words = one.get("description") or (known[one["$ref"].rpartition("/")[2]]["description"] if is_table else "")
        rows.append((f"`{name}`", kind, _default(one.get("default")), _range(one), words))
    title = f"`[{path}]`" if path else "The outermost settings"
    head = ("setting", "type", "default", "range", "")
    return "\n\n".join([f"## {title}", shape["description"], table(head, rows)])


def _kind(one: Mapping[str, Any]) -> str:
    if "enum" in one:
        return " or ".join(f"`{value}`" for value in one["enum"])
    if "$ref" in one:
        return "table"
    if "anyOf" in one:
        return "text or table"
    if one["type"] == "array":
        return f"list of {_kind(one['items'])}"
    if one["type"] == "object":
        inner = one["additionalProperties"]
        return f"table of {'tables' if '$ref' in inner else _kind(inner)}"
    if one.get("format") == "date":
        return "date"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}[one["type"]]


def _default(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_default(one) for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _range(one: Mapping[str, Any]) -> str:
    if "minimum" not in one:
        return ""
    return " to ".join(f"{int(end) if end == int(end) else end:,}" for end in (one["minimum"], one["maximum"]))


# --- failures


def failures() -> str:
    """Each kind of failure with everything that follows from it."""
    rows = []
    for kind, rule in RULES.items():
        status = STATUS[kind]
        _, chat = told(OpenAIChat(), kind)
        other, messages = told(AnthropicMessages(), kind)
        rows.append((
            f"`{kind.value}`", f"`{CLASSES[kind].__name__}`", f"{status}" if other == status else f"{status}; {other}",
            f"`{chat['type']}` / `{chat['code']}`", f"`{messages['type']}`", AGAIN[rule.again.value], _yes(rule.elsewhere),
            _yes(rule.trips), _yes(rule.parks), "estimate" if rule.charge is Charge.UNKNOWN else "nothing",
        ))  # fmt: skip
    head = (
        "kind", "exception", "status", "OpenAI: type / code", "Anthropic: type", "again?", "elsewhere?", "breaker?", "set aside?",
        "charged",
    )  # fmt: skip
    return table(head, rows)


def _yes(says: bool) -> str:
    return "yes" if says else "no"


def exceptions() -> str:
    """Each exception, what it is below, and when it is raised."""
    rows = []
    for name in sorted(stormkeel.__all__):
        known = getattr(stormkeel, name)
        if isinstance(known, type) and issubclass(known, Exception):
            kinds = ", ".join(f"`{kind.value}`" for kind, one in CLASSES.items() if one is known)
            bases = ", ".join(f"`{base.__name__}`" for base in known.__bases__)
            rows.append((f"`{name}`", bases, kinds, _first(known)))
    assert {f"`{one.__name__}`" for one in CLASSES.values()} <= {row[0] for row in rows}
    return table(("exception", "is a", "kinds", ""), rows)


def _first(thing: object) -> str:
    """Return the first sentence of a docstring."""
    words = " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    return words.removesuffix(".")


# --- metrics


def metrics(families: Iterable[Any]) -> str:
    """Each metric of a scrape."""
    rows = []
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, ", ".join(f"`{label}`" for label in family._labelnames), family.documentation))
    return table(("metric", "type", "labels", ""), rows)


# --- the Python surface


def python() -> str:
    """Each public name in one line, by what it is."""
    groups: dict[str, list[tuple[str, ...]]] = {"Calling": [], "Guarding": [], "Values": []}
    for name in sorted(stormkeel.__all__):
        thing = getattr(stormkeel, name)
        is_exception = isinstance(thing, type) and issubclass(thing, Exception)  # they have a page of their own
        if not name.startswith("__") and not is_exception:
            groups[_group(thing)].append((f"`{name}`", _first(thing)))
    return "\n\n".join(f"## {title}\n\n{table(('name', ''), rows)}" for title, rows in groups.items())


def _group(thing: Any) -> str:
    if "resilience" in thing.__module__:
        return "Guarding"
    is_value = isinstance(thing, type) and (issubclass(thing, msgspec.Struct) or re.search(r"\.types\.", f".{thing.__module__}."))
    return "Values" if is_value else "Calling"


# --- measured


def measured() -> str:
    """The figures of `make demo`, as kept in docs/measured."""
    run: dict[str, Any] = json.loads((DOCS / "measured" / "demo.json").read_text(encoding="utf-8"))
    arms: dict[str, dict[str, Any]] = run["arms"]
    rows = [(words, *(show(arm) for arm in arms.values())) for words, show in MEASURED.items()]
    made = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    head = f"By `{run['command']}` on {run['date']} ({run['machine']}; {made}):"
    return "\n\n".join([head, table(("", *arms), rows), "\n".join(f"* {note}" for note in _sentences(run["notes"]))])


def _sentences(notes: Sequence[str]) -> Iterator[str]:
    """Yield the notes whole: one that ends without a full stop goes on in the next."""
    held = ""
    for note in notes:
        held = f"{held} {note}".strip()
        if held.endswith("."):
            yield held
            held = ""


def _spans(seconds: Sequence[float]) -> str:
    return " / ".join(f"{1000 * span:,.0f}" for span in seconds)


MEASURED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "requests": lambda arm: f"{arm['requests']}",
    "answered": lambda arm: f"{arm['answered']}",
    "answered, of those that could be saved before their first content": lambda arm: f"{arm['answered'] / arm['savable']:.1%}",
    "streams that broke after it": lambda arm: f"{arm['broken']}",
    "of which the program was told nothing": lambda arm: f"{arm['broken_silently']}",
    "attempts, of which failed": lambda arm: f"{arm['attempts']}, {arm['failed']}",
    "retries / asked elsewhere": lambda arm: f"{arm['retries']} / {arm['failovers']}",
    "milliseconds to the answer, p50 / p95 / p99": lambda arm: _spans(arm["latency"]),
    "added to the attempt that answered, p50 / p95 / p99 ms": lambda arm: _spans(arm["added"]),
    "the providers' bill": lambda arm: f"${arm['cost'] / 10**9:.4f}",
}
"""What is shown of each way of asking."""

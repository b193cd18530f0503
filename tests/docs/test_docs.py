"""The documents say what the code does. `python tests/docs/test_docs.py` writes their tables and docs/surface.txt anew."""

from __future__ import annotations

import asyncio
import inspect
import re
import shlex
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import click
import msgspec
import pytest
import reference_tables
from reference_tables import AGAIN, table, told

import stormkeel
from stormkeel import CircuitBreaker, GuardEvent, GuardStats, RateLimiter, RetryPolicy
from stormkeel.assemble import House, Parts, build, open_house
from stormkeel.cli import cli
from stormkeel.cli.explain import lines_of
from stormkeel.client.completion import Completion
from stormkeel.config.load import load
from stormkeel.config.settings import ProviderSettings, Settings
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.engine.credentials import CredentialState
from stormkeel.engine.explain import Candidate, Explanation
from stormkeel.engine.standing import Picture, ProviderStanding, Standing
from stormkeel.errors import CLASSES, STATUS, StormkeelError
from stormkeel.gateway import inbound
from stormkeel.gateway.app import Gateway
from stormkeel.gateway.health import DeploymentHealth, Health, ProviderHealth
from stormkeel.gateway.probing import ProbeState
from stormkeel.providers import KINDS
from stormkeel.providers.base import RETURNED, RETURNED_PREFIXES, UPSTREAM_ID, WANTS
from stormkeel.resilience.failures import CLASSES as CLASSES_OF_EXCEPTIONS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.runtime.telemetry.logs import Line
from stormkeel.runtime.telemetry.stats import Stats
from stormkeel.testing import ScriptedTransport, VirtualClock, run_virtual
from stormkeel.types.attempt import Attempt
from stormkeel.types.failure import RULES, Again, Charge, Failure, FailureKind

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
SURFACE = DOCS / "surface.txt"


def read(name: str) -> str:
    """Return a document's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def names(paths: list[Path]) -> list[str]:
    """Return what a document is called in a test's id."""
    return [str(path.relative_to(ROOT)) for path in paths]


# --- tables that are written from the code


def errors_table() -> str:
    """Each kind's status, and how either dialect names it."""
    rows = []
    for kind, status in STATUS.items():
        _, chat = told(OpenAIChat(), kind)
        other, messages = told(AnthropicMessages(), kind)
        shown = f"{status}" if other == status else f"{status}, Anthropic {other}"
        rows.append((f"`{kind.value}`", shown, f"`{chat['type']}` / `{chat['code']}`", f"`{messages['type']}`"))
    return table(("failure", "status", "OpenAI: type / code", "Anthropic: type"), rows)


def rules_table() -> str:
    """What each kind of failure calls for."""
    rows = []
    for kind, rule in RULES.items():
        rows.append((
            f"`{kind.value}`", AGAIN[rule.again.value], "yes" if rule.elsewhere else "no", "yes" if rule.trips else "",
            "yes" if rule.parks else "", "estimate" if rule.charge is Charge.UNKNOWN else "nothing",
        ))  # fmt: skip
    head = ("failure", "again here?", "elsewhere?", "counts for the breaker", "sets aside", "charged when sent, before content")
    return table(head, rows)


def classes_table() -> str:
    """Each kind's exception."""
    return table(
        ("exception", "failures"),
        [
            (f"`{known.__name__}`", ", ".join(f"`{kind.value}`" for kind, one in CLASSES.items() if one is known))
            for known in dict.fromkeys(CLASSES.values())
        ],
    )


async def rows_of(house: House) -> str:
    """The gateway's routes."""
    rows = []
    for path, row in Gateway(house).table:
        rows.append(
            (
                row.method,
                f"`{path}`",
                {"public": "anybody", "key": "a key", "upload": "a key, or an upload's ticket", "admin": "an admin's key"}[
                    row.access.value
                ],
            )
        )
    return table(("method", "path", "who may"), rows)


def in_a_house(look: Callable[[House], Awaitable[str]]) -> str:
    """Look at a house that serves one local provider and keeps its ledger in memory."""

    async def visit() -> str:
        house = open_house(Settings(providers={"ollama": ProviderSettings()}), "memory")
        try:
            return await look(house)
        finally:
            await house.close()

    return asyncio.run(visit())


def endpoints_table() -> str:
    """The gateway's routes, of a real gateway."""
    return in_a_house(rows_of)


WRONG: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "an unknown path": ("GET", "/v1/nothing", {}, b""),
    "a wrong method": ("GET", "/v1/messages", {}, b""),
    "a compressed body": ("POST", "/v1/messages", {"content-encoding": "gzip"}, b""),
    "a body above `server.max_body`": ("POST", "/v1/messages", {"content-length": "999999999"}, b""),
    "a body that is no JSON object": ("POST", "/v1/messages", {}, b"[]"),
    "a field named twice": ("POST", "/v1/messages", {}, b'{"model": "a", "model": "b"}'),
    "a model or route that is not there": ("POST", "/v1/messages", {}, b'{"model": "a", "max_tokens": 9, "messages": []}'),
    "what the provider's dialect can't be told": (
        "POST",
        "/v1/messages",
        {},
        b'{"model": "ollama/a", "max_tokens": 9, "messages": [], "tools": [{"type": "web_search_20260318", "name": "web_search"}]}',
    ),
}
"""Requests that are refused without asking anybody: method, path, headers, body."""


async def status_of(gateway: Gateway, wrong: tuple[str, str, dict[str, str], bytes]) -> str:
    """Return the status a request is answered with."""
    method, path, headers, body = wrong
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    extensions = {"stormkeel.gone": lambda callback: None}
    await gateway({"type": "http", "method": method, "path": path, "headers": fields, "extensions": extensions}, receive, send)
    return str(sent[0]["status"])


def refusals_table() -> str:
    """How requests are answered that no provider ever sees."""

    async def ask(house: House) -> str:
        rows = [(name, await status_of(Gateway(house), wrong)) for name, wrong in WRONG.items()]
        return table(("a request with", "status"), rows)

    return in_a_house(ask)


def metrics_table() -> str:
    """The metrics of a scrape, of a real gateway."""

    async def families(house: House) -> str:
        return reference_tables.metrics(sorted(house.metrics.collect(), key=lambda family: family.name))

    return in_a_house(families)


EXPLAINED = """
[providers.openai]
credentials = { main = "file:x" }
[providers.local]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
"""
BODY = b'{"model": "fast", "stream": true, "max_tokens": 200, "messages": [{"role": "user", "content": "Hello there"}]}'


def explained() -> str:
    """What `stormkeel explain` prints of the page's own route."""

    async def ask() -> str:
        found = re.search(r"^\[routes.fast\].*?(?=^```)", read("explain.md"), re.MULTILINE | re.DOTALL)
        assert found is not None
        settings = load((EXPLAINED + found[0]).encode(), {}, KINDS)
        parts = Parts(ScriptedTransport([]), VirtualClock(asyncio.get_running_loop()), MemoryJournal(), Random(1))
        house = build(settings, {}, parts)
        request = house.dialect("openai_chat").read_request(BODY, "req_1")
        assert not isinstance(request, Failure)
        return "\n".join(["```", *(line for line in lines_of(house.explain(request))), "```"])

    return run_virtual(ask())


def kinds_table() -> str:
    """What an exception of somebody's own function means."""
    rows = [
        ("one of ours (`StormkeelError`)", "its own", "as its kind says", "as its kind says"),
        ("with an HTTP status", "by the status", "as its kind says", "as its kind says"),
        ("with a `retry_after`", f"`{FailureKind.RATE_LIMIT.value}`", *_calls_for(FailureKind.RATE_LIMIT)),
    ]
    for kind, classes in groupby(CLASSES_OF_EXCEPTIONS, lambda row: row[1]):
        shown = ", ".join(f"`{_full_name(known)}`" for known, _ in classes)
        rows.append((shown, f"`{kind.value}`", *_calls_for(kind)))
    rows.append(
        ("`OSError` that says the network is unreachable", f"`{FailureKind.CONNECT.value}`", *_calls_for(FailureKind.CONNECT))
    )
    rows.append(("`OSError` with any other number", f"`{FailureKind.CALLER.value}`", *_calls_for(FailureKind.CALLER)))
    rows.append(("any other `Exception`", f"`{FailureKind.SERVER.value}`", *_calls_for(FailureKind.SERVER)))
    return table(("exception", "kind", "tried again?", "counts for the breaker?"), rows)


def _calls_for(kind: FailureKind) -> tuple[str, str]:
    return ("no" if RULES[kind].again is Again.NEVER else "yes"), ("yes" if RULES[kind].trips else "no")


def _full_name(known: type) -> str:
    return known.__name__ if known.__module__ == "builtins" else f"{known.__module__}.{known.__name__}"


def defaults_table() -> str:
    """What each part of a guard does where nothing is said."""
    rows = []
    for part in (RetryPolicy, CircuitBreaker, RateLimiter):
        for name, parameter in inspect.signature(part).parameters.items():
            words = re.search(rf"^ +{name}: (.*?)(?=\n +\w+: |\n\n)", part.__doc__ or "", re.MULTILINE | re.DOTALL)
            assert words is not None, f"{part.__name__} does not say what {name} is"
            if name not in {"name", "clock"}:
                shown = "" if parameter.default in {inspect.Parameter.empty, None} else f"{parameter.default:g}"
                rows.append((f"`{part.__name__}`", f"`{name}`", shown, " ".join(words[1].split()).rstrip(".")))
    return table(("", "setting", "default", "what it is"), rows)


TABLES: dict[tuple[str, str], Callable[[], str]] = {
    ("gateway.md", "endpoints"): endpoints_table,
    ("gateway.md", "errors"): errors_table,
    ("gateway.md", "refusals"): refusals_table,
    ("explain.md", "example"): explained,
    ("failures.md", "rules"): rules_table,
    ("library.md", "exceptions"): classes_table,
    ("comparison.md", "measured"): reference_tables.measured,
    ("reference/cli.md", "commands"): reference_tables.commands,
    ("reference/errors.md", "exceptions"): reference_tables.exceptions,
    ("reference/errors.md", "failures"): reference_tables.failures,
    ("reference/metrics.md", "metrics"): metrics_table,
    ("reference/python.md", "names"): reference_tables.python,
    ("reference/settings.md", "settings"): reference_tables.settings,
    ("reference/tiers.md", "pools"): reference_tables.pools,
    ("reference/tiers.md", "tiers"): reference_tables.tiers,
    ("resilience.md", "kinds"): kinds_table,
    ("resilience.md", "defaults"): defaults_table,
}


def between(text: str, name: str) -> re.Match[str]:
    """Find the table of a name in a document."""
    found = re.search(rf"(?<=<!-- {name} -->\n).*?(?=\n<!-- /{name} -->)", text, re.DOTALL)
    assert found is not None, f"the document has no table {name}"
    return found


@pytest.mark.parametrize(("page", "name"), list(TABLES))
def test_a_table_is_what_the_code_says(page: str, name: str) -> None:
    """A table that repeats the code's facts equals them."""
    assert between(read(page), name)[0] == TABLES[page, name]()


# --- the public surface

SPOKEN = {"__init__", "__iter__", "__aiter__", "__enter__", "__aenter__", "__str__"}
"""Special methods by which a value is used; Struct writes its own `__init__`, which its fields tell."""


def surface() -> str:
    """Return every public name of the package with its signature, one a line."""
    lines: list[str] = []
    for name in sorted(stormkeel.__all__):
        value = getattr(stormkeel, name)
        if isinstance(value, type):
            lines += _class_lines(value)
        elif inspect.isfunction(value):
            lines.append(f"{name}{_signature(value, bound=False)}")
        else:
            lines.append(f"{name}: {type(value).__name__}")
    return "\n".join(lines) + "\n"


def _class_lines(cls: type) -> Iterator[str]:
    if issubclass(cls, msgspec.Struct):
        yield f"class {cls.__name__}: a frozen value"
        yield from _fields(cls)
    elif issubclass(cls, StormkeelError):
        bases = ", ".join(base.__name__ for base in cls.__bases__)
        yield f"class {cls.__name__}({bases})"
        yield from (f"    {name}: {words}" for name, words in inspect.get_annotations(cls).items())
    else:
        yield f"class {cls.__name__}"
    for name, member in _members(cls).items():
        if isinstance(member, property) and member.fget is not None:
            yield f"    {name} -> {inspect.get_annotations(member.fget)['return']}"
        elif inspect.isfunction(member) and (name in SPOKEN or not name.startswith("_")):
            colour = "async " if inspect.iscoroutinefunction(member) else ""
            yield f"    {colour}{name}{_signature(member)}"


def _members(cls: type) -> dict[str, object]:
    """What a class says itself, and what bases say that have no entry of their own."""
    hidden = [
        part for part in cls.__mro__[1:] if part.__module__.startswith("stormkeel.") and part.__name__ not in stormkeel.__all__
    ]
    found: dict[str, object] = {}
    for part in (*reversed(hidden), cls):
        found |= vars(part)
    return found


def _fields(cls: type[msgspec.Struct]) -> Iterator[str]:
    types = {name: told for part in reversed(cls.__mro__) for name, told in inspect.get_annotations(part).items()}
    first_default = len(cls.__struct_fields__) - len(cls.__struct_defaults__)
    for place, name in enumerate(cls.__struct_fields__):
        default = "" if place < first_default else f" = {cls.__struct_defaults__[place - first_default]!r}"
        yield f"    {name}: {types[name]}{default}"


def _signature(function: Callable[..., object], bound: bool = True) -> str:
    parameters = list(inspect.signature(function).parameters.values())[bound:]
    words = []
    for place, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY and (not place or parameters[place - 1].kind is not parameter.kind):
            words.append("*")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        words.append(f"{parameter.name}: {parameter.annotation}{default}")
    result = inspect.get_annotations(function)["return"] if function.__name__ != "__init__" else ""
    return f"({', '.join(words)})" + (f" -> {result}" if result else "")


def test_the_surface_is_the_one_written_down() -> None:
    """No public name or signature changes without docs/surface.txt saying so."""
    assert SURFACE.read_text(encoding="utf-8") == surface()


# --- names and links


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each relative link of a document names a file, and each anchor a heading of it."""
    for target, anchor in re.findall(r"\]\((?!https?://|mailto:)([^)#\s]*)(#[^)\s]*)?\)", page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{target} is not there"
        if anchor and path.suffix == ".md":
            assert anchor[1:] in anchors(path), f"{path.name} has no heading {anchor}"


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as code hosts make them."""
    titles = re.findall(r"^#+ +(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each `stormkeel ...` command line in a document's code."""
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
        found = re.match(r"(?:\$ )?(stormkeel(?: .*)?)$", line.strip())
        if found:
            yield shlex.split(found[1].partition("|")[0], comments=True)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_of_a_document_exists(page: Path) -> None:
    """Each command a document names exists, with each option it is given."""
    for words in commands(page.read_text(encoding="utf-8")):
        command, rest = meant(words[1:])
        chosen = [word for word in rest if word.startswith("-") and word != "-"]
        allowed = {"--help", "-h"} | {
            flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)
        }
        assert [word for word in chosen if word not in allowed] == [], words


def meant(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, through its groups, and the words that are left."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_make_target_of_a_document_exists(page: Path) -> None:
    """Each `make` target a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert said <= targets


def told_headers() -> set[str]:
    """Return the headers that the reference names, in its tables."""
    rows = re.findall(r"^\| (`.*?) \|", read("reference/headers.md"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w*-]+)`", row)}


def test_every_header_that_is_read_or_passed_is_told() -> None:
    """The reference names each header the gateway looks at, and each that goes on to a provider or comes back from one."""
    taken = {name.decode() for name, take in inbound._TAKERS.items() if callable(take)}
    forwarded = {name for names, _ in WANTS.values() for name in names}
    returned = {*RETURNED, *(f"{prefix}*" for prefix in RETURNED_PREFIXES), UPSTREAM_ID} - {"request-id"}  # told in a sentence
    assert taken, "the gateway reads headers"
    assert (taken | forwarded | returned) - told_headers() == set()


def test_every_header_of_ours_is_told_and_no_other() -> None:
    """The headers whose names begin with ours are the same in the code and in the reference."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    ours = set(re.findall(r"\bx-stormkeel-[a-z]+(?:-[a-z]+)*", sources))
    assert ours == {name for name in told_headers() if name.startswith("x-stormkeel-")}


def test_every_kind_of_failure_has_its_mend() -> None:
    """The error catalogue says of each kind, once and in the table's order, what it is and what mends it."""
    page = read("reference/errors.md")
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z].*\.) \| ([A-Z].*\.) \|$", page[page.index("## What to do") :], re.MULTILINE)
    assert [kind for kind, *_ in rows] == [kind.value for kind in FailureKind]


@pytest.mark.parametrize(
    ("page", "value"),
    [
        ("gateway.md", Line), ("library.md", Completion), ("library.md", Stats), ("library.md", Attempt),
        ("explain.md", Explanation), ("explain.md", Candidate), ("fleet.md", Picture), ("fleet.md", Standing),
        ("fleet.md", ProviderStanding), ("fleet.md", CredentialState), ("fleet.md", ProbeState),
        ("gateway.md", Health), ("gateway.md", ProviderHealth), ("gateway.md", DeploymentHealth), ("resilience.md", GuardStats),
        ("resilience.md", GuardEvent),
    ],
)  # fmt: skip
def test_every_field_is_told(page: str, value: type[msgspec.Struct]) -> None:
    """The guides name each field of a log line and of the values the library hands out."""
    assert [field for field in value.__struct_fields__ if f"`{field}`" not in read(page)] == []


# --- the rooms


def layers(contract: str) -> list[list[str]]:
    """Return the layers of an import contract, each with its siblings."""
    text = (ROOT / ".importlinter").read_text(encoding="utf-8")
    found = re.search(rf"^\[importlinter:contract:{contract}\]\n.*?^layers =\n((?: +[^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no contract {contract}"
    return [[room.strip() for room in line.split("|")] for line in found[1].splitlines()]


def test_the_rooms_are_drawn_as_they_are() -> None:
    """The drawings of the rooms show the layers that the import contracts check, and these name every module there is."""
    drawn = [
        [[room.strip() for room in line.split("  ")[0].split("|")] for line in drawing.splitlines() if not line.startswith(" ")]
        for drawing in re.findall(r"^```\n(.*?)^```", read("architecture.md"), re.MULTILINE | re.DOTALL)[:2]
    ]
    assert drawn == [layers("layers"), layers("library")]
    for folder, rooms in (("", drawn[0]), ("client", drawn[1])):
        there = {
            path.stem
            for path in (ROOT / "src" / "stormkeel" / folder).glob("*")
            if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        unnamed = there - {room for layer in rooms for room in layer}
        assert unnamed <= {"__init__", "__main__", "_version", "loop_thread"}, "a room that no contract names"


# --- what the code cites

CITING = sorted(path for folder in ("src", "tests", "bench") for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))
"""Sources that cite the documents; this file only tells how it is done."""
CITATION = re.compile(r"\bdocs/([\w/-]+\.md)(?:, ([A-Z][^.,;:()\"\n]*))?")
"""A page, and maybe the heading of it that is meant, up to the next punctuation."""


def citations(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the pages a source file names, each with the heading it gives or ""; a citation may go on in the next line."""
    text = re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text(encoding="utf-8"))
    for page, heading in CITATION.findall(text):
        yield page, heading.rstrip()


def headings(page: str) -> set[str]:
    """Return the headings of a document."""
    return set(re.findall(r"^#+ +(.*)$", read(page), re.MULTILINE))


def test_every_citation_names_a_heading() -> None:
    """A page that the code cites is there, and so is the heading; of the two reference pages a heading is always named."""
    wrong = []
    for path in CITING:
        for page, heading in citations(path):
            must = page in {"wire.md", "reliability.md"}
            if not (DOCS / page).is_file() or ((heading or must) and heading not in headings(page)):
                wrong.append(f"{path.relative_to(ROOT)}: docs/{page}, {heading}")
    assert wrong == []


def test_every_heading_of_the_reference_on_the_wire_is_used() -> None:
    """docs/wire.md tells what the code relies on: each of its sections but the sources is cited or linked."""
    cited = {heading for path in CITING for page, heading in citations(path) if page == "wire.md"}
    linked = {anchor for page in PAGES for anchor in re.findall(r"wire\.md#([\w-]+)\)", page.read_text(encoding="utf-8"))}
    told = headings("wire.md") - {"The wire", "Sources"}
    assert {heading for heading in told - cited if heading.lower().replace(" ", "-") not in linked} == set()


def test_every_invariant_and_scenario_is_told() -> None:
    """Each invariant and scenario that the code or a page names has its row in docs/reliability.md."""
    rows = set(re.findall(r"^\| ((?:INV|S)-\d+) \|", read("reliability.md"), re.MULTILINE))
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in [*CITING, *(page for page in PAGES if page != DOCS / "reliability.md")]
        for name in re.findall(r"\b(?:INV|S)-\d+\b", path.read_text(encoding="utf-8"))
    }
    assert rows
    assert sorted((path, name) for path, name in named if name not in rows) == []


def test_every_test_that_holds_something_exists() -> None:
    """Each test that is said to hold an invariant or a scenario is there; each row names one, or a command, or says "nothing"."""
    for row in re.findall(r"^\| (?:INV|S)-\d+ \|.*$", read("reliability.md"), re.MULTILINE):
        held = row.split(" | ")[2]
        files = re.findall(r"`([\w/]+\.py)`", held)
        assert files or "nothing" in held or "`make " in held, row
        folder = ROOT / "tests" if "nothing" not in held else ROOT / "src" / "stormkeel"
        assert [file for file in files if not (folder / file).is_file()] == [], row


def write() -> None:
    """Write the tables and the surface anew."""
    for (page, name), make in TABLES.items():
        path = DOCS / page
        text = path.read_text(encoding="utf-8")
        found = between(text, name)
        path.write_text(text[: found.start()] + make() + text[found.end() :], encoding="utf-8")
    SURFACE.write_text(surface(), encoding="utf-8")


if __name__ == "__main__":
    write()

"""Which mutants the type checker refuses: `make test` runs mypy, so that nobody needs to run a test against those.

mutmut writes a function's mutants below one another, behind a decorator without types. What mypy says of that is noise, so only
errors count that can come from a changed line alone, and only those that the unchanged copy does not have as well. Constructors
are left to the tests: their attributes get their types from whichever copy stands first.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

CODES = frozenset({
    "arg-type", "assignment", "attr-defined", "call-arg", "call-overload", "comparison-overlap", "dict-item", "index", "misc",
    "operator", "redundant-expr", "return", "return-value", "type-var", "union-attr", "unreachable",
})  # fmt: skip
MARK = "__mutmut_"


def caught(mutants: Path, rooms: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the mutants in these folders that mypy refuses, as mutmut calls them."""
    of_copies: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, line, words in _errors(mutants, rooms):
        copy = _copy_at(mutants / path, line)
        function, mark, which = copy.rpartition(MARK)
        if mark and "__init__" not in function:
            module = ".".join(Path(path).with_suffix("").parts[1:])
            of_copies[f"{module}.{function}"][which].add(words)
    return frozenset(
        f"{function}{MARK}{which}"
        for function, copies in of_copies.items()
        for which, words in copies.items()
        if which != "orig" and words - copies.get("orig", set())
    )


def _errors(mutants: Path, rooms: tuple[str, ...]) -> Iterator[tuple[str, int, str]]:
    """Yield each error that counts: its file, its line and its words."""
    command = [sys.executable, "-m", "mypy", "--output", "json", "--cache-dir", ".mypy_cache", *rooms]
    done = subprocess.run(command, cwd=mutants, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if said["severity"] == "error" and said["code"] in CODES:
            yield said["file"], said["line"], said["message"]


_LINES: dict[Path, tuple[list[int], list[str]]] = {}


def _copy_at(path: Path, line: int) -> str:
    """Return the name of the copy of a function in which a line stands, "" where it is none."""
    if path not in _LINES:
        nodes = ast.walk(ast.parse(path.read_text()))
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        copies = sorted((node.lineno, node.end_lineno or 0, node.name) for node in functions if MARK in node.name)
        starts, names = [0], [""]
        for start, end, name in copies:
            starts += [start, end + 1]
            names += [name, ""]
        _LINES[path] = starts, names
    starts, names = _LINES[path]
    return names[bisect_right(starts, line) - 1]

"""Run tests against mutants: one pytest session that collects once, and forks for each mutant.

Started by `mutants.py` inside `mutants/`, where mutmut's copies are; reads names, a line each, and writes each with how it ended
as soon as it has. Only the tests that reach a mutant are run, the quickest first, up to the first that fails; which is run once
more without the mutant, for a test that fails by itself has noticed nothing. Never runs two mutants in one process.

    name ──fork──> its tests pass: survived
              '──> one fails ──fork──> fails without it too: once more without that test
                                  '──> passes: killed
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import mangled_name_from_mutant_name

PATIENCE, MORE = 6.0, 60.0
"""How many times as long as they took at first tests may take, and seconds beyond: a busy machine is no endless loop."""
PAUSE = 0.02  # seconds between two looks at who has ended
TOLD = os.dup(1)


class Judge:
    """A pytest plugin that runs each mutant's tests in a process of its own, instead of all tests once."""

    def __init__(self, names: list[str], children: int, seconds: float) -> None:
        stats = json.loads(Path("mutmut-stats.json").read_text())
        self._names = names
        self._children = children
        self._until = time.monotonic() + seconds
        self._took: dict[str, float] = stats["duration_by_test"]
        self._reaches: dict[str, list[str]] = stats["tests_by_mangled_function_name"]
        self._running: dict[int, tuple[str, list[pytest.Item], int, float]] = {}  # by process: whose, tests, blame, until when

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let no mutant leave examples for the next one."""
        settings.register_profile("mutants", settings.get_profile("house"), database=None)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge them all, or as many as there is time for."""
        items = {item.nodeid: item for item in session.items}
        gc.freeze()  # or each child would copy what it only looks at
        for name in self._names:
            while len(self._running) >= self._children:
                self._look()
            if time.monotonic() > self._until:
                break
            tests = [test for test in self._reaches.get(mangled_name_from_mutant_name(name), ()) if test in items]
            self._start(name, [items[test] for test in sorted(tests, key=self._took.__getitem__)])
        while self._running:
            self._look()
        return True

    def _start(self, name: str, items: list[pytest.Item]) -> None:
        if not items:
            _tell(name, "unreached")
            return
        blame, writes = os.pipe()
        pid = _forked(name, items, writes)
        os.close(writes)
        limit = PATIENCE * sum(self._took[item.nodeid] for item in items) + MORE
        self._running[pid] = name, items, blame, time.monotonic() + limit

    def _look(self) -> None:
        """Take note of whoever has ended, or has come to no end."""
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            name, items, blame, _ = self._running.pop(pid)
            self._ended(name, items, os.read(blame, 1000).decode(), status)
            os.close(blame)
            return
        for late, (name, _, blame, until) in list(self._running.items()):
            if time.monotonic() > until:
                os.kill(late, signal.SIGKILL)
                os.waitpid(late, 0)
                os.close(blame)
                del self._running[late]
                _tell(name, "endless")
        time.sleep(PAUSE)

    def _ended(self, name: str, items: list[pytest.Item], blamed: str, status: int) -> None:
        if not status:
            _tell(name, "survived")
            return
        suspects = [item for item in items if item.nodeid == blamed]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        fails_by_itself = os.waitpid(_forked("", suspects, nowhere), 0)[1]
        os.close(nowhere)
        if fails_by_itself:
            self._start(name, [item for item in items if item.nodeid != blamed])
        else:
            _tell(name, "killed")


def _tell(name: str, verdict: str) -> None:
    os.write(TOLD, f"{name}\t{verdict}\n".encode())


def _forked(name: str, items: Sequence[pytest.Item], blame: int) -> int:
    """Run tests against a mutant, or none, in a process of their own; it ends with 1 and tells which failed, if one has."""
    pid = os.fork()
    if not pid:
        code = 2  # nobody knows what happened
        try:
            set_mutant_under_test(name)
            failed = _first_failure(items)
            os.write(blame, failed.encode())
            code = 1 if failed else 0
        finally:
            os._exit(code)
    return pid


def _first_failure(items: Sequence[pytest.Item]) -> str:
    for item, after in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if item.session.testsfailed:
            return item.nodeid
    return ""


def main() -> None:
    """Judge the mutants named on the standard input."""
    children, seconds, *args = sys.argv[1:]
    sys.path[:0] = [str(Path("src").resolve()), str(Path().resolve())]
    names = sys.stdin.read().split()
    os.dup2(2, 1)  # what pytest says is for people
    set_mutant_under_test("")
    sys.exit(pytest.main(["--rootdir=.", *args], plugins=[Judge(names, int(children), float(seconds))]))


if __name__ == "__main__":
    main()

"""Runs a page: every block of it, in order, in a folder and an environment of its own, and compares what the page shows.

    ```sh         is run by one bash for the whole page: variables and background jobs stay
    ```python     is run by python; where it begins with "# name.py" it is written to that file instead
    ```toml       (yaml, json, ini) with a name likewise is written to its file; without one it is only shown
    ```text       right behind one of them is what it prints: see `pattern`

A block whose commands fail fails the page, unless the page says `|| true`. The ports that pages use are replaced by free ones: in
the text, and for the gateway's usual one by STORMKEEL_SERVER__PORT and STORMKEEL_URL as well.
Never leaves a process behind.

`python tests/docs/page_stage.py PAGE` shows what a page's blocks print.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

PORTS = ("8400", "8401", "8402", "8787")
"""What pages listen on."""
PATIENCE = 30.0
"""Seconds for one block; a page that needs more is none for people either."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.-]+\.(?:py|toml|yaml|yml))\n")
ACTS = {"sh", "python", "toml", "yaml"}
VARYING = {
    r"req_\w+": r"req_\w+",
    r"\d{4}-\d\d-\d\d": r"\d{4}-\d\d-\d\d",
    r"\d\d:\d\d(?::\d\d)?(?:\.\d+)?": r"\d\d:\d\d(?::\d\d)?(?:\.\d+)?",
    r"\d+\.\d+(?= ?s\b)|(?<![$\d])\d+\.\d\d(?!\d)|\d+(?= s\b)": r"\d+(?:\.\d+)?",
    r"\.\.\.": ".*",
}
"""What differs from run to run, and the pattern it is compared by: ids, days, times of day, seconds; `...` is anything in a line."""
VARIES = re.compile("|".join(f"({known})" for known in VARYING))


class Block(msgspec.Struct, frozen=True):
    """A block of a page.

    Attributes:
        line: where it begins.
        shown: what the page says that it prints, None where it says nothing.
    """

    language: str
    text: str
    line: int
    shown: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page that are run or written, each with what is shown behind it."""
    found = list(FENCE.finditer(page))
    for place, fence in enumerate(found):
        if fence[1] in ACTS:
            after = found[place + 1] if place + 1 < len(found) else None
            is_shown = after is not None and after[1] == "text" and not page[fence.end() : after.start()].strip()
            shown = after[2] if after is not None and is_shown else None
            yield Block(fence[1], fence[2], page.count("\n", 0, fence.start()) + 2, shown)


def pattern(shown: str) -> re.Pattern[str]:
    """Return what an output must match: the text, but for what varies; a line of `...` alone is any number of lines."""
    lines = []
    for line in shown.strip().splitlines():
        lines.append(r"(?:.*\n)*?" if line.strip() == "..." else rf"{_line(line)}[ \t]*(?:\n|\Z)")
    return re.compile(r"\s*" + "".join(lines) + r"\s*")


def _line(line: str) -> str:
    """Return a line's pattern; blanks are as wide as they are."""
    pieces, at = [], 0
    for found in VARIES.finditer(line):
        pieces += [_literal(line[at : found.start()]), list(VARYING.values())[(found.lastindex or 1) - 1]]
        at = found.end()
    return "".join([*pieces, _literal(line[at:])])


def _literal(text: str) -> str:
    return re.sub(r"(?:\\[ \t])+", lambda _: r"[ \t]+", re.escape(text))


def free_ports() -> dict[str, str]:
    """Return a free port for each that pages use."""
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    try:
        return {known: str(door.getsockname()[1]) for known, door in zip(PORTS, doors, strict=True)}
    finally:
        for door in doors:
            door.close()


class Shell:
    """One bash in a folder of its own, with nothing of our environment; use it in a `with`."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        environment = {"HOME": str(folder), "PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=environment,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.outputs: list[int] = []
        self._say("set -o pipefail; trap 'failed=\"${failed:-$BASH_COMMAND}\"' ERR")

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for output in self.outputs:
            os.close(output)
        self.process.stdin.close()  # type: ignore[union-attr] - it is a pipe
        self.process.stdout.close()  # type: ignore[union-attr] - it is a pipe

    def _say(self, line: str) -> None:
        self.process.stdin.write(f"{line}\n".encode())  # type: ignore[union-attr] - it is a pipe

    def run(self, script: str, wanted: re.Pattern[str] | None = None) -> str:
        """Run a script and return what it printed, standard error too.

        Something in the background may print later: where `wanted` is not there yet, it is waited for.

        Raises:
            AssertionError: a command failed, or took too long.
        """
        file = self.folder.parent / f"{self.folder.name}.sh"
        file.write_text(script, encoding="utf-8")
        pipe = self.folder.parent / f"{self.folder.name}.{len(self.outputs)}"
        os.mkfifo(pipe)
        output = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.outputs.append(output)  # to the end: what goes on in the background may print
        self._say(f"failed=; . '{file}' >'{pipe}' 2>&1 </dev/null; echo \"=$failed\"")
        printed, told = self._read(output, wanted)
        assert told, f"nothing more came in {PATIENCE:.0f} s of\n{script}\n{printed}"
        assert told == "=\n", f"failed: {told[1:].strip()}\nin\n{script}\n{printed}"
        return printed

    def _read(self, output: int, wanted: re.Pattern[str] | None) -> tuple[str, str]:
        """Return what was printed, and what the shell said at the end of the script: "" where the end was not seen in time."""
        control = self.process.stdout.fileno()  # type: ignore[union-attr] - it is a pipe
        end, printed, told, is_open = time.monotonic() + PATIENCE, b"", b"", True
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(control, selectors.EVENT_READ)
            while not told.endswith(b"\n") or (is_open and wanted is not None and not wanted.fullmatch(printed.decode())):
                ready = {key.fd for key, _ in selector.select(end - time.monotonic())}
                if not ready:
                    return printed.decode(), ""
                if output in ready:
                    piece = os.read(output, 65536)
                    printed += piece
                    is_open = bool(piece)  # nothing: nobody is left to print
                    if not is_open:
                        selector.unregister(output)
                if control in ready:
                    told += os.read(control, 65536)
            while output in {key.fd for key, _ in selector.select(0)} and (piece := os.read(output, 65536)):
                printed += piece
        return printed.decode(), told.decode()


def script_of(block: Block, folder: Path) -> str:
    """Return how a block is run; one that is a file is written."""
    named = FILE.match(block.text)
    if named:
        (folder / named[1]).write_text(block.text, encoding="utf-8")
        return ""
    if block.language == "python":
        (folder / "block.py").write_text(block.text, encoding="utf-8")
        return "python block.py; rm block.py"
    return block.text if block.language == "sh" else ""


def run_page(page: Path, folder: Path, loud: bool = False) -> int:
    """Run a page in an empty folder, and return how many of its blocks were run.

    A machine without `bash` or `curl`, which most pages use, skips the page, and the test's end says so.

    Raises:
        AssertionError: a block failed, or printed something else than is shown.
    """
    if lacking := [tool for tool in ("bash", "curl") if shutil.which(tool) is None]:
        pytest.skip(f"{page.name} is not run here: there is no {' and no '.join(lacking)}")
    ports, count = free_ports(), 0
    text = page.read_text(encoding="utf-8")
    for known, free in ports.items():
        text = re.sub(rf"\b{known}\b", free, text)
    gateway = {"STORMKEEL_SERVER__PORT": ports["8787"], "STORMKEEL_URL": f"http://127.0.0.1:{ports['8787']}"}
    with Shell(folder, gateway) as shell:
        for block in blocks(text):
            script = script_of(block, folder)
            wanted = None if block.shown is None else pattern(block.shown)
            if not script:
                continue
            count += 1
            started = time.monotonic()
            try:
                printed = shell.run(script, None if loud and "&" not in script else wanted)
            except AssertionError as error:
                raise AssertionError(f"{page.name}:{block.line}: {error}") from None
            if loud:
                print(f"--- line {block.line}, {time.monotonic() - started:.2f} s\n{script}---\n{printed}")
            elif wanted is not None:
                assert wanted.fullmatch(printed), f"{page.name}:{block.line}: it printed\n{printed}\ninstead of\n{block.shown}"
    return count


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        place = Path(where, "page")
        place.mkdir()
        run_page(Path(sys.argv[1]), place, loud=True)

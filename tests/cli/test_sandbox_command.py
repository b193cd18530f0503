"""`stormkeel sandbox` as a process: it says where it is, answers, and goes when told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from stormkeel.cli.sandbox import command

PROGRAM = [sys.executable, "-c", "from stormkeel.cli.sandbox import command; command()"]
DEADLINE_S = 30


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command and yield it with its first line."""
    process = subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


def fetch(url: str) -> object:
    """GET a JSON value."""
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_when_told(number: int) -> None:
    """The ready line comes once requests are accepted; a signal ends it with exit code 0."""
    with running("--seed", "3") as (process, line):
        assert line.startswith("sandbox ready at http://127.0.0.1:")
        assert fetch(line.removeprefix("sandbox ready at ") + "/health") == {"status": "ok"}
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == 0


def test_it_says_where_it_is_as_json() -> None:
    """With --json the ready line is one object with the base URLs."""
    with running("--json", "--storm", "share=1,faults=reset") as (_, line):
        said = json.loads(line)
        assert said["status"] == "ready"
        assert said["openai_base_url"] == f"http://127.0.0.1:{said['port']}/v1"
        assert said["anthropic_base_url"] == said["gemini_base_url"] == said["url"]
        assert fetch(f"{said['url']}/sandbox/bill") == {
            "rows": [],
            "open": 0,
            "unpriced": 0,
            "total": "0/1",
            "total_nano_dollars": 0,
        }


def test_a_taken_port_is_said_in_one_line() -> None:
    """A port that is taken is an error of one line, and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = CliRunner().invoke(command, ["--port", str(port)])
    assert ended.exit_code == 1
    assert ended.output.count("\n") == 1
    assert f'cannot listen on "127.0.0.1:{port}"' in ended.output


@pytest.mark.parametrize(
    "arguments", [["--storm", "share=7"], ["--storm", "faults=nosuch"], ["--port", "70000"], ["--pace", "-1"]]
)
def test_bad_options_are_refused(arguments: list[str]) -> None:
    """An option that makes no sense is a usage error, before anything is listened on."""
    ended = CliRunner().invoke(command, arguments)
    assert ended.exit_code == 2
    assert arguments[0] in ended.output

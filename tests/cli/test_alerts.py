"""`stormkeel alerts test`: one alert, as a gateway would send it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from stormkeel.cli.alerts import command


class Hook(BaseHTTPRequestHandler):
    """Takes what it is sent, and answers with the status in its path."""

    taken: list[bytes]

    def do_POST(self) -> None:
        """Take one."""
        self.taken.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[tuple[str, list[bytes]]]:
    """A webhook's address without its status, and what it takes."""
    Hook.taken = []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/canary/", Hook.taken
    server.shutdown()
    thread.join(5)
    server.server_close()


def run(tmp_path: Path, address: str, *arguments: str) -> tuple[int, str]:
    """Run it with an address; returns exit code and all that was printed."""
    path = tmp_path / "stormkeel.toml"
    path.write_text('[providers.ollama]\n[alerts]\nurl = "env:THE_HOOK"\n')
    done = CliRunner(env={"THE_HOOK": address}).invoke(command, ["test", str(path), *arguments])
    return done.exit_code, done.output


def test_one_alert_is_sent(tmp_path: Path, hook: tuple[str, list[bytes]]) -> None:
    """The webhook gets one test alert, and the command says that it took it, without its address."""
    address, taken = hook
    code, output = run(tmp_path, address + "204")
    assert code == 0, output
    assert [json.loads(body)["kind"] for body in taken] == ["test"]
    assert "took the alert" in output and "canary" not in output


def test_a_webhook_that_refuses_is_told(tmp_path: Path, hook: tuple[str, list[bytes]]) -> None:
    """A no ends with 1 and its status; as JSON for programs."""
    code, output = run(tmp_path, hook[0] + "403", "--json")
    assert code == 1
    told = json.loads(output)
    assert told["ok"] is False and "403" in told["error"] and "canary" not in output


def test_without_a_webhook_there_is_nothing_to_test(tmp_path: Path) -> None:
    """A configuration without one says what to add."""
    path = tmp_path / "stormkeel.toml"
    path.write_text("[providers.ollama]\n")
    done = CliRunner().invoke(command, ["test", str(path)])
    assert done.exit_code == 1
    assert 'set "url" in [alerts]' in done.output

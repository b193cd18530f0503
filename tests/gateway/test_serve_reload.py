"""`stormkeel serve` as a process of its own: SIGHUP and a changed file make it read its configuration again."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme
from test_serve_command import DEADLINE, QUICK, serving

WATCHING = QUICK + "[reload]\ninterval = 0.05\n"
BLIND = QUICK + "[reload]\nwatch = false\n"
ROUTE = '[routes.{0}]\ngroups = [["openai/gpt-5.4-mini"]]\n'


def lines_of(process: subprocess.Popen[str], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Read the log up to a line of which something holds, under a deadline."""
    assert process.stderr is not None
    end, seen = time.monotonic() + DEADLINE, []
    while time.monotonic() < end:
        if select.select([process.stderr], [], [], 0.1)[0]:
            line = process.stderr.readline()
            seen.append(line)
            if line.startswith("{") and holds(json.loads(line)):
                return json.loads(line)
    raise AssertionError(f"no such line: {seen}")


def reload_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the log up to the next word on a reload."""
    return lines_of(process, lambda line: line["event"] == "reload")


def models(url: str) -> list[str]:
    """The models that can be asked for now."""
    with urllib.request.urlopen(url + "/v1/models", timeout=2) as got:
        return [card["id"] for card in json.load(got)["data"]]


def counted(url: str) -> dict[str, str]:
    """The metrics about the configuration."""
    with urllib.request.urlopen(url + "/metrics", timeout=2) as got:
        rows = [line.rsplit(" ", 1) for line in got.read().decode().splitlines() if line.startswith("stormkeel_config")]
    return dict(rows)


def test_a_changed_file_is_applied_and_a_bad_one_is_not(tmp_path: Path) -> None:
    """A file that was written is read by itself; one with a mistake is told with its line, counted, and changes nothing."""
    path = tmp_path / "stormkeel.toml"
    path.write_text(WATCHING + ROUTE.format("one"))
    with serving(tmp_path) as (process, url):
        assert models(url) == ["one"]
        path.write_text(WATCHING + ROUTE.format("two"))
        applied = reload_line(process)
        assert (applied["outcome"], applied["level"]) == ("applied", "info")
        assert models(url) == ["two"]
        path.write_text(WATCHING + "[routes.three]\ngroups = [['opneai/m']]\n")
        refused = reload_line(process)
        assert (refused["outcome"], refused["level"]) == ("invalid", "error")
        assert "stormkeel.toml:12:12" in refused["error"] and 'did you mean "openai"' in refused["error"]
        assert refused["config"] == applied["config"]
        assert models(url) == ["two"]
        path.write_text(WATCHING + ROUTE.format("four"))
        assert reload_line(process)["before"] == applied["config"]
        said = counted(url)
        assert said['stormkeel_config_reloads_total{outcome="applied"}'] == "2.0"
        assert said['stormkeel_config_reloads_total{outcome="invalid"}'] == "1.0"
        assert sum(name.startswith("stormkeel_config_info{version=") for name in said) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0


def test_every_file_that_counts_is_watched(tmp_path: Path) -> None:
    """A credential in a file of its own and the `.env` are read again when they change, or come in new."""
    (tmp_path / "key").write_text("sk-first0123456789abcdefgh")
    (tmp_path / "stormkeel.toml").write_text(WATCHING.replace("env:OPENAI_API_KEY", f"file:{tmp_path}/key"))
    with serving(tmp_path) as (process, _url):
        (tmp_path / "key").write_text("sk-second012345678 9abcdefgh")
        told = reload_line(process)
        assert told["outcome"] == "invalid" and "blanks" in told["error"] and "second" not in told["error"]
        (tmp_path / "key").write_text("sk-second0123456789abcdefgh\n")
        assert reload_line(process)["outcome"] == "applied"
        (tmp_path / ".env").write_text("no line of its kind\n")
        assert ".env:1" in reload_line(process)["error"]


def test_sighup_reads_again_at_once(tmp_path: Path) -> None:
    """Where nothing is watched SIGHUP still reloads; it ends no process, and what needs a restart is named."""
    path = tmp_path / "stormkeel.toml"
    path.write_text(BLIND + ROUTE.format("one"))
    with serving(tmp_path) as (process, url):
        path.write_text(BLIND.replace("grace = 1", "grace = 2") + ROUTE.format("two"))
        process.send_signal(signal.SIGHUP)
        told = reload_line(process)
        assert (told["outcome"], told["needs_restart"]) == ("applied", ["server.grace"])
        assert models(url) == ["two"]


def test_sighup_begins_a_new_log_file(tmp_path: Path) -> None:
    """A log file that was moved away goes on under its name after SIGHUP."""
    log = tmp_path / "log"
    path = tmp_path / "stormkeel.toml"
    path.write_text(BLIND + f'[telemetry]\nlog = "{log}"\n')
    with serving(tmp_path) as (process, url):
        log.rename(tmp_path / "log.1")
        path.write_text(BLIND + f'[telemetry]\nlog = "{log}"\n' + ROUTE.format("two"))
        process.send_signal(signal.SIGHUP)
        end = time.monotonic() + DEADLINE
        while not (log.exists() and "applied" in log.read_text()):
            assert time.monotonic() < end
        assert models(url) == ["two"]


def test_a_renewed_certificate_is_shown_to_the_next_connection(tmp_path: Path) -> None:
    """New files under the names of certificate and key are taken over; a pair that does not fit is refused and nothing changes."""
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())

    def renew(number: int) -> None:
        issued = authority.issue_cert("127.0.0.1", common_name=f"number {number}")
        cert.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())

    def shown(port: int) -> str:
        plain = socket.create_connection(("127.0.0.1", port), timeout=2)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            subject = tls.getpeercert()["subject"]
        return next(value for field in subject for name, value in field if name == "commonName")

    renew(1)
    tls = f'[server]\nport = 0\ndrain_delay = 0\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    (tmp_path / "stormkeel.toml").write_text(WATCHING.replace("[server]\nport = 0\ndrain_delay = 0.3\ngrace = 1\n", tls))
    with serving(tmp_path) as (process, url):
        port = int(url.rsplit(":", 1)[1])
        assert shown(port) == "number 1"
        key.write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
        os.utime(key)
        assert reload_line(process)["outcome"] == "invalid"
        assert shown(port) == "number 1"
        renew(2)
        assert lines_of(process, lambda line: line.get("outcome") == "applied")["changed"] == ["certificate"]
        assert shown(port) == "number 2"

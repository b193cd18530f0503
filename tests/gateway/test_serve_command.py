"""`stormkeel serve` as a process of its own: what stops it from starting is one line, and a signal ends it in good order."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormkeel.runtime.ledger import read

SOURCE = Path(__file__).parents[2] / "src"
GOOD = """
[providers.openai]
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
"""
QUICK = GOOD + "[server]\nport = 0\ndrain_delay = 0.3\ngrace = 1\n"
DEADLINE = 30.0


def environ(folder: Path) -> dict[str, str]:
    """An environment of its own."""
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "HOME": str(folder), "STORMKEEL_DATA": str(folder / "data"),
        "OPENAI_API_KEY": "sk-CANARY0123456789abcdef",
    }  # fmt: skip


def command(*words: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "stormkeel", "serve", *words]


def refused(folder: Path, *words: str) -> str:
    """Start it, and return the one line it refuses with."""
    done = subprocess.run(
        command(*words), cwd=folder, env=environ(folder), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "CANARY" not in done.stderr
    return done.stderr


@contextlib.contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start it and wait for its ready line."""
    with subprocess.Popen(
        command("--json", *words), cwd=folder, env=environ(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def status(url: str) -> int:
    """The status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=2) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_it_serves_drains_and_ends_well(tmp_path: Path) -> None:
    """Ready on start; after SIGTERM it still answers for the delay but is not ready; then it exits with 0 and a folded ledger."""
    (tmp_path / "stormkeel.toml").write_text(QUICK)
    with serving(tmp_path) as (process, url):
        assert [status(url + path) for path in ("/health/live", "/health/ready")] == [200, 200]
        process.send_signal(signal.SIGTERM)
        seen = set()
        with contextlib.suppress(OSError):
            while True:
                seen.add(status(url + "/health/ready"))
        assert 503 in seen
        assert process.wait(DEADLINE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert read(tmp_path / "data", 0).bookings == {}
    assert list((tmp_path / "data" / "journal").glob("*")) == []


def test_a_second_signal_means_now(tmp_path: Path) -> None:
    """Two signals end it at once, in silence."""
    (tmp_path / "stormkeel.toml").write_text(QUICK.replace("drain_delay = 0.3", "drain_delay = 60"))
    with serving(tmp_path) as (process, url):
        assert status(url + "/health/live") == 200
        process.send_signal(signal.SIGTERM)
        while status(url + "/health/ready") == 200:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_ctrl_c_ends_an_idle_gateway_at_once(tmp_path: Path) -> None:
    """A person who stops a gateway by hand, while nothing is under way, does not wait for load balancers to notice."""
    (tmp_path / "stormkeel.toml").write_text(QUICK.replace("drain_delay = 0.3", "drain_delay = 60"))
    with serving(tmp_path) as (process, url):
        assert status(url + "/health/live") == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0


def test_a_second_gateway_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """The data folder has one owner; the other is told whose process it is and what to do."""
    (tmp_path / "stormkeel.toml").write_text(QUICK)
    with serving(tmp_path) as (process, _url):
        said = refused(tmp_path)
        assert str(process.pid) in said
        assert "STORMKEEL_DATA" in said


def test_a_port_in_use(tmp_path: Path) -> None:
    """A taken port is named, with its mend."""
    (tmp_path / "stormkeel.toml").write_text(GOOD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    assert f"127.0.0.1:{port}" in said
    assert "another port" in said


@pytest.mark.parametrize(
    ("text", "line", "names"),
    [
        ("[server]\nprot = 1\n", 2, "port"),
        ("x = [\n", 2, "TOML"),
        (GOOD + "[routes.r]\ngroups = [['opneai/m']]\n", 6, "openai"),
        (GOOD + "[policies.retry]\nattempts = 0\n", 6, "attempts"),
        (GOOD.replace("env:OPENAI_API_KEY", "sk-CANARY0123456789abcdefgh"), 4, "reference"),
        (GOOD + '[server]\nhost = "0.0.0.0"\n', 6, "[[keys]]"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, line: int, names: str, tmp_path: Path) -> None:
    """A mistake in the file is one line: where, what and the mend; no secret of it is shown."""
    (tmp_path / "stormkeel.toml").write_text(text)
    said = refused(tmp_path)
    assert f"stormkeel.toml:{line}:" in said
    assert names in said


def test_what_the_environment_lacks(tmp_path: Path) -> None:
    """A missing file, a missing credential, and nothing configured at all are each told with their mend."""
    assert "nowhere.toml" in refused(tmp_path, "--config", "nowhere.toml")
    (tmp_path / "stormkeel.toml").write_text(GOOD.replace("OPENAI_API_KEY", "NOT_SET"))
    assert "NOT_SET" in refused(tmp_path)


def test_it_does_not_listen_to_everybody_without_keys(tmp_path: Path) -> None:
    """`--host` beyond this machine without keys is refused as in the file."""
    (tmp_path / "stormkeel.toml").write_text(GOOD)
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        assert "keys" in refused(tmp_path, "--host", host)


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    """A data folder or a log file that can't be made is named."""
    (tmp_path / "stormkeel.toml").write_text(GOOD)
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(tmp_path, "--data", str(tmp_path / "file" / "data"))
    (tmp_path / "stormkeel.toml").write_text(GOOD + '[telemetry]\nlog = "no/such/folder/log"\n')
    assert "no/such/folder/log" in refused(tmp_path)


def test_a_bad_certificate(tmp_path: Path) -> None:
    """A certificate that can't be used is named."""
    (tmp_path / "cert.pem").write_text("nonsense")
    (tmp_path / "stormkeel.toml").write_text(GOOD + '[server]\ntls_cert = "cert.pem"\ntls_key = "cert.pem"\n')
    assert "cert.pem" in refused(tmp_path, "--port", "0")


PROFILES = """
[ledger]
data = "shared"
[profiles.dev.telemetry]
log = "dev.log"
[profiles.dev.server]
port = 1
"""


def test_a_profile_is_served_and_stands_in_every_line(tmp_path: Path) -> None:
    """--profile chooses, an argument wins over it and a variable over the file; each line of the log names the profile."""
    (tmp_path / "stormkeel.toml").write_text(QUICK + PROFILES)
    with serving(tmp_path, "--profile", "dev", "--port", "0") as (process, url):
        body = b'{"model": "openai/x", "messages": []}'
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body), timeout=DEADLINE)
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
    lines = [json.loads(line) for line in (tmp_path / "dev.log").read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"request"}
    assert len(lines) > 1
    assert {line["profile"] for line in lines} == {"dev"}
    assert (tmp_path / "data" / "ledger.db").exists(), "STORMKEEL_DATA wins over the file"
    assert 'there is no profile "prdo"; did you mean' not in refused(tmp_path, "--profile", "dev", "--host", "0.0.0.0")
    assert refused(tmp_path, "--profile", "dve") == (
        'error: argument --profile: there is no profile "dve"; did you mean "dev"? (or add [profiles.NAME])\n'
    )

"""The demo itself, small: real processes, real SDKs, real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from stormkeel.demo.arrival import KINDS
from stormkeel.demo.stage import child_environment

DEADLINE_S = 90
PROGRAM = (sys.executable, "-m", "stormkeel", "demo")


def test_a_small_run_holds_what_does_not_depend_on_its_size(tmp_path: Path) -> None:
    """Twenty requests are too few for every fault, so it fails; but the money is right and no cut goes untold."""
    ended = subprocess.run(
        [*PROGRAM, "--json", "--requests", "20", "--keep", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["ok"] is False
    assert list(said["arms"]) == ["bare SDK", "bare SDK, 2 retries", "Stormkeel"]
    broken = {claim["text"] for claim in said["claims"] if not claim["holds"]}
    assert not any(word in text for text in broken for word in ("ledger", "silence", "told", "both sides"))
    ours = said["arms"]["Stormkeel"]
    assert ours["requests"] == 20
    assert ours["answered"] + ours["broken"] <= 20
    assert set(KINDS) <= set(ours["kinds"])
    assert tomllib.loads((tmp_path / "stormkeel.toml").read_text())["routes"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_no_process_behind(number: int, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end the sandboxes and the gateway too: nobody holds their output open any more."""
    with subprocess.Popen([*PROGRAM, "--keep", str(tmp_path)], stderr=subprocess.PIPE, text=True) as running:
        url = _primary(tmp_path / "stormkeel.toml", running)
        running.send_signal(number)
        assert running.wait(DEADLINE_S) == 1
    assert not _listens(url)


def _primary(config: Path, running: subprocess.Popen[str]) -> str:
    """Return the first sandbox's URL, once the configuration is written: both sandboxes are up then."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until and running.poll() is None:
        text = config.read_text() if config.exists() else ""
        if text.endswith('level = "warning"\n'):
            return str(tomllib.loads(text)["providers"]["anthropic"]["base_url"])
    raise AssertionError("the demo did not start")


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_without_an_sdk_it_says_how_to_get_it() -> None:
    """One line that names the extra, and exit code 2."""
    hidden = "import sys; sys.modules['anthropic'] = None; from stormkeel.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", hidden, "demo"], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr == 'error: the demo needs the SDK "anthropic"; install it with: pip install "stormkeel[demo]"\n'


def test_children_know_nothing_of_the_users_keys_and_proxies() -> None:
    """What the SDKs and the gateway read on their own is taken away; the package itself is found wherever they run."""
    given = {
        "OPENAI_API_KEY": "a",
        "ANTHROPIC_BASE_URL": "b",
        "STORMKEEL_DATA": "c",
        "HTTPS_PROXY": "d",
        "http_proxy": "e",
        "HOME": "f",
    }
    found = child_environment(given)
    assert found["HOME"] == "f"
    assert not {name for name in given if name != "HOME"} & set(found)
    assert (Path(found["PYTHONPATH"].split(":")[0]) / "stormkeel").is_dir()

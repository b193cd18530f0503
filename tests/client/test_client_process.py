"""What only a process of its own can show: ends without `close`, forks, `.env`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from client_stage import PATIENT, provided, written

from stormkeel.runtime.ledger import read

SOURCE = Path(__file__).parents[2] / "src"


def python(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, under a deadline."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "HOME": str(folder), "STORMKEEL_DATA": str(folder / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=clean | environ, capture_output=True, text=True, timeout=8, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_dropped_client_folds_its_ledger_at_the_end(tmp_path: Path) -> None:
    """A program that never closes its client ends at once, in silence, with its ledger folded."""
    with provided() as provider:
        (tmp_path / "stormkeel.toml").write_text(written(provider.url, tmp_path))
        done = python("import stormkeel; c = stormkeel.Client(); print(c.complete('hi').text)", tmp_path)
        assert [done.returncode, done.stderr] == [0, ""]
        assert done.stdout.strip()
    assert [booking.settled.outcome for booking in read(tmp_path / "data", 0).bookings.values()] == ["ok"]
    assert list((tmp_path / "data" / "journal").glob("*.journal")) == []


def test_a_program_that_leaves_a_stream_half_read_ends(tmp_path: Path) -> None:
    """A half-read stream holds no program back from ending."""
    code = """
import json, stormkeel
client = stormkeel.Client()
pieces = iter(client.stream("x\\nsandbox: " + json.dumps({"tokens": 20000}), max_tokens=90000))
print(next(pieces) and "read")
"""
    with provided() as provider:
        (tmp_path / "stormkeel.toml").write_text(written(provider.url, tmp_path, PATIENT))
        done = python(code, tmp_path)
        assert [done.returncode, done.stdout.strip(), done.stderr] == [0, "read", ""]


def test_a_fork_is_told_and_its_child_ends_in_silence(tmp_path: Path) -> None:
    """A client used in a forked child says so at once instead of hanging; the parent's goes on working."""
    code = """
import os, sys, warnings, stormkeel
warnings.simplefilter("ignore", DeprecationWarning)
client = stormkeel.Client()
client.complete("hi")
child = os.fork()
if child == 0:
    for call in (lambda: client.complete("hi"), lambda: client.stream("hi").until_done(), client.metrics):
        try:
            call()
        except stormkeel.StormkeelError as error:
            print("child:", "fork" in str(error), flush=True)
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), client.complete("hi").attempts[0].failure)
"""
    with provided() as provider:
        (tmp_path / "stormkeel.toml").write_text(written(provider.url, tmp_path))
        done = python(code, tmp_path)
        assert done.stdout.splitlines() == ["child: True"] * 3 + ["7 None"]
        assert [done.returncode, done.stderr] == [0, ""]


def test_an_environment_and_a_dotenv_suffice(tmp_path: Path) -> None:
    """Without a file, `.env` and the environment set the providers up; the environment wins; no key is printed."""
    with provided() as provider:
        (tmp_path / ".env").write_text(f'OPENAI_API_KEY="sk-CANARY0123456789abcd"\nOPENAI_BASE_URL={provider.url}/v1\n')
        code = "import stormkeel; c = stormkeel.Client(default_model='gpt-5.4-mini'); print(c.complete('hi').provider, c)"
        done = python(code, tmp_path)
        assert done.stdout.startswith("openai ")
        (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-CANARY0123456789abcd\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n")
        done = python(code, tmp_path, OPENAI_BASE_URL=f"{provider.url}/v1")
        assert done.stdout.startswith("openai ")
        assert "CANARY" not in done.stdout + done.stderr


def test_nothing_configured_is_told_with_its_mend(tmp_path: Path) -> None:
    """A program without any provider learns which variables to set; a wrong file is told with its line."""
    code = """
import stormkeel
try:
    stormkeel.Client().complete("hi", model="m")
except stormkeel.SettingsError as error:
    print(error)
"""
    assert "OPENAI_API_KEY" in python(code, tmp_path).stdout
    (tmp_path / "stormkeel.toml").write_text("[providers.openai]\n\nattemps = 3\n")
    assert "stormkeel.toml:3:" in python(code, tmp_path).stdout


def test_importing_is_light(tmp_path: Path) -> None:
    """Importing the package loads no HTTP, database or metrics library, and starts no thread."""
    code = """
import sys, threading, stormkeel
heavy = {"sqlite3", "uvloop", "httptools", "prometheus_client", "click", "asyncio", "ssl"} & set(sys.modules)
print(sorted(heavy), threading.active_count())
"""
    assert python(code, tmp_path).stdout.strip() == "[] 1"

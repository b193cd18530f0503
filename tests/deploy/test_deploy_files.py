"""The container's files: linted, and whatever they name exists. The image itself is not built here (docs/deploy.md)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stormkeel.cli import cli
from stormkeel.config.load import load
from stormkeel.config.settings import ServerSettings
from stormkeel.providers import KINDS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_the_dockerfile_passes_its_linter():
    """hadolint finds nothing."""
    hadolint = shutil.which("hadolint", path=str(BIN))
    if hadolint is None:
        pytest.skip("hadolint has no build for this platform: the Dockerfile is not linted here")
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_passes_its_linter():
    """yamllint finds nothing, but long lines."""
    rules = "{extends: default, rules: {line-length: {max: 140}}}"
    done = subprocess.run(
        [BIN / "yamllint", "-s", "-d", rules, str(ROOT / "compose.yaml")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_into_the_image_exists_and_is_not_ignored():
    """Each source of a COPY is there, and .dockerignore lets it through."""
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    sources = [source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for source in line.split()]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if source.split("/")[0] not in allowed] == []


def test_the_images_command_is_one_of_ours():
    """The default command and the sandbox's parse: `--help` behind them is answered."""
    command = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert command
    for words in ([word.strip(' "') for word in command[1].split(",")], COMPOSE["services"]["sandbox"]["command"]):
        assert CliRunner().invoke(cli, [*words, "--help"]).exit_code == 0


def test_ports_and_grace_agree_with_the_settings():
    """The port is the one that is served, and a stop is given the time that the gateway takes for it."""
    usual = ServerSettings()
    gateway = COMPOSE["services"]["gateway"]
    assert f"EXPOSE {usual.port}" in DOCKERFILE
    assert gateway["ports"] == [f"127.0.0.1:{usual.port}:{usual.port}"]
    assert int(gateway["stop_grace_period"].removesuffix("s")) >= usual.drain_delay + usual.grace + 10


@pytest.mark.parametrize("name", ["stormkeel.toml", "trial.toml"])
def test_the_containers_configurations_are_read(name: str):
    """Both configurations are valid on all addresses, for they name keys."""
    raw = (ROOT / "deploy" / name).read_bytes() + b'\n[server]\nhost = "0.0.0.0"\n'
    settings = load(raw, {}, KINDS)
    assert settings.keys
    assert set(settings.providers) == {"openai", "anthropic"}


def test_the_images_locks_pin_what_is_tested():
    """Each version in the image's locks is the one the tests run with, and has a hash."""
    tested = pins(ROOT / "requirements.lock")
    for name in ("runtime.lock", "build.lock"):
        held = pins(ROOT / "deploy" / name)
        assert held
        assert held.items() <= tested.items()
    assert {"msgspec", "click", "httptools"} <= pins(ROOT / "deploy" / "runtime.lock").keys()
    assert not {"pytest", "openai", "hatchling"} & pins(ROOT / "deploy" / "runtime.lock").keys()


def pins(lock: Path) -> dict[str, str]:
    """The pinned versions of a lock, by name; a pin without a hash is a fault."""
    text = lock.read_text()
    found = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ \\;]+)", text, re.MULTILINE))
    assert text.count("--hash=sha256:") >= len(found)
    return found

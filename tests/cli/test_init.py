"""`stormkeel init`: a first configuration from what is found."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.assemble import catalog
from stormkeel.assemble.beginning import MODELS, is_listening, look
from stormkeel.cli import cli
from stormkeel.config.first import first_file
from stormkeel.config.load import load
from stormkeel.providers import KINDS

CANARY = "sk-proj-canary9f2b7d61e84a4c0b"
KEYS = sorted({name for known in KINDS.values() for name in (*known.key_names, *known.token_names)} | {"OPENAI_API_KEY_2"})
URLS = sorted({name for known in KINDS.values() for name in known.url_names})
LOCAL = sorted(known.base_url for known in KINDS.values() if known.base_url and not known.needs_key)


def write(environ: dict[str, str], listening: set[str], form: str) -> str:
    """Look, and write the file."""
    found = look(environ, listening.__contains__)
    groups = [[one.target] for one in found.values() if one.target]
    return first_file({name: (one.why, one.settings) for name, one in found.items()}, groups, form)  # type: ignore[arg-type]  # a sample


def uncommented(text: str) -> str:
    """Take the comment marks off the hints: what follows their words up to the end."""
    head, _, hints = text.partition("# Keys of your callers")
    bare = [line.removeprefix("# ").removeprefix("#") for line in hints.splitlines()[1:] if not re.match(r"# (What|The) ", line)]
    return head + "\n".join(bare)


@given(
    st.sets(st.sampled_from(KEYS)),
    st.sets(st.sampled_from(URLS)),
    st.sets(st.sampled_from(LOCAL)),
    st.sampled_from(["toml", "yaml", "json"]),
)
def test_whatever_is_found_the_file_is_a_configuration(keys: set[str], urls: set[str], listening: set[str], form: str):
    """S-37: for every combination of keys, addresses and local servers, in each format, the file is read without a mistake, sets up
    what was found, holds no secret, and so does what its hints propose."""
    environ = {**dict.fromkeys(keys, CANARY), **dict.fromkeys(urls, "https://relay.example.com/v1"), "OPENAI_ORG_ID": "org-1"}
    text = write(environ, listening, form)
    assert "canary" not in text
    settings = load(text.encode(), {}, KINDS, f"stormkeel.{form}")
    found = look(environ, listening.__contains__)
    assert set(settings.providers) == set(found)
    assert (
        [target.provider for group in settings.routes["fast"].groups for target in group]
        == [name for name in found if name in MODELS]
        if settings.routes
        else not set(found) & set(MODELS)
    )
    if form != "json":
        more = load(uncommented(text).encode(), {}, KINDS, f"stormkeel.{form}")
        assert [key.name for key in more.keys] == ["team-a"]


def test_every_example_is_a_known_model():
    """Each model that is proposed is one the catalog knows at that provider."""
    assert [name for name, model in MODELS.items() if catalog().find(KINDS[name].catalog, model) is None] == []
    assert set(MODELS) == {name for name, known in KINDS.items() if known.catalog and known.base_url}


def test_a_listening_server_is_found():
    """A server that takes connections is found, one that does not isn't, and neither takes long."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert is_listening(f"http://127.0.0.1:{port}/v1")
    assert not is_listening(f"http://127.0.0.1:{port}/v1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment with one provider."""
    monkeypatch.chdir(tmp_path)
    for name in (*KEYS, *URLS, "STORMKEEL_CONFIG", "STORMKEEL_PROFILE", "STORMKEEL_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    """Run a command."""
    result = CliRunner().invoke(cli, list(words))
    assert "canary" not in result.output
    return result


@pytest.mark.parametrize("form", ["toml", "yaml", "json"])
def test_the_written_file_passes_check(folder: Path, form: str):
    """What is written is where `check` looks, has no mistake, and the next steps are told."""
    told = run("init", "--format", form)
    assert told.exit_code == 0
    assert told.output.startswith(f"wrote stormkeel.{form}: openai")
    assert "stormkeel ask" in told.output
    checked = run("check", "--json")
    assert checked.exit_code == 0
    data = json.loads(checked.output)
    assert data["files"] == [f"stormkeel.{form}"]
    assert [warning["text"] for warning in data["warnings"]] == [
        'route "fast" has a single deployment, and nothing answers while that is down; add another target, or a credential'
    ]
    assert stat.S_ISREG((folder / f"stormkeel.{form}").stat().st_mode)


def test_dotenv_counts(folder: Path):
    """What only `.env` holds is found as well."""
    (folder / ".env").write_text(f"ANTHROPIC_API_KEY={CANARY}\n")
    assert "[providers.anthropic.credentials]" in run("init", "--stdout").output
    assert not (folder / "stormkeel.toml").exists()


def test_a_file_is_never_replaced_unasked(folder: Path):
    """A file that is there stays, unless --force says otherwise; a second one in another format is never written."""
    (folder / "stormkeel.toml").write_text("mine")
    refused = run("init")
    assert str(refused.exception) == '"stormkeel.toml" is there already; see `stormkeel check`, or replace it with --force'
    assert (folder / "stormkeel.toml").read_text() == "mine"
    other = run("init", "--format", "yaml", "--force")
    assert (
        str(other.exception) == '"stormkeel.toml" is there already, and two would be refused; take it away, or write its format'
    )
    assert run("init", "--force").exit_code == 0
    assert (folder / "stormkeel.toml").read_text() != "mine"

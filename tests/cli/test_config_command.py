"""`stormkeel config show | schema | diff`, and `completion`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stormkeel.cli import cli
from stormkeel.config.schema import schema

FILE = """\
default_model = "fast"
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
[server]
port = 1
[profiles.dev.server]
port = 2
[profiles.prod]
default_model = "openai/gpt-5.4"
providers.openai.credentials = { prod = "env:PROD" }
server = { port = 3, grace = 4 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration and an environment of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("STORMKEEL_DATA", "STORMKEEL_CONFIG", "STORMKEEL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORMKEEL_SERVER__DRAIN_DELAY", "0.5")
    (tmp_path / "stormkeel.toml").write_text(FILE)
    return tmp_path


def run(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(cli, list(words))


def test_every_setting_with_its_origin(folder: Path):
    """Each setting has its value and its origin: a line of the file or its profile, a variable, the default."""
    lines = [line.split() for line in run("config", "show", "--origin", "--profile", "dev").output.splitlines()]
    told = {line[0]: line[1:] for line in lines}
    assert told["server.port"] == ["2", "stormkeel.toml:9:1"]
    assert told["server.drain_delay"] == ["0.5", "environment", "variable", "STORMKEEL_SERVER__DRAIN_DELAY"]
    assert told["server.grace"] == ["120.0", "default"]
    assert told["providers.openai.credentials.main"] == ['"env:OPENAI_API_KEY"', "stormkeel.toml:3:17"]
    assert told["providers.openai.base_url"] == ['"https://api.openai.com/v1"', "default"]
    assert told["routes.fast.groups[0][0]"] == ['"openai/gpt-5.4-mini"', "stormkeel.toml:5:12"]
    assert told["profile"] == ['"dev"', "argument", "--profile"]
    assert "origin" not in run("config", "show").output


def test_a_setting_of_several_origins(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """A small table shown as one setting names the variable that changed a part of it, beside its own place."""
    (folder / "stormkeel.toml").write_text('[providers.openai.credentials]\nmain = { ref = "env:A" }\n')
    monkeypatch.setenv("STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN__QUOTA", "org")
    rows = {row["setting"]: row for row in json.loads(run("config", "show", "--origin", "--json").output)}
    assert rows["providers.openai.credentials.main"] == {
        "setting": "providers.openai.credentials.main",
        "value": '{ ref = "env:A", quota = "org" }',
        "origin": "stormkeel.toml:2:1, environment variable STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN__QUOTA",
    }


def test_one_file_that_says_the_same(folder: Path):
    """What is printed as TOML or JSON is a configuration: reading it shows the same settings."""
    shown = run("config", "show", "--profile", "prod").output.splitlines()[1:]
    for option, name in (("--toml", "whole.toml"), ("--json", "whole.json")):
        (folder / name).write_text(run("config", "show", option, "--profile", "prod").output)
        again = run("config", "show", "--config", name).output.splitlines()[1:]
        assert [line for line in again if not line.startswith("profile ")] == [
            line for line in shown if not line.startswith("profile ")
        ]
    assert tomllib.loads((folder / "whole.toml").read_text())["server"]["grace"] == 4.0
    assert run("config", "show", "--toml", "--json").exit_code == 2


def test_origins_as_json(folder: Path):
    """For programs: a list of settings with value and origin."""
    rows = json.loads(run("config", "show", "--origin", "--json").output)
    assert {"setting": "server.port", "value": "1", "origin": "stormkeel.toml:7:1"} in rows


def test_two_profiles_compared(folder: Path):
    """What one profile adds, removes and changes against another, with both places; differences end with 1."""
    told = run("config", "diff", "--profile", "dev", "--against", "prod", "--json")
    assert told.exit_code == 1
    assert [list(row.values()) for row in json.loads(told.output)] == [
        ["removed", "providers.openai.credentials.main", '"env:OPENAI_API_KEY"', None, "stormkeel.toml:3:17", None],
        ["changed", "default_model", '"fast"', '"openai/gpt-5.4"', "stormkeel.toml:1:1", "stormkeel.toml:11:1"],
        ["changed", "server.port", "2", "3", "stormkeel.toml:9:1", "stormkeel.toml:13:12"],
        ["changed", "server.grace", "120.0", "4.0", "default", "stormkeel.toml:13:22"],
        ["changed", "profile", '"dev"', '"prod"', "argument --profile", "argument --profile"],
        ["added", "providers.openai.credentials.prod", None, '"env:PROD"', None, "stormkeel.toml:12:34"],
    ]


def test_two_files_compared(folder: Path):
    """Two files may be of two formats; those that say the same have no differences."""
    (folder / "b.yaml").write_text("""
default_model: fast
providers: {openai: {credentials: {main: "env:OPENAI_API_KEY"}}}
routes: {fast: {groups: [[openai/gpt-5.4-mini]]}}
server: {port: 1}
""")
    same = run("config", "diff", "stormkeel.toml", "b.yaml")
    assert (same.exit_code, same.output) == (0, "no differences\n")
    (folder / "b.yaml").write_text((folder / "b.yaml").read_text().replace("port: 1", "port: 9"))
    lines = run("config", "diff", "stormkeel.toml", "b.yaml").output.splitlines()
    assert [line.split() for line in lines] == [
        ["change", "setting", "before", "after", "from", "to"],
        ["changed", "server.port", "1", "9", "stormkeel.toml:7:1", "b.yaml:5:10"],
    ]


def test_nothing_to_compare_with(folder: Path):
    """One side alone is a usage error; a broken file is told by its first mistake."""
    assert run("config", "diff").exit_code == 2
    (folder / "b.yaml").write_text("server: {port: x}")
    broken = run("config", "diff", "stormkeel.toml", "b.yaml")
    assert str(broken.exception) == 'b.yaml:1:10: "port" must be a whole number, not text'


def test_the_schema_is_printed():
    """What is printed is the schema."""
    assert json.loads(run("config", "schema").output) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str):
    """Each shell has its script, which calls us back by the variable click listens to."""
    told = run("completion", shell)
    assert told.exit_code == 0
    assert "_STORMKEEL_COMPLETE" in told.output
    assert run("completion", "tcsh").exit_code == 2


def test_completion_offers_commands():
    """Asked by the shell, the command line offers its commands and their options."""
    told = CliRunner().invoke(
        cli,
        [],
        prog_name="stormkeel",
        env={"_STORMKEEL_COMPLETE": "bash_complete", "COMP_WORDS": "stormkeel conf", "COMP_CWORD": "1"},
    )
    assert told.output == "plain,config\n"

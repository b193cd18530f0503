"""`stormkeel check`: what would run, what is wrong, what is doubtful."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from stormkeel.cli import cli

CANARY = "sk-proj-canary9f2b7d61e84a4c0b"
FILE = """\
default_model = "fats"
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY", second = "env:OPENAI_API_KEY_2", file = "file:key.txt" }
[providers.anthropic]
credentials = { main = "env:ANTHROPIC_API_KEY" }
[routes.fast]
strategy = "round_robin"
groups = [["openai/gpt-5.4-mini#main", { provider = "openai", model = "gpt-nonsense", credential = "file", weight = 2 }]]
[routes.writer]
groups = [[{ provider = "anthropic", model = "claude-haiku-4-5", weight = 2 }]]
[[keys]]
name = "team-a"
key = "env:TEAM_A"
[[keys]]
name = "team-b"
key = "env:TEAM_B"
[policies.retry]
attempts = 5
[profiles.prod.server]
port = 80
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration and an environment of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("STORMKEEL_DATA", "STORMKEEL_CONFIG", "STORMKEEL_PROFILE", "OPENAI_API_KEY_2", "TEAM_B", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("HOME", "/home/x"), ("OPENAI_API_KEY", CANARY), ("ANTHROPIC_API_KEY", CANARY), ("TEAM_A", CANARY)):
        monkeypatch.setenv(name, value)
    (tmp_path / "stormkeel.toml").write_text(FILE)
    (tmp_path / "key.txt").write_text(f"{CANARY}-2\n")
    (tmp_path / "key.txt").chmod(0o644)
    return tmp_path


def run(*words: str) -> Result:
    """Run the command; it never shows a secret."""
    result = CliRunner().invoke(cli, ["check", *words])
    assert "canary" not in result.output
    return result


def test_what_would_run_and_what_is_doubtful(folder: Path):
    """S-37: each warning has its place and mend; then providers, routes, door, ledger and unusual policies, without a secret."""
    told = run("--profile", "prod")
    assert told.exit_code == 0
    assert told.output.splitlines() == [
        'warning: stormkeel.toml:3:46: env:OPENAI_API_KEY_2, the credential "second" of provider "openai", is not set; '
        "set OPENAI_API_KEY_2 in the environment or in .env",
        "warning: stormkeel.toml:3:79: file:key.txt can be read by others on this machine; take that away with chmod 600",
        'warning: stormkeel.toml:5:17: env:ANTHROPIC_API_KEY, the credential "main" of provider "anthropic", '
        "(sk-proj...) looks like a key of openai, not of anthropic; put anthropic's own key there",
        'warning: stormkeel.toml:14:3: env:TEAM_B, the key "team-b", is not set; set TEAM_B in the environment or in .env',
        'warning: stormkeel.toml:1:1: "default_model" is "fats", which no route and no provider is known by; did you mean "fast"?',
        'warning: stormkeel.toml:8:40: the weight of "openai/gpt-nonsense#file" does nothing, for round_robin takes each in turn; take it out',
        'warning: stormkeel.toml:9:9: route "writer" has a single deployment, and nothing answers while that is down; '
        "add another target, or a credential",
        'warning: stormkeel.toml:10:12: the weight of "anthropic/claude-haiku-4-5" does nothing, for no other target is in its group; take it out',
        'warning: stormkeel.toml:8:40: the catalog does not know "openai/gpt-nonsense#file", so its price and its window are unknown; '
        "mind the spelling, or say them in [models]",
        "",
        'stormkeel.toml (profile "prod"): no mistakes',
        "",
        "provider   address                    credentials",
        "openai     https://api.openai.com/v1  main (env:OPENAI_API_KEY), second (env:OPENAI_API_KEY_2), file (file:key.txt)",
        "anthropic  https://api.anthropic.com  main (env:ANTHROPIC_API_KEY)",
        "",
        "route   strategy     targets (> when those before are down)",
        "fast    round_robin  openai/gpt-5.4-mini#main | openai/gpt-nonsense#file",
        "writer  weighted     anthropic/claude-haiku-4-5",
        "",
        "server                   http://127.0.0.1:80",
        "keys                     team-a, team-b",
        "ledger                   /home/x/.local/share/stormkeel/prod",
        "default model            fats",
        "policies.retry.attempts  5 (usual: 3)",
    ]


def test_a_hedge_that_does_nothing_is_doubtful(folder: Path):
    """A hedge with nobody to go to, and a percentile that nobody asks for, are told of."""
    hedged = FILE + '[routes.alone]\ngroups = [["anthropic/claude-haiku-4-5"]]\nhedge = { after = 1.0, percentile = 90 }\n'
    (folder / "stormkeel.toml").write_text(hedged)
    told = run()
    assert told.exit_code == 0
    assert 'the hedge of route "alone" does nothing, for there is no second deployment' in told.output
    assert 'the "percentile" of the hedge of route "alone" does nothing beside its "after"' in told.output


def test_a_data_folder_that_profiles_share_is_doubtful(folder: Path):
    """What prod spends must not be booked with dev: a folder of the file is told of, one of the profile isn't."""
    (folder / "stormkeel.toml").write_text(
        FILE + '[profiles.prod.ledger]\ndata = "/prod"\n[ledger]\ndata = "/all"\n[profiles.dev]\n'
    )
    shared = (
        'warning: stormkeel.toml:24:1: the data folder is not the own one of profile "dev"; '
        "name another in [profiles.dev.ledger], or leave it out: then each profile has its own"
    )
    assert shared in run("--profile", "dev").output.splitlines()
    assert "data folder" not in run("--profile", "prod").output
    assert "data folder" not in run().output


def test_prices_far_off_the_catalogs_are_doubtful(folder: Path):
    """Dollars a thousand tokens instead of a million are told of, for the models in routes that a pattern stands for too; a contract
    isn't, nor a model that only the configuration knows."""
    own = """
    [models."openai/gpt-5.4-mini"]
    input_price = "0.00075"
    output_price = "3"
    [models."openai/gpt-n*"]
    input_price = "0.1"
    output_price = "0.1"
    [models."anthropic/*"]
    input_price = "1"
    output_price = "51"
    [models."openai/nobody-asks"]
    input_price = "0"
    output_price = "0"
    """
    (folder / "stormkeel.toml").write_text(FILE + own)
    told = [line for line in run().output.splitlines() if line.startswith("warning") and "price" in line]
    assert told == [
        'warning: stormkeel.toml:23:5: "input_price" is $0.00075 a million tokens, and the catalog has $0.7500 for "openai/gpt-5.4-mini"; '
        "mend it, unless that is your contract",
        'warning: stormkeel.toml:30:5: "output_price" is $51.0000 a million tokens, and the catalog has $5.0000 for '
        '"anthropic/claude-haiku-4-5"; mend it, unless that is your contract',
    ]


def test_a_model_the_catalog_does_not_know_wants_a_price(folder: Path):
    """A window alone is told of, as the price stays unknown; with a price nothing is doubtful."""
    own = '[models."openai/gpt-nonsense"]\nwindow = 8192\n'
    (folder / "stormkeel.toml").write_text(FILE + own)
    assert (
        'warning: stormkeel.toml:8:40: neither the catalog nor [models] has a price of "openai/gpt-nonsense#file", so it is unknown; '
        "say it in [models]"
    ) in run().output.splitlines()
    (folder / "stormkeel.toml").write_text(FILE + own + 'input_price = "1"\noutput_price = "1"\n')
    assert "price" not in run().output


def test_every_mistake_with_its_place(folder: Path):
    """Mistakes are all told, nothing else is, and the exit code is 1."""
    (folder / "stormkeel.toml").write_text("[server]\nprot = 1\nport = -1\n")
    told = run()
    assert told.exit_code == 1
    assert told.output == (
        'stormkeel.toml:2:1: unknown setting "prot" in [server]; did you mean "port"?\n'
        'stormkeel.toml:3:1: "port" is -1: give a number from 0 to 65535\n\n2 mistakes\n'
    )


def test_as_json(folder: Path):
    """For programs: mistakes and warnings by place, and what would run; null where it would not."""
    good = json.loads(run("--json").output)
    assert (good["ok"], good["mistakes"], len(good["warnings"])) == (True, [], 9)
    assert good["warnings"][1] == {
        "kind": "file", "name": "stormkeel.toml", "line": 3, "column": 79,
        "text": "file:key.txt can be read by others on this machine; take that away with chmod 600",
    }  # fmt: skip
    assert good["runs"]["routes"][0]["groups"] == [["openai/gpt-5.4-mini#main", "openai/gpt-nonsense#file"]]
    assert good["runs"]["policies"] == [{"setting": "policies.retry.attempts", "value": 5, "usual": 3}]
    (folder / "other.yaml").write_text("server: {port: x}")
    bad = json.loads(run("other.yaml", "--json").output)
    assert (bad["ok"], bad["runs"], bad["files"]) == (False, None, ["other.yaml"])
    assert bad["mistakes"][0]["text"] == '"port" must be a whole number, not text'


def test_two_files_at_once(folder: Path):
    """Two usual files in one folder are refused: nobody could say which one counts."""
    (folder / "stormkeel.yaml").write_text("")
    told = run()
    assert told.exit_code == 1
    assert told.output.splitlines()[0] == (
        'there are "stormkeel.toml" and "stormkeel.yaml" here; keep one of them, or name one with --config or STORMKEEL_CONFIG'
    )


def test_the_environment_alone(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a file it tells what the environment sets up, and a mistake of it by the variable's name; nothing at all is a mistake."""
    (folder / "stormkeel.toml").unlink()
    assert "no file: the environment alone: no mistakes" in run().output
    monkeypatch.setenv("STORMKEEL_SERVER__PROT", "1")
    assert run().output.startswith("environment variable STORMKEEL_SERVER__PROT: unknown setting")
    for name in ("STORMKEEL_SERVER__PROT", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name)
    told = run()
    assert told.exit_code == 1
    assert told.output.startswith("no provider is set up; set OPENAI_API_KEY")


def test_a_label_never_steers_the_terminal(folder: Path):
    """What a file holds is written out, never obeyed."""
    (folder / "stormkeel.toml").write_text(
        '[providers.openai]\ncredentials = { main = "env:A" }\n[routes."\\u001b[2J"]\ngroups = [["openai/x"]]\n'
    )
    assert "\x1b" not in run().output


def test_limits_in_force_and_where_they_are_said(folder: Path):
    """Each limit of what routes name stands there with the place that says it, once for a quota group and model."""
    more = '[providers.openai.limits]\nrpm = 500\nmodels = { "gpt-5*" = { tpm = 1000 } }\n'
    (folder / "stormkeel.toml").write_text(FILE + more)
    result = run()
    assert "providers.openai.limits" in result.output
    told = json.loads(run("--json").output)["runs"]["limits"]
    assert {"quota": "openai#main", "model": "gpt-5.4-mini", "pool": "", "limit": "tpm", "amount": 1000,
            "source": 'providers.openai.limits.models."gpt-5*"'} in told  # fmt: skip
    assert [row["amount"] for row in told if row["model"] == "gpt-nonsense"] == [500]


def test_a_target_that_no_long_request_would_reach(folder: Path):
    """A model named for what is too long is told of where its window is no larger than the least of the route; a larger one is not."""
    (folder / "stormkeel.toml").write_text(
        '[providers.openai]\ncredentials = { main = "env:OPENAI_API_KEY" }\n'
        '[models."openai/*"]\nwindow = 8000\n[models."openai/big"]\nwindow = 9000\n'
        '[routes.fast]\ngroups = [["openai/a"], ["openai/b"]]\n[routes.fast.fallback]\ncontext_length = ["openai/c", "openai/big"]\n'
    )
    found = [line for line in run().output.splitlines() if "window of" in line]
    assert found == [
        'warning: stormkeel.toml:10:1: "openai/c" has a window of 8,000 tokens, and the least of route "fast" is 8,000; '
        "name a model with a larger one"
    ]


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("one.pem", "two.key", "the key belongs to another one"),
        ("stormkeel.toml", "one.key", "one of them is no PEM file of its kind"),
        ("nowhere.pem", "one.key", "No such file or directory"),
        ("one.pem", "one.key", ""),
    ],
)
def test_a_certificate_that_a_start_could_not_use(cert: str, key: str, why: str, folder: Path):
    """A certificate and key that do not fit, are none, or are not there are told by `check` and `doctor`, and not first by a start."""
    authority = trustme.CA()
    for name in ("one", "two"):
        made = authority.issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        made.private_key_pem.write_to_path(folder / f"{name}.key")
    text = f'[providers.openai]\ncredentials = {{ main = "env:OPENAI_API_KEY" }}\n[server]\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    (folder / "stormkeel.toml").write_text(text)
    warnings = json.loads(run("--json").output)["warnings"]
    told = f'cannot use TLS certificate "{cert}" with key "{key}": {why}; give PEM files: the chain, its own certificate first'
    assert [one for one in warnings if "TLS" in str(one)] == [one for one in warnings if told in str(one)]
    assert any("TLS" in str(one) for one in warnings) is bool(why)
    found = CliRunner().invoke(cli, ["doctor", "--offline", "--json", "--data", str(folder / "data")])
    states = [one["state"] for one in json.loads(found.output)["findings"] if one["subject"] == "certificate"]
    assert states == ["fail" if why else "ok"]

"""`stormkeel doctor`, whole."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from client_stage import provided

from stormkeel.cli.doctor import command
from stormkeel.sandbox import SandboxSettings


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, words)


def written(folder: Path, url: str, key: str = "sk-proj-abcdefghijklmnop") -> Path:
    """A configuration with a provider at an address, and a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    secret = folder / "key"
    secret.write_text(key)
    secret.chmod(0o600)
    path = folder / "own.toml"
    path.write_text(f"""
[server]
port = {port}
[ledger]
data = "{folder / "data"}"
[providers.openai]
base_url = "{url}"
credentials = {{ main = "file:{secret}" }}
""")
    return path


def findings(told: Result) -> dict[str, str]:
    """How each subject stands, as JSON says."""
    return {finding["subject"]: finding["state"] for finding in json.loads(told.stdout)["findings"]}


def test_all_is_well(tmp_path: Path) -> None:
    """With a provider that knows the credential nothing is to mend, and the exit code is 0."""
    with provided() as provider:
        told = run("--config", str(written(tmp_path, f"{provider.url}/v1")), "--json")
    found = findings(told)
    assert told.exit_code == 0, told.stdout
    assert (found["configuration"], found["openai: connection"], found["openai: credential main"], found["port"]) == ("ok",) * 4
    assert json.loads(told.stdout)["ok"] is True


def test_a_credential_that_is_refused(tmp_path: Path) -> None:
    """A credential that the provider does not know is a fault, told in words; the exit code is 1, and no secret is shown."""
    with provided(SandboxSettings(keys=("sk-another-one",))) as provider:
        told = run("--config", str(written(tmp_path, f"{provider.url}/v1")))
    assert told.exit_code == 1
    assert "fail  openai: credential main: answered 401" in told.output and "      -> put a valid key there" in told.output
    assert "sk-proj-abcdefghijklmnop" not in told.output
    assert told.output.splitlines()[-1].endswith("1 to mend")


def test_every_subject_is_in_the_guide(tmp_path: Path) -> None:
    """The guide names each subject of a finding."""
    guide = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")
    with provided() as provider:
        told = run("--config", str(written(tmp_path, f"{provider.url}/v1")), "--json")
    for subject in findings(told):
        assert (
            f"`{re.sub('^openai: ', '<provider>: ', subject).replace(' main', ' <name>')}`" in guide
            or f"`{subject.removeprefix('openai: ')}`" in guide
        )


def test_offline(tmp_path: Path) -> None:
    """Offline no provider is asked."""
    told = run("--config", str(written(tmp_path, "http://127.0.0.1:9/v1")), "--offline", "--json")
    assert told.exit_code == 0
    assert [subject for subject in findings(told) if subject in {"openai: connection", "openai: answer"}] == []


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    """A mistake in the configuration is a finding among the others, and the rest is looked at all the same."""
    path = tmp_path / "own.toml"
    path.write_text("[server]\nprot = 1\n")
    told = run("--config", str(path), "--data", str(tmp_path / "data"), "--json")
    found = findings(told)
    assert told.exit_code == 1
    assert found["configuration"] == "fail" and found["sqlite"] == "ok"


def test_a_network_that_can_not_be_used(tmp_path: Path) -> None:
    """Authorities that are not there are a finding, and nobody is asked without them."""
    path = written(tmp_path, "http://127.0.0.1:9/v1")
    path.write_text(f'{path.read_text()}\n[network]\nca_file = "{tmp_path / "no.pem"}"\n')
    told = run("--config", str(path), "--json")
    assert findings(told)["network"] == "fail" and "openai: connection" not in findings(told)


@pytest.mark.parametrize("silent", [3])
def test_it_never_takes_long(silent: int, tmp_path: Path) -> None:
    """However many providers are silent, they are looked at together, and given up together."""
    path = tmp_path / "own.toml"
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        names = "".join(f'[providers.p{number}]\nkind = "compatible"\nbase_url = "{url}"\n' for number in range(silent))
        path.write_text(f'[ledger]\ndata = "{tmp_path / "data"}"\n{names}')
        began = time.monotonic()
        told = run("--config", str(path), "--json")
    assert time.monotonic() - began < 12
    assert [findings(told)[f"p{number}: answer"] for number in range(silent)] == ["fail"] * silent

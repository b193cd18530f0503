"""`stormkeel models`: routes and models with window and price, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stormkeel.cli import cli

FILE = """
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
"""


@pytest.fixture(name="configured")
def _configured(tmp_path: Path) -> list[str]:
    (tmp_path / "stormkeel.toml").write_text(FILE)
    return ["models", "--config", str(tmp_path / "stormkeel.toml")]


def test_a_table(configured: list[str]):
    """Routes come first, then the models, with exact prices; no credential is needed."""
    done = CliRunner().invoke(cli, configured)
    lines = done.output.splitlines()
    assert done.exit_code == 0
    assert lines[1].split() == ["fast", "openai", "gpt-5.4-mini", "400,000", "128,000", "$0.75", "$4.50"]


def test_json(configured: list[str]):
    """Programs get exact text for money and null for what nobody knows."""
    rows = json.loads(CliRunner().invoke(cli, [*configured, "--json"]).output)
    by_id = {row["id"]: row for row in rows}
    assert by_id["openai/gpt-5.4-mini"]["input_price"] == "0.75"
    assert by_id["openai/whisper-1"]["window"] is None


def test_a_word_and_routes(configured: list[str]):
    """A word narrows the list; `--routes` leaves the routes; nothing found is said."""
    assert all("5.4" in line for line in CliRunner().invoke(cli, [*configured, "5.4-"]).output.splitlines()[1:])
    assert len(CliRunner().invoke(cli, [*configured, "--routes"]).output.splitlines()) == 2
    assert '"nothing"' in CliRunner().invoke(cli, [*configured, "nothing"]).output


def test_ones_own_models_and_prices(tmp_path: Path):
    """A model that only the configuration knows is listed beside the catalog's, at its exact price."""
    (tmp_path / "stormkeel.toml").write_text(
        FILE + '[models."openai/gpt-house"]\ninput_price = "0.000000001"\noutput_price = "12"\nwindow = 8192\n'
    )
    configured = ["models", "--config", str(tmp_path / "stormkeel.toml")]
    lines = CliRunner().invoke(cli, [*configured, "house"]).output.splitlines()
    assert lines[1].split() == ["openai/gpt-house", "openai", "gpt-house", "8,192", "$0.000000001", "$12.00"]
    row = json.loads(CliRunner().invoke(cli, [*configured, "house", "--json"]).output)[0]
    assert [row["input_price"], row["output_price"]] == ["0.000000001", "12"]


def test_limits_and_where_they_come_from(tmp_path: Path):
    """A tier's limits stand beside the model, with their source and date; without any there is no column."""
    path = tmp_path / "stormkeel.toml"
    path.write_text('[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\nlimits = { tier = "free" }\n')
    words = ["models", "llama-3.3-70b-versatile", "--config", str(path)]
    told = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)[0]["limits"]
    assert '1,000 rpd (tier "free" (console.groq.com/docs/rate-limits, as of 2025-11-01))' in told
    assert "1,000 rpd" in CliRunner().invoke(cli, words).output
    path.write_text(FILE)
    assert "limits" not in CliRunner().invoke(cli, ["models", "--config", str(path)]).output

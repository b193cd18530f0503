"""`stormkeel simulate`: figures for people and programs, one seed to be read, and an exit code that tells."""

from __future__ import annotations

import json

from click.testing import CliRunner

from stormkeel.cli.simulate import command


def run(*arguments: str):
    """Run the command."""
    return CliRunner().invoke(command, [*arguments, "--hours", "0.02"])


def test_several_seeds():
    """Seeds are summed up, invariant by invariant."""
    ran = run("--seeds", "2", "--processes", "1")
    assert ran.exit_code == 0, ran.output
    assert "INV-13" in ran.output
    assert ran.output.startswith("seeds")


def test_one_object_for_programs():
    """With --json there is nothing but one JSON object."""
    ran = run("--seeds", "2", "--processes", "2", "--json")
    said = json.loads(ran.output)
    assert said["ok"] is True
    assert said["seeds"] == 2
    assert said["violations"] == []


def test_one_seed_to_be_read():
    """A single seed tells its weather and what happened before its figures."""
    ran = run("--seed", "5")
    assert ran.exit_code == 0
    assert ran.output.index("weather:") < ran.output.index("r1 asks") < ran.output.index("INV-2")

"""Mutation testing of the rooms that decide: does any test notice when a line of `policies/` or `engine/` is wrong? (S-51)

    python scripts/mutants.py --sample 120        so many of each room, drawn by --seed
    python scripts/mutants.py                     every one: hours
    python scripts/mutants.py --only "*.breaker.*"

mutmut makes the mutants and finds which test reaches which. mypy looks at all of them first, for what it refuses no test needs to
(`mutant_types.py`); the sample is drawn from the rest, and each is run against its tests (`mutant_runs.py`). Prints a line a
module, the survivors and, of each room, how sure the figures are; fails where tests kill less than `LEAST` of what they had to
judge. Never changes the source: the mutants live in `mutants/`, which may be deleted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from itertools import zip_longest
from math import sqrt
from pathlib import Path
from random import Random
from subprocess import DEVNULL, PIPE

import click
import msgspec
from mutant_types import caught

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mutants" / "src"
STATS = ROOT / "mutants" / "mutmut-stats.json"
ROOMS = ("policies", "engine")
MUTMUT = Path(sys.executable).with_name("mutmut")
KILLED = frozenset({"killed", "endless"})
"""How a mutant's run may end that some test has noticed."""
LEAST = 0.85
"""The share of a room's mutants, of those that mypy lets pass, that tests must kill."""
SURE = 1.96
"""How many standard deviations around a share hold 95 % of what chance does to it."""


def made() -> Iterator[str]:
    """Yield each mutant's name."""
    for path in sorted(FOLDER.rglob("*.meta")):
        yield from json.loads(path.read_text())["exit_code_by_key"]


def make() -> None:
    """Let mutmut make all mutants, and run none: no such name is found, which it says as a crash."""
    done = subprocess.run([MUTMUT, "run", "no-such-mutant"], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    if not STATS.exists():
        said = f"mutmut made no mutants, or one of its tests fails by itself (it ended with {done.returncode})"
        raise click.ClickException(f"{said}:\n{done.stdout}{done.stderr}")


def run(names: list[str], children: int, minutes: float) -> dict[str, str]:
    """Let `mutant_runs.py` judge these, as many as there is time for; return how each ended."""
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    tests = [*chosen["pytest_add_cli_args"], *chosen["pytest_add_cli_args_test_selection"]]
    command = [sys.executable, str(ROOT / "scripts" / "mutant_runs.py"), str(children), str(60 * minutes), *tests]
    with subprocess.Popen(command, cwd=ROOT / "mutants", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as judge:  # noqa: S603 - ours
        assert judge.stdin is not None
        assert judge.stdout is not None
        judge.stdin.write("\n".join(names))
        judge.stdin.close()
        ended = {}
        for line in judge.stdout:
            name, verdict = line.split()
            ended[name] = verdict
            click.echo(f"{len(ended):>5}/{len(names)}  {verdict:<10}{name}", err=True)
    if not ended:
        raise click.ClickException("none was judged: `pytest` could not collect the tests in `mutants/`, or there was no time")
    return ended


def place_of(name: str, parts: int = 3) -> str:
    """Return a mutant's module or room: `stormkeel.policies.window.x_sum__mutmut_1` -> `policies.window`, `policies`."""
    return ".".join(name.split(".")[1:parts])


def draw(names: Iterable[str], sample: int, seed: int) -> list[str]:
    """Draw so many of each room, or all of them; in turn and by chance, so that any beginning is a fair draw as well."""
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        rooms[place_of(name, 2)].append(name)
    dice = Random(seed)  # noqa: S311 - a sample, no secret
    drawn = [dice.sample(names, min(sample or len(names), len(names))) for _, names in sorted(rooms.items())]
    return [name for turn in zip_longest(*drawn) for name in turn if name is not None]


def interval(hits: int, draws: int, whole: int) -> tuple[float, float]:
    """Return between which shares that of the whole lies, with 95 % confidence (Wilson), given what a draw without return had.

    >>> interval(5, 5, 5)
    (1.0, 1.0)
    """
    if draws >= whole:
        return hits / draws, hits / draws
    square = SURE * SURE * (whole - draws) / (whole - 1)  # the more of the whole was drawn, the surer
    middle, wide = hits + square / 2, sqrt(square) * sqrt(hits * (draws - hits) / draws + square / 4)
    return (middle - wide) / (draws + square), (middle + wide) / (draws + square)


class Judged(msgspec.Struct, frozen=True):
    """What came of a room's mutants.

    Attributes:
        room: its name.
        mutants: how many there are.
        refused: those of them that mypy refuses.
        drawn: those of the others that tests had to judge.
        killed: those of the drawn that some test noticed.
        endless: those of the killed whose tests came to no end.
        unreached: those of the drawn that no test reaches.
    """

    room: str
    mutants: int
    refused: int
    drawn: int
    killed: int
    endless: int
    unreached: int

    def told(self, seed: int) -> dict[str, object]:
        """Say it all, with the shares and between which they lie with 95 % confidence."""
        left = self.mutants - self.refused
        shares = self.killed / self.drawn, *interval(self.killed, self.drawn, left)
        noticed = [(self.refused + left * share) / self.mutants for share in shares]
        return {
            "seed": seed, **msgspec.to_builtins(self), "survived": self.drawn - self.killed,
            "by_tests": shares[0], "by_tests_between": shares[1:], "noticed": noticed[0], "noticed_between": noticed[1:],
        }  # fmt: skip

    def words(self, seed: int) -> str:
        """Say the same to people."""
        return WORDS.format(**self.told(seed))


WORDS = """\
{room}: {mutants:,} mutants, {refused:,} of them refused by mypy; of the others {drawn} drawn by seed {seed}:
  {killed} killed by tests, {endless} of these without an end; {survived} survived, {unreached} of these reached by no test
  by tests alone      {by_tests:.1%}, with 95 % confidence from {by_tests_between[0]:.1%} to {by_tests_between[1]:.1%}
  by tests and mypy   {noticed:.1%}, with 95 % confidence from {noticed_between[0]:.1%} to {noticed_between[1]:.1%}"""


def judge(names: Iterable[str], typed: frozenset[str], ended: Mapping[str, str]) -> list[Judged]:
    """Say of each room from which some were judged what came of them."""
    judged = []
    for room in ROOMS:
        ours = [name for name in names if place_of(name, 2) == room]
        count = Counter(verdict for name, verdict in ended.items() if place_of(name, 2) == room)
        refused, killed = sum(name in typed for name in ours), sum(count[verdict] for verdict in KILLED)
        if count:
            judged.append(Judged(room, len(ours), refused, count.total(), killed, count["endless"], count["unreached"]))
    return judged


def table(ended: Mapping[str, str]) -> list[str]:
    """Return a line for each module: what tests made of its mutants."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, verdict in ended.items():
        counts[place_of(name)]["killed" if verdict in KILLED else verdict] += 1
    lines = [f"{'module':<28}{'drawn':>8}{'killed':>8}{'survived':>10}{'unreached':>11}"]
    for module, count in sorted(counts.items()):
        lines.append(f"{module:<28}{count.total():>8}{count['killed']:>8}{count['survived']:>10}{count['unreached']:>11}")
    return lines


@click.command()
@click.option("--sample", type=int, default=0, help="How many to draw of each room; 0 takes all.")
@click.option("--seed", type=int, default=1, help="Of the draw.")
@click.option("--only", default="*", help="A pattern of mutants' names.")
@click.option("--children", type=int, default=1, help="Mutants run at once.")
@click.option("--minutes", type=float, default=6000.0, help="Start none after so many; those judged by then are a fair draw.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(sample: int, seed: int, only: str, children: int, minutes: float, as_json: bool) -> None:
    """Run mutants, and say which nobody noticed."""
    make()
    names = sorted(name for name in made() if fnmatch(name, only))
    if not names:
        raise click.ClickException(f'no mutant is called like "{only}": names are as stormkeel.policies.window.x_sum__mutmut_1')
    typed = caught(ROOT / "mutants", tuple(f"src/stormkeel/{room}" for room in ROOMS))
    ended = run(draw(set(names) - typed, sample, seed), children, minutes)
    rooms = judge(names, typed, ended)
    survivors = sorted(name for name, verdict in ended.items() if verdict not in KILLED)
    if as_json:
        click.echo(json.dumps({"rooms": [room.told(seed) for room in rooms], "survivors": survivors}))
    else:
        click.echo("\n".join([*table(ended), "", *survivors, "", *(room.words(seed) for room in rooms)]))
    sys.exit(any(room.killed < LEAST * room.drawn for room in rooms))


if __name__ == "__main__":
    main()

"""Mutation testing of the rooms that decide: does any test notice when a line of `policies/` or `engine/` is wrong? (S-51)

    python scripts/mutants.py                     every mutant: hours
    python scripts/mutants.py --sample 400        so many, drawn by --seed
    python scripts/mutants.py --only "*.breaker.*"

mutmut makes the mutants and runs each against the tests that reach it. This draws the sample, lets mypy look first, for what it
refuses no test needs to (`mutant_types.py`), counts, prints a line a module and the survivors, and fails below --least. Never
changes the source: the mutants live in `mutants/`, which may be deleted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from random import Random

import click
from mutant_types import caught

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mutants" / "src"
ROOMS = ("src/stormkeel/policies", "src/stormkeel/engine")
MUTMUT = Path(sys.executable).with_name("mutmut")
TYPES = 37
"""The type checker refuses it."""
KILLED = frozenset({1, 3, TYPES, 36, 24, -24, 152, 255, -11, -9})
"""How a mutant's run may end that some test or the type checker has noticed: failures, types, endless loops, crashes."""
NOBODY = frozenset({5, 33})
"""No test reaches it."""


def results() -> Iterator[tuple[str, int | None]]:
    """Yield each mutant's name and how its run ended, None where it was not run."""
    for path in sorted(FOLDER.rglob("*.meta")):
        yield from json.loads(path.read_text())["exit_code_by_key"].items()


def make() -> None:
    """Let mutmut make all mutants, and run none: no such name is found, which it says as a crash."""
    done = subprocess.run([MUTMUT, "run", "no-such-mutant"], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    if not FOLDER.exists():
        raise click.ClickException(f"mutmut made no mutants (it ended with {done.returncode}):\n{done.stdout}{done.stderr}")


def run(names: list[str], children: int) -> None:
    """Let mutmut run these."""
    if names:
        subprocess.run([MUTMUT, "run", "--max-children", str(children), *names], cwd=ROOT, check=False)  # noqa: S603 - ours


def module_of(name: str) -> str:
    """Return the module of a mutant: `stormkeel.policies.window.x_sum__mutmut_1` -> `policies.window`."""
    return ".".join(name.split(".")[1:3])


def table(ended: dict[str, int | None]) -> tuple[list[str], float]:
    """Return a line for each module and one for all, and the share that was noticed."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, code in ended.items():
        verdict = "types" if code == TYPES else "killed" if code in KILLED else "unreached" if code in NOBODY else "survived"
        counts[module_of(name)][verdict] += 1
        counts["all"][verdict] += 1
    lines = [f"{'module':<28}{'mutants':>8}{'by tests':>10}{'by types':>10}{'share':>8}{'unreached':>11}"]
    for module in [*sorted(set(counts) - {"all"}), "all"]:
        count, total = counts[module], counts[module].total()
        numbers = f"{total:>8}{count['killed']:>10}{count['types']:>10}{_noticed(count):>8.1%}{count['unreached']:>11}"
        lines.append(f"{module:<28}{numbers}")
    return lines, _noticed(counts["all"])


def _noticed(count: Counter[str]) -> float:
    return (count["killed"] + count["types"]) / count.total()


@click.command()
@click.option("--sample", type=int, default=0, help="How many mutants to draw; 0 takes all.")
@click.option("--seed", type=int, default=1, help="Of the draw.")
@click.option("--only", default="*", help="A pattern of mutants' names.")
@click.option("--children", type=int, default=1, help="Mutants run at once.")
@click.option("--least", type=float, default=0.85, help="The share that must be noticed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(sample: int, seed: int, only: str, children: int, least: float, as_json: bool) -> None:
    """Run mutants, and say which nobody noticed."""
    make()
    names = sorted(name for name, _ in results() if fnmatch(name, only))
    if not names:
        raise click.ClickException(f'no mutant is called like "{only}": names are as stormkeel.policies.window.x_sum__mutmut_1')
    chosen = Random(seed).sample(names, sample) if 0 < sample < len(names) else names  # noqa: S311 - a sample, no secret
    typed = caught(ROOT / "mutants", ROOMS).intersection(chosen)
    tested = {name for name in chosen if name not in typed}
    run(sorted(tested), children)
    ended = {name: code for name, code in results() if name in tested}
    if None in ended.values():
        raise click.ClickException("mutmut stopped before all were run, as it does where a test fails by itself: see above")
    ended |= dict.fromkeys(typed, TYPES)
    lines, share = table(ended)
    survivors = sorted(name for name, code in ended.items() if code not in KILLED)
    if as_json:
        click.echo(json.dumps({"mutants": len(names), "run": len(ended), "killed": round(share, 4), "survivors": survivors}))
    else:
        click.echo("\n".join([*lines, "", *survivors, "", f"{len(ended)} of {len(names)} mutants run, {share:.1%} noticed"]))
    sys.exit(share < least)


if __name__ == "__main__":
    main()

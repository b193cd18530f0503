"""Seeds to outcomes: one with its trace, or many over several processes.

Never prints. A process that plays a seed plays it alone, so a seed comes out the same whoever plays it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec

from .audit import Scene, audit
from .outcome import Outcome, outcome_of
from .stage import Plan, Stage, draw_plan


class Replay(msgspec.Struct, frozen=True):
    """One seed to be read: its plan, what happened, and what came of it."""

    plan: Plan
    lines: list[str]
    outcome: Outcome


def play(stage: Stage) -> Outcome:
    """Play a stage and audit what was seen, by the settings of its plan."""
    began = time.process_time()
    evidence = stage.play()
    docket = audit(Scene(stage.plan, Stage(stage.plan).settings(), evidence))
    return outcome_of(stage.plan.seed, stage.plan.span, time.process_time() - began, evidence, docket)


def play_seed(seed: int, hours: float) -> Outcome:
    """Play one seed."""
    return play(Stage(draw_plan(seed, hours)))


def replay(seed: int, hours: float) -> Replay:
    """Play one seed, and keep what happened."""
    stage = Stage(draw_plan(seed, hours), keep=True)
    outcome = play(stage)
    return Replay(stage.plan, stage.evidence.trace.lines or [], outcome)


def play_many(seeds: Iterable[int], hours: float, processes: int) -> Iterator[Outcome]:
    """Play seeds over so many processes; each outcome as it comes."""
    tasks = [(seed, hours) for seed in seeds]
    if processes == 1:
        yield from (play_seed(seed, hours) for seed, hours in tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(_play_pair, tasks)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _play_pair(task: tuple[int, float]) -> Outcome:
    return play_seed(*task)

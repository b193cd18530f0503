"""The whole checkup, in order; what needs the network all at once, under one deadline.

Never takes longer than `WHOLE_S`, whoever is silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from ...config.loaded import Loaded
from .aside import aside
from .door import look_at_certificate, look_at_door
from .finding import Finding, fail, ok
from .machine import look_at_machine
from .package import look_at_package
from .reach import Subject, Visit, judge_skew
from .secrets import Secrets, look_at_secrets
from .storage import look_at_storage

WHOLE_S = 10.0
Tell = Callable[[Finding], None]


class Patient(msgspec.Struct, frozen=True):
    """What is looked at.

    Attributes:
        loaded: the configuration.
        environ: names and values, `.env` merged in.
        folder: the data folder, None where nothing is kept or nobody knows.
        subjects: makes the providers to look at of the credentials that could be resolved.
        network_fault: why providers can't be reached as they are configured, with the mend; "" where they can.
        may_ask: may the network be used?
    """

    loaded: Loaded
    environ: Mapping[str, str]
    folder: Path | None
    subjects: Callable[[Secrets], list[Subject]]
    network_fault: str = ""
    may_ask: bool = True


async def examine(patient: Patient, tell: Tell) -> list[Finding]:
    """Look at everything, and return the findings; each is told as soon as it is found.

    Args:
        patient: what to look at.
        tell: called with each finding.
    """
    told: list[Finding] = []

    def note(findings: Iterable[Finding]) -> None:
        for finding in findings:
            told.append(finding)
            tell(finding)

    secrets: Secrets = {}
    late = asyncio.get_running_loop().time() + WHOLE_S
    note(_configuration(patient.loaded))
    note(look_at_secrets(patient.loaded.settings, patient.environ, secrets))
    visits = [Visit(subject) for subject in patient.subjects(secrets)] if patient.may_ask else []
    asked = [asyncio.create_task(visit.make()) for visit in visits]
    disk = asyncio.create_task(aside(lambda: list(_storage(patient.folder))))
    note(look_at_package())
    note(look_at_machine(patient.environ, patient.loaded.settings.network))
    note(_network(patient.network_fault))
    note(look_at_certificate(patient.loaded.settings.server))
    note([await look_at_door(patient.loaded.settings.server)])
    await asyncio.wait((disk, *asked), timeout=max(0.0, late - asyncio.get_running_loop().time()))
    note(disk.result() if disk.done() else [_SLOW_DISK])
    note(finding for visit in visits for finding in visit.findings)
    note([judge_skew([visit.answered for visit in visits if visit.answered])] if patient.may_ask else [])
    for task in (disk, *asked):
        task.cancel()
    return told


_SLOW_DISK = fail("data folder", f"the disk did not answer within {WHOLE_S:g} s", "look at the disk, or at the network behind it")


def _configuration(loaded: Loaded) -> Iterator[Finding]:
    if loaded.faults:
        for fault in loaded.faults:
            yield fail("configuration", str(fault), "mend it; `stormkeel check` shows all there is to it")
        return
    where = ", ".join(loaded.files) or "the environment alone"
    settings = loaded.settings
    counts = f"{len(settings.providers)} providers, {len(settings.routes)} routes, {len(settings.keys)} callers' keys"
    profile = f', profile "{settings.profile}"' if settings.profile else ""
    yield ok("configuration", f"{where}{profile}: {counts}")


def _network(fault: str) -> Iterator[Finding]:
    if fault:
        yield fail("network", fault.partition("; ")[0], fault.partition("; ")[2] or "mend it under `[network]`")


def _storage(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        yield ok("data folder", "none: nothing is kept")
    else:
        yield from look_at_storage(folder)

"""The installation: the interpreter, what we depend on, and whether our own files are those that were installed.

Never imports what it looks for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path

from .finding import Finding, fail, ok, warn

NAME = "stormkeel"
LEAST_PYTHON = (3, 11)
SHOWN = 3


def look_at_package() -> Iterator[Finding]:
    """Look at the interpreter and the installed packages."""
    yield judge_python(sys.version_info[:3], has_uvloop=find_spec("uvloop") is not None)
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        mend = "install it with pip, so that its dependencies are there"
        yield warn("packages", f"{NAME} is not installed, but run from its source", mend)
        return
    yield judge_packages(needed(installed), installed_version)
    yield judge_files(installed)


def judge_python(found: tuple[int, ...], *, has_uvloop: bool) -> Finding:
    """Judge the interpreter."""
    words = "Python " + ".".join(map(str, found))
    if found[:2] < LEAST_PYTHON:
        return fail("python", words, f"use Python {'.'.join(map(str, LEAST_PYTHON))} or newer")
    if not has_uvloop:
        return warn("python", f"{words}, without uvloop", "pip install uvloop: the gateway serves about half as much without it")
    return ok("python", f"{words} with uvloop")


def needed(installed: Distribution) -> dict[str, str]:
    """Return what the package needs beyond doubt, with the least version, "" for any."""
    found = {}
    for line in installed.requires or ():
        words, _, marker = line.partition(";")
        name = re.match(r"[A-Za-z0-9._-]+", words)
        least = re.search(r">=\s*([0-9.]+)", words)
        if name and not marker.strip():
            found[name[0]] = least[1] if least else ""
    return found


def installed_version(name: str) -> str:
    """Return the version of a package, "" where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def judge_packages(least: dict[str, str], found: object) -> Finding:
    """Judge the packages that are needed; `found` returns a version by a name."""
    assert callable(found)
    have = {name: found(name) for name in least}
    wrong = [
        f"{name} {have[name] or 'is missing'}" for name in least if _numbers(have[name]) < _numbers(least[name]) or not have[name]
    ]
    if wrong:
        return fail("packages", ", ".join(wrong), f"pip install --upgrade {NAME}")
    return ok("packages", ", ".join(f"{name} {known}" for name, known in have.items()))


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", words)[:3])


def judge_files(installed: Distribution) -> Finding:
    """Judge the installed files against their record: none changed, and none that runs by itself at every start of Python."""
    if _is_editable(installed):
        return ok("files", f"{NAME} {installed.version} runs from its source (an editable install)")
    files = installed.files or []
    runs = [str(file) for file in files if file.suffix == ".pth"]
    if runs:
        return fail(
            "files",
            f"{', '.join(runs)} runs at every start of Python, and is none of ours",
            f"uninstall {NAME}, and find out where it came from",
        )
    changed = [
        str(file) for file in files if file.hash and not _is_whole(Path(str(file.locate())), file.hash.mode, file.hash.value)
    ]
    if changed:
        shown = ", ".join(changed[:SHOWN]) + (" and more" if len(changed) > SHOWN else "")
        return fail("files", f"changed since they were installed: {shown}", f"pip install --force-reinstall {NAME}")
    return ok("files", f"{NAME} {installed.version}: {len(files)} files as they were installed, none that runs by itself")


def _is_editable(installed: Distribution) -> bool:
    try:
        told = json.loads(installed.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(told.get("dir_info", {}).get("editable"))


def _is_whole(path: Path, mode: str, value: str) -> bool:
    try:
        digest = hashlib.new(mode, path.read_bytes()).digest()
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == value

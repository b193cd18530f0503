"""The machine and the process: clocks, descriptors, memory limit, proxy variables.

Judges values; the few that read the system say so.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ...config.network import ENV
from ...config.settings import NetworkSettings
from .finding import Finding, fail, ok, size_words, warn

STREAMS = 1_000
DESCRIPTORS = 2 * STREAMS + 100
"""A stream has a connection to the caller and one to the provider; the rest is the ledger, the log and what listens."""
OLDEST_YEAR, LATEST_YEAR = 2026, 2100
COARSE_S = 0.05
LEAST_MEMORY = 256 << 20
MEMORY_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
NO_LIMIT = 1 << 50
PROXY_NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def look_at_machine(environ: Mapping[str, str], network: NetworkSettings, root: Path = Path("/")) -> Iterator[Finding]:
    """Look at this process's clocks and limits."""
    info = time.get_clock_info("monotonic")
    first, second = time.monotonic(), time.monotonic()
    yield judge_clock(time.time(), second - first, info.resolution)
    yield judge_descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE))
    yield judge_memory(read_memory_limit(root))
    yield from judge_proxies(environ, network)


def judge_clock(wall: float, step: float, resolution: float) -> Finding:
    """Judge the clocks: `wall` seconds since the epoch, `step` and `resolution` of the monotonic one in seconds."""
    year = datetime.fromtimestamp(wall, UTC).year
    if not OLDEST_YEAR <= year <= LATEST_YEAR:
        return fail("clock", f"it is the year {year} here", "set the clock: certificates, prices and the ledger go by it")
    if step < 0 or resolution > COARSE_S:
        return fail(
            "clock",
            f"the monotonic clock goes back or steps by {resolution:g} s",
            "use a machine with a working clock source: every timeout goes by it",
        )
    return ok("clock", f"{datetime.fromtimestamp(wall, UTC):%Y-%m-%d %H:%M:%S} UTC")


def judge_descriptors(soft: int, hard: int) -> Finding:
    """Judge the limit of open files."""
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= DESCRIPTORS:
        return ok("descriptors", f"{'any number of' if soft == unlimited else f'{soft:,}'} open files are allowed")
    streams = max(0, (soft - 100) // 2)
    how = (
        f"ulimit -n {DESCRIPTORS}"
        if hard == unlimited or hard >= DESCRIPTORS
        else "LimitNOFILE= of the service, as an administrator"
    )
    return warn(
        "descriptors",
        f"{soft:,} open files are allowed, enough for about {streams:,} streams at once",
        f"for {STREAMS:,} streams allow {DESCRIPTORS:,}: {how}",
    )


def read_memory_limit(root: Path) -> int | None:
    """Return the control group's memory limit in bytes, None where there is none."""
    for name in MEMORY_LIMITS:
        try:
            words = (root / name).read_text().strip()
        except OSError:
            continue
        if words.isdigit() and int(words) < NO_LIMIT:
            return int(words)
    return None


def judge_memory(limit: int | None) -> Finding:
    """Judge the memory limit of the container."""
    if limit is None:
        return ok("memory", "no limit is set by a container")
    if limit < LEAST_MEMORY:
        mend = f"allow {size_words(LEAST_MEMORY)}, or lower `server.max_body`: large requests are held in memory"
        return warn("memory", f"the container allows {size_words(limit)}", mend)
    return ok("memory", f"the container allows {size_words(limit)}")


def judge_proxies(environ: Mapping[str, str], network: NetworkSettings) -> Iterator[Finding]:
    """Tell of proxies: whoever sets a variable expects it to be honoured. None is shown: an address may hold a password."""
    found = [name for name in PROXY_NAMES if environ.get(name) or environ.get(name.lower())]
    said = f"{', '.join(found)} {'is' if len(found) == 1 else 'are'} set"
    if network.proxy == ENV:
        yield ok("proxy", f"{said}, and honoured" if found else 'variables are to be honoured (`proxy = "env"`), and none is set')
    elif network.proxy:
        yield ok("proxy", "one is configured" + (f"; {said}, and not looked at" if found else ""))
    elif not found or found == ["NO_PROXY"]:
        yield ok("proxy", "none is configured, and no variable asks for one")
    else:
        mend = 'set `proxy = "env"` under `[network]` where they are meant for us too; else all is well'
        yield warn("proxy", f"{said}, and not honoured: providers are reached directly", mend)

"""How long processes have waited for a processor: what a busy machine took is not held against a gateway.

Never guesses: where the kernel does not tell (anything but Linux), nothing was waited for.
"""

from __future__ import annotations

from pathlib import Path


def waited(*pids: int) -> float:
    """Return the seconds for which the main threads of processes were ready to run and did not, in all."""
    return sum(map(_waited, pids))


def _waited(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0

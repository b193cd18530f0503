"""How the files of a configuration looked when they were read: enough to see that one has changed since.

Never reads a file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

Look = tuple[int, int, int] | None
"""A file's time of change (ns), size and inode; None where it is not there."""

UNSURE: Look = (0, 0, 0)
COARSE = 20_000_000  # nanoseconds by which a file system's time of change may lie behind the clock


def look(files: Iterable[str], since: int | None = None) -> dict[str, Look]:
    """Return how files look now.

    Args:
        files: their paths; "" for none.
        since: when they began to be read, nanoseconds since the epoch: one that changed about then may have been read half and
            half, or before it changed, and will look changed to whoever compares.
    """
    return {name: _look(name, since) for name in files if name}


def _look(name: str, since: int | None) -> Look:
    try:
        found = os.stat(name)
    except OSError:
        return None
    if since is not None and since - COARSE < found.st_mtime_ns < time.time_ns() + COARSE:
        return UNSURE
    return found.st_mtime_ns, found.st_size, found.st_ino

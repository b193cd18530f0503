"""Losses as they are remembered: names to sum up by, not the places of one body.

Never content, and never more than a few hundred bytes: names may be the client's own.
"""

from __future__ import annotations

import re

MOST = 40
"""Names of one attempt that are kept; what is beyond them is told by one more, `REST`."""
REST = "..."
LOOKED_AT = 2000
"""Losses that are looked at; a body with more has them all in the same few places."""
LONGEST = 120  # characters of a name
_PLACE = re.compile(r"\[\d+(?:\.\.\d+)?\]")


def kept(lost: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is kept of an attempt's losses: paths without the numbers in them, each once, in plain ASCII.

    >>> kept(("seed", "messages[2].name", "messages[4].name"))
    ('seed', 'messages[].name')
    """
    names = tuple(dict.fromkeys(_plain(name) for name in lost[:LOOKED_AT]))
    return names if len(names) <= MOST else (*names[:MOST], REST)


def _plain(name: str) -> str:
    said = _PLACE.sub("[]", name[: 4 * LONGEST])[:LONGEST]
    return "".join(char if " " <= char <= "~" else "?" for char in said)

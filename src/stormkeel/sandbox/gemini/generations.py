"""What follows from the name of a Gemini model.

Never knows a single model: only families and versions.
"""

from __future__ import annotations

import re

_MODEL = re.compile(r"^gemini-(?P<major>\d{1,2})(?:\.(?P<minor>\d{1,2}))?(?:-|$)")
_NEWEST = (99, 0)


def generation(model: str) -> tuple[int, int] | None:
    """Return (3, 8) for gemini-3.8-flash, the newest of all for an alias of the latest; None for a name that tells nothing.

    >>> generation("gemini-3.8-flash"), generation("gemini-4-argon"), generation("whale-1")
    ((3, 8), (4, 0), None)
    >>> (generation("gemini-flash-latest") or (0, 0)) > (4, 0)
    True
    """
    found = _MODEL.match(model)
    if found:
        return int(found["major"]), int(found["minor"] or 0)
    return _NEWEST if model.startswith("gemini-") and model.endswith("-latest") else None


def signs(model: str) -> bool:
    """Tell whether a model signs its thoughts and wants them back: from Gemini 3 on. Such a model also names its calls."""
    version = generation(model)
    return version is not None and version >= (3, 0)


def thinks(model: str) -> bool:
    """Tell whether a model can think: from Gemini 2.5 on, and any whose name tells nothing."""
    version = generation(model)
    return version is None or version >= (2, 5)


def embeds(model: str) -> bool:
    """Tell whether a model makes vectors and nothing else."""
    return "embedding" in model

"""The version of a configuration: one short name for everything it says.

Never made of a secret: settings hold references only, so a credential changed in its place keeps the version.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from .settings import Settings

LENGTH = 10  # hex digits: two versions of one gateway get the same name once in 10^12


def version_of(settings: Settings) -> str:
    """Return the version of settings: the same in every process, whatever files they were read from."""
    return sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:LENGTH]

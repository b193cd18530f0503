"""What becomes of a stream that breaks off behind its commit point.

Never does it: `engine/recovery.py` does.

    "error"      the client is told, in its dialect
    "restart"    somebody else is asked the same, and goes on where all that was sent is said again to the letter
    "continue"   somebody else is asked for the rest
"""

from __future__ import annotations

from typing import Literal, get_args

RecoveryName = Literal["error", "restart", "continue"]

ASK = (
    "Your answer broke off before its end; the client has what stands above. Write the rest of it. Begin by repeating its last "
    "words exactly, and go on from there:\n\n{}\n\nWrite nothing else: no introduction, no remark, no quotation marks."
)
"""The turn that asks a model for the rest which takes no turn that was begun. What it repeats shows where the two texts meet."""


def recovery_of(text: str) -> str:
    """Return a recovery that a request asks for, "" where it is none: then its route's stands."""
    return text if text in get_args(RecoveryName) else ""

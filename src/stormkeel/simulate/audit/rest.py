"""What is left over once nothing is in flight: INV-15, and INV-14 for what grows with time.

Never excuses what will surely go away: a second after the last request everything is as it was.
"""

from __future__ import annotations

from .docket import Docket, Scene


def rest(scene: Scene, docket: Docket) -> None:
    """Check what was found at each moment of rest."""
    evidence = scene.evidence
    docket.made["INV-15"] += evidence.rests
    for at, what in evidence.rest:
        docket.accuse("INV-15", at, "at rest", what)

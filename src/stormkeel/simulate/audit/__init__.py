"""The auditor: a check for each invariant, by what the transport saw and callers got, against what was configured.

Never asks the engine how it is, and never believes its books: it keeps its own. What it finds names the invariant, the moment,
whom, and what was seen.
"""

from .books import books
from .borders import borders
from .breakers import breakers
from .callers import callers
from .detours import detours
from .docket import Docket, Scene, Violation
from .rates import rates
from .regions import regions
from .rest import rest
from .sticking import sticking
from .storms import storms

CHECKS = (books, callers, storms, rates, breakers, regions, rest, borders, detours, sticking)
"""All of them, in the order they are told of."""


def audit(scene: Scene) -> Docket:
    """Check everything that was seen in one run."""
    docket = Docket()
    for check in CHECKS:
        check(scene, docket)
    return docket


__all__ = ["CHECKS", "Docket", "Scene", "Violation", "audit"]

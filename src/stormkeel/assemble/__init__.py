"""Settings to a House: the one room that knows every concrete class.

Never serves a request itself: it builds the world that does, and takes it down again.

    file, environment -> Settings, secrets -> ledger, log, transport -> fleet, routes, World -> Setup    in a House
    (reading.py)         (reloading.py)       (opening.py)              (building.py)           (setup.py)  (house.py)
"""

from .building import build
from .house import Belongings, House, Parts
from .known import CODECS, COUNTING, DIALECTS, abilities, catalog
from .looking import Look, look
from .offers import ModelInfo, offers
from .opening import Opening, open_house
from .reading import CONFIG, DATA, MEMORY, read_loaded, read_settings
from .reloading import Draft, Origin, Reloaded, checked_draft, reload_house
from .setup import Asking, Setup

__all__ = [
    "CODECS", "CONFIG", "COUNTING", "DATA", "DIALECTS", "MEMORY", "Asking", "Belongings", "Draft", "House", "Look", "ModelInfo",
    "Opening", "Origin", "Parts", "Reloaded", "Setup", "abilities", "build", "catalog", "checked_draft", "look", "offers",
    "open_house", "read_loaded", "read_settings", "reload_house",
]  # fmt: skip

"""Settings to a House: the one room that knows every concrete class.

Never serves a request itself: it builds the world that does, and takes it down again.

    file, environment -> Settings -> secrets, catalog, ledger, transport -> fleet and routes -> World
    (reading.py)                     (opening.py)                          (building.py)      (house.py)
"""

from .building import Parts, build
from .house import Belongings, House
from .known import DIALECTS, catalog
from .opening import Opening, open_house
from .reading import CONFIG, DATA, MEMORY, read_loaded, read_settings

__all__ = [
    "CONFIG", "DATA", "DIALECTS", "MEMORY", "Belongings", "House", "Opening", "Parts", "build", "catalog", "open_house",
    "read_loaded", "read_settings",
]  # fmt: skip

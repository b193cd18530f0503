"""The table of routes: which path is served by whom, and who may call it.

Never decides by a guess: what is not in the table does not exist (INV-18). A path that ends in `{id}` goes on with any id,
slashes included; two such rows may share their beginning, and the method tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from .door import Access
from .endpoints import Endpoint
from .reply import Teller

ID = "{id}"
"""The end of a path that stands for any id."""
ANY = "any"


class Row(msgspec.Struct, frozen=True):
    """One route. There is none without an access.

    Attributes:
        method: GET or POST; `ANY` leaves it to the endpoint.
        access: who may call it.
        endpoint: what serves it.
        dialect: how its errors are told.
        is_vital: is it served also where there is no room for anything else? For those who look after the gateway.
    """

    method: str
    access: Access
    endpoint: Endpoint
    dialect: Teller
    is_vital: bool = False

    def serves(self, method: str) -> bool:
        """Does it serve a method? HEAD is served as GET, whose body the server leaves out (RFC 9110 §9.3.2)."""
        return self.method in (method, ANY) or (method == "HEAD" and self.method == "GET")


class Table:
    """Every route."""

    def __init__(self) -> None:
        self._exact: dict[str, Row] = {}
        self._open: list[tuple[str, Row]] = []

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Yield every path with its route, those with an open end last."""
        yield from self._exact.items()
        yield from ((beginning + ID, row) for beginning, row in self._open)

    def add(self, rows: Mapping[str, Row]) -> None:
        """Take routes by their paths."""
        for path, row in rows.items():
            if path.endswith(ID):
                self._open.append((path[: -len(ID)], row))
            else:
                self._exact[path] = row

    def find(self, method: str, path: str) -> Row | None:
        """Return the route of a path: one of this method if there is any, else one of another, None where nothing is served."""
        return self._exact.get(path) or self._find_open(method, path)

    def _find_open(self, method: str, path: str) -> Row | None:
        """Return the route whose path goes on so. An id has a character, and no steps back."""
        if ".." in path.split("/"):
            return None
        found = [row for beginning, row in self._open if path.startswith(beginning) and len(path) > len(beginning)]
        return next((row for row in found if row.serves(method)), found[0] if found else None)

"""The state of one sandbox: its settings, its book, its storm. Each request is given its stand here.

Never answers anything.
"""

from __future__ import annotations

import hashlib

from stormkeel.sandbox.bill import Row
from stormkeel.sandbox.book import Book, Record, fingerprint, redacted, redacted_query
from stormkeel.sandbox.dialect import Dialect, Mark
from stormkeel.sandbox.embeddings import Embeddings
from stormkeel.sandbox.faults import Chosen
from stormkeel.sandbox.happen import Stand
from stormkeel.sandbox.line import Inbound, Line
from stormkeel.sandbox.responses import InputTokens, Responses
from stormkeel.sandbox.responses.shelf import Shelf
from stormkeel.sandbox.settings import SandboxSettings
from stormkeel.sandbox.storm import CALM, Storm, draw


class Desk:
    """What the endpoints share."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.book = Book(settings.keep_requests)
        shelf = Shelf(settings.keep_requests)
        self.responses = Responses(shelf)
        self.input_tokens = InputTokens(shelf)
        self.embeddings = Embeddings(settings.seed)
        self.storm = CALM
        self._serial = 0
        self.set_storm(settings.storm)

    def set_storm(self, storm: Storm | None) -> None:
        """Begin a storm: its arrivals are counted, and its outages timed, from now on. None ends it."""
        self.storm = storm or CALM
        self._since = self.settings.clock()
        self._arrivals = 0

    def forget(self) -> None:
        """Drop the book and the answers that are kept, and begin the storm anew."""
        self.book.forget()
        self.responses.shelf.clear()
        self.set_storm(self.storm)

    def draw(self) -> Chosen | None:
        """Count an arrival and return the storm's fault for it."""
        number = self._arrivals
        self._arrivals += 1
        return draw(self.storm, number, self.settings.clock() - self._since, self.settings.seed)

    def stand(self, inbound: Inbound, line: Line, dialect: Dialect) -> tuple[Stand, Record]:
        """Record a request and open a row for it; the row is not on the bill yet."""
        now = self.settings.clock()
        self._serial += 1
        self.book.number += 1
        token = hashlib.blake2b(f"{self.settings.seed}:{self._serial}".encode(), digest_size=12).hexdigest()
        credential = dialect.credential(inbound)
        row = Row(
            id=f"req_{token}",
            number=self.book.number,
            dialect=dialect.name,
            client_request_id=inbound.header("x-client-request-id"),
            credential=None if credential is None else fingerprint(credential),
        )
        record = Record(
            number=row.number,
            at=now,
            id=row.id,
            method=inbound.method,
            path=inbound.path,
            query=redacted_query(inbound.query),
            headers=redacted(inbound),
            body=inbound.body,
            dialect=dialect.name,
        )
        self.book.records.append(record)
        return Stand(dialect, line, row, Mark(token, now), self.settings), record

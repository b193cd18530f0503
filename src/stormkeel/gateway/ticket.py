"""Tickets: leave to send the rest of one upload, for a client that does not bring its key again.

Google's SDK begins an upload with its key and sends the rest to the address it is given, without. So that address carries a
ticket: good for that address alone, while the key it was begun with is known, and until the process ends. Never a key, and
nothing is remembered.

    key, address --write--> address&stormkeel_ticket=NAME~MAC --owner--> NAME
"""

from __future__ import annotations

import hmac
import os

from ..config.keys import KeyRing

MARK = "&stormkeel_ticket="


class Tickets:
    """Writes tickets, and knows its own."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)

    def write(self, caller: str, address: str) -> str:
        """Return an address (a path with its query) with the ticket of a caller, by the name of its key."""
        return f"{address}{MARK}{caller}~{self._mac(caller, address)}"

    def owner(self, keys: KeyRing, address: str) -> str | None:
        """Return whose ticket an address carries; None for none, a wrong one, and one of a key that was taken out."""
        plain, _, ticket = address.rpartition(MARK)
        caller, _, mac = ticket.rpartition("~")
        if not plain or not hmac.compare_digest(self._mac(caller, plain).encode(), mac.encode()):
            return None
        return caller if keys.has(caller) else None

    def _mac(self, caller: str, address: str) -> str:
        return hmac.new(self._secret, f"{caller}\n{address}".encode(), "sha256").hexdigest()

"""The door: whose key a call brings. A call gets a name or a refusal; there is no default caller (INV-18).

Never keeps a key and never compares one in a way whose time tells how close it was (`config.keys.KeyRing`).
"""

from __future__ import annotations

from hashlib import sha256

from ..config.keys import KeyRing
from ..types.failure import Failure, FailureKind

REMEMBERED = 1024  # keys whose owner is remembered by the key's whole digest, so that a busy caller is checked in full once

MISSING = Failure(
    FailureKind.KEY_REFUSED, "a key is needed: send it as `Authorization: Bearer ...` or as `x-api-key: ...`", 401, "missing_key"
)
UNKNOWN = Failure(
    FailureKind.KEY_REFUSED, "this key is not known here; ask whoever runs this gateway for one", 401, "invalid_api_key"
)


class Door:
    """Knows the callers by their keys; open to all where none is configured (the gateway then listens on loopback only)."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._is_open = len(keys) == 0
        self._known: dict[bytes, str] = {}

    def check(self, api_key: str, bearer: str) -> str | Failure:
        """Return the name of the key's owner, "" at an open door.

        Args:
            api_key, bearer: the two ways to bring a key; where both are there, `x-api-key` wins, as at Anthropic's
                (docs/wire.md, Addresses and headers).
        """
        if self._is_open:
            return ""
        text = api_key or bearer
        if not text:
            return MISSING
        digest = sha256(text.encode("latin-1", "replace")).digest()
        name = self._known.get(digest)
        if name is not None:
            return name
        key = self._keys.find(text)
        if key is None:
            return UNKNOWN
        if len(self._known) < REMEMBERED:
            self._known[digest] = key.name
        return key.name

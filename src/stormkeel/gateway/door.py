"""The door: whose key a call brings, and what that key may see. A call gets a caller or a refusal; there is no default (INV-18).

Never keeps a key and never compares one in a way whose time tells how close it was (`config.keys.KeyRing`).
"""

from __future__ import annotations

from enum import Enum
from hashlib import sha256

from ..config.keys import CallerKey, KeyRing
from ..types.failure import Failure, FailureKind

REMEMBERED = 1024  # keys whose owner is remembered by the key's whole digest, so that a busy caller is checked in full once

MISSING = Failure(
    FailureKind.KEY_REFUSED, "a key is needed: send it as `Authorization: Bearer ...` or as `x-api-key: ...`", 401, "missing_key"
)
UNKNOWN = Failure(
    FailureKind.KEY_REFUSED, "this key is not known here; ask whoever runs this gateway for one", 401, "invalid_api_key"
)
NO_ADMIN = Failure(
    FailureKind.KEY_REFUSED, "this key may not look inside: it takes one with `admin = true` in its [[keys]]", 403, "admin_needed"
)
ANYBODY = CallerKey("", "", "", admin=True)
"""Who comes through an open door: whoever is on this machine, and may do what its owner may."""


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"  # anybody
    KEY = "key"  # who brings a key, where there are any
    UPLOAD = "upload"  # who brings a key, or the ticket of an upload begun with one
    ADMIN = "admin"  # who brings an admin's


class Door:
    """Knows the callers by their keys; open to all where none is configured (the gateway then listens on loopback only)."""

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self._is_open = len(keys) == 0
        self._known: dict[bytes, CallerKey] = {}

    def check(self, api_key: str, bearer: str, access: Access = Access.KEY) -> CallerKey | Failure:
        """Return whose key it is, `ANYBODY` at an open door, or why the caller may not come in.

        Args:
            api_key, bearer: the two ways to bring a key; where both are there, `x-api-key` wins, as at Anthropic's
                (docs/wire.md, Addresses and headers).
            access: what is asked for.
        """
        if self._is_open:
            return ANYBODY
        caller = self._find(api_key or bearer)
        if access is Access.ADMIN and isinstance(caller, CallerKey) and not caller.admin:
            return NO_ADMIN
        return caller

    def _find(self, text: str) -> CallerKey | Failure:
        if not text:
            return MISSING
        digest = sha256(text.encode("latin-1", "replace")).digest()
        known = self._known.get(digest)
        if known is not None:
            return known
        key = self.keys.find(text)
        if key is None:
            return UNKNOWN
        if len(self._known) < REMEMBERED:
            self._known[digest] = key
        return key

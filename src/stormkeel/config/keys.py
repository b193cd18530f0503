"""Callers' keys: how they are made, known again and kept.

Never keeps a key: only its SHA-256. A made key has 190 random bits, so a fast hash is enough and nothing slow stands in a
request's way (docs/reliability.md, Caller keys).

    sk-storm-k7Q2mX9a-<32 random characters><6 of checksum>
             |public id, may be shown and logged
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

import msgspec

from ..types.secret import Secret

PREFIX = "sk-storm-"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID, BODY, CHECK = 8, 32, 6
RANDOM_BYTES = 64  # for `make`: more than ID + BODY, because bytes that would favour some characters are thrown away
LEAST_OWN = 16  # characters of a key of the operator's own making
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{ID}}})-([0-9A-Za-z]{{{BODY}}})([0-9A-Za-z]{{{CHECK}}})")
_ID = slice(len(PREFIX), len(PREFIX) + ID)
_FAIR = 256 - 256 % len(ALPHABET)


class CallerKey(msgspec.Struct, frozen=True):
    """One key as it is kept.

    Attributes:
        name: whose it is.
        id: its public id, "" for one of the operator's own making.
        hash: SHA-256 of the whole key in hex.
        admin: may it look at the gateway's inside (`/admin/...`)?
    """

    name: str
    id: str
    hash: str
    admin: bool = False


def make(random: bytes) -> Secret | None:
    """Make a key of random bytes, 64 or more; None where they did not suffice (one time in 10^10): draw again."""
    letters = [ALPHABET[byte % len(ALPHABET)] for byte in random if byte < _FAIR][: ID + BODY]
    if len(letters) < ID + BODY:
        return None
    text = f"{PREFIX}{''.join(letters[:ID])}-{''.join(letters[ID:])}"
    return Secret(text + _checksum(text))


def keep(name: str, key: Secret, admin: bool = False) -> CallerKey:
    """Return what is kept of a key."""
    return CallerKey(name, public_id(key.reveal()) or "", hash_of(key.reveal()), admin)


def hash_of(text: str) -> str:
    """Return the SHA-256 of a whole key, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def public_id(text: str) -> str | None:
    """Return the public id of a well-formed key, None for any other text."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[:-CHECK]) != found[3]:
        return None
    return found[1]


class KeyRing:
    """The keys that are let in."""

    __slots__ = ("_by_hash", "_by_id")

    def __init__(self, keys: Iterable[CallerKey]) -> None:
        kept = tuple(keys)
        self._by_id = {key.id: key for key in kept if key.id}
        self._by_hash = {key.hash: key for key in kept if not key.id}

    def __len__(self) -> int:
        return len(self._by_id) + len(self._by_hash)

    def has(self, name: str) -> bool:
        """Is there a key of this name?"""
        return any(key.name == name for kept in (self._by_id, self._by_hash) for key in kept.values())

    def is_same(self, other: KeyRing) -> bool:
        """Does it let in the very same keys, under the same names?"""
        return (self._by_id, self._by_hash) == (other._by_id, other._by_hash)

    def find(self, text: str) -> CallerKey | None:
        """Return whose key a text is, None for nobody's. The comparison takes the same time however close a guess is."""
        hashed = hash_of(text)
        key = self._by_id.get(text[_ID]) if text.startswith(PREFIX) else None
        if key is None:
            key = self._by_hash.get(hashed)
        return key if key is not None and hmac.compare_digest(key.hash, hashed) else None


def _checksum(text: str) -> str:
    """Six characters by which a scanner of leaked secrets tells a key from a look-alike."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = []
    for _ in range(CHECK):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)

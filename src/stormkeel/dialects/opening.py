"""How a conversation begins, as a short key: what of a request's body its later turns repeat, in whichever dialect it came.

Never changes a byte, and never refuses anything: a body that says nothing of the kind has no key. What it costs: one skip over
the body, as the peek's (docs/decisions/0004-peek.md), and a search of 32 KiB at most of what is looked at closer, however large
the body is; figures in docs/reliability.md, Choosing one of several.

    conversation   system prompt, and all turns to the end of the user's first
    prefix         tools and system prompt: the beginning that is common to many conversations

Only texts and references count, by the bytes they are spelt with; not roles, identifiers or `cache_control`, which clients move
from turn to turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

Beginning = Literal["conversation", "prefix"]
WINDOW = 32 * 1024
"""Bytes that are looked at of the system prompt, of the turns and of the tools each."""
KEY = 16
"""Bytes of a key."""


class _Parts(msgspec.Struct, gc=False):
    """What a body of any dialect may begin with; none has two of a kind."""

    system: Raw | UnsetType = UNSET
    instructions: Raw | UnsetType = UNSET
    system_instruction: Raw | UnsetType = UNSET
    system_camel: Raw | UnsetType = msgspec.field(default=UNSET, name="systemInstruction")
    messages: Raw | UnsetType = UNSET
    input: Raw | UnsetType = UNSET
    contents: Raw | UnsetType = UNSET
    tools: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Parts).decode
_tokens = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))([ \t\r\n]*+:)?|[\[\]{}]').finditer
_TOLD = frozenset({b'"text"', b'"content"', b'"data"', b'"url"', b'"image_url"', b'"file_id"', b'"fileUri"', b'"file_uri"'})
"""The names of values that are what is said."""
_USER = b'"user"'
_OPERATOR = frozenset({b'"system"', b'"developer"'})


def key_of(*said: bytes) -> bytes:
    """Return the key of what is said, b"" where nothing is."""
    if not any(said):
        return b""
    hashed = blake2b(digest_size=KEY)
    for one in said:
        hashed.update(b"%d:" % len(one))
        hashed.update(one)
    return hashed.digest()


def opening(raw: bytes, beginning: Beginning) -> bytes:
    """Return the key of how a body begins, b"" where that can't be said.

    Args:
        raw: a request's body.
        beginning: how much of it counts.
    """
    try:
        parts = _decode(raw)
    except (ValueError, RecursionError):
        return b""  # whoever reads it whole says what is wrong
    system = _first(parts.system, parts.instructions, parts.system_instruction, parts.system_camel)
    turns = _first(parts.messages, parts.input, parts.contents)
    said = [*_texts(system), *_turns(turns, beginning)]
    return key_of(*([_first(parts.tools)] if beginning == "prefix" else []), *said)


def _first(*parts: Raw | UnsetType) -> bytes:
    """The beginning of the first part that is there."""
    return next((bytes(memoryview(part)[:WINDOW]) for part in parts if part is not UNSET and part != b"null"), b"")


def _texts(part: bytes) -> Iterator[bytes]:
    """What is said in a part that has no turns."""
    name = b'"content"'  # a bare text is one
    for token in _tokens(part):
        if token[2]:
            name = token[1]
        elif token[1] and name in _TOLD:
            yield token[1]


def _turns(part: bytes, beginning: Beginning) -> Iterator[bytes]:
    """What is said in the turns that count; of one that goes beyond the window, what is in it."""
    is_whole = beginning == "conversation"
    if part.startswith(b'"'):  # a bare text is the user's turn
        if is_whole:
            yield part
        return
    for turn in _read(part):
        counts = turn.role in _OPERATOR or is_whole
        if counts:
            yield from turn.said
        if turn.role == _USER or not counts:
            return


def _read(part: bytes) -> Iterator[_Turn]:
    """Read a list of turns, one by one."""
    depth, turn = 0, _Turn()
    for token in _tokens(part):
        if token[1]:
            turn.take(token[1], bool(token[2]), depth)
            continue
        depth += 1 if token[0] in b"[{" else -1
        if depth == 1 and token[0] == b"}":
            yield turn
            turn = _Turn()
    yield turn


class _Turn:
    """One turn, as far as it is read: whose it is, the user's where it does not say, and what is said."""

    __slots__ = ("name", "role", "said")

    def __init__(self) -> None:
        self.name = b""
        self.role = _USER
        self.said: list[bytes] = []

    def take(self, string: bytes, is_name: bool, depth: int) -> None:
        """Take the next string of it: a field's name, or a value."""
        if is_name:
            self.name = string
        elif depth == 2 and self.name == b'"role"':
            self.role = string
        elif self.name in _TOLD:
            self.said.append(string)

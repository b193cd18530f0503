"""A client's stream followed as it is sent, so that where it breaks off somebody else can go on with it.

Never judges a stream, and never writes: each dialect's `follow.py` says what a frame means, and where its writer goes on. Only
plain text is gone on with: what a call, a proof of thoughts or a second choice would need is known to nobody else.

    frames on their way to the client ──> text, and where the stream stands   '── anything but text, an end ──> closed for ever
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec
from msgspec import Raw

from ..policies.commit import MOST_HELD
from .base import EventWriter
from .json import read_json, write_json
from .sse import Framer, data_of
from .values import Head

Wire = dict[str, Any]
LEAST = 16
"""Output tokens that are asked for at least: Responses takes no fewer (docs/wire.md, OpenAI responses)."""

_decode_body = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
NONE = Raw(b"null")


class FrameFollower(ABC):
    """Follows one stream; see `base.Follower`."""

    __slots__ = ("_framer", "_is_open", "_said", "_size")

    def __init__(self) -> None:
        self._framer = Framer()
        self._is_open = True
        self._said: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take whole frames as they go out."""
        if not self._is_open:
            return
        for frame in self._framer.feed(data):
            payload = data_of(frame)
            if payload and not self._take(payload):
                self._is_open, self._said = False, []
                return

    def _take(self, payload: bytes) -> bool:
        told = read_json(payload)
        return told is not None and not told.get("error") and self._follow(told) and self._size <= MOST_HELD

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._said)

    @property
    def may_go_on(self) -> bool:
        """Can somebody go on with it here?"""
        return self._is_open

    @abstractmethod
    def go_on(self, head: Head) -> EventWriter:
        """Return a writer that goes on where the stream stands."""

    @abstractmethod
    def _follow(self, told: Wire) -> bool:
        """Take one event; return whether somebody could still go on after it."""

    def _say(self, text: object) -> bool:
        """Note a piece of the text; anything else that says something is none."""
        if isinstance(text, str):
            self._said.append(text)
            self._size += len(text)
            return True
        return not text


def with_turns(raw: bytes, field: str, turns: list[Wire]) -> dict[str, Raw]:
    """Return a body with turns added to its conversation; everything else stays as it is, byte for byte."""
    body = _decode_body(raw)
    listed = [*_decode_list(body[field]), *(Raw(write_json(turn)) for turn in turns)]
    return body | {field: Raw(msgspec.json.encode(listed))}


def less(limits: dict[str, Raw], names: tuple[str, ...], used: int) -> dict[str, Raw]:
    """Return the limits among some fields, lowered by the tokens that were used."""
    told = {name: msgspec.json.decode(limits[name]) for name in names if name in limits}
    return {name: Raw(b"%d" % max(LEAST, limit - used)) for name, limit in told.items() if isinstance(limit, int)}


def fields_of(body: dict[str, Raw], name: str) -> dict[str, Raw]:
    """Return the fields of an object inside a body, none where there is none."""
    told = body.get(name, NONE)
    return {} if bytes(told) == b"null" else _decode_body(told)


def inner(body: dict[str, Raw], name: str) -> Wire:
    """Return an object inside a body, an empty one where there is none."""
    return {field: msgspec.json.decode(value) for field, value in fields_of(body, name).items()}

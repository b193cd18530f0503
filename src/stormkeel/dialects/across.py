"""Across: one request of a client's dialect, answered by a provider of another.

Never knows which two they are: each dialect reads and writes itself, and this joins the ends. Never loses anything in silence:
what the way does not carry is in `lost`, by the client's own names.

    client's body --read_prompt--> Prompt --write_prompt--> provider's body
    client's body <-write_response- Response <-read_response-- provider's body
    client's frames <--write_events-- events <---read_events--- provider's frames, judged by its own StreamReader
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from ..types.content import Thinking
from ..types.embedding import Texts
from ..types.events import Event, ThinkingSealed
from ..types.failure import Failure, FailureKind
from ..types.prompt import Prompt
from ..types.request import Request
from ..types.response import Response
from ..types.usage import Usage
from .base import Codec, EventReader, EventWriter, StreamReader, Told
from .seal import signed_by
from .values import Head, Target, Terms, Written


class Crossing:
    """One request's way to one provider, and its answer's way back.

    Attributes:
        body: for the provider.
        lost: what of the client's body the provider is not told, by the client's names.
        prompt: what is asked; None where nobody needs it any more.
        limit: the most output tokens that the body allows, None where that is what the client asked for.
    """

    __slots__ = ("_client", "_provider", "body", "limit", "lost", "prompt")

    def __init__(self, ends: tuple[Codec, Codec], written: Written, lost: tuple[str, ...] = (), prompt: Any = None) -> None:
        """Take the client's dialect and the provider's, what was written for it, and what was lost in all."""
        self._client, self._provider = ends
        self.body = written.body
        self.limit = written.limit
        self.prompt = prompt
        self.lost = lost

    def whole(self, body: bytes, head: Head) -> tuple[bytes, tuple[str, ...]] | None:
        """Return a whole answer in the client's dialect and what of it the client is not told; None where it makes no sense."""
        response, asked = self._provider.read_response(body), self.prompt
        if isinstance(asked, Texts):
            if response is None or len(response.vectors) != len(asked.inputs):
                return None
            head = msgspec.structs.replace(head, wants_base64=asked.wants_base64)
        if isinstance(response, Response):
            content = tuple(_signed(part, self._provider.name, response.model) for part in response.content)
            response = msgspec.structs.replace(response, content=content)
        return None if response is None else (self._client.write_response(response, head), response.lost)

    def read_stream(self, head: Head) -> CrossReader:
        """Return the reader of one stream, whose frames are the client's."""
        provider, client = self._provider.streams, self._client.streams
        assert provider is not None, "only a service with streams is asked for one"
        assert client is not None, "only a service with streams is asked for one"
        ends = provider.read_events(), client.write_events(head)
        return CrossReader(provider.read_stream(keep_usage=True), ends, self._provider.name, client.keep_alive)


def cross(request: Request, reading: Told, ends: tuple[Codec, Codec], target: Target) -> Crossing | Failure:
    """Write a request for a provider of another dialect.

    Args:
        request: as the client sent it.
        reading: its body, read by its own dialect.
        ends: the client's dialect and the provider's.
        target: the model there.
    """
    client, provider = ends
    if isinstance(reading.prompt, Prompt) and reading.prompt.choices > 1:
        return Failure(FailureKind.UNSUPPORTED, _in_words_of(client, ONE_CHOICE))
    written = provider.write_prompt(reading.prompt, target, request.stream)
    if isinstance(written, Failure):
        return msgspec.structs.replace(written, message=_in_words_of(client, written.message))
    named = (client.fields.get(name, name) for name in written.lost)
    return Crossing(ends, written, tuple(dict.fromkeys((*reading.lost, *named))), reading.prompt)


Proven = TypeVar("Proven")


def _signed(told: Proven, maker: str, model: str) -> Proven:
    """Say whose a proof of thoughts is: the client sends it back, maybe to another model, which would refuse it."""
    if not isinstance(told, Thinking | ThinkingSealed) or not (told.signature or told.redacted):
        return told
    named = {"signature": signed_by(told.signature, maker, model), "redacted": signed_by(told.redacted, maker, model)}
    return msgspec.structs.replace(told, **named)


ONE_CHOICE = "one answer is carried from one dialect to another: leave `choices` at 1, and ask as often as you need"
_QUOTED = re.compile(r"`(\w+)`")


def _in_words_of(client: Codec, message: str) -> str:
    """Name a prompt's fields, which stand in backticks, as the client names them."""
    return _QUOTED.sub(lambda quoted: f"`{client.fields.get(quoted[1], quoted[1])}`", message)


class CrossReader:
    """A `StreamReader` whose upstream speaks one dialect and whose frames are of another.

    The upstream's own reader judges: only frames that it lets pass become events, and its word on the end is the last one.
    """

    __slots__ = (
        "_events", "_keep_alive", "_maker", "_reader", "_writer", "committed", "complete", "ended", "failure", "id", "model",
        "output_bytes", "rest", "terms", "unframed", "usage", "usage_final",
    )  # fmt: skip

    def __init__(self, reader: StreamReader, ends: tuple[EventReader, EventWriter], maker: str, keep_alive: bytes) -> None:
        self._reader = reader
        self._maker = maker
        self._events, self._writer = ends
        self._keep_alive = keep_alive
        self.rest = self.unframed = b""
        self._mirror()

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, return the client's frames they amount to; a ping becomes the client's own kind of ping."""
        passed = self._reader.feed(data)
        self._mirror()
        if not passed:
            return b""
        frames = self._writer.feed(self._told(passed))
        if self.complete:
            return frames + self._writer.finish()
        return frames or (self._keep_alive if self.committed else b"")

    def finish(self) -> Failure | None:
        """Tell the clean end of the upstream's bytes; `rest` is then what the client has still to be sent."""
        reader, was_complete = self._reader, self.complete
        failure = reader.finish()
        self.unframed = reader.unframed
        self._mirror()
        if failure is None and not was_complete:
            last = self._told(reader.rest) if reader.rest else []
            self.rest = self._writer.feed(last) + self._writer.finish()
        return failure

    @property
    def lost(self) -> tuple[str, ...]:
        """What of the answer so far the client is not told, by the provider's names."""
        return self._events.lost

    def _told(self, passed: bytes) -> list[Event]:
        """Return the events of frames, each proof of thoughts with its maker's name."""
        events = self._events.feed(passed)
        if any(type(event) is ThinkingSealed for event in events):
            return [_signed(event, self._maker, self.model) for event in events]
        return events

    def _mirror(self) -> None:
        """Say of itself what the upstream's reader says of the stream."""
        reader = self._reader
        self.committed: bool = reader.committed
        self.complete: bool = reader.complete
        self.ended: bool = reader.ended
        self.usage: Usage | None = reader.usage
        self.usage_final: bool = reader.usage_final
        self.output_bytes: int = reader.output_bytes
        self.model: str = reader.model
        self.id: str = reader.id
        self.terms: Terms = reader.terms
        self.failure: Failure | None = reader.failure

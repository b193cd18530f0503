"""A joint: one stream that somebody else goes on with, in the client's dialect, whoever spoke before and whoever speaks now.

Never says anything of its own but a comment, and nothing at all before the two texts are known to meet (`seams.py`).

    provider's frames ──judged by its StreamReader──> events ──Seam──> what goes on ──> the client's writer, where it stands
                                                                '── they do not meet ──> failure: somebody else may be asked
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..types.events import Event, RefusalDelta, TextDelta, ThinkingDelta, ThinkingSealed, ToolDelta, ToolStarted, UsageReported
from ..types.failure import Failure, FailureKind
from ..types.usage import Usage, add
from .across import CrossReader
from .base import Codec, EventWriter, Streams
from .seams import Seam

APART = "it does not go on from what was already sent"


class Joint:
    """An `EventWriter` that lets through what goes on from what was sent.

    Attributes:
        is_joined: have the texts met?
        is_apart: is it known that they do not?
    """

    __slots__ = ("_before", "_seam", "_writer", "is_apart", "is_joined")

    def __init__(self, writer: EventWriter, seam: Seam, before: Usage) -> None:
        """Take the writer that stands where the stream does, how the texts are joined, and what was used before."""
        self._writer = writer
        self._seam = seam
        self._before = before
        self.is_joined = self.is_apart = False

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the frames of what goes on."""
        passed = [told for event in events for told in self._pass(event)]
        return b"" if self.is_apart else self._writer.feed(passed)

    def finish(self) -> bytes:
        """Return the last frames, none where the texts do not meet."""
        held = [TextDelta(text) for text in self._close()]
        return b"" if self.is_apart else self._writer.feed(held) + self._writer.finish()

    def _pass(self, event: Event) -> Sequence[Event]:
        match event:
            case TextDelta(text=text):
                told = self._seam.feed(text)
                self.is_apart = self.is_apart or told is None
                self.is_joined = self.is_joined or bool(told)
                return [TextDelta(told)] if told else []
            case ThinkingDelta() | ThinkingSealed():
                return []  # it thought of an answer of its own
            case ToolStarted() | ToolDelta() | RefusalDelta():
                return [*(TextDelta(text) for text in self._close()), event]
            case UsageReported(usage=usage):
                return [UsageReported(add(self._before, usage))]
        return [event]

    def _close(self) -> Sequence[str]:
        held = self._seam.end()
        self.is_apart = self.is_apart or held is None
        self.is_joined = self.is_joined or not self.is_apart
        return [held] if held else []


class JointReader(CrossReader):
    """Reads a stream that goes on with one that broke off.

    Args:
        provider: who speaks now.
        client: the client's dialect.
        joint: the client's end.
        note: a comment in front of what goes on.
    """

    __slots__ = ("_joint", "_note", "_ping")

    def __init__(self, provider: Codec, client: Streams, joint: Joint, note: bytes) -> None:
        streams = provider.streams
        assert streams is not None, "only a service with streams is asked for one"
        super().__init__(streams.read_stream(keep_usage=True), (streams.read_events(), joint), provider.name, b"")
        self._joint = joint
        self._note = note
        self._ping = client.keep_alive

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, return the client's frames of what goes on."""
        frames = super().feed(data)
        if self._is_apart():
            return b""
        if self._joint.is_joined:
            self._keep_alive = self._ping  # until then the engine keeps alive
        return self._noted(frames)

    def finish(self) -> Failure | None:
        """Tell the clean end of the upstream's bytes."""
        failure = super().finish()
        if failure is None and self._is_apart():
            self.rest = b""
            return self.failure
        self.rest = self._noted(self.rest)
        return failure

    def _noted(self, frames: bytes) -> bytes:
        if not frames:
            return b""
        note, self._note = self._note, b""
        return note + frames

    def _is_apart(self) -> bool:
        if self._joint.is_apart and self.failure is None:
            self.failure = Failure(FailureKind.UNSUPPORTED, APART)
            self.complete = False
        return self._joint.is_apart


def lowered(failure: Failure) -> Failure:
    """Return a refusal of a request that we wrote: another model may take it, whatever the client asked."""
    if failure.kind is not FailureKind.CALLER:
        return failure
    return msgspec.structs.replace(failure, kind=FailureKind.UNSUPPORTED)

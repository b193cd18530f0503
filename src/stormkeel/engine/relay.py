"""A stream between two ends, pure: bytes in, bytes that may go out.

Never reads or writes a socket. Lifecycle frames are held until the first content, or where the route says so until more is here
(`policies/commit.py`): the *commit point*. Before it a failure is invisible to the client and the request may be tried again;
after it nothing is ever repeated (INV-8), and an end without the dialect's terminal marker is a failure that is told (INV-9).

    upstream bytes -> StreamReader (whole frames, checked) -> held until committed -> client
"""

from __future__ import annotations

from ..dialects.base import StreamReader
from ..policies.commit import MOST_HELD

COMMIT = "stormkeel-commit"


def too_large(most: int = MOST_HELD) -> bytes:
    """Return the comment in front of an answer that goes out before its commit point, because it can't be held any longer."""
    return f": {COMMIT}: early, for more than {most} bytes are not held back\n\n".encode()


class Relay:
    """One upstream stream on its way to one client."""

    __slots__ = ("_held", "committed", "reader")

    def __init__(self, reader: StreamReader) -> None:
        self.reader = reader
        self.committed = False
        self._held: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, return the frames that may go out now (none before the commit point)."""
        ready = self.reader.feed(data)
        if self.committed:
            return ready
        if not self.reader.committed:
            if ready:
                self._held.append(ready)
            return b""
        self.committed = True
        if self._held:
            self._held.append(ready)
            ready = b"".join(self._held)
            self._held.clear()
        return ready

    def end(self) -> bytes:
        """The upstream ended cleanly: return what may still go out of a last frame without its blank line.

        Whether the answer is whole stands in `reader.failure` then.
        """
        reader = self.reader
        if reader.failure is None:
            reader.failure = reader.finish()
        if not reader.rest or reader.failure is not None:
            return b""
        ready, self._held, self.committed = b"".join((*self._held, reader.rest)), [], True
        return ready


class HeldRelay(Relay):
    """A relay that commits later than at the first content.

    What is held has a bound (INV-14). An answer that is larger goes out from there on like any other: it would be as large
    elsewhere, and its client had rather have it than nothing.

    Args:
        reader: of the stream.
        wanted: bytes of content that are held back, infinity for the whole answer.
        note: what is told the client in front of an answer that was too large to be held.
        most: bytes of frames that are held at most.
    """

    __slots__ = ("_most", "_note", "_size", "_wanted")

    def __init__(self, reader: StreamReader, wanted: float, note: bytes = b"", most: int = MOST_HELD) -> None:
        super().__init__(reader)
        self._wanted = wanted
        self._note = note
        self._most = most
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, return the frames that may go out now."""
        ready = self.reader.feed(data)
        if self.committed:
            return ready
        if ready:
            self._held.append(ready)
            self._size += len(ready)
        if self.reader.failure is not None or not self._may_go():
            return b""
        return self._release()

    def end(self) -> bytes:
        """The upstream ended cleanly: return what was held, where the answer is whole."""
        rest = super().end()
        return rest if rest or self.reader.failure is not None else self._release()

    def _may_go(self) -> bool:
        reader = self.reader
        if reader.complete or reader.output_bytes >= self._wanted:
            return True
        if self._size <= self._most:
            return False
        self._held.insert(0, self._note)
        return True

    def _release(self) -> bytes:
        ready, self._held, self.committed = b"".join(self._held), [], True
        return ready

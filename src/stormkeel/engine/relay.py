"""A stream between two ends, pure: bytes in, bytes that may go out.

Never reads or writes a socket. Lifecycle frames are held until the first content: the *commit point*. Before it a failure is
invisible to the
client and the request may be tried again; after it nothing is ever repeated (INV-8), and an end without the dialect's terminal
marker is a failure the client is told (INV-9).

    upstream bytes -> StreamReader (whole frames, checked) -> held until committed -> client
"""

from __future__ import annotations

from ..dialects.base import StreamReader


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

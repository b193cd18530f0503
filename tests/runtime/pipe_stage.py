"""Transports of a connection in memory: one that takes everything, and one whose other side takes what it is told to."""

from __future__ import annotations

from typing import Any

from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.outlet import HIGH_WATER, LOW_WATER


class Pipe:
    """All of a transport that a connection asks for; remembers what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.is_ended = False

    def set_write_buffer_limits(self, _high: int, _low: int) -> None: ...

    def get_extra_info(self, name: str) -> Any:
        return None if name == "sslcontext" else ("127.0.0.1", 1)

    def write(self, data: bytes) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.is_ended = True


class Sluice(Pipe):
    """Holds what is written until its other side takes it, and remembers only how much that is; its reading can be paused."""

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection
        self.held = 0
        self.is_reading = True

    def write(self, data: bytes) -> None:
        self.held += len(data)
        if self.held > HIGH_WATER:
            self.connection.pause_writing()

    def take(self, size: int) -> None:
        was_full = self.held > LOW_WATER
        self.held = max(0, self.held - size)
        if was_full and self.held <= LOW_WATER:
            self.connection.resume_writing()

    def abort(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            self.lose()

    def lose(self) -> None:
        self.connection.connection_lost(None)

    def close(self) -> None:
        if not self.held:
            self.abort()

    def get_write_buffer_size(self) -> int:
        return self.held

    def is_closing(self) -> bool:
        return self.is_ended

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

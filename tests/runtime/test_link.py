"""One connection, told what its socket would tell it."""

from __future__ import annotations

import asyncio

from stormkeel.runtime.link import HIGH_WATER, Link


class Wire(asyncio.Transport):
    """A socket that only notes what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.notes.append("write")

    def abort(self) -> None:
        self.notes.append("abort")

    def pause_reading(self) -> None:
        self.notes.append("pause")

    def resume_reading(self) -> None:
        self.notes.append("resume")


def test_a_reader_who_falls_behind_holds_the_sender_back():
    """A streamed body left unread stops being received, once, and goes on when it is taken."""
    loop = asyncio.new_event_loop()
    wire, link = Wire(), Link(loop, (False, "h", 80))
    link.connection_made(wire)
    link.start(b"GET / HTTP/1.1\r\n\r\n", b"", "GET", streaming=True)
    link.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(3):
        link.data_received(b"x" * HIGH_WATER)
    assert wire.notes == ["write", "pause"]
    assert len(link.take()) == 3 * HIGH_WATER
    assert wire.notes == ["write", "pause", "resume"]
    loop.close()


def test_a_link_given_up_while_connecting_closes_when_it_stands():
    """A connection that comes about after it was aborted is closed at once, never used."""
    loop = asyncio.new_event_loop()
    wire, link = Wire(), Link(loop, (False, "h", 80))
    link.abort()
    link.connection_made(wire)
    assert (wire.notes, link.alive) == (["abort"], False)
    loop.close()


def test_bytes_on_an_idle_link_abort_it():
    """A server that speaks out of turn has its connection closed in that very moment."""
    loop = asyncio.new_event_loop()
    wire, link = Wire(), Link(loop, (False, "h", 80))
    link.connection_made(wire)
    link.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert (wire.notes, link.alive) == (["abort"], False)
    loop.close()

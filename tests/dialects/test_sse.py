"""Framing of server-sent events."""

from __future__ import annotations

import pytest

from stormkeel.dialects.sse import Framer, data_of, event_of


def frames_of(*pieces: bytes) -> list[bytes]:
    """Return all frames of a stream that comes in pieces."""
    framer = Framer()
    return [frame for piece in pieces for frame in framer.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end(end: bytes) -> None:
    """LF, CRLF and CR end lines; a frame is its bytes, blank line included."""
    first, second = b"event: a" + end + b"data: 1" + end + end, b"data: 2" + end + end
    assert frames_of(first + second + b":")[:2] == [first, second]


@pytest.mark.parametrize("stream", [b"data: 1\r\n\r\ndata: 2\n\n", b"data: 1\r\rdata: 2\n\n", b"data: 1\n\r\ndata: 2\n\n"])
def test_mixed_line_ends(stream: bytes) -> None:
    """Frames with different line ends in one piece are told apart."""
    frames = frames_of(stream)
    assert [data_of(frame) for frame in frames] == [b"1", b"2"]
    assert b"".join(frames) == stream


def test_no_other_line_end() -> None:
    """U+2028, U+0085 and a vertical tab are text."""
    frame = "data: a\u2028b\u0085c\x0b\x0c\n\n".encode()
    assert frames_of(frame) == [frame]
    assert data_of(frame) == frame[6:-2]


def test_a_carriage_return_at_the_end_waits() -> None:
    """A CR that may be half a CRLF ends nothing until the next byte is there."""
    framer = Framer()
    assert framer.feed(b"data: 1\r\n\r") == []
    assert framer.feed(b"\n") == [b"data: 1\r\n\r\n"]
    assert framer.feed(b"data: 1\r\r") == []
    assert framer.feed(b"d") == [b"data: 1\r\r"]


def test_the_tail_is_kept() -> None:
    """What has no blank line yet is held, byte for byte."""
    framer = Framer()
    assert framer.feed(b"data: 1\n\ndata: 2\n") == [b"data: 1\n\n"]
    assert framer.rest() == b"data: 2\n"
    assert framer.feed(b"\n") == [b"data: 2\n\n"]
    assert framer.rest() == b""


def test_empty_frames_and_extra_blank_lines_lose_nothing() -> None:
    """Superfluous blank lines stay in the frames, however they come."""
    stream = b"\n\n\n\ndata: 1\n\n\n: c\n\n"
    assert b"".join(frames_of(stream)) == stream
    assert frames_of(stream) == frames_of(*(stream[i : i + 1] for i in range(len(stream))))


@pytest.mark.parametrize(
    ("frame", "data", "event"),
    [
        (b"data: 1\n\n", b"1", None),
        (b"data:1\n\n", b"1", None),
        (b"data:  1\n\n", b" 1", None),
        (b"data: 1\ndata: 2\n\n", b"1\n2", None),
        (b"data: 1\r\ndata: 2\r\n\r\n", b"1\n2", None),
        (b"data: 1\rdata: 2\n\n", b"1\n2", None),
        (b"data\n\n", b"", None),
        (b": comment\n\n", None, None),
        (b"event: x\nid: 7\ndata: {}\nretry: 1\n\n", b"{}", b"x"),
        (b"event: x\nevent: y\n\n", None, b"y"),
        (b"database: 1\n\n", None, None),
        (b"\xef\xbb\xbfdata: 1\n\n", b"1", None),
        (b"\n\n", None, None),
    ],
)
def test_fields(frame: bytes, data: bytes | None, event: bytes | None) -> None:
    """Data lines are joined, one space after the colon is dropped, the last event name counts, the rest is ignored."""
    assert (data_of(frame), event_of(frame)) == (data, event)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_frame_beyond_the_limit_is_a_fault(size: int) -> None:
    """A frame longer than the limit overflows, however it comes, and the frames before it are still handed out."""
    stream = b"data: 1\n\n" + b"x" * 100 + b"\n\n" + b"data: 2\n\n"
    framer = Framer(limit=50)
    got: list[bytes] = []
    for start in range(0, len(stream), size):
        got += framer.feed(stream[start : start + size])
        if framer.overflowed:
            break
    assert framer.overflowed
    assert got == [b"data: 1\n\n"]


def test_a_full_frame_is_no_fault() -> None:
    """A frame of just the limit passes."""
    frame = b"x" * 48 + b"\n\n"
    framer = Framer(limit=50)
    assert framer.feed(frame * 3) == [frame] * 3
    assert not framer.overflowed

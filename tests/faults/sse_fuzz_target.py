"""What is fuzzed of a stream (S-27): any bytes, for a framer, and for the readers of every dialect, at once and in pieces.

Never asks what an answer says: only that nothing breaks, that nothing is made up or dropped, and that the cuts do not matter.
"""

from __future__ import annotations

from cutting import known_by, state_of

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.sse import FRAME_LIMIT, Framer, data_of, event_of
from stormkeel.dialects.values import Head
from stormkeel.types.content import Text
from stormkeel.types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

HEAD = Head("req_fuzz", 1_795_000_000, "model")
ORDER = tuple(DIALECTS.values())
LIMITS = (FRAME_LIMIT, 40)
WORDS = (
    b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\xef\xbb\xbf", b": ping\n\n", b"data: ", b"data:", b"data", b"event: error\n",
    b"event: ", b"id: 1\n", b"[DONE]", b"data: [DONE]", b"\xe2\x80\xa8", b"\xff", b"{", b"}", b'"', b"[", b"]", b",", b":", b"null",
    b"NaN", b"1e999", b"\\ud800", b'{"error":{"type":"overloaded_error","message":"x"}}', b'"error":{"details":{"error_code":"x"}},',
    b'"choices":[]', b'"usage":{}', b'"type":"message_stop"', b'"type":"response.failed"', b'"finishReason":"STOP"', b"0", b"-1", b"[" * 30,
)  # fmt: skip


def check(data: bytes) -> None:
    """Hold an input against what must be so; its first byte says whose it is, how it is cut, and how long a frame may be."""
    if not data:
        return
    how, stream = data[0], data[1:]
    dialect, step, limit = ORDER[how % 4], (1, 7, 30, 100)[how // 4 % 4], LIMITS[how // 16 % 2]
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    _check_framer(stream, pieces, limit)
    _check_readers(dialect, stream, pieces)
    dialect.read_outcome(stream)


def _check_framer(stream: bytes, pieces: list[bytes], limit: int) -> None:
    one, many = Framer(limit), Framer(limit)
    frames = one.feed(stream)
    cut = [frame for piece in pieces for frame in many.feed(piece) if not many.overflowed or frame]
    assert one.overflowed == many.overflowed
    if not one.overflowed:
        assert frames == cut
        assert b"".join(frames) + one.rest() == stream == b"".join(cut) + many.rest()
    for frame in frames:
        data_of(frame)
        event_of(frame)


def _check_readers(dialect: Dialect, stream: bytes, pieces: list[bytes]) -> None:
    one, many = dialect.read_stream(keep_usage=True), dialect.read_stream(keep_usage=True)
    passed, cut = one.feed(stream), b"".join(map(many.feed, pieces))
    assert passed == cut
    assert (one.finish(), one.rest) == (many.finish(), many.rest)
    assert known_by(one) == known_by(many)
    assert one.complete == (one.failure is None)
    assert one.failure is None or one.failure.kind in FailureKind
    whole, apart = dialect.read_events(), dialect.read_events()
    events = whole.feed(stream)
    assert events == [event for piece in pieces for event in apart.feed(piece)]
    assert state_of(whole) == state_of(apart)


def seeds() -> list[bytes]:
    """Streams and answers of every dialect, good ones, broken off ones and odd ones, and nothing at all."""
    found = [b""]
    for number, dialect in enumerate(ORDER):
        stream, answer = _stream(dialect), dialect.write_response(Response("id", "m", (Text("a"),), Finish.STOP, Usage(input=3)), HEAD)
        failure = dialect.write_error_frame(Failure(FailureKind.OVERLOADED, "x", code="overloaded"), "req")
        odd = answer.replace(b'"usage":{', b'"usage":{"input_tokens":NaN,').replace(b'"a"', b'"\\ud800"')
        found += [bytes([number + 4 * step]) + one for step, one in enumerate((stream, stream.replace(b"\n", b"\r\n"), failure, answer))]
        found += [bytes([number + 16]) + stream, bytes([number + 8]) + odd, *(bytes([number]) + one for one in ODD)]
    return found


ODD = (
    b'event: error\ndata: {"type":"error","error":{"details":{"error_code":"x"}}}\n\n', b'data: {"error":"x"}\n\n', b"data: 1\n\n",
    b'event: error\ndata: {"type":"error","error":"x"}\n\n', b'data: {"error":{"details":{"error_code":"x"}}}\n\n', b"data: [DONE]",
    b'data: {"choices":[{"delta":{"content":"\\ud800"}}],"x":NaN}\n\n', b"data: {", b"{}", b"[]",
)  # fmt: skip


def _stream(dialect: Dialect) -> bytes:
    writer = dialect.write_events(HEAD)
    events: list[Event] = [
        Started("id", "model"), ThinkingDelta("hm"), TextDelta("hé"), ToolStarted(0, "call_1", "f"), ToolDelta(0, '{"a":1}'),
        RefusalDelta("no"), Finished(Finish.TOOL_CALLS), UsageReported(Usage(input=3, output=2)),
    ]  # fmt: skip
    return writer.feed(events) + writer.finish()

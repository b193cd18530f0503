"""A stream across dialects, cut after every byte: the client has the whole answer or none that looks like one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.across import Crossing, CrossReader
from stormkeel.dialects.values import Head, Written
from stormkeel.types.content import ToolCall
from stormkeel.types.events import fold
from stormkeel.types.failure import FailureKind
from stormkeel.types.response import Response

HEAD = Head("req_1", 1_700_000_000, "m", 7, wants_usage=True)
OTHER = {"openai_chat": "anthropic_messages", "anthropic_messages": "openai_chat"}
MARKERS = {"openai_chat": (b'"finish_reason":"', b"[DONE]"), "anthropic_messages": (b'stop_reason":"', b"message_stop")}
"""What only an answer that came to its end has."""


def chat(*choices: dict[str, Any], **more: Any) -> bytes:
    """One chunk of a chat completion."""
    told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x", "choices": list(choices)}
    return b"data: " + json.dumps(told | more, ensure_ascii=False).encode() + b"\n\n"


def step(finish: str | None = None, **delta: Any) -> bytes:
    """A step of the first choice."""
    return chat({"index": 0, "delta": delta, "finish_reason": finish})


def call(index: int, arguments: str, **start: str) -> bytes:
    """A step of a tool call."""
    named = {"name": start["name"]} if start else {}
    given = {"id": start["id"], "type": "function"} if start else {}
    return step(tool_calls=[{"index": index, **given, "function": {**named, "arguments": arguments}}])


def event(kind: str, **fields: Any) -> bytes:
    """One event of a message."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """One whole block of a message."""
    begun = event("content_block_start", index=index, content_block=start)
    said = b"".join(event("content_block_delta", index=index, delta=delta) for delta in deltas)
    return begun + said + event("content_block_stop", index=index)


USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
CHAT = b"".join((
    step(role="assistant", content=""), step(reasoning_content="Hm, ſo. "), step(content="Die See "), step(content="ist ruhig 🌊."),
    call(0, "", id="call_1", name="look"), call(0, '{"wh'), call(0, 'ere":"ü"}'), call(1, "", id="functions.x:0", name="sound"), call(1, "{}"),
    step("tool_calls"), chat(usage=USAGE), b"data: [DONE]\n\n",
))  # fmt: skip
MESSAGES = b"".join((
    event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
                                    "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}),
    event("ping"),
    block(0, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "Hm, ſo. "},
          {"type": "signature_delta", "signature": "c2ln"}),
    block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Die See "}, {"type": "text_delta", "text": "ist ruhig 🌊."}),
    block(2, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}, {"type": "input_json_delta", "partial_json": ""},
          {"type": "input_json_delta", "partial_json": '{"wh'}, {"type": "input_json_delta", "partial_json": 'ere":"ü"}'}),
    block(3, {"type": "tool_use", "id": "toolu_2", "name": "sound", "input": {}}),
    event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 5}),
    event("message_stop"),
))  # fmt: skip
STREAMS = {"openai_chat": CHAT, "anthropic_messages": MESSAGES}
each_way = pytest.mark.parametrize("upstream", list(STREAMS))
each_line_end = pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])


def reader(upstream: str) -> CrossReader:
    """The reader of one stream for a client of the other dialect."""
    return Crossing((DIALECTS[OTHER[upstream]], DIALECTS[upstream]), Written(b"")).read_stream(HEAD)


def relayed(upstream: str, pieces: Iterator[bytes] | list[bytes]) -> tuple[CrossReader, bytes]:
    """Feed pieces up to the end; return the reader and all that the client is sent."""
    crossing = reader(upstream)
    frames = b"".join(crossing.feed(piece) for piece in pieces)
    if crossing.failure is None and not crossing.complete:
        crossing.finish()
        frames += crossing.rest
    return crossing, frames


def read_back(upstream: str, frames: bytes) -> Response:
    """What the client's frames amount to."""
    return fold(DIALECTS[OTHER[upstream]].read_events().feed(frames))


def said(response: Response) -> tuple[str, list[tuple[str, str]], object, object]:
    """What an answer says, without ids."""
    calls = [(part.name, part.arguments) for part in response.content if isinstance(part, ToolCall)]
    return response.text, calls, response.finish, response.usage.total if response.usage else None


@each_line_end
@each_way
def test_a_cut_stream_is_whole_or_has_failed(upstream: str, line_end: bytes) -> None:
    """After a cut at any byte the client has either all of the answer or a beginning of it without an end (S-28, INV-9)."""
    stream = STREAMS[upstream].replace(b"\n", line_end)
    _, frames = relayed(upstream, [stream])
    whole = said(read_back(upstream, frames))
    assert whole[:2] == ("Die See ist ruhig 🌊.", [("look", '{"where":"ü"}'), ("sound", "{}")])
    ends = 0
    for cut in range(len(stream)):
        crossing, frames = relayed(upstream, [stream[:cut]])
        if crossing.failure is None:
            ends += 1
            assert crossing.complete
            got = said(read_back(upstream, frames))
            assert got[:3] == whole[:3]
            assert got[3] in (whole[3], HEAD.input_estimate)  # a chat ends before its usage comes
        else:
            assert crossing.failure.kind in (FailureKind.TRUNCATED, FailureKind.BAD_RESPONSE)
            assert not any(marker in frames for marker in MARKERS[OTHER[upstream]])
            assert whole[0].startswith(read_back(upstream, frames).text)
    assert 0 < ends < 700


@each_way
def test_frames_do_not_depend_on_how_the_bytes_came(upstream: str) -> None:
    """Cut in two at any byte, the client's frames are the same but for keep-alives."""
    stream = STREAMS[upstream]
    alive = DIALECTS[OTHER[upstream]].keep_alive
    _, frames = relayed(upstream, [stream])
    for cut in range(1, len(stream)):
        _, got = relayed(upstream, [stream[:cut], stream[cut:]])
        assert read_back(upstream, got) == read_back(upstream, frames)
        assert len(got.replace(alive, b"")) == len(frames.replace(alive, b""))


ERRORS = {
    "openai_chat": b'data: {"error":{"message":"x","type":"server_error","code":null}}\n\ndata: [DONE]\n\n',
    "anthropic_messages": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
}


@each_way
def test_an_error_at_any_place_is_no_end(upstream: str) -> None:
    """An error event between any two frames ends the stream in failure; nothing that looks like an end goes out."""
    frames = [frame + b"\n\n" for frame in STREAMS[upstream].split(b"\n\n")[:-1]]
    for place in range(len(frames)):
        crossing, got = relayed(upstream, [*frames[:place], ERRORS[upstream], *frames[place:]])
        assert crossing.failure is not None
        assert not any(marker in got for marker in MARKERS[OTHER[upstream]])

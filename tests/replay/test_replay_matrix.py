"""Recorded traffic of each dialect across to each other one: accepted by a strict provider, parsed by the client's SDK, said in full."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import recordings as source
from crossings import (
    EVENT,
    FILES,
    PAIRS,
    WHOLE,
    Said,
    accept,
    events,
    raw_of,
    request_of,
    rows,
    said,
    said_in_stream,
    streams,
    target,
)

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.across import Crossing, cross
from stormkeel.dialects.values import Head, Written
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.response import Finish

HEAD = Head("req_1", 1_700_000_000, "m", 7, wants_usage=True)
SMALL = 1400  # bytes: up to here a stream is cut in two at every byte, above it comes byte by byte
MEANT = {
    "system", "name", "prompt_cache_breakpoint", "generationConfig.responseJsonSchema", "generationConfig.thinkingConfig.includeThoughts",
}  # fmt: skip
"""Losses that are told by what is meant: a turn of the system's in the middle, the name of a file, a cache mark, a schema or the wish to
see thoughts in any of its spellings."""
TAKEN = {"openai_chat": 113, "openai_responses": 50, "anthropic_messages": 57, "gemini": 101}
"""Requests of a dialect that every other one can say, at least; the others lean on what their provider keeps or runs."""
each_pair = pytest.mark.parametrize(("client", "upstream"), PAIRS)


@pytest.fixture(autouse=True)
def _there(client: str, upstream: str) -> None:
    for dialect in (client, upstream):
        if not rows(dialect):
            pytest.skip(f"no recordings of {dialect} in {source.FOLDER}: set STORMKEEL_RECORDINGS to their folder")


def stands_in(path: str, body: Any) -> bool:
    """Does a path lead to something in a body, or stand there as a word, as "cache_control" may in any place?"""
    if f'"{path}"' in json.dumps(body):
        return True
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(body, list):
            body = body[int(step)]
        elif step in body:
            body = body[step]
        else:
            return False
    return True


@each_pair
def test_recorded_requests_are_accepted_across(client: str, upstream: str) -> None:
    """A recorded good request is taken by the strict provider of another dialect, with each loss by its path, or refused by us
    with a reason."""
    ends, model = (DIALECTS[client], DIALECTS[upstream]), target(upstream)
    taken = 0
    for row in rows(client):
        if row["status"] != 200:
            continue
        reading = ends[0].read_prompt(raw_of(row))
        if isinstance(reading, Failure):
            assert reading.kind is FailureKind.UNSUPPORTED, reading
            assert reading.message
            continue
        request = request_of(client, row)
        assert isinstance(request, Request)
        made = cross(request, reading, ends, model)
        if isinstance(made, Failure):
            assert made.kind is FailureKind.UNSUPPORTED, made
            continue
        accept(upstream, made.body)
        assert [path for path in made.lost if path not in MEANT and not stands_in(path, row["request"])] == []
        taken += 1
    assert taken >= TAKEN[client]


@each_pair
def test_recorded_answers_are_said_across(client: str, upstream: str) -> None:
    """A recorded whole answer, in another dialect, is valid to its SDK, and has the same words, calls and totals of usage."""
    told: Counter[bool] = Counter()
    for row in rows(upstream):
        if row["status"] != 200 or not isinstance(row["response"], dict):
            continue
        response = DIALECTS[upstream].read_response(json.dumps(row["response"], ensure_ascii=False).encode())
        told[response is not None] += 1
        if response is None:
            continue
        body = DIALECTS[client].write_response(response, HEAD)
        WHOLE[client].validate_json(body, strict=client != "gemini")
        assert_same(said(upstream, row["response"]), said(client, json.loads(body)))
        back = DIALECTS[client].read_response(body)
        assert back is not None
        assert (response.finish, back.finish) in {
            (back.finish,) * 2,
            (None, Finish.STOP),
            (Finish.CONTENT_FILTER, Finish.REFUSAL),
        }
    assert told[False] <= 2  # a model's failed call is no answer
    assert told[True] >= 80


def assert_same(told: Said, heard: Said) -> None:
    """The same is said; a usage that was not reported is not made up, but where the client's dialect can't do without."""
    assert heard[:2] == told[:2]
    assert heard.counts == told.counts or (told.counts is None and heard.counts[1] == 0)


def crossed(client: str, upstream: str, pieces: list[bytes]) -> bytes:
    """What a client is sent of a stream that comes in pieces."""
    reader = Crossing((DIALECTS[client], DIALECTS[upstream]), Written(b"")).read_stream(HEAD)
    frames = b"".join(map(reader.feed, pieces))
    if not reader.complete:
        reader.finish()
        frames += reader.rest
    assert (reader.failure, reader.complete) == (None, True)
    return frames


@each_pair
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_recorded_streams_are_said_across_however_they_are_cut(client: str, upstream: str, line_end: bytes) -> None:
    """A recorded stream, in another dialect, has events its SDK takes, and the same words, calls and totals; so it has with either
    line end, byte by byte, and cut in two at any byte (S-27)."""
    for stream in streams(upstream):
        sent = stream.replace(b"\n", line_end)
        frames = crossed(client, upstream, [sent])
        for event in events(frames):
            EVENT[client].validate_python(event)
        assert_same(said_in_stream(upstream, stream), said_in_stream(client, frames))
        single = crossed(client, upstream, [sent[at : at + 1] for at in range(len(sent))])
        assert kept(single) == kept(frames)
        for cut in range(len(sent)) if len(sent) <= SMALL else ():
            assert kept(crossed(client, upstream, [sent[:cut], sent[cut:]])) == kept(frames)


def kept(frames: bytes) -> list[Any]:
    """The events of a stream, without what hangs on the pieces in which it came: pings, and the usage known when it began."""
    told = [event for event in events(frames) if event.get("type") != "ping"]
    if told[0].get("type") == "message_start":
        del told[0]["message"]["usage"]
    return told


@pytest.mark.parametrize(("client", "upstream"), [(dialect, dialect) for dialect in FILES])
def test_recorded_streams_pass_with_either_line_end(client: str, upstream: str) -> None:
    """In its own dialect a stream with CRLF passes as it came, byte by byte too, and tells the same of itself as with LF."""
    dialect = DIALECTS[client]
    for stream in streams(upstream):
        judge, readers = dialect.read_stream(keep_usage=True), [dialect.read_stream(keep_usage=True) for _ in range(2)]
        sent = stream.replace(b"\n", b"\r\n")
        passed = judge.feed(stream)
        whole = readers[0].feed(sent)
        single = b"".join(readers[1].feed(sent[at : at + 1]) for at in range(len(sent)))
        assert single.rstrip() == whole.rstrip() == passed.replace(b"\n", b"\r\n").rstrip()
        for reader in readers:
            assert (reader.finish(), reader.usage, reader.model, reader.id) == (None, judge.usage, judge.model, judge.id)

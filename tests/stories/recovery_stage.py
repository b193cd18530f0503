"""Streams that break off and are gone on with: clients and providers of every dialect, written and read by our own codecs.

Never judges by the text alone: `Seen` reads a client's stream as its dialect's own reader does, and says whether it is whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from story_stage import SSE, Bench, Reply, Taken

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.values import Call, Head
from stormkeel.engine.line import Answer
from stormkeel.testing import Piece
from stormkeel.types.events import Event, Finished, Started, TextDelta, UsageReported, fold
from stormkeel.types.failure import Failure
from stormkeel.types.request import NO_OPTIONS, Options, Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage
from stormkeel.types.wire import HttpRequest

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic_messages", "gemini"
FOUR = (CHAT, RESPONSES, MESSAGES, GEMINI)
TEXT = "The quick brown fox jumps over the lazy dog, and nobody minds. "
WORDS = re.findall(r"\S+\s*", TEXT)
SPENT = Usage(input=10, output=5)


def house(recovery: str, first: str, second: str, model: str = "claude-sonnet-4-5", more: str = "") -> bytes:
    """Two providers in order, each of one dialect, on a route with a recovery."""
    return f"""
[providers.first]
kind = "compatible"
base_url = "http://first.test/v1"
dialects = {{ {first} = "" }}
[providers.second]
kind = "compatible"
base_url = "http://second.test/v1"
dialects = {{ {second} = "" }}
[policies.retry]
attempts = 1
[routes.fast]
recovery = "{recovery}"
groups = [["first/model-a"], ["second/{model}"]]
{more}
""".encode()


def frames(dialect: str, events: Sequence[Event], *, ends: bool = True, name: str = "a") -> list[bytes]:
    """The frames of an answer in a dialect, under an id of its own."""
    writer = DIALECTS[dialect].streams.write_events(Head(f"req_{name}", 1_700_000_000, f"model-{name}", 10))
    body = b"".join([writer.feed([event]) for event in events] + ([writer.finish()] if ends else []))
    return [frame + b"\n\n" for frame in body.split(b"\n\n") if frame]


def said(*words: str, name: str = "a", usage: Usage = SPENT) -> list[Event]:
    """The events of an answer of nothing but text."""
    prefix = {"a": "chatcmpl-first", "b": "chatcmpl-second"}.get(name, name)
    return [Started(prefix, f"model-{name}"), *map(TextDelta, words), Finished(Finish.STOP), UsageReported(usage)]


def begun(dialect: str, *words: str, after: Sequence[Piece] = (), events: Sequence[Event] = ()) -> Reply:
    """An answer that says some words and then ends, or does something else."""
    told = [Started("chatcmpl-first", "model-a"), *map(TextDelta, words), *events]
    return Reply(200, (*frames(dialect, told, ends=False), *after), SSE)


def answered(dialect: str, *words: str, name: str = "b", usage: Usage = SPENT) -> Reply:
    """A whole answer."""
    return Reply(200, frames(dialect, said(*words, name=name, usage=usage), name=name), SSE)


def by_host(first: Sequence[Reply], second: Sequence[Reply]) -> Any:
    """A script that answers each host in its own turn; its last reply repeats."""
    turns = {"first.test": list(first), "second.test": list(second)}

    def choose(request: HttpRequest) -> Reply:
        replies = turns[request.url.split("/")[2]]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    return choose


BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "hello"}],
           "stream_options": {"include_usage": True}, "max_completion_tokens": 500},
    RESPONSES: {"model": "fast", "stream": True, "input": "hello", "max_output_tokens": 500},
    MESSAGES: {"model": "fast", "stream": True, "max_tokens": 500, "messages": [{"role": "user", "content": "hello"}]},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "generationConfig": {"maxOutputTokens": 500}},
}  # fmt: skip


class Seen(NamedTuple):
    """What a client got: the answer, its own reader's word on whether it is whole, and the bytes."""

    answer: Answer
    response: Response
    is_whole: bool
    taken: Taken

    @property
    def text(self) -> str:
        """The text."""
        return self.response.text

    @property
    def events(self) -> list[dict[str, Any]]:
        """The data of each frame."""
        lines = (line for line in self.taken.body.split(b"\n") if line.startswith(b"data: {"))
        return [json.loads(line[6:]) for line in lines]

    @property
    def comments(self) -> list[str]:
        """Its comments, keep-alives left out."""
        lines = self.taken.body.decode().split("\n")
        return [line for line in lines if line.startswith(":") and "keep-alive" not in line]


async def ask(bench: Bench, client: str, taken: Taken | None = None, options: Options = NO_OPTIONS, **more: Any) -> Seen:
    """Ask for a stream in a client's dialect, and read it as that does."""
    codec = bench.house.dialect(client)
    body = json.dumps(BODIES[client] | more).encode()
    request = codec.read_request(body, bench.house.new_id(), options=options, call=Call("fast", stream=True))
    assert isinstance(request, Request), request
    taken = taken or Taken()
    answer = await bench.house.answer(request, taken)
    return read(client, answer, taken)


def read(client: str, answer: Answer, taken: Taken) -> Seen:
    """Read what a client got, the error frame of a failure included."""
    codec = DIALECTS[client]
    body = taken.body
    if answer.failure is not None and answer.began:
        body += codec.write_error_frame(answer.failure, answer.story.request.id)
    reader = codec.read_stream(keep_usage=True)
    reader.feed(body)
    is_whole = reader.finish() is None
    return Seen(answer, fold(codec.read_events().feed(taken.body)), is_whole, taken)


def sent(bench: Bench, number: int = -1) -> Any:
    """The body of a request that was sent."""
    return json.loads(bench.transport.sent[number].request.body)


def failure_of(seen: Seen) -> Failure:
    """The failure of an answer that failed."""
    assert seen.answer.failure is not None
    return seen.answer.failure

"""What carrying a request from one dialect to another costs: the codecs alone, one core, nothing on a wire.

Run: python -m bench.translation [--json].
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import click

from stormkeel.assemble.known import DIALECTS
from stormkeel.dialects.across import Crossing, cross
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.values import Call, Head, Target
from stormkeel.types.content import Message, Text, ToolCall, ToolResult
from stormkeel.types.events import Event, Finished, Started, TextDelta, UsageReported
from stormkeel.types.failure import Failure
from stormkeel.types.prompt import Prompt, Tool
from stormkeel.types.request import Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

MODELS = {
    "openai_chat": "gpt-4.1", "openai_responses": "gpt-4.1", "anthropic_messages": "claude-sonnet-4-6",
    "gemini": "gemini-2.5-flash",
}  # fmt: skip
SECONDS = 0.05  # of CPU that each look takes
LOOKS = 6  # of which the best counts: what others do on the machine takes caches away, and is no cost of ours
EVENTS = 200
HEAD = Head("req_bench", 1_795_000_000, "model", 900)
USAGE = Usage(input=900, output=60)

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where."}, "days": {"type": "integer"}},
    "required": ["city"],
}
TOOLS = (Tool("forecast", "Tell the weather of the next days.", SCHEMA), Tool("tides", "Tell the tides of a port.", SCHEMA))


def conversation() -> Prompt:
    """Ten messages, in which tools were called three times."""
    turns = [Message("system", "You are a pilot's assistant. Answer in one sentence, and name your source. " * 3)]
    for number in range(3):
        call = ToolCall(f"call_{number}", "forecast", json.dumps({"city": "Brest", "days": number + 1}))
        turns += [
            Message("user", f"How will the weather be in Brest on day {number}? Take wind and sea into account."),
            Message("assistant", (Text("I look it up."), call)),
            Message("user", (ToolResult(call.id, (Text("Wind west 5, sea moderate, visibility good, pressure 1012."),)),)),
        ]
    return Prompt(tuple(turns), max_tokens=500, tools=TOOLS)


def measured(act: Callable[[], object]) -> float:
    """CPU microseconds of one call, in the best of several looks."""
    act()
    return min(_look(act) for _ in range(LOOKS))


def _look(act: Callable[[], object]) -> float:
    calls, begun = 0, time.process_time()
    while time.process_time() - begun < SECONDS:
        for _ in range(20):
            act()
        calls += 20
    return (time.process_time() - begun) / calls * 1e6


class Pair:
    """A client's dialect and a provider's."""

    def __init__(self, client: Dialect, provider: Dialect) -> None:
        self.client, self.provider = client, provider
        written = client.write_prompt(conversation(), Target(MODELS[client.name], max_output=8192), False)
        assert not isinstance(written, Failure)
        self.raw = written.body
        self.target = Target(MODELS[provider.name], max_output=8192)
        self.answer = provider.write_response(Response("id", "model", (Text("Fair. " * 20),), Finish.STOP, USAGE), HEAD)
        self.frames = _frames(provider)

    def there(self) -> Crossing:
        """Carry the request, as an attempt does."""
        request = self.client.read_request(self.raw, "r1", call=Call(MODELS[self.client.name]))
        reading = self.client.read_prompt(self.raw)
        assert isinstance(request, Request)
        assert not isinstance(reading, Failure)
        crossing = cross(request, reading, (self.client, self.provider), self.target)
        assert isinstance(crossing, Crossing)
        return crossing

    def figures(self) -> tuple[float, float, float]:
        """Microseconds there, microseconds of the answer back, stream events a second."""
        crossing = self.there()
        there = measured(self.there)
        back = measured(lambda: crossing.whole(self.answer, HEAD))
        return there, back, (EVENTS + 3) / measured(lambda: self._relay(crossing)) * 1e6

    def _relay(self, crossing: Crossing) -> None:
        reader = crossing.read_stream(HEAD)
        for frame in self.frames:
            reader.feed(frame)
        assert reader.finish() is None


def _frames(provider: Dialect) -> list[bytes]:
    """A provider's stream, one event at a time."""
    writer = provider.write_events(HEAD)
    events: list[Event] = [Started("id", "model"), *(TextDelta("gateway ") for _ in range(EVENTS))]
    frames = [writer.feed([event]) for event in events]
    return [*frames, writer.feed([Finished(Finish.STOP), UsageReported(USAGE)]) + writer.finish()]


def table() -> dict[str, dict[str, tuple[float, float, float]]]:
    """The figures of every pair of two, by client and provider."""
    return {
        client: {provider: Pair(DIALECTS[client], DIALECTS[provider]).figures() for provider in DIALECTS if provider != client}
        for client in DIALECTS
    }


def show(found: dict[str, dict[str, tuple[float, float, float]]]) -> None:
    """Print a line for each pair."""
    print("a conversation of ten messages with tools, CPU of one core")
    for client, row in found.items():
        for provider, (there, back, rate) in row.items():
            print(f"  {client:18} to {provider:18} {there:5.0f} µs there, {back:4.0f} µs back, {rate:9,.0f} stream events/s")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool) -> None:
    """Measure what a crossing costs."""
    found = table()
    if as_json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()

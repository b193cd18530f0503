"""Functions as tools: what the model is told of them, how they are called, and when it ends.

Plain functions run on threads, which virtual time knows nothing of: those are tried over sockets, in tests/client.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from asking_stage import answered, asked, calling, client_of
from story_stage import ALONE, DONE, END, HEAD, USAGE, Bench, frame, now, play, refused, streamed

from stormkeel.client.tools import tool
from stormkeel.errors import DeadlineError, InvalidRequestError, ToolRoundsError, UpstreamError
from stormkeel.types.content import Image, Message, Text, ToolCall, ToolResult
from stormkeel.types.prompt import Tool, ToolChoice


class Port(pydantic.BaseModel):
    name: str
    berths: int = 1


@dataclass
class Place:
    lat: float
    lon: float


async def harbour(port: Port, near: Place, tags: list[str] | None = None) -> str:
    """Tell of a harbour.

    Args:
        port: which one,
            by its name.
        near: where about.
    """
    return f"{port.name} {near.lat} {tags}"


ARGUMENTS = {"port": {"name": "Bergen"}, "near": {"lat": 60.4, "lon": 5.3}}


def results(bench: Bench, number: int = -1) -> list[str]:
    """What the model was told of its calls in one request."""
    return [turn["content"] for turn in asked(bench)[number]["messages"] if turn["role"] == "tool"]


def test_a_function_becomes_a_tool():
    """The model is told a function's name, first paragraph, parameters and what the docstring says of each."""

    async def story():
        bench = Bench([answered("none needed")], ALONE)
        await client_of(bench).complete("x", tools=[harbour], tool_choice="auto", parallel_tools=False)
        body = asked(bench)[0]
        told = body["tools"][0]["function"]
        assert (told["name"], told["description"]) == ("harbour", "Tell of a harbour.")
        parameters = told["parameters"]
        assert parameters["required"] == ["port", "near"]
        assert parameters["properties"]["port"]["description"] == "which one, by its name."
        assert parameters["additionalProperties"] is False
        assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", False)

    play(story)


def test_calls_come_parsed():
    """A completion's calls have their text, and their arguments as values of the function's own types, defaults filled in."""

    async def story():
        bench = Bench([calling(("harbour", ARGUMENTS))], ALONE)
        done = await client_of(bench).complete("x", tools=[harbour])
        (call,) = done.tool_calls
        assert json.loads(call.arguments) == ARGUMENTS
        assert call.parsed() == {"port": Port(name="Bergen"), "near": Place(60.4, 5.3), "tags": None}
        assert isinstance(call, ToolCall)

    play(story)


def test_a_streamed_call_comes_parsed():
    """A stream's completion knows the tools as well."""

    async def story():
        start = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "harbour", "arguments": ""}}
        rest = {"index": 0, "function": {"arguments": json.dumps(ARGUMENTS)}}
        frames = (HEAD, frame({"tool_calls": [start]}), frame({"tool_calls": [rest]}), frame({}, "tool_calls"), USAGE, DONE)
        done = await client_of(Bench([streamed(*frames)], ALONE)).stream("x", tools=[harbour]).until_done()
        assert done.tool_calls[0].parsed()["port"] == Port(name="Bergen")
        assert END not in frames

    play(story)


def test_tools_are_called_until_the_answer():
    """`run_tools` calls what the model asks for, tells it, and returns the answer with rounds, attempts, cost and conversation."""

    async def story():
        bench = Bench([calling(("harbour", ARGUMENTS)), answered("Bergen it is")], ALONE)
        done = await client_of(bench).run_tools("x", system="Be brief.", tools=[harbour])
        assert (done.text, done.rounds, len(done.attempts)) == ("Bergen it is", 2, 2)
        assert results(bench) == ["Bergen 60.4 None"]
        assert [turn.role for turn in done.history] == ["system", "user", "assistant", "user", "assistant"]
        assert done.cost == Decimal("0.00006")

    play(story)


def test_several_calls_run_at_once():
    """Calls of one answer run together, each result under its own call; one by one where the caller says so."""

    async def wait(seconds: float) -> float:
        """Wait."""
        await asyncio.sleep(seconds)
        return seconds

    async def story():
        bench = Bench([calling(("wait", {"seconds": 3}), ("wait", {"seconds": 2})), answered("ok")], ALONE)
        await client_of(bench).run_tools("x", tools=[wait])
        assert (results(bench), now()) == (["3.0", "2.0"], 3.0)
        bench = Bench([calling(("wait", {"seconds": 3}), ("wait", {"seconds": 2})), answered("ok")], ALONE)
        await client_of(bench).run_tools("x", tools=[wait], parallel_tools=False)
        assert now() == 8.0

    play(story)


def test_a_tool_that_fails_is_told_to_the_model():
    """What a tool raises, arguments that don't fit, and a tool that is not there are answers to the model, not errors."""

    async def broken(x: int) -> str:
        """Break."""
        raise OSError("the sea is rough")

    async def story():
        calls = calling(("broken", {"x": 1}), ("broken", {"x": "no"}), ("broken", "{"), ("absent", {}))
        bench = Bench([calls, answered("sorry")], ALONE)
        done = await client_of(bench).run_tools("x", tools=[broken])
        told = results(bench)
        assert "OSError: the sea is rough" in told[0]
        assert "$.x" in told[1]
        assert "malformed" in told[2] or "truncated" in told[2]
        assert "no tool of this name" in told[3]
        said = done.history[2].content
        assert all(isinstance(part, ToolResult) and part.is_error for part in said)

    play(story)


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("text", (Text("text"),)),
        ({"a": [1]}, (Text('{"a":[1]}'),)),
        (Port(name="Bergen"), (Text('{"name":"Bergen","berths":1}'),)),
        (Image("image/png", "aGk="), (Image("image/png", "aGk="),)),
        ([Text("a"), Text("b")], (Text("a"), Text("b"))),
        (None, (Text("null"),)),
    ],
)
def test_what_a_tool_may_say(said, content):
    """Text and pictures go as they are, every other value as JSON."""

    async def look() -> Any:
        """Look."""
        return said

    async def story():
        bench = Bench([calling(("look", "")), answered("ok")], ALONE)
        done = await client_of(bench).run_tools("x", tools=[look])
        assert done.history[2].content[0].content == content

    play(story)


def test_rounds_have_an_end():
    """A model that never stops calling is stopped, with the conversation kept; the last calls are not made."""
    made = []

    async def look() -> str:
        """Look."""
        made.append(1)
        return "more"

    async def story():
        bench = Bench([calling(("look", ""))] * 9, ALONE)
        with pytest.raises(ToolRoundsError, match="look") as caught:
            await client_of(bench).run_tools("x", tools=[look], max_rounds=3)
        assert (len(bench.transport.sent), len(made), len(caught.value.attempts)) == (3, 2, 3)
        assert len(caught.value.history) == 6

    play(story)


def test_the_timeout_covers_tools():
    """Tools run in the call's own time, and are stopped when it is over."""
    stopped = []

    async def forever() -> str:
        """Never end."""
        try:
            await asyncio.sleep(1e9)
        finally:
            stopped.append(now())
        return ""

    async def story():
        bench = Bench([calling(("forever", ""))], ALONE)
        with pytest.raises(DeadlineError, match="forever"):
            await client_of(bench).run_tools("x", tools=[forever], timeout=7.0)
        assert stopped == [7.0]

    play(story)


def test_a_tool_that_is_no_function_is_the_callers():
    """Where a tool is only described, its call comes back, and the conversation goes on with the caller's own result."""

    async def story():
        bench = Bench([calling(("ask_captain", {"q": 1})), answered("aye")], ALONE)
        client = client_of(bench)
        given = [Tool("ask_captain", "Ask.", {"type": "object", "properties": {"q": {"type": "integer"}}})]
        done = await client.run_tools("x", tools=given)
        (call,) = done.tool_calls
        assert call.parsed() == {"q": 1}
        turn = Message("user", (ToolResult(call.id, (Text("yes"),)),))
        last = await client.run_tools(messages=[*done.history, turn], tools=given)
        assert (last.text, results(bench)) == ("aye", ["yes"])

    play(story)


@pytest.mark.parametrize("choice", ["look", "required", ToolChoice("required", ("look",))])
def test_a_forced_tool_is_forced_once(choice):
    """A model that is forced to call a tool may answer after the first round."""

    async def look() -> str:
        """Look."""
        return "seen"

    async def story():
        bench = Bench([calling(("look", "")), answered("ok")], ALONE)
        await client_of(bench).run_tools("x", tools=[look], tool_choice=choice)
        first, second = asked(bench)
        assert first["tool_choice"] in ("required", {"type": "function", "function": {"name": "look"}})
        assert "tool_choice" not in second

    play(story)


def test_an_error_tells_of_every_round():
    """A request that fails in a later round raises with the attempts of all."""

    async def look() -> str:
        """Look."""
        return "seen"

    async def story():
        bench = Bench([calling(("look", "")), refused(500), refused(500), refused(500)], ALONE)
        with pytest.raises(UpstreamError) as caught:
            await client_of(bench).run_tools("x", tools=[look])
        assert len(caught.value.attempts) == len(bench.transport.sent) > 2
        assert caught.value.attempts[0].failure is None

    play(story)


def test_functions_that_can_be_no_tools():
    """A function whose parameters the model can't be told is refused by name, before anything is sent."""

    def bare(x) -> str:
        """No annotation."""
        return ""

    def open_ended(*args: int) -> str:
        """Any number."""
        return ""

    def loose(given: dict[str, int]) -> str:
        """A free dict."""
        return ""

    for function, words in ((bare, '"x"'), (open_ended, '"args"'), (7, "type int")):
        with pytest.raises(InvalidRequestError, match=words):
            tool(function)
    with pytest.raises(InvalidRequestError, match="strict"):
        tool(loose, strict=True)
    assert tool(harbour, name="port-of", description="Tell.").name == "port-of"
    assert asyncio.run(tool(harbour)(Port(name="Oslo"), Place(1, 2))) == "Oslo 1 None"


def test_parallel_calls_under_cancel():
    """Who cancels while tools run stops them, and nothing is left over."""

    async def forever() -> str:
        """Never end."""
        await asyncio.sleep(1e9)
        return ""

    async def story():
        bench = Bench([calling(("forever", ""), ("forever", ""))], ALONE)
        task = asyncio.ensure_future(client_of(bench).run_tools("x", tools=[forever]))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(story)

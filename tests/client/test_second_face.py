"""The library's second face over real sockets, against a strict provider of either dialect, by both clients."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pytest
from client_stage import PATIENT, Provider, configured, provided, run, wish

from stormkeel import AsyncClient, Client, Completion, Message, tool
from stormkeel.errors import BadResponseError, ContextTooLongError, ModelUnavailableError, ToolRoundsError
from stormkeel.media import audio, file, image
from stormkeel.types.content import Text, ToolResult

MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-5"]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
WAV = b"RIFF\0\0\0\0WAVE" + bytes(64)


class Port(pydantic.BaseModel):
    name: str
    berths: int


class Answers(pydantic.BaseModel):
    ports: list[Port]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One sandbox for all."""
    with provided() as started:
        yield started


def client(provider: Provider, folder: Path) -> Client:
    """A blocking client of both providers at the sandbox."""
    return Client(configured(provider.url, folder, PATIENT), data="memory")


def look(where: str, deep: bool = False) -> dict[str, Any]:
    """Look around."""
    return {"where": where, "deep": deep, "thread": threading.current_thread().name}


@pytest.mark.parametrize("model", MODELS)
def test_a_shape_over_the_wire(provider: Provider, tmp_path: Path, model: str):
    """Either dialect takes the schema, and the answer comes as a model of pydantic's."""
    text = '{"ports": [{"name": "Bergen", "berths": 4}]}'
    with client(provider, tmp_path) as asked:
        done = asked.complete(wish(answer=text), model=model, output=Answers, max_tokens=100)
        assert done.parsed == Answers(ports=[Port(name="Bergen", berths=4)])
        with pytest.raises(BadResponseError, match=r"\$\.ports\[0\]\.berths"):
            asked.complete(wish(answer='{"ports": [{"name": "Bergen"}]}'), model=model, output=Answers, max_tokens=100)


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_with_tools(provider: Provider, tmp_path: Path, model: str):
    """A strict provider of either dialect takes the tools, the calls and their results; plain functions run on threads."""
    calls = [{"name": "look", "arguments": {"where": "bow"}}, {"name": "look", "arguments": {"where": "stern", "deep": True}}]
    with client(provider, tmp_path) as asked:
        first = asked.complete(wish(tools=calls), model=model, tools=[look], max_tokens=100)
        assert [call.parsed() for call in first.tool_calls] == [
            {"where": "bow", "deep": False}, {"where": "stern", "deep": True},
        ]  # fmt: skip
        turns = [Message("user", "x"), first]
        results = tuple(ToolResult(call.id, (Text(json.dumps(look(**call.parsed()))),)) for call in first.tool_calls)
        last = asked.complete(messages=[*turns, Message("user", results)], model=model, tools=[look], max_tokens=100)
        assert last.text


def test_tools_are_run(provider: Provider, tmp_path: Path):
    """`run_tools` goes round with functions on threads, until the provider answers in words."""
    names = []

    def note(where: str) -> str:
        """Note."""
        names.append((where, threading.current_thread() is threading.main_thread()))
        return "noted"

    script = wish(tools=[{"name": "note", "arguments": {"where": "bow"}}])
    with client(provider, tmp_path) as asked:
        done = asked.run_tools(script, model="anthropic/claude-sonnet-5", tools=[tool(note)], max_tokens=100)
        assert names == [("bow", False)]
        assert (done.rounds, bool(done.text), len(done.attempts)) == (2, True, 2)
        with pytest.raises(ToolRoundsError):  # here the sandbox goes by the last turn of a user, which stays the same
            asked.run_tools(script, model="openai/gpt-4o", tools=[note], max_rounds=3)
        assert len(names) == 3


@pytest.mark.parametrize("model", MODELS)
def test_pictures_and_documents(provider: Provider, tmp_path: Path, model: str):
    """A picture and a document from bytes and files are taken by either provider."""
    (tmp_path / "chart.pdf").write_bytes(b"%PDF-1.7\n" + bytes(64))
    turn = Message("user", (Text("What is this?"), image(PNG), file(tmp_path / "chart.pdf")))
    with client(provider, tmp_path) as asked:
        assert asked.complete(messages=[turn], model=model, max_tokens=100).text


def test_sound(provider: Provider, tmp_path: Path):
    """Sound is taken by a provider that hears."""
    with client(provider, tmp_path) as asked:
        turn = Message("user", (Text("What is this?"), audio(WAV)))
        assert asked.complete(messages=[turn], model="openai/gpt-audio", max_tokens=100).text


def test_many_from_blocking_code(provider: Provider, tmp_path: Path):
    """Prompts are read and progress is told in the caller's thread; the answers stand in order."""
    threads, told = set(), []

    def prompts() -> Iterator[str]:
        for number in range(20):
            threads.add(threading.current_thread())
            yield wish(answer=str(number))

    def progress(done: int, total: int | None) -> None:
        threads.add(threading.current_thread())
        told.append((done, total))

    with client(provider, tmp_path) as asked:
        done = asked.complete_many(prompts(), concurrency=4, progress=progress)
        assert [str(one) for one in done] == [str(number) for number in range(20)]
    assert threads == {threading.current_thread()}
    assert told[-1] == (20, None)


def test_an_interrupt_settles_what_is_under_way(tmp_path: Path):
    """Ctrl-C ends it at once, with every request cancelled and booked."""
    with provided() as alone, client(alone, tmp_path) as asked:

        def interrupt() -> None:
            alone.arrived(2)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        timer = threading.Thread(target=interrupt)
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            asked.complete_many([wish(pace_ms=1000)] * 9, concurrency=3)
        timer.join()
        assert time.monotonic() - started < 5.0
        assert 2 <= asked.stats().attempts <= 3
        assert asked.complete("hi").text


def test_many_at_once(provider: Provider, tmp_path: Path):
    """The asynchronous client does the same in its own loop."""

    async def story() -> None:
        async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data="memory") as asked:
            done = await asked.complete_many([wish(answer=str(number)) for number in range(20)], concurrency=5)
            assert [one.text for one in done if isinstance(one, Completion)] == [str(number) for number in range(20)]

    run(story)


def test_counting(provider: Provider, tmp_path: Path):
    """Counting sends nothing; it is exact where that is known, and calibrated by answers where it is not."""
    with client(provider, tmp_path) as asked:
        assert asked.count_tokens("Hello", model="openai/gpt-4o").is_exact
        before = asked.count_tokens("Hello " * 500, model="anthropic/claude-sonnet-5")
        assert (before.is_exact, before.method, asked.stats().requests) == (False, "estimate", 0)
        asked.complete("Hello " * 500, model="anthropic/claude-sonnet-5", max_tokens=20)
        assert "calibrated by 1 answer" in asked.count_tokens("Hello", model="anthropic/claude-sonnet-5").method
        asked.stream("Hello " * 500, model="anthropic/claude-sonnet-5", max_tokens=20).until_done()
        assert "calibrated by 2 answers" in asked.count_tokens("Hello", model="anthropic/claude-sonnet-5").method
        with pytest.raises(ModelUnavailableError):
            asked.count_tokens("Hello", model="nobody/x")

    async def story() -> None:
        async with AsyncClient(configured(provider.url, tmp_path), data="memory") as other:
            counted = await other.count_tokens(messages=[Message("user", "Hello")], model="openai/gpt-4o")
            assert counted.tokens == 8

    asyncio.run(story())


def test_what_there_is_to_ask(provider: Provider, tmp_path: Path):
    """Models come with provider, window, largest output and exact prices; unknown stays unknown."""
    more = PATIENT + '[routes.fast]\ngroups = [["anthropic/claude-haiku-4-5"], ["openai/gpt-5.4-mini"]]\n'
    with Client(configured(provider.url, tmp_path, more), data="memory") as asked:
        found = asked.models()
        assert (found[0].id, found[0].route, found[0].model) == ("fast", True, "claude-haiku-4-5")
        by_id = {one.id: one for one in found}
        mini = by_id["openai/gpt-5.4-mini"]
        assert (mini.window, mini.max_output, mini.input_price, mini.output_price) == (
            400_000, 128_000, Decimal("0.75"), Decimal("4.5"),
        )  # fmt: skip
        assert by_id["openai/whisper-1"].window is None


def test_too_long_is_refused_unsent(provider: Provider, tmp_path: Path):
    """What no model of the route has room for never leaves."""
    with client(provider, tmp_path) as asked:
        before = len(provider.sandbox.bill())
        with pytest.raises(ContextTooLongError, match="8,192"):
            asked.complete("word " * 20_000, model="openai/gpt-4")
        assert len(provider.sandbox.bill()) == before


def test_counting_by_the_provider(provider: Provider, tmp_path: Path):
    """`exact` asks the provider's count, in whichever dialect it has one; a count that fails is told, and never passed off."""
    said = 'How deep?\nsandbox: {"usage": {"input": 77}}'
    with client(provider, tmp_path) as asked:
        for model in ("openai/gpt-5.4-mini", "anthropic/claude-sonnet-5"):
            counted = asked.count_tokens(said, model=model, system="Be brief.", exact=True)
            assert (counted.tokens, counted.is_exact, counted.method) == (77, True, "provider")
        failed = asked.count_tokens("Hello", model="anthropic/claude-sonnet-5@fault=server_error", exact=True)
        assert (failed.is_exact, failed.method) == (False, "the provider did not count (500): estimate")
        assert asked.stats().requests == 0
        with pytest.raises(ModelUnavailableError):
            asked.count_tokens("Hello", model="nobody/x", exact=True)

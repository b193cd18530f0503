"""Recorded real traffic through the whole gateway: it goes out and comes back as it was, and is paid for as it was reported."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
import recordings as source

from stormkeel.assemble import House, Parts, build
from stormkeel.config.load import load
from stormkeel.gateway.app import Gateway
from stormkeel.ledger.entry import Settled
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.testing import Reply, ScriptedTransport, VirtualClock, run_virtual
from stormkeel.types.usage import Usage

PATHS = {"openai_chat": "/v1/chat/completions", "anthropic_messages": "/v1/messages"}
each_dialect = pytest.mark.parametrize("recorded", list(PATHS), indirect=True)
SETTINGS = b"""
[providers.chat]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[providers.messages]
kind = "anthropic"
base_url = "http://127.0.0.1:9"
auth = "none"
[policies.retry]
attempts = 1
[routes.openai_chat]
groups = [["chat/renamed"]]
[routes.anthropic_messages]
groups = [["messages/renamed"]]
"""


class Replay:
    """A gateway before a provider that gives one recorded answer."""

    def __init__(self, row: dict[str, Any], answer: bytes) -> None:
        self.row = row
        self.answer = answer
        loop = asyncio.get_running_loop()
        headers = tuple(
            (name.lower(), value if isinstance(value, str) else value[0])
            for name, value in (row["response_headers"] or {}).items()
        )
        self.transport = ScriptedTransport([Reply(row["status"], pieces(answer), headers)])
        self.journal = MemoryJournal()
        parts = Parts(self.transport, VirtualClock(loop), self.journal, Random(1))
        self.house: House = build(load(SETTINGS, {}, KINDS), {}, parts)

    async def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one body to the gateway's endpoint of the recording's dialect; returns status, headers and body."""
        coming = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return coming.pop() if coming else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": PATHS[self.row["dialect"]],
            "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        }  # fmt: skip
        await Gateway(self.house)(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])

    @property
    def outgoing(self) -> bytes:
        """The one body that reached the provider."""
        (only,) = self.transport.sent
        return only.request.body

    @property
    def settled(self) -> Settled:
        """The one settlement."""
        (only,) = [entry for entry in self.journal.entries if isinstance(entry, Settled)]
        return only


def pieces(answer: bytes) -> tuple[bytes, ...]:
    """The answer in pieces of a network's size, so that frames are cut where they are not in the recording."""
    return tuple(answer[at : at + 1460] for at in range(0, len(answer), 1460))


def written(value: Any) -> bytes:
    """JSON as the SDKs write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer_of(row: dict[str, Any]) -> bytes:
    """The bytes that came back."""
    return row["response_text"].encode() if row["response_text"] else json.dumps(row["response"], ensure_ascii=False).encode()


def is_stream(row: dict[str, Any]) -> bool:
    """Was it streamed, and is the recording undamaged?"""
    return bool(row["request"].get("stream"))


def usable(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], bytes]]:
    """The recorded exchanges with their bytes, without the streams that the recording damaged."""
    kept = [(row, answer_of(row)) for row in rows]
    return [(row, answer) for row, answer in kept if not is_stream(row) or source.damage(answer) is None]


def reported(row: dict[str, Any], answer: bytes) -> dict[str, int] | None:
    """The usage a provider reported, found without our codec: the last number of each name in any usage object."""
    bodies = [json.loads(answer)] if not is_stream(row) else [
        json.loads(line[6:]) for line in answer.split(b"\n") if line.startswith(b"data: {")
    ]  # fmt: skip
    told: dict[str, int] = {}
    for body in bodies:
        for usage in (body.get("usage"), (body.get("message") or {}).get("usage"), (body.get("x_groq") or {}).get("usage")):
            told |= {name: value for name, value in (usage or {}).items() if isinstance(value, int)}
    return told or None


def totals(told: dict[str, int]) -> tuple[int, int]:
    """All input and all output tokens by the provider's word (docs/wire.md, Usage)."""
    if "prompt_tokens" in told:
        return told["prompt_tokens"], told["completion_tokens"]
    cached = told.get("cache_creation_input_tokens", 0) + told.get("cache_read_input_tokens", 0)
    return told["input_tokens"] + cached, told["output_tokens"]


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run a replay in virtual time."""
    run_virtual(story)


def chunked(told: bytes) -> list[Any]:
    """The JSON of each event, without those that carry usage alone."""
    events = [json.loads(line[6:]) for line in told.split(b"\n") if line.startswith(b"data: {")]
    return [event for event in events if event.get("choices") != [] or not event.get("usage")]


def named(row: dict[str, Any], **changes: Any) -> bytes:
    """The recorded request for a provider of ours by its full name, so that only the name in front is taken off."""
    provider = "chat" if row["dialect"] == "openai_chat" else "messages"
    return written(row["request"] | {"model": f"{provider}/{row['request']['model']}"} | changes)


@each_dialect
def test_a_route_changes_the_model_and_nothing_else(recorded: list[dict[str, Any]]) -> None:
    """Behind a route only the model's name differs in what reaches the provider, and the usage we had to ask for is all that is added."""

    async def story() -> None:
        for row, answer in usable(recorded):
            replay = Replay(row, answer)
            asked = row["request"] | {"model": row["dialect"]}
            _status, _headers, body = await replay.ask(written(asked))
            sent = json.loads(replay.outgoing)
            has_to_ask = is_stream(row) and row["dialect"] == "openai_chat"
            if has_to_ask:
                assert sent.pop("stream_options") == (row["request"].get("stream_options") or {}) | {"include_usage": True}
            asked.pop("stream_options", None) if has_to_ask else None
            assert sent == asked | {"model": "renamed"}
            if is_stream(row):
                assert chunked(body) == chunked(answer)

    run(story())


@each_dialect
def test_the_ledger_says_what_the_provider_said(recorded: list[dict[str, Any]]) -> None:
    """The usage of every recorded answer stands in the ledger with the provider's own totals (INV-6)."""

    async def story() -> None:
        seen = 0
        for row, answer in usable(recorded):
            replay = Replay(row, answer)
            await replay.ask(named(row))
            settled = replay.settled
            if row["status"] != 200:
                assert (settled.usage, settled.usage_source) == (Usage(), "none")
                continue
            assert settled.outcome == "ok"
            told = reported(row, answer)
            if told is None:
                assert settled.usage_source == "estimated"
                continue
            seen += 1
            assert settled.usage_source == "provider"
            assert (settled.usage.total_input, settled.usage.total_output) == totals(told)
        assert seen > 50

    run(story())


@each_dialect
def test_a_recorded_stream_cut_short_is_told(recorded: list[dict[str, Any]]) -> None:
    """A recorded stream that breaks off in its middle ends for the client with an error in its dialect, never as if whole (S-28)."""

    async def story() -> None:
        streams = [(row, answer) for row, answer in usable(recorded) if is_stream(row)]
        cuts = 0
        for row, answer in streams:
            for share in (0.3, 0.6, 0.9):
                cut = answer[: int(len(answer) * share)]
                if b'"finish_reason":"' in cut.replace(b": ", b":") or b"message_stop" in cut:
                    continue
                replay = Replay(row, cut)
                status, _headers, body = await replay.ask(named(row))
                cuts += 1
                assert replay.settled.outcome == "truncated"
                assert replay.settled.usage_source == "estimated"
                if status == 200:
                    assert b'"error"' in body[len(cut) - 20_000 if len(cut) > 20_000 else 0 :]
                    assert b"message_stop" not in body
                else:
                    assert status == 502
        assert cuts >= len(streams)

    run(story())

"""Answers that a provider keeps, by OpenAI's SDK through the gateway: gone on from, fetched, listed and deleted at their maker."""

from __future__ import annotations

import json
from pathlib import Path

import openai
import pytest
from gateway_stage import QUICK, Stage, ask, play, posted
from passing_stage import SECRETS, Seen, always, passing, told
from raw_server import Connection

ROUTES = QUICK + '[routes.second]\ngroups = [["up/gpt-5.4-mini#second"]]\n[routes.both]\ngroups = [["up/gpt-5.4-mini"]]\n'
RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5.4-mini", "output": [],
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    "usage": {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3},
}  # fmt: skip


async def keeps(connection: Connection, seen: Seen) -> None:
    """Answer as one who keeps responses."""
    if seen.target.startswith("/v1/responses/resp_1/input_items"):
        body = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    elif seen.method == "DELETE":
        body = {"id": "resp_1", "object": "response", "deleted": True}
    else:
        body = RESPONSE
    await connection.send(told(json.dumps(body).encode()))


def client_at(stage: Stage, prefix: str = "/openai/v1") -> openai.AsyncOpenAI:
    """OpenAI's client at the gateway."""
    return openai.AsyncOpenAI(base_url=stage.url + prefix, api_key="any", max_retries=0)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
def test_an_answer_is_found_at_its_maker(prefix: str, tmp_path: Path) -> None:
    """What one account made is gone on from, fetched, listed, stopped and deleted with that account, though it is not the first."""

    async def story() -> None:
        async with passing(tmp_path, keeps, ROUTES) as (stage, upstream), client_at(stage, prefix) as client:
            await client.responses.create(model="second", input="hello")
            await client.responses.create(model="both", input="and?", previous_response_id="resp_1")
            assert (await client.responses.retrieve("resp_1")).id == "resp_1"
            assert [item async for item in client.responses.input_items.list("resp_1")] == []
            await client.responses.cancel("resp_1")
            await client.responses.delete("resp_1")
            assert {seen.headers["authorization"] for seen in upstream.seen} == {f"Bearer {SECRETS['second']}"}
            assert [(seen.method, seen.target.partition("?")[0]) for seen in upstream.seen[2:]] == [
                ("GET", "/v1/responses/resp_1"), ("GET", "/v1/responses/resp_1/input_items"),
                ("POST", "/v1/responses/resp_1/cancel"), ("DELETE", "/v1/responses/resp_1"),
            ]  # fmt: skip

    play(story)


def test_an_answer_of_whom_nobody_knows(tmp_path: Path) -> None:
    """After a restart the first provider that lets its paths pass is asked."""

    async def story() -> None:
        async with passing(tmp_path, keeps, ROUTES) as (stage, upstream), client_at(stage) as client:
            await client.responses.retrieve("resp_1")
            assert upstream.seen[0].headers["authorization"] == f"Bearer {SECRETS['up']}"

    play(story)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "resp_1"), ("GET", "resp_1/other"), ("POST", "resp_1/input_items"), ("DELETE", "resp_1/cancel"), ("PUT", "resp_1"),
        ("GET", "resp_1/input_items/x"),
    ],
)  # fmt: skip
def test_what_is_not_served_of_it(method: str, path: str, tmp_path: Path) -> None:
    """Nothing else is served of a kept answer, and no path leads on from there."""

    async def story() -> None:
        async with passing(tmp_path, always(told()), ROUTES) as (stage, upstream):
            assert (await ask(stage, posted(f"/v1/responses/{path}", b"{}", method=method))).status == 404
            assert upstream.seen == []

    play(story)


def test_a_closed_maker(tmp_path: Path) -> None:
    """Where the maker's other paths are closed the client is told so, and what opens them."""

    async def story() -> None:
        async with passing(tmp_path, always(told()), ROUTES) as (stage, upstream):
            stage.house.makers.note("resp_9", ("openai", "main"))
            got = await ask(stage, posted("/openai/v1/responses/resp_9", b"", method="GET"))
            assert got.status == 404
            assert "passthrough = true" in got.json["error"]["message"]
            assert upstream.seen == []

    play(story)

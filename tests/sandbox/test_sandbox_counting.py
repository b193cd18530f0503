"""Anthropic's count of tokens: read as strictly as a message, answered with what a message would report, and free."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from sandbox_client import HELLO, ask, body_for, with_sandbox

from stormkeel.sandbox import Sandbox, Storm

TOOL: Any = {"name": "look", "input_schema": {"type": "object"}}


def test_the_count_is_what_a_message_reports() -> None:
    """System, tools, thinking and messages count as they do for an answer; no row is written and no storm is met."""

    async def story(sandbox: Sandbox) -> None:
        body: Any = {"model": "claude-sonnet-5", "messages": HELLO, "system": "Be brief.", "tools": [TOOL]}
        sandbox.set_storm(Storm(plan=("ok", "server_error")))
        async with anthropic.AsyncAnthropic(base_url=sandbox.url, api_key="sk-test", max_retries=0) as client:
            counts = [(await client.messages.count_tokens(**body)).input_tokens for _ in range(3)]
            message = await client.messages.create(**body, max_tokens=90)
        assert set(counts) == {message.usage.input_tokens}
        assert [row.dialect for row in sandbox.bill()] == ["anthropic"]
        assert [record.dialect for record in sandbox.requests] == ["anthropic_count_tokens"] * 3 + ["anthropic"]

    with_sandbox(story)


@pytest.mark.parametrize(
    ("changes", "headers", "message"),
    [
        ({"max_tokens": 5}, {}, "max_tokens: Extra inputs are not permitted"),
        ({"stream": True}, {}, "stream: Extra inputs are not permitted"),
        ({"temperature": 1}, {}, "temperature: Extra inputs are not permitted"),
        ({"messages": []}, {}, "messages: Input should be valid"),
        ({"messages": [{"role": "user", "content": ""}]}, {}, "messages.0: all messages must have non-empty content"),
        ({"tools": [{"name": "look"}]}, {}, "tools.0.input_schema: Field required"),
        ({}, {"anthropic-version": None}, "anthropic-version: header is required"),
        ({}, {"content-type": "text/plain"}, "content-type: must be application/json"),
    ],
)
def test_counts_are_refused_as_messages_are(changes: dict[str, Any], headers: dict[str, str | None], message: str) -> None:
    """What a message would be refused for, a count is refused for; and what only shapes an answer is unknown here."""

    async def story(sandbox: Sandbox) -> None:
        got = await ask(sandbox, "count", body_for("count", **changes), headers)
        assert got.status == 400
        assert got.json["error"]["message"].startswith(message)
        assert sandbox.requests[0].violations == [got.json["error"]["message"]]

    with_sandbox(story)


def test_counts_take_thinking_of_any_budget_and_betas() -> None:
    """A budget cannot exceed a limit there is not; beta fields are taken with their header."""

    async def story(sandbox: Sandbox) -> None:
        body = body_for("count", model="claude-haiku-4-5", thinking={"type": "enabled", "budget_tokens": 200_000})
        assert (await ask(sandbox, "count", body)).json == {"input_tokens": 5}
        beta = await ask(sandbox, "count", body | {"mcp_servers": []}, {"anthropic-beta": "mcp-client-2025-11-20"})
        assert beta.status == 200

    with_sandbox(story)


@pytest.mark.parametrize(("fault", "status"), [("rate_limit", 429), ("overloaded", 529), ("html_error", 502), ("reset", None)])
def test_counts_meet_the_faults_that_are_wished(fault: str, status: int | None) -> None:
    """A wished fault meets a count like any request; wishes for the answer are none of its business."""

    async def story(sandbox: Sandbox) -> None:
        assert (await ask(sandbox, "count", body_for("count"), {"x-sandbox-fault": fault})).status == status
        wished = {"messages": [{"role": "user", "content": 'sandbox: {"answer": "Hi", "usage": {"input": 77}}'}]}
        assert (await ask(sandbox, "count", body_for("count", **wished))).json == {"input_tokens": 77}
        assert sandbox.bill() == []

    with_sandbox(story)

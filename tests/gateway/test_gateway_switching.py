"""A conversation whose turns are answered by providers of two dialects in turn: each accepts what the other's answers left in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_stage import CHAT, MESSAGES, Stage, play, staged

TURNS = 8
ROUTE = """
[policies.clocks]
first_content = 9
answer = 9
[policies.retry]
attempts = 1
request_attempts = 1
[routes.both]
groups = [[{ provider = "openai", model = "gpt-5.4-mini" }, { provider = "anthropic", model = "claude-sonnet-5" }]]
strategy = "round_robin"
"""
IDS = ("functions.look:0", "call_" + "a" * 75, "aufruf_ü🌊", "toolu_1", "a.b", "a_b")
"""As other providers make them, by turn."""

SCHEMA = {"type": "object", "properties": {"where": {"type": "string"}}}
each_way = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def wished(turn: int) -> str:
    """What a user says to have two tools called, one without arguments."""
    calls = [{"name": "look", "arguments": {"where": f"deck {turn}"}}, {"name": "sound", "arguments": {}}]
    return f"Turn {turn}\nsandbox: " + json.dumps({"answer": f"I look {turn}.", "tools": calls})


def asked_of(stage: Stage) -> Counter[str]:
    """How often each dialect's provider was asked, every time with success."""
    assert not [record.violations for record in stage.sandbox.requests if record.violations]
    return Counter(entry.provider for entry in stage.reserved)


@each_way
def test_openais_sdk_loops_over_tools_of_both(streamed: bool, tmp_path: Path) -> None:
    """A tool loop of OpenAI's SDK is taken by both providers in turn: odd ids, parallel calls, pictures, foreign thoughts (traps 29, 33)."""

    async def story() -> None:
        async with (
            staged(tmp_path, ROUTE) as stage,
            openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="x", max_retries=0) as client,
        ):
            tools: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("look", "sound")]
            turns: list[Any] = [{"role": "system", "content": "Be calm."}]
            for turn in range(TURNS):
                turns.append({"role": "user", "content": wished(turn)})
                if streamed:
                    async with client.chat.completions.stream(model="both", messages=turns, tools=tools) as stream:
                        said = (await stream.get_final_completion()).choices[0].message
                else:
                    said = (await client.chat.completions.create(model="both", messages=turns, tools=tools)).choices[0].message
                assert said.content == f"I look {turn}."
                assert [json.loads(call.function.arguments) for call in said.tool_calls] == [{"where": f"deck {turn}"}, {}]
                own = {"role": "assistant", "content": said.content, "tool_calls": [
                    {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
                    for call in said.tool_calls
                ]}  # fmt: skip
                own["tool_calls"][0]["id"] = IDS[turn % len(IDS)] + str(turn)
                own["reasoning_content"] = "hm"  # as an answer of a third provider has it
                turns.append(own)
                turns += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in own["tool_calls"]]
            assert asked_of(stage) == {CHAT: TURNS // 2, MESSAGES: TURNS // 2}

    play(story, 60)


@each_way
def test_anthropics_sdk_loops_over_tools_of_both(streamed: bool, tmp_path: Path) -> None:
    """The same by Anthropic's SDK, with thoughts that nobody signed in the history (traps 33, 36)."""

    async def story() -> None:
        async with (
            staged(tmp_path, ROUTE) as stage,
            anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="x", max_retries=0) as client,
        ):
            tools: Any = [{"name": name, "input_schema": SCHEMA} for name in ("look", "sound")]
            turns: list[Any] = []
            results: list[Any] = []
            for turn in range(TURNS):
                turns.append({"role": "user", "content": [*results, {"type": "text", "text": wished(turn)}]})
                asked: Any = {"model": "both", "max_tokens": 500, "system": "Be calm.", "messages": turns, "tools": tools}
                if streamed:
                    async with client.messages.stream(**asked) as stream:
                        said = await stream.get_final_message()
                else:
                    said = await client.messages.create(**asked)
                kinds = [block.type for block in said.content]
                assert kinds == ["text", "tool_use", "tool_use"]
                assert [block.input for block in said.content if block.type == "tool_use"] == [{"where": f"deck {turn}"}, {}]
                own = [
                    {"type": "thinking", "thinking": "hm", "signature": ""},
                    *(block.model_dump(exclude_none=True) for block in said.content),
                ]
                turns.append({"role": "assistant", "content": own})
                results = [
                    {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "done"}], "is_error": turn % 2 == 0}
                    for block in said.content if block.type == "tool_use"
                ]  # fmt: skip
            assert asked_of(stage) == {CHAT: TURNS // 2, MESSAGES: TURNS // 2}

    play(story, 60)

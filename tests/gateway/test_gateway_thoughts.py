"""A conversation goes on with another model: what proved the first one's thoughts is refused, left out, and told as lost.

WIRE.md, traps 31 to 34: the sandbox, like the providers, takes a signature, encrypted reasoning or thoughtSignature only for the
model that made it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import MESSAGES, SECRETS, Stage, ask, play, posted, staged

THOUGHT = {"answer": "", "reasoning_text": "Where is the sea?", "tools": [{"name": "look", "arguments": {"where": "bow"}}]}
PLAIN = {"answer": "The sea is calm."}
PATIENT = "[policies.clocks]\nfirst_content = 9\nanswer = 9\n"
SCHEMA = {"type": "object", "properties": {"where": {"type": "string"}}}
LOSSY = "x-stormkeel-lossy"


def wished(wishes: dict[str, Any]) -> str:
    """What a user says to have the sandbox answer so."""
    return "Hello\nsandbox: " + json.dumps(wishes)


class Messages:
    """Anthropic messages."""

    models = ("claude-sonnet-5", "claude-opus-5")
    lost = "messages[1].content[0]"

    def path(self, model: str) -> str:
        return "/anthropic/v1/messages"

    def body(self, model: str, turns: list[Any]) -> dict[str, Any]:
        tools = [{"name": "look", "input_schema": SCHEMA}]
        return {"model": model, "max_tokens": 500, "messages": turns, "tools": tools, "thinking": {"type": "adaptive"}}

    def first(self) -> list[Any]:
        return [{"role": "user", "content": wished(THOUGHT)}]

    def second(self, answer: Any) -> list[Any]:
        call = next(block for block in answer["content"] if block["type"] == "tool_use")
        told = [{"type": "tool_result", "tool_use_id": call["id"], "content": "A reef."}, {"type": "text", "text": wished(PLAIN)}]
        return [*self.first(), {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": told}]

    def text(self, answer: Any) -> str:
        return "".join(block.get("text", "") for block in answer["content"])


class Responses:
    """OpenAI responses."""

    models = ("gpt-5.6-sol", "gpt-5.4")
    lost = "input[1]"

    def path(self, model: str) -> str:
        return "/openai/v1/responses"

    def body(self, model: str, turns: list[Any]) -> dict[str, Any]:
        tools = [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": False}]
        return {
            "model": model, "input": turns, "tools": tools, "store": False, "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "medium"},
        }  # fmt: skip

    def first(self) -> list[Any]:
        return [{"role": "user", "content": wished(THOUGHT)}]

    def second(self, answer: Any) -> list[Any]:
        call = next(item for item in answer["output"] if item["type"] == "function_call")
        told = {"type": "function_call_output", "call_id": call["call_id"], "output": "A reef."}
        return [*self.first(), *answer["output"], told, {"role": "user", "content": wished(PLAIN)}]

    def text(self, answer: Any) -> str:
        return "".join(part["text"] for item in answer["output"] if item["type"] == "message" for part in item["content"])


class Gemini:
    """Gemini generateContent."""

    models = ("gemini-3.5-flash", "gemini-3.1-pro-preview")
    lost = "contents[1].parts"

    def path(self, model: str) -> str:
        return f"/gemini/v1beta/models/{model}:generateContent"

    def body(self, model: str, turns: list[Any]) -> dict[str, Any]:
        return {"contents": turns, "tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}]}

    def first(self) -> list[Any]:
        return [{"role": "user", "parts": [{"text": wished(THOUGHT)}]}]

    def second(self, answer: Any) -> list[Any]:
        said = answer["candidates"][0]["content"]
        call = next(part["functionCall"] for part in said["parts"] if "functionCall" in part)
        told = {"name": call["name"], "response": {"output": "A reef."}} | ({"id": call["id"]} if "id" in call else {})
        return [*self.first(), said, {"role": "user", "parts": [{"functionResponse": told}, {"text": wished(PLAIN)}]}]

    def text(self, answer: Any) -> str:
        return "".join(part.get("text", "") for part in answer["candidates"][0]["content"]["parts"])


Spoken = Messages | Responses | Gemini
each = pytest.mark.parametrize("spoken", [Messages(), Responses(), Gemini()], ids=["messages", "responses", "gemini"])


def configured(folder: Path) -> str:
    """Google's own API beside the two others."""
    (folder / "gemini.key").write_text(SECRETS[MESSAGES].replace("sk-ant-", "sk-"))
    return (
        PATIENT + f'[providers.gemini]\nbase_url = "{{url}}/v1beta"\ncredentials = {{ main = "file:{folder / "gemini.key"}" }}\n'
    )


async def said(stage: Stage, spoken: Spoken, model: str, turns: list[Any], headers: dict[str, str] | None = None) -> Any:
    """Ask, as a client of the dialect."""
    body = json.dumps(spoken.body(model, turns)).encode()
    return await ask(stage, posted(spoken.path(model), body, headers or {}))


@each
def test_another_model_goes_on_without_the_firsts_thoughts(spoken: Spoken, tmp_path: Path) -> None:
    """The maker takes its own thought back untouched; another model is told the rest at once, and the client what is lost."""

    async def story() -> None:
        async with staged(tmp_path, configured(tmp_path)) as stage:
            maker, other = spoken.models
            first = await said(stage, spoken, maker, spoken.first())
            assert first.status == 200, first.body
            history = spoken.second(first.json)
            again = await said(stage, spoken, maker, history)
            assert [again.status, again.headers.get(LOSSY)] == [200, None], again.body
            assert spoken.text(again.json) == PLAIN["answer"]
            moved = await said(stage, spoken, other, history)
            assert moved.status == 200, moved.body
            assert spoken.text(moved.json) == PLAIN["answer"]
            assert spoken.lost in moved.headers[LOSSY]
            assert [entry.outcome for entry in stage.settled[-2:]] == ["foreign_thought", "ok"]
            assert stage.settled[-2].amount == 0

    play(story)


@each
def test_a_strict_request_is_not_told_less(spoken: Spoken, tmp_path: Path) -> None:
    """Where nothing may be left out, the provider's own error comes back, after one attempt."""

    async def story() -> None:
        async with staged(tmp_path, configured(tmp_path)) as stage:
            maker, other = spoken.models
            first = await said(stage, spoken, maker, spoken.first())
            moved = await said(stage, spoken, other, spoken.second(first.json), {"x-stormkeel-strict": "1"})
            assert moved.status == 400
            assert moved.headers.get(LOSSY) is None
            assert stage.settled[-1].outcome == "caller"
            assert len(stage.settled) == 2

    play(story)

"""`x-stormkeel-strict: 1`: a request of which something would be lost is refused in its client's dialect, and costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import CHAT, MESSAGES, MODELS, ask, play, posted, staged

HELLO = [{"role": "user", "content": "hi"}]
CLAUDE, GPT = MODELS[MESSAGES], MODELS[CHAT]
DOORS: dict[str, tuple[str, dict[str, Any], str]] = {
    "chat": ("/v1/chat/completions", {"model": CLAUDE, "messages": HELLO, "logit_bias": {"5": 1}}, "logit_bias"),
    "responses": ("/v1/responses", {"model": CLAUDE, "input": "hi", "metadata": {"a": "b"}}, "metadata"),
    "messages": ("/v1/messages", {"model": GPT, "max_tokens": 50, "messages": HELLO, "top_k": 5}, "top_k"),
    "gemini": (
        f"/v1beta/models/{CLAUDE}:generateContent", {"contents": [{"parts": [{"text": "hi"}]}], "labels": {"a": "b"}}, "labels",
    ),
}  # fmt: skip
"""Each dialect's address, a body of which its provider can't be told all, and what it can't be told."""


@pytest.mark.parametrize("door", DOORS)
def test_a_strict_request_is_refused_in_its_dialect(door: str, tmp_path: Path) -> None:
    """422 with the names in the dialect's own error; nothing is sent or reserved. Any other value of the header changes nothing."""
    path, body, name = DOORS[door]

    async def story() -> None:
        async with staged(tmp_path) as stage:
            raw = json.dumps(body).encode()
            lossy = await ask(stage, posted(path, raw, {"x-stormkeel-strict": "0"}))
            assert [lossy.status, lossy.headers["x-stormkeel-lossy"]] == [200, name]
            sent = len(stage.sandbox.requests)
            refused = await ask(stage, posted(path, raw, {"x-stormkeel-strict": "1"}))
            assert refused.status == 422
            assert f"can't be told {name}, and the request is strict" in refused.json["error"]["message"]
            assert refused.headers["x-should-retry"] == "false"
            assert [len(stage.sandbox.requests), len(stage.reserved)] == [sent, sent]
            del body[name]
            whole = await ask(
                stage, posted(path, json.dumps(body).encode(), {"x-stormkeel-strict": "1", "x-stormkeel-task": "t"})
            )
            assert [whole.status, "x-stormkeel-lossy" in whole.headers] == [200, False]

    play(story)

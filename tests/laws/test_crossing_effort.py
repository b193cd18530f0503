"""What a crossing costs grows with the body, never with its square: a caller's body is read and written on the event loop."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.values import Reading, Target, Written
from stormkeel.engine.crossing import LIMIT, lossy_header

MANY = 16_000
BUDGET = 2.0  # seconds of CPU of this process: a few times what is used, and less than what the square of it took
CHAT, MESSAGES = "openai_chat", "anthropic_messages"
USER = {"role": "user", "content": "x"}
CALLED = [{"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(MANY)]
USED = [{"type": "tool_use", "id": f"c{n}", "name": "f", "input": {}} for n in range(MANY)]
RESULTS = [{"type": "tool_result", "tool_use_id": f"c{n}", "content": "r"} for n in range(MANY)]


@pytest.mark.parametrize(("dialect", "fields"), [
    pytest.param(CHAT, {"messages": [{**USER, "name": "bob"}] * MANY}, id="chat, each turn with a loss"),
    pytest.param(CHAT, {"messages": [USER] * (3 * MANY)}, id="chat, turns of one role"),
    pytest.param(CHAT, {"messages": [USER, {"role": "assistant", "tool_calls": CALLED},
                                     *({"role": "tool", "tool_call_id": f"c{n}", "content": "r"} for n in range(MANY))]}, id="chat, calls"),
    pytest.param(CHAT, {"messages": [USER], **{f"x{n}": 1 for n in range(4 * MANY)}}, id="chat, unknown fields"),
    pytest.param(MESSAGES, {"messages": [{**USER, "name": "bob"}] * MANY}, id="messages, each turn with a loss"),
    pytest.param(MESSAGES, {"messages": [USER, {"role": "assistant", "content": USED}, {"role": "user", "content": RESULTS}]},
                 id="messages, calls"),
])  # fmt: skip
def test_large_bodies_cross_in_time(dialect: str, fields: dict[str, Any]) -> None:
    """A body of many turns, calls or losses is read and written within a small budget of CPU."""
    client = DIALECTS[dialect]
    provider = DIALECTS[MESSAGES if dialect == CHAT else CHAT]
    raw = json.dumps({"model": "m", "max_tokens": 9, **fields}).encode()
    started = time.process_time()
    reading = client.read_prompt(raw)
    assert isinstance(reading, Reading)
    written = provider.write_prompt(reading.prompt, Target("m", max_output=100), False)
    assert isinstance(written, Written)
    _, header = lossy_header(reading.lost)
    assert time.process_time() - started < BUDGET
    assert len(header) <= LIMIT + 5

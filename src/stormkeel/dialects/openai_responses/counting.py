"""How many tokens the input of a response has, by OpenAI's own count (docs/wire.md, Counting).

Never generates anything.
"""

from __future__ import annotations

from ..counting import PlainCounting

COUNTING = PlainCounting(
    "/responses/input_tokens",
    frozenset({
        "model", "input", "conversation", "instructions", "parallel_tool_calls", "personality", "previous_response_id",
        "reasoning", "text", "tool_choice", "tools", "truncation",
    }),
    "response.input_tokens",
)  # fmt: skip
"""The fields by OpenAI's SDK, `InputTokenCountParams` (3.52)."""

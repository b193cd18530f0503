"""How many tokens a message has, by Anthropic's own count (docs/wire.md, Counting).

Never generates anything.
"""

from __future__ import annotations

from ..counting import PlainCounting

COUNTING = PlainCounting(
    "/v1/messages/count_tokens",
    frozenset({
        "model", "messages", "cache_control", "output_config", "speed", "system", "thinking", "tool_choice", "tools",
    }),
)  # fmt: skip
"""The fields by Anthropic's SDK, `MessageCountTokensParams` (2.11), without the betas: no codec of ours writes them."""

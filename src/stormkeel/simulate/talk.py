"""What callers say, in three dialects: one short question, or a long conversation; each turn marked.

Never says the same twice: "[r12:3]" stands in the fourth turn of request r12 and nowhere else, so that what became of a
request on its way can be read off what arrived.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from .evidence import Call

if TYPE_CHECKING:
    from .caller import Habits

Wire = dict[str, Any]
LONG, LENGTH = (2, 20), (5, 70)
"""Answers that a long conversation has had, and how many times each turn says what it says: some 8,000 tokens in the middle."""
SAID = "what is the weather at sea? "


def written(call: Call, rng: Random, habits: Habits) -> bytes:
    """Return the body of a request, and note on it what is asked."""
    is_long = rng.random() < habits.talkers
    call.turns = 1 + 2 * rng.randrange(*LONG) if is_long else 1  # the user has the last word
    call.has_system = is_long and rng.random() < 0.5
    beginning = {"bad": "nonsense ", "forbidden": "forbidden "}.get(call.ask, "")
    lengths = [rng.randrange(*LENGTH) if is_long else rng.randrange(1, 12) for _ in range(call.turns)]
    texts = [f"[{call.id}:{number}] {beginning}{SAID * length}" for number, length in enumerate(lengths)]
    turns = [{"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(texts)]
    asked = _ADDRESSED[call.dialect](call, turns, rng.choice((None, 150, 400)))
    if call.stream:
        asked["stream"] = True
        if call.dialect == "openai_chat" and rng.random() < 0.5:
            asked["stream_options"] = {"include_usage": True}
    return json.dumps(asked).encode()


def _instructions(call: Call) -> str:
    return f"[{call.id}:s] be brief"


def _chat(call: Call, turns: list[Wire], limit: int | None) -> Wire:
    first = [{"role": "system", "content": _instructions(call)}] if call.has_system else []
    return {"model": call.route, "messages": [*first, *turns], **({"max_completion_tokens": limit} if limit else {})}


def _message(call: Call, turns: list[Wire], limit: int | None) -> Wire:
    first = {"system": _instructions(call)} if call.has_system else {}
    return {"model": call.route, "max_tokens": limit or 1000, **first, "messages": turns}


def _response(call: Call, turns: list[Wire], limit: int | None) -> Wire:
    first = {"instructions": _instructions(call)} if call.has_system else {}
    said: Any = turns if len(turns) > 1 else turns[0]["content"]
    return {"model": call.route, "store": False, **first, "input": said, **({"max_output_tokens": limit} if limit else {})}


_ADDRESSED = {"openai_chat": _chat, "anthropic_messages": _message, "openai_responses": _response}

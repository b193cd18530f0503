"""What callers say, in three dialects: one short question, or a long conversation; each turn marked.

Never says the same twice: "[r12:3]" stands in the fourth turn of request r12 and nowhere else, so that what became of a
request on its way can be read off what arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from .evidence import Call
from .speech import TOOL

if TYPE_CHECKING:
    from .caller import Habits

Wire = dict[str, Any]
LONG, LENGTH = (2, 20), (10, 140)
"""Answers that a long conversation has had, and how many times each turn says what it says: some 10,000 tokens in the middle."""
SAID = "what is the weather at sea? "


def written(call: Call, rng: Random, habits: Habits) -> bytes:
    """Return the body of a request, and note on it what is asked."""
    is_long = rng.random() < habits.talkers
    call.turns = 1 + 2 * rng.randrange(*LONG) if is_long else 1  # the user has the last word
    call.has_system = is_long and rng.random() < 0.5
    call.offers, call.formed = rng.random() < habits.makers, rng.random() < habits.formal
    beginning = {"bad": "nonsense ", "forbidden": "forbidden "}.get(call.ask, "")
    lengths = [rng.randrange(*LENGTH) if is_long else rng.randrange(1, 12) for _ in range(call.turns)]
    texts = [f"[{call.id}:{number}] {beginning}{SAID * length}" for number, length in enumerate(lengths)]
    asked = _ADDRESSED[call.dialect](call, texts, rng.choice((None, 150, 400)))
    asked |= _TOOLS[call.dialect] if call.offers else {}
    asked |= _FORMS[call.dialect] if call.formed else {}
    if call.stream:
        asked["stream"] = True
        if call.dialect == "openai_chat" and rng.random() < 0.5:
            asked["stream_options"] = {"include_usage": True}
    return json.dumps(asked).encode()


def called(call: Call, number: int) -> bool:
    """Does a turn of a conversation call a tool, which the turn after it answers?"""
    return call.offers and number % 4 == 1 and number + 2 < call.turns


def _instructions(call: Call) -> str:
    return f"[{call.id}:s] be brief"


def _turns(call: Call, texts: list[str], write: Callable[[str, int], tuple[Wire, Wire]]) -> list[Wire]:
    """Return the turns, those of tools as a dialect writes them."""
    turns: list[Wire] = [{"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(texts)]
    for number in range(1, len(texts), 2):
        if called(call, number):
            made, answered = write(texts[number], number)
            turns[number : number + 2] = made, {**answered, _SAYS[call.dialect]: texts[number + 1]}
    return turns


_SAYS = {"openai_chat": "content", "anthropic_messages": "content", "openai_responses": "output"}


def _chat(call: Call, texts: list[str], limit: int | None) -> Wire:
    def write(text: str, number: int) -> tuple[Wire, Wire]:
        asked = {"id": f"call_{number}", "type": "function", "function": {"name": TOOL, "arguments": json.dumps({"mark": text})}}
        return {"role": "assistant", "tool_calls": [asked]}, {"role": "tool", "tool_call_id": f"call_{number}"}

    first = [{"role": "system", "content": _instructions(call)}] if call.has_system else []
    limited = {"max_completion_tokens": limit} if limit else {}
    return {"model": call.route, "messages": [*first, *_turns(call, texts, write)], **limited}


def _message(call: Call, texts: list[str], limit: int | None) -> Wire:
    def write(text: str, number: int) -> tuple[Wire, Wire]:
        asked = {"type": "tool_use", "id": f"toolu_{number}", "name": TOOL, "input": {"mark": text}}
        return {"role": "assistant", "content": [asked]}, {"type": "tool_result", "tool_use_id": f"toolu_{number}"}

    first = {"system": _instructions(call)} if call.has_system else {}
    turns = [{"role": "user", "content": [turn]} if "type" in turn else turn for turn in _turns(call, texts, write)]
    return {"model": call.route, "max_tokens": limit or 1000, **first, "messages": turns}


def _response(call: Call, texts: list[str], limit: int | None) -> Wire:
    def write(text: str, number: int) -> tuple[Wire, Wire]:
        asked = {"type": "function_call", "call_id": f"call_{number}", "name": TOOL, "arguments": json.dumps({"mark": text})}
        return asked, {"type": "function_call_output", "call_id": f"call_{number}"}

    first = {"instructions": _instructions(call)} if call.has_system else {}
    said: Any = _turns(call, texts, write) if len(texts) > 1 else texts[0]
    return {"model": call.route, "store": False, **first, "input": said, **({"max_output_tokens": limit} if limit else {})}


_ADDRESSED = {"openai_chat": _chat, "anthropic_messages": _message, "openai_responses": _response}
_TAKES: Wire = {"type": "object", "properties": {"mark": {"type": "string"}}, "required": ["mark"], "additionalProperties": False}
_TOOLS: dict[str, Wire] = {
    "openai_chat": {"tools": [{"type": "function", "function": {"name": TOOL, "parameters": _TAKES}}]},
    "anthropic_messages": {"tools": [{"name": TOOL, "input_schema": _TAKES}]},
    "openai_responses": {"tools": [{"type": "function", "name": TOOL, "parameters": _TAKES, "strict": False}]},
}
_FORM: Wire = {"name": "said", "schema": _TAKES, "strict": True}
_FORMS: dict[str, Wire] = {
    "openai_chat": {"response_format": {"type": "json_schema", "json_schema": _FORM}},
    "anthropic_messages": {"output_config": {"format": {"type": "json_schema", "schema": _TAKES}}},
    "openai_responses": {"text": {"format": {"type": "json_schema", **_FORM}}},
}

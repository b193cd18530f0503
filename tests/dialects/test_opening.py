"""How a conversation begins, by its body's beginning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.opening import WINDOW, Beginning, opening

SYSTEM, ASKED, SAID, MORE = "You are a pilot.", "Where is the lighthouse?", "North.", "How far?"
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"system": {"type": "string"}}}}

BODIES: dict[str, Any] = {
    "openai_chat": lambda system, *turns: {
        "messages": [{"role": "system", "content": system}, *({"role": r, "content": t} for r, t in turns)], "tools": [TOOL],
    },
    "openai_chat_parts": lambda system, *turns: {
        "messages": [
            {"content": [{"type": "text", "text": system}], "role": "developer"},
            *({"content": [{"type": "text", "text": t}], "role": r} for r, t in turns),
        ],
        "tools": [TOOL],
    },
    "openai_responses": lambda system, *turns: {
        "instructions": system, "input": [{"role": r, "content": [{"type": "input_text", "text": t}]} for r, t in turns],
        "tools": [TOOL],
    },
    "anthropic_messages": lambda system, *turns: {
        "max_tokens": 9, "messages": [{"role": r, "content": t} for r, t in turns],
        "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}], "tools": [TOOL],
    },
    "gemini": lambda system, *turns: {
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": [{"role": {"assistant": "model"}.get(r, r), "parts": [{"text": t}]} for r, t in turns],
        "tools": [TOOL],
    },
}  # fmt: skip


def key(body: dict[str, Any], beginning: Beginning = "conversation") -> bytes:
    """Return a body's key."""
    return opening(json.dumps(body).encode(), beginning)


@pytest.mark.parametrize("shape", BODIES)
def test_later_turns_and_settings_leave_the_key(shape: str) -> None:
    """A conversation keeps its key as it grows, whatever else its requests say."""
    first = key(BODIES[shape](SYSTEM, ("user", ASKED)))
    grown = BODIES[shape](SYSTEM, ("user", ASKED), ("assistant", SAID), ("user", MORE)) | {"temperature": 0.5, "stream": True}
    assert len(first) == 16
    assert key(grown) == first


@pytest.mark.parametrize("shape", BODIES)
def test_another_beginning_has_another_key(shape: str) -> None:
    """System prompt and first turn of the user both count."""
    made = {key(BODIES[shape](system, ("user", asked))) for system in (SYSTEM, "Be brief.") for asked in (ASKED, MORE)}
    assert len(made) == 4


@pytest.mark.parametrize("shape", BODIES)
def test_a_prefix_is_tools_and_system_prompt_alone(shape: str) -> None:
    """Many conversations share it; another system prompt or another tool is another prefix."""
    make = BODIES[shape]
    one = key(make(SYSTEM, ("user", ASKED)), "prefix")
    assert key(make(SYSTEM, ("user", MORE), ("assistant", SAID), ("user", MORE)), "prefix") == one != b""
    assert key(make("Be brief.", ("user", ASKED)), "prefix") != one
    assert key(make(SYSTEM, ("user", ASKED)) | {"tools": [TOOL, TOOL]}, "prefix") != one


def test_marks_of_a_cache_that_move_leave_the_key() -> None:
    """Clients put `cache_control` on the last turn: the first one loses it, and is still the same."""
    part = {"type": "text", "text": ASKED}
    marked = {"messages": [{"role": "user", "content": [part | {"cache_control": {"type": "ephemeral"}}]}]}
    assert key({"messages": [{"role": "user", "content": [part]}, {"role": "assistant", "content": SAID}]}) == key(marked)


def test_a_bare_text_is_the_users_turn() -> None:
    """Responses take the input as one text."""
    assert key({"input": ASKED, "instructions": SYSTEM}) == key({"instructions": SYSTEM, "input": ASKED, "store": False})
    assert key({"input": ASKED}) != key({"input": MORE})
    assert key({"input": ASKED}, "prefix") == b""


def test_what_lies_beyond_the_window_does_not_count_and_is_not_read() -> None:
    """A huge first turn is known by its first 32 KiB, and the braces in it are nobody's."""
    huge = ('}]"\\ {' * WINDOW)[: 4 * WINDOW]
    one, other = ({"messages": [{"role": "user", "content": huge + end}]} for end in "ab")
    assert key(one) == key(other)
    assert key({"messages": [{"role": "user", "content": "x" + huge}]}) != key(one)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"{}", b'{"messages": 7}', b'{"messages": null}', b'{"messages": []}', b"\xff", b"[" * 9000]
)
def test_a_body_that_says_nothing_has_no_key(raw: bytes) -> None:
    """It is not refused here: whoever reads it says what is wrong."""
    assert opening(raw, "conversation") == b""
    assert opening(raw, "prefix") == b""

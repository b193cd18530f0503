"""Turns of the usual form are read in one look (`usual`), and any other by its fields: both must come to the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.assemble.known import DIALECTS
from stormkeel.dialects.values import Reading

TEXTS = st.sampled_from(["", "a", "\u2028é", " "])
ODD: Any = st.sampled_from([None, 0, True, "", "x", [], {}, {"a": None}])
SKIP = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
ARGUMENTS = st.sampled_from([{}, {"a": 1.0}])
ANSWERS = st.sampled_from([{}, {"output": "x"}, {"output": ""}, {"output": 1.0}, {"error": "y"}, {"a": 1, "output": 2}])
Objects = Callable[[dict[str, Any], dict[str, Any]], Any]


def usual(always: dict[str, Any], maybe: dict[str, Any]) -> Any:
    """Objects of the fields that must be there, and some of those that may."""
    return st.fixed_dictionaries(always, optional=maybe)


def spoilt(always: dict[str, Any], maybe: dict[str, Any]) -> Any:
    """Objects of which one field may be odd, missing or beside the usual."""
    made, names = usual(always, maybe), st.sampled_from([*always, *maybe, "beside"])
    odd = st.builds(lambda told, name, value: told | {name: value}, made, names, ODD)
    lacking = st.builds(lambda told, gone: {name: value for name, value in told.items() if name != gone}, made, names)
    return st.one_of(made, made, odd, lacking)


def messages(objects: Objects) -> Any:
    """Turns of a messages body."""
    marked = {"cache_control": objects({"type": st.just("ephemeral")}, {"ttl": st.sampled_from(["5m", "1h"])})}
    text = objects({"type": st.just("text"), "text": TEXTS}, {**marked, "citations": st.none()})
    content = st.one_of(TEXTS, st.lists(text, max_size=2))
    result = {**marked, "content": content, "is_error": st.booleans()}
    call = {**marked, "caller": objects({"type": st.just("direct")}, {})}
    said = st.one_of(
        text,
        objects({"type": st.just("thinking"), "thinking": TEXTS}, {"signature": TEXTS}),
        objects({"type": st.just("tool_use"), "id": TEXTS, "name": TEXTS, "input": ARGUMENTS}, call),
    )
    heard = st.one_of(text, objects({"type": st.just("tool_result"), "tool_use_id": TEXTS}, result))
    return st.one_of(
        objects({"role": st.just("assistant"), "content": st.lists(said, max_size=3)}, {}),
        objects({"role": st.just("user"), "content": st.lists(heard, max_size=3)}, {}),
        objects({"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXTS}, {}),
    )


def contents(objects: Objects) -> Any:
    """Turns of a generateContent body; each answers calls of the turn before it, or of none."""
    signed = {"thoughtSignature": st.sampled_from([SKIP, SKIP.rstrip("="), "c2ln"])}
    text = objects({"text": TEXTS}, {"thought": st.booleans(), **signed})
    call = objects({"functionCall": objects({"name": st.just("f")}, {"id": TEXTS, "args": ARGUMENTS})}, signed)
    answer = objects({"name": st.just("f")}, {"id": TEXTS, "response": ANSWERS})
    said = objects({"role": st.just("model"), "parts": st.lists(st.one_of(text, call), max_size=3)}, {})
    heard = st.one_of(text, objects({"functionResponse": answer}, {}))
    return st.one_of(said, said, objects({"role": st.sampled_from(["user", "tool"]), "parts": st.lists(heard, max_size=2)}, {}))


BODIES: dict[str, tuple[str, Callable[[Objects], Any], dict[str, Any]]] = {
    "anthropic_messages": ("messages", messages, {"model": "m", "max_tokens": 9}),
    "gemini": ("contents", contents, {}),
}


def read(name: str, body: dict[str, Any]) -> Any:
    """What a body is read as: the prompt and what is lost of it, or why it is refused."""
    reading = DIALECTS[name].read_prompt(json.dumps(body).encode())
    return (reading.prompt, reading.lost) if isinstance(reading, Reading) else reading


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("objects", [usual, spoilt])
def test_the_usual_form_and_the_fields_read_alike(name: str, objects: Objects) -> None:
    """A null beside a turn, which says nothing, has it read by its fields, and changes neither the prompt nor what is told."""
    field, turns, rest = BODIES[name]

    @settings(max_examples=200)
    @given(st.lists(turns(objects), max_size=3))
    def holds(told: list[dict[str, Any]]) -> None:
        assert read(name, rest | {field: told}) == read(name, rest | {field: [turn | {"nothing": None} for turn in told]})

    holds()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("turn", ['"x"', "1", "[]", "null"])
def test_a_turn_that_is_none_is_refused_by_its_path(name: str, turn: str) -> None:
    """A turn that is no object is refused with its place in the list."""
    field, _, rest = BODIES[name]
    usual = '{"role": "user", "content": "hi"}' if field == "messages" else '{"role": "user", "parts": [{"text": "hi"}]}'
    body = json.dumps(rest | {field: []}).replace("[]", f"[{usual}, {turn}]").encode()
    refused = DIALECTS[name].read_prompt(body)
    assert not isinstance(refused, Reading)
    assert refused.status == 400
    assert f"{field}[1]" in refused.message

"""Turns as nearly all of them are, texts, thoughts, calls and their results, read in one look instead of name by name.

Never judges: a turn that has anything else in it, or anything of another type, is None here, and `turns` reads it by its fields,
which knows what to refuse and what to tell as lost.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from ...types.content import CacheLife, Part, Role, Text, Thinking, ToolCall, ToolResult
from .fields import Fields


class _Mark(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["ephemeral"]  # no tag: where there is nothing else to choose, that may be left out
    ttl: Literal["5m", "1h"] = "5m"


class _Direct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["direct"]


class _Text(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="text", gc=False):
    text: str
    cache_control: _Mark | None = None
    citations: None = None


class _Thinking(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="thinking", gc=False):
    thinking: str
    signature: str = ""


class _Call(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="tool_use", gc=False):
    id: str
    name: str
    input: Raw
    cache_control: _Mark | None = None
    caller: _Direct | None = None


class _Told(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A text in a result."""

    type: Literal["text"]
    text: str
    cache_control: _Mark | None = None
    citations: None = None


class _Result(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="tool_result", gc=False):
    tool_use_id: str
    content: str | list[_Told] = ""
    is_error: bool = False
    cache_control: _Mark | None = None


_Block = _Text | _Thinking | _Call | _Result


class _Turn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant"]
    content: str | list[_Block]


Turn = tuple[Role, list[Part]]
_decode = msgspec.json.Decoder(_Turn).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode


def read_messages(body: Fields, name: str) -> list[Turn | Fields]:
    """Return the turns of a body, read where they are as usual."""
    told = body.look(name)
    try:
        raws = _decode_list(told) if told.startswith(b"[") else None
    except (ValueError, RecursionError):
        raws = None
    if raws is None:
        return [*body.children(name)]  # none, or wrong, and it says so
    body.skip(name)
    return [_read(raw) or body.child_of(name, place, raw) for place, raw in enumerate(raws)]


def _read(raw: Raw) -> Turn | None:
    try:
        turn = _decode(raw)
    except (ValueError, RecursionError):
        return None
    if isinstance(turn.content, str):
        return turn.role, ([Text(turn.content)] if turn.content else [])
    read = _answered if turn.role == "assistant" else _asked
    parts: list[Part] = []
    for block in turn.content:
        part = read(block)
        if part is None:
            return None
        parts.append(part)
    return turn.role, parts


def _answered(block: _Block) -> Part | None:
    if type(block) is _Text:
        return Text(block.text, _life(block.cache_control))
    if type(block) is _Call:
        arguments = bytes(block.input)
        if not arguments.startswith(b"{"):
            return None
        return ToolCall(block.id, block.name, arguments.decode(), cache=_life(block.cache_control))
    return Thinking(block.thinking, block.signature) if type(block) is _Thinking else None


def _asked(block: _Block) -> Part | None:
    if type(block) is _Text:
        return Text(block.text, _life(block.cache_control))
    if type(block) is not _Result:
        return None
    return ToolResult(block.tool_use_id, _results(block.content), block.is_error, _life(block.cache_control))


def _results(told: str | list[_Told]) -> tuple[Text, ...]:
    if isinstance(told, str):
        return (Text(told),) if told else ()
    return tuple([Text(one.text, _life(one.cache_control)) for one in told])


def _life(mark: _Mark | None) -> CacheLife:
    if mark is None:
        return ""
    return "short" if mark.ttl == "5m" else "long"

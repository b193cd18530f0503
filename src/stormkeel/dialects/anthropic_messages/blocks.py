"""Parts of a conversation, written as content blocks.

Never orders them: that is `order`. Empty texts are left out, for this API refuses them (docs/wire.md, Across
dialects); what a block can't say is noted as lost, and what would be missed is refused.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from ...types.content import Audio, CacheLife, File, Image, Message, Part, Refusal, Role, Text, Thinking, ToolCall, ToolResult
from ..lost import Losses
from ..seal import is_sealed
from ..uncrossed import give_up, refuse
from .wire import IMAGE_TYPES, PDF, PLAIN, Block, read_arguments, tool_id

_MARKS: Mapping[CacheLife, Block] = {"short": {"type": "ephemeral"}, "long": {"type": "ephemeral", "ttl": "1h"}}
_ALL: frozenset[Role] = frozenset({"system", "user", "assistant"})
_USER: frozenset[Role] = frozenset({"user"})
_ASSISTANT: frozenset[Role] = frozenset({"assistant"})
_PLACES: Mapping[type, frozenset[Role]] = {
    Text: _ALL, Image: _USER, File: _USER, Audio: _USER, ToolResult: _USER,
    Thinking: _ASSISTANT, ToolCall: _ASSISTANT, Refusal: _ASSISTANT,
}  # fmt: skip


def write_blocks(message: Message, lost: Losses) -> list[Block]:
    """Return a turn's blocks; a part given as a dict is one already. A Failure is raised for what can't be said."""
    if isinstance(message.content, str):
        return _text(message.content)
    for part in message.content:
        _check_place(part, message.role)
    return _write_all(message.content, lost)


def mark(block: Block, life: CacheLife) -> Block:
    """Return a block, or a tool, with its cache mark."""
    return block | {"cache_control": _MARKS[life]} if life else block


def _check_place(part: Part | dict[str, Any], role: Role) -> None:
    if not isinstance(part, dict) and role not in _PLACES[type(part)]:
        give_up(
            f'{type(part).__name__} stands in a turn of role "{role}", and the messages dialect has no place for it there: '
            f'put it into one of role "{min(_PLACES[type(part)])}"'
        )


def _write_all(parts: Sequence[Part | dict[str, Any]], lost: Losses) -> list[Block]:
    return [block for part in parts for block in _write(part, lost)]


def _write(part: Part | dict[str, Any], lost: Losses) -> list[Block]:
    match part:
        case dict():
            return [part]
        case Text(text=text, cache=life):
            return [mark(block, life) for block in _text(text)]
        case Refusal(text=text):
            return _text(text)
        case Thinking():
            return _thinking(part, lost)
        case Audio():
            give_up("no model behind the messages dialect hears sound: send its words as text, or ask a model that hears")
    return [_write_one(part, lost)]


def _write_one(part: Image | File | ToolCall | ToolResult, lost: Losses) -> Block:
    if isinstance(part, ToolCall):
        return _tool_use(part, lost)
    if isinstance(part, ToolResult):
        return mark(_tool_result(part, lost), part.cache)
    return mark(_image(part, lost) if isinstance(part, Image) else _document(part, lost), part.cache)


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _image(image: Image, lost: Losses) -> Block:
    if image.detail not in ("", "auto"):
        lost.add("detail")
    if image.url:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    media = image.media_type.lower().replace("image/jpg", "image/jpeg")
    if media not in IMAGE_TYPES:
        give_up(f'a picture of type "{image.media_type}" is not read by the messages dialect: send JPEG, PNG, GIF or WebP')
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": image.data}}


def _document(file: File, lost: Losses) -> Block:
    block: Block = {"type": "document", "source": _source(file, lost)}
    return block | {"title": file.name} if file.name else block


def _source(file: File, lost: Losses) -> Block:
    if file.url:
        return {"type": "url", "url": file.url}
    if file.media_type == PDF:
        return {"type": "base64", "media_type": PDF, "data": file.data}
    if not file.media_type.startswith("text/"):
        give_up(f'a file of type "{file.media_type}" is not read by the messages dialect: send PDF or text')
    if file.media_type != PLAIN:
        lost.add("media_type")
    try:
        text = b64decode(file.data, validate=True).decode()
    except (binascii.Error, ValueError):
        refuse("a text file holds no base64 of UTF-8 text: encode it so", "invalid_value")
    return {"type": "text", "media_type": PLAIN, "data": text}


def _thinking(thinking: Thinking, lost: Losses) -> list[Block]:
    if thinking.redacted and not is_sealed(thinking.redacted):
        return [{"type": "redacted_thinking", "data": thinking.redacted}]
    if thinking.signature and not is_sealed(thinking.signature):
        return [{"type": "thinking", "thinking": thinking.text, "signature": thinking.signature}]
    lost.add("thinking")  # unsigned, or sealed by us: it comes from another provider's model, and this one would refuse it
    return []


def _tool_use(call: ToolCall, lost: Losses) -> Block:
    arguments = None if call.custom else read_arguments(call.arguments)
    if arguments is None:
        lost.add("custom" if call.custom else "arguments")
    block: Block = {"type": "tool_use", "id": tool_id(call.id), "name": call.name, "input": wrap(call.arguments, arguments)}
    return mark(block, call.cache)


def wrap(text: str, arguments: object) -> object:
    """Return a call's input: its arguments, or where they are no JSON object the text in one, as `custom` tools have it."""
    return {"input": text} if arguments is None else arguments


def _tool_result(result: ToolResult, lost: Losses) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(result.call_id)}
    content = _write_all(result.content, lost)
    match content:
        case []:
            pass
        case [{"type": "text", "text": text, **rest}] if not rest:
            block["content"] = text
        case _:
            block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block

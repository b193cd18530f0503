"""A whole message: read into canonical form, and written for a client (docs/wire.md, Across dialects).

Never meets a stream, which shares with it the words for why an answer ended. Blocks of tools that ran at Anthropic are passed
over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.response import Answered, Finish, Response
from ...types.usage import Usage
from ..reader import convert, read_loosely
from ..values import Head
from .blocks import wrap
from .usage import MessageUsage, read_usage, write_usage
from .wire import Block, encode, read_arguments, tool_id

FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "refusal": Finish.REFUSAL,
    "pause_turn": Finish.PAUSE,
}
REASONS = {
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.CONTENT_FILTER: "refusal",
    Finish.REFUSAL: "refusal",
    Finish.PAUSE: "pause_turn",
}
"""`stop_reason` by finish; any other is "end_turn", or what the content says."""

CITATIONS = "citations"
REFUSED: Block = {"type": "refusal", "category": None, "explanation": None}


class _Block(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    data: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    citations: Any = None


class StopDetails(msgspec.Struct, gc=False):
    """More about why the model stopped; today only for a refusal."""

    explanation: str | None = None


class _Body(msgspec.Struct, gc=False):
    content: list[_Block]
    type: Any
    id: Any = ""
    model: Any = ""
    stop_reason: Any = None
    stop_sequence: Any = None
    stop_details: Any = None
    usage: Any = None


_bodies = msgspec.json.Decoder(_Body)


def read_finish(reason: object) -> Finish | None:
    """Return why an answer ended, None where nobody said."""
    return FINISHES.get(str(reason), Finish.OTHER) if reason else None


def read_explanation(details: object) -> str:
    """Return the provider's words for a refusal, "" where there are none."""
    told = convert(details, StopDetails) if details else None
    return (told.explanation if told else None) or ""


def read_response(body: bytes) -> Response | None:
    """Read a whole answer, None where it is no message."""
    told = _decode(body)
    if told is None or told.type != "message":
        return None
    usage = convert(told.usage, MessageUsage) if told.usage else None
    parts = [part for part in map(_read_block, told.content) if part is not None]
    explanation = read_explanation(told.stop_details)
    if explanation:
        parts.append(Refusal(explanation))
    stop = told.stop_sequence if isinstance(told.stop_sequence, str) else ""
    return Response(
        str(told.id or ""), str(told.model or ""), tuple(_joined(parts)), read_finish(told.stop_reason),
        read_usage(usage) if usage else None, stop, _beyond(told.content),
    )  # fmt: skip


def _beyond(blocks: Iterable[_Block]) -> tuple[str, ...]:
    """Return what some blocks say that has no place in a response: what they are, or their citations."""
    beyond = [block for block in blocks if block.citations or not is_read(block.type)]
    names = [CITATIONS if is_read(block.type) else _text(block.type) for block in beyond]
    return tuple(dict.fromkeys(filter(None, names)))


def is_read(type_: object) -> bool:
    """Has a block of this type a place in a response?"""
    return type_ in ("text", "thinking", "redacted_thinking", "tool_use")


def write_response(response: Response, head: Head) -> bytes:
    """Write a whole answer. Where nobody reported usage, the input is our estimate and the output 0."""
    content = [block for place, part in enumerate(response.content) for block in _write_part(part, place, head)]
    refused = any(isinstance(part, Refusal) for part in response.content)
    message = write_message(response.id, response.model, response.usage, head) | {"content": content}
    return encode(message | write_ending(response.finish, response.stop, bool(response.tool_calls), refused))


def write_message(id_: str, model: str, usage: Usage | None, head: Head) -> Block:
    """Return a message that has not begun: its id is the provider's where that fits this dialect, else ours."""
    told = write_usage(Usage(input=head.input_estimate) if usage is None else usage)
    return {
        "id": id_ if id_.startswith("msg_") else f"msg_{own_id(head)}", "type": "message", "role": "assistant",
        "model": model or head.model, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None,
        "usage": told,
    }  # fmt: skip


def own_id(head: Head) -> str:
    """Return the part of our id that other ids are made from."""
    return head.id.removeprefix("req_")


def write_ending(finish: Finish | None, stop: str, has_calls: bool, refused: bool) -> Block:
    """Return why an answer ended: `stop_reason` and what belongs to it."""
    ended = finish in (Finish.STOP, None)
    reason = REASONS.get(finish, "end_turn") if finish is not None else "end_turn"
    if ended and refused:
        reason = "refusal"
    elif ended and has_calls:
        reason = "tool_use"
    elif ended and stop:
        reason = "stop_sequence"
    return {
        "stop_reason": reason, "stop_sequence": stop if reason == "stop_sequence" else None,
        "stop_details": REFUSED if reason == "refusal" else None,
    }  # fmt: skip


def own_tool_id(id_: str, place: int, head: Head) -> str:
    """Return a tool call's id for a client; a provider that gave none is given ours."""
    return tool_id(id_) if id_ else f"toolu_{own_id(head)}_{place}"


def _decode(body: bytes) -> _Body | None:
    try:
        return _bodies.decode(body)
    except (ValueError, RecursionError):
        told = read_loosely(body)
    blocks = told.get("content") if told is not None else None
    if isinstance(blocks, list):
        for block in blocks:
            if isinstance(block, dict) and "input" in block:
                block["input"] = msgspec.Raw(json.dumps(block["input"]).encode())
    return convert(told, _Body)


def _read_block(block: _Block) -> Answered | None:
    match block.type:
        case "text" if isinstance(block.text, str) and block.text:
            return Text(block.text)
        case "thinking":
            thinking = Thinking(_text(block.thinking), _text(block.signature))
            return thinking if thinking.text or thinking.signature else None
        case "redacted_thinking":
            return Thinking(redacted=_text(block.data))
        case "tool_use":
            return ToolCall(_text(block.id), _text(block.name), bytes(block.input).decode())
    return None


def _text(told: object) -> str:
    return told if isinstance(told, str) else ""


def _joined(parts: Iterable[Answered]) -> Iterable[Answered]:
    """Yield the parts, neighbouring texts as one."""
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            yield Text("".join(texts))
            texts = []
        yield part
    if texts:
        yield Text("".join(texts))


def _write_part(part: Answered, place: int, head: Head) -> Iterable[Block]:
    match part:
        case Text(text=text) | Refusal(text=text):
            if text:
                yield {"type": "text", "text": text, "citations": None}
        case Thinking(redacted=redacted) if redacted:
            yield {"type": "redacted_thinking", "data": redacted}
        case Thinking(text=text, signature=signature):
            yield {"type": "thinking", "thinking": text, "signature": signature}
        case ToolCall(name=name, arguments=text):
            arguments = None if part.custom else read_arguments(text)
            yield {"type": "tool_use", "id": own_tool_id(part.id, place, head), "name": name, "input": wrap(text, arguments)}

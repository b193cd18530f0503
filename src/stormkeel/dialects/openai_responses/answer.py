"""A whole response: read into canonical form, and written for a client (docs/wire.md, Across dialects).

Never meets a stream, which shares with it the items and the words for why an answer ended. Items of tools that ran at the
provider are passed over.

    Thinking -> reasoning    Text, Refusal ... -> message    ToolCall -> function_call, custom_tool_call
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import groupby
from typing import Any

import msgspec

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.response import Answered, Finish, Response
from ...types.usage import Usage
from ..json import write_json
from ..reader import convert, read_loosely
from ..seal import carry, seal
from ..values import Head
from .usage import ResponseUsage, read_usage, write_usage

Wire = dict[str, Any]

CALLS = frozenset({"function_call", "custom_tool_call"})
ANNOTATIONS = "annotations"
_READ = CALLS | {"message", "reasoning"}

SEPARATOR = "\n\n"
"""Between the parts of a summary."""

_REASONS = {"max_output_tokens": Finish.LENGTH, "content_filter": Finish.CONTENT_FILTER}
_ENDED = frozenset({"completed", "complete"})
_RUNNING = frozenset({"queued", "in_progress", ""})


class _Body(msgspec.Struct, gc=False):
    output: list[dict[str, Any]]
    id: Any = ""
    object: Any = None
    model: Any = ""
    status: Any = ""
    incomplete_details: Any = None
    usage: Any = None


_bodies = msgspec.json.Decoder(_Body)


def read_response(body: bytes) -> Response | None:
    """Read a whole answer, None where it is no response."""
    try:
        told: _Body | None = _bodies.decode(body)
    except (ValueError, RecursionError):
        told = convert(read_loosely(body), _Body)
    if told is None or told.object not in ("response", None):
        return None
    id_, model = string(told.id), string(told.model)
    content = tuple(_joined(read_items(told.output, id_, model)))
    usage = convert(told.usage, ResponseUsage) if told.usage else None
    kinds = {type(part) for part in content}
    finish = finish_of(told.status, told.incomplete_details, kinds)
    lost = tuple(dict.fromkeys(name for item in told.output for name in beyond(item)))
    return Response(id_, model, content, finish, read_usage(usage) if usage else None, lost=lost)


def finish_of(status: object, details: object, kinds: Set[type[Answered]]) -> Finish | None:
    """Return why an answer ended, None while it has not, by its status and what it says (docs/wire.md, OpenAI responses)."""
    status = string(status)
    if status in _RUNNING:
        return None
    if status == "incomplete":
        reason = details.get("reason") if isinstance(details, dict) else None
        return _REASONS.get(string(reason), Finish.OTHER)
    if status not in _ENDED:
        return Finish.OTHER
    if Refusal in kinds:
        return Finish.REFUSAL
    return Finish.TOOL_CALLS if ToolCall in kinds else Finish.STOP


def beyond(item: Wire) -> Iterator[str]:
    """Yield what an item says that has no place in a response: what it is, or that it is annotated."""
    kind = string(item.get("type"))
    if kind and kind not in _READ:
        yield kind
    if kind == "message" and any(part.get(ANNOTATIONS) for part in objects(item.get("content"))):
        yield ANNOTATIONS


def read_items(items: Sequence[Wire], answer_id: str, model: str) -> Iterator[Answered]:
    """Yield what the items of an answer say."""
    for place, item in enumerate(items):
        yield from read_item(item, minted(answer_id, place), model)


def read_item(item: Wire, own_id: str, model: str) -> Iterator[Answered]:
    """Yield what one item says.

    Args:
        item: as the provider has it.
        own_id: of a call that has none.
        model: who made it.
    """
    match item.get("type"):
        case "message":
            yield from filter(None, map(_read_said, objects(item.get("content"))))
        case "reasoning":
            thinking = Thinking(thought_of(item), sealed(item, model))
            if thinking.text or thinking.signature:
                yield thinking
        case "function_call":
            yield ToolCall(call_id_of(item) or own_id, string(item.get("name")), arguments_of(item))
        case "custom_tool_call":
            yield ToolCall(call_id_of(item) or own_id, string(item.get("name")), string(item.get("input")), custom=True)


def _read_said(part: Wire) -> Text | Refusal | None:
    text, refusal = string(part.get("text")), string(part.get("refusal"))
    return Refusal(refusal) if refusal else Text(text) if text else None


def thought_of(item: Wire) -> str:
    """Return the text of a reasoning item: what other servers than OpenAI's show of it, then its summary."""
    parts = (*objects(item.get("content")), *objects(item.get("summary")))
    return SEPARATOR.join(filter(None, (string(part.get("text")) for part in parts)))


def sealed(item: Wire, model: str) -> str:
    """Return the signature of a reasoning item, "" where nothing of it was encrypted."""
    return seal(model, string(item.get("id")), string(item.get("encrypted_content")))


def call_id_of(item: Wire) -> str:
    """Return the id of a call, "" where it has none; a server that knows one id of an item only means that."""
    return string(item.get("call_id")) or string(item.get("id"))


def arguments_of(item: Wire) -> str:
    """Return the arguments of a call; some servers send an object."""
    told = item.get("arguments")
    return write_json(told).decode() if isinstance(told, dict) else string(told)


def minted(answer_id: str, place: int) -> str:
    """Return an id for a call that came without one: the same again for the same answer, unlike any other answer's."""
    return f"call_{''.join(letter for letter in answer_id if letter.isalnum() and letter.isascii())[-24:]}_{place}"


def objects(told: object) -> list[Wire]:
    """Return the objects in a list, none where it is no list."""
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def string(value: object) -> str:
    """Return a text, "" where it is none."""
    return value if isinstance(value, str) else ""


def _joined(parts: Iterable[Answered]) -> Iterator[Answered]:
    """Yield the parts, neighbouring texts as one, and neighbouring refusals."""
    for kind, run in groupby(parts, key=type):
        if kind is Text or kind is Refusal:
            yield kind("".join(part.text for part in run if isinstance(part, Text | Refusal)))
        else:
            yield from run


# --- written


def write_response(response: Response, head: Head) -> bytes:
    """Write a whole answer."""
    refused = any(isinstance(part, Refusal) and part.text for part in response.content)
    body = write_frame(response.id, response.model, head)
    items = list(_write_items(response.content, head))
    return write_json(body | write_ending(response.finish, refused, items, response.usage))


def own_id(head: Head) -> str:
    """Return the part of our id that other ids are made from."""
    return head.id.removeprefix("req_")


def write_frame(id_: str, model: str, head: Head) -> Wire:
    """Return a response that says nothing yet: its id is the provider's where that has this form, else ours.

    What was asked for is not known here: the fields that the SDK's type demands hold what is true of every answer of ours.
    """
    return {
        "id": id_ if id_.startswith("resp_") else f"resp_{own_id(head)}", "object": "response", "created_at": head.created,
        "status": "in_progress", "background": False, "completed_at": None, "error": None, "incomplete_details": None,
        "instructions": None, "max_output_tokens": None, "metadata": {}, "model": model or head.model, "output": [],
        "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False,
        "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": None,
        "truncation": "disabled", "usage": None, "user": None,
    }  # fmt: skip


def write_ending(finish: Finish | None, refused: bool, items: list[Wire], usage: Usage | None) -> Wire:
    """Return the fields of a response that ended; the item that was cut off says so itself."""
    reason = _reason_of(finish, refused)
    if reason == "max_output_tokens" and items and "status" in items[-1]:
        items[-1] = items[-1] | {"status": "incomplete"}
    return {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": items,
        "usage": None if usage is None else write_usage(usage),
    }


def _reason_of(finish: Finish | None, refused: bool) -> str:
    """Return why an answer is incomplete, "" where it is whole: a refusal in words is; one without is a filter's work."""
    if finish is Finish.LENGTH:
        return "max_output_tokens"
    if finish is Finish.CONTENT_FILTER or (finish is Finish.REFUSAL and not refused):
        return "content_filter"
    return ""


def _write_items(content: Sequence[Answered], head: Head) -> Iterator[Wire]:
    place = 0
    for is_said, run in groupby(content, key=lambda part: isinstance(part, Text | Refusal)):
        if is_said:
            parts = [write_said(part) for part in run if isinstance(part, Text | Refusal) and part.text]
            if parts:
                yield write_message(item_id("msg", place, head), parts)
                place += 1
            continue
        for part in run:
            yield _write_one(part, place, head)
            place += 1


def item_id(kind: str, place: int, head: Head) -> str:
    """Return the id of an item by its place."""
    return f"{kind}_{own_id(head)}_{place}"


def _write_one(part: Answered, place: int, head: Head) -> Wire:
    if isinstance(part, ToolCall):
        return write_call(part, place, head)
    assert isinstance(part, Thinking)  # the others make messages
    return write_reasoning(item_id("rs", place, head), part)


def write_said(part: Text | Refusal) -> Wire:
    """Return a part of a message."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}


def write_message(id_: str, parts: list[Wire], status: str = "completed") -> Wire:
    """Return a message item."""
    return {"id": id_, "type": "message", "status": status, "role": "assistant", "content": parts}


def write_reasoning(id_: str, thinking: Thinking) -> Wire:
    """Return a reasoning item; what proves it to its maker travels in the field that clients send back."""
    summary = [{"type": "summary_text", "text": thinking.text}] if thinking.text else []
    return {"id": id_, "type": "reasoning", "summary": summary, "encrypted_content": carry(thinking)}


def write_call(call: ToolCall, place: int, head: Head, status: str = "completed") -> Wire:
    """Return a call as an item; one that came without an id is given ours. No arguments of a function are an empty object."""
    id_ = call.id or f"call_{own_id(head)}_{place}"
    if call.custom:
        return {
            "id": item_id("ctc", place, head), "type": "custom_tool_call", "status": status, "call_id": id_, "name": call.name,
            "input": call.arguments,
        }  # fmt: skip
    arguments = call.arguments or ("{}" if status == "completed" else "")
    return {
        "id": item_id("fc", place, head), "type": "function_call", "status": status, "call_id": id_, "name": call.name,
        "arguments": arguments,
    }  # fmt: skip

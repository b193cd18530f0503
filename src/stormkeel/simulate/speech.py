"""What a provider in memory says, in three dialects: whole answers, streams, errors. Cheaply made, and marked.

Never reads a request. Every word carries the attempt it is said for, "r12.1/0 " being the first word of attempt r12.1, so that
whose bytes a caller got can be read off them (INV-8).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..types.wire import Headers

MARK = re.compile(rb"(r\d+\.\d+)/(\d+) ")
TURN = re.compile(rb"\[(r\d+|route):(\d+|[sp])\]")
"""The mark of a turn of a request: "[r12:0]" is its first one, "[r12:s]" its instructions, "[route:s]" its route's own."""
_BEGUN = re.compile(rb"r\d+\.\d+/(\d+)\b")  # without the blank that may have been taken off its end
_DELTA = re.compile(rb"event: response\.(?:output_text|function_call_arguments)\.delta")
CALLED = re.compile(rb'"(?:tool_calls":\s*\[|type":\s*"(?:tool_use|function_call)")')
"""What says in each dialect that an answer calls a tool."""
TOOL = "look"
PATHS = {"/chat/completions": "openai_chat", "/messages": "anthropic_messages", "/responses": "openai_responses"}
JSON: Headers = (("content-type", "application/json"),)
SSE: Headers = (("content-type", "text/event-stream"),)
TERMINALS = {
    "openai_chat": b"data: [DONE]",
    "anthropic_messages": b"event: message_stop",
    "openai_responses": b"event: response.completed",
}  # fmt: skip


class Speech(msgspec.Struct, frozen=True):
    """One answer as frames.

    Attributes:
        head: what comes before the first word.
        words: a frame each.
        tail: what comes after the last word, usage and the terminal marker among it.
    """

    head: bytes
    words: tuple[bytes, ...]
    tail: bytes


def words_of(mark: str, numbers: range, padding: str = "") -> list[str]:
    """Return the words an attempt is answered with, under a mark; padding makes each of them long."""
    return [f"{mark}/{number} {padding}" for number in numbers]


def steady(request: str) -> int:
    """Return how many words every provider answers a request with, word for word the same; 0 where each has words of its own.

    Steady words are of "attempt 0", as in "r12.0/0 ": whoever begins anew can be spliced to what was sent.
    """
    number = int(request[1:])
    return 0 if number % 2 else 2 + number // 2 % 7


def begun(body: bytes) -> int:
    """Return how many words of an answer stand in a request that asks for the rest of it."""
    return max((int(number) + 1 for number in _BEGUN.findall(body)), default=0)


def marks_in(body: bytes, dialect: str) -> list[tuple[str, int]]:
    """Return whose words stand in what a caller got, in order, as (attempt, number); what a dialect says again is left out."""
    if dialect == "openai_responses" and not body.startswith(b"{"):
        body = b"".join(frame for frame in body.split(b"\n\n") if _DELTA.search(frame))
    return [(attempt.decode(), int(number)) for attempt, number in MARK.findall(body)]


# -- whole answers -----------------------------------------------------------------------------------------------------


def whole(dialect: str, model: str, words: Sequence[str], usage: tuple[int, int], calls: bool = False) -> bytes:
    """Return a whole answer; one that calls has its last word in the call of a tool."""
    if not calls:
        return json.dumps(_WHOLE[dialect](model, "".join(words), usage)).encode()
    return json.dumps(_CALLING[dialect](_WHOLE[dialect](model, "".join(words[:-1]), usage), words[-1])).encode()


def _chat(model: str, text: str, usage: tuple[int, int]) -> dict[str, Any]:
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [said],
        "usage": _chat_usage(usage),
    }  # fmt: skip


def _chat_usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _message(model: str, text: str, usage: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
    }  # fmt: skip


def _response(model: str, text: str, usage: tuple[int, int], status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    done = status == "completed"
    tokens = {
        "input_tokens": usage[0], "input_tokens_details": {"cached_tokens": 0}, "output_tokens": usage[1],
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": sum(usage),
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": model, "status": status, "error": None,
        "incomplete_details": None, "output": [item] if done else [], "usage": tokens if done else None, "store": False,
    }  # fmt: skip


_WHOLE: dict[str, Callable[[str, str, tuple[int, int]], dict[str, Any]]] = {
    "openai_chat": _chat, "anthropic_messages": _message, "openai_responses": _response,
}  # fmt: skip


# -- calls of tools ----------------------------------------------------------------------------------------------------


def _arguments(word: str) -> str:
    return json.dumps({"mark": word})


def _chat_call(said: dict[str, Any], word: str) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": _arguments(word)}}
    said["choices"][0]["message"]["tool_calls"] = [call]
    said["choices"][0]["finish_reason"] = "tool_calls"
    return said


def _message_call(said: dict[str, Any], word: str) -> dict[str, Any]:
    said["content"].append({"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {"mark": word}})
    return {**said, "stop_reason": "tool_use"}


def _response_call(said: dict[str, Any], word: str) -> dict[str, Any]:
    said["output"].append(_call_item(_arguments(word)))
    return said


def _call_item(arguments: str, status: str = "completed") -> dict[str, object]:
    return {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": TOOL, "arguments": arguments, "status": status}


_CALLING: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "openai_chat": _chat_call, "anthropic_messages": _message_call, "openai_responses": _response_call,
}  # fmt: skip


# -- streams -----------------------------------------------------------------------------------------------------------


def streamed(dialect: str, model: str, words: Sequence[str], usage: tuple[int, int], calls: bool = False) -> Speech:
    """Return a stream of frames; one that calls has its last word in the call of a tool."""
    return _STREAMED[dialect](model, words, usage, calls)


def _chat_stream(model: str, words: Sequence[str], usage: tuple[int, int], calls: bool) -> Speech:
    start = f'data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"{model}","choices":['
    head = start + '{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    texts = words[:-1] if calls else words
    said = tuple(f'{start}{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}]}}\n\n'.encode() for word in texts)
    if calls:
        begun = {"index": 0, "id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": ""}}
        steps = begun, {"index": 0, "function": {"arguments": _arguments(words[-1])}}
        each = ({"index": 0, "delta": {"tool_calls": [step]}, "finish_reason": None} for step in steps)
        said = (*said, "".join(f"{start}{json.dumps(choice)}]}}\n\n" for choice in each).encode())
    end = f'{start}{{"index":0,"delta":{{}},"finish_reason":"{"tool_calls" if calls else "stop"}"}}]}}\n\n'
    used = f'{start}],"usage":{json.dumps(_chat_usage(usage))}}}\n\n'
    return Speech(head.encode(), said, f"{end}{used}data: [DONE]\n\n".encode())


def _event(name: str, fields: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


def _message_stream(model: str, words: Sequence[str], usage: tuple[int, int], calls: bool) -> Speech:
    head = _event("message_start", {"message": {**_message(model, "", (usage[0], 1)), "content": [], "stop_reason": None}})
    head += _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    start = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
    said = tuple(f'{start}{word}"}}}}\n\n'.encode() for word in (words[:-1] if calls else words))
    if calls:
        call = {"index": 1, "content_block": {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {}}}
        step = {"index": 1, "delta": {"type": "input_json_delta", "partial_json": _arguments(words[-1])}}
        begun = _event("content_block_stop", {"index": 0}) + _event("content_block_start", call)
        said = (*said, begun + _event("content_block_delta", step))
    tail = _event("content_block_stop", {"index": 1 if calls else 0})
    ended = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    tail += _event("message_delta", {"delta": ended, "usage": {"output_tokens": usage[1]}})
    return Speech(head, said, tail + _event("message_stop", {}))


def _response_stream(model: str, words: Sequence[str], usage: tuple[int, int], calls: bool) -> Speech:
    texts, spot = words[:-1] if calls else words, {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    text = "".join(texts)
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    head = _event("response.created", {"sequence_number": 0, "response": _response(model, "", usage, "in_progress")})
    head += _event("response.output_item.added", {"sequence_number": 1, "output_index": 0, "item": item})
    head += _event("response.content_part.added", {"sequence_number": 2, **spot, "part": part})
    start = "event: response.output_text.delta\ndata: "
    said = tuple(
        f'{start}{{"type":"response.output_text.delta","sequence_number":{number},"item_id":"msg_1","output_index":0,'
        f'"content_index":0,"logprobs":[],"delta":"{word}"}}\n\n'.encode()
        for number, word in enumerate(texts, 3)
    )
    at, full = len(texts) + 3, {**part, "text": text}
    tail = _event("response.output_text.done", {"sequence_number": at, **spot, "text": text, "logprobs": []})
    tail += _event("response.content_part.done", {"sequence_number": at + 1, **spot, "part": full})
    done = {**item, "status": "completed", "content": [full]}
    tail += _event("response.output_item.done", {"sequence_number": at + 2, "output_index": 0, "item": done})
    ended = _response(model, text, usage)
    if calls:
        begun, over = _call_events(_arguments(words[-1]), at + 3)
        said, tail, ended = (*said, tail + begun), over, _response_call(ended, words[-1])
    return Speech(head, said, tail + _event("response.completed", {"sequence_number": at + 7, "response": ended}))


def _call_events(arguments: str, at: int) -> tuple[bytes, bytes]:
    """Return the events that begin a call in a Responses stream, and those that end it."""
    spot = {"item_id": "fc_1", "output_index": 1}
    begun = _event("response.output_item.added", {
        "sequence_number": at, "output_index": 1, "item": _call_item("", "in_progress"),
    })  # fmt: skip
    begun += _event("response.function_call_arguments.delta", {"sequence_number": at + 1, **spot, "delta": arguments})
    over = _event("response.function_call_arguments.done", {"sequence_number": at + 2, **spot, "arguments": arguments})
    over += _event("response.output_item.done", {"sequence_number": at + 3, "output_index": 1, "item": _call_item(arguments)})
    return begun, over


_STREAMED: dict[str, Callable[[str, Sequence[str], tuple[int, int], bool], Speech]] = {
    "openai_chat": _chat_stream, "anthropic_messages": _message_stream, "openai_responses": _response_stream,
}  # fmt: skip


# -- errors ------------------------------------------------------------------------------------------------------------

_SAID = {
    "dead": (401, "invalid_api_key", "authentication_error", "the key is not valid"),
    "broke": (429, "insufficient_quota", "billing_error", "your credit balance is too low"),
    "limited": (429, "rate_limit_exceeded", "rate_limit_error", "too many requests"),
    "errors": (500, "server_error", "api_error", "something went wrong here"),
    "overload": (503, "server_is_overloaded", "overloaded_error", "too much is asked of us"),
    "bad": (400, "invalid_value", "invalid_request_error", "the request makes no sense"),
    "too_long": (400, "context_length_exceeded", "invalid_request_error", "prompt is too long for this model"),
    "filtered": (400, "content_filter", "invalid_request_error", "Output blocked by content filtering policy"),
}


def refusal(dialect: str, what: str) -> tuple[int, bytes]:
    """Return the status and body by which a provider says no."""
    status, code, kind, message = _SAID[what]
    if dialect == "anthropic_messages":
        status = {"broke": 400, "overload": 529}.get(what, status)
        kind = "invalid_request_error" if what == "broke" else kind
        return status, json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    kind = "server_error" if what == "errors" else "invalid_request_error" if status == 400 else ""
    return status, json.dumps({"error": {"message": message, "type": kind or None, "code": code, "param": None}}).encode()


def told(dialect: str) -> bytes:
    """Return the event by which a stream tells that it failed."""
    if dialect == "anthropic_messages":
        return _event("error", {"error": {"type": "overloaded_error", "message": "too much is asked of us"}})
    if dialect == "openai_responses":
        return _event("error", {"code": "server_is_overloaded", "message": "too much is asked of us", "param": None})
    return b'data: {"error":{"message":"too much is asked of us","type":"server_error","code":"server_is_overloaded"}}\n\n'


def garbage(dialect: str) -> bytes:
    """Return an event that is none."""
    return b"data: {oh no\n\n" if dialect == "openai_chat" else b"event: ping\ndata: {oh no\n\n"

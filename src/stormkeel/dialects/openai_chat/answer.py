"""A whole chat completion: read as a response, written for a client (docs/wire.md, Across dialects).

Never reads for a passthrough. A chat completion has one order: thought, text, refusal, tool calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.response import Answered, Finish, Response
from ..json import write_json
from ..reader import BodyDecoder, convert
from ..values import NO_TERMS, Head, Outcome, Terms, terms_of
from .usage import ChatUsage, read_usage, write_usage

Wire = dict[str, Any]
Kinds = Set[type[Answered]]
ID = "chatcmpl-"

FINISHES = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
}
_REASONS = {Finish.LENGTH: "length", Finish.CONTENT_FILTER: "content_filter"}


BEYOND = frozenset({"annotations", "audio", "images", "reasoning_details"})
"""Fields of an answer that have no place in a response: of models that search, speak, or draw (OpenRouter's among them)."""

U = TypeVar("U")


class _Body(msgspec.Struct, Generic[U], gc=False):
    choices: list[dict[str, Any]]
    id: Any = ""
    object: Any = None
    model: Any = ""
    usage: U | None = None


_bodies = BodyDecoder(_Body[ChatUsage], _Body[Any])


_Nothing = Annotated[list[Any], msgspec.Meta(max_length=0)] | None


class _Said(msgspec.Struct, gc=False):
    """A message of nothing but text; every other field that is read, or is `BEYOND`, may be there, and says nothing."""

    content: str
    refusal: None = None
    tool_calls: _Nothing = None
    function_call: None = None
    reasoning_content: None = None
    reasoning: None = None
    annotations: _Nothing = None
    audio: None = None
    images: _Nothing = None
    reasoning_details: _Nothing = None


class _Choice(msgspec.Struct, gc=False):
    message: _Said
    finish_reason: str | None = None


class _Texts(msgspec.Struct, gc=False):
    choices: list[_Choice]
    id: str
    object: Literal["chat.completion"]
    model: str
    usage: ChatUsage | None = None
    service_tier: Any = None


_texts = msgspec.json.Decoder(_Texts).decode


def read_response(body: bytes) -> Response | None:
    """Read a whole answer: its first choice; None if it is no chat completion."""
    try:
        told = _texts(body)
    except (ValueError, RecursionError):
        return _read_any(body)
    return _text_of(told) if told.choices else None


def read_texts(body: bytes) -> Outcome | None:
    """Read an answer of nothing but text once for both: what is booked of it, and its response. None where it is any other."""
    try:
        told = _texts(body)
    except (ValueError, RecursionError):
        return None
    if not told.choices:
        return None
    response = _text_of(told)
    return Outcome(told.id, told.model, response.finish, response.usage, tier_terms(told.service_tier), response)


def tier_terms(tier: object) -> Terms:
    """Return the terms that an answer's `service_tier` names."""
    return terms_of(service_tier=tier) if tier and tier != "default" else NO_TERMS


def _text_of(told: _Texts) -> Response:
    choice, usage = told.choices[0], told.usage
    text, reason = choice.message.content, choice.finish_reason
    return Response(
        told.id,
        told.model,
        (Text(text),) if text else (),
        FINISHES.get(reason, Finish.OTHER) if reason else None,
        None if usage is None else read_usage(usage),
    )


def _read_any(body: bytes) -> Response | None:
    told = _bodies.read(body)
    if told is None or not told.choices or told.object not in ("chat.completion", None):
        return None
    choice, id_ = told.choices[0], str(told.id or "")
    message = choice.get("message")
    content, lost = (_content(message, id_), beyond(message)) if isinstance(message, dict) else ((), ())
    reason = choice.get("finish_reason")
    usage = told.usage if isinstance(told.usage, ChatUsage) else convert(told.usage, ChatUsage)
    return Response(
        id_,
        str(told.model or ""),
        content,
        finish_of(str(reason), kinds_of(content)) if reason else None,
        read_usage(usage) if usage else None,
        lost=lost,
    )


def beyond(said: Wire) -> tuple[str, ...]:
    """Return what a message or a step says that has no place in a response."""
    if BEYOND.isdisjoint(said):
        return ()
    return tuple(sorted(name for name in BEYOND & said.keys() if said[name]))


def kinds_of(content: tuple[Answered, ...]) -> Kinds:
    """Return what kinds of parts an answer has; a text or a refusal without words is none."""
    return {type(part) for part in content if not isinstance(part, Text | Refusal) or part.text}


def finish_of(reason: str, kinds: Kinds) -> Finish:
    """Return why an answer ended, by its reason and the kinds of its parts.

    A refusal ends with "stop" on the wire, and so does a tool call that was demanded (docs/wire.md, OpenAI chat).
    """
    if Refusal in kinds:
        return Finish.REFUSAL
    if reason == "stop" and ToolCall in kinds:
        return Finish.TOOL_CALLS
    return FINISHES.get(reason, Finish.OTHER)


def _content(message: Wire, answer_id: str) -> tuple[Answered, ...]:
    return tuple(_parts(message, answer_id))


def _parts(message: Wire, answer_id: str) -> Iterator[Answered]:
    thought, text = thought_of(message), text_of(message.get("content"))
    if thought:
        yield Thinking(thought)
    if text:
        yield Text(text)
    if refusal := text_of(message.get("refusal")):
        yield Refusal(refusal)
    calls = steps_of(message.get("tool_calls"))
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        calls.append({"function": legacy})
    for place, call in enumerate(calls):
        name, arguments = name_and_arguments(call)
        yield ToolCall(string(call.get("id")) or minted(answer_id, place), name, arguments, is_custom(call))


def thought_of(said: Wire) -> str:
    """Return the reasoning in a message or a step, as other servers than OpenAI's write it: a field, or parts of the content."""
    if thought := string(said.get("reasoning_content")) or string(said.get("reasoning")):
        return thought
    content = said.get("content")
    if not isinstance(content, list):
        return ""
    parts = [part for part in steps_of(content) if part.get("type") == "thinking"]
    return "".join(piece for part in parts for piece in _pieces(part.get("thinking")))


def _pieces(thinking: object) -> list[str]:
    return [thinking] if isinstance(thinking, str) else [string(piece.get("text")) for piece in steps_of(thinking)]


def text_of(content: object) -> str:
    """Return the visible text of a content: a string, or (Mistral's reasoning models) a list of parts."""
    return content if isinstance(content, str) else "".join(string(part.get("text")) for part in steps_of(content))


def steps_of(told: object) -> list[Wire]:
    """Return the objects in a list, none where it is no list."""
    return [step for step in told if isinstance(step, dict)] if isinstance(told, list) else []


def string(value: object) -> str:
    """Return a text, "" where it is none."""
    return value if isinstance(value, str) else ""


def is_custom(call: Wire) -> bool:
    """Does a call, or a step of one, take free text?"""
    return isinstance(call.get("custom"), dict)


def name_and_arguments(call: Wire) -> tuple[str, str]:
    """Return the name and the arguments of a call, or what one step of it tells of them."""
    inner = call.get("custom") or call.get("function")
    if not isinstance(inner, dict):
        return "", ""
    told = inner.get("input") if is_custom(call) else inner.get("arguments")
    arguments = write_json(told).decode() if isinstance(told, dict) else string(told)  # an object, at some servers
    return string(inner.get("name")), arguments


def minted(answer_id: str, place: int) -> str:
    """Return an id for a call that came without one: the same again for the same answer, unlike any other answer's."""
    return f"call_{''.join(letter for letter in answer_id if letter.isalnum() and letter.isascii())[-24:]}_{place}"


def write_response(response: Response, head: Head) -> bytes:
    """Write a whole answer."""
    choice = {
        "index": 0, "message": _message(response.content), "logprobs": None,
        "finish_reason": reason_of(response.finish, kinds_of(response.content)),
    }  # fmt: skip
    body: Wire = {
        "id": id_of(response.id, head), "object": "chat.completion", "created": head.created,
        "model": response.model or head.model, "choices": [choice],
    }  # fmt: skip
    if response.usage is not None:
        body["usage"] = write_usage(response.usage)
    return write_json(body)


def id_of(answer_id: str, head: Head) -> str:
    """Return the id a client is told: the provider's where it has this dialect's form, else one of ours."""
    return answer_id if answer_id.startswith(ID) else ID + head.id.removeprefix("req_")


def reason_of(finish: Finish | None, kinds: Kinds) -> str:
    """Return the `finish_reason` for an end, by why the model stopped and the kinds of parts it said.

    "stop" tells of a refusal in words alone; one behind the beginning of an answer is a filter's work to a client.
    """
    if finish is Finish.REFUSAL:
        return "stop" if Refusal in kinds and Text not in kinds else "content_filter"
    return _REASONS.get(finish or Finish.STOP) or ("tool_calls" if ToolCall in kinds else "stop")


def _message(content: tuple[Answered, ...]) -> Wire:
    text = "".join(part.text for part in content if isinstance(part, Text))
    refusal = "".join(part.text for part in content if isinstance(part, Refusal))
    thought = "".join(part.text for part in content if isinstance(part, Thinking))
    calls = [_write_call(part) for part in content if isinstance(part, ToolCall)]
    message: Wire = {"role": "assistant", "content": text or (None if refusal or calls else ""), "refusal": refusal or None}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    return message


def _write_call(call: ToolCall) -> Wire:
    return start_of(call.id, call.name, call.custom, call.arguments or ("" if call.custom else "{}"))


def start_of(id: str, name: str, custom: bool, arguments: str) -> Wire:
    """Return a call as the wire has it, whole or at its start."""
    if custom:
        return {"id": id, "type": "custom", "custom": {"name": name, "input": arguments}}
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

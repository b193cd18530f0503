"""Contents as nearly all of them are, texts, calls and their results, read in one look instead of name by name.

Never judges: a content that has anything else in it, or anything of another type, is None here, and `turns` reads it by its
fields, which knows what to refuse and what to tell as lost.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ...types.content import Part, Role, Text, ToolCall, ToolResult
from ..uncrossed import refuse
from .fields import Fields
from .results import NO_OBJECT, Calls, read_answered
from .signatures import SKIP, standard


class UsualCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A function that a model asks for; its arguments are the very JSON they are."""

    name: str
    id: str = ""
    args: Raw = NO_OBJECT


class UsualResult(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What a function answered."""

    name: str
    id: str = ""
    response: Raw = NO_OBJECT


class UsualPart(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """One of the three; a part with two of them is none of these, nor is one that Google signed."""

    text: str | UnsetType = UNSET
    function_call: UsualCall | UnsetType = UNSET
    function_response: UsualResult | UnsetType = UNSET
    thought_signature: str = ""


class UsualContent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn, of which every part may stand there."""

    role: Literal["user", "model"]
    parts: list[UsualPart]


_decode = msgspec.json.Decoder(UsualContent).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode


def read_contents(body: Fields, name: str) -> list[UsualContent | Fields]:
    """Return the contents of a body, each as usual where it is."""
    told = body.look(name)
    if not told.startswith(b"["):
        return [*body.children(name)]  # one alone, or none
    try:
        raws = _decode_list(told)
    except (ValueError, RecursionError):
        return [*body.children(name)]  # which says what is wrong
    body.take_raw(name)
    return [_read(raw) or body.child_of(name, place, raw) for place, raw in enumerate(raws)]


def _read(raw: Raw) -> UsualContent | None:
    try:
        content = _decode(raw)
    except (ValueError, RecursionError):
        return None
    is_usual = _is_answer if content.role == "model" else _is_asked
    for part in content.parts:
        if not is_usual(part) or (part.thought_signature and standard(part.thought_signature) != SKIP):
            return None
    return content if content.parts else None


def _is_answer(part: UsualPart) -> bool:
    call = part.function_call
    if part.function_response is not UNSET or (part.text is UNSET) is (call is UNSET):
        return False
    return call is UNSET or bytes(call.args).startswith(b"{")


def _is_asked(part: UsualPart) -> bool:
    result = part.function_response
    if part.function_call is not UNSET or (part.text is UNSET) is (result is UNSET):
        return False
    return result is UNSET or bytes(result.response).startswith(b"{")


def read_usual(content: UsualContent, place: int, calls: Calls) -> tuple[Role, list[Part]]:
    """Return whose turn a content is, and its parts but for those that say nothing."""
    found: list[Part] = []
    for spot, part in enumerate(content.parts):
        if part.text is not UNSET:
            if part.text:
                found.append(Text(part.text))
        elif part.function_call is not UNSET:
            call = part.function_call
            id_ = call.id or f"call_{place}_{spot}"
            calls.ask(id_, call.name)
            found.append(ToolCall(id_, call.name, bytes(call.args).decode()))
        elif part.function_response is not UNSET:
            found.append(_result(part.function_response, f"contents[{place}].parts[{spot}].functionResponse", calls))
    return ("assistant" if content.role == "model" else "user"), found


def _result(result: UsualResult, path: str, calls: Calls) -> ToolResult:
    call_id, answered = calls.answered(result.id, result.name), read_answered(result.response)
    if call_id is None:
        refuse(f'"{path}" answers no call: put the functionCall "{result.name}" into the turn before it', "invalid_value")
    if answered is None:
        refuse(f'the field "{path}.response" of the body is wrong: expected object', "invalid_type")
    return ToolResult(call_id, *answered)

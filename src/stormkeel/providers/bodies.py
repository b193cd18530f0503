"""What a provider's error body says, whatever its shape: code, type and message.

Never raises: HTML, empty, list-wrapped, nested, cut or hostile bodies come out as far as they can be read.

    {"error": {"message", "type", "code", "param"}}                       OpenAI and most that follow it
    {"type": "error", "error": {"type", "message", "details": {"error_code"}}}   Anthropic
    {"error": {"error": {...}}}   [{"error": {...}}]                      relays
    {"error": "text", "code": "..."}                                      xAI
    {"object": "error", "message", "type", "code"}                        Mistral, vLLM
    {"error": {"code": 429, "message", "status", "details": [{"reason"}]}}   Google
    {"message": "text"}   {"detail": "text" | [{"msg": "text"}]}          edges and web frameworks
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..dialects.gemini.signals import Told, read_told

CUT = 500  # characters of a provider's message that are kept
DEPTH = 4  # wrappers that are looked into

_DECODE = msgspec.json.Decoder()
_TAG = re.compile(r"<[^>]{0,200}>")
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_KEY = re.compile(r"\b(?:sk|rk|gsk|csk|xai|pplx|key|ek)[-_][\w*.…-]{6,}|\b(?:AIza|AQ\.)[\w-]{8,}|\bBearer\s+\S+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0]+")


class Words(msgspec.Struct, frozen=True):
    """What an error body says.

    Attributes:
        code: the most telling code, lower case, "" where there is none.
        type: the error's type, lower case, "" where there is none.
        message: the provider's own message for people, cut, in one line, without keys.
        is_json: was it JSON at all?
        names: every code, type, status and reason it gives, lower case.
        wait: seconds the body asks to wait, None where it does not say.
        is_spent: is it a quota that no pause of seconds refills, whatever `wait` says?
    """

    code: str = ""
    type: str = ""
    message: str = ""
    is_json: bool = False
    names: frozenset[str] = frozenset()
    wait: float | None = None
    is_spent: bool = False


def read_words(body: bytes) -> Words:
    """Read the code, the type and the message of an error body. Never raises."""
    try:
        found = _DECODE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Words(message=clean(_text_of(body)))
    return _words(found, DEPTH)


def clean(message: str) -> str:
    """Return a message in one line, cut to 500 characters, with anything that looks like a key hidden."""
    return _KEY.sub("[key]", _CONTROL.sub(" ", message[: 4 * CUT])).strip()[:CUT]


def _words(found: Any, depth: int) -> Words:
    if depth and isinstance(found, list) and found:
        return _words(found[0], depth - 1)
    if isinstance(found, str):
        return Words(message=clean(found), is_json=True)
    if not isinstance(found, dict):
        return Words(is_json=True)
    inner = found.get("error")
    if depth and isinstance(inner, dict | list) and inner:
        return _words(inner, depth - 1)
    told = read_told(found) if isinstance(found.get("details"), list) or "status" in found else Told()
    code, type_ = told.code or _code(found), _name(found.get("type"))
    return Words(code, type_, clean(_message(found)), True, told.names | {code, type_}, told.wait, told.is_spent)


def _code(error: dict[str, Any]) -> str:
    """The stable code of the cause: Anthropic's stands in `details.error_code`."""
    details = error.get("details")
    specific = details.get("error_code") if isinstance(details, dict) else None
    return _name(specific) or _name(error.get("code"))


def _name(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return str(value)[:100].lower() if isinstance(value, str | int) else ""


def _message(error: dict[str, Any]) -> str:
    for member in ("message", "error", "detail", "msg"):
        value = error.get(member)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return str(value[0].get("msg", ""))
    return ""


def _text_of(body: bytes) -> str:
    """What a body that is no JSON says: the title of a page, else its text."""
    text = body[: 8 * CUT].decode("utf-8", "replace")
    title = _TITLE.search(text)
    return title[1] if title else _TAG.sub(" ", text)

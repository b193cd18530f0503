"""What other providers' models proved, taken out of a Gemini client's own history: Google refuses a signature it did not make.

Never touches a body that has none. They come from answers across dialects: a client is told them wrapped (`signatures`), and
sends them back with the rest of the content. A thought stays, its proof goes; one that is nothing but its proof goes as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from .fields import camel
from .signatures import SKIP, WRAPPED

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_objects = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_text: Callable[[Raw], Any] = msgspec.json.decode

SIGNATURE = "thoughtSignature"
Object = dict[str, Raw]
Mend = Callable[[Object, str], Object | None]
"""Takes a part and the name of its proof ("" for none); returns what is left of it, None where nothing changes."""


def without_wrapped(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out."""
    return _without(body, _unwrapped) if WRAPPED.encode() in body else (body, ())


def without_signatures(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without any proofs, and the paths of what was changed; a call says that it has none."""
    return _without(body, _unsigned) if b"thought" in body or b"unctionCall" in body or b"unction_call" in body else (body, ())


def _without(body: bytes, mend: Mend) -> tuple[bytes, tuple[str, ...]]:
    try:
        fields = _fields(body)
        taken: list[str] = []
        contents = [
            _kept(content, f"contents[{place}]", taken, mend) for place, content in enumerate(_objects(fields["contents"]))
        ]
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    kept = [content for content in contents if content is not None]
    return (msgspec.json.encode(fields | {"contents": kept}), tuple(taken)) if taken else (body, ())


def _kept(content: Object, path: str, taken: list[str], mend: Mend) -> Object | None:
    """Return a content without the proofs in it, None where nothing is left of it."""
    if "parts" not in content or not bytes(content["parts"]).startswith(b"["):
        return content
    parts, found = [], len(taken)
    for place, part in enumerate(_objects(content["parts"])):
        name = next((name for name in part if camel(name) == SIGNATURE), "")
        left = mend(part, name)
        if left is None:
            parts.append(part)
            continue
        taken.append(f"{path}.parts[{place}].{name or SIGNATURE}")
        if bytes(left.get("text", b'""')) != b'""' or len(left) > 2 or _is_call(left):
            parts.append(left)
    if len(taken) == found:
        return content
    return content | {"parts": Raw(msgspec.json.encode(parts))} if parts else None


def _unwrapped(part: Object, name: str) -> Object | None:
    """Return a part without a proof that we wrapped, None where it has none."""
    if not name or not str(_text(part[name])).startswith(WRAPPED):
        return None
    return _left(part, name)


def _unsigned(part: Object, name: str) -> Object | None:
    """Return a part without its proof, a call with the word for none; None where there is nothing to change."""
    if _is_call(part):
        return None if name and _text(part[name]) == SKIP else _left(part, name) | {SIGNATURE: Raw(msgspec.json.encode(SKIP))}
    return _left(part, name) if name else None


def _left(part: Object, name: str) -> Object:
    return {key: value for key, value in part.items() if key != name}


def _is_call(part: Object) -> bool:
    return "functionCall" in part or "function_call" in part

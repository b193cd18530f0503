"""What other providers' models proved, taken out of a Gemini client's own history: Google refuses a signature it did not make.

Never touches a body that has none. They come from answers across dialects: a client is told them wrapped (`signatures`), and
sends them back with the rest of the content. A thought stays, its proof goes; one that is nothing but its proof goes as a whole.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from .fields import camel
from .signatures import WRAPPED

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_objects = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_text = msgspec.json.Decoder(Any).decode

Object = dict[str, Raw]


def without_wrapped(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out."""
    if WRAPPED.encode() not in body:
        return body, ()
    try:
        fields = _fields(body)
        taken: list[str] = []
        contents = [_kept(content, f"contents[{place}]", taken) for place, content in enumerate(_objects(fields["contents"]))]
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    kept = [content for content in contents if content is not None]
    return (msgspec.json.encode(fields | {"contents": kept}), tuple(taken)) if taken else (body, ())


def _kept(content: Object, path: str, taken: list[str]) -> Object | None:
    """Return a content without the proofs in it, None where nothing is left of it."""
    if "parts" not in content or not bytes(content["parts"]).startswith(b"["):
        return content
    parts, found = [], len(taken)
    for place, part in enumerate(_objects(content["parts"])):
        name = next((name for name in part if camel(name) == "thoughtSignature"), "")
        if not name or not str(_text(part[name])).startswith(WRAPPED):
            parts.append(part)
            continue
        taken.append(f"{path}.parts[{place}].{name}")
        left = {key: value for key, value in part.items() if key != name}
        if bytes(left.get("text", b'""')) != b'""' or len(left) > 2:
            parts.append(left)
    if len(taken) == found:
        return content
    return content | {"parts": Raw(msgspec.json.encode(parts))} if parts else None

"""Other models' thoughts in the history of a messages body, taken out: the API refuses the whole body for one of them.

Never touches a body that has none. They come from answers across dialects: a client is told such a thought with an empty
signature, or with a seal of ours in its place, and sends it back (docs/wire.md, Across dialects).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from ...types.content import Message, Part, Thinking
from ..seal import MARK, is_sealed, proof_for

NAME = "anthropic_messages"
"""This dialect, as it stands in seals."""

_FOREIGN = re.compile(rb'"signature"\s*:\s*"(?:"|' + re.escape(MARK.encode()) + b")").search
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_turns = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_blocks = msgspec.json.Decoder(list[Raw]).decode


class _Block(msgspec.Struct, gc=False):
    type: Any = None
    signature: Any = None


_block = msgspec.json.Decoder(_Block).decode


def without_others(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out; a turn of nothing else is left out."""
    return _without(body, _is_other) if b'"signature"' in body and _FOREIGN(body) else (body, ())


def without_all(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without any thoughts, and the paths of what was taken out; a turn of nothing else is left out."""
    return _without(body, _is_thought) if b"thinking" in body else (body, ())


def _without(body: bytes, is_gone: Callable[[Raw], bool]) -> tuple[bytes, tuple[str, ...]]:
    try:
        fields = _fields(body)
        turns, taken = _kept(_turns(fields["messages"]), is_gone)
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    return (msgspec.json.encode(fields | {"messages": turns}), taken) if taken else (body, ())


def _kept(turns: list[dict[str, Raw]], is_gone: Callable[[Raw], bool]) -> tuple[list[dict[str, Raw]], tuple[str, ...]]:
    kept, taken = [], []
    for place, turn in enumerate(turns):
        content = bytes(turn.get("content", b""))
        if not content.startswith(b"["):
            kept.append(turn)
            continue
        blocks = _blocks(content)
        others = [spot for spot, block in enumerate(blocks) if is_gone(block)]
        taken += [f"messages[{place}].content[{spot}]" for spot in others]
        if not others:
            kept.append(turn)
        elif len(others) < len(blocks):
            left = [block for spot, block in enumerate(blocks) if spot not in others]
            kept.append(turn | {"content": Raw(msgspec.json.encode(left))})
    return kept, tuple(taken)


def _is_thought(block: Raw) -> bool:
    return _block(block).type in ("thinking", "redacted_thinking")


def _is_other(block: Raw) -> bool:
    told = _block(block)
    if told.type != "thinking":
        return False
    return not told.signature or (isinstance(told.signature, str) and is_sealed(told.signature))


def own_thoughts(messages: Sequence[Message], model: str) -> list[Message]:
    """Return the turns, each thought that this model made proved as it gave it; any other's stays sealed, to be left out."""
    return [_opened(message, model) if _thinks(message) else message for message in messages]


def _thinks(message: Message) -> bool:
    return type(message.content) is not str and any(type(part) is Thinking for part in message.content)


def _opened(message: Message, model: str) -> Message:
    content = tuple(_own(part, model) if isinstance(part, Thinking) else part for part in message.content)
    return msgspec.structs.replace(message, content=content)


def _own(thinking: Thinking, model: str) -> Part:
    """A thought as its maker signed it; one that is not this model's own stays as it is."""
    signature, redacted = (proof_for(proof, NAME, model) for proof in (thinking.signature, thinking.redacted))
    if (signature or redacted) == "":
        return thinking
    return Thinking(thinking.text, signature, redacted)

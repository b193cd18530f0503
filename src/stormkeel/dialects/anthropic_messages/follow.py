"""A message stream that somebody else goes on with (docs/reliability.md, Streams that are gone on with).

Never begins the message again: the block that is open goes on, and the next one has the next number. A thought closes the stream,
for it would be left without its signature, and refused when it comes back.
"""

from __future__ import annotations

import msgspec

from ..following import NONE, FrameFollower, Wire, inner, less, with_turns
from ..values import Head
from .writer import MessageWriter, Open


class MessageFollower(FrameFollower):
    """Follows one stream; see `base.Follower`.

    Attributes:
        index: of the block that is open, or of the next one.
        has_begun: was the message's head sent?
        in_block: is a block open?
    """

    __slots__ = ("has_begun", "in_block", "index")

    def __init__(self) -> None:
        super().__init__()
        self.index = 0
        self.has_begun = self.in_block = False

    def go_on(self, head: Head) -> MessageWriter:
        """Return a writer that goes on in the open block, or in a new one."""
        return _Resumed(head, self)

    def _follow(self, told: Wire) -> bool:
        match told.get("type"):
            case "ping":
                return True
            case "message_start":
                self.has_begun = True
                return True
            case "content_block_start":
                return self._begin(told.get("content_block"), told.get("index"))
            case "content_block_delta":
                delta = told.get("delta")
                return isinstance(delta, dict) and delta.get("type") == "text_delta" and self._say(delta.get("text"))
            case "content_block_stop":
                self.index, self.in_block = self.index + 1, False
                return True
        return False

    def _begin(self, block: object, index: object) -> bool:
        if not isinstance(block, dict) or block.get("type") != "text" or block.get("citations") or index != self.index:
            return False
        self.in_block = True
        return self._say(block.get("text"))


class _Resumed(MessageWriter):
    """Goes on with a stream that has begun."""

    __slots__ = ()

    def __init__(self, head: Head, stands: MessageFollower) -> None:
        super().__init__(head)
        self._started, self._index = stands.has_begun, stands.index
        if stands.in_block:
            self._begin(Open("text", {"text": ""}))
            self._is_open = True


def ask_for_rest(raw: bytes, said: str, ask: str, used: int) -> bytes | None:
    """Return the body that asks for the rest; see `base.Streams.ask_for_rest`."""
    turns: list[Wire] = [{"role": "assistant", "content": said}]
    if ask:
        turns.append({"role": "user", "content": ask})
    body = with_turns(raw, "messages", turns)
    if inner(body, "output_config").get("format") or bytes(body.get("output_format", NONE)) != b"null":
        return None
    return msgspec.json.encode(body | less(body, ("max_tokens",), used))

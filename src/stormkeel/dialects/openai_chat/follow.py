"""A chat completion's stream that somebody else goes on with (docs/reliability.md, Streams that are gone on with).

Never names role or id anew. What the first model thought, if it was shown, stands beside the text, and what the next one thinks
is not shown: only calls, refusals, sound, citations, log probabilities, a second choice and sealed thoughts close the stream.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.events import Event, Started
from ..following import FrameFollower, Wire, inner, less, with_turns
from ..json import write_json
from ..values import Head
from .writer import ChatWriter

_SHOWN = frozenset({"role", "content", "reasoning", "reasoning_content"})
_LIMITS = ("max_tokens", "max_completion_tokens")


class ChatFollower(FrameFollower):
    """Follows one stream; see `base.Follower`."""

    __slots__ = ("created", "id")

    def __init__(self) -> None:
        super().__init__()
        self.id = ""
        self.created = 0

    def go_on(self, head: Head) -> ChatWriter:
        """Return a writer of more chunks."""
        return _Resumed(msgspec.structs.replace(head, created=self.created or head.created), self.id)

    def _follow(self, told: Wire) -> bool:
        if not self.id:
            created = told.get("created")
            self.id, self.created = str(told.get("id") or ""), created if isinstance(created, int) else 0
        choices = told.get("choices")
        return all(self._is_text(choice) for choice in choices) if isinstance(choices, list) else not choices

    def _is_text(self, choice: Any) -> bool:
        if not isinstance(choice, dict) or choice.get("index") or choice.get("finish_reason") or choice.get("logprobs"):
            return False
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict) or any(value and name not in _SHOWN for name, value in delta.items()):
            return False
        return self._say(delta.get("content"))


class _Resumed(ChatWriter):
    """Goes on with a stream that has begun: the id stays, the model is the one that answers now."""

    __slots__ = ()

    def __init__(self, head: Head, id_: str) -> None:
        super().__init__(head)
        self._id = id_ or self._id

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._model = event.model or self._model
        else:
            super()._note(event)

    def _begin(self, content: str | None) -> None:
        named = {"id": self._id, "object": "chat.completion.chunk", "created": self._head.created, "model": self._model}
        self._lead = b"data: " + write_json(named)[:-1] + b',"choices":'


def ask_for_rest(raw: bytes, said: str, ask: str, used: int) -> bytes | None:
    """Return the body that asks for the rest; see `base.Streams.ask_for_rest`."""
    turns: list[Wire] = [{"role": "assistant", "content": said}]
    if ask:
        turns.append({"role": "user", "content": ask})
    body = with_turns(raw, "messages", turns)
    if inner(body, "response_format").get("type", "text") != "text":
        return None
    return msgspec.json.encode(body | less(body, _LIMITS, used))

"""A Gemini stream that somebody else goes on with (docs/reliability.md, Streams that are gone on with).

Never changes the answer's id. What the first model thought, if it was shown, stands beside the text, and what the next one thinks
is not shown: a signature, a call, and whatever else is no text close the stream.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...types.events import Event, Started
from ..following import NONE, FrameFollower, Wire, fields_of, less, with_turns
from ..values import Head
from .writer import GeminiWriter

_PART = frozenset({"text", "thought"})
_CANDIDATE = frozenset({"content", "safetyRatings", "avgLogprobs", "tokenCount"})
_FORMS = (
    "responseMimeType", "response_mime_type", "responseSchema", "response_schema", "responseJsonSchema", "response_json_schema",
    "_responseJsonSchema",
)  # fmt: skip
_TEXT = (b"null", b'""', b'"text/plain"')
_LIMITS = ("maxOutputTokens", "max_output_tokens")
_CONFIGS = ("generationConfig", "generation_config")


class GeminiFollower(FrameFollower):
    """Follows one stream; see `base.Follower`."""

    __slots__ = ("id",)

    def __init__(self) -> None:
        super().__init__()
        self.id = ""

    def go_on(self, head: Head) -> GeminiWriter:
        """Return a writer of more pieces."""
        return _Resumed(head, self.id)

    def _follow(self, told: Wire) -> bool:
        self.id = self.id or str(told.get("responseId") or "")
        if isinstance(feedback := told.get("promptFeedback"), dict) and feedback.get("blockReason"):
            return False
        candidates = told.get("candidates") or []
        return isinstance(candidates, list) and all(self._is_text(one) for one in candidates)

    def _is_text(self, told: Any) -> bool:
        if not isinstance(told, dict) or any(value and name not in _CANDIDATE for name, value in told.items()):
            return False  # a reason for its end, another one than the first, what it cites
        content = told.get("content") or {}
        parts = (content.get("parts") or []) if isinstance(content, dict) else None
        return isinstance(parts, list) and all(self._is_said(part) for part in parts)

    def _is_said(self, part: Any) -> bool:
        if not isinstance(part, dict) or any(value and name not in _PART for name, value in part.items()):
            return False
        return bool(part.get("thought")) or self._say(part.get("text"))


class _Resumed(GeminiWriter):
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


def ask_for_rest(raw: bytes, said: str, ask: str, used: int) -> bytes | None:
    """Return the body that asks for the rest; see `base.Streams.ask_for_rest`."""
    turns: list[Wire] = [{"role": "model", "parts": [{"text": said}]}]
    if ask:
        turns.append({"role": "user", "parts": [{"text": ask}]})
    body = with_turns(raw, "contents", turns)
    for name in _CONFIGS:
        config = fields_of(body, name)
        if any(bytes(config.get(form, NONE)) not in _TEXT for form in _FORMS):
            return None
        if limits := less(config, _LIMITS, used):
            body[name] = Raw(msgspec.json.encode(config | limits))
    return msgspec.json.encode(body)

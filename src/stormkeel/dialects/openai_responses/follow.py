"""A response's stream that somebody else goes on with (docs/reliability.md, Streams that are gone on with).

Never mints an id for what has one: the message that is open goes on and ends under its own, and the whole response at the end
holds what was sent. A reasoning item closes the stream: its provider alone can follow it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...types.content import Text
from ...types.events import Event, Started
from ..following import FrameFollower, Wire, inner, less, with_turns
from ..values import Head
from .growing import Item, Message, Steps
from .writer import ResponseWriter

_LIFE = frozenset({"response.created", "response.in_progress", "response.queued"})


class ResponseFollower(FrameFollower):
    """Follows one stream; see `base.Follower`.

    Attributes:
        response: as its head said.
        number: of the last event.
        items: those that ended.
        item: the message that is open, as it was told when it began; None where none is.
        parts: of it, those that ended.
        part: the text of the part that is open, None where none is.
    """

    __slots__ = ("_is_ending", "item", "items", "number", "part", "parts", "response")

    def __init__(self) -> None:
        super().__init__()
        self.response: Wire = {}
        self.number = -1
        self.items: list[Wire] = []
        self.item: Wire | None = None
        self.parts: list[Wire] = []
        self.part: list[str] | None = None
        self._is_ending = False  # its text is told as done, the part not yet

    @property
    def may_go_on(self) -> bool:
        """Can somebody go on with it here?"""
        return self._is_open and not self._is_ending and bool(self.response)

    def go_on(self, head: Head) -> ResponseWriter:
        """Return a writer that goes on in the open message, or in a new one."""
        return _Resumed(head, self)

    def _follow(self, told: Wire) -> bool:
        number = told.get("sequence_number")
        self.number = number if isinstance(number, int) else self.number + 1
        type_ = told.get("type")
        if type_ in _LIFE:
            response = told.get("response")
            self.response = response if isinstance(response, dict) else self.response
            return True
        if type_ in ("response.output_item.added", "response.output_item.done"):
            return self._note_item(told.get("item"), is_done=type_.endswith("done"))
        return self._note_part(str(type_), told)

    def _note_item(self, item: Any, *, is_done: bool) -> bool:
        if not isinstance(item, dict) or item.get("type") != "message" or (self.item is not None) is not is_done:
            return False
        if is_done:
            self.items.append(item)
        self.item, self.parts = None if is_done else item, []
        return True

    def _note_part(self, type_: str, told: Wire) -> bool:
        match type_:
            case "response.content_part.added":
                self.part = []
                return self._is_plain(told.get("part"))
            case "response.output_text.delta" if self.part is not None:
                text = told.get("delta")
                self.part.append(text if isinstance(text, str) else "")
                return not told.get("logprobs") and self._say(text)
            case "response.output_text.done":
                self._is_ending = True
                return not told.get("logprobs")
            case "response.content_part.done":
                self.part, self._is_ending = None, False
                self.parts = [*self.parts, told.get("part") or {}]
                return self._is_plain(told.get("part"))
        return False

    def _is_plain(self, part: Any) -> bool:
        if not isinstance(part, dict) or part.get("type") != "output_text":
            return False
        return self.item is not None and not part.get("annotations") and not part.get("logprobs")


class _Ended(Item):
    """An item that ended before."""

    def __init__(self, told: Wire, index: int, head: Head) -> None:
        super().__init__("msg", index, head)
        self._told = told

    def whole(self) -> Wire:
        return self._told

    def _empty(self) -> Wire:
        return self._told

    def _close(self) -> Steps:
        return []


class _Begun(Message):
    """A message that began before, under an id of its own."""

    def __init__(self, stands: ResponseFollower, head: Head) -> None:
        super().__init__(len(stands.items), head)
        self._told = stands.item or {}
        self.id = str(self._told.get("id") or self.id)
        self._parts = stands.parts
        if stands.part is not None:
            self._kind, self._said = Text, list(stands.part)

    def whole(self) -> Wire:
        return self._told | super().whole()


class _Resumed(ResponseWriter):
    """Goes on with a stream that has begun; the whole response names the model that answered."""

    __slots__ = ()

    def __init__(self, head: Head, stands: ResponseFollower) -> None:
        super().__init__(head)
        self._frame, self._number = stands.response, stands.number + 1
        self._items: list[Item] = [_Ended(item, place, head) for place, item in enumerate(stands.items)]
        if stands.item is not None:
            self._voice = _Begun(stands, head)
            self._items.append(self._voice)

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._frame = self._frame | {"model": event.model or self._head.model}
        else:
            super()._note(event)


def ask_for_rest(raw: bytes, said: str, ask: str, used: int) -> bytes | None:
    """Return the body that asks for the rest; see `base.Streams.ask_for_rest`."""
    turns: list[Wire] = [{"role": "assistant", "content": said}]
    if ask:
        turns.append({"role": "user", "content": ask})
    body = with_turns(_listed(raw), "input", turns)
    form = inner(body, "text").get("format") or {}
    if not isinstance(form, dict) or form.get("type", "text") != "text":
        return None
    return msgspec.json.encode(body | less(body, ("max_output_tokens",), used))


def _listed(raw: bytes) -> bytes:
    """Return a body whose input is a list: a text stands for a user's turn."""
    body = msgspec.json.decode(raw, type=dict[str, Raw])
    told = body.get("input", Raw(b"[]"))
    if bytes(told)[:1] != b'"':
        return msgspec.json.encode({"input": Raw(b"[]")} | body)
    return msgspec.json.encode(body | {"input": [{"role": "user", "content": told}]})

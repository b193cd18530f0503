"""The items of a streamed answer while they grow: the steps that begin one, go on with it and end it.

Never numbers a step and never frames one: that is `writer`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.events import ToolStarted
from ..values import Head
from .answer import Wire, item_id, write_call, write_message, write_reasoning, write_said

Steps = list[tuple[str, Wire]]
"""Events to be written: their type behind "response.", and their fields."""

IN_PROGRESS = "in_progress"

_find_marks = re.compile(r'\\.?|["{}\[\]]', re.DOTALL).finditer


class Item(ABC):
    """An item on its way.

    Attributes:
        index: its place in the output.
        id: its own, which never changes.
        status: what it will have been once it ends.
    """

    def __init__(self, kind: str, index: int, head: Head) -> None:
        self.index, self.id = index, item_id(kind, index, head)
        self.status = "completed"
        self._said: list[str] = []

    def begin(self) -> Steps:
        """Return what tells that there is one."""
        return [("output_item.added", {"output_index": self.index, "item": self._empty()})]

    def end(self) -> Steps:
        """Return what tells that nothing more will come."""
        return [*self._close(), ("output_item.done", {"output_index": self.index, "item": self.whole()})]

    @abstractmethod
    def whole(self) -> Wire:
        """Return it as it stands in the whole response."""

    @abstractmethod
    def _empty(self) -> Wire: ...

    @abstractmethod
    def _close(self) -> Steps: ...

    def _at(self, **fields: object) -> Wire:
        return {"item_id": self.id, "output_index": self.index, **fields}

    def _text(self) -> str:
        return "".join(self._said)


class Message(Item):
    """A message: runs of text and of refusal, each a part."""

    def __init__(self, index: int, head: Head) -> None:
        super().__init__("msg", index, head)
        self._parts: list[Wire] = []  # those that ended
        self._kind: type[Text | Refusal] | None = None

    def say(self, kind: type[Text | Refusal], text: str) -> Steps:
        """Go on with it, in the same part or in a new one."""
        steps: Steps = []
        if kind is not self._kind:
            steps += self._close()
            self._kind = kind
            steps.append(("content_part.added", self._here(part=write_said(kind("")))))
        self._said.append(text)
        if kind is Text:
            return [*steps, ("output_text.delta", self._here(delta=text, logprobs=[]))]
        return [*steps, ("refusal.delta", self._here(delta=text))]

    def whole(self) -> Wire:
        """Return it with the parts that ended."""
        return write_message(self.id, self._parts, self.status)

    def _empty(self) -> Wire:
        return write_message(self.id, [], IN_PROGRESS)

    def _close(self) -> Steps:
        kind, text = self._kind, self._text()
        if kind is None:
            return []
        part = write_said(kind(text))
        told = self._here(text=text, logprobs=[]) if kind is Text else self._here(refusal=text)
        steps = [("output_text.done" if kind is Text else "refusal.done", told), ("content_part.done", self._here(part=part))]
        self._parts = [*self._parts, part]
        self._kind, self._said = None, []
        return steps

    def _here(self, **fields: object) -> Wire:
        return self._at(content_index=len(self._parts), **fields)


class Reasoning(Item):
    """A reasoning item: one part of a summary, or none where all of it is hidden.

    Attributes:
        signature, redacted: as in `content.Thinking`.
    """

    def __init__(self, index: int, head: Head) -> None:
        super().__init__("rs", index, head)
        self.signature = self.redacted = ""

    def say(self, text: str) -> Steps:
        """Go on with it."""
        steps: Steps = [] if self._said else [("reasoning_summary_part.added", self._here(part=_summary("")))]
        self._said.append(text)
        return [*steps, ("reasoning_summary_text.delta", self._here(delta=text))]

    def whole(self) -> Wire:
        """Return it with its proof, which it gets when it ends."""
        return write_reasoning(self.id, Thinking(self._text(), self.signature, self.redacted))

    def _empty(self) -> Wire:
        return write_reasoning(self.id, Thinking())

    def _close(self) -> Steps:
        if not self._said:
            return []
        text = self._text()
        return [
            ("reasoning_summary_text.done", self._here(text=text)),
            ("reasoning_summary_part.done", self._here(part=_summary(text))),
        ]

    def _here(self, **fields: object) -> Wire:
        return self._at(summary_index=0, **fields)


def _summary(text: str) -> Wire:
    return {"type": "summary_text", "text": text}


class Call(Item):
    """A call of a tool, and how deep in its arguments we are, as far as anybody asked."""

    def __init__(self, index: int, head: Head, started: ToolStarted) -> None:
        super().__init__("ctc" if started.custom else "fc", index, head)
        self._started, self._head = started, head
        self._name = "custom_tool_call_input" if started.custom else "function_call_arguments"
        self._seen = self._depth = 0
        self._in_text = self._is_object = False
        self._half = ""

    def say(self, arguments: str) -> Steps:
        """Go on with its arguments."""
        self._said.append(arguments)
        return [(f"{self._name}.delta", self._at(delta=arguments))]

    def is_whole(self) -> bool:
        """Tell whether its arguments are a whole object; each piece is looked at once, whoever asks how often."""
        if self._started.custom:
            return False  # free text has no end that could be seen
        for piece in self._said[self._seen :]:
            self._look(piece)
        self._seen = len(self._said)
        return self._is_object and self._depth == 0

    def whole(self) -> Wire:
        """Return it with its arguments."""
        return self._write(self._text(), self.status)

    def _empty(self) -> Wire:
        return self._write("", IN_PROGRESS)

    def _close(self) -> Steps:
        steps = self.say("{}") if not self._said and not self._started.custom else []
        field = "input" if self._started.custom else "arguments"
        return [*steps, (f"{self._name}.done", self._at(**{field: self._text()}))]

    def _write(self, arguments: str, status: str) -> Wire:
        started = self._started
        return write_call(ToolCall(started.id, started.name, arguments, started.custom), self.index, self._head, status)

    def _look(self, piece: str) -> None:
        piece, self._half = self._half + piece, ""
        for match in _find_marks(piece):
            mark = match[0]
            if mark == "\\":  # the other half of an escape is in the next piece
                self._half = mark
            elif mark == '"':
                self._in_text = not self._in_text
            elif not self._in_text and len(mark) == 1:
                self._is_object = self._is_object or (mark == "{" and not self._depth)
                self._depth += 1 if mark in "{[" else -1

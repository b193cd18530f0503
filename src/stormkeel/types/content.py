"""Content: what is said in a conversation, in canonical form: messages and their parts.

Never a wire format: a dialect writes it. Data is base64 text as the wire has it: nobody here decodes an image.

    Message("system", "text")    Message("user", (Text(...), Image(...)))    Message("assistant", (Thinking(...), ToolCall(...)))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant"]
CacheLife = Literal["", "short", "long"]
"""A mark that the provider may cache the prompt up to here: none, at its default lifetime, or at the longer one
(`types.usage.Usage` has a bucket for each)."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text, of anybody."""

    text: str
    cache: CacheLife = ""


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture: either its bytes or its address.

    Attributes:
        media_type: as in "image/png"; "" for an address.
        data: base64 text, "" for an address.
        url: an http or https address, "" for data.
        detail: how closely it is looked at, by OpenAI's words: "", "auto", "low", "high", "original".
    """

    media_type: str = ""
    data: str = ""
    url: str = ""
    detail: str = ""
    cache: CacheLife = ""


class File(msgspec.Struct, frozen=True, tag="file"):
    """A document: base64 `data` of a `media_type` (mostly "application/pdf"; "text/plain" holds base64 as well), or a `url`."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    name: str = ""
    cache: CacheLife = ""


class Audio(msgspec.Struct, frozen=True, tag="audio"):
    """Sound a user says: base64 `data` in a `format` such as "wav" or "mp3"."""

    format: str
    data: str


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """The model asks for a tool.

    Attributes:
        id: by which its result is known; unique in a conversation.
        name: the tool's.
        arguments: JSON text, as the model wrote it; "" stands for no argument. Free text for a `custom` tool.
        custom: is it a tool that takes free text (OpenAI's "custom")?
    """

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    cache: CacheLife = ""


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool answered; it stands in a user's message.

    Attributes:
        call_id: the `ToolCall.id` it answers.
        content: text, images and files.
        is_error: did the tool fail?
    """

    call_id: str
    content: tuple[Text | Image | File, ...] = ()
    is_error: bool = False
    cache: CacheLife = ""


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """Reasoning the model shows, or hides in `redacted`; `signature` proves it to the model that made it, and to no other."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The model's words for not answering."""

    text: str


Part = Text | Image | File | Audio | ToolCall | ToolResult | Thinking | Refusal


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Attributes:
        role: who speaks. A tool's result is a part of a user's turn.
        content: the text, or parts; a part given as a dict is in the dialect of the provider asked and passes untouched.
    """

    role: Role
    content: str | Sequence[Part | dict[str, Any]]

    @property
    def text(self) -> str:
        """The text of its text parts, joined."""
        if isinstance(self.content, str):
            return self.content
        return text_of(self.content)


def text_of(parts: Sequence[Part | dict[str, Any]]) -> str:
    """Return what a reader would read of some parts: their text, a refusal's words included."""
    if len(parts) == 1 and type(only := parts[0]) is Text:  # nearly every answer
        return only.text
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal))

"""What is asked, what came back and what was sent, in words of no dialect: the two ends that every cell is compared by.

Never uses anything of ours: not our prompts, not our answers, not our usage. A cell is evidence only because nothing that is tested
takes part in judging it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pydantic

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel, base64."""
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n").decode()
"""A document without pages, base64."""
TOOLS: dict[str, dict[str, Any]] = {
    "look": {
        "type": "object",
        "properties": {"where": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["where", "n"],
    },
    "sound": {"type": "object", "properties": {}},
}
"""The schemas of two tools, one without arguments."""
REEF, SILENCE = "A reef, two miles off.", "No bottom."
"""What the tools find."""


class Sighting(pydantic.BaseModel):
    """What a structured answer must be."""

    where: str
    n: int


class Ask(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        wish: what the sandbox is to answer.
        system: an instruction.
        tools: names of tools that may be called.
        picture, paper: does the user show a picture, a PDF?
        shown: did a tool show a picture, in the turns before?
        form: must the answer be a `Sighting`?
        limit: the most output tokens.
        stop: a text that ends the answer.
        thinks: is the model to think, and show it?
        mark: what this request is found by among all that the sandbox got.
    """

    wish: dict[str, Any] = {}
    system: str = ""
    tools: tuple[str, ...] = ()
    picture: bool = False
    paper: bool = False
    shown: bool = False
    form: bool = False
    limit: int | None = None
    stop: str = ""
    thinks: bool = False
    mark: str = ""

    @property
    def words(self) -> str:
        """What the user says."""
        return f"Go on. [{self.mark}]\nsandbox: {json.dumps(self.wish)}"


class Call(msgspec.Struct, frozen=True):
    """A tool's call: `id` as told, "" where none was."""

    name: str
    arguments: Any
    id: str = ""


class Said(msgspec.Struct, frozen=True):
    """A finished answer, as its SDK's object says it; `finish` and `usage` in the words and the counting of the client's dialect.

    Attributes:
        parsed: what the SDK made of a structured answer, None where it makes nothing.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = ""
    usage: dict[str, int] = {}
    model: str = ""
    thoughts: str = ""
    refusal: str = ""
    parsed: Sighting | None = None


class Sent(msgspec.Struct, frozen=True):
    """What the provider was asked, read from the bytes it got.

    Attributes:
        pictures, papers: what the user shows, base64.
        results: the texts of tools' results.
        result_pictures: pictures inside tools' results, base64.
        schema: of the answer.
        thoughts: what proves that thoughts are the provider's own, as it got it back.
        names: the tools it may call.
    """

    system: str = ""
    pictures: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    result_pictures: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

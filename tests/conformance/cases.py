"""The cases: what each cell of the table asks, and what must come of it.

Never knows a dialect: clients say it in their own words, and `limits.py` holds what a dialect has no words for.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from asked import PDF, PNG, REEF, SILENCE, Ask, Sighting

from stormkeel.sandbox.answer import pieces

TEXT = "The sea is calm today, and so are we."
LONG = "The wind has turned to the north, the glass is falling, and we have taken in every sail but one. " * 3
CUT = 16
"""Tokens of the shortest answer that every provider may be asked for."""
SYSTEM = "You are the look-out."
THOUGHTS = "The glass is falling, so I look twice."
NO = "I will not steer onto the reef."
FOUND = {"look": REEF, "sound": SILENCE}
LOOK: dict[str, Any] = {"name": "look", "arguments": {"where": "bow", "n": 2}}
SOUND: dict[str, Any] = {"name": "sound", "arguments": {}}
USAGE = {"input": 11, "cached": 5, "cache_write": 4, "output": 9, "reasoning": 2}


class Case(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        title: what the page calls it.
        ask: the request.
        finish: how the answer ends: a key of each client's `FINISHES`.
        text: what is said, where that is not the whole of what was wished.
        then: what is asked next: the tools' results and this; None where there is no second turn.
        carries: must the second turn bring the model its thoughts back?
        abroad: does the second turn go to another model than the first?
        sent: what the provider must have been asked, by the names of `Sent`.
    """

    title: str
    ask: Ask
    finish: str = "stop"
    text: str | None = None
    then: Ask | None = None
    carries: bool = False
    abroad: bool = False
    sent: dict[str, Any] = {}


_THINKING = Ask({"reasoning_text": THOUGHTS, "tools": [LOOK]}, tools=("look",), thinks=True)
_AFTER = Ask({"answer": TEXT}, tools=("look",), thinks=True)

CASES: dict[str, Case] = {
    "text": Case("text, with an instruction", Ask({"answer": TEXT}, system=SYSTEM), sent={"system": SYSTEM}),
    "one tool": Case(
        "one tool", Ask({"answer": "Looking.", "tools": [LOOK]}, tools=("look",)), "tools", sent={"names": ("look",)},
    ),
    "two tools": Case("two parallel tools", Ask({"tools": [LOOK, SOUND]}, tools=("look", "sound")), "tools"),
    "no arguments": Case("a tool without arguments", Ask({"tools": [SOUND]}, tools=("sound",)), "tools"),
    "answered": Case(
        "their calls answered", Ask({"tools": [LOOK, SOUND]}, tools=("look", "sound")),
        then=Ask({"answer": TEXT}, tools=("look", "sound")), sent={"results": (REEF, SILENCE)},
    ),
    "picture in a result": Case(
        "a tool's result with a picture", Ask({"answer": TEXT}, tools=("look", "sound"), shown=True),
        sent={"results": (REEF, SILENCE), "result_pictures": (PNG,)},
    ),
    "picture": Case("a picture", Ask({"answer": TEXT}, picture=True), sent={"pictures": (PNG,)}),
    "paper": Case("a PDF", Ask({"answer": TEXT}, paper=True), sent={"papers": (PDF,)}),
    "form": Case(
        "structured output", Ask({"answer": json.dumps({"where": "bow", "n": 2})}, form=True), sent={"schema": Sighting},
    ),
    "refusal": Case("a refusal", Ask({"refusal": NO}), "refusal", text=""),
    "length": Case(
        "an answer cut by its limit", Ask({"answer": LONG}, limit=CUT), "length", text="".join(pieces(LONG)[:CUT]), sent={"limit": CUT},
    ),
    "stop": Case("a stop sequence", Ask({"answer": TEXT}, stop="calm"), "stopped", text="The sea is ", sent={"stops": ("calm",)}),
    "usage": Case("usage, with a cache", Ask({"answer": TEXT, "usage": USAGE})),
    "thinking": Case("thinking", Ask({"reasoning_text": THOUGHTS, "answer": TEXT}, thinks=True)),
    "thinking back": Case("thinking, given back to its model", _THINKING, then=_AFTER, carries=True, sent={"results": (REEF,)}),
    "thinking abroad": Case("a conversation begun with another model", _THINKING, then=_AFTER, abroad=True, sent={"results": (REEF,)}),
}  # fmt: skip

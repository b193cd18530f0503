"""What can't be, and why: each stated impossibility, as a row that the run holds to the letter."""

from __future__ import annotations

from typing import Any

import msgspec
from asked import PNG


class Limit(msgspec.Struct, frozen=True):
    """One stated impossibility.

    Attributes:
        reason: why, for the page.
        differs: what exactly is not as scripted, by the names of `judge.differences`; not more and not less.
        told: what `x-stormkeel-lossy` must name.
        refused: words of the refusal; "" where there is an answer.
        instead: what the provider must have been asked in its place, by the names of `Sent`.
    """

    reason: str
    differs: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()
    refused: str = ""
    instead: dict[str, Any] = {}


def _limit(reason: str, differs: str = "", told: str = "", refused: str = "") -> Limit:
    return Limit(reason, frozenset(name for name in differs.split(", ") if name), tuple(told.split()), refused)


_TEXT_ONLY = "a tool message of chat completions holds text only: the picture is shown by the user, in the next message"
_NO_WORDS = "Gemini tells that it refuses, and has no field for the model's words"
_WORDS_AS_TEXT = "a refusal's words are told as the answer's text, where every client shows them"
_NO_STOP = "responses have no field for stop sequences: the answer goes on"
_NO_STOP_HERE = "responses have no field for stop sequences: their SDK can't ask"
_WHICH_STOP = "the provider tells no stop sequence from an ordinary end"
_HIDDEN = "chat completions show no thoughts: they are counted, and that is all"
_UNPROVED = "chat completions have no field for what proves a thought: the model goes on without it"
_NOT_ASKED = "chat completions can't ask that thoughts be shown, and responses show none unasked"

_MOVED = msgspec.structs.replace(_limit(_TEXT_ONLY, "sent result_pictures"), instead={"pictures": (PNG,)})
LIMITS: dict[tuple[str, str, str], Limit] = {
    ("chat", "*", "picture in a result"): _MOVED,
    ("*", "chat", "picture in a result"): _MOVED,
    ("chat", "gemini", "refusal"): _limit(_NO_WORDS, "finish, refusal"),
    ("responses", "gemini", "refusal"): _limit(_NO_WORDS, "finish, refusal"),
    ("messages", "gemini", "refusal"): _limit(_NO_WORDS, "refusal"),
    ("gemini", "gemini", "refusal"): _limit(_NO_WORDS, "finish, refusal"),
    ("messages", "chat", "refusal"): _limit(_WORDS_AS_TEXT, "text, refusal"),
    ("messages", "responses", "refusal"): _limit(_WORDS_AS_TEXT, "text, refusal"),
    ("gemini", "*", "refusal"): _limit(_WORDS_AS_TEXT, "text, refusal"),
    ("responses", "*", "stop"): _limit(_NO_STOP_HERE, "text, sent stops"),
    ("messages", "responses", "stop"): _limit(_NO_STOP, "text, finish, sent stops", "stop_sequences"),
    ("chat", "responses", "stop"): _limit(_NO_STOP, "text, sent stops", "stop"),
    ("gemini", "responses", "stop"): _limit(_NO_STOP, "text, sent stops", "generationConfig.stopSequences"),
    ("messages", "chat", "stop"): _limit(_WHICH_STOP, "finish"),
    ("messages", "gemini", "stop"): _limit(_WHICH_STOP, "finish"),
    ("chat", "chat", "thinking"): _limit(_HIDDEN, "thoughts"),
    ("responses", "chat", "thinking"): _limit(_HIDDEN, "thoughts", "reasoning.summary"),
    ("messages", "chat", "thinking"): _limit(_HIDDEN, "thoughts", "thinking"),
    ("gemini", "chat", "thinking"): _limit(_HIDDEN, "thoughts", "generationConfig.thinkingConfig.includeThoughts"),
    ("chat", "responses", "thinking"): _limit(_NOT_ASKED, "thoughts"),
    ("*", "chat", "thinking back"): _limit(_UNPROVED, "sent thoughts"),
    ("chat", "*", "thinking back"): _limit(_UNPROVED, "sent thoughts"),
}


def limit_of(client: str, upstream: str, case: str) -> Limit | None:
    """Return what is stated of a cell; a "*" stands for any."""
    for key in ((client, upstream, case), (client, "*", case), ("*", upstream, case)):
        if key in LIMITS:
            return LIMITS[key]
    return None

"""The answer itself: words by seed, cut to length, counted.

Never knows a wire format. One token is one piece of `pieces()`: up to eight letters or digits with the blank before them, or
one sign. It is no real tokenizer; it is exact, fast and easy to check by hand.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.ask import Asked, UsageWish, Wish
from stormkeel.sandbox.bill import Tokens

_PIECE = re.compile(r"\s?\w{1,8}|\s?[^\w\s]|\s")
# fmt: off
_WORDS = (
    "anchor", "breeze", "current", "deck", "ebb", "fathom", "gale", "harbour", "island", "jetty", "keel",
    "lantern", "mast", "north", "ocean", "port", "quay", "rope", "sail", "tide", "under", "vessel", "wave", "yard",
    "bright", "calm", "deep", "early", "far", "grey", "high", "inner", "light", "narrow", "open", "quiet", "rough",
    "steady", "true", "upper", "warm", "and", "but", "for", "from", "into", "over", "past", "the", "through", "with",
)
# fmt: on
_FILTERED_AFTER = 4  # tokens that get out before a filter steps in


class Call(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text."""

    name: str
    arguments: str


class Choice(msgspec.Struct, frozen=True):
    """One answer: its text in pieces, and why it ended: "stop", "length", "stop_sequence", "filter" or "tools"."""

    pieces: tuple[str, ...]
    finish: str = "stop"
    stop: str | None = None
    calls: tuple[Call, ...] = ()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


class Answer(msgspec.Struct, frozen=True):
    """All choices, and the tokens to report; `usage` False leaves the report out (fault no_usage)."""

    model: str
    choices: tuple[Choice, ...]
    tokens: Tokens
    usage: bool = True

    @property
    def pieces(self) -> int:
        """How many tokens of content there are to write."""
        return sum(len(choice.pieces) + count([call.arguments for call in choice.calls]) for choice in self.choices)


def pieces(text: str) -> list[str]:
    """Cut text into tokens; joined again they are the text.

    >>> pieces("Hello, interoperable world")
    ['Hello', ',', ' interope', 'rable', ' world']
    """
    return _PIECE.findall(text)


def count(texts: Sequence[str]) -> int:
    """Return the tokens of several texts."""
    return sum(len(pieces(text)) for text in texts)


def compose(asked: Asked, wish: Wish, seed: int, *, filtered: bool = False, usage: bool = True) -> Answer:
    """Write the answer to a request: the same for the same seed, model and conversation, streamed or not.

    Args:
        asked: The request.
        wish: What the asker chose.
        seed: The sandbox's seed.
        filtered: Let a content filter break every choice off.
        usage: Report usage.
    """
    rng = random.Random(_digest(asked, seed))  # noqa: S311 (words, not secrets)
    choices = tuple(_choice(asked, wish, rng, filtered=filtered) for _ in range(asked.count))
    return Answer(asked.model, choices, _tokens(asked, wish.usage or UsageWish(), choices), usage)


def _choice(asked: Asked, wish: Wish, rng: random.Random, *, filtered: bool) -> Choice:
    calls = _calls(asked, wish)
    if calls:
        return Choice(tuple(pieces(wish.answer or "")), "tools", None, calls)
    text = wish.answer if wish.answer is not None else _words(rng, wish.tokens)
    cut, stop = _stopped(text, asked.stops)
    kept = pieces(cut)
    if filtered:
        return Choice(tuple(kept[:_FILTERED_AFTER]), "filter")
    if asked.limit is not None and len(kept) > asked.limit:
        return Choice(tuple(kept[: asked.limit]), "length")
    return Choice(tuple(kept), "stop" if stop is None else "stop_sequence", stop)


def _calls(asked: Asked, wish: Wish) -> tuple[Call, ...]:
    if wish.tools is not None:
        return tuple(Call(tool.name, msgspec.json.encode(tool.arguments).decode()) for tool in wish.tools)
    return () if asked.tool is None else (Call(asked.tool, "{}"),)


def _words(rng: random.Random, tokens: int | None) -> str:
    """Write exactly `tokens` tokens: words of one token each, every twelfth token a full stop."""
    length = rng.randrange(16, 48) if tokens is None else tokens
    drawn = rng.choices(_WORDS, k=length)
    text = "".join("." if place % 12 == 11 else f" {word}" for place, word in enumerate(drawn))
    return text[1:].capitalize()


def _stopped(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """Cut before the earliest stop sequence."""
    found = [(place, stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    if not found:
        return text, None
    place, stop = min(found)
    return text[:place], stop


def _tokens(asked: Asked, wish: UsageWish, choices: tuple[Choice, ...]) -> Tokens:
    written = sum(len(choice.pieces) + count([call.arguments for call in choice.calls]) for choice in choices)
    return Tokens(
        input=count(asked.prompt) + asked.extra_tokens if wish.input is None else wish.input,
        cached=wish.cached,
        cache_write=wish.cache_write,
        cache_write_1h=wish.cache_write_1h,
        output=written + wish.reasoning if wish.output is None else wish.output,
        reasoning=wish.reasoning,
    )


def _digest(asked: Asked, seed: int) -> bytes:
    return hashlib.blake2b(msgspec.json.encode((seed, asked.model, asked.prompt)), digest_size=16).digest()

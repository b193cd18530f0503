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

from stormkeel.sandbox.ask import Asked, ToolWish, UsageWish, Wish
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


class Call(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text, or any text if the tool is `custom`."""

    name: str
    arguments: str
    custom: bool = False


class Choice(msgspec.Struct, frozen=True):
    """One answer: reasoning, text and refusal in pieces, in this order, then calls.

    `finish` says why it ended: "stop", "length", "stop_sequence", "tools", "refused" (by the model itself), "filter" or "failed".
    """

    pieces: tuple[str, ...]
    finish: str = "stop"
    stop: str | None = None
    calls: tuple[Call, ...] = ()
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def written(self) -> int:
        """How many tokens there are to write."""
        said = len(self.reasoning) + len(self.pieces) + len(self.refusal)
        return said + count([call.arguments for call in self.calls])


class Break(msgspec.Struct, frozen=True):
    """An answer breaks off: `finish` says how, after `tokens` tokens of text (or of anything, with `anywhere`)."""

    finish: str
    tokens: int
    anywhere: bool = False


class Answer(msgspec.Struct, frozen=True):
    """All choices, and the tokens to report; `usage` False leaves the report out (fault no_usage)."""

    model: str
    choices: tuple[Choice, ...]
    tokens: Tokens
    usage: bool = True

    @property
    def pieces(self) -> int:
        """How many tokens of content there are to write."""
        return sum(choice.written for choice in self.choices)


def pieces(text: str) -> list[str]:
    """Cut text into tokens; joined again they are the text.

    >>> pieces("Hello, interoperable world")
    ['Hello', ',', ' interope', 'rable', ' world']
    """
    return _PIECE.findall(text)


def count(texts: Sequence[str]) -> int:
    """Return the tokens of several texts."""
    return sum(len(pieces(text)) for text in texts)


def compose(asked: Asked, wish: Wish, seed: int, *, breaks: Break | None = None, usage: bool = True) -> Answer:
    """Write the answer to a request: the same for the same seed, model and conversation, streamed or not.

    Args:
        asked: The request.
        wish: What the asker chose.
        seed: The sandbox's seed.
        breaks: Let every choice break off.
        usage: Report usage.
    """
    rng = random.Random(_digest(asked, seed))  # noqa: S311 (words, not secrets)
    choices = tuple(_choice(asked, wish, rng, breaks) for _ in range(asked.count))
    return Answer(asked.model, choices, _tokens(asked, wish.usage or UsageWish(), choices), usage)


def _choice(asked: Asked, wish: Wish, rng: random.Random, breaks: Break | None) -> Choice:
    reasoning = tuple(pieces(wish.reasoning_text or "")) if asked.thinks else ()
    calls = _calls(asked, wish)
    if calls:
        whole = Choice(tuple(pieces(wish.answer or "")), "tools", None, calls, reasoning)
        return whole if breaks is None else _broken(whole, breaks)
    text, stop = _stopped(_text(wish, rng), asked.stops)
    finish = "refused" if wish.refusal else "stop" if stop is None else "stop_sequence"
    refusal = () if asked.mute else tuple(pieces(wish.refusal or ""))
    whole = Choice(tuple(pieces(text)), finish, stop, (), reasoning, refusal)
    if breaks is not None:
        return _broken(whole, breaks)
    if asked.limit is not None and whole.written > asked.limit:
        return _cut(whole, asked.limit, "length")
    return whole


def _text(wish: Wish, rng: random.Random) -> str:
    if wish.answer is not None:
        return wish.answer
    return "" if wish.refusal else _words(rng, wish.tokens)


def _broken(choice: Choice, breaks: Break) -> Choice:
    return _cut(choice, breaks.tokens + (0 if breaks.anywhere else len(choice.reasoning)), breaks.finish)


def _cut(choice: Choice, length: int, finish: str) -> Choice:
    """Keep the first tokens of an answer, its reasoning first; no tool is called any more."""
    reasoning = choice.reasoning[:length]
    kept = choice.pieces[: length - len(reasoning)]
    refusal = choice.refusal[: length - len(reasoning) - len(kept)]
    return Choice(kept, finish, None, (), reasoning, refusal)


def _calls(asked: Asked, wish: Wish) -> tuple[Call, ...]:
    if wish.tools is not None:
        return tuple(_call(tool) for tool in wish.tools)
    return () if asked.tool is None else (Call(asked.tool, "" if asked.custom else "{}", asked.custom),)


def _call(tool: ToolWish) -> Call:
    if tool.input is not None:
        return Call(tool.name, tool.input, custom=True)
    return Call(tool.name, msgspec.json.encode(tool.arguments).decode())


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
    """Count what was not wished; reasoning that is written counts as such, unless another number is wished."""
    thought = sum(len(choice.reasoning) for choice in choices)
    reasoning = wish.reasoning or thought
    output = sum(choice.written for choice in choices) - thought + reasoning if wish.output is None else wish.output
    return Tokens(
        input=count(asked.prompt) + asked.extra_tokens if wish.input is None else wish.input,
        cached=wish.cached,
        cache_write=wish.cache_write,
        cache_write_1h=wish.cache_write_1h,
        output=output,
        reasoning=min(reasoning, output),
    )


def _digest(asked: Asked, seed: int) -> bytes:
    return hashlib.blake2b(msgspec.json.encode((seed, asked.model, asked.prompt)), digest_size=16).digest()

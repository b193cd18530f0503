"""Upper bounds and estimates of tokens where nobody has counted yet.

Never a promise of the exact number: a bound is never too small for text, an estimate never meant to be. A token holds at least
one byte of text, so a body's bytes bound its tokens; images and files are counted by what they can cost at most.
"""

from __future__ import annotations

import re

import msgspec

from ..catalog.costly import COSTLY, REFERENCES
from ..types.usage import Usage
from .count import encoding_of

IMAGE_TOKENS = 8_192  # more than any published tile or patch rule asks for one image
UNKNOWN_WINDOW = 10_000_000  # the largest there is (docs/wire.md, Context windows)
UNKNOWN_OUTPUT = 131_072
TOOLS_TOKENS = 4_096  # more than the hidden instructions that providers put before a request with tools
_SPECIAL = re.compile(b'"(?:' + COSTLY + b")").search
_BY_REFERENCE = re.compile(b'"(?:' + REFERENCES + b")").search
_INLINE = re.compile(rb'"inline_?[dD]ata"').findall
_TERMS = re.compile(rb'"(?:service_?[tT]ier|speed)"').search
_SPELT_OUT = re.compile(rb"\\u00(?:4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])").search  # a letter or `_` as an escape
BYTES_PER_TOKEN = 2  # English runs at about 4, dense code and CJK at about 2: low, so that an estimate errs upwards
UNSEEN_TOKENS = 64  # what a provider may have written that never reached us
FASTEST = 4_000
"""Output tokens a second that nobody exceeds: the fastest that is published is about 3,000 (Cerebras, gpt-oss-120b, 2026)."""


def is_plain(raw: bytes) -> bool:
    """Tell whether a body is text and nothing else, on standard terms: its bytes bound its tokens. One quick look, mostly."""
    return _SPECIAL(raw) is None and (b"\\" not in raw or b"\\u00" not in raw)  # one byte is found far quicker


def input_bound(raw: bytes, window: int | None = None) -> int:
    """Return the most input tokens a request body can cost.

    Args:
        raw: the request's body.
        window: the model's context window in tokens, None where it is unknown.
    """
    window, bound = window or UNKNOWN_WINDOW, len(raw)
    if not is_plain(raw):
        if _BY_REFERENCE(raw) or _may_hide_names(raw):
            return window
        bound += IMAGE_TOKENS * max(raw.count(b'"image'), len(_INLINE(raw)))  # Gemini's stand inline, and say so beside it
        bound += TOOLS_TOKENS if b'"tools"' in raw else 0
    return bound if bound < window else window


def names_terms(raw: bytes) -> bool:
    """Tell whether a body may ask for other terms than the standard ones (a priority or flex tier, fast mode)."""
    return _TERMS(raw) is not None or _may_hide_names(raw)


def _may_hide_names(raw: bytes) -> bool:
    """Tell whether a name may be spelt in escapes, as no encoder does unasked: then no search for names finds it."""
    return b"\\u00" in raw and _SPELT_OUT(raw) is not None


def input_estimate(raw: bytes) -> int:
    """Return about how many input tokens a body has, on the high side."""
    return len(raw) // BYTES_PER_TOKEN + 1


def output_bound(asked: int | None, largest: int | None, choices: int) -> int:
    """Return the most output tokens an attempt can cost.

    Args:
        asked: the request's own limit, None where it names none.
        largest: the model's largest output, None where it is unknown.
        choices: answers asked for.
    """
    limit = asked if asked is not None else (largest or UNKNOWN_OUTPUT)
    return limit * choices


def written_bound(seconds: float, choices: int) -> int:
    """Return the most output tokens that a model can have written in so many seconds, of so many answers at once."""
    return (int(max(0.0, seconds) * FASTEST) + UNSEEN_TOKENS) * choices


def estimate_usage(reported: Usage | None, raw: bytes, output_bytes: int, bounds: tuple[int, int]) -> Usage:
    """Return what an attempt that broke off has probably cost, within its bounds.

    Args:
        reported: what the provider had said by then, None if nothing.
        raw: the request's body.
        output_bytes: bytes of output text that were seen.
        bounds: the reservation's input and output tokens.
    """
    seen = output_bytes // BYTES_PER_TOKEN + UNSEEN_TOKENS
    if reported is None or reported.total_input == 0:
        return Usage(input=min(input_estimate(raw), bounds[0]), output=min(seen, bounds[1]))
    short = min(seen, bounds[1]) - reported.total_output
    if short <= 0:
        return reported
    return Usage(
        input=reported.input,
        cache_read=reported.cache_read,
        cache_write=reported.cache_write,
        cache_write_long=reported.cache_write_long,
        audio_input=reported.audio_input,
        output=reported.output + short,
        reasoning=reported.reasoning,
        audio_output=reported.audio_output,
    )


# -- too long for certain ------------------------------------------------------------------------------------------------

ROUNDED = 16  # a window in the catalog may be rounded down by as much as a sixteenth of it (1,000,000 for 1,050,000)
TOKENS_A_WORD = 4  # more than words have on average, in prose or code: a text of far fewer words needs no closer look
_BLANK = b" \t\n\r"
_LETTER = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + bytes(range(128, 256))
_KINDS = bytes(32 if byte in _BLANK else 97 if byte in _LETTER else 46 for byte in range(256))


class _Part(msgspec.Struct):
    text: str = ""


class _Turn(msgspec.Struct):
    content: str | list[_Part] | None = None
    parts: list[_Part] | None = None


class _Conversation(msgspec.Struct):
    """What any dialect calls what was said: messages, input or contents."""

    messages: list[_Turn] = []
    system: str | list[_Part] | None = None
    input: str | list[_Turn] | None = None
    instructions: str | None = None
    contents: list[_Turn] = []
    systemInstruction: _Turn | None = None


def surely_exceeds(raw: bytes, window: int, encoding: str = "") -> int:
    """Return the fewest tokens that the text of a body can have where that is more than a window, else 0.

    A token does not reach over a blank into the next word, in any encoding that a hosted model's maker has published; so there
    are at least as many tokens as there are words that begin with a letter after a blank. Pictures, documents, tools and a
    model's thoughts are not counted, and neither is a body that is no conversation of any dialect.

    Args:
        raw: the body; ask only about one with more bytes than the window has tokens, as others can't exceed it by text.
        window: input tokens that fit, as the catalog has it.
        encoding: the model's public encoding, which counts to the token where the extra `tokens` is installed; "" for none.
    """
    texts = _texts(raw)
    most = window + window // ROUNDED
    least = sum(map(words, texts))
    if least > most:
        return least
    measure = encoding_of(encoding) if least * TOKENS_A_WORD > most else None
    counted = 0 if measure is None else int(measure(texts))
    return counted if counted > most else 0


def words(text: str) -> int:
    """Return how many words begin with a letter, after a blank or at the start.

    >>> words("one two,three  (four) 5 six"), words("sea\\nsea"), words("")
    (3, 2, 0)
    """
    kinds = b" " + text.encode("utf-8", "replace").translate(_KINDS)
    return kinds.count(b" a")


def _texts(raw: bytes) -> list[str]:
    """Return the texts of a conversation, of any dialect."""
    try:
        told = msgspec.json.decode(raw, type=_Conversation)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    turns = [*told.messages, *told.contents, *([told.systemInstruction] if told.systemInstruction else ())]
    said = told.input if isinstance(told.input, list) else []
    contents = [told.system, told.instructions, told.input if isinstance(told.input, str) else None]
    contents += [content for turn in (*turns, *said) for content in (turn.content, turn.parts)]
    found: list[str] = []
    for content in contents:
        if isinstance(content, str):
            found.append(content)
        elif content:
            found += [part.text for part in content]
    return found

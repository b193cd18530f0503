"""The commit point of a stream: how much of an answer must be here before the client is sent any of it.

Never holds a byte: `engine/relay.py` does. Until the commit point a failure is invisible and somebody else may be asked.

    "first_token"   the first content
    "tokens:N"      about N tokens of content, or the end
    "complete"      the end: the answer is whole
"""

from __future__ import annotations

from math import inf

from .base import within

FIRST, TOKENS, WHOLE = "first_token", "tokens:", "complete"
BYTES_A_TOKEN = 4  # of English; other languages and code have fewer, so a little more than N tokens is held of them
MOST_TOKENS = 100_000
MOST_HELD = 16 * 1024 * 1024
"""Bytes of frames that are held for one stream at most; beyond it they go out, for holding more would help nobody (ours)."""


def bytes_held(commit: str) -> float:
    """Return how many bytes of content are held back: 0 for the first content, infinity for the whole answer.

    Raises:
        ValueError: it is no commit point; the words name the setting and the mend.
    """
    if commit in POINTS:
        return POINTS[commit]
    count = commit.removeprefix(TOKENS)
    if count == commit or not (count.isascii() and count.isdigit() and len(count) <= len(str(MOST_TOKENS))):
        raise ValueError(f'`commit` is "{commit}": give "{FIRST}", "{TOKENS}N" with a number for N, or "{WHOLE}"')
    within("commit", int(count), 1, MOST_TOKENS, "tokens")
    return int(count) * BYTES_A_TOKEN


POINTS = {FIRST: 0.0, WHOLE: inf}


def commit_of(text: str) -> str:
    """Return a commit point that a request asks for, "" where it is none: then its route's stands."""
    try:
        bytes_held(text)
    except ValueError:
        return ""
    return text

"""Where a text that broke off and what somebody else says meet: pure text, a piece at a time.

Never changes a word and never says one twice. What can't be told yet is held; `None` is "these two do not meet".

    Anew      the whole answer again: goes on where all that was sent was said once more, to the letter
    Begun     the rest of a turn that was begun: nothing is said twice, but for the blanks at its end
    Asked     the rest, as somebody was asked for it in words: what it repeats of the end is left out
"""

from __future__ import annotations

from typing import Protocol

ANCHOR = 60  # characters that whoever is asked to go on is asked to repeat, so that it is seen where
LEAST = 4  # characters that must agree for them to count as repeated, where it repeats something else
FARTHEST = 400  # characters from the end in which what is repeated may begin, but for all of it


class Seam(Protocol):
    """Joins what comes to what was sent."""

    def feed(self, text: str) -> str | None:
        """Take a piece; return what of it goes on, "" while that is not known, None where it does not."""
        ...

    def end(self) -> str | None:
        """Nothing more comes, or something else than text: return what was held and goes on, None where it does not."""
        ...


class Anew:
    """The answer, told once more from its beginning."""

    __slots__ = ("_at", "_sent")

    def __init__(self, sent: str) -> None:
        self._sent = sent
        self._at = 0

    def feed(self, text: str) -> str | None:
        """Compare a piece with what was sent."""
        left = len(self._sent) - self._at
        if not left:
            return text
        told = text[:left]
        if not self._sent.startswith(told, self._at):
            return None
        self._at += len(told)
        return text[left:]

    def end(self) -> str | None:
        """Say whether all of it was said again."""
        return "" if self._at == len(self._sent) else None


class Begun:
    """The rest of a turn that was begun, of which the blanks at its end were not shown: no API takes them."""

    __slots__ = ("_blanks",)

    def __init__(self, sent: str) -> None:
        self._blanks = sent[len(sent.rstrip()) :]

    def feed(self, text: str) -> str:
        """Leave out the blanks that are said again."""
        blanks, self._blanks = self._blanks, ""
        count = 0
        while count < min(len(blanks), len(text)) and text[count] == blanks[count]:
            count += 1
        if count == len(text):
            self._blanks = blanks[count:]
        return text[count:]

    def end(self) -> str:
        """Nothing more: the turn was whole as it was."""
        return ""


class Asked:
    """The rest, by somebody who was asked for it, and to repeat the last words first; who may have repeated others, or none."""

    __slots__ = ("_anchor", "_blanks", "_end", "_held", "_is_joined")

    def __init__(self, sent: str) -> None:
        self._end = sent.rstrip()
        self._blanks = Begun(sent)
        self._anchor = anchor_of(sent)
        self._held = ""
        self._is_joined = False

    def feed(self, text: str) -> str:
        """Hold a piece until it is known what of it is repeated."""
        if self._is_joined:
            return self._blanks.feed(text)
        self._held += text
        said = self._held.lstrip()
        if not said or (not said.startswith(self._anchor) and self._may_repeat_more(said)):
            return ""
        return self._join(said)

    def end(self) -> str | None:
        """Say what was held, if it is more than a piece of what was sent."""
        if self._is_joined:
            return ""
        said = self._held.lstrip()
        return self._join(said) if self._repeated(said) or (said and not self._may_repeat_more(said)) else None

    def _join(self, said: str) -> str:
        self._is_joined = True
        count = len(self._anchor) if said.startswith(self._anchor) else self._repeated(said)
        return self._blanks.feed(said[count:] if count else self._held)

    def _may_repeat_more(self, said: str) -> bool:
        """Could it still become known that more of the end is repeated?"""
        end = self._end
        return any(len(said) < len(end) - start and end.startswith(said, start) for start in self._starts())

    def _repeated(self, said: str) -> int:
        """Return how many characters of the end are repeated, 0 where it may be chance."""
        size = len(self._end)
        enough = (at for at in self._starts() if size - at >= LEAST or not at)
        return next((size - at for at in enough if said.startswith(self._end[at:])), 0)

    def _starts(self) -> list[int]:
        """Where in the end what is repeated may begin; the farthest first."""
        return [0, *range(max(1, len(self._end) - FARTHEST), len(self._end))]


def anchor_of(sent: str) -> str:
    """Return the last words of a text, without the blanks behind them.

    >>> anchor_of("one two "), anchor_of("word " * 20 + "half-a-wo")[:9]
    ('one two', 'word word')
    """
    told = sent.rstrip()
    if len(told) <= ANCHOR:
        return told.lstrip()
    tail = told[-ANCHOR:]
    words = tail.split(maxsplit=1)
    return words[1] if len(words) > 1 else tail

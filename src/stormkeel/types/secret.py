"""Secret: text that must not be seen, as a value that hides itself wherever it might be written down.

Never stored, never logged, never part of an error: `reveal()` is the one way to the text, and only whoever sends it may call it
(INV-17).
"""

from __future__ import annotations

import hmac
from typing import Never

HIDDEN = "***"
SHOWN = 7  # characters of a long secret that people may see, so that they can tell which one is meant
LONG = 20  # characters from which on showing the first few gives nothing away


class Secret:
    """Text that hides itself from `repr`, `str`, `format`, JSON and pickle.

    >>> Secret("a very secret text"), f"{Secret('a very secret text'):>5}"
    (Secret(***), '  ***')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    @property
    def hint(self) -> str:
        """The first few characters where the text is long, else nothing: enough to tell which secret is meant."""
        return self._text[:SHOWN] + "..." if len(self._text) >= LONG else HIDDEN

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> Never:
        raise TypeError("a Secret is not written down: pickle its reference instead, such as env:NAME")

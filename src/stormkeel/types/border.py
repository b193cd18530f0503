"""Border: where a request may go, by the tags of who would be asked: the places it stays in, and the terms it goes on.

Never knows what a tag means: its owner does. Tags are compared in small letters.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec


class Border(msgspec.Struct, frozen=True, omit_defaults=True):
    """What whoever is asked must have.

    Attributes:
        within: tags of which it has one, as in ("eu", "ch"); () for no matter which.
        requires: tags of which it has each, as in ("zdr",).
    """

    within: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Does it keep anybody out?"""
        return bool(self.within or self.requires)

    def lets(self, tags: Collection[str]) -> bool:
        """May somebody with these tags be asked?"""
        return (not self.within or any(tag in tags for tag in self.within)) and all(tag in tags for tag in self.requires)

    def __str__(self) -> str:
        """Say it for people: within "eu" or "ch", with "zdr"."""
        parts = [f"within {_quoted(self.within, ' or ')}"] if self.within else []
        return ", ".join([*parts, f"with {_quoted(self.requires, ' and ')}"] if self.requires else parts)


NO_BORDER = Border()


def border_of(within: Collection[str], requires: Collection[str]) -> Border:
    """Return the border that somebody wrote, in small letters."""
    return Border(tuple(tag.lower() for tag in within), tuple(tag.lower() for tag in requires))


def listed(text: str) -> list[str]:
    """Return the words of a list by commas, as in a header.

    >>> listed("eu, ch,")
    ['eu', 'ch']
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def tags_in_words(tags: Collection[str]) -> str:
    """Say which tags somebody has: 'tagged "us" and "zdr"', "untagged"."""
    return f"tagged {_quoted(tags, ' and ')}" if tags else "untagged"


def _quoted(tags: Collection[str], between: str) -> str:
    return between.join(f'"{tag}"' for tag in tags)

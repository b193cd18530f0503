"""The answers a sandbox keeps, so that they can be fetched, deleted, and carried on with `previous_response_id`.

Never decides what is kept (`store` does) and never forgets but the oldest, when there are too many.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from stormkeel.sandbox.openai.shape import Json


class Kept(msgspec.Struct, frozen=True):
    """One answer: the response object, the items that were sent for it, and the whole conversation up to its last item."""

    response: Json
    items: tuple[Json, ...]
    history: tuple[Json, ...]

    @property
    def id(self) -> str:
        """The id of the response."""
        return str(self.response["id"])


class Shelf:
    """The answers kept, the latest `keep` of them, and their items by id."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept: dict[str, Kept] = {}
        self._items: dict[str, Json] = {}
        self._partners: dict[str, str] = {}

    def put(self, kept: Kept) -> None:
        """Keep an answer."""
        self._kept[kept.id] = kept
        self._items |= {str(item["id"]): item for item in _items(kept)}
        pairs = pairwise(kept.response["output"])
        self._partners |= {after["id"]: before["id"] for before, after in pairs if before["type"] == "reasoning"}
        if len(self._kept) > self._keep:
            self.drop(next(iter(self._kept)))

    def get(self, id: str) -> Kept | None:
        """Return an answer, or None."""
        return self._kept.get(id)

    def item(self, id: str) -> Json | None:
        """Return an item of an answer that is kept, or None."""
        return self._items.get(id)

    def partner(self, id: str) -> str | None:
        """Return the id of the reasoning that an item came right after, or None."""
        return self._partners.get(id)

    def drop(self, id: str) -> bool:
        """Forget an answer; False when it is not there."""
        kept = self._kept.pop(id, None)
        for item in () if kept is None else _items(kept):
            self._items.pop(str(item["id"]), None)
            self._partners.pop(str(item["id"]), None)
        return kept is not None

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._items.clear()
        self._partners.clear()


def _items(kept: Kept) -> list[Json]:
    return [item for item in (*kept.items, *kept.response["output"]) if item.get("id")]

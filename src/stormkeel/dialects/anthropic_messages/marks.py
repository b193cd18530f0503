"""Cache marks: at most four in a body, or the API refuses all of it.

Never moves one. The first two (mostly tools and instructions, which stay the same) and the last two (the conversation so far) are
kept, as a mark covers all that stands before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..lost import Losses
from .wire import Block

MOST = 4
_KEPT_FIRST = 2
MARK = "cache_control"
_WRITTEN = b'"cache_control"'


def may_be_over(body: bytes) -> bool:
    """Tell whether a written body may have more marks than are taken; the same word may stand there as another's."""
    return body.count(_WRITTEN) > MOST


def bound_marks(body: Block, lost: Losses) -> Block:
    """Return a body with no more marks than are taken."""
    marked = list(_marked(body))
    surplus = marked[_KEPT_FIRST : len(marked) - (MOST - _KEPT_FIRST)]
    if len(marked) > MOST:
        lost.add("cache")
        for place, blocks in surplus:
            blocks[place] = {name: value for name, value in blocks[place].items() if name != MARK}
    return body


def _marked(body: Block) -> Iterator[tuple[int, list[Block]]]:
    """Yield where the marks are, in the order in which the prompt is read."""
    yield from _in(body.get("tools"))
    yield from _in(body.get("system"))
    for turn in body["messages"]:
        yield from _in(turn["content"])


def _in(blocks: object) -> Iterator[tuple[int, list[Block]]]:
    if isinstance(blocks, list):
        for place, block in enumerate(blocks):
            yield from _in(block.get("content"))
            if MARK in block:
                yield place, blocks

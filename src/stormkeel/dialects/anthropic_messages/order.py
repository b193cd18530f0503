"""The turns of a conversation, put into the order that this API takes.

Never drops what was said, and never turns anybody's words into the assistant's. The rules, each of them a 400 at the provider
(docs/wire.md, Across dialects):

    system, at the start   -> apart: the field `system`
    system, later          -> where the model takes it: behind a user's turn, before an assistant's or the end; else in the
                              user's text, between <system> and </system>
    neighbours of one role -> one turn
    tools' results         -> first in the user's turn behind their calls, in the order of the calls
    the first turn         -> a user's, "." where there is none
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import msgspec

from ...types.content import Message, Role
from ..lost import Losses
from .blocks import write_blocks
from .wire import Block

OPENING: Block = {"type": "text", "text": "."}
"""What a user says who says nothing: a conversation can't begin with the assistant, nor be empty."""


class Turn(msgspec.Struct, frozen=True):
    """One turn: blocks, never none."""

    role: Role
    blocks: list[Block]

    @property
    def content(self) -> str | list[Block]:
        """The blocks as the wire has them: the text itself where that is all."""
        match self.blocks:
            case [{"type": "text", "text": str(text), **rest}] if not rest:
                return text
        return self.blocks


def arrange(messages: Sequence[Message], late_system: bool, lost: Losses) -> tuple[list[Block], list[Turn]]:
    """Return the blocks of the instruction and the turns behind it."""
    turns = _merged(Turn(message.role, write_blocks(message, lost)) for message in messages)
    system = turns.pop(0).blocks if turns and turns[0].role == "system" else []
    if any(turn.role == "system" for turn in turns):
        turns = _merged(_placed(turns, late_system, lost))
    if not turns or turns[0].role != "user":
        lost.add("messages")
        turns = _merged([Turn("user", [OPENING]), *turns])
    return system, _with_results_first(turns)


def _merged(turns: Iterable[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        if not turn.blocks:
            continue
        if merged and merged[-1].role == turn.role:
            merged[-1].blocks.extend(turn.blocks)
        else:
            merged.append(Turn(turn.role, list(turn.blocks)))
    return merged


def _placed(turns: list[Turn], late_system: bool, lost: Losses) -> Iterable[Turn]:
    """Yield the turns with each later system turn where it may stand; no two of them are neighbours."""
    before: Role | None = None
    for place, turn in enumerate(turns):
        after = turns[place + 1].role if place + 1 < len(turns) else None
        placed = turn
        if turn.role == "system" and not (late_system and before == "user" and after != "user"):
            lost.add("system")
            placed = Turn("user", [_tagged(block) for block in turn.blocks])
        before = placed.role
        yield placed


def _tagged(block: Block) -> Block:
    if block.get("type") != "text":
        return block
    return block | {"text": f"<system>\n{block.get('text')}\n</system>"}


def _with_results_first(turns: list[Turn]) -> list[Turn]:
    asked: list[Block] = []  # the blocks of the turn before
    for turn in turns:
        blocks = turn.blocks
        if turn.role == "user" and len(blocks) > 1 and any(block.get("type") == "tool_result" for block in blocks):
            calls = [str(block.get("id")) for block in asked if block.get("type") == "tool_use"]
            blocks.sort(key=partial(_rank, {id_: place for place, id_ in reversed(list(enumerate(calls)))}))
        asked = blocks
    return turns


def _rank(asked: Mapping[str, int], block: Block) -> int:
    """Return where a block of a user's turn stands: results by their calls, then those nobody asked for, then the rest."""
    if block.get("type") != "tool_result":
        return len(asked) + 1
    return asked.get(str(block.get("tool_use_id")), len(asked))

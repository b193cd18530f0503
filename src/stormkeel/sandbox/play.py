"""Does the steps of a script on a line, and keeps the bill while it does.

Never decides: what is written and where it ends is in the script. What the kernel took is billed; what was only meant to be
written is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.bill import Row, Tokens, part_of
from stormkeel.sandbox.line import Line
from stormkeel.sandbox.script import Cut, End, Hold, Open, Send, Step, Wait


class Turn(msgspec.Struct, frozen=True):
    """One request being answered.

    `answer` is None when nothing is generated; `pace_s` stands between two events of a stream and before a whole answer;
    `hold_s` is the longest a silent socket is held.
    """

    line: Line
    row: Row
    answer: Answer | None
    headers: list[tuple[str, str]]
    streamed: bool
    pace_s: float
    hold_s: float


_STREAM = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]


async def play(steps: Sequence[Step], turn: Turn) -> None:
    """Do the steps in order; GoneError when the client leaves before the end."""
    written = 0
    for step in steps:
        match step:
            case Open():
                await _open(step, turn)
            case Send():
                await _pace(turn, step, first=turn.row.tokens == Tokens())
                await turn.line.send(step.data)
                written += step.pieces
                _note(turn, step, written)
            case Wait():
                await turn.line.wait(step.seconds)
            case Hold():
                await turn.line.hold(turn.hold_s)
            case End():
                await turn.line.end()
            case Cut():
                _cut(turn.line, reset=step.reset)


async def _open(step: Open, turn: Turn) -> None:
    kind = _STREAM if step.stream else [("content-type", "application/json")]
    turn.row.status = 200
    await turn.line.open(200, [*kind, *turn.headers], step.length)


async def _pace(turn: Turn, send: Send, *, first: bool) -> None:
    if turn.pace_s and send.generated and not (first and turn.streamed):
        await turn.line.wait(turn.pace_s)


def _cut(line: Line, *, reset: bool) -> None:
    if reset:
        line.reset()
    else:
        line.cut()


def _note(turn: Turn, send: Send, written: int) -> None:
    if not send.generated or turn.answer is None:
        return
    turn.row.tokens = part_of(turn.answer.tokens, written, turn.answer.pieces)
    turn.row.usage_reported = turn.row.usage_reported or send.usage

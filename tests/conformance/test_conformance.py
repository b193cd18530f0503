"""Every SDK against every provider's dialect: what docs/conformance.md says of it is what a run finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import by_chat
import msgspec
import pytest
import vectors
from asked import Ask, Call, Said, Sent
from cases import CASES, Case
from conformance_page import PAGE, RED, section, sections, vectors_of
from gateway_stage import play
from judge import DIFFERS, TELLS, WORKS, Verdict, judge
from limits import LIMITS
from matrix import CLIENTS, Cell, Turn, cells, run

from stormkeel.sandbox.bill import Tokens

PATIENCE = 240.0
"""Seconds for all cells of a client; a run takes a few, on a machine that does nothing else."""


@pytest.mark.parametrize("client", CLIENTS)
def test_every_cell_is_what_the_page_says(client: str, tmp_path: Path) -> None:
    """No cell is red, async and blocking clients agree, and the client's table is the committed one (traps 1 to 13, 29 to 34, 36 to 42)."""
    found: list[Verdict] = []

    async def story() -> None:
        found.extend(await run(tmp_path, [*cells(client), *cells(client, sync=True)]))

    play(story, PATIENCE)
    assert [f"{one.cell}: {one.why}" for one in found if one.state == RED] == []
    blocking = {msgspec.structs.replace(one.cell, sync=False): one for one in found if one.cell.sync}
    unlike = [one for one in found if not one.cell.sync and msgspec.structs.replace(blocking[one.cell], cell=one.cell) != one]
    assert unlike == []
    written = sections(PAGE.read_text(encoding="utf-8"))[CLIENTS[client].TITLE]
    assert section(client, found) == written, "docs/conformance.md is not what was found: run `make conformance ARGS=--write`"


def test_every_vector_is_what_the_page_says(tmp_path: Path) -> None:
    """Either SDK of vectors, async and blocking, gets either provider's own, and the table is the committed one."""
    found: list[Verdict] = []

    async def story() -> None:
        found.extend(await vectors.run(tmp_path))

    play(story, PATIENCE)
    assert [f"{one.cell}: {one.why}" for one in found if one.state == RED] == []
    assert len({(one.cell.client, one.cell.upstream, one.cell.case, one.state, one.lost) for one in found}) == len(found) / 2
    written = sections(PAGE.read_text(encoding="utf-8"))["Embeddings"]
    assert vectors_of(found) == written, "docs/conformance.md is not what was found: run `make conformance ARGS=--write`"


# -- the judge: it must be able to say no

CELL = Cell("chat", "messages", "one tool")
CASE = CASES["one tool"]
LOOK = (Call("look", {"where": "bow", "n": 2}, "call_1"),)
GOOD = Said(text="Looking.", calls=LOOK, finish="tool_calls", usage=by_chat.counted(Tokens(input=5, output=3)))


def verdict(
    said: Said = GOOD, lost: tuple[str, ...] = (), cell: Cell = CELL, case: Case = CASE, sent: Sent | None = None
) -> Verdict:
    """Judge one turn."""
    asked = Sent(names=("look",)) if sent is None else sent
    return judge(cell, case, by_chat, [Turn(None, said, asked, Tokens(input=5, output=3), lost)])  # type: ignore[arg-type]


def test_what_is_as_scripted_works() -> None:
    """An answer as scripted works, and with a loss that is told it says so."""
    assert verdict().state == WORKS
    assert verdict(lost=("seed",)).state == TELLS


@pytest.mark.parametrize("changes", [
    {"text": "Look."}, {"calls": ()}, {"calls": (Call("look", {"where": "bow"}, "call_1"),)}, {"calls": (Call("look", {"where": "bow", "n": 2}, ""),)},
    {"calls": LOOK * 2}, {"calls": (Call("look", {"where": "bow", "n": 2}, "c" * 65),)}, {"finish": "stop"}, {"usage": {}}, {"thoughts": "Hm"}, {"refusal": "No"},
])  # fmt: skip
def test_what_is_not_as_scripted_is_red(changes: dict[str, Any]) -> None:
    """Whatever of an answer differs makes the cell red, told losses or not."""
    assert verdict(msgspec.structs.replace(GOOD, **changes)).state == RED
    assert verdict(msgspec.structs.replace(GOOD, **changes), lost=("tools",)).state == RED


def test_what_the_provider_was_not_asked_is_red() -> None:
    """An answer as scripted to another question than the client's makes the cell red, and so does any error."""
    assert verdict(sent=Sent()).state == RED
    assert judge(CELL, CASE, by_chat, "BadRequestError: no").state == RED


def test_a_stated_impossibility_is_held_to_the_letter() -> None:
    """It is red where it turns out possible, where more differs than is stated, and where it is not told as stated."""
    cell, case = (
        Cell("chat", "responses", "stop"),
        Case("a stop", Ask({"answer": "Ay"}, stop="y"), "stopped", text="A", sent={"stops": ("y",)}),
    )
    counted = by_chat.counted(Tokens(input=5, output=3))
    as_stated = Said(text="Ay", finish="stop", usage=counted)
    assert verdict(as_stated, ("stop",), cell, case, Sent()).state == DIFFERS
    assert verdict(as_stated, (), cell, case, Sent()).state == RED
    assert verdict(msgspec.structs.replace(as_stated, text="A"), ("stop",), cell, case, Sent(stops=("y",))).state == RED
    assert verdict(msgspec.structs.replace(as_stated, finish="length"), ("stop",), cell, case, Sent()).state == RED


def test_every_limit_is_of_a_cell_that_is_there() -> None:
    """No stated impossibility names a client, a provider or a case that is not in the table."""
    known = {*CLIENTS, "*"}
    assert [key for key in LIMITS if key[0] not in known or key[1] not in known or key[2] not in CASES] == []

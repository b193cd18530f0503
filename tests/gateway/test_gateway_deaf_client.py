"""A client that has taken nothing for so long that its stream was given up: it is cut, not written to (S-29)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stormkeel.assemble import DIALECTS
from stormkeel.engine.line import Answer
from stormkeel.gateway.endpoints import Generate
from stormkeel.types.attempt import Story
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request

REQUEST = Request("req_1", "openai_chat", "m", b"{}", stream=True)


class Heard:
    """An output and a turn that keep what they are asked."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_torn = False

    async def end(self, _last: bytes) -> None:
        self.told.append("ended")

    def cut(self) -> None:
        self.told.append("cut")


@pytest.mark.parametrize(
    ("kind", "has_turn", "told"),
    [(FailureKind.CANCELLED, True, ["cut"]), (FailureKind.CANCELLED, False, []), (FailureKind.TRUNCATED, True, ["ended"])],
)
def test_who_takes_nothing_is_cut(kind: FailureKind, has_turn: bool, told: list[str]) -> None:
    """Frames for who takes none would hold the connection for another minute; any other failure is told in the stream."""
    failure, heard = Failure(kind, "the client took too little for 60 s"), Heard()
    answer = Answer(None, failure, True, Story(REQUEST, "r", (), failure, 0, 60.0))

    async def answered(_request: Request, _output: Any) -> Answer:
        return answer

    call: Any = SimpleNamespace(
        setup=SimpleNamespace(answer=answered), turn=heard if has_turn else None, inbound=SimpleNamespace(wants_trace=False)
    )
    asyncio.run(Generate(DIALECTS["openai_chat"])._stream(call, REQUEST, heard))  # type: ignore[arg-type]  # what it asks of one
    assert heard.told == told

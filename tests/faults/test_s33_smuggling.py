"""Requests that two readers could read in two ways: refused, the connection closed, no second request ever seen (S-33)."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fire_stage import Figure
from smuggling import AFTER, CASES, PAGE, Case, page

from stormkeel.runtime.serve import ServeSettings, serve

DEADLINE = 60.0  # seconds for all of them
LOOPS: list[Callable[[], asyncio.AbstractEventLoop] | None] = [None, importlib.import_module("uvloop").new_event_loop]
KNOWN = b"POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"


class Heard:
    """An application that answers everything, and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes, dict[bytes, bytes]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read the body, and answer 200."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.seen.append((scope["path"], body, dict(scope["headers"])))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def answers(port: int, first: bytes, wire: bytes) -> list[int]:
    """Send bytes on a new connection, after a request that is answered if there is one; return the statuses of what comes for them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(5.0):
            if first:
                writer.write(first)
                await reader.readuntil(b"\r\n\r\nok")
            writer.write(wire)
            data = b""
            while data.count(b"\r\n\r\nok") < 2 and (piece := await read(reader)):  # with both served it would wait for more
                data += piece
    finally:
        writer.close()
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]


async def read(reader: asyncio.StreamReader) -> bytes:
    """Read what there is, nothing where the other side has reset."""
    try:
        return await reader.read(65_536)
    except ConnectionResetError:
        return b""


async def tried(case: Case, first: bytes) -> list[str]:
    """Send one case, after a request whose head is known from then on if there is one; return what is not as the table says."""
    heard, stop = Heard(), asyncio.Event()
    where: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    settings = ServeSettings(port=0, drain_delay=0.0)
    task = asyncio.create_task(serve(heard, settings, ready=lambda _host, port: where.set_result(port), stop=stop))
    try:
        statuses = await answers(await where, first, case.wire + AFTER)
    finally:
        task.cancel()
        await asyncio.wait((task,))
    seen = heard.seen[1:] if first else heard.seen
    return list(judged(case, statuses, seen))


def judged(case: Case, statuses: list[int], seen: list[tuple[str, bytes, dict[bytes, bytes]]]) -> list[str]:
    """Return what is not as the table says."""
    wrong = []
    served = [200, 200] if case.goes_on else [200]
    if statuses != (served if case.status < 400 else [case.status]):
        wrong.append(f"{case.name}: answered {statuses}")
    paths = [path for path, _, _ in seen]
    if "/second" in paths and not (case.status < 400 and case.goes_on):
        wrong.append(f"{case.name}: a second request was seen")
    if case.status < 400 and (not seen or seen[0][1] != case.body):
        wrong.append(f"{case.name}: its body was taken for {seen[:1]}")
    if any(b"authorization" in fields for _, _, fields in seen):
        wrong.append(f"{case.name}: a trailer became a field")
    return wrong


async def every(first: bytes) -> list[str]:
    """Try every case."""
    async with asyncio.timeout(DEADLINE):
        return [fault for case in CASES for fault in await tried(case, first)]


def run(work: Coroutine[Any, Any, list[str]], loop: Callable[[], asyncio.AbstractEventLoop] | None) -> list[str]:
    """Run in a loop of this kind."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("first", [b"", KNOWN], ids=["first", "after a known head"])
def test_no_second_request_is_seen(loop: Callable[[], asyncio.AbstractEventLoop] | None, first: bytes, figure: Figure) -> None:
    """Every case is answered as the table says, whether it comes first or after a head that the connection has sent before."""
    wrong = run(every(first), loop)
    refused = sum(case.status >= 400 for case in CASES)
    figure(
        "S-33", "each refused and closed, no second request parsed",
        f"{len(CASES)} cases{' after a known head' if first else ''}, {refused} refused, {len(wrong)} other than tabled",
    )  # fmt: skip
    assert wrong == []


def test_the_page_shows_the_table() -> None:
    """The deviations told in docs/http.md are those of the table (`python tests/faults/smuggling.py` writes them)."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_names_are_told_apart() -> None:
    """Each case has a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES)

"""The sandbox's own endpoints: is it up, what came in, what does it cost, what weather is it.

Never recorded, never on the bill, never hit by a fault; they ask for no credential, so a sandbox belongs on a loopback address.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec

from stormkeel.sandbox.book import record_json
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.line import Inbound, Line
from stormkeel.sandbox.storm import Storm, read

_HEADERS = [("content-type", "application/json")]


async def health(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /health."""
    del desk, inbound
    await _give(line, {"status": "ok"})


async def bill(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /sandbox/bill."""
    del inbound
    await _give(line, desk.book.bill())


async def requests(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /sandbox/requests, oldest first; `?last=N` for the latest N only."""
    records = list(desk.book.records)
    last = parse_qs(inbound.query).get("last", [""])[0]
    if last.isdigit():
        records = records[max(0, len(records) - int(last)) :]
    await _give(line, {"requests": [record_json(record) for record in records]})


async def reset(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /sandbox/reset: forget requests, bill and kept answers, and begin the storm anew."""
    del inbound
    desk.forget()
    await _give(line, {"status": "ok"})


async def set_storm(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /sandbox/storm, JSON or compact text: begin a storm; 400 says what is wrong with it."""
    try:
        storm = read(inbound.body.decode())
    except ValueError as error:
        await _give(line, {"error": str(error)}, 400)
        return
    desk.set_storm(storm)
    await _give(line, storm)


async def end_storm(desk: Desk, inbound: Inbound, line: Line) -> None:
    """DELETE /sandbox/storm."""
    del inbound
    desk.set_storm(None)
    await _give(line, Storm())


async def _give(line: Line, value: object, status: int = 200) -> None:
    await line.reply(status, _HEADERS, msgspec.json.encode(value))

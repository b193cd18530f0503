"""The answers OpenAI keeps: fetch one, delete one, list what was sent for it.

Never keeps anything itself; `responses.shelf` does.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec

from stormkeel.sandbox.book import Record
from stormkeel.sandbox.decide import unaccepted
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.happen import Stand, tell
from stormkeel.sandbox.line import Inbound, Line
from stormkeel.sandbox.openai.shape import Json
from stormkeel.sandbox.problem import Problem
from stormkeel.sandbox.responses.shelf import Kept

BASE = "/v1/responses/"
_INVALID = "invalid_request_error"


async def kept(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET and DELETE /v1/responses/{id}, GET /v1/responses/{id}/input_items."""
    stand, record = desk.stand(inbound, line, desk.responses)
    found = unaccepted(inbound, desk.responses, desk.settings) or _found(desk, inbound)
    if isinstance(found, Problem):
        record.status, record.violations = found.status, [found.message]
        await tell(found, stand)
    else:
        await _give(found, stand, record)


def _found(desk: Desk, inbound: Inbound) -> Json | Problem:
    id, _, part = inbound.path.removeprefix(BASE).partition("/")
    answer, route = desk.responses.shelf.get(id), (inbound.method, part)
    if route not in {("GET", ""), ("DELETE", ""), ("GET", "input_items")}:
        return Problem(404, _INVALID, f"Invalid URL ({inbound.method} {inbound.path})")
    if answer is None:
        return Problem(404, _INVALID, f"Response with id '{id}' not found.")
    if part:
        return _page(answer, parse_qs(inbound.query))
    if inbound.method == "DELETE":
        desk.responses.shelf.drop(id)
        return {"id": id, "object": "response", "deleted": True}
    if parse_qs(inbound.query).get("stream") == ["true"]:
        return Problem(400, _INVALID, "'stream' is not served here: the sandbox keeps whole answers.", None, "stream")
    return answer.response


def _page(answer: Kept, query: dict[str, list[str]]) -> Json | Problem:
    """Return one page of the items, the latest first unless `order=asc`."""
    limit = query.get("limit", ["20"])[0]
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:
        return Problem(400, _INVALID, f"Invalid 'limit': expected 1 to 100, but got {limit}.", "invalid_value", "limit")
    items = list(answer.items) if query.get("order") == ["asc"] else list(reversed(answer.items))
    after = query.get("after", [""])[0]
    start = next((place + 1 for place, item in enumerate(items) if item["id"] == after), 0)
    page = items[start : start + int(limit)]
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": start + len(page) < len(items)}


async def _give(body: Json, stand: Stand, record: Record) -> None:
    record.status = 200
    headers = [("content-type", "application/json"), *stand.dialect.headers(stand.mark, spent=False)]
    await stand.line.reply(200, headers, msgspec.json.encode(body))

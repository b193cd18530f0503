"""The routes of the sandbox: `ROUTES` and `CONTROL` are the whole of what is served, but for paths with a name in them.

Never answers anything itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from stormkeel.sandbox import control, endpoints, kept, listed
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.gemini.address import address
from stormkeel.sandbox.line import Inbound, Line

Endpoint = Callable[[Desk, Inbound, Line], Awaitable[None]]

ROUTES: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): endpoints.chat_completions,
    ("POST", "/v1/responses"): endpoints.responses,
    ("POST", "/v1/responses/input_tokens"): endpoints.input_tokens,
    ("POST", "/v1/embeddings"): endpoints.embeddings,
    ("POST", "/v1/messages"): endpoints.messages,
    ("POST", "/v1/messages/count_tokens"): endpoints.count_tokens,
    ("GET", "/v1/models"): listed.models,
    ("GET", "/v1beta/models"): listed.models,
}
CONTROL: dict[tuple[str, str], Endpoint] = {
    ("GET", "/health"): control.health,
    ("GET", "/sandbox/bill"): control.bill,
    ("GET", "/sandbox/requests"): control.requests,
    ("POST", "/sandbox/reset"): control.reset,
    ("POST", "/sandbox/storm"): control.set_storm,
    ("DELETE", "/sandbox/storm"): control.end_storm,
}


async def serve(desk: Desk, inbound: Inbound, line: Line) -> None:
    """Answer one request."""
    route = (inbound.method, inbound.path)
    if route in CONTROL:
        await CONTROL[route](desk, inbound, line)
        return
    desk.book.begin()
    try:
        await ROUTES.get(route, _within(inbound))(desk, inbound, line)
    finally:
        desk.book.finish()


def _within(inbound: Inbound) -> Endpoint:
    """Return who serves a path with a name in it, or tells that there is no such path."""
    if inbound.path.startswith(kept.BASE):
        return kept.kept
    return endpoints.gemini if inbound.method == "POST" and address(inbound.path) else listed.elsewhere

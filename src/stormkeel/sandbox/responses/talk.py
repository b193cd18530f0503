"""A Responses request taken apart: its own items, those of the answers it carries on from, its tools.

Never judges; `rules` does. References to kept items are followed here, so that nobody else meets one.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.openai.schema import refused
from stormkeel.sandbox.openai.shape import Json
from stormkeel.sandbox.problem import RefusedError
from stormkeel.sandbox.responses.items import InputText, Item, OutputRefusal, OutputText, Reference, Said, Told, item
from stormkeel.sandbox.responses.shape import AllowedChoice, Hosted, NamedChoice, ResponsesRequest, Tool, choice, tool
from stormkeel.sandbox.responses.shelf import Shelf


class Placed(msgspec.Struct, frozen=True):
    """An item and where it stands: "input[2]", or "" for one that was said earlier."""

    item: Item
    place: str = ""


class Talk(msgspec.Struct, frozen=True):
    """A request as its rules see it.

    `raw` holds the items sent, as they came but for references; `history` those of earlier answers; `items` both, read.
    """

    request: ResponsesRequest
    raw: tuple[Json, ...]
    history: tuple[Json, ...]
    items: tuple[Placed, ...]
    tools: tuple[Tool, ...]
    choice: str | NamedChoice | AllowedChoice | Hosted | None


def talk(request: ResponsesRequest, shelf: Shelf) -> Talk:
    """Take a request apart; RefusedError for an item or a tool that is none, and for what is not kept here."""
    history = _history(request.previous_response_id, shelf)
    given = request.input
    sent = [{"role": "user", "content": given}] if isinstance(given, str) else given or ()
    raw = tuple(_followed(value, f"input[{place}]", shelf) for place, value in enumerate(sent))
    earlier = [Placed(item(value, "previous_response_id")) for value in history]
    told = request.tool_choice
    return Talk(
        request,
        raw,
        history,
        (*earlier, *(Placed(item(value, f"input[{place}]"), f"input[{place}]") for place, value in enumerate(raw))),
        tuple(tool(value, f"tools[{place}]") for place, value in enumerate(request.tools or ())),
        choice(told) if isinstance(told, dict) else told,
    )


def _history(previous: str | None, shelf: Shelf) -> tuple[Json, ...]:
    if previous is None:
        return ()
    kept = shelf.get(previous)
    if kept is None:
        message = f"Previous response with id '{previous}' not found."
        raise refused(message, "previous_response_id", "previous_response_not_found")
    return kept.history


def _followed(value: Json, place: str, shelf: Shelf) -> Json:
    """Return an item, or the kept one it refers to."""
    read = item(value, place)
    if not isinstance(read, Reference):
        return value
    kept = shelf.item(read.id)
    if kept is None:
        raise not_kept(read.id)
    return kept


def not_kept(id: str) -> RefusedError:
    """Return the 404 for an item that is referred to but not kept."""
    return refused(
        f"Item with id '{id}' not found. Items are not persisted when `store` is set to false. "
        "Try again with `store` set to true, or remove this item from your input.",
        "input",
        status=404,
    )


def texts(read: Item) -> list[str]:
    """Return the text of an item, as far as it is text; calls count as their JSON."""
    if isinstance(read, Told | Said):
        return _texts(read.content)
    if isinstance(read, Hosted):
        return []
    output = getattr(read, "output", None)
    return [msgspec.json.encode(read).decode()] if output is None else _texts(output)


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    assert isinstance(content, list)
    said = [part for part in content if isinstance(part, InputText | OutputText | OutputRefusal)]
    return [part.refusal if isinstance(part, OutputRefusal) else part.text for part in said]


def others(read: Item) -> int:
    """Count the parts of an item that are not text."""
    content = read.content if isinstance(read, Told | Said) else getattr(read, "output", None)
    if not isinstance(content, list):
        return 0
    return sum(not isinstance(part, InputText | OutputText | OutputRefusal) for part in content)

"""What a deployment would be sent of a request's body, for people to see: how many bytes stay, what is changed, what is lost.

Never sends anything, and never shows content: of most fields only the name.
"""

from __future__ import annotations

import msgspec

from ..dialects.base import Codec
from ..types.failure import Failure
from ..types.request import Request
from .crossing import cross_to, is_direct, pass_on
from .fleet import Member


class Carried(msgspec.Struct, frozen=True):
    """A body on its way to a deployment.

    Attributes:
        counted: the body that its tokens are estimated by, as the engine does: the client's own where it stays in its dialect.
        edits: what is changed on the way, for people.
        losses: what could not be told, by the client's names.
        limit: the most output tokens that the body allows, None where it does not say.
    """

    counted: bytes
    edits: list[str]
    losses: list[str]
    limit: int | None


def carry(request: Request, member: Member, client: Codec) -> Carried | Failure:
    """Say what of a request's body a deployment would be sent, or why it can't be carried there."""
    own = member.spoken.get(request.dialect)
    way = None if is_direct(own, request) else cross_to(request, client.read_prompt(request.raw), member, client)
    if isinstance(way, Failure):
        return way
    if way is not None:
        crossing = way.crossing
        limit = request.max_output if crossing.limit is None else crossing.limit
        return Carried(crossing.body, [f"written anew for {way.spoken.dialect.title}"], list(crossing.lost), limit)
    assert own is not None
    body, taken = pass_on(request, member, own)
    return Carried(request.raw, _edits(request.raw, body), list(taken), request.max_output)


SHOWN = frozenset({"model", "stream_options"})
"""Fields whose values are no content, and may be shown."""


def _edits(before: bytes, after: bytes) -> list[str]:
    """Say which top-level fields of a body were changed."""
    if before == after:
        return []
    old, new = (msgspec.json.decode(body, type=dict[str, msgspec.Raw]) for body in (before, after))
    told = []
    for name, value in new.items():
        was = old.get(name)
        if was is None or bytes(was) != bytes(value):
            told.append(f"{name}{_shown(name, was, value)}")
    return [*told, *(f"{name} left out" for name in old if name not in new)]


def _shown(name: str, was: msgspec.Raw | None, value: msgspec.Raw) -> str:
    if name not in SHOWN:
        return " changed" if was is not None else " added"
    return f": {bytes(value).decode()} added" if was is None else f": {bytes(was).decode()} becomes {bytes(value).decode()}"

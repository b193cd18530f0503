"""Crossing: a request on its way to a deployment of another dialect, and what is told of its losses.

Never knows how it is done: that is `dialects/across.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, TypeGuard

import msgspec

from ..catalog.families import family_of
from ..dialects.across import Crossing, cross
from ..dialects.base import Codec, Told
from ..dialects.values import Target
from ..ledger.count import by_bytes
from ..routing.route import Route
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from ..types.wire import Headers
from .fleet import Member, Spoken

LOSSY = "x-stormkeel-lossy"
LIMIT = 2000  # characters of names told
STRICT_LIMIT = 400  # characters of names told of each deployment that a strict request passed over
OFFERS = re.compile(rb'"(?:tools|functions)"').search
"""Tools are what a narrow dialect is too narrow for: a body without any needs no closer look."""


class Way(msgspec.Struct, frozen=True):
    """How a request gets to a member: which of its wire formats, and what was written in it."""

    spoken: Spoken
    crossing: Crossing


def is_direct(spoken: Spoken | None, request: Request) -> TypeGuard[Spoken]:
    """May a request's body go out in the client's own dialect, without a closer look?"""
    return spoken is not None and (not spoken.is_narrow or request.is_text or not OFFERS(request.raw))


def cross_to(request: Request, reading: Told | Failure, member: Member, client: Codec) -> Way | Failure | None:
    """Write a request in a dialect of a member that speaks another one, or for which the client's is too narrow.

    Args:
        request: what is asked.
        reading: its body, read whole by the client's dialect.
        member: who is to be asked.
        client: the client's dialect.

    Returns:
        None where the body goes out as it is: the member speaks the client's dialect, and nothing better can be done.
    """
    own = member.spoken.get(request.dialect)
    if isinstance(reading, Failure):
        return None if own else reading
    if own and own.dialect.suits(reading.prompt, member.target):
        return None
    there = fitting(member, reading.prompt, client.service, own)
    if not there:
        return None if own else _unserved(member, client)
    ways = (_way(request, reading, (client, spoken), member.target) for spoken in there)
    way = _best(list(ways)) if request.options.strict else next(ways)
    return None if own and isinstance(way, Failure) else way


def fitting(member: Member, prompt: object, service: str, without: Spoken | None = None) -> list[Spoken]:
    """Return a member's dialects of a service that suit a prompt, or just the first; none where it has none."""
    there = [one for one in member.spoken.values() if one.dialect.service == service and one is not without]
    return [one for one in there if one.dialect.suits(prompt, member.target)] or there[:1]


def _way(request: Request, reading: Told, ends: tuple[Codec, Spoken], target: Target) -> Way | Failure:
    client, spoken = ends
    crossing = cross(request, reading, (client, spoken.dialect), target)
    return crossing if isinstance(crossing, Failure) else Way(spoken, crossing)


def _best(ways: list[Way | Failure]) -> Way | Failure:
    """Return the first way that loses nothing, else just the first."""
    return next((way for way in ways if isinstance(way, Way) and not way.crossing.lost), ways[0])


def request_on(route: Route, request: Request) -> Request:
    """Return a request with what its route asks for."""
    if not route.strict or request.options.strict:
        return request
    return msgspec.structs.replace(request, options=msgspec.structs.replace(request.options, strict=True))


def not_all(member: Member, lost: Sequence[str]) -> Failure:
    """Return the failure of a strict request that a member can't be told all of."""
    name, told = member.deployment.name, _names(lost, STRICT_LIMIT)
    message = f"{name}: it can't be told {told}, and the request is strict: leave that out, or ask a model that takes it"
    return Failure(FailureKind.UNSUPPORTED, message)


def _unserved(member: Member, client: Codec) -> Failure:
    message = f"{member.deployment.name} speaks no dialect into which {client.title} can be translated: ask another model"
    return Failure(FailureKind.UNSUPPORTED, message)


def pass_on(request: Request, member: Member, spoken: Spoken) -> tuple[bytes, tuple[str, ...]]:
    """Return a request's body for a member of its own dialect, and the paths of others' thoughts that it would refuse it for."""
    body = spoken.dialect.write_request(request, member.deployment.model, member.bills)
    return spoken.dialect.without_foreign(body, member.target)


def thoughts_lost(taken: tuple[str, ...], client: Codec | None) -> tuple[str, ...]:
    """Name the thoughts that were left out: by their paths in the client's own body, else by his dialect's word for them."""
    if client is None or not taken:
        return taken
    return (client.fields.get("thinking", "thinking"),)


def expected_input(prompt: Any, member: Member) -> int:
    """Return about how many tokens a prompt has, for a client who must be told a number that the provider tells last, or never.

    Clients show it as the share of the window that is used: a picture counts as one, not as its bytes.
    """
    return math.ceil(by_bytes(prompt, family_of(member.deployment.model)))


def headers_for(member: Member, upstream: Headers, lost: tuple[str, ...]) -> Headers:
    """Return the headers that go to the client with a member's answer: the provider's that may pass, and what was lost."""
    passed = member.first.caller.response_headers(upstream)
    return (*passed, lossy_header(lost)) if lost else passed


def lossy_header(lost: tuple[str, ...]) -> tuple[str, str]:
    """Return the header that tells a client what was lost."""
    return LOSSY, _names(lost)


def lossy_comment(lost: tuple[str, ...]) -> bytes:
    """Return the same as a comment in a stream, for when its head went out before anybody knew."""
    return f": {LOSSY}: {_names(lost)}\n\n".encode()


def _names(lost: Sequence[str], limit: int = LIMIT) -> str:
    """Write names that a client chose: plain ASCII on one line, bounded."""
    told = ", ".join(name[:limit] for name in lost[:limit])
    text = "".join(char if " " <= char <= "~" else "?" for char in told[:limit])
    return text if len(told) <= limit else text + ", ..."

"""Crossing: a request on its way to a deployment of another dialect, and what is told of its losses.

Never knows how it is done: that is `dialects/across.py`.
"""

from __future__ import annotations

from ..catalog.families import family_of
from ..dialects.across import Crossing, cross
from ..dialects.base import Dialect, Reading
from ..ledger.count import by_bytes
from ..types.failure import Failure
from ..types.request import Request
from ..types.wire import Headers
from .fleet import Member

LOSSY = "x-stormkeel-lossy"
LIMIT = 2000  # characters of names told


def cross_to(request: Request, reading: Reading | Failure, member: Member, client: Dialect) -> Crossing | Failure:
    """Write a request in the dialect of a member that speaks another one.

    Args:
        request: what is asked.
        reading: its body, read whole by the client's dialect.
        member: who is to be asked.
        client: the client's dialect.
    """
    if isinstance(reading, Failure):
        return reading
    return cross(request, reading, (client, member.dialect), member.target)


def pass_on(request: Request, member: Member) -> tuple[bytes, tuple[str, ...]]:
    """Return a request's body for a member of its own dialect, and the paths of others' thoughts that it would refuse it for."""
    body = member.dialect.write_request(request, member.deployment.model, member.bills)
    return member.dialect.without_foreign(body, member.target)


def expected_input(crossing: Crossing, member: Member) -> int:
    """Return about how many tokens a prompt has, for a client whose stream begins with a number that the provider tells last.

    Clients show it as the share of the window that is used: a picture counts as one, not as its bytes.
    """
    return round(by_bytes(crossing.prompt, family_of(member.deployment.model)))


def headers_for(member: Member, upstream: Headers, lost: tuple[str, ...]) -> Headers:
    """Return the headers that go to the client with a member's answer: the provider's that may pass, and what was lost."""
    passed = member.caller.response_headers(upstream)
    return (*passed, lossy_header(lost)) if lost else passed


def lossy_header(lost: tuple[str, ...]) -> tuple[str, str]:
    """Return the header that tells a client what was lost."""
    return LOSSY, _names(lost)


def lossy_comment(lost: tuple[str, ...]) -> bytes:
    """Return the same as a comment in a stream, for when its head went out before anybody knew."""
    return f": {LOSSY}: {_names(lost)}\n\n".encode()


def _names(lost: tuple[str, ...]) -> str:
    """Write names that a client chose: plain ASCII on one line, bounded."""
    told = ", ".join(name[:LIMIT] for name in lost[:LIMIT])
    text = "".join(char if " " <= char <= "~" else "?" for char in told[:LIMIT])
    return text if len(told) <= LIMIT else text + ", ..."

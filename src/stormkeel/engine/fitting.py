"""Does a request fit a deployment's context window? Said before anything is sent, where it is certain that it does not.

Never guesses: who is not sure is asked. A body with fewer bytes than the window has tokens costs one comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.families import family_of
from ..ledger.estimate import surely_exceeds
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from .fleet import Member

BETA = "-beta"


def too_long(member: Member, request: Request, raw: bytes) -> Failure | None:
    """Return why a body can't fit, None where it may.

    Args:
        member: who would be asked.
        request: as the client sent it; one that asks for betas may be asking for a larger window.
        raw: the body as this member would get it.
    """
    window = member.window
    if window is None or len(raw) <= window or any(name.endswith(BETA) for name, _ in request.headers):
        return None
    tokens = surely_exceeds(raw, window)
    return unfit(member, tokens) if tokens else None


def all_too_long(members: Sequence[Member], raw: bytes) -> Failure | None:
    """Return why nobody of a route can be asked, None where somebody may; counted to the token where an encoding allows it.

    For callers in a process of their own: it may load an encoding, which takes half a second.
    """
    latest: Failure | None = None
    for member in members:
        window = member.window
        if window is None or len(raw) <= window:
            return None
        tokens = surely_exceeds(raw, window, family_of(member.deployment.model).encoding)
        if not tokens:
            return None
        latest = unfit(member, tokens)
    return latest


def unfit(member: Member, tokens: int) -> Failure:
    """Return the failure of a request that can't fit."""
    window = member.window
    return Failure(
        FailureKind.CONTEXT_LENGTH,
        f"{member.deployment.name}: the request has at least {tokens:,} tokens of text, and {window:,} fit into the model's "
        "context window; nothing was sent: shorten the conversation, or ask a model with a larger window",
        code="context_length_exceeded",
    )

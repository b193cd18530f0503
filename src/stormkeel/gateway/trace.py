"""The story of one request for who asked for it (`x-stormkeel-trace: 1`): its attempts, how they ended, what they took and cost.

Never holds content, a secret, or a provider's own words; never longer than `LIMIT`, so that it fits where headers are small.
Names of deployments are in it: whoever may ask a model may learn who answered.

    a whole answer, or a failure before the head ──> response header
    a stream ──────────────────────────────────────> SSE comment behind its last frame, which every client skips
"""

from __future__ import annotations

import json
from typing import Any

from ..types.attempt import Attempt, Story
from ..types.money import NanoDollars, dollars

HEADER = b"x-stormkeel-trace"
LIMIT = 4096  # bytes
NAME_LIMIT = 128  # characters of a route's or a deployment's name
NANO = 1_000_000_000


def trace_header(story: Story) -> tuple[bytes, bytes]:
    """Return the story as a response header."""
    return HEADER, trace_of(story)


def trace_comment(story: Story) -> bytes:
    """Return the story as a comment of an event stream. It begins with a blank line: a provider's last frame may lack its own."""
    return b"\n\n: stormkeel-trace %b\n\n" % trace_of(story)


def trace_of(story: Story) -> bytes:
    """Return the story as compact JSON, ASCII on one line; where it would be too long, attempts in its middle are left out."""
    attempts = [_attempt(story, number) for number in range(len(story.attempts))]
    told: dict[str, Any] = {
        "request_id": story.request.id,
        "route": story.route[:NAME_LIMIT],
        "outcome": "ok" if story.failure is None else story.failure.kind.value,
        "seconds": round(story.latency, 4),
        "ttft": None if story.ttft is None else round(story.ttft, 4),
        "queued": round(story.queued, 4),
        "cost_usd": _usd(story.cost),
        "attempts": attempts,
    }
    while len(raw := _encode(told)) > LIMIT and len(attempts) > 1:
        del attempts[len(attempts) // 2]
        told["left_out"] = len(story.attempts) - len(attempts)
    return raw


def _attempt(story: Story, number: int) -> dict[str, Any]:
    attempt, failure = story.attempts[number], story.attempts[number].failure
    joint = {"joint": attempt.joint} if attempt.joint else {}
    return {
        "deployment": attempt.deployment[:NAME_LIMIT],
        "outcome": "ok" if failure is None else failure.kind.value,
        "status": 200 if failure is None else failure.status,
        "waited": round(_waited(story, number, attempt), 4),
        "seconds": round(attempt.latency, 4),
        "sent": attempt.sent,
        "cost_usd": _usd(attempt.cost),
        **joint,
    }


def _waited(story: Story, number: int, attempt: Attempt) -> float:
    """Seconds between the end of the attempt before, or the arrival, and this one's start."""
    before = story.attempts[number - 1] if number else None
    ended = story.started if before is None else before.started + int(before.latency * NANO)
    return max(0.0, (attempt.started - ended) / NANO)


def _usd(amount: NanoDollars | None) -> str | None:
    return None if amount is None else f"{dollars(amount):f}"


def _encode(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).replace("\x7f", "?").encode()

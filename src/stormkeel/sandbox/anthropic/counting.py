"""Anthropic's count of what goes in (`/v1/messages/count_tokens`): read as a message is, without what shapes the answer.

Never generates anything. The module as a whole is a `dialect.Dialect`.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.anthropic.answers import model, models
from stormkeel.sandbox.anthropic.errors import error_body, error_frame, headers, invalid, refusal, unauthorised
from stormkeel.sandbox.anthropic.reading import credential
from stormkeel.sandbox.anthropic.reading import read_count as read
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.body import named
from stormkeel.sandbox.dialect import Frame, Mark

name = "anthropic_count_tokens"
able = frozenset({"words"})


def body(answer: Answer, asked: Asked, mark: Mark) -> bytes:
    """Write the count."""
    del asked, mark
    return msgspec.json.encode({"input_tokens": answer.tokens.prompt})


def frames(answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
    """Write nothing: a count is never streamed."""
    del answer, asked, mark
    return []


__all__ = [
    "able",
    "body",
    "credential",
    "error_body",
    "error_frame",
    "frames",
    "headers",
    "invalid",
    "model",
    "models",
    "name",
    "named",
    "read",
    "refusal",
    "unauthorised",
]

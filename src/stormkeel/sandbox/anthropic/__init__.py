"""Anthropic's Messages as the real service speaks it: strict reading, true errors, answers whole and streamed.

Never shares a line with the dialect the gateway uses. The package as a whole is a `dialect.Dialect`.
"""

from __future__ import annotations

from stormkeel.sandbox.anthropic.answers import body, frames, model, models
from stormkeel.sandbox.anthropic.errors import error_body, error_frame, headers, invalid, refusal, unauthorised
from stormkeel.sandbox.anthropic.reading import credential, read
from stormkeel.sandbox.body import named

name = "anthropic"
able = frozenset({"begins", "words"})

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

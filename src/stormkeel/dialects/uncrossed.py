"""Why a body or a prompt does not cross, carried out of the depth of its reading or writing.

Never leaves a dialect: its `read_prompt` and `write_prompt` turn a `CrossingError` into the failure it holds.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from ..types.failure import Failure, FailureKind


class CrossingError(Exception):
    """A body or a prompt does not cross; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def refuse(message: str, code: str) -> NoReturn:
    """Say that a body or a prompt is wrong."""
    raise CrossingError(Failure(FailureKind.CALLER, message, status=400, code=code))


def give_up(message: str) -> NoReturn:
    """Say that what is asked is right and can't be had here."""
    raise CrossingError(Failure(FailureKind.UNSUPPORTED, message, code="unsupported"))


def explain(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a value, without the value, and where inside it."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply", ""
    if isinstance(error, msgspec.ValidationError):
        reason, _, inside = str(error).replace("`", "").partition(" - at $")
        return reason[0].lower() + reason[1:], inside
    return "it is malformed", ""

"""Why a body or a prompt does not cross, carried out of the depth of its reading or writing.

Never leaves a dialect: its `read_prompt` and `write_prompt` turn a `CrossingError` into the failure it holds.
"""

from __future__ import annotations

from typing import NoReturn

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

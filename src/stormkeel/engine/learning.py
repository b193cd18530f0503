"""Learning from answers how far our estimates of a prompt's tokens are off.

Never keeps a prompt, and never looks at every answer: one in a few is read again, where it is not large.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..dialects.base import Codec
from ..ledger.calibration import Calibration
from ..types.attempt import Story
from ..types.prompt import Prompt
from ..types.request import Request

LARGEST = 64 * 1024
"""Bytes of a body that is read again: a larger one holds the loop up, and says no more than a small one."""


class Learning:
    """A sink that calibrates estimates (`ports.Sink`)."""

    def __init__(self, calibration: Calibration, dialects: Mapping[str, Codec]) -> None:
        self._calibration = calibration
        self._dialects = dialects

    def answered(self, story: Story) -> None:
        """Look at an answered request, if it is one to be looked at."""
        if story.failure is not None or not self._calibration.is_due():
            return
        request, codec = story.request, self._dialects.get(story.request.dialect)  # none for a path passed through
        if codec is None or codec.service != "generate" or len(request.raw) > LARGEST:
            return
        prompt = getattr(codec.read_prompt(request.raw), "prompt", None)
        if isinstance(prompt, Prompt):
            self._calibration.note(prompt, story.attempts[-1])

    def broke(self, error: BaseException, request: Request) -> None:
        """Learn nothing."""

"""The clocks of a request: how long each stage may take, and never past the request's one deadline (INV-10).

Never reads a clock: moments are monotonic seconds and come as arguments. A *deadline* is a moment, a *timeout* is a span.
Defaults by docs/reliability.md, Clocks.

    |- connect -|
    |----------- first_content -----------|- idle -|- idle -| ...           a streamed attempt
    |------------------ answer ------------------|                          one that is not streamed
    |------------------------------ total --------------------------------|   over all attempts and waits of the request
"""

from __future__ import annotations

import msgspec

from .base import within

LONGEST = 86_400.0  # a day: beyond it a clock is a mistake in the unit


class ClockSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long each stage may take, in seconds.

    Attributes:
        connect: until the connection stands.
        first_content: from sending until a stream's first content (text, thinking, tool call).
        idle: between two pieces of a stream.
        answer: from sending until the whole answer where it comes in one piece: silence and long work look alike there.
        total: from arrival to the end, over all attempts and waits.
        hold: how long a stream's head is held back for the first content before it goes out with keep-alives.
        reasoning: how many times as long `first_content` and `answer` are where the model reasons.
        prefill: seconds that are added to both for each 10,000 tokens of input.
    """

    connect: float = 5.0
    first_content: float = 30.0
    idle: float = 30.0
    answer: float = 120.0
    total: float = 600.0
    hold: float = 10.0
    reasoning: float = 3.0
    prefill: float = 1.0

    def __post_init__(self) -> None:
        for name in ("connect", "first_content", "idle", "answer", "total", "hold"):
            within(name, getattr(self, name), 0.001, LONGEST, "seconds")
        within("reasoning", self.reasoning, 1.0, 100.0)
        within("prefill", self.prefill, 0.0, 600.0, "seconds")


def before(patience: float) -> float:
    """Return after how many seconds to answer somebody who hangs up after `patience`, so that they hear why.

    A twentieth of it is left for the way, half a second at most (ours).

    >>> before(3.0), before(600.0)
    (2.85, 599.5)
    """
    return patience - min(0.5, patience / 20.0)

"""What a client may say of its turn at full limits, by headers."""

from __future__ import annotations

import pytest

from stormkeel.gateway.inbound import Inbound


@pytest.mark.parametrize(
    ("said", "wait", "priority"),
    [
        ((b"2.5", b"low"), 2.5, -5),
        ((b"0", b"7"), 0.0, 7),
        ((b"soon", b"urgent"), None, None),
        ((b"-1", b"99"), None, None),
        ((b"1e99", b""), None, None),
    ],
)
def test_a_turn_by_headers(said: tuple[bytes, bytes], wait: float | None, priority: int | None) -> None:
    """Seconds that a turn is worth, and a priority; what makes no sense is not said."""
    options = Inbound([(b"x-stormkeel-queue-wait", said[0]), (b"x-stormkeel-priority", said[1])]).options("k")
    assert (options.queue_wait, options.priority) == (wait, priority)

"""What of a stream may go out, and when: nothing before the first content, or before as much as its route wants."""

from __future__ import annotations

from math import inf

import pytest

from stormkeel.engine.relay import HeldRelay, Relay, too_large
from stormkeel.policies.commit import MOST_HELD
from stormkeel.types.failure import Failure, FailureKind

FAULT = Failure(FailureKind.TRUNCATED, "cut")


class Reader:
    """A reader for which each byte is a frame: "h" lifecycle, "t" a byte of text, "." the end, "!" a failure, "_" nothing yet."""

    def __init__(self, rest: bytes = b"", at_end: Failure | None = None) -> None:
        self.committed = self.complete = False
        self.failure: Failure | None = None
        self.output_bytes = 0
        self.rest, self.at_end = rest, at_end

    def feed(self, data: bytes) -> bytes:
        """Take them."""
        self.output_bytes += data.count(b"t")
        self.committed |= b"t" in data or b"." in data
        self.complete |= b"." in data
        self.failure = FAULT if b"!" in data else self.failure
        return data.replace(b"_", b"").replace(b"!", b"")

    def finish(self) -> Failure | None:
        """The end has come."""
        return self.at_end


def plain(rest: bytes = b"", at_end: Failure | None = None) -> Relay:
    """A relay that commits at the first content."""
    return Relay(Reader(rest, at_end))  # type: ignore[arg-type]  # asked for little


def held(wanted: float, most: int = 10, rest: bytes = b"", at_end: Failure | None = None) -> HeldRelay:
    """One that holds more."""
    return HeldRelay(Reader(rest, at_end), wanted, b"<early>", most)  # type: ignore[arg-type]  # asked for little


def fed(relay: Relay, *pieces: bytes) -> list[bytes]:
    """What goes out after each piece."""
    return [relay.feed(piece) for piece in pieces]


def test_lifecycle_frames_wait_for_the_first_content() -> None:
    """Then all that was held goes out with it, and everything else as it comes."""
    relay = plain()
    assert fed(relay, b"h", b"_", b"h") == [b"", b"", b""]
    assert not relay.committed
    assert fed(relay, b"t", b"h", b"_", b"tt") == [b"hht", b"h", b"", b"tt"]
    assert relay.committed
    relay.reader.committed = False  # whatever it says later
    assert relay.feed(b"h") == b"h"
    assert fed(plain(), b"t", b"h") == [b"t", b"h"]


@pytest.mark.parametrize(("rest", "at_end", "out"), [(b"", None, b""), (b"r", None, b"hr"), (b"r", FAULT, b""), (b"", FAULT, b"")])
def test_the_end_brings_what_is_left_where_the_answer_is_whole(rest: bytes, at_end: Failure | None, out: bytes) -> None:
    """A last frame without its blank line goes out with what was held; of a broken one nothing."""
    relay = plain(rest, at_end)
    relay.feed(b"h")
    assert (relay.end(), relay.reader.failure, relay.committed) == (out, at_end, bool(out))
    assert relay.feed(b"t") == (b"t" if out else b"ht")


def test_a_failure_that_was_told_stays_the_failure() -> None:
    """Whatever the end says."""
    relay = plain(b"r", Failure(FailureKind.SERVER, "later"))
    relay.feed(b"!")
    assert (relay.end(), relay.reader.failure) == (b"", FAULT)


@pytest.mark.parametrize(
    ("wanted", "pieces", "out"),
    [
        (3, [b"ht", b"t", b"t", b"t"], [b"", b"", b"httt", b"t"]),
        (3, [b"ht", b"tttt"], [b"", b"httttt"]),
        (inf, [b"ht", b"t", b"_", b"t."], [b"", b"", b"", b"httt."]),
        (inf, [b"h", b"."], [b"", b"h."]),
        (3, [b"ht", b"t!", b"tt"], [b"", b"", b""]),
        (inf, [b"ttttt", b"ttttt", b"t", b"t"], [b"", b"", b"<early>ttttttttttt", b"t"]),
    ],
    ids=["so much", "more at once", "all", "nothing said", "failed before", "too large"],
)
def test_more_is_held_where_the_route_wants_it(wanted: float, pieces: list[bytes], out: list[bytes]) -> None:
    """So many bytes of text, or all; after a failure nothing; and no more than the bound, with a note in front (INV-14)."""
    relay = held(wanted)
    assert fed(relay, *pieces) == out
    assert relay.committed is (out[-1] != b"")


@pytest.mark.parametrize(("rest", "at_end", "out"), [(b"", None, b"htt"), (b"r", None, b"httr"), (b"r", FAULT, b""), (b"", FAULT, b"")])
def test_a_held_answer_that_ends_goes_out_whole(rest: bytes, at_end: Failure | None, out: bytes) -> None:
    """Or not at all."""
    relay = held(inf, rest=rest, at_end=at_end)
    relay.feed(b"htt")
    assert (relay.end(), relay.committed) == (out, bool(out))
    assert relay.end() == rest * bool(out)


def test_the_note_names_the_bound() -> None:
    """A comment, by the dialect's own rules a line that starts with a colon."""
    assert too_large(7) == b": stormkeel-commit: early, for more than 7 bytes are not held back\n\n"
    assert str(MOST_HELD).encode() in too_large()
    whole = HeldRelay(Reader(), inf)  # type: ignore[arg-type]  # asked for little
    assert whole.feed(b"t" * MOST_HELD) == b""
    assert len(whole.feed(b"t")) == MOST_HELD + 1

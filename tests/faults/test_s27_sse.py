"""S-27: streams of events, cut, ended and spoilt in any way, read the same or are refused, and never break a reader."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
import recordings as source
from cutting import LINE_ENDS, differing, differing_frames, known_by, with_ends
from fuzzing import Branches, fuzz
from sse_fuzz_target import WORDS, check, seeds

from stormkeel.assemble import DIALECTS
from stormkeel.dialects import reader, sse

Figure = Callable[[str, str, str], None]

FILES = {
    "openai_chat": "openai_chat", "openai_responses": "openai_responses", "anthropic_messages": "anthropic_messages",
    "gemini": "gemini_stream",
}  # fmt: skip


def recorded(dialect: str) -> list[bytes]:
    """The recorded streams of a dialect, of any length; where there are none that is told in the run's last lines."""
    found = source.streams(FILES[dialect])
    if not found:
        pytest.skip(f"no recordings in {source.FOLDER}: set STORMKEEL_RECORDINGS to their folder")
    return found


def readers(dialect: str) -> dict[str, Any]:
    """Fresh readers, of frames and of events."""
    return {"frames": DIALECTS[dialect].read_stream(keep_usage=True), "events": DIALECTS[dialect].read_events()}


def cut_readers(dialect: str, every: bool) -> tuple[int, list[str]]:
    """Cut the streams of a dialect in two for its readers; return how often, and where something differed."""
    made, found = 0, []
    for name, end in LINE_ENDS.items():
        for what in readers(dialect):
            seen: set[bytes] | None = None if every else set()
            for number, stream in enumerate(recorded(dialect)):
                cuts, differences = differing(readers(dialect)[what], stream, end, seen)
                made += cuts
                found += [f"stream {number}, {name}, {what}: {where}" for where in differences]
    return made, found


def cut_frames(dialect: str, every: bool) -> tuple[int, list[str]]:
    """Cut the streams of a dialect in two for their frames; return how often, and where something differed."""
    made, found = 0, []
    for name, end in LINE_ENDS.items():
        for number, stream in enumerate(recorded(dialect)):
            cuts, differences = differing_frames(stream, end, every)
            made += cuts
            found += [f"stream {number}, {name}: {where}" for where in differences]
    return made, found


KINDS = {"frames": cut_frames, "readers": cut_readers}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", FILES)
def test_recorded_streams_are_the_same_wherever_they_are_cut(dialect: str, kind: str, figure: Figure) -> None:
    """Each recorded stream of any length, cut in two, has the frames, events and judgement that it has whole, with LF, CRLF and CR."""
    made, found = KINDS[kind](dialect, False)
    figure("S-27", f"{dialect}: the same {kind} for a cut in each shape of frame, LF, CRLF, CR", f"{len(found)} of {made:,} differ")
    assert found == []


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", FILES)
def test_recorded_streams_are_the_same_for_a_cut_at_every_byte(dialect: str, kind: str, figure: Figure) -> None:
    """So they have for a cut at every single byte."""
    made, found = KINDS[kind](dialect, True)
    figure("S-27", f"{dialect}: the same {kind} for a cut at every byte, LF, CRLF, CR", f"{len(found)} of {made:,} differ")
    assert found == []


@pytest.mark.parametrize("dialect", FILES)
@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_a_recorded_stream_reads_the_same_byte_by_byte(dialect: str, end: bytes) -> None:
    """Each recorded stream that comes one byte at a time is read as one that comes at once, by both readers."""
    for stream in recorded(dialect):
        sent = with_ends(stream, end)
        for what, whole in readers(dialect).items():
            single = readers(dialect)[what]
            told = [single.feed(sent[at : at + 1]) for at in range(len(sent))]
            passed = whole.feed(sent)
            if what == "frames":
                assert b"".join(told) == passed
                assert (single.finish(), single.rest) == (whole.finish(), whole.rest)
                assert whole.failure is None
            else:
                assert [event for events in told for event in events] == passed
            assert known_by(single) == known_by(whole)


SECONDS = int(os.environ.get("STORMKEEL_FUZZ_SECONDS") or 600)
BRANCHES = 0.9
JUDGED = (sse, reader)
LED_BY = [importlib.import_module(f"stormkeel.dialects.{name}.{half}") for name in FILES for half in ("stream", "events")]


def test_a_short_fuzz_breaks_no_reader(figure: Figure) -> None:
    """Some hundred inputs, led by the branches they take, break no framer and no reader of any dialect."""
    branches = Branches(JUDGED, LED_BY)
    tried, broken = fuzz(check, seeds(), WORDS, branches, lambda tried: tried < 400)
    figure("S-27", "a short fuzz: 0 inputs break anything", f"{len(broken)} of {tried:,}, {branches.share:.0%} of {branches.all} branches")
    assert broken == []


@pytest.mark.nightly
def test_a_long_fuzz_breaks_no_reader_and_takes_nearly_every_branch(figure: Figure) -> None:
    """Ten minutes of inputs, led by the branches they take, break nothing, and take nine of ten branches of both modules."""
    branches, end = Branches(JUDGED, LED_BY), time.monotonic() + SECONDS
    tried, broken = fuzz(check, seeds(), WORDS, branches, lambda _tried: time.monotonic() < end)
    reached = f"{len(broken)} of {tried:,} in {SECONDS} s, {branches.share:.1%} of {branches.all}"
    figure("S-27", "0 inputs break anything, 90 % of the branches of sse.py and reader.py", reached)
    assert broken == []
    assert branches.share >= BRANCHES, branches.missing()

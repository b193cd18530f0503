"""Recorded real streams broken off behind each event, and gone on with: whole, once, with every word, or not gone on with at all."""

from __future__ import annotations

import pytest
import recordings as source

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.sse import Framer
from stormkeel.dialects.values import Head
from stormkeel.types.events import Finished, Started, TextDelta, UsageReported, fold
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

HEAD = Head("req_1", 1_700_000_000, "model-b", 10)
REST = [Started("other-id", "model-b"), TextDelta(" and so on."), Finished(Finish.STOP), UsageReported(Usage(input=10, output=5))]
FOUR = {"openai_chat": "openai_chat", "openai_responses": "openai_responses", "anthropic_messages": "anthropic_messages", "gemini": "gemini_stream"}
"""Dialects, and where their recordings are."""
MOST = 60  # places of one stream that are looked at


@pytest.mark.parametrize("name", FOUR)
def test_a_recorded_stream_is_gone_on_with_where_it_is_plain_text(name: str) -> None:
    """Behind each event its own reader takes what was sent and what goes on as one whole answer, under the first one's id."""
    streams = DIALECTS[name].streams
    joined = 0
    for stream in source.streams(FOUR[name]):
        told = Framer().feed(stream)
        whole = DIALECTS[name].read_events().feed(stream)
        for count in range(1, len(told), max(1, len(told) // MOST)):
            sent = b"".join(told[:count])
            follower = streams.follow()
            follower.feed(sent)
            if not follower.may_go_on:
                break
            before = fold(streams.read_events().feed(sent))
            assert follower.text == before.text
            assert fold(whole).text.startswith(follower.text)
            writer = follower.go_on(HEAD)
            bytes_ = sent + writer.feed(REST) + writer.finish()
            reader = streams.read_stream(keep_usage=True)
            reader.feed(bytes_)
            assert reader.finish() is None
            got = fold(streams.read_events().feed(bytes_))
            assert got.text == before.text + " and so on."
            assert got.id == (before.id or got.id)
            assert got.finish is Finish.STOP
            joined += 1
    assert joined > 0 or not source.streams(FOUR[name])

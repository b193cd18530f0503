"""The context window, looked at before anything is sent: refused where nobody could, passed over where somebody else can."""

from __future__ import annotations

import json

import pytest
from asking_stage import answered, client_of
from story_stage import Bench, play, whole

from stormkeel.errors import ContextTooLongError

SMALL = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-4"]]
[routes.both]
groups = [["openai/gpt-4"], ["openai/gpt-4-turbo"]]
"""
"""gpt-4's window is 8,192 tokens, gpt-4-turbo's 128,000."""
LONG = "word " * 9_500
SHORT = "word " * 1_000
INSIDE = "w" * 60_000  # far more bytes than the window has tokens, and one word


def test_nothing_is_sent_that_can_not_fit():
    """A request that no model of the route has room for is refused unsent, with both numbers and a mend; nothing is reserved."""

    async def story():
        bench = Bench([whole()], SMALL)
        with pytest.raises(ContextTooLongError, match=r"9,500 tokens.*8,192.*shorten"):
            await client_of(bench).complete(LONG)
        answer = await bench.ask(messages=[{"role": "user", "content": LONG}])
        assert answer.failure.kind == "context_length"
        assert [attempt.made for attempt in answer.story.attempts] == [False]
        assert (bench.transport.sent, bench.reserved) == ([], [])

    play(story)


def test_who_can_not_fit_it_is_passed_over():
    """Where another model of the route has room it is asked, and the story tells why the first was not."""

    async def story():
        bench = Bench([whole("yes")], SMALL)
        done = await client_of(bench, "both").complete(LONG)
        assert done.text == "yes"
        assert [json.loads(sent.request.body)["model"] for sent in bench.transport.sent] == ["gpt-4-turbo"]
        assert [attempt.failure and attempt.failure.kind for attempt in done.attempts] == ["context_length", None]

    play(story)


@pytest.mark.parametrize("prompt", [SHORT, INSIDE, "a " * 8_400])
def test_who_may_fit_it_is_asked(prompt: str):
    """Only what is certain is refused: many bytes are not many tokens, and windows in the catalog are rounded."""

    async def story():
        bench = Bench([whole("yes")], SMALL)
        assert (await client_of(bench).complete(prompt)).text == "yes"

    play(story)


def test_counted_where_the_encoding_is_known():
    """The library counts what words leave open, where an encoding is known and nobody of the route has room."""

    async def story():
        bench = Bench([whole("yes")] * 2, SMALL)
        long = "antidisestablishmentarianism " * 5_000
        with pytest.raises(ContextTooLongError, match=r"at least \d\d,\d{3} tokens"):
            await client_of(bench).complete(long)
        assert (await client_of(bench, "both").complete(long)).text == "yes"

    play(story)


def test_a_beta_may_widen_the_window():
    """A client that asks for a beta may be asking for a larger window, so its provider has the word."""

    async def story():
        bench = Bench([whole("yes")], SMALL)
        raw = bench.request("fast", messages=[{"role": "user", "content": LONG}])
        headers = (("openai-beta", "wide-window"),)
        answer = await bench.house.answer(type(raw)(**{f: getattr(raw, f) for f in raw.__struct_fields__} | {"headers": headers}))
        assert answer.failure is None

    play(story)


def test_a_streamed_request_is_looked_at_too():
    """A stream that can't fit is refused before its first byte."""

    async def story():
        bench = Bench([whole()], SMALL)
        with pytest.raises(ContextTooLongError):
            await client_of(bench).stream(LONG).until_done()
        assert bench.transport.sent == []

    play(story)


def test_a_shorter_prompt_instead():
    """A fallback prompt is asked where the first one can't fit."""

    async def story():
        bench = Bench([answered("yes")], SMALL)
        done = await client_of(bench).complete(LONG, fallback=SHORT)
        assert (done.text, done.fell_back, len(bench.transport.sent)) == ("yes", True, 1)

    play(story)

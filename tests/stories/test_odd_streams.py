"""Streams that say nonsense, and streams that stay open behind their end: in every dialect and across them."""

from __future__ import annotations

import json
from itertools import product

import pytest
from recovery_stage import CHAT, FOUR, GEMINI, MESSAGES, RESPONSES, TEXT, WORDS, Seen, ask, frames, house, said
from story_stage import ALONE, SSE, WHOLE_STREAM, Bench, Reply, now, play, streamed, whole

from stormkeel.engine.mishaps import LAST_MARK
from stormkeel.engine.ports import WireFault
from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0
NEXT = {CHAT: MESSAGES, MESSAGES: GEMINI, GEMINI: RESPONSES, RESPONSES: CHAT}
JUNK = {
    "broken": b"data: {broken\n\n",
    "cut": b'data: {"id":"x","choices":[{"del\n\n',
    "a list": b"data: [1,2]\n\n",
    "a number": b"data: 42\n\n",
    "null": b"data: null\n\n",
    "no UTF-8": b'data: {"type":"\xff\xfe"}\n\n',
    "a page": b"<html><body>502</body></html>\n\n",
    "nothing known": b'data: {"hello":"garbage"}\n\n',
    "wrong types": b'data: {"choices":7,"type":[],"candidates":"garbage","delta":9,"response":"garbage"}\n\n',
    "wrong deeper": b'data: {"type":"content_block_delta","delta":"garbage","choices":[{"delta":"garbage"}],"candidates":[4]}\n\n',
    "deep": b"data: " + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n\n",
    "two objects": b"data: {}{}\n\n",
    "an empty one": b"data:\n\n",
}
"""Events that no provider should send."""


async def heard(client: str, dialect: str, reply: Reply) -> Seen:
    """Ask by one dialect a provider that speaks another, with nobody else in the route."""
    settings = house("error", dialect, dialect).replace(b', ["second/claude-sonnet-4-5"]', b"")
    return await ask(Bench([reply], settings), client)


def assert_readable(seen: Seen, client: str) -> None:
    """See that each event is an object in UTF-8, as SDKs want it, and that a Gemini client is sent nothing but events."""
    for line in seen.taken.body.decode().split("\n"):
        if line.startswith("data: ") and line != "data: [DONE]":
            assert isinstance(json.loads(line[6:]), dict)
        else:
            assert client != GEMINI or not line.strip()


@pytest.mark.parametrize(("client", "is_across"), list(product(FOUR, (False, True))))
@pytest.mark.parametrize("junk", JUNK)
def test_nonsense_is_left_out_or_ends_in_an_error(client, is_across, junk):
    """Wherever nonsense stands, the client's own reader finds the whole text without a trace of it, or a beginning and an error."""
    dialect = NEXT[client] if is_across else client

    async def story():
        told = frames(dialect, said(*WORDS))
        for place in range(1, len(told), 3):
            seen = await heard(client, dialect, Reply(200, [*told[:place], JUNK[junk], *told[place:]], SSE))
            assert_readable(seen, client)
            if seen.answer.failure is None:
                assert seen.is_whole
                assert seen.text == TEXT
            else:
                assert not seen.is_whole
                assert TEXT.startswith(seen.text)

    play(story)


@pytest.mark.parametrize(("client", "is_across"), list(product(FOUR, (False, True))))
@pytest.mark.parametrize("after", [[LONG], [WireFault("body", "reset")], [1.0, b": ping\n\n"] * 50])
def test_what_has_said_its_end_is_finished_at_once(client, is_across, after):
    """Behind the terminal event nobody waits for the end of the connection; where a dialect has none, half a second."""
    dialect = NEXT[client] if is_across else client

    async def story():
        seen = await heard(client, dialect, Reply(200, [*frames(dialect, said(*WORDS)), *after], SSE))
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert now() <= (LAST_MARK if dialect == GEMINI else 0.0)

    play(story)


@pytest.mark.parametrize(("client", "dialect"), list(product(FOUR, (CHAT, GEMINI))))
@pytest.mark.parametrize("junk", [name for name in JUNK if name != "deep"])
def test_nonsense_behind_the_reason_of_the_end_takes_nothing_away(client, dialect, junk):
    """An answer that has said why it ended is whole, whatever nonsense comes behind that, which no client is sent."""

    async def story():
        told = frames(dialect, said(*WORDS))
        seen = await heard(client, dialect, Reply(200, [*told[:-1], JUNK[junk], *told[-1:]] if dialect == CHAT else [*told, JUNK[junk]], SSE))
        assert_readable(seen, client)
        assert (seen.answer.failure, seen.text, seen.is_whole) == (None, TEXT, True)

    play(story)


@pytest.mark.parametrize(("client", "dialect"), list(product(FOUR, (CHAT, GEMINI))))
def test_no_words_are_told_behind_nonsense_behind_the_end(client, dialect):
    """What says the whole answer once more behind that is not believed: nobody hears it twice."""

    async def story():
        told = frames(dialect, said(*WORDS))
        seen = await heard(client, dialect, Reply(200, [*told[: -1 if dialect == CHAT else None], JUNK["broken"], *told], SSE))
        assert_readable(seen, client)
        assert (seen.answer.failure, seen.text, seen.is_whole) == (None, TEXT, True)

    play(story)


INSTEAD = {
    CHAT: {"error": {"message": "slowly", "type": "requests", "code": "rate_limit_exceeded"}},
    RESPONSES: {"error": {"message": "slowly", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
    MESSAGES: {"type": "error", "error": {"type": "rate_limit_error", "message": "slowly"}},
    GEMINI: {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slowly"}},
}
"""What a provider says that is asked too often."""


@pytest.mark.parametrize(("client", "is_across"), list(product(FOUR, (False, True))))
def test_an_error_in_place_of_a_stream_is_read_as_what_it_says(client, is_across):
    """A 200 whose body is an error's JSON, as relays answer, means what it would mean with its own status, streamed or not."""
    dialect = NEXT[client] if is_across else client

    async def story():
        body = json.dumps(INSTEAD[dialect]).encode()
        seen = await heard(client, dialect, Reply(200, [body], (("content-type", "application/json"),)))
        assert (seen.answer.failure.kind, seen.taken.body) == (K.RATE_LIMIT, b"")
        assert {attempt.usage_source for attempt in seen.answer.story.attempts} == {"none"}

    play(story)


def test_an_answer_in_one_piece_is_told_and_booked_as_what_it_is():
    """Who does not stream is told so, and not that it broke off; what it reports of the answer nobody gets is what it costs."""

    async def story():
        bench = Bench([whole(prompt=10, completion=5)], ALONE)
        answer, taken = await bench.stream()
        assert (answer.failure.kind, taken.body) == (K.BAD_RESPONSE, b"")
        assert {attempt.failure.status for attempt in answer.story.attempts} == {200}
        assert "answered in one piece where a stream was asked for" in answer.failure.message
        assert set(bench.outcomes) == {("bad_response", "provider")}
        assert {entry.usage.total for entry in bench.settled} == {15}
        page = Bench([Reply(200, [b"<html><body>Log in</body></html>"], (("content-type", "text/html"),))], ALONE)
        assert "something that is no answer" in (await page.stream())[0].failure.message

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_a_chat_that_never_says_done_is_finished_at_once(client):
    """A chat completion that gave its reason and its usage needs no `[DONE]`, whoever reads it."""

    async def story():
        *told, done = frames(CHAT, said(*WORDS))
        assert done == b"data: [DONE]\n\n"
        seen = await heard(client, CHAT, Reply(200, [*told, LONG], SSE))
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert now() <= LAST_MARK

    play(story)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_another_success_is_no_stream(status):
    """Only a 200 is read as one: what came with another status is not passed on, and told as no answer with that status."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM, status=status)], ALONE + b"[policies.retry]\nattempts = 1\n")
        answer, taken = await bench.stream()
        assert answer.failure is not None
        assert (answer.failure.kind, answer.failure.status, taken.pieces) == (K.BAD_RESPONSE, status, [])
        assert [(entry.outcome, entry.status) for entry in bench.settled] == [("bad_response", status)]

    play(story)

"""Streams that break off behind their commit point: told, or gone on with by somebody else, in every dialect and across them."""

from __future__ import annotations

import itertools
import json

import pytest
from recovery_stage import (
    BODIES,
    CHAT,
    FOUR,
    GEMINI,
    MESSAGES,
    RESPONSES,
    TEXT,
    WORDS,
    answered,
    ask,
    begun,
    by_host,
    failure_of,
    frames,
    house,
    said,
    sent,
)
from story_stage import SSE, Bench, Reply, play
from test_library_stories import client_of

from stormkeel.assemble import DIALECTS
from stormkeel.engine.ports import WireFault
from stormkeel.errors import StreamBrokenError
from stormkeel.gateway.trace import trace_of
from stormkeel.policies.commit import MOST_HELD
from stormkeel.runtime.telemetry.logs import line_of
from stormkeel.runtime.telemetry.metrics import Metrics
from stormkeel.types.events import RefusalDelta, Started, TextDelta, ThinkingDelta, ThinkingSealed, ToolDelta, ToolStarted
from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Options
from stormkeel.types.usage import Usage

K = FailureKind
CUT = WireFault("body", "reset")
HALF = WORDS[:6]
REST = WORDS[6:]
LONG = 100_000.0
PREFILL = b'{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill."}}'
"""What Anthropic says of a turn that was begun, from Claude 4.6 on."""


@pytest.mark.parametrize(("client", "second"), list(itertools.product(FOUR, FOUR)))
def test_continue_in_every_dialect(client, second):
    """A stream that breaks off goes on by somebody who is asked for the rest: one whole answer, one id, in the client's dialect."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(second, *REST)]), house("continue", client, second))
        seen = await ask(bench, client)
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [one.joint.partition(" ")[0] for one in seen.answer.story.attempts] == ["", "continue"]
        assert [one.outcome for one in bench.settled] == ["truncated", "ok"]
        assert len(seen.taken.heads) == 1

    play(story)


@pytest.mark.parametrize(("client", "second"), list(itertools.product(FOUR, FOUR)))
def test_restart_in_every_dialect(client, second):
    """A stream that breaks off goes on by somebody who is asked the same and says what was sent again, which goes out only once."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(second, *WORDS)]), house("restart", client, second))
        seen = await ask(bench, client)
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [one.joint for one in seen.answer.story.attempts] == ["", "restart"]
        assert "assistant" not in bench.transport.sent[1].request.body.decode()

    play(story)


@pytest.mark.parametrize("first", FOUR)
@pytest.mark.parametrize("client", FOUR)
def test_the_first_one_may_have_been_of_another_dialect(client, first):
    """What was sent is followed in the client's dialect, so it does not matter who spoke before."""

    async def story():
        bench = Bench(by_host([begun(first, *HALF, after=[CUT])], [answered(CHAT, *REST)]), house("continue", first, CHAT))
        seen = await ask(bench, client)
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)

    play(story)


@pytest.mark.parametrize("client", FOUR)
@pytest.mark.parametrize(
    "way", [[CUT], [], [LONG], [b"data: {broken\n\n"], [b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n']]
)
def test_however_it_breaks_off(client, way):
    """A reset, an early end, a stall, nonsense and an error event are all gone on with."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=way)], [answered(client, *REST)]), house("continue", client, client))
        seen = await ask(bench, client)
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_error_is_the_usual(client):
    """A route that says nothing, or `error`, tells the client what happened and asks nobody else."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(client, *REST)]), house("error", client, client))
        seen = await ask(bench, client)
        assert failure_of(seen).kind is K.TRUNCATED
        assert (seen.text, seen.is_whole) == ("".join(HALF), False)
        assert len(bench.transport.sent) == 1

    play(story)


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_a_model_that_takes_a_turn_begun_is_given_one():
    """Where the model goes on with an assistant's turn, that is how it is asked, without the blanks at its end."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(MESSAGES, *REST)]), house("continue", CHAT, MESSAGES))
        seen = await ask(bench, CHAT, max_completion_tokens=100)
        assert seen.text == TEXT
        assert sent(bench)["messages"][-1] == {"role": "assistant", "content": "".join(HALF).rstrip()}
        assert sent(bench)["max_tokens"] == 100 - len("".join(HALF)) // 4
        assert seen.answer.story.attempts[1].joint == "continue (prefill)"

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_a_model_that_takes_none_is_asked_in_words(client):
    """Where it does not, the user's turn behind what was said asks for the rest, and to repeat the last words."""

    async def story():
        settings = house("continue", client, client, "claude-sonnet-5")
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(client, "fox jumps over", *REST)]), settings)
        if client == GEMINI:
            settings = house("continue", client, CHAT)
            bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(CHAT, "brown fox jumps over ", *REST)]), settings)
        seen = await ask(bench, client)
        told = bench.transport.sent[1].request.body.decode()
        assert "The quick brown fox jumps over" in told
        assert "Write the rest of it" in told
        assert seen.answer.failure is None

    play(story)


@pytest.mark.parametrize(
    ("begins", "text"),
    [
        ("The quick brown fox jumps over the lazy dog.", "The quick brown fox jumps over the lazy dog."),
        ("over the lazy dog.", "The quick brown fox jumps over the lazy dog."),
        ("\n\nfox jumps over the lazy dog.", "The quick brown fox jumps over the lazy dog."),
        ("the lazy dog.", "The quick brown fox jumps over the lazy dog."),
        (" the lazy dog.", "The quick brown fox jumps over the lazy dog."),
    ],
)
def test_what_is_repeated_is_left_out(begins, text):
    """Whoever is asked in words may repeat all, the last words or nothing: the client reads each word once."""

    async def story():
        pieces = [begins[at : at + 3] for at in range(0, len(begins), 3)]
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *pieces)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (text, True)

    play(story)


def test_a_turn_begun_that_is_refused_is_asked_for_in_words():
    """A 400 for the turn that was begun is no end: the same deployment is asked in words, and the ledger holds all three."""

    async def story():
        refusal = Reply(400, [PREFILL])
        second = [refusal, answered(MESSAGES, "jumps over ", *REST)]
        bench = Bench(by_host([begun(MESSAGES, *HALF, after=[CUT])], second), house("continue", MESSAGES, MESSAGES))
        seen = await ask(bench, MESSAGES)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [one.joint for one in seen.answer.story.attempts] == ["", "continue (prefill)", "continue"]
        assert [one.outcome for one in bench.settled] == ["truncated", "unsupported", "ok"]
        assert [one.usage_source for one in bench.settled] == ["estimated", "none", "provider"]
        assert sent(bench)["messages"][-1]["role"] == "user"

    play(story)


def test_a_refusal_in_words_too_is_the_end():
    """Where the rest is refused either way, and nobody else is left, the client is told why its stream broke off."""

    async def story():
        refusal = Reply(400, [PREFILL])
        bench = Bench(by_host([begun(MESSAGES, *HALF, after=[CUT])], [refusal]), house("continue", MESSAGES, MESSAGES))
        seen = await ask(bench, MESSAGES)
        assert failure_of(seen).kind is K.TRUNCATED
        assert "nobody could go on with it" in failure_of(seen).message
        assert len(bench.transport.sent) == 3
        assert (seen.answer.began, seen.answer.story.committed, seen.is_whole) == (True, True, False)

    play(story)


# -- what is never gone on with ----------------------------------------------------------------------------------------

FORMS = {
    CHAT: {"response_format": {"type": "json_object"}},
    RESPONSES: {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}},
    MESSAGES: {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    GEMINI: {"generationConfig": {"responseMimeType": "application/json"}},
}


@pytest.mark.parametrize("client", FOUR)
def test_an_answer_of_a_form_is_not_continued(client):
    """Of an answer that must fit a schema nobody can write the rest: the client is told."""

    async def story():
        bench = Bench(by_host([begun(client, '{"a":', after=[CUT])], [answered(client, "1}")]), house("continue", client, client))
        seen = await ask(bench, client, **FORMS[client])
        assert failure_of(seen).kind is K.TRUNCATED
        assert len(bench.transport.sent) == 1

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_an_answer_of_a_form_may_be_restarted(client):
    """One that is said again to the letter is the second one's own answer, and fits whatever that fits."""

    async def story():
        whole = answered(client, '{"a"', ":1}")
        bench = Bench(by_host([begun(client, '{"a":', after=[CUT])], [whole]), house("restart", client, client))
        seen = await ask(bench, client, **FORMS[client])
        assert (seen.text, seen.is_whole) == ('{"a":1}', True)

    play(story)


FLYING = {
    "a tool's call": [ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"a":1}'), TextDelta("and ")],
    "a refusal": [RefusalDelta("I will not")],
    "a signed thought": [ThinkingDelta("hm"), ThinkingSealed("sig"), TextDelta("so ")],
}


@pytest.mark.parametrize("recovery", ["restart", "continue"])
@pytest.mark.parametrize("what", FLYING)
@pytest.mark.parametrize("client", FOUR)
def test_nothing_but_plain_text_is_gone_on_with(client, what, recovery):
    """With a call, a refusal or a proof of thoughts in flight the client is told, and nobody else is asked."""

    async def story():
        if client == CHAT and what == "a signed thought":
            return  # this dialect has no signatures
        if client in (GEMINI, MESSAGES) and what == "a refusal":
            return  # here a refusal is text like any other until its end
        first = begun(client, "Well. ", events=FLYING[what], after=[CUT])
        bench = Bench(by_host([first], [answered(client, *REST)]), house(recovery, client, client))
        seen = await ask(bench, client)
        assert failure_of(seen).kind is K.TRUNCATED
        assert len(bench.transport.sent) == 1

    play(story)


def test_more_than_one_choice_is_not_gone_on_with():
    """A stream of several answers ends with an error."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *REST)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT, n=2)
        assert failure_of(seen).kind is K.TRUNCATED
        assert len(bench.transport.sent) == 1

    play(story)


@pytest.mark.parametrize("client", [CHAT, GEMINI])
def test_thoughts_without_a_proof_stand_beside_the_text(client):
    """A thought that was shown and proves nothing is no hindrance; what the next one thinks is not shown."""

    async def story():
        told = [Started("chatcmpl-first", "model-a"), ThinkingDelta("hm. "), *map(TextDelta, HALF)]
        first = Reply(200, (*frames(client, told, ends=False), CUT), SSE)
        second = [Started("chatcmpl-second", "model-b"), ThinkingDelta("another thought"), *map(TextDelta, REST)]
        whole = Reply(200, frames(client, second, name="b"), SSE)
        bench = Bench(by_host([first], [whole]), house("continue", client, client))
        seen = await ask(bench, client)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert b"another thought" not in seen.taken.body
        assert "hm. " not in bench.transport.sent[1].request.body.decode()

    play(story)


@pytest.mark.parametrize("recovery", ["restart", "continue"])
def test_a_stream_that_breaks_off_while_thinking_is_asked_anew(recovery):
    """Before any text there is nothing to go on from: the same is asked again, and its whole text goes out."""

    async def story():
        told = [Started("chatcmpl-first", "model-a"), ThinkingDelta("hm. ")]
        first = Reply(200, (*frames(CHAT, told, ends=False), CUT), SSE)
        bench = Bench(by_host([first], [answered(CHAT, *WORDS)]), house(recovery, CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert sent(bench)["messages"] == [{"role": "user", "content": "hello"}]

    play(story)


# -- what does not meet ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", FOUR)
@pytest.mark.parametrize("words", [["Another answer."], ["The quick brown cat ", *WORDS], [TEXT.upper()], WORDS[:3], ["The"]])
def test_a_restart_that_says_something_else_is_not_joined(client, words):
    """Whoever says something else, or less, adds nothing: the client has what it had, and why it broke off; its tokens are booked."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(client, *words)]), house("restart", client, client))
        seen = await ask(bench, client)
        assert failure_of(seen).kind is K.TRUNCATED
        assert "it does not go on from what was already sent" in failure_of(seen).message
        assert (seen.text, seen.is_whole) == ("".join(HALF), False)
        assert bench.settled[1].usage_source in ("estimated", "provider")
        assert bench.house.world.fleet.members[1].breaker.is_ready(0.0), "no fault of its health"

    play(story)


def test_the_next_one_may_meet_where_one_did_not():
    """After one that says something else another is asked, under the same number of tries."""

    async def story():
        more = '[providers.third]\nkind = "compatible"\nbase_url = "http://first.test/v1"\n'
        settings = house("restart", CHAT, CHAT, more=more).replace(b'["second/claude-sonnet-4-5"]', b'["second/x"], ["third/y"]')
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT]), answered(CHAT, *WORDS)], [answered(CHAT, "No.")]), settings)
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [one.failure and one.failure.kind for one in seen.answer.story.attempts] == [K.TRUNCATED, K.UNSUPPORTED, None]

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_a_stream_may_break_off_twice(client):
    """What goes on may break off as well: the next one goes on with all that was sent."""

    async def story():
        more = f'[providers.third]\nkind = "compatible"\nbase_url = "http://first.test/v1"\ndialects = {{ {client} = "" }}\n'
        settings = house("continue", client, client, more=more).replace(b'4-5"]', b'4-5"], ["third/claude-sonnet-4-5"]')
        replies = [begun(client, *WORDS[:4], after=[CUT]), answered(client, *WORDS[8:])]
        middle = Reply(200, (*frames(client, [Started("x", "model-b"), *map(TextDelta, WORDS[4:8])], ends=False, name="b"), CUT), SSE)
        bench = Bench(by_host(replies, [middle]), settings)
        seen = await ask(bench, client)
        assert seen.answer.failure is None
        assert (seen.text, seen.is_whole) == (TEXT, True)
        booked = [one.usage for one in bench.settled]
        assert len(booked) == 3
        assert seen.response.usage is not None
        assert seen.response.usage.total_output == sum(one.total_output for one in booked)
        assert len({one["id"] for one in seen.events if "id" in one}) <= 1

    play(story)


# -- what is told ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [CHAT, RESPONSES, MESSAGES])
def test_the_joint_is_marked(client):
    """A comment says where somebody else goes on, who, and why."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(client, *REST)]), house("continue", client, client))
        seen = await ask(bench, client)
        (comment,) = seen.comments
        assert comment.startswith(": stormkeel-joint: continue")
        assert comment.endswith(f"by second/claude-sonnet-4-5 after {len(''.join(HALF))} characters; truncated")
        at = seen.taken.body.index(b": stormkeel-joint")
        assert seen.taken.body[:at] == b"".join(begun(client, *HALF).body), "what went out before is the provider's, byte for byte"

    play(story)


def test_no_comment_where_none_is_taken():
    """A Gemini client would take it for the beginning of an error."""

    async def story():
        bench = Bench(by_host([begun(GEMINI, *HALF, after=[CUT])], [answered(GEMINI, *REST)]), house("continue", GEMINI, GEMINI))
        seen = await ask(bench, GEMINI)
        assert seen.text == TEXT
        assert b"stormkeel" not in seen.taken.body

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_the_usage_told_is_that_of_all_who_wrote_the_answer(client):
    """The usage at the end is what the ledger holds for those whose words the answer has."""

    async def story():
        bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [answered(client, *REST, usage=Usage(input=40, output=7))]),
                      house("continue", client, client))  # fmt: skip
        seen = await ask(bench, client)
        booked = [one.usage for one in bench.settled]
        assert seen.response.usage is not None
        assert seen.response.usage.total_input == sum(one.total_input for one in booked)
        assert seen.response.usage.total_output == sum(one.total_output for one in booked)
        assert booked[1] == Usage(input=40, output=7)

    play(story)


def test_the_model_told_is_the_one_that_answers():
    """Behind the joint chunks name the new model under the old id; a whole response at the end does as well."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *REST)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert {one["id"] for one in seen.events} == {"chatcmpl-first"}
        assert {one["created"] for one in seen.events} == {1_700_000_000}
        assert [seen.events[0]["model"], seen.events[-1]["model"]] == ["model-a", "model-b"]
        bench = Bench(by_host([begun(RESPONSES, *HALF, after=[CUT])], [answered(RESPONSES, *REST)]), house("continue", RESPONSES, RESPONSES))
        seen = await ask(bench, RESPONSES)
        assert [one["sequence_number"] for one in seen.events] == list(range(len(seen.events)))
        whole = seen.events[-1]["response"]
        assert (whole["model"], whole["id"]) == ("model-b", seen.events[0]["response"]["id"])
        assert [item["id"] for item in whole["output"]] == [seen.events[2]["item"]["id"]]
        assert whole["output"][0]["content"][0]["text"] == TEXT

    play(story)


def test_keep_alives_go_out_in_the_gap():
    """While somebody is asked to go on the client is kept alive, and the head is sent once."""

    async def story():
        late = Reply(200, answered(CHAT, *REST).body, SSE, delay=25.0)
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [late]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [at for at, piece in zip(seen.taken.times, seen.taken.pieces, strict=True) if b"keep-alive" in piece][:3] == [10.0, 20.0, 25.0]
        assert len(seen.taken.heads) == 1
        assert seen.answer.story.ttft == 0.0, "the client's first content was the first one's"
        assert seen.answer.story.request.raw == json.dumps(BODIES[CHAT]).encode(), "the client's request, not what was asked for it"

    play(story)


def test_the_only_one_may_be_asked_again():
    """With nobody else in the route the same deployment is asked to go on, once, and the client is kept alive in the gap."""

    async def story():
        late = Reply(200, answered(CHAT, *WORDS).body, SSE, delay=15.0)
        settings = house("restart", CHAT, CHAT).replace(b', ["second/claude-sonnet-4-5"]', b"").replace(b"attempts = 1", b"attempts = 2")
        bench = Bench(by_host([begun(CHAT, *HALF), late], []), settings)
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert any(b"keep-alive" in piece and at < 15.0 for at, piece in zip(seen.taken.times, seen.taken.pieces, strict=True))

    play(story)


def test_the_deadline_holds_over_the_joint():
    """A request whose time is over is not gone on with."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[LONG])], [answered(CHAT, *REST)]),
                      house("continue", CHAT, CHAT, more="[policies.clocks]\ntotal = 20\n"))  # fmt: skip
        seen = await ask(bench, CHAT)
        assert failure_of(seen).kind is K.DEADLINE
        assert failure_of(seen).message == "the request's time of 20 s was over"
        assert len(bench.transport.sent) == 1

    play(story)


def test_a_call_that_follows_the_rest_is_carried():
    """Whoever goes on may call a tool behind the text: the call is the client's to make."""

    async def story():
        told = [Started("x", "model-b"), *map(TextDelta, REST), ToolStarted(0, "call_9", "look"), ToolDelta(0, '{"a":1}')]
        for client in FOUR:
            whole = Reply(200, frames(client, told, name="b"), SSE)
            bench = Bench(by_host([begun(client, *HALF, after=[CUT])], [whole]), house("continue", client, client))
            seen = await ask(bench, client)
            assert (seen.text, seen.is_whole) == (TEXT, True), client
            assert [(call.name, json.loads(call.arguments)) for call in seen.response.tool_calls] == [("look", {"a": 1})]

    play(story)


@pytest.mark.parametrize("wish", [Options(recovery="continue"), Options(commit="complete")])
def test_a_request_may_ask_for_it_itself(wish):
    """What a request says of its stream stands in place of its route's word, both ways."""

    async def story():
        for route, options, count in (("error", wish, 2), ("continue", Options(recovery="error"), 1)):
            script = by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *WORDS)])
            bench = Bench(script, house(route, CHAT, CHAT, "gpt-5.4-mini"))
            seen = await ask(bench, CHAT, options=options)
            assert (len(bench.transport.sent), seen.is_whole) == (count, count == 2)

    play(story)


# -- where a stream stands ---------------------------------------------------------------------------------------------


def test_a_last_resort_is_none_in_the_middle_of_an_answer():
    """Whoever can't go on because of the request's length ends it: another question is no rest of this answer."""

    async def story():
        more = '[routes.fast.last_resort]\nprompt = "Say that it was too long."\nto = ["first/model-c"]\n'
        long = Reply(400, [b'{"error":{"code":"context_length_exceeded","message":"too long"}}'])
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [long]), house("continue", CHAT, CHAT, more=more))
        turns = [{"role": role, "content": "hello"} for role in ("user", "assistant", "user")]
        seen = await ask(bench, CHAT, messages=turns)
        assert failure_of(seen).kind is K.TRUNCATED
        assert len(bench.transport.sent) == 2

    play(story)


def test_log_probabilities_are_not_gone_on_with():
    """They belong to the text, and nobody else would know those of the rest."""

    async def story():
        told = frames(CHAT, [Started("chatcmpl-first", "model-a"), *map(TextDelta, HALF)], ends=False)
        first = Reply(200, [*(frame.replace(b'"logprobs":null', b'"logprobs":{"content":[]}') for frame in told), CUT], SSE)
        bench = Bench(by_host([first], [answered(CHAT, *REST)]), house("continue", CHAT, CHAT))
        assert failure_of(await ask(bench, CHAT)).kind is K.TRUNCATED

    play(story)


@pytest.mark.parametrize("client", FOUR)
def test_a_text_too_long_to_remember_is_not_gone_on_with(client):
    """What was said is remembered up to 16 MiB; a longer answer ends in the error (INV-14)."""
    follower = DIALECTS[client].streams.follow()
    piece = TextDelta("x" * (MOST_HELD // 2))
    follower.feed(b"".join(frames(client, [Started("a", "m"), piece], ends=False)))
    assert follower.may_go_on
    follower = DIALECTS[client].streams.follow()
    follower.feed(b"".join(frames(client, [Started("a", "m"), piece, piece, TextDelta("x")], ends=False)))
    assert not follower.may_go_on
    assert follower.text == ""


def test_every_place_in_a_response():
    """A response that is cut behind any of its events is whole in the end, under the ids it began with, or ends in the error."""

    async def story():
        told = frames(RESPONSES, said(*WORDS))
        extra = [frame.replace(b'"role":"assistant"', b'"role":"assistant","phase":"final"') for frame in told]
        outcomes = []
        for count in range(len(told)):
            first = Reply(200, [*extra[:count], CUT], SSE)
            bench = Bench(by_host([first], [answered(RESPONSES, *WORDS)]), house("continue", RESPONSES, RESPONSES))
            seen = await ask(bench, RESPONSES)
            outcomes.append(seen.is_whole)
            assert seen.is_whole == (seen.answer.failure is None)
            if not seen.is_whole:
                continue
            whole = seen.events[-1]["response"]
            assert [one["sequence_number"] for one in seen.events] == list(range(len(seen.events)))
            added = [one["item"] for one in seen.events if one["type"] == "response.output_item.added"]
            assert [item["id"] for item in whole["output"]] == [item["id"] for item in added]
            assert seen.text.startswith(TEXT)
            assert count < 5 or whole["output"][0]["phase"] == "final"
        assert outcomes.count(False) == 1, "behind the text's end its part is not told yet"

    play(story)


# -- beside it ---------------------------------------------------------------------------------------------------------


def test_the_library_goes_on_too():
    """A stream of the library is one text; its completion names who answered at last, with all attempts and what both used."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(MESSAGES, *REST)]), house("continue", CHAT, MESSAGES))
        stream = client_of(bench).stream("hello", max_tokens=100)
        assert "".join([piece async for piece in stream]) == TEXT
        done = stream.completion
        assert (done.text, done.provider, done.model) == (TEXT, "second", "claude-sonnet-4-5")
        assert done.usage.total_output == sum(one.usage.total_output for one in bench.settled)
        assert [one.joint for one in done.attempts] == ["", "continue (prefill)"]
        broken = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [Reply(500)]), house("continue", CHAT, MESSAGES))
        stream = client_of(broken).stream("hello", max_tokens=100)
        with pytest.raises(StreamBrokenError, match="nobody could go on with it") as raised:
            await stream.until_done()
        assert raised.value.partial == "".join(HALF)

    play(story)


def test_the_winner_of_a_hedge_is_gone_on_with():
    """Where the second of two wins and then breaks off, somebody goes on with its words; the rest is not hedged."""

    async def story():
        settings = house("continue", CHAT, CHAT, "x", "hedge = { after = 1.0, share = 0.5 }")
        slow = Reply(200, answered(CHAT, *WORDS).body, SSE, delay=5.0)
        script = by_host([*[answered(CHAT, "warm ")] * 40, slow], [begun(CHAT, *HALF, after=[CUT])])
        bench = Bench(script, settings)
        for _ in range(40):
            await ask(bench, CHAT)
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == (TEXT, True)
        assert [one.joint for one in seen.answer.story.attempts] == ["", "", "continue"]

    play(story)


def test_how_it_ended_is_counted():
    """The metrics say by route and by way how often a stream was gone on with, and how that ended."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *REST)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        metrics = Metrics()
        metrics.answered(seen.answer.story)
        assert 'stormkeel_joints_total{outcome="ok",route="fast",way="continue"} 1.0' in metrics.text().decode()
        assert line_of(seen.answer.story).joint == "continue"
        assert b'"joint":"continue"' in trace_of(seen.answer.story)

    play(story)


def test_a_body_that_nobody_else_understands():
    """Where a client's body can't be added to, though its provider took it, the client is told why its stream broke off."""

    async def story():
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [answered(CHAT, *REST)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT, messages="hello")
        assert failure_of(seen).kind is K.TRUNCATED
        assert len(bench.transport.sent) == 1

    play(story)


def test_a_call_alone_may_follow_a_thought():
    """Whoever is asked anew, because nothing was said yet, may call a tool and say nothing."""

    async def story():
        told = [Started("chatcmpl-first", "model-a"), ThinkingDelta("hm. ")]
        first = Reply(200, (*frames(CHAT, told, ends=False), CUT), SSE)
        call = [Started("x", "model-b"), ToolStarted(0, "call_9", "look"), ToolDelta(0, "{}")]
        bench = Bench(by_host([first], [Reply(200, frames(CHAT, call, name="b"), SSE)]), house("continue", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert seen.is_whole
        assert [call.name for call in seen.response.tool_calls] == ["look"]

    play(story)


def test_an_end_alone_is_marked_as_well():
    """Where nothing but the end goes on from what was sent, and the bytes just end, the comment stands before it."""

    async def story():
        *told, _done = frames(CHAT, said(*HALF))
        bench = Bench(by_host([begun(CHAT, *HALF, after=[CUT])], [Reply(200, told, SSE)]), house("restart", CHAT, CHAT))
        seen = await ask(bench, CHAT)
        assert (seen.text, seen.is_whole) == ("".join(HALF), True)
        assert len(seen.comments) == 1

    play(story)


def test_who_may_not_go_on_is_told_with_what_it_was_to_do():
    """An attempt that our own limits refuse behind a break says how it would have gone on, though nothing was sent."""

    async def story():
        settings = house("continue", CHAT, MESSAGES, more="[providers.second.limits]\nrpm = 1\n")
        bench = Bench(by_host([begun(CHAT, *WORDS[:4])], [answered(MESSAGES, *WORDS[4:])]), settings)
        assert (await ask(bench, CHAT)).is_whole
        seen = await ask(bench, CHAT, options=Options(timeout=2.0))
        first, second = seen.answer.story.attempts
        assert (first.made, first.joint, second.made, second.sent) == (True, "", False, False)
        assert second.joint.startswith("continue")

    play(story)

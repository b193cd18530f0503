"""Across dialects: a request of one dialect on its way through deployments of both."""

from __future__ import annotations

import json
from typing import Any

from story_stage import SSE, Bench, Reply, Taken, play, refused, whole

from stormkeel.dialects.values import Call
from stormkeel.engine.ports import WireFault
from stormkeel.runtime.telemetry.logs import line_of
from stormkeel.types.failure import FailureKind

K = FailureKind
BOTH = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[providers.anthropic.credentials]
main = "env:ANTHROPIC_API_KEY"
[policies.retry]
attempts = 1
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["anthropic/claude-sonnet-5"]]
[routes.claude]
groups = [["anthropic/claude-sonnet-5"]]
[routes.deaf]
groups = [["anthropic/claude-sonnet-5"], ["openai/gpt-5.4-mini"]]
"""


def event(kind: str, **fields: Any) -> bytes:
    """One frame of a message stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def message(text: str = "hi") -> Reply:
    """A whole message."""
    body = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }  # fmt: skip
    return Reply(200, (json.dumps(body).encode(),), (("content-type", "application/json"), ("request-id", "up-2")))


START = event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": [],
                                        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1}})  # fmt: skip
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PING = event("ping")
CLOSE = event("content_block_stop", index=0)
LAST = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5})
STOP = event("message_stop")


def says(text: str) -> bytes:
    """A step of a message's text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def messages(*steps: Any) -> Reply:
    """A streamed message."""
    return Reply(200, steps, SSE, 0.0)


def test_the_next_deployment_may_speak_another_dialect():
    """A chat request that its own provider fails is answered by one of messages, each attempt reserved and priced for who was asked."""

    async def story():
        bench = Bench([refused(500), message("hello")], BOTH)
        answer = await bench.ask(max_completion_tokens=100, temperature=0.3, seed=1)
        assert json.loads(answer.response.body)["choices"][0]["message"]["content"] == "hello"
        assert json.loads(answer.response.body)["usage"]["total_tokens"] == 15
        sent = [json.loads(one.request.body) for one in bench.transport.sent]
        assert "temperature" in sent[0]
        assert "temperature" not in sent[1]
        assert [sent[1]["model"], sent[1]["max_tokens"]] == ["claude-sonnet-5", 100]
        assert bench.transport.sent[1].request.url.endswith("/v1/messages")
        assert [one.lost for one in answer.story.attempts] == [(), ("seed", "temperature")]
        assert dict(answer.headers)["x-stormkeel-lossy"] == "seed, temperature"
        assert bench.outcomes == [("server", "none"), ("ok", "provider")]
        assert bench.settled[1].amount == 10 * 2000 + 5 * 10000
        assert [one.lost for one in bench.settled] == [(), ("seed", "temperature")]
        assert line_of(answer.story).lost == ("seed", "temperature")

    play(story)


def test_a_stream_across_is_held_until_its_first_content():
    """The client gets its own dialect's frames, nothing before the first content, and the usage it did not ask for stays out."""

    async def story():
        bench = Bench([messages(START, PING, 3.0, OPEN, says("one "), 2.0, says("two"), CLOSE, LAST, STOP)], BOTH)
        answer, taken = await bench.stream("claude")
        assert answer.failure is None
        assert taken.text == "one two"
        assert taken.times[0] == 3.0
        assert taken.body.endswith(b"data: [DONE]\n\n")
        chunks = [json.loads(line[6:]) for line in taken.body.split(b"\n") if line.startswith(b"data: {")]
        assert all(chunk["choices"] for chunk in chunks)
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert bench.settled[0].usage.total == 15

    play(story)


def test_a_broken_stream_across_keeps_its_partial_text_and_fails():
    """A cut after the first content is told, never finished by an invented end (INV-9)."""

    async def story():
        bench = Bench([messages(START, OPEN, says("one "), WireFault("body", "reset"))], BOTH)
        answer, taken = await bench.stream("claude")
        assert answer.failure.kind is K.TRUNCATED
        assert taken.text == "one "
        assert b"[DONE]" not in taken.body
        assert b'"finish_reason":"' not in taken.body.replace(b" ", b"")

    play(story)


def test_a_ping_across_is_the_clients_own_kind_of_ping():
    """What keeps the upstream alive keeps the client alive, in the client's words."""

    async def story():
        bench = Bench([messages(START, OPEN, says("one "), 1.0, PING, 1.0, says("two"), CLOSE, LAST, STOP)], BOTH)
        _, taken = await bench.stream("claude")
        assert b": keep-alive\n\n" in taken.pieces

    play(story)


def test_losses_are_told_in_the_stream_where_its_head_is_gone():
    """A head that went out with keep-alives can't name the losses any more: a comment does, before the first content."""

    async def story():
        bench = Bench([messages(15.0, START, OPEN, says("one"), CLOSE, LAST, STOP)], BOTH)
        _, taken = await bench.stream("claude", seed=3)
        assert taken.heads == [()]
        assert taken.pieces[0] == b": keep-alive\n\n"
        assert taken.pieces[1].startswith(b": x-stormkeel-lossy: seed\n\n")
        assert taken.text == "one"

    play(story)


def test_who_cannot_be_asked_is_passed_over():
    """Sound can't be asked of Claude: the next deployment is, nothing was sent or reserved for the first."""

    async def story():
        bench = Bench([whole("heard")], BOTH)
        sound = [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]
        answer = await bench.ask("deaf", messages=[{"role": "user", "content": sound}])
        assert answer.failure is None
        assert [one.made for one in answer.story.attempts] == [False, True]
        assert answer.story.attempts[0].failure.kind is K.UNSUPPORTED
        assert len(bench.reserved) == 1

    play(story)


CITED = [{"type": "url_citation", "url_citation": {"url": "https://x"}}]


def cited() -> Reply:
    """A stream of a chat whose one word has a citation, which other dialects have no room for."""
    steps = [{"content": "hi"}, {"annotations": CITED}]
    chunks = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": step, "finish_reason": None}]} for step in steps]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    frames = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return Reply(200, (*frames, b"data: [DONE]\n\n"), SSE, 0.0)


def test_what_of_an_answer_is_lost_is_told():
    """What an answer says that its client's dialect has no word for is told by its name: in the header, or in a comment at the end."""

    async def story():
        body = json.loads(whole("hi").body[0])
        body["choices"][0]["message"]["annotations"] = CITED
        bench = Bench([Reply(200, (json.dumps(body).encode(),), ()), cited()], BOTH)
        asked = {"dialect": "anthropic_messages", "max_tokens": 50}
        answer = await bench.house.answer(bench.request("fast", **asked))
        assert dict(answer.headers)["x-stormkeel-lossy"] == "annotations"
        assert answer.story.attempts[0].lost == ("annotations",)
        streamed, taken = await bench.stream("fast", **asked)
        assert streamed.failure is None
        assert b": x-stormkeel-lossy: annotations\n\n" in taken.body
        assert taken.body.index(b"lossy") < taken.body.index(b"message_stop")
        assert streamed.story.attempts[0].lost == ("annotations",)

    play(story)


def test_what_was_asked_and_what_is_answered_are_lost_together():
    """The head tells what the request lost, a comment what the answer did, and the books have both."""

    async def story():
        bench = Bench([cited()], BOTH)
        answer, taken = await bench.stream("fast", dialect="anthropic_messages", max_tokens=50, top_k=3)
        assert answer.failure is None
        assert dict(taken.heads[0])["x-stormkeel-lossy"] == "top_k"
        assert b": x-stormkeel-lossy: annotations\n\n" in taken.body
        assert answer.story.attempts[0].lost == bench.settled[0].lost == ("top_k", "annotations")

    play(story)


def test_where_a_stream_has_no_room_for_comments_there_are_none():
    """Gemini's clients break on one: what an answer lost stands in the books alone."""

    async def story():
        bench = Bench([cited()], BOTH)
        raw = b'{"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}'
        taken = Taken()
        answer = await bench.house.answer(bench.house.dialect("gemini").read_request(raw, "r1", call=Call("fast", True)), taken)
        assert answer.failure is None
        assert answer.story.attempts[0].lost == ("annotations",)
        assert all(line.startswith(b"data: {") for line in taken.body.split(b"\n") if line.strip())

    play(story)


def test_the_head_of_a_message_counts_a_picture_as_one():
    """Where a chat tells its usage last, a message's head names an estimate in which a picture's bytes are no tokens (trap 11)."""

    async def story():
        chunk = {
            "id": "chatcmpl-1",
            "model": "gpt-5.4-mini",
            "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}],
        }
        said = Reply(200, (f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode(),), SSE, 0.0)
        for data in ({"media_type": "image/png", "data": "A" * 400_000}, {"media_type": "text/plain", "data": "QUFBQUE="}):
            bench = Bench([said], BOTH)
            kind = "image" if data["media_type"] == "image/png" else "document"
            block = {"type": kind, "source": {"type": "base64", **data}}
            turns = [{"role": "user", "content": [block, {"type": "text", "text": "What is this?"}]}]
            answer, taken = await bench.stream("fast", dialect="anthropic_messages", max_tokens=50, messages=turns)
            assert answer.failure is None
            start = json.loads(taken.body.split(b"data: ")[1].split(b"\n")[0])
            assert 5 < start["message"]["usage"]["input_tokens"] < 3000

    play(story)


def test_a_body_that_makes_no_sense_is_the_callers():
    """A body whose turns are no turns is refused as the caller's own mistake when it has to be read whole."""

    async def story():
        bench = Bench([], BOTH)
        answer = await bench.ask("claude", messages=[{"role": "pirate", "content": "arr"}])
        assert [answer.failure.kind, bench.reserved] == [K.CALLER, []]
        assert "messages[0]" in answer.failure.message

    play(story)


def test_what_we_can_not_read_goes_to_its_own_provider():
    """A word that is newer than we are is refused by whoever would have to be told it anew, and passes to its own provider."""

    async def story():
        bench = Bench([whole("hard")], BOTH)
        answer = await bench.ask("deaf", reasoning_effort="utmost")
        assert answer.failure is None
        assert [one.made for one in answer.story.attempts] == [False, True]
        assert json.loads(bench.transport.sent[0].request.body)["reasoning_effort"] == "utmost"

    play(story)


def test_a_crossing_is_written_once_for_all_tries():
    """Tries again of the same deployment send the very same bytes, without writing them anew."""

    async def story():
        bench = Bench([refused(500), refused(500), message("hello")], BOTH.replace(b"attempts = 1", b"attempts = 3"))
        answer = await bench.ask("claude")
        assert answer.failure is None
        first, *others = [one.request.body for one in bench.transport.sent]
        assert len(others) == 2
        assert all(other is first for other in others)

    play(story)


def test_an_answer_without_sense_is_nobodys():
    """A 200 that is no message is a bad response, as in its own dialect."""

    async def story():
        bench = Bench([Reply(200, (b'{"type":"message"}',), ())], BOTH)
        answer = await bench.ask("claude")
        assert answer.failure.kind is K.BAD_RESPONSE

    play(story)


def test_a_client_that_leaves_across_is_booked():
    """Who leaves in the middle of a crossed stream is charged what was seen, within the reservation."""

    async def story():
        bench = Bench([messages(START, OPEN, says("one "), says("two "), 1.0, says("three"), 1.0, CLOSE, LAST, STOP)], BOTH)
        answer, _ = await bench.stream("claude", Taken(leaves_after=1))
        assert answer.failure.kind is K.CANCELLED
        assert bench.settled[0].usage_source == "estimated"

    play(story)

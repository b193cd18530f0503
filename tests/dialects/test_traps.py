"""The traps of crossing dialects that others fell into, by their numbers, from each dialect to each where that can be.

Each is a fault seen in the wild in a gateway or an SDK bridge. Where another file has the test, it is named here.

    stream assembly
     1 a thought's signature lost in a stream                  here; tests/gateway/test_gateway_thoughts.py
     2 a call's arguments lost that share a piece with text    here
     3 a thought inside a text block; two message_starts       here
     4 a block's index -1; a block that never starts           here
     5 calls lost, a stream of text alone                      here
     6 "stop" though tools were called                         here
     7 parallel calls merged under one index                   here
     8 a reason to end in the middle                           here
     9 no role in the first piece                              here
    10 usage beside choices; a crash on no choices             here
    11 input tokens 0 at the start                             here; tests/stories/test_across_stories.py
    12 arguments of nothing: "" for {}                         here
    13 a call's JSON inside a thought                          here
    failures
    14 a stream cut short looks whole                          tests/laws/test_cut_crossings.py; tests/stories/test_streams.py
    15 a cut stream is given a reason to end                   here; tests/laws/test_cut_crossings.py
    16 a head is out, and the fallback fails too               tests/stories/test_streams.py
    17 a retry after content repeats it                        tests/stories/test_streams.py; tests/gateway/test_gateway_faults.py
    18 retries of SDK and gateway multiply                     tests/gateway/test_gateway_bad_input.py (x-should-retry); tests/stories/test_trying_again.py
    19 a spent quota is asked again                            tests/stories/test_going_elsewhere.py; tests/dialects/gemini/test_gemini_stream.py
    20 a client leaves, and the provider goes on               tests/gateway/test_gateway_leaving.py
    21 a failed stream is charged what nobody billed           tests/gateway/test_gateway_across_faults.py (by the sandbox's bill)
    22 an error in a stream loses its kind                     here
    23 no candidates; a malformed call                         tests/dialects/gemini/test_gemini.py; tests/dialects/gemini/test_gemini_stream.py
    usage
    24 cached tokens counted twice or not at all               here; tests/replay/test_replay_matrix.py
    25 thoughts not counted                                    here; tests/dialects/gemini/test_gemini.py
    26 counts missing or far too low                           tests/gateway/test_gateway_counting.py; tests/replay/test_replay_counts.py
    requests
    27 cache marks lost on other parts than text               here
    28 sampling sent to models that refuse it                  here; tests/dialects/anthropic_messages/test_anthropic_messages_ask.py
    29 ids with "." or ":"                                     here; tests/gateway/test_gateway_switching.py
    30 ids of more than 64 characters                          here; tests/dialects/openai_responses/test_openai_responses_body.py
    31 a signature smuggled in an id                           here; tests/gateway/test_gateway_thoughts.py
    32 a missing thoughtSignature                              tests/dialects/gemini/test_gemini_ask.py; tests/gateway/test_gateway_thoughts.py
    33 another model's signature sent on                       here; tests/gateway/test_gateway_switching.py
    34 reasoning items out of place                            tests/dialects/openai_responses/test_openai_responses_body.py
    35 reasoning asked for, and not told                       here; tests/laws/test_crossing_effort.py
    36 results in several turns, or behind text                here
    37 all system turns but one lost, or an assistant's        here
    38 pictures lost                                           here
    39 empty texts                                             here
    40 an output limit of 4096                                 here; tests/gateway/test_gateway_across.py
    41 JSON by a forced tool                                   here
    42 schemas stripped for Gemini                             here; tests/dialects/gemini/test_gemini_ask.py
    43 tools and reasoning in one chat completion              here; tests/dialects/openai_responses/test_openai_responses_body.py
    44 content-encoding of what is unpacked                    tests/gateway/test_gateway_raw_answers.py
    45 a thinking budget as large as the limit                 here
    46 comments and [DONE] in Gemini's streams                 here; tests/dialects/gemini/test_gemini_by_sdk.py
    47 a poisoned package                                      not ours, because none of those is a dependency: docs/decisions/0001-dependencies.md
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from crossings import CHAT, EVENT, FILES, GEMINI, MESSAGES, PAIRS, RESPONSES, accept, events, said, said_in_stream

from stormkeel.assemble import DIALECTS, abilities
from stormkeel.dialects.across import Crossing
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.types.content import File, Image, Message, Part, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.events import fold
from stormkeel.types.failure import FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

ROOT = Path(__file__).resolve().parents[2]
HEAD = Head("req_1", 1_700_000_000, "m", 7, wants_usage=True)
TEXT, THOUGHT, SIGNATURE = "Let me look. \u2028", "Where is the sea?", "c2lnbmF0dXJlIG9mIGEgdGhvdWdodA=="
CALLS = [("look", {"at": "sea"}), ("sound", {})]
each_pair = pytest.mark.parametrize(("client", "upstream"), PAIRS)
each_upstream = pytest.mark.parametrize("upstream", FILES)
each_client = pytest.mark.parametrize("client", FILES)


def sse(*told: dict[str, Any], done: str = "") -> list[bytes]:
    """Events as frames."""
    named = [f"event: {event['type']}\n" if "type" in event else "" for event in told]
    frames = [f"{name}data: {json.dumps(event)}\n\n".encode() for name, event in zip(named, told, strict=True)]
    return [*frames, f"data: {done}\n\n".encode()] if done else frames


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}  # fmt: skip


def _call(place: int, **told: Any) -> dict[str, Any]:
    return _chunk({"tool_calls": [{"index": place, **told}]})


def chat() -> list[bytes]:
    """A thought, a text and two calls, the second without arguments, as a chat completion's stream tells them."""
    usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70, "prompt_tokens_details": {"cached_tokens": 30}}
    return sse(
        _chunk({"role": "assistant", "content": ""}), _chunk({"reasoning_content": THOUGHT}), _chunk({"content": TEXT}),
        _call(0, id="call_a", type="function", function={"name": "look", "arguments": ""}),
        _call(0, function={"arguments": '{"at":'}), _call(0, function={"arguments": '"sea"}'}),
        _call(1, id="call_b", type="function", function={"name": "sound", "arguments": ""}), _chunk({}, "tool_calls"),
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}, done="[DONE]",
    )  # fmt: skip


def responses() -> list[bytes]:
    """The same as a response's stream."""
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": THOUGHT}],
        "encrypted_content": SIGNATURE,
    }
    text = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": TEXT, "annotations": []}]}  # fmt: skip
    calls = [
        {"type": "function_call", "id": f"fc_{place}", "call_id": f"call_{place}", "name": name, "status": "completed",
         "arguments": json.dumps(arguments)} for place, (name, arguments) in enumerate(CALLS)
    ]  # fmt: skip
    usage = {"input_tokens": 50, "output_tokens": 20, "total_tokens": 70, "input_tokens_details": {"cached_tokens": 30},
             "output_tokens_details": {"reasoning_tokens": 9}}  # fmt: skip
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
             "output": [thought, text, *calls], "usage": usage}  # fmt: skip
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": whole | {"status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0, "item": thought | {"summary": [], "encrypted_content": None}},
        {
            "type": "response.reasoning_summary_text.delta",
            "output_index": 0,
            "item_id": "rs_1",
            "summary_index": 0,
            "delta": THOUGHT,
        },
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", "output_index": 1, "item": text | {"content": []}},
        {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "item_id": "msg_1", "delta": TEXT},
        {"type": "response.output_item.done", "output_index": 1, "item": text},
    ]
    for place, call in enumerate(calls, 2):
        told.append({"type": "response.output_item.added", "output_index": place, "item": call | {"arguments": ""}})
        told += [{"type": "response.function_call_arguments.delta", "output_index": place, "item_id": call["id"], "delta": piece}
                 for piece in call["arguments"]]  # fmt: skip
        told.append({"type": "response.output_item.done", "output_index": place, "item": call})
    return sse(
        *(
            event | {"sequence_number": place}
            for place, event in enumerate([*told, {"type": "response.completed", "response": whole}])
        )
    )


def messages() -> list[bytes]:
    """The same as a message's stream."""
    usage = {"input_tokens": 15, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 5, "output_tokens": 1}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": usage}  # fmt: skip
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"type": "thinking", "thinking": "", "signature": ""},
         [{"type": "thinking_delta", "thinking": THOUGHT}, {"type": "signature_delta", "signature": SIGNATURE}]),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": TEXT}]),
        ({"type": "tool_use", "id": "toolu_a", "name": "look", "input": {}},
         [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"at":', '"sea"}')]),
        ({"type": "tool_use", "id": "toolu_b", "name": "sound", "input": {}}, []),
    ]  # fmt: skip
    told: list[dict[str, Any]] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for place, (block, deltas) in enumerate(blocks):
        told.append({"type": "content_block_start", "index": place, "content_block": block})
        told += [{"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": place})
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 20}}
    return sse(*told, end, {"type": "message_stop"})


def gemini() -> list[bytes]:
    """The same as Gemini's stream: text and a call in one piece, the end in another."""
    usage = {
        "promptTokenCount": 50,
        "candidatesTokenCount": 11,
        "thoughtsTokenCount": 9,
        "totalTokenCount": 70,
        "cachedContentTokenCount": 30,
    }
    look = {"functionCall": {"name": "look", "args": {"at": "sea"}}, "thoughtSignature": SIGNATURE}
    parts: list[list[dict[str, Any]]] = [
        [{"text": THOUGHT, "thought": True}], [{"text": TEXT}, look], [{"functionCall": {"name": "sound", "args": {}}}], [{"text": ""}],
    ]  # fmt: skip
    told = [
        {"candidates": [{"index": 0, "content": {"role": "model", "parts": some}}], "modelVersion": "m", "responseId": "r"}
        for some in parts
    ]
    told[-1]["candidates"][0]["finishReason"] = "STOP"  # type: ignore[index] # a dict of known shape
    return sse(*told[:-1], told[-1] | {"usageMetadata": usage})


STREAMS = {CHAT: chat(), RESPONSES: responses(), MESSAGES: messages(), GEMINI: gemini()}
OUTPUT = 20


def crossed(client: str, upstream: str, frames: list[bytes] | None = None) -> bytes:
    """What a client is sent of a stream."""
    reader = Crossing((DIALECTS[client], DIALECTS[upstream]), Written(b"")).read_stream(HEAD)
    sent = b"".join(map(reader.feed, STREAMS[upstream] if frames is None else frames))
    if not reader.complete:
        reader.finish()
        sent += reader.rest
    assert reader.failure is None
    for event in events(sent):
        if event.get("type") != "ping":  # which the SDK passes over
            EVENT[client].validate_python(event)
    return sent


def heard(client: str, upstream: str) -> Response:
    """What a client understands of a stream."""
    return fold(DIALECTS[client].read_events().feed(crossed(client, upstream)))


def asked(prompt: Prompt, client: str, target: Target) -> Prompt:
    """A prompt as it is read from a client's body."""
    written = DIALECTS[client].write_prompt(prompt, Target(target.model), stream=False)
    assert isinstance(written, Written), written
    reading = DIALECTS[client].read_prompt(written.body)
    assert isinstance(reading, Reading), reading
    return reading.prompt


NEWEST = {CHAT: "gpt-4.1", RESPONSES: "gpt-5.4", MESSAGES: "claude-sonnet-4-6", GEMINI: "gemini-3-flash-preview"}
SELLERS = {CHAT: "openai", RESPONSES: "openai", MESSAGES: "anthropic", GEMINI: "google"}


def target_of(upstream: str, model: str = "") -> Target:
    """A model of a dialect's seller."""
    name = model or NEWEST[upstream]
    return Target(name, abilities().find(SELLERS[upstream], name), 64_000)


def body_for(prompt: Prompt, client: str, upstream: str, model: str = "") -> Any:
    """The body that reaches a provider of a client's prompt, as strictly read as there."""
    target = target_of(upstream, model)
    written = DIALECTS[upstream].write_prompt(asked(prompt, client, target), target, stream=False)
    assert isinstance(written, Written), written
    accept(upstream, written.body, target.model)
    return json.loads(written.body)


def told_in(body: Any) -> str:
    """A body as text, for what must or must not stand anywhere in it."""
    return json.dumps(body, ensure_ascii=False)


# -- stream assembly -------------------------------------------------------------------------------------------------------


def test_the_table_is_whole() -> None:
    """Every trap has its line, every file it names exists, and every "here" has a test."""
    lines = re.findall(r"^ {4}([ \d]\d) .{50,}?  +(\S.*)$", __doc__ or "", re.M)
    assert [int(number) for number, _ in lines] == list(range(1, 48))
    for number, where in lines:
        assert bool(re.search(r"\bhere\b", where)) == any(
            name.startswith(f"test_trap_{int(number):02}_") for name in globals()
        ), number
        assert [name for name in re.findall(r"(?:tests|docs)/\S+?\.(?:py|md)", where) if not (ROOT / name).exists()] == [], number


def followed(client: str, frames: bytes) -> Any:
    """The next request of a client that keeps what it was answered as it came, and has results for the calls."""
    told = list(events(frames))
    if client == RESPONSES:
        output = next(event["response"]["output"] for event in told if event["type"] == "response.completed")
        results = [
            {"type": "function_call_output", "call_id": item["call_id"], "output": "ok"} for item in output if "call_id" in item
        ]
        return {"model": "m", "input": [{"role": "user", "content": "Hi"}, *output, *results]}
    if client == GEMINI:
        parts = [
            part for event in told for candidate in event["candidates"] for part in candidate.get("content", {}).get("parts", ())
        ]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        answers = [{"functionResponse": {"name": call["name"], "id": call.get("id", ""), "response": {}}} for call in calls]
        hi = {"role": "user", "parts": [{"text": "Hi"}]}
        return {"contents": [hi, {"role": "model", "parts": parts}, {"role": "user", "parts": answers}]}
    blocks = [event["content_block"] for event in told if event["type"] == "content_block_start"]
    for event in told:
        if event["type"] == "content_block_delta" and event["delta"]["type"] != "input_json_delta":
            (name,) = event["delta"].keys() - {"type"}
            blocks[event["index"]][name] += event["delta"][name]
    answered = [{"type": "tool_result", "tool_use_id": block["id"]} for block in blocks if block["type"] == "tool_use"]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": blocks}, {"role": "user", "content": answered}]
    return {"model": "m", "max_tokens": 9000, "thinking": {"type": "adaptive"}, "messages": turns}


@pytest.mark.parametrize(("client", "upstream"), [(a, b) for a, b in PAIRS if CHAT not in (a, b)])
def test_trap_01_signatures_survive_streams(client: str, upstream: str) -> None:
    """What proves a thought comes to the client in its stream, and from there back to the model that made it, as it was."""
    reading = DIALECTS[client].read_prompt(json.dumps(followed(client, crossed(client, upstream))).encode())
    assert isinstance(reading, Reading), reading
    written = DIALECTS[upstream].write_prompt(reading.prompt, Target("m", max_output=9000), stream=False)
    assert isinstance(written, Written)
    assert SIGNATURE in written.body.decode()
    stranger = DIALECTS[upstream].write_prompt(reading.prompt, Target("another", max_output=9000), stream=False)
    assert isinstance(stranger, Written)
    if upstream != MESSAGES:  # Anthropic's don't name their model: they are left out once it has said no (trap 33)
        assert SIGNATURE not in stranger.body.decode()


@each_pair
def test_trap_02_arguments_that_come_with_something_else(client: str, upstream: str) -> None:
    """Calls come whole, with all their arguments, however they share pieces with text; trap 5: and they come at all."""
    told = said_in_stream(client, crossed(client, upstream))
    assert told == (TEXT, CALLS, (50, OUTPUT, 30))


@pytest.mark.parametrize("upstream", [name for name in FILES if name != MESSAGES])
def test_trap_03_a_thought_stands_in_a_block_of_its_own(upstream: str) -> None:
    """Each delta is of its block's kind, and a message starts once."""
    kinds = {"thinking": {"thinking_delta", "signature_delta"}, "text": {"text_delta"}, "tool_use": {"input_json_delta"}}
    told = list(events(crossed(MESSAGES, upstream)))
    assert [event["type"] for event in told].count("message_start") == 1
    blocks = {event["index"]: event["content_block"]["type"] for event in told if event["type"] == "content_block_start"}
    for event in told:
        if event["type"] == "content_block_delta":
            assert event["delta"]["type"] in kinds[blocks[event["index"]]]


@pytest.mark.parametrize("upstream", [name for name in FILES if name != MESSAGES])
def test_trap_04_every_block_starts_and_ends_in_order(upstream: str) -> None:
    """Blocks are numbered from 0 without a gap, one open at a time, each started and stopped."""
    is_open, count = False, 0
    for event in events(crossed(MESSAGES, upstream)):
        if event["type"] == "content_block_start":
            assert (event["index"], is_open) == (count, False)
            is_open, count = True, count + 1
        elif event["type"].startswith("content_block"):
            assert (event["index"], is_open) == (count - 1, True)
            is_open = event["type"] != "content_block_stop"
    assert (is_open, count >= 4) == (False, True)


@each_client
def test_trap_05_calls_of_a_message_are_not_lost(client: str) -> None:
    """A message's own calls come to every client, with their ids as it can have them, all different."""
    if client != MESSAGES:
        calls = heard(client, MESSAGES).tool_calls
        assert [call.name for call in calls] == ["look", "sound"]
        assert len({call.id for call in calls}) == 2


@each_pair
def test_trap_06_calls_are_why_it_ended(client: str, upstream: str) -> None:
    """An answer with calls ended for them, though the word for its end came in another piece, and was another."""
    answer = heard(client, upstream)
    assert answer.finish is Finish.TOOL_CALLS
    if client == CHAT:
        reasons = [choice["finish_reason"] for event in events(crossed(client, upstream)) for choice in event["choices"]]
        assert [reason for reason in reasons if reason] == ["tool_calls"]


@pytest.mark.parametrize("upstream", [name for name in FILES if name != CHAT])
def test_trap_07_parallel_calls_have_their_own_index(upstream: str) -> None:
    """Each call of a chat answer has its index, and its id and name once."""
    told = [
        call
        for event in events(crossed(CHAT, upstream))
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    assert sorted({call["index"] for call in told}) == [0, 1]
    assert [(call["index"], call["function"]["name"]) for call in told if call.get("id")] == [(0, "look"), (1, "sound")]


@pytest.mark.parametrize("upstream", [name for name in FILES if name != CHAT])
def test_trap_08_it_ends_once_and_last(upstream: str) -> None:
    """A reason to end stands in the last piece with a choice, and in none before."""
    reasons = [choice["finish_reason"] for event in events(crossed(CHAT, upstream)) for choice in event["choices"]]
    assert reasons[-1] == "tool_calls"
    assert not any(reasons[:-1])


@pytest.mark.parametrize("upstream", [name for name in FILES if name != CHAT])
def test_trap_09_the_role_comes_first_and_once(upstream: str) -> None:
    """The first piece names the role, and no other does."""
    roles = [choice["delta"].get("role") for event in events(crossed(CHAT, upstream)) for choice in event["choices"]]
    assert roles[0] == "assistant"
    assert not any(roles[1:])


@each_pair
def test_trap_10_usage_stands_alone_and_no_choices_break_nothing(client: str, upstream: str) -> None:
    """A chat client gets its usage without a choice beside it; pieces without a choice, with or without usage, are read by all."""
    if client == CHAT:
        assert [event["choices"] for event in events(crossed(client, upstream)) if event.get("usage")] == [[]]
    if upstream == CHAT:
        empty = sse({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []})
        frames = [*empty, *STREAMS[CHAT][:3], *empty, *STREAMS[CHAT][3:]]
        assert said_in_stream(client, crossed(client, upstream, frames))[:2] == (TEXT, CALLS)


@pytest.mark.parametrize("upstream", [name for name in FILES if name != MESSAGES])
def test_trap_11_a_message_starts_with_its_input(upstream: str) -> None:
    """The first event names the input, be it the estimate; the last one what the provider counted."""
    told = list(events(crossed(MESSAGES, upstream)))
    assert told[0]["message"]["usage"]["input_tokens"] > 0
    last = next(event["usage"] for event in told if event["type"] == "message_delta")
    assert (last["input_tokens"], last["cache_read_input_tokens"]) == (20, 30)


@each_pair
def test_trap_12_arguments_of_nothing_are_an_object(client: str, upstream: str) -> None:
    """A call without arguments is `{}` in an answer, and in the next request too."""
    (call,) = [call for call in heard(client, upstream).tool_calls if call.name == "sound"]
    assert json.loads(call.arguments) == {}
    turns = (Message("user", "Hi"), Message("assistant", (ToolCall("c1", "sound"),)), Message("user", (ToolResult("c1"),)))
    body = told_in(body_for(Prompt(turns, 50, tools=(Tool("sound"),)), client, upstream))
    empty = {CHAT: '"arguments": "{}"', RESPONSES: '"arguments": "{}"', MESSAGES: '"input": {}', GEMINI: '"args": {}'}
    assert empty[upstream] in body


@each_pair
def test_trap_13_no_call_in_a_thought(client: str, upstream: str) -> None:
    """Thoughts hold what was thought and nothing else, wherever a client can be told of them."""
    thoughts = "".join(part.text for part in heard(client, upstream).content if isinstance(part, Thinking))
    assert thoughts == THOUGHT


# -- failures --------------------------------------------------------------------------------------------------------------


@each_pair
def test_trap_15_a_cut_stream_gets_no_end(client: str, upstream: str) -> None:
    """A stream that ends after any frame before its last is a failure, and the client sees no reason to end, nor a terminal event."""
    frames = STREAMS[upstream][: -3 if upstream == CHAT else -1]
    for count in range(len(frames)):
        reader = Crossing((DIALECTS[client], DIALECTS[upstream]), Written(b"")).read_stream(HEAD)
        sent = b"".join(map(reader.feed, frames[:count]))
        failure = reader.finish()
        assert failure is not None
        assert failure.kind is FailureKind.TRUNCATED
        assert reader.rest == b""
        ends = (b"[DONE]", b"message_stop", b"response.completed", b'"finishReason"', b'"finish_reason":"', b'"stop_reason":"')
        assert [end for end in ends if end in sent] == []


ERRORS: dict[str, dict[str, Any]] = {
    CHAT: {"error": {"message": "x", "type": "server_error", "code": "rate_limit_exceeded"}},
    RESPONSES: {"type": "error", "code": "rate_limit_exceeded", "message": "x", "param": None, "sequence_number": 9},
    MESSAGES: {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}},
    GEMINI: {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}},
}


@each_pair
def test_trap_22_an_error_in_a_stream_keeps_its_kind(client: str, upstream: str) -> None:
    """A rate limit told inside a stream is one, before content and after it, and the client is told so in its own words."""
    for count in (1, len(STREAMS[upstream]) - 3):
        reader = Crossing((DIALECTS[client], DIALECTS[upstream]), Written(b"")).read_stream(HEAD)
        for frame in (*STREAMS[upstream][:count], *sse(ERRORS[upstream])):
            reader.feed(frame)
        assert reader.failure is not None
        assert reader.failure.kind is FailureKind.RATE_LIMIT
        frame = DIALECTS[client].write_error_frame(reader.failure, "req_1").decode()
        assert {CHAT: "rate_limit", RESPONSES: "rate_limit", MESSAGES: "rate_limit_error", GEMINI: "RESOURCE_EXHAUSTED"}[
            client
        ] in frame


# -- usage -----------------------------------------------------------------------------------------------------------------


@each_pair
def test_trap_24_cached_tokens_count_once(client: str, upstream: str) -> None:
    """Read, written and new input add up to the same total in every dialect; cached tokens are in it once."""
    usage = Usage(input=100, cache_read=2000, cache_write=0 if upstream == GEMINI else 300, output=50)
    body = DIALECTS[upstream].write_response(Response("r", "m", (Text("a"),), Finish.STOP, usage), HEAD)
    response = DIALECTS[upstream].read_response(body)
    assert response is not None
    told = json.loads(DIALECTS[client].write_response(response, HEAD))
    assert said(client, told).counts == said(upstream, json.loads(body)).counts == (usage.total_input, 50, 2000)


@each_pair
def test_trap_25_thoughts_are_output(client: str, upstream: str) -> None:
    """Tokens of thoughts are in the output's total, once, whoever thought and whoever is told."""
    assert said_in_stream(client, crossed(client, upstream)).counts == (50, OUTPUT, 30)


# -- requests --------------------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False}
LOOK = Tool("look", "Looks.", SCHEMA)
HI = Message("user", "Hi")
PNG = "iVBORw0KGgo="


def conversation(*said: Part, id: str = "call_1", shown: tuple[Any, ...] = (Text("A reef."),)) -> tuple[Message, ...]:
    """A user's words, one call, its result and what the user says then."""
    call = ToolCall(id, "look", '{"at":"sea"}')
    return (HI, Message("assistant", (call,)), Message("user", (ToolResult(id, shown), *said)))


@pytest.mark.parametrize("client", [CHAT, RESPONSES, MESSAGES])
def test_trap_27_cache_marks_stand_wherever_they_may(client: str) -> None:
    """A mark on a text, a picture and a tool reaches the other dialect that has marks, and is told as lost where there are none."""
    upstream = RESPONSES if client == MESSAGES else MESSAGES
    parts = (Text("Long.", "short"), Image("image/png", PNG, cache="short"))
    body = {
        MESSAGES: {
            "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}, "cache_control": {"type": "ephemeral"}},
            ]}], "tools": [{"name": "look", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}],
        },
        CHAT: {"model": "m", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Long.", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, "prompt_cache_breakpoint": {"mode": "explicit"}},
        ]}]},
        RESPONSES: {"model": "m", "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "Long.", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "prompt_cache_breakpoint": {"mode": "explicit"}},
        ]}]},
    }[client]  # fmt: skip
    reading = DIALECTS[client].read_prompt(json.dumps(body).encode())
    assert isinstance(reading, Reading)
    assert reading.prompt.messages[0].content == parts
    assert [tool.cache for tool in reading.prompt.tools] == (["short"] if client == MESSAGES else [])
    marked = DIALECTS[upstream].write_prompt(
        reading.prompt, target_of(upstream, "gpt-5.6-sol" if upstream == RESPONSES else ""), stream=False
    )
    unmarked = DIALECTS[GEMINI].write_prompt(reading.prompt, target_of(GEMINI), stream=False)
    assert isinstance(marked, Written)
    assert isinstance(unmarked, Written)
    assert (
        marked.body.count(b"cache_control" if upstream == MESSAGES else b"prompt_cache_breakpoint") >= 2 or "cache" in marked.lost
    )
    assert "cache" in unmarked.lost


@pytest.mark.parametrize("client", [name for name in FILES if name != MESSAGES])
@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5"])
def test_trap_28_sampling_goes_by_the_model(model: str, client: str) -> None:
    """A model that refuses sampling is not sent any, which is told; another of the same provider is."""
    prompt = Prompt((HI,), 50, temperature=0.5, top_p=0.5)
    written = DIALECTS[MESSAGES].write_prompt(
        asked(prompt, client, target_of(MESSAGES, model)), target_of(MESSAGES, model), stream=False
    )
    assert isinstance(written, Written)
    assert {"temperature", "top_p"} <= set(written.lost)
    assert b"temperature" not in written.body
    assert body_for(Prompt((HI,), 50, temperature=0.5), client, MESSAGES, "claude-haiku-4-5")["temperature"] == 0.5


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI])
def test_trap_29_ids_are_made_anthropics(client: str) -> None:
    """An id that Anthropic refuses becomes one it takes, the same on call and result, and unlike the others'."""
    ids = ["functions.look:0", "functions.look:1", "functions_look_0"]
    calls = tuple(ToolCall(id_, "look", '{"at":"sea"}') for id_ in ids)
    turns = (HI, Message("assistant", calls), Message("user", tuple(ToolResult(id_, (Text("ok"),)) for id_ in ids)))
    _, answer, results = body_for(Prompt(turns, 50, tools=(LOOK,)), client, MESSAGES)["messages"]
    used = [block["id"] for block in answer["content"]]
    assert used == [block["tool_use_id"] for block in results["content"]]
    assert len(set(used)) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", id_) for id_ in used)


@pytest.mark.parametrize("client", [CHAT, MESSAGES, GEMINI])
def test_trap_30_ids_are_short_enough_for_responses(client: str) -> None:
    """An id of more than 64 characters becomes a shorter one, the same on call and result."""
    items = body_for(Prompt(conversation(id="x" * 65), 50, tools=(LOOK,)), client, RESPONSES)["input"]
    (call,), (result,) = (
        [item["call_id"] for item in items if item.get("type") == kind] for kind in ("function_call", "function_call_output")
    )
    assert call == result
    assert 0 < len(call) <= 64


@each_pair
def test_trap_31_no_signature_hides_in_an_id(client: str, upstream: str) -> None:
    """The ids that a client is given hold no signature, so that none leaks to whoever is asked next."""
    ids = [call.id for call in heard(client, upstream).tool_calls]
    assert len(set(ids)) == 2
    assert not any(SIGNATURE in id_ or len(id_) > 64 for id_ in ids)


@pytest.mark.parametrize(("client", "upstream"), [(a, b) for a, b in PAIRS if a != CHAT])
def test_trap_33_a_strangers_thoughts_stay_behind(client: str, upstream: str) -> None:
    """What another provider's model thought, signed or sealed, does not reach this one, and the request is good without it."""
    reading = DIALECTS[client].read_prompt(json.dumps(followed(client, crossed(client, upstream))).encode())
    assert isinstance(reading, Reading)
    for other in FILES.keys() - {upstream}:
        target = target_of(other)
        written = DIALECTS[other].write_prompt(reading.prompt, target, stream=False)
        assert isinstance(written, Written)
        accept(other, written.body, target.model)
        assert SIGNATURE not in written.body.decode()


@each_pair
def test_trap_35_reasoning_is_asked_for_in_each_dialects_way(client: str, upstream: str) -> None:
    """Who asks to reason hard has it asked for in the provider's words; who asks for none gets none."""
    model = {CHAT: "gpt-5", RESPONSES: "gpt-5.4"}.get(upstream, "")
    body = told_in(body_for(Prompt((HI,), 9000, effort="high"), client, upstream, model))
    hard = {
        CHAT: '"reasoning_effort": "high"',
        RESPONSES: '"effort": "high"',
        MESSAGES: '"thinking": {',
        GEMINI: "thinkingConfig",
    }
    assert hard[upstream] in body


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI])
def test_trap_36_results_come_first_and_together(client: str) -> None:
    """All results of a turn stand in the next user message, in front of what the user says, in the order of the calls."""
    ids = ["call_1", "call_2", "call_3"]
    calls = tuple(ToolCall(id_, f"look_{id_}", "{}") for id_ in ids)
    told = (Text("Well?"), *(ToolResult(id_, (Text(id_),)) for id_ in reversed(ids)))
    turns = (HI, Message("assistant", calls), Message("user", told[:3]), Message("user", told[3:]))
    tools = tuple(Tool(f"look_{id_}", parameters=SCHEMA) for id_ in ids)
    _, _, results = body_for(Prompt(turns, 50, tools=tools), client, MESSAGES)["messages"]
    assert [block["type"] for block in results["content"]] == ["tool_result"] * 3 + ["text"]


@each_pair
def test_trap_37_all_system_turns_are_kept_and_none_is_the_assistants(client: str, upstream: str) -> None:
    """Every instruction arrives, in the beginning or in the middle, and none of them in the model's own mouth."""
    turns = (Message("system", "One."), Message("system", "Two."), HI, Message("assistant", "Aye."), Message("user", "Go."),
             Message("system", "Three."))  # fmt: skip
    body = body_for(Prompt(turns, 50), client, upstream)
    assert [word for word in ("One.", "Two.", "Three.") if word not in told_in(body)] == []
    listed = body.get("messages") or body.get("input") or body.get("contents")
    own = [turn for turn in listed if turn.get("role") in ("assistant", "model")]
    assert "Three." not in told_in(own)


@each_pair
def test_trap_38_pictures_arrive(client: str, upstream: str) -> None:
    """A picture and a document in a turn, and a picture in a result, arrive as such, never as words about them."""
    document = File("application/pdf", "JVBERi0xLjQ=", name="a.pdf")
    picture = Image("image/png", PNG)
    turns = (Message("user", (Text("See."), picture, document)), *conversation(shown=(Text("Seen."), picture))[1:])
    if client == CHAT:  # which can't show a picture in a result
        turns = (turns[0], *conversation()[1:])
    body = told_in(body_for(Prompt(turns, 50, tools=(LOOK,)), client, upstream))
    assert body.count(PNG) == (1 if client == CHAT else 2)
    assert "JVBERi0xLjQ=" in body


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI])
def test_trap_39_nothing_empty_is_sent_to_anthropic(client: str) -> None:
    """Empty texts and such of white space alone are left out, and what is left is still a conversation."""
    turns = (Message("user", (Text(""), Text("Hi"))), Message("assistant", (Text(" \n"), ToolCall("c1", "look", '{"at":"sea"}'))),
             Message("user", (ToolResult("c1", (Text(""),)), Text("  "))))  # fmt: skip
    body = body_for(Prompt(turns, 50, tools=(LOOK,)), client, MESSAGES)
    texts = [
        block["text"]
        for turn in body["messages"]
        if isinstance(turn["content"], list)
        for block in turn["content"]
        if block["type"] == "text"
    ]
    assert [text for text in texts if not text.strip()] == []


@pytest.mark.parametrize("client", [CHAT, RESPONSES, GEMINI])
def test_trap_40_a_missing_limit_is_the_models_largest(client: str) -> None:
    """Where the client sets no limit, Anthropic is told the model's own."""
    assert body_for(Prompt((HI,)), client, MESSAGES)["max_tokens"] == target_of(MESSAGES).max_output


@each_pair
def test_trap_41_a_schema_is_asked_for_as_one(client: str, upstream: str) -> None:
    """The form of an answer is the provider's own field for it, beside reasoning too; no tool is made up."""
    model = {CHAT: "gpt-5", RESPONSES: "gpt-5.4"}.get(upstream, "")
    body = body_for(Prompt((HI,), 9000, format=Format(SCHEMA, "sea"), effort="high"), client, upstream, model)
    assert not {"tools", "tool_choice", "toolConfig"} & body.keys()
    field = {CHAT: "response_format", RESPONSES: "text", MESSAGES: "output_config", GEMINI: "generationConfig"}[upstream]
    assert '"required": ["at"]' in told_in(body[field])


@pytest.mark.parametrize("client", [CHAT, RESPONSES, MESSAGES])
def test_trap_42_schemas_reach_gemini_whole(client: str) -> None:
    """A schema with references, constants and alternatives arrives as it is, for a tool and for an answer."""
    schema = {
        "type": "object", "$defs": {"depth": {"type": "number"}}, "additionalProperties": False, "required": ["at", "depth"],
        "properties": {"at": {"anyOf": [{"const": "sea"}, {"type": "null"}]}, "depth": {"$ref": "#/$defs/depth"}},
    }  # fmt: skip
    body = body_for(Prompt((HI,), 50, tools=(Tool("look", parameters=schema),), format=Format(schema, "sea")), client, GEMINI)
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema
    assert body["generationConfig"]["responseJsonSchema"] == schema


@each_client
def test_trap_43_tools_and_reasoning_go_to_responses(client: str) -> None:
    """A model that refuses functions in a chat while it reasons is not asked so in a chat, and is in a response."""
    prompt = asked(Prompt(conversation(), 9000, tools=(LOOK,), effort="high"), client, target_of(CHAT, "gpt-5.4"))
    assert not DIALECTS[CHAT].suits(prompt, target_of(CHAT, "gpt-5.4"))
    assert DIALECTS[RESPONSES].suits(prompt, target_of(RESPONSES, "gpt-5.4"))
    written = DIALECTS[RESPONSES].write_prompt(prompt, target_of(RESPONSES, "gpt-5.4"), stream=False)
    assert isinstance(written, Written)
    accept(RESPONSES, written.body)
    assert (json.loads(written.body)["reasoning"]["effort"], written.lost) == ("high", ())


@pytest.mark.parametrize("limit", [1100, 2000, 9000])
@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh", "max"])
@pytest.mark.parametrize("client", [CHAT, RESPONSES])
def test_trap_45_a_budget_leaves_room_for_the_answer(client: str, effort: Any, limit: int) -> None:
    """Where a model takes a number of tokens to think with, it is below the limit, whatever effort was asked for."""
    body = body_for(Prompt((HI,), limit, effort=effort), client, MESSAGES, "claude-haiku-4-5")
    budget = body.get("thinking", {}).get("budget_tokens", 0)
    assert budget == 0 or 1024 <= budget < limit
    config = body_for(Prompt((HI,), limit, effort=effort), client, GEMINI, "gemini-2.5-flash")["generationConfig"]
    assert config.get("thinkingConfig", {}).get("thinkingBudget", 0) < limit


@pytest.mark.parametrize("upstream", [CHAT, RESPONSES, MESSAGES])
def test_trap_46_geminis_streams_have_data_alone(upstream: str) -> None:
    """A Gemini client gets lines of data and blank ones: no comment, no name of an event, no marker of the end."""
    lines = [line for line in crossed(GEMINI, upstream).split(b"\n") if line.strip()]
    assert all(line.startswith(b"data: {") for line in lines)
    assert (DIALECTS[GEMINI].takes_comments, DIALECTS[GEMINI].keep_alive.startswith(b":")) == (False, False)

"""Laws of the dialects: what is located is what a JSON parser sees, frames lose nothing, streams and bodies agree."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.own import own_request
from stormkeel.dialects.peek import NAMES, Peek, peek
from stormkeel.dialects.sse import Framer, data_of
from stormkeel.dialects.values import Target
from stormkeel.types.content import Image, Message
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure
from stormkeel.types.prompt import Prompt, Tool
from stormkeel.types.request import NO_OPTIONS, Request
from stormkeel.types.response import Finish

# --- bodies: written with odd white space and escaped names, and judged by the standard library's parser

TRICKS = st.sampled_from(['"model":"x"', '\\"', "]}", "{", *NAMES])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | TRICKS
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
KEYS = st.sampled_from([*NAMES, "tools", "x"]) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
GOOD = {
    "model": TEXTS.filter(lambda text: 0 < len(text.encode()) < 100), "stream": st.none() | st.booleans(),
    "max_tokens": st.none() | st.integers(0, 10**9), "max_completion_tokens": st.none() | st.integers(0, 10**9),
    "max_output_tokens": st.none() | st.integers(0, 10**9),
    "n": st.none() | st.integers(1, 128),
    "stream_options": st.none() | st.fixed_dictionaries({}, optional={"include_usage": st.booleans(), "a": VALUES}),
}  # fmt: skip
SPACES = st.sampled_from(["", "", " ", "\n\t ", "\r\n"])


@st.composite
def written(draw: st.DrawFn, value: object) -> str:
    """Write a value as JSON in one of its many spellings."""
    if isinstance(value, dict):
        members = [f"{draw(SPACES)}{draw(spelled(k))}{draw(SPACES)}:{draw(SPACES)}{draw(written(v))}" for k, v in value.items()]
        return "{" + ",".join(members) + draw(SPACES) + "}"
    if isinstance(value, list):
        return "[" + ",".join(draw(SPACES) + draw(written(item)) for item in value) + draw(SPACES) + "]"
    return draw(spelled(value)) if isinstance(value, str) else json.dumps(value)


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """Write a string with or without escapes."""
    match draw(st.integers(0, 5)):
        case 0:
            return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else json.dumps(c)[1:-1] for c in text) + '"'
        case 1:
            return json.dumps(text)
        case _:
            return json.dumps(text, ensure_ascii=False)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, object]], tuple[int, int]]:
    """Return a body, its top-level fields in order (some maybe twice), and where the last `model` stands, by construction."""
    names = draw(st.lists(KEYS, max_size=5, unique=True).filter(lambda names: "model" not in names))
    names.insert(draw(st.integers(0, len(names))), "model")
    if draw(st.integers(0, 3)) == 0:
        names.append(draw(st.sampled_from(names)))
    fields = [(name, draw(GOOD.get(name, VALUES))) for name in names]
    text, span = draw(SPACES) + "{", (0, 0)
    for position, (name, value) in enumerate(fields):
        text += ("," if position else "") + draw(SPACES) + draw(spelled(name)) + draw(SPACES) + ":" + draw(SPACES)
        start = len(text.encode())
        text += draw(written(value))
        span = (start, len(text.encode())) if name == "model" else span
        text += draw(SPACES)
    return (text + "}" + draw(SPACES)).encode(), fields, span


@given(bodies())
@settings(max_examples=400, deadline=None)
def test_peek_sees_what_a_parser_sees(body: tuple) -> None:
    """Every spelling of a body is read as the standard parser reads it, its model located; one of our names twice is refused."""
    raw, fields, span = body
    found, told = peek(raw), dict(fields)
    if any(count > 1 for name, count in Counter(name for name, _ in fields).items() if name in NAMES):
        assert isinstance(found, Failure)
        assert found.code == "duplicate_field"
        return
    assert isinstance(found, Peek), found
    assert (found.model, found.stream, found.n) == (told["model"], bool(told.get("stream")), told.get("n") or 1)
    assert (found.max_tokens, found.max_completion_tokens) == (told.get("max_tokens"), told.get("max_completion_tokens"))
    assert found.max_output_tokens == told.get("max_output_tokens")
    assert found.include_usage == bool((told.get("stream_options") or {}).get("include_usage"))
    assert found.model_span == span
    if "stream_options" in told:
        assert found.stream_options_span is not None
        assert json.loads(raw[slice(*found.stream_options_span)]) == told["stream_options"]


@given(bodies(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_writing_changes_nothing_else(body: tuple, model: str, bills: bool) -> None:
    """A written request differs from the read one by its model and, where usage was needed, by the wish for it."""
    dialect = OpenAIChat()
    request = dialect.read_request(body[0], "r")
    if not isinstance(request, Request):
        return
    sent = json.loads(dialect.write_request(request, model, bills))
    expected = json.loads(body[0]) | {"model": model}
    if bills and expected.get("stream") is True:
        expected["stream_options"] = (expected.get("stream_options") or {}) | {"include_usage": True}
    assert sent == expected
    plain = dialect.write_request(request, model, bills=False)
    start, end = request.model_span
    assert (plain[:start], plain[len(plain) - len(request.raw) + end :]) == (request.raw[:start], request.raw[end:])
    assert dialect.write_request(request, request.model, bills=False) is request.raw


PROMPTS = st.builds(
    Prompt,
    st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXTS), min_size=1, max_size=3).map(tuple),
    st.integers(-2, 3) | st.sampled_from([10**9, 10**9 + 1, True, 1.5]),
    st.none() | st.floats(0, 2),
)


@given(st.sampled_from([OpenAIChat(), AnthropicMessages()]), PROMPTS, TEXTS | st.just("m" * 513), st.booleans())
@settings(max_examples=300, deadline=None)
def test_own_bodies_need_no_peek(dialect: Dialect, prompt: Prompt, model: str, stream: bool) -> None:
    """A prompt of the library is the very request, or refusal, that a peek at its body finds; but for a span nobody will use."""
    written = dialect.write_prompt(prompt, Target(model), stream)
    if isinstance(written, Failure):
        return
    peeked = dialect.read_request(written.body, "r")
    if isinstance(peeked, Request):
        assert peeked.wants_usage
        peeked = replace(peeked, stream_options_span=None, is_text=False)
    own = own_request(dialect, written.body, (prompt, model, stream), "r", NO_OPTIONS)
    if isinstance(own, Request):
        own = replace(own, is_text=False, is_read=False)  # a peek may take a text for more, and knows no reader
    assert own == peeked


def test_own_bodies_say_whether_they_are_text() -> None:
    """Only a prompt of texts on standard terms is known to be one: else its reservation is counted by a look at the body."""
    turns = (Message("user", "hello"),)
    told = {
        "texts": Prompt(turns), "tools": Prompt(turns, tools=(Tool("t"),)), "tier": Prompt(turns, tier="priority"),
        "picture": Prompt((Message("user", (Image(url="https://x.test/a.png"),)),)),
    }  # fmt: skip
    chat, known = OpenAIChat(), {}
    for name, prompt in told.items():
        written = chat.write_prompt(prompt, Target("m"), False)
        assert not isinstance(written, Failure)
        request = own_request(chat, written.body, (prompt, "m", False), "r", NO_OPTIONS)
        known[name] = isinstance(request, Request) and request.is_text
    assert known == {"texts": True, "tools": False, "tier": False, "picture": False}


@given(st.binary(max_size=200) | st.text('{}[]":,modelnstrau0123\\ ', max_size=60).map(str.encode))
@settings(max_examples=400, deadline=None)
def test_peek_never_raises(raw: bytes) -> None:
    """Any bytes at all are either read or refused."""
    assert isinstance(peek(raw), Peek | Failure)


# --- frames

LINES = st.sampled_from([b"data: 1", b"data:", b": c", b"event: x", b"\xef\xbb\xbfdata: 1", "data: \u2028é".encode(), b"x", b""])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
SOUP = st.lists(st.tuples(LINES, ENDS), max_size=20).map(lambda lines: b"".join(a + b for a, b in lines)) | st.text(
    "ad:\r\n", max_size=40
).map(str.encode)
CUTS = st.lists(st.integers(0, 200), max_size=8)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream."""
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(at)]


@given(SOUP, CUTS)
@settings(max_examples=500, deadline=None)
def test_frames_do_not_depend_on_cuts(stream: bytes, cuts: list[int]) -> None:
    """However a stream is cut, the frames are the same and, with the tail, are the stream (S-27)."""
    whole, parts, single = Framer(), Framer(), Framer()
    expected = whole.feed(stream)
    assert [frame for piece in pieces(stream, cuts) for frame in parts.feed(piece)] == expected
    assert [frame for i in range(len(stream)) for frame in single.feed(stream[i : i + 1])] == expected
    assert b"".join(expected) + whole.rest() == stream
    assert parts.rest() == single.rest() == whole.rest()


@given(SOUP)
@settings(max_examples=300, deadline=None)
def test_data_is_what_a_plain_reading_gives(stream: bytes) -> None:
    """The data of a frame is what the standard's line-by-line reading gives."""
    for frame in Framer().feed(stream):
        lines = re.split("\r\n|\r|\n", frame.decode().removeprefix("\ufeff"))
        told = [re.sub("^data:? ?", "", line, count=1) for line in lines if re.match("data(:|$)", line)]
        data = data_of(frame)
        assert (data.decode() if data is not None else None) == ("\n".join(told) if told else None)


# --- streams and bodies of equal content

PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), max_size=5)
COUNTS = st.integers(0, 10**6)


def sse(*events: dict, named: bool) -> bytes:
    """Write events as frames."""
    frames = []
    for event in events:
        line = f"event: {event['type']}\n" if named else ""
        frames.append(f"{line}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
    return b"".join(frames)


@st.composite
def chat_answers(draw: st.DrawFn) -> tuple[bytes, bytes, int]:
    """Return the same chat answer as a stream and as a body, and its text's size."""
    parts, refusal = draw(PARTS), draw(PARTS | st.just([]))
    reason = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter", "odd"]))
    usage = {"prompt_tokens": draw(COUNTS), "completion_tokens": draw(COUNTS)}
    usage["prompt_tokens_details"] = {"cached_tokens": draw(COUNTS)}
    head = {"id": "c1", "model": "m", "created": 1}
    steps = [{"role": "assistant", "content": ""}, *({"content": p} for p in parts), *({"refusal": p} for p in refusal)]
    chunks = [head | {"choices": [{"index": 0, "delta": step, "finish_reason": None}]} for step in steps]
    chunks += [head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, head | {"choices": [], "usage": usage}]
    message = {"content": "".join(parts) or None, "refusal": "".join(refusal) or None}
    body = head | {"object": "chat.completion", "choices": [{"message": message, "finish_reason": reason}], "usage": usage}
    text = "".join(parts) + "".join(refusal)
    return sse(*chunks, named=False) + b"data: [DONE]\n\n", json.dumps(body).encode(), len(text.encode())


@st.composite
def message_answers(draw: st.DrawFn) -> tuple[bytes, bytes, int]:
    """Return the same message as a stream and as a body, and its text's size."""
    parts, reason = draw(PARTS), draw(st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "odd"]))
    first = {"input_tokens": draw(COUNTS), "cache_read_input_tokens": draw(COUNTS), "output_tokens": 1}
    last = {"output_tokens": draw(COUNTS)}
    steps = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}} for part in parts]
    events = [
        {"type": "message_start", "message": {"id": "m1", "model": "m", "usage": first}}, {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}, *steps,
        {"type": "content_block_stop", "index": 0}, {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": last},
        {"type": "message_stop"},
    ]  # fmt: skip
    content = [{"type": "text", "text": "".join(parts)}]
    body = {"id": "m1", "type": "message", "model": "m", "content": content, "stop_reason": reason, "usage": first | last}
    return sse(*events, named=True), json.dumps(body).encode(), len("".join(parts).encode())


def assert_read_once(dialect: Dialect, body: bytes) -> None:
    """What is read of an answer in one look is what two looks say of it."""
    once = dialect.read_answer(body)
    assert once is not None
    assert replace(once, response=None) == dialect.read_outcome(body)
    assert once.response in (None, dialect.read_response(body))


def check(dialect: Dialect, answer: tuple[bytes, bytes, int], cuts: list[int]) -> None:
    """Check one answer in both forms."""
    stream, body, size = answer
    events, reader = dialect.read_events(), dialect.read_stream(keep_usage=True)
    response = dialect.read_response(body)
    assert response is not None
    assert fold([event for piece in pieces(stream, cuts) for event in events.feed(piece)]) == response
    assert b"".join(reader.feed(piece) for piece in pieces(stream, cuts)) == stream
    assert (reader.complete, reader.output_bytes, reader.usage) == (True, size, response.usage)
    outcome = dialect.read_outcome(body)
    assert outcome is not None
    assert (outcome.finish, outcome.usage) == (response.finish, response.usage)
    assert_read_once(dialect, body)
    assert outcome.content_filtered == (response.finish in (Finish.REFUSAL, Finish.CONTENT_FILTER))


@given(chat_answers(), CUTS)
@settings(max_examples=150, deadline=None)
def test_chat_streams_fold_to_their_answer(answer: tuple[bytes, bytes, int], cuts: list[int]) -> None:
    """The events of a chat stream, however cut, fold to the response its whole form is read as."""
    check(OpenAIChat(), answer, cuts)


@given(message_answers(), CUTS)
@settings(max_examples=150, deadline=None)
def test_message_streams_fold_to_their_answer(answer: tuple[bytes, bytes, int], cuts: list[int]) -> None:
    """The events of a message stream, however cut, fold to the response its whole form is read as."""
    check(AnthropicMessages(), answer, cuts)


@given(st.sampled_from([OpenAIChat(), AnthropicMessages()]), st.lists(st.binary(max_size=40), max_size=8))
@settings(max_examples=200, deadline=None)
def test_readers_never_raise(dialect: Dialect, noise: list[bytes]) -> None:
    """Any bytes at all end in an answer or a failure, and nothing is forwarded that did not come."""
    reader, events = dialect.read_stream(keep_usage=False), dialect.read_events()
    passed = b"".join(reader.feed(b"data: " + piece + b"\n\n") for piece in noise)
    events.feed(b"".join(noise))
    assert b"".join(b"data: " + piece + b"\n\n" for piece in noise).startswith(passed)
    assert (reader.finish() is None) == reader.complete
    dialect.read_response(b"".join(noise))

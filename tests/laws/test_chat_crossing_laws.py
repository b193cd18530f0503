"""Laws of the chat dialect across others: what is written is read back, but for what is told as lost and for what has one form.

The one form (docs/wire.md, Across dialects): texts of an instruction are joined by a blank line, of a result by a line end, of an
answer by nothing; a single text is a text; empty texts go; results stand first in the turn behind their calls, in the calls' order,
then what they show; thoughts and cache marks go; arguments of nothing are `{}`; an error is a result that says so.
"""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import groupby, pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.catalog.abilities import ABILITIES, load_abilities
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.openai_chat.body import JSON_ONLY
from stormkeel.dialects.sse import Framer, data_of
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.reading import read as read_strictly
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
    fold,
)  # fmt: skip
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = OpenAIChat()
HEAD = Head("req_7", 1700, "fast")
TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
TARGETS = [Target(model, TABLE.find("openai", model)) for model in ("gpt-4o", "gpt-5", "gpt-5.4-mini", "gpt-6-sol", "o3")]

# --- prompts

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
WORDS = st.text("abz09_-", min_size=1, max_size=6)
DATA = st.sampled_from(["AAAA", "BBBB"])
LIVES = st.sampled_from(["", "", "short", "long"])
TEXT = st.builds(Text, TEXTS, LIVES)
IMAGE = st.one_of(
    st.builds(Image, st.just("image/png"), DATA, st.just(""), st.sampled_from(["", "auto", "high"]), LIVES),
    st.builds(Image, st.just(""), st.just(""), st.just("https://x/y"), st.just(""), LIVES),
)
FILE = st.builds(File, st.sampled_from(["application/pdf", "text/plain"]), DATA, st.just(""), st.sampled_from(["", "a.b"]), LIVES)
AUDIO = st.builds(Audio, st.sampled_from(["wav", "mp3"]), DATA)
HEARD = st.lists(st.one_of(TEXT, TEXT, IMAGE, FILE, AUDIO), max_size=3).map(tuple) | TEXTS
SHOWN = st.lists(st.one_of(TEXT, TEXT, IMAGE, FILE), max_size=3).map(tuple)
THOUGHT = st.builds(Thinking, TEXTS, st.just("sig"), st.sampled_from(["", "x"]))
ANSWERED = st.lists(st.one_of(TEXT, THOUGHT, st.builds(Refusal, TEXTS)), max_size=3)
OBJECTS = st.dictionaries(
    WORDS, st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS, max_size=2
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Return turns whose calls are all answered, in any order and with anything around."""
    turns, count = [Message("user", draw(HEARD))], 0
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            turns.append(Message("system", draw(st.lists(TEXT, max_size=3).map(tuple) | TEXTS)))
        ids = [f"c{count + place}" for place in range(draw(st.integers(0, 3)))]
        count += len(ids)
        calls = [ToolCall(id_, draw(WORDS), draw(st.sampled_from(["", "{}", '{"a":1.0}'])), draw(st.booleans())) for id_ in ids]
        said = draw(st.permutations([*draw(ANSWERED), *calls]))
        turns.append(Message("assistant", tuple(said) if calls or draw(st.booleans()) else draw(TEXTS)))
        results = [ToolResult(id_, draw(SHOWN), draw(st.booleans()), draw(LIVES)) for id_ in draw(st.permutations(ids))]
        heard = draw(HEARD)
        if results:
            rest = (Text(heard),) if isinstance(heard, str) else heard
            turns.append(Message("user", tuple(draw(st.permutations([*results, *rest])))))
        if not results or draw(st.booleans()):
            turns.append(Message("user", draw(HEARD)))
    return tuple(turns)


TOOLS = st.lists(
    st.builds(Tool, WORDS, TEXTS, st.none() | OBJECTS, st.none() | st.booleans(), st.just(False), LIVES)
    | st.builds(Tool, WORDS, TEXTS, st.none(), st.none(), st.just(True), LIVES),
    max_size=3, unique_by=lambda tool: tool.name,
).map(tuple)  # fmt: skip
FORMATS = st.just(Format()) | st.builds(Format, OBJECTS, WORDS | st.just(""), TEXTS, st.none() | st.booleans())


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """Return a prompt of any settings."""
    tools = draw(TOOLS)
    names = draw(st.lists(st.sampled_from([tool.name for tool in tools]), unique=True).map(tuple)) if tools else ()
    return Prompt(
        draw(conversations()), draw(st.none() | st.integers(1, 9999)), draw(st.none() | st.floats(0, 2)),
        draw(st.none() | st.floats(0, 1)), draw(st.none() | st.integers(1, 9)), draw(st.lists(WORDS, max_size=6).map(tuple)), tools,
        draw(st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]), st.just(names))),
        draw(st.none() | st.booleans()), draw(st.none() | FORMATS),
        draw(st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"])), draw(st.none() | st.integers(0, 9999)),
        draw(WORDS | st.just("")), draw(st.sampled_from(["", "auto", "default", "flex", "priority"])), draw(st.integers(1, 3)),
    )  # fmt: skip


SAID = Message("system", JSON_ONLY)  # where JSON mode needs the word


def normal(prompt: Prompt, lost: tuple[str, ...], target: Target) -> Prompt:
    """Return the one form of a prompt for a model, without the fields that were lost."""
    tools, choice, form = prompt.tools, prompt.tool_choice, prompt.format
    if choice is not None and choice.mode == "none":
        choice = ToolChoice("none")
    if form is not None:
        form = Format() if form.schema is None else msgspec.structs.replace(form, name=form.name or "response")
    told = msgspec.structs.replace(
        prompt,
        messages=normal_turns(tuple(turn for turn in prompt.messages if turn != SAID)),
        top_k=None,
        thinking_budget=None,
        tools=tuple(msgspec.structs.replace(tool, cache="") for tool in tools),
        tool_choice=choice if tools else None,
        parallel_tools=prompt.parallel_tools if tools else None,
        format=form,
        tier="" if prompt.tier == "auto" else prompt.tier,
    )
    empty: dict[str, Any] = {"temperature": None, "top_p": None, "stop": (), "effort": "", "max_tokens": None}
    gone = {name: value for name, value in empty.items() if name in lost}
    if prompt.thinking_budget is not None or "effort" in lost or not target.abilities.efforts:
        gone["effort"] = ""
    for name in ("temperature", "top_p"):
        if getattr(prompt, name) == 1:
            gone[name] = None
    return msgspec.structs.replace(told, **gone)


def normal_turns(turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the one form of turns."""
    told: list[Message] = []
    order: list[ToolCall] = []
    spoken = [turn for turn in turns if not only_thinks(turn)]
    for role, run in groupby(spoken, key=lambda turn: turn.role):
        for turn in [heard_together(list(run), order)] if role == "user" else [[turn] for turn in run]:
            for one in turn:
                parts = [part for part in parts_of(one) if not isinstance(part, Thinking)]
                if role == "assistant":
                    order = [part for part in parts if isinstance(part, ToolCall)]
                told.append(Message(role, one_content(role, parts)))
    return tuple(told)


def only_thinks(turn: Message) -> bool:
    """Has a turn nothing but thoughts?"""
    parts = parts_of(turn)
    return bool(parts) and all(isinstance(part, Thinking) for part in parts)


def parts_of(turn: Message) -> list[Any]:
    """Return a turn's parts in their one form, without those that say nothing."""
    parts = [Text(turn.content)] if isinstance(turn.content, str) else list(turn.content)
    kept = [part for part in parts if not (isinstance(part, Text | Refusal) and not part.text)]
    return [plain(part) for part in kept]


def plain(part: Any) -> Any:
    """Return a part in its one form."""
    match part:
        case Text() | Image():
            return msgspec.structs.replace(part, cache="")
        case File(media_type=media_type, name=name):
            return msgspec.structs.replace(part, cache="", name=name or ("file.pdf" if media_type.endswith("pdf") else "file"))
        case ToolCall(arguments="", custom=False):
            return msgspec.structs.replace(part, arguments="{}")
    return part


def heard_together(run: list[Message], order: list[ToolCall]) -> list[Message]:
    """Return user turns in a row, their results first, by the order of the calls, and what those show behind them."""
    parts = [parts_of(turn) for turn in run]
    results = [part for told in parts for part in told if isinstance(part, ToolResult)]
    if not results:
        return run
    ids = [call.id for call in order]
    results.sort(key=lambda result: ids.index(result.call_id))
    first: list[Any] = []
    for result in results:
        text = "\n".join(part.text for part in result.content if isinstance(part, Text) and part.text)
        text = "Error: " + text if result.is_error else text
        first.append(ToolResult(result.call_id, (Text(text),) if text else ()))
    for result in results:
        media = [plain(part) for part in result.content if not isinstance(part, Text)]
        name = order[ids.index(result.call_id)].name
        first += [Text(f'From the result of tool call "{result.call_id}" ("{name}"):'), *media] if media else []
    rests = [[part for part in told if not isinstance(part, ToolResult)] for told in parts]
    rests = [rest for rest in rests if rest]
    return [Message("user", (*first, *(rests[0] if rests else ()))), *(Message("user", tuple(rest)) for rest in rests[1:])]


def one_content(role: str, parts: list[Any]) -> Any:
    """Return parts in their one form for a role."""
    if role == "user":
        return parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else tuple(parts) if parts else ""
    calls = [part for part in parts if isinstance(part, ToolCall)]
    said = [part for part in parts if not isinstance(part, ToolCall)]
    if all(isinstance(part, Text) for part in said):
        text = ("\n\n" if role == "system" else "").join(part.text for part in said)
        said = [Text(text)] if text else []
        if not calls:
            return text
    return (*said, *calls)


@given(prompts(), st.sampled_from([Target("m"), *TARGETS]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_written_prompt_is_read_back(prompt: Prompt, target: Target, stream: bool) -> None:
    """A prompt that is written and read again is the same, but for what was told as lost and for the one form."""
    written = DIALECT.write_prompt(prompt, target, stream)
    assert isinstance(written, Written), written
    reading = DIALECT.read_prompt(written.body)
    assert isinstance(reading, Reading), reading
    assert reading.lost == ()
    lost = (*written.lost, *(["effort"] if prompt.thinking_budget is not None else []))
    assert normal(reading.prompt, lost, target) == normal(prompt, lost, target)
    again = DIALECT.write_prompt(reading.prompt, target, stream)
    assert isinstance(again, Written)
    assert in_one_form(again.body) == in_one_form(written.body)


def in_one_form(body: bytes) -> Any:
    """A body whose texts without a mark stand as one text, where they may: those from which a mark too many was taken do not."""
    told = json.loads(body)
    for message in told["messages"]:
        content, role = message.get("content"), message["role"]
        texts = [part["text"] for part in content if part.keys() == {"type", "text"}] if isinstance(content, list) else []
        if texts and len(texts) == len(content) and (role != "user" or len(texts) == 1):
            message["content"] = ("\n\n" if role in {"system", "developer"} else "").join(texts)
    return told


@given(prompts(), st.sampled_from(TARGETS), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_strict_service_takes_what_is_written(prompt: Prompt, target: Target, stream: bool) -> None:
    """Whatever is asked, and of which generation of models, the service accepts the body."""
    written = DIALECT.write_prompt(prompt, target, stream)
    assert isinstance(written, Written)
    headers = (("content-type", "application/json"),)
    read_strictly(Inbound("POST", "/v1/chat/completions", "", headers, written.body), model_rules=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "messages", "tools", "function", "name", "x"]), inner,
                         max_size=4), max_leaves=12))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_reading_a_prompt_never_raises(told: object) -> None:
    """Any JSON at all is read or refused with its reason."""
    for body in (
        told,
        {"model": "m", "messages": told},
        {"model": "m", "messages": [{"role": "user", "content": "a"}], "tools": told},
    ):
        read = DIALECT.read_prompt(json.dumps(body).encode())
        assert isinstance(read, Reading) or read.message


# --- answers

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=5)
COUNT = st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
IDS = st.sampled_from(["msg_1", "chatcmpl-x", ""])
FINISHES = st.sampled_from(list(Finish))
ARGUMENTS = st.sampled_from(["", "{}", '{"a": {"b": "}"}}', '{"cut', "not json"])
CALLS = st.builds(ToolCall, WORDS, WORDS, ARGUMENTS, st.booleans())
CONTENT = st.lists(
    st.one_of(st.builds(Text, ANY_TEXT), st.builds(Refusal, ANY_TEXT), st.builds(Thinking, ANY_TEXT, st.just("s")), CALLS)
)
RESPONSES = st.builds(
    Response, IDS, st.sampled_from(["claude", ""]), CONTENT.map(tuple), st.none() | FINISHES, st.none() | USAGES
)


def meaning(told: Response) -> tuple:
    """Return what a chat completion can say of an answer."""
    voices = tuple(
        joined("".join(part.text for part in told.content if isinstance(part, kind))) for kind in (Thinking, Text, Refusal)
    )
    calls = tuple(plain(call) for call in told.tool_calls)
    id_ = told.id if told.id.startswith("chatcmpl-") else "chatcmpl-7"
    usage = told.usage and msgspec.structs.replace(
        told.usage, cache_write=told.usage.cache_write + told.usage.cache_write_long, cache_write_long=0
    )
    return id_, told.model or "fast", voices, calls, meant(told.finish, bool(voices[2]), bool(calls)), usage


def meant(finish: Finish | None, refused: bool, called: bool) -> Finish:
    """Return the end a chat completion can say."""
    if refused:
        return Finish.REFUSAL
    if finish is Finish.REFUSAL:
        return Finish.CONTENT_FILTER
    if finish in (Finish.LENGTH, Finish.CONTENT_FILTER):
        return finish
    return Finish.TOOL_CALLS if called else Finish.STOP


def joined(text: str) -> str:
    """Return a text with the halves of its surrogate pairs joined, as a JSON parser does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(RESPONSES)
@settings(max_examples=100, deadline=None)
def test_a_written_answer_is_read_back(response: Response) -> None:
    """An answer that is written and read again means the same, and its totals of tokens are the same."""
    body = DIALECT.write_response(response, HEAD)
    again = DIALECT.read_response(body)
    assert again is not None
    assert meaning(again) == meaning(response)
    outcome = DIALECT.read_outcome(body)
    assert outcome is not None
    assert (outcome.id, outcome.model, outcome.usage) == (again.id, again.model, again.usage)
    if response.usage is not None:
        assert again.usage is not None
        assert (again.usage.total_input, again.usage.total_output) == (response.usage.total_input, response.usage.total_output)
        assert json.loads(body)["usage"]["total_tokens"] == response.usage.total


# --- streams

INDEXES = st.integers(0, 2)
STEPS = st.one_of(
    st.builds(TextDelta, ANY_TEXT), st.builds(ThinkingDelta, ANY_TEXT), st.builds(RefusalDelta, ANY_TEXT),
    st.builds(ThinkingSealed, st.just("sig")), st.builds(ToolStarted, INDEXES, WORDS, WORDS, st.booleans()),
    st.builds(ToolDelta, INDEXES, st.sampled_from(["", '{"a":', "1}", "{}", "x", " "])), st.builds(UsageReported, USAGES),
)  # fmt: skip
CUTS = st.lists(st.integers(0, 3000), max_size=6)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Return the events of an answer in an odd order, its end and usage behind them; no two calls have the same id."""
    steps: list[Event] = []
    for place, step in enumerate(draw(st.lists(STEPS, max_size=12))):
        steps.append(msgspec.structs.replace(step, id=f"{step.id}{place}") if isinstance(step, ToolStarted) else step)
    start = [Started(draw(IDS), draw(st.sampled_from(["claude", ""])))] if draw(st.booleans()) else []
    return [*start, *steps, Finished(draw(FINISHES)), *draw(st.lists(st.builds(UsageReported, USAGES), max_size=1))]


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream."""
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(at)]


def written(events: list[Event]) -> bytes:
    """Write a stream, event by event."""
    writer = DIALECT.write_events(HEAD)
    return b"".join(writer.feed([event]) for event in events) + writer.finish()


@given(streams(), CUTS)
@settings(max_examples=100, deadline=None)
def test_a_written_stream_is_read_back(events: list[Event], cuts: list[int]) -> None:
    """Events that are written and read again, however cut, fold to the same answer; so does the whole answer of the same meaning."""
    stream, reader = written(events), DIALECT.read_events()
    again = fold([event for piece in pieces(stream, cuts) for event in reader.feed(piece)])
    assert meaning(again) == meaning(fold(events))
    whole = DIALECT.read_response(DIALECT.write_response(fold(events), HEAD))
    assert whole is not None
    assert meaning(whole) == meaning(again)
    passthrough = DIALECT.read_stream(keep_usage=True)
    assert passthrough.feed(stream) == stream
    assert (passthrough.complete, passthrough.usage) == (True, again.usage)


@given(streams())
@settings(max_examples=100, deadline=None)
def test_nothing_is_named_twice(events: list[Event]) -> None:
    """One role, one id, time and model; an id and a name once a call, its index without gaps; one reason, on the last choice."""
    payloads = [data_of(frame) for frame in Framer().feed(written(events))]
    assert payloads[-1] == b"[DONE]"
    chunks = [json.loads(payload) for payload in payloads[:-1] if payload]
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    deltas = [choice["delta"] for choice in choices]
    assert [("role" in delta) for delta in deltas] == [True] + [False] * (len(deltas) - 1) if deltas[0] else len(deltas) == 1
    steps = [step for delta in deltas for step in delta.get("tool_calls", ())]
    begun = [step["index"] for step in steps if "id" in step]
    assert begun == list(range(len(begun)))
    named = [step["index"] for step in steps if "name" in (step.get("function") or step.get("custom"))]
    assert named == begun
    assert all("type" in step for step in steps if "id" in step)
    reasons = [choice["finish_reason"] for choice in choices]
    assert reasons[-1]
    assert not any(reasons[:-1])
    assert deltas[-1] == {}

"""Laws of messages that cross: what is written is accepted, read back as it was meant, and counted as it was reported.

The normal form of a prompt, which the round trip keeps exactly: system turns at the start are one text (or parts, where one has a
cache mark); no text is blank; turns alternate; a call's results stand first in the next user's turn, in the order of the calls; calls
have an id this API takes and at least `{}` for arguments; thinking is signed or redacted. The normal form of an answer: neighbouring
texts are one, a refusal's words are text, sound counts as plain tokens, a call without arguments has `{}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stormkeel.catalog.abilities import ANY, Abilities, load_abilities
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.anthropic_messages.ask import JSON_ONLY
from stormkeel.dialects.anthropic_messages.marks import MOST
from stormkeel.dialects.anthropic_messages.wire import tool_id
from stormkeel.dialects.reach import IN_WORDS
from stormkeel.dialects.sse import Framer, data_of
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.anthropic.reading import read
from stormkeel.sandbox.line import Inbound
from stormkeel.types.content import File, Image, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
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
)
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = AnthropicMessages()
TABLE = load_abilities(files("stormkeel.catalog").joinpath("abilities.json").read_bytes())
MODELS = (
    "claude-3-5-haiku-20241022", "claude-haiku-4-5", "claude-opus-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8",
    "claude-sonnet-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5",
)  # fmt: skip
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))
HEAD = Head("req_1", 1, "asked-for", 77)


def abilities(model: str) -> Abilities:
    """What a model of Anthropic's accepts."""
    return TABLE.find("anthropic", model)


def check_accepted(body: bytes) -> None:
    """Let the strict sandbox judge a body, the model's own rules among its own; it raises where it refuses."""
    read(Inbound("POST", "/v1/messages", "", HEADERS, body), model_rules=True)


# --- prompts in normal form

CHARS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARS, min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
LIVES = st.sampled_from(["", "", "short", "long"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False) | st.text(CHARS, max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARS, max_size=4), inner, max_size=3), max_leaves=6,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(CHARS, max_size=5), JSON, max_size=3)
ARGUMENTS = OBJECTS.flatmap(
    lambda value: st.sampled_from([json.dumps(value), json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)])
) | st.just('{"n":1.00,"e":1E300,"d":0.1000000000000000055511151231257827}')
IDS = st.text("abcXYZ019_-", min_size=1, max_size=20)
NAMES = st.sampled_from(["look", "go_on", "a-b"])
IMAGES = st.builds(Image, st.sampled_from(["image/png", "image/webp"]), st.just("aGk="), cache=LIVES) | st.builds(
    Image, url=st.just("https://x.test/a.png"), cache=LIVES
)
FILES = (
    st.builds(File, st.just("application/pdf"), st.just("aGk="), name=st.sampled_from(["", "a.pdf"]), cache=LIVES)
    | st.builds(File, st.just("text/plain"), st.sampled_from(["aGk=", "w6k="]), name=st.sampled_from(["", "a.txt"]), cache=LIVES)
    | st.builds(File, url=st.just("https://x.test/a.pdf"), cache=LIVES)
)
MARKED = st.builds(Text, TEXTS, LIVES)
SEEN = st.lists(MARKED | IMAGES | FILES, max_size=3).map(tuple)
THOUGHTS = st.builds(Thinking, st.text(CHARS, max_size=5), TEXTS) | st.builds(Thinking, redacted=TEXTS)
TOOLS = st.lists(
    st.builds(
        Tool, NAMES, st.text(CHARS, max_size=5), st.dictionaries(st.just("properties"), OBJECTS, max_size=1).map(lambda s: {"type": "object"} | s),
        st.none() | st.booleans(), cache=LIVES,
    ), max_size=3, unique_by=lambda tool: tool.name,
)  # fmt: skip


def contents(parts: list[Part]) -> str | tuple[Part, ...]:
    """A turn's content in normal form."""
    match parts:
        case [Text(text=text, cache="")]:
            return text
    return tuple(parts)


@st.composite
def conversations(draw: st.DrawFn, late_system: bool) -> tuple[Message, ...]:
    """A conversation in normal form, that ends with the user, or with a late word of the system."""
    turns = []
    if draw(st.booleans()):
        turns.append(Message("system", draw(TEXTS | st.lists(st.builds(Text, TEXTS, st.just("short")), min_size=1).map(tuple))))
    asked: list[ToolCall] = []
    seen: set[str] = set()
    for _ in range(draw(st.integers(0, 3))):
        turns.append(draw(users(asked)))
        if late_system and draw(st.booleans()):
            turns.append(Message("system", contents(draw(st.lists(MARKED, min_size=1, max_size=2)))))
        asked = draw(st.lists(st.builds(ToolCall, IDS, NAMES, ARGUMENTS), max_size=3, unique_by=lambda call: call.id))
        asked = [call for call in asked if call.id not in seen]
        seen |= {call.id for call in asked}
        said = [*draw(st.lists(THOUGHTS, max_size=1)), *draw(st.lists(MARKED, max_size=2)), *asked] or [Text("so")]
        turns.append(Message("assistant", contents(said)))
    turns.append(draw(users(asked)))
    if late_system and draw(st.booleans()):
        turns.append(Message("system", contents([draw(MARKED)])))
    return tuple(turns)


@st.composite
def users(draw: st.DrawFn, asked: list[ToolCall]) -> Message:
    """A user's turn that answers all calls."""
    results = [ToolResult(call.id, draw(SEEN), draw(st.booleans()), draw(LIVES)) for call in asked]
    return Message("user", contents([*results, *draw(SEEN)] or [Text("go")]))


@st.composite
def normal_prompts(draw: st.DrawFn, model: str) -> Prompt:
    """A prompt that a model can be told in full."""
    accepts = abilities(model)
    tools = tuple(draw(TOOLS))
    names = [tool.name for tool in tools]
    choices = [
        ToolChoice("auto"),
        ToolChoice("none"),
        ToolChoice("required"),
        *(ToolChoice("required", (name,)) for name in names),
    ]
    choice = draw(st.none() | st.sampled_from(choices)) if tools else None
    parallel = draw(st.sampled_from([None, False])) if choice and choice.mode != "none" else None
    limit = draw(st.integers(1, 5000))
    sampled = draw(st.sampled_from(["", "temperature", "top_p", "top_k"])) if accepts.sampling == "always" else ""
    effort, budget = "", None
    if sampled == "" and choice is None and accepts.thinking == "adaptive":
        efforts = [effort for effort in accepts.efforts if effort not in ("none", "minimal")]
        effort = draw(st.sampled_from(["", *efforts, *(["none"] if accepts.silent else [])]))
    return Prompt(
        draw(conversations(accepts.late_system)), limit,
        draw(st.sampled_from([0.0, 0.3, 1.0])) if sampled == "temperature" else None,
        draw(st.sampled_from([0.5, 1.0])) if sampled == "top_p" else None,
        draw(st.integers(0, 9)) if sampled == "top_k" else None,
        tuple(draw(st.lists(TEXTS, max_size=2))), tools, choice, parallel,
        Format(closed(draw(OBJECTS))) if accepts.schemas and draw(st.booleans()) else None, effort, budget, draw(st.sampled_from(["", "u1"])),
        draw(st.sampled_from(["", "auto", "default"])),
    )  # fmt: skip


def closed(values: dict[str, Any]) -> dict[str, Any]:
    """A schema as the API takes it, with these values as the only ones."""
    inside = {name: {"enum": [value]} for name, value in values.items()}
    return {"type": "object", "properties": inside, "required": list(values), "additionalProperties": False}


def reading(written: Written | Failure) -> Reading:
    """Read what was written."""
    assert isinstance(written, Written), written
    told = DIALECT.read_prompt(written.body)
    assert isinstance(told, Reading), told
    return told


@given(st.data(), st.sampled_from(MODELS), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_normal_prompt_comes_back_as_it_was(data: st.DataObject, model: str, stream: bool) -> None:
    """A prompt in normal form is accepted, loses nothing, and is read back as it was, each number to its last digit."""
    prompt = data.draw(normal_prompts(model))
    assume(msgspec.json.encode(prompt).count(b'"cache":"') - msgspec.json.encode(prompt).count(b'"cache":""') <= MOST)
    written = DIALECT.write_prompt(prompt, Target(model, abilities(model)), stream)
    told = reading(written)
    assert isinstance(written, Written)
    check_accepted(written.body)
    assert (unshown(told.prompt), written.lost, told.lost) == (prompt, (), ())


def unshown(prompt: Prompt) -> Prompt:
    """A prompt without the wish to see thoughts: whoever is asked to think is asked to show it, whether the client said so or not."""
    return msgspec.structs.replace(prompt, shows_thoughts=False)


# --- prompts as clients of other dialects send them

BLANK = st.sampled_from(["", " ", "\n"])
ANY_TEXTS = st.builds(Text, TEXTS | BLANK, LIVES)
ANY_IDS = st.text(CHARS, max_size=8) | st.sampled_from(["functions.look:0", "functions_look:0", "call_1"])
ANY_CALLS = st.builds(
    ToolCall, ANY_IDS, NAMES, ARGUMENTS | st.sampled_from(["", "null", "[1]", "{nonsense", "free"]), st.booleans()
)
ANY_SAID = ANY_TEXTS | st.builds(Refusal, TEXTS) | THOUGHTS | st.builds(Thinking, TEXTS)
ANY_SEEN = ANY_TEXTS | IMAGES | FILES | st.builds(Image, st.just("image/jpg"), st.just("aGk="), detail=st.just("low"))


@st.composite
def any_conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation in which every call is answered and nothing else is in order."""
    turns: list[Message] = []
    seen: set[str] = set()
    for _ in range(draw(st.integers(1, 5))):
        match draw(st.integers(0, 3)):
            case 0:
                turns.append(Message("system", draw(TEXTS | BLANK | st.lists(ANY_TEXTS, max_size=2).map(tuple))))
            case 1:
                turns.append(Message("user", draw(TEXTS | BLANK | st.lists(ANY_SEEN, max_size=3).map(tuple))))
            case 2:
                turns.append(Message("assistant", draw(TEXTS | BLANK | st.lists(ANY_SAID, max_size=3).map(tuple))))
            case _:
                calls = draw(st.lists(ANY_CALLS, min_size=1, max_size=3, unique_by=lambda call: call.id))
                calls = [call for call in calls if call.id not in seen]
                seen |= {call.id for call in calls}
                turns.append(Message("assistant", (*draw(st.lists(ANY_SAID, max_size=1)), *calls)))
                if draw(st.booleans()):
                    turns.append(Message("system", draw(TEXTS)))
                results = [
                    ToolResult(call.id, tuple(draw(st.lists(ANY_SEEN, max_size=2)))) for call in draw(st.permutations(calls))
                ]
                turns.append(Message("user", (*draw(st.lists(ANY_TEXTS, max_size=1)), *results)))
    return (*turns, Message("user", "go")) if draw(st.booleans()) else tuple(turns)


@st.composite
def any_prompts(draw: st.DrawFn) -> Prompt:
    """A prompt with all that a prompt can say."""
    tools = draw(
        st.lists(
            st.builds(Tool, NAMES, custom=st.booleans(), parameters=st.none() | st.just({"a": 1})),
            max_size=3,
            unique_by=lambda tool: tool.name,
        )
    )
    chosen = st.builds(
        ToolChoice, st.sampled_from(["auto", "none", "required"]), st.lists(NAMES, max_size=2, unique=True).map(tuple)
    )
    return Prompt(
        draw(any_conversations()), draw(st.none() | st.integers(1, 40000)),
        draw(st.none() | st.floats(0, 2)), draw(st.none() | st.floats(0, 1)), draw(st.none() | st.integers(0, 99)),
        tuple(draw(st.lists(TEXTS | BLANK, max_size=3))), tuple(tools), draw(st.none() | chosen), draw(st.sampled_from([None, True, False])),
        draw(st.none() | st.just(Format()) | st.just(Format({"type": "object"}, "n", "d", True))),
        draw(st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"])),
        draw(st.none() | st.integers(0, 70000)), draw(st.sampled_from(["", "u1"])),
        draw(st.sampled_from(["", "auto", "default", "flex", "priority"])),
    )  # fmt: skip


def words(messages: Iterable[Message]) -> list[str]:
    """All that was said in a conversation but for thinking, as a bag: texts, calls, results, pictures and files."""
    said: list[str] = []
    for message in messages:
        parts = (Text(message.content),) if isinstance(message.content, str) else message.content
        for part in parts:
            match part:
                case Text(text=text) | Refusal(text=text):
                    said += text.replace("<system>", "").replace("</system>", "").split()
                case ToolCall():
                    said.append(tool_id(part.id) + part.name)
                case ToolResult():
                    said += [tool_id(part.call_id), *words([Message("user", part.content)])]
                case Image() | File():
                    said.append(part.data + part.url)
    return sorted(word for word in said if word != ".")


@given(any_prompts(), st.sampled_from(MODELS), st.none() | st.integers(1, 20000))
@settings(max_examples=150, deadline=None)
def test_any_prompt_is_accepted_or_given_up(prompt: Prompt, model: str, max_output: int | None) -> None:
    """Whatever a client of another dialect asks is written so that the service takes it, or given up; nothing that was said is missing,
    and what was written is in normal form: written again, it stays and loses nothing more."""
    target = Target(model, abilities(model), max_output)
    written = DIALECT.write_prompt(prompt, target, stream=False)
    if isinstance(written, Failure):
        assert written.kind is FailureKind.UNSUPPORTED
        assert ("end the conversation" in written.message) == (prompt.max_tokens is not None or max_output is not None)
        return
    check_accepted(written.body)
    told = reading(written)
    assert set(told.lost) <= {"thinking"}
    hint = [Message("system", JSON_ONLY)] if prompt.format == Format() else []
    if prompt.format is not None and prompt.format.schema is not None and not target.abilities.schemas:
        hint = [Message("system", IN_WORDS + '{"type":"object"}')]
    assert words(told.prompt.messages) == words([*hint, *prompt.messages])
    again = DIALECT.write_prompt(told.prompt, target, stream=False)
    assert unshown(reading(again).prompt) == unshown(told.prompt)
    assert isinstance(again, Written)
    assert again.lost == () or (again.lost, told.lost) == (("shows_thoughts",), ("thinking",)), (
        "thinking of no told effort is no thinking"
    )


@given(any_prompts())
@settings(max_examples=100, deadline=None)
def test_an_unknown_model_is_told_what_the_dialect_allows(prompt: Prompt) -> None:
    """A model of which nothing is known is asked for all that the dialect has words for, and nothing else."""
    written = DIALECT.write_prompt(prompt, Target("claude-next", ANY, 9000), stream=False)
    assert isinstance(written, Written)
    check_accepted(written.body)


@given(st.lists(ANY_IDS, unique=True, max_size=20))
def test_two_ids_never_become_one(ids: list[str]) -> None:
    """However odd the ids of two calls, they are taken by this API and stay two."""
    told = [tool_id(one) for one in ids]
    assert len(set(told)) == len(ids)
    assert all(tool_id(one) == one for one in told)


# --- answers

COUNTS = st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
ANSWERED = (
    st.builds(Text, st.text(CHARS, max_size=6)) | st.builds(Refusal, TEXTS) | THOUGHTS | st.builds(Thinking, TEXTS)
    | st.builds(ToolCall, IDS | st.just("functions.look:0"), NAMES, ARGUMENTS | st.just(""))
)  # fmt: skip
RESPONSES = st.builds(
    Response, st.sampled_from(["", "msg_1", "chatcmpl-1"]), st.sampled_from(["", "m"]), st.lists(ANSWERED, max_size=5).map(tuple),
    st.none() | st.sampled_from(list(Finish)), st.none() | USAGES, st.sampled_from(["", "END"]),
)  # fmt: skip


def normal(response: Response) -> Response:
    """An answer in normal form: how a client of this dialect is told of it."""
    content: list[Any] = []
    for part in response.content:
        match part:
            case Text(text="") | Thinking(text="", signature="", redacted=""):
                continue
            case Text(text=text) | Refusal(text=text):
                said = Text(content.pop().text + text) if content and isinstance(content[-1], Text) else Text(text)
                content.append(said)
            case ToolCall(id=id_, name=name, arguments=arguments):
                content.append(ToolCall(tool_id(id_), name, arguments.strip() or "{}"))
            case _:
                content.append(part)
    finish, stop = ending(response)
    id_ = response.id if response.id.startswith("msg_") else "msg_1"
    return Response(id_, response.model or "asked-for", tuple(content), finish, counted(response.usage), stop)


def ending(response: Response) -> tuple[Finish, str]:
    """Why it ended, as far as this dialect can say."""
    refused = any(isinstance(part, Refusal) for part in response.content)
    if response.finish in (Finish.STOP, None):
        if refused:
            return Finish.REFUSAL, ""
        if response.tool_calls:
            return Finish.TOOL_CALLS, ""
        return Finish.STOP, response.stop
    renamed = {Finish.OTHER: Finish.STOP, Finish.CONTENT_FILTER: Finish.REFUSAL}
    return renamed.get(response.finish, response.finish), ""


def counted(usage: Usage | None) -> Usage:
    """The usage as this dialect tells it: sound is plain input and output, and where nobody reported, the estimate stands."""
    if usage is None:
        return Usage(input=HEAD.input_estimate)
    plain = {
        "input": usage.input + usage.audio_input,
        "output": usage.output + usage.audio_output,
        "audio_input": 0,
        "audio_output": 0,
    }
    return msgspec.structs.replace(usage, **plain)


@given(RESPONSES)
@settings(max_examples=100, deadline=None)
def test_a_whole_answer_comes_back_as_it_was(response: Response) -> None:
    """A written answer is read as what was written, its totals conserved."""
    told = DIALECT.read_response(DIALECT.write_response(response, HEAD))
    assert told == normal(response)
    if response.usage is not None:
        assert told.usage is not None
        assert (told.usage.total_input, told.usage.total_output) == (response.usage.total_input, response.usage.total_output)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """The events of an answer, its calls' arguments arriving interleaved with one another and with all else."""
    response = draw(RESPONSES)
    events: list[Event] = [Started(response.id, response.model)] if draw(st.booleans()) or response.id or response.model else []
    if response.usage is not None and draw(st.booleans()):
        events.append(UsageReported(msgspec.structs.replace(response.usage, output=1)))
    held: list[list[ToolDelta]] = []
    calls = 0
    for place, part in enumerate(response.content):
        match part:
            case Text(text=text):
                events += [TextDelta(piece) for piece in cut(draw, text)]
            case Refusal(text=text):
                events += [RefusalDelta(piece) for piece in cut(draw, text)]
            case Thinking():
                events += [ThinkingDelta(piece) for piece in cut(draw, part.text)]
                if part.signature or part.redacted or draw(st.booleans()) or response.content[place + 1 : place + 2]:
                    events.append(ThinkingSealed(part.signature, part.redacted))
            case ToolCall():
                events.append(ToolStarted(calls, part.id, part.name))
                held.append([ToolDelta(calls, piece) for piece in cut(draw, part.arguments)])
                calls += 1
        events += release(held, draw(st.integers(0, 4)), draw)
    events += release(held, 10**6, draw)
    if response.finish is not None:
        events.append(Finished(response.finish, response.stop))
    return [*events, UsageReported(response.usage)] if response.usage is not None else events


def cut(draw: st.DrawFn, text: str) -> list[str]:
    """Cut a text in pieces."""
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in pairwise([0, *at, len(text)])]


def release(held: list[list[ToolDelta]], number: int, draw: st.DrawFn) -> list[Event]:
    """Take some of the held steps, each call's in its order."""
    taken: list[Event] = []
    while len(taken) < number and (waiting := [steps for steps in held if steps]):
        taken.append(draw(st.sampled_from(waiting)).pop(0))
    return taken


def written(events: list[Event], cuts: list[int]) -> bytes:
    """Write a stream, however its events are batched."""
    writer = DIALECT.write_events(HEAD)
    at = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    return b"".join(writer.feed(events[a:b]) for a, b in pairwise(at)) + writer.finish()


CUTS = st.lists(st.integers(0, 60), max_size=4)


@given(streams(), CUTS, st.lists(st.integers(0, 4000), max_size=6))
@settings(max_examples=120, deadline=None)
def test_a_written_stream_means_what_its_events_did(events: list[Event], batches: list[int], cuts: list[int]) -> None:
    """The frames written from events fold, however they are batched and cut, to what the events fold to; our own passthrough takes
    them for a whole stream with the same usage."""
    frames = written(events, batches)
    reader, told = DIALECT.read_events(), []
    at = [0, *sorted(min(cut, len(frames)) for cut in cuts), len(frames)]
    for a, b in pairwise(at):
        told += reader.feed(frames[a:b])
    response = fold(events)
    assert fold(told) == normal(response)
    passing = DIALECT.read_stream(keep_usage=True)
    assert passing.feed(frames) == frames
    assert (passing.complete, passing.usage_final, passing.usage) == (True, True, counted(response.usage))


@given(streams())
@settings(max_examples=40, deadline=None)
def test_the_sdk_assembles_the_same(events: list[Event]) -> None:
    """The unmodified SDK's stream helper assembles from the frames what the events amount to, totals among it."""
    frames, response = written(events, []), normal(fold(events))
    wire = httpx2.MockTransport(lambda _: httpx2.Response(200, content=frames, headers={"content-type": "text/event-stream"}))
    sdk = anthropic.Anthropic(api_key="sk-x", http_client=httpx2.Client(transport=wire), max_retries=0)
    with sdk.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
        message = stream.get_final_message()
    told = DIALECT.read_response(message.to_json().encode())
    assert told is not None
    assert parsed(told.content) == parsed(response.content)
    assert (told.id, told.model, told.finish, told.stop) == (response.id, response.model, response.finish, response.stop)
    assert told.usage is not None
    assert response.usage is not None
    assert (told.usage.total_input, told.usage.total_output) == (response.usage.total_input, response.usage.total_output)


def parsed(content: Iterable[Any]) -> list[Any]:
    """The parts of an answer, its calls' arguments as values: the SDK's parser has its own way with numbers."""
    return [(part.id, part.name, json.loads(part.arguments)) if isinstance(part, ToolCall) else part for part in content]


@given(streams(), CUTS)
@settings(max_examples=60, deadline=None)
def test_blocks_come_one_after_the_other(events: list[Event], batches: list[int]) -> None:
    """Each block is started and stopped once, in the order of its index from 0, and every step falls inside its own; the message is
    started before them and ended behind them, once."""
    types = []
    open_: int | None = None
    count = 0
    for frame in Framer().feed(written(events, batches)):
        told = json.loads(data_of(frame) or b"")
        types.append(told["type"])
        match told["type"]:
            case "content_block_start":
                assert (open_, told["index"]) == (None, count)
                open_ = count
            case "content_block_delta":
                assert told["index"] == open_
            case "content_block_stop":
                assert told["index"] == open_
                open_, count = None, count + 1
    assert open_ is None
    assert (types[0], types[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert (types.count("message_start"), types.count("message_delta"), types.count("message_stop")) == (1, 1, 1)


@given(st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda v: st.lists(v, max_size=3) | st.dictionaries(
    st.sampled_from(["model", "messages", "role", "content", "type", "system", "tools", "thinking", "text"]), v, max_size=4), max_leaves=12))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(body: object) -> None:
    """Any JSON at all is either read or refused."""
    assert isinstance(DIALECT.read_prompt(json.dumps(body).encode()), Reading | Failure)

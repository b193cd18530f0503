"""Laws of Gemini bodies that cross: what is written is accepted, read back as it was meant, and counted as it was reported.

The normal form of a prompt, which the round trip keeps exactly: one system turn at the start; no empty text; turns alternate; a call's
results stand first in the next user's turn, in the order of the calls, their text before their pictures; nothing is marked, named or
thought. The normal form of an answer: neighbouring texts are one, a refusal's words are text, tokens written to a cache are plain
input, a call without arguments has `{}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any

import httpx2
import msgspec
import pytest
from google import genai
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stormkeel.catalog.abilities import ANY, Abilities, load_abilities
from stormkeel.dialects.across import Crossing, CrossReader
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.signatures import sealed
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.sse import Framer
from stormkeel.dialects.values import Call, Head, Reading, Target, Written
from stormkeel.types.content import Audio, File, Image, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
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
from stormkeel.types.request import Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = Gemini()
TABLE = load_abilities(files("stormkeel.catalog").joinpath("abilities.json").read_bytes())
MODELS = (
    "gemini-2.0-flash",
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "gemini-3-pro-preview",
    "gemini-3-flash-preview",
    "gemini-3.8-flash",
    "gemini-4-argon",
)
HEAD = Head("req_1", 1, "asked-for", 77)
Wire = dict[str, Any]


def abilities(model: str) -> Abilities:
    """What a model of Google's accepts."""
    return TABLE.find("google", model)


def check_accepted(body: bytes) -> None:
    """Judge a body by the SDK's own types, which forbid what they do not know, and by the service's rules on the order of turns."""
    told: Wire = json.loads(body)
    assert set(told) <= {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier"}
    contents = [types.Content.model_validate(content) for content in told["contents"]]
    for name, kind in (
        ("systemInstruction", types.Content),
        ("toolConfig", types.ToolConfig),
        ("generationConfig", types.GenerationConfig),
    ):
        kind.model_validate(told.get(name, {}))
    for tool in told.get("tools", ()):
        types.Tool.model_validate(tool)
    assert contents[0].role == "user"
    assert len(told.get("generationConfig", {}).get("stopSequences", ())) <= 5
    assert isinstance(DIALECT.read_request(body, "r1", call=Call("gemini-x")), Request)
    for content, wire in zip(contents, told["contents"], strict=True):
        assert content.parts
        assert content.role in ("user", "model")
        assert all(part.get("text", "x") or "thoughtSignature" in part for part in wire["parts"])
    for before, after in pairwise(contents):
        answers = [part.function_response for part in after.parts or () if part.function_response]
        assert not answers or before.role == "model"
        assert (
            not answers
            or len(answers) == len(after.parts or ())
            or any(part.text or part.inline_data for part in after.parts or ())
        )


# --- prompts in normal form

CHARS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARS, min_size=1, max_size=12)
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
IMAGES = st.builds(Image, st.sampled_from(["image/png", "image/webp", "image/heic"]), st.just("aGk="))
FILES = st.builds(File, st.sampled_from(["application/pdf", "text/plain", "text/csv"]), st.just("aGk="))
SOUNDS = st.builds(Audio, st.sampled_from(["mp3", "wav", "flac"]), st.just("aGk="))
SEEN = st.lists(st.builds(Text, TEXTS) | IMAGES | FILES | SOUNDS, max_size=3).map(tuple)
RESULTS = st.tuples(st.lists(st.builds(Text, TEXTS | ARGUMENTS), max_size=1), st.lists(IMAGES | FILES, max_size=2))
TOOLS = st.lists(
    st.builds(Tool, NAMES, st.text(CHARS, max_size=5), st.none() | st.dictionaries(st.just("properties"), OBJECTS, max_size=1).map(lambda s: {"type": "object"} | s)),
    max_size=3, unique_by=lambda tool: tool.name,
)  # fmt: skip


def contents(parts: Sequence[Part]) -> str | tuple[Part, ...]:
    """A turn's content in normal form."""
    match parts:
        case [Text(text=text)]:
            return text
    return tuple(parts)


@st.composite
def users(draw: st.DrawFn, asked: list[ToolCall], media: bool) -> Message:
    """A user's turn that answers all calls."""
    results = []
    for call in asked:
        texts, seen = draw(RESULTS)
        results.append(ToolResult(call.id, (*texts, *(seen if media else ())), draw(st.booleans())))
    return Message("user", contents([*results, *draw(SEEN)] or [Text("go")]))


@st.composite
def conversations(draw: st.DrawFn, media: bool) -> tuple[Message, ...]:
    """A conversation in normal form, that ends with the user."""
    turns = (
        [Message("system", contents([Text(text) for text in draw(st.lists(TEXTS, min_size=1, max_size=2))]))]
        if draw(st.booleans())
        else []
    )
    asked: list[ToolCall] = []
    seen: set[str] = set()
    for _ in range(draw(st.integers(0, 3))):
        turns.append(draw(users(asked, media)))
        asked = draw(st.lists(st.builds(ToolCall, IDS, NAMES, ARGUMENTS), max_size=3, unique_by=lambda call: call.id))
        asked = [call for call in asked if call.id not in seen]
        seen |= {call.id for call in asked}
        turns.append(
            Message("assistant", contents([*draw(st.lists(st.builds(Text, TEXTS), max_size=2)), *asked] or [Text("so")]))
        )
    return (*turns, draw(users(asked, media)))


@st.composite
def normal_prompts(draw: st.DrawFn, model: str) -> Prompt:
    """A prompt that a model can be told in full."""
    accepts = abilities(model)
    signs = accepts.thinking == "adaptive"
    tools = tuple(draw(TOOLS))
    names = [tool.name for tool in tools]
    choices = [
        ToolChoice("auto"),
        ToolChoice("none"),
        ToolChoice("required"),
        *(ToolChoice("required", (name,)) for name in names),
    ]
    samples = accepts.sampling == "always"
    budgets = (
        st.none() | st.integers(512, 24576) | (st.just(0) if accepts.silent else st.none())
        if accepts.thinking == "budget"
        else st.none()
    )
    return Prompt(
        draw(conversations(signs)), draw(st.none() | st.integers(1, 5000)), draw(st.none() | st.floats(0, 2)) if samples else None,
        draw(st.none() | st.floats(0, 1)) if samples else None, draw(st.none() | st.integers(0, 99)) if samples else None,
        tuple(draw(st.lists(TEXTS, max_size=5))), tools, draw(st.none() | st.sampled_from(choices)) if tools else None,
        format=draw(st.none() | st.builds(Format, st.none() | OBJECTS)) if signs or not tools else None,
        effort=draw(st.sampled_from(["", *accepts.efforts])), thinking_budget=draw(budgets), tier=draw(st.sampled_from(["", "default", "flex", "priority"])),
    )  # fmt: skip


def reading(written: Written | Failure) -> Reading:
    """Read what was written."""
    assert isinstance(written, Written), written
    told = DIALECT.read_prompt(written.body)
    assert isinstance(told, Reading), told
    return told


@given(st.data(), st.sampled_from(MODELS), st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_normal_prompt_comes_back_as_it_was(data: st.DataObject, model: str, stream: bool) -> None:
    """A prompt in normal form is accepted, loses nothing, and is read back as it was, each number to its last digit."""
    prompt = data.draw(normal_prompts(model))
    written = DIALECT.write_prompt(prompt, Target(model, abilities(model)), stream)
    told = reading(written)
    assert isinstance(written, Written)
    check_accepted(written.body)
    assert (unshown(told.prompt), written.lost, told.lost) == (prompt, (), ())


def unshown(prompt: Prompt) -> Prompt:
    """A prompt without the wish to see thoughts: whoever is asked to think is asked to show it, whether the client said so or not."""
    return msgspec.structs.replace(prompt, shows_thoughts=False)


def snaked(value: object, draw: st.DrawFn) -> object:
    """The same body with some of its names in the other spelling, at every level but inside what is the client's own."""
    if isinstance(value, list):
        return [snaked(one, draw) for one in value]
    if not isinstance(value, dict):
        return value
    own = ("args", "response", "parametersJsonSchema", "responseJsonSchema")
    told = {name: one if name in own else snaked(one, draw) for name, one in value.items()}
    return {snake(name) if draw(st.booleans()) else name: one for name, one in told.items()}


def snake(name: str) -> str:
    """A name in snake_case."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@given(st.data(), st.sampled_from(MODELS))
@settings(max_examples=60, deadline=None)
def test_a_prompt_means_the_same_in_every_spelling(data: st.DataObject, model: str) -> None:
    """Whichever names are written in snake_case, the prompt read and the limits seen are the same (the SDK mixes them)."""
    written = DIALECT.write_prompt(data.draw(normal_prompts(model)), Target(model, abilities(model)), stream=False)
    told = reading(written)
    assert isinstance(written, Written)
    mixed = json.dumps(data.draw(st.composite(lambda draw: snaked(json.loads(written.body), draw))())).encode()
    again = DIALECT.read_prompt(mixed)
    assert isinstance(again, Reading), again
    assert as_values(again.prompt) == as_values(told.prompt)
    seen = [DIALECT.read_request(body, "r1", call=Call("gemini-x")) for body in (mixed, written.body)]
    assert [one.max_output for one in seen if isinstance(one, Request)] == [told.prompt.max_tokens] * 2


def as_values(prompt: Prompt) -> Prompt:
    """A prompt whose JSON texts have one form."""

    def one(part: Any) -> Any:
        """A part."""
        if isinstance(part, ToolCall):
            return replace(part, arguments=json.dumps(json.loads(part.arguments)))
        if isinstance(part, ToolResult):
            return replace(part, content=tuple(one(inner) for inner in part.content))
        if isinstance(part, Text) and part.text.startswith("{"):
            try:
                return Text(json.dumps(json.loads(part.text)))
            except ValueError:
                return part
        return part

    turns = tuple(
        replace(turn, content=turn.content if isinstance(turn.content, str) else tuple(map(one, turn.content)))
        for turn in prompt.messages
    )
    return replace(prompt, messages=turns)


# --- prompts as clients of other dialects send them

ANY_TEXTS = st.builds(Text, TEXTS | st.sampled_from(["", " "]), st.sampled_from(["", "short"]))
ANY_CALLS = st.builds(
    ToolCall,
    st.text(CHARS, min_size=1, max_size=8),
    NAMES,
    ARGUMENTS | st.sampled_from(["", "null", "[1]", "{nonsense", "free"]),
    st.booleans(),
)
SIGNATURES = st.sampled_from(
    ["", "sig", sealed("c2ln", "gemini-3-pro-preview"), sealed("c2ln", "gemini-3.8-flash"), "stormkeel|openai_responses|m|rs_1|x"]
)
THOUGHTS = st.builds(Thinking, st.text(CHARS, max_size=5), SIGNATURES) | st.builds(Thinking, redacted=TEXTS)
ANY_SAID = ANY_TEXTS | st.builds(Refusal, TEXTS) | THOUGHTS
ANY_SEEN = ANY_TEXTS | IMAGES | FILES | st.builds(Image, st.just("image/jpg"), st.just("aGk="), detail=st.just("low"))


@st.composite
def any_conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation in which every call is answered and nothing else is in order."""
    turns: list[Message] = []
    seen: set[str] = set()
    for _ in range(draw(st.integers(1, 5))):
        match draw(st.integers(0, 3)):
            case 0:
                turns.append(Message("system", draw(TEXTS | st.just("") | st.lists(ANY_TEXTS, max_size=2).map(tuple))))
            case 1:
                turns.append(Message("user", draw(TEXTS | st.just("") | st.lists(ANY_SEEN, max_size=3).map(tuple))))
            case 2:
                turns.append(Message("assistant", draw(TEXTS | st.just("") | st.lists(ANY_SAID, max_size=3).map(tuple))))
            case _:
                calls = draw(st.lists(ANY_CALLS, min_size=1, max_size=3, unique_by=lambda call: call.id))
                calls = [call for call in calls if call.id not in seen]
                seen |= {call.id for call in calls}
                turns.append(Message("assistant", (*draw(st.lists(ANY_SAID, max_size=1)), *calls)))
                results = [
                    ToolResult(call.id, tuple(draw(st.lists(ANY_SEEN, max_size=2)))) for call in draw(st.permutations(calls))
                ]
                turns.append(Message("user", (*draw(st.lists(ANY_TEXTS, max_size=1)), *results)))
    return tuple(turns)


@st.composite
def any_prompts(draw: st.DrawFn) -> Prompt:
    """A prompt with all that a prompt can say."""
    tools = st.lists(
        st.builds(Tool, NAMES, custom=st.booleans(), parameters=st.none() | st.just({"a": 1}), strict=st.none() | st.booleans()),
        max_size=3,
        unique_by=lambda tool: tool.name,
    )
    chosen = st.builds(
        ToolChoice, st.sampled_from(["auto", "none", "required"]), st.lists(NAMES, max_size=2, unique=True).map(tuple)
    )
    return Prompt(
        draw(any_conversations()), draw(st.none() | st.integers(1, 40000)), draw(st.none() | st.floats(0, 2)), draw(st.none() | st.floats(0, 1)),
        draw(st.none() | st.integers(0, 99)), tuple(draw(st.lists(TEXTS | st.just(""), max_size=7))), tuple(draw(tools)), draw(st.none() | chosen),
        draw(st.sampled_from([None, True, False])), draw(st.none() | st.just(Format()) | st.just(Format({"type": "object"}, "n", "d", True))),
        draw(st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"])), draw(st.none() | st.integers(0, 70000)),
        draw(st.sampled_from(["", "u1"])), draw(st.sampled_from(["", "auto", "default", "flex", "priority"])),
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
                    said.append(part.name)
                case ToolResult():
                    said += words([Message("user", part.content)])
                case Image() | File():
                    said.append(part.data)
    return sorted(word for word in said if word != ".")


@given(any_prompts(), st.sampled_from([*MODELS, "gemini-next"]), st.none() | st.integers(1, 20000))
@settings(max_examples=200, deadline=None)
def test_any_prompt_is_accepted_or_given_up(prompt: Prompt, model: str, max_output: int | None) -> None:
    """Whatever a client of another dialect asks is written so that the SDK's types take it, or given up; nothing that was said is missing,
    no signature is shown to a model that did not make it, and written again it stays and loses nothing more."""
    accepts = ANY if model == "gemini-next" else abilities(model)
    target = Target(model, accepts, max_output)
    written = DIALECT.write_prompt(prompt, target, stream=False)
    if isinstance(written, Failure):
        assert written.kind is FailureKind.UNSUPPORTED
        assert "`format`" in written.message
        return
    check_accepted(written.body)
    signatures = {
        part["thoughtSignature"]
        for content in json.loads(written.body)["contents"]
        for part in content["parts"]
        if "thoughtSignature" in part
    }
    assert all(
        one.startswith("c2tpcF90") or (one == "c2ln" and model in ("gemini-3-pro-preview", "gemini-3.8-flash"))
        for one in signatures
    )
    if signatures - {one for one in signatures if one.startswith("c2tpcF90")}:
        return  # its own thoughts are there, and reading does not keep them
    told = reading(written)
    if accepts.thinking == "adaptive":
        assert words(told.prompt.messages) == words(prompt.messages)
    again = DIALECT.write_prompt(told.prompt, target, stream=False)
    assert unshown(reading(again).prompt) == unshown(told.prompt)
    assert isinstance(again, Written)
    assert set(again.lost) <= {"thinking_budget"}


@given(st.recursive(st.none() | st.text(max_size=3) | st.integers() | st.booleans(), lambda v: st.lists(v, max_size=3) | st.dictionaries(
    st.sampled_from(["contents", "parts", "role", "text", "functionCall", "function_response", "name", "tools", "generationConfig", "inlineData", "response"]), v, max_size=4), max_leaves=12))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_reading_never_raises(body: object) -> None:
    """Any JSON at all is either read or refused."""
    raw = json.dumps(body).encode()
    assert isinstance(DIALECT.read_prompt(raw), Reading | Failure)
    assert isinstance(DIALECT.read_request(raw, "r1", call=Call("gemini-x")), Request | Failure)
    DIALECT.without_foreign(raw, Target("gemini-x"))
    DIALECT.read_outcome(raw)
    DIALECT.read_response(raw)


@given(st.lists(st.binary(max_size=40), max_size=8))
@settings(max_examples=150, deadline=None)
def test_readers_never_raise(noise: list[bytes]) -> None:
    """Any bytes at all end in an answer or a failure; what is forwarded came, in its order, and frames that hold no data may stay."""
    reader, events = DIALECT.read_stream(keep_usage=True), DIALECT.read_events()
    passed = b"".join(reader.feed(b"data: " + piece + b"\n\n") for piece in noise)
    events.feed(b"".join(noise))
    came = iter(Framer().feed(b"".join(b"data: " + piece + b"\n\n" for piece in noise)))
    assert all(frame in came for frame in Framer().feed(passed))
    assert (reader.finish() is None) == reader.complete


# --- answers

COUNTS = st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
ANSWERED = (
    st.builds(Text, st.text(CHARS, max_size=6)) | st.builds(Refusal, TEXTS) | st.builds(Thinking, TEXTS, st.sampled_from(["", "sig"])) | st.builds(Thinking, redacted=TEXTS)
    | st.builds(ToolCall, IDS | st.just("functions.look:0"), NAMES, ARGUMENTS | st.just(""))
)  # fmt: skip
ENDS = [finish for finish in Finish if finish not in (Finish.OTHER, Finish.PAUSE)]
RESPONSES = st.builds(
    Response, st.sampled_from(["", "a1", "chatcmpl-1"]), st.sampled_from(["", "m"]), st.lists(ANSWERED, max_size=5).map(tuple), st.none() | st.sampled_from(ENDS), st.none() | USAGES,
)  # fmt: skip


def normal(response: Response) -> Response:
    """An answer in normal form: how a client of this dialect is told of it."""
    content: list[Any] = []
    for part in response.content:
        before = content[-1] if content else None
        match part:
            case Text(text=""):
                continue
            case Text(text=text) | Refusal(text=text):
                content[-1:] = [Text(before.text + text)] if isinstance(before, Text) else [*content[-1:], Text(text)]
            case ToolCall(id=id_, name=name, arguments=arguments):
                content.append(ToolCall(id_, name, arguments.strip() or "{}"))
            case Thinking(redacted="") if isinstance(before, Thinking) and not before.signature and not before.redacted:
                content[-1] = Thinking(before.text + part.text, part.signature)
            case _:
                content.append(part)
    finish = {None: Finish.STOP, Finish.TOOL_CALLS: Finish.STOP, Finish.REFUSAL: Finish.CONTENT_FILTER}.get(
        response.finish, response.finish
    )
    if finish is Finish.STOP and response.tool_calls:
        finish = Finish.TOOL_CALLS
    return Response(response.id or "req_1", response.model or "asked-for", tuple(content), finish, counted(response.usage))


def counted(usage: Usage | None) -> Usage | None:
    """The usage as this dialect tells it: what was written to a cache is plain input."""
    if usage is None:
        return None
    return replace(usage, input=usage.input + usage.cache_write + usage.cache_write_long, cache_write=0, cache_write_long=0)


@given(RESPONSES)
@settings(max_examples=120, deadline=None)
def test_a_whole_answer_comes_back_as_it_was(response: Response) -> None:
    """A written answer is taken by the SDK's types and read as what was written, its totals conserved; the peek agrees."""
    body = DIALECT.write_response(response, HEAD)
    types.GenerateContentResponse.model_validate_json(body)
    assert DIALECT.read_response(body) == normal(response)
    outcome = DIALECT.read_outcome(body)
    assert outcome is not None
    assert (outcome.finish, outcome.usage) == (normal(response).finish, counted(response.usage))
    if response.usage is not None and outcome.usage is not None:
        assert (outcome.usage.total_input, outcome.usage.total_output) == (
            response.usage.total_input,
            response.usage.total_output,
        )


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """The events of an answer, its calls' arguments arriving interleaved with one another and with all else."""
    response = draw(RESPONSES)
    events: list[Event] = [Started(response.id, response.model)] if draw(st.booleans()) or response.id or response.model else []
    held: list[list[ToolDelta]] = []
    calls = 0
    for part in response.content:
        match part:
            case Text(text=text):
                events += [TextDelta(piece) for piece in cut(draw, text)]
            case Refusal(text=text):
                events += [RefusalDelta(piece) for piece in cut(draw, text)]
            case Thinking():
                events += [ThinkingDelta(piece) for piece in cut(draw, part.text)]
                if part.signature or part.redacted:
                    events.append(ThinkingSealed(part.signature, part.redacted))
            case ToolCall():
                events.append(ToolStarted(calls, part.id, part.name))
                held.append([ToolDelta(calls, piece) for piece in cut(draw, part.arguments)])
                calls += 1
        events += release(held, draw(st.integers(0, 4)), draw)
    events += release(held, 10**6, draw)
    if response.finish is not None:
        events.append(Finished(response.finish))
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


def written_stream(events: list[Event], cuts: list[int]) -> bytes:
    """Write a stream, however its events are batched."""
    writer = DIALECT.write_events(HEAD)
    at = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    return b"".join(writer.feed(events[a:b]) for a, b in pairwise(at)) + writer.finish()


CUTS = st.lists(st.integers(0, 4000), max_size=6)


def on_one_line(response: Response) -> Response:
    """An answer whose calls' arguments have no lines: a stream has no room for them, and they mean nothing in JSON."""
    content = [
        replace(part, arguments=part.arguments.replace("\n", " ")) if isinstance(part, ToolCall) else part
        for part in response.content
    ]
    return replace(response, content=tuple(content))


@given(streams(), st.lists(st.integers(0, 60), max_size=4), CUTS, st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=150, deadline=None)
def test_a_written_stream_means_what_its_events_did(
    events: list[Event], batches: list[int], cuts: list[int], line_end: bytes
) -> None:
    """The frames written from events fold, however they are batched, cut and ended, to what the events fold to; our own passthrough takes
    them for a whole stream with the same usage."""
    frames = written_stream(events, batches).replace(b"\n", line_end)
    reader, told = DIALECT.read_events(), []
    at = [0, *sorted(min(cut, len(frames)) for cut in cuts), len(frames)]
    for a, b in pairwise(at):
        told += reader.feed(frames[a:b])
    response = fold(events)
    assert on_one_line(fold(told)) == on_one_line(normal(response))
    passing = DIALECT.read_stream(keep_usage=True)
    assert b"".join(passing.feed(frames[a:b]) for a, b in pairwise(at)) == frames
    assert passing.finish() is None
    assert (passing.complete, passing.usage_final, passing.usage) == (True, response.usage is not None, counted(response.usage))


@given(streams())
@settings(max_examples=40, deadline=None)
def test_the_sdk_reads_the_same(events: list[Event]) -> None:
    """The unmodified SDK reads from the frames the text, the calls and the totals that the events amount to."""
    frames, response = written_stream(events, []), normal(fold(events))
    wire = httpx2.MockTransport(lambda _: httpx2.Response(200, content=frames, headers={"content-type": "text/event-stream"}))
    sdk = genai.Client(api_key="k", http_options=types.HttpOptions(httpx_client=httpx2.Client(transport=wire)))
    chunks = list(sdk.models.generate_content_stream(model="m", contents="Hi"))
    parts = [part for chunk in chunks for part in chunk.parts or ()]
    assert "".join(part.text or "" for part in parts if not part.thought) == response.text
    assert "".join(part.text or "" for part in parts if part.thought) == "".join(
        part.text for part in response.content if isinstance(part, Thinking)
    )
    calls = [(part.function_call.id, part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    assert calls == [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls]
    usage = chunks[-1].usage_metadata
    assert (usage.total_token_count if usage else None) == (response.usage.total if response.usage else None)


# --- streams of the service, whole and cut, for clients of each dialect


def event(*parts: Wire, **more: Any) -> bytes:
    """One event of the service's."""
    finish = more.pop("finish", None)
    candidate: Wire = (
        {"content": {"parts": list(parts), "role": "model"}} | ({"finishReason": finish} if finish else {}) | {"index": 0}
    )
    told = {"candidates": [candidate], "modelVersion": "gemini-3-pro", "responseId": "a1"} | more
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n".encode()


STREAM = b"".join((
    event({"text": "Hm, ſo. ", "thought": True}), event({"text": "Die See "}, usageMetadata={"promptTokenCount": 9}), event({"text": "ist ruhig 🌊."}),
    event({"functionCall": {"name": "look", "args": {"where": "ü"}}, "thoughtSignature": "c2ln"}), event({"functionCall": {"name": "sound"}}),
    event({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 1}),
))  # fmt: skip
CLIENTS: dict[str, Dialect] = {"openai_chat": OpenAIChat(), "anthropic_messages": AnthropicMessages(), "gemini": DIALECT}
MARKERS = {"openai_chat": b'"finish_reason":"', "anthropic_messages": b'stop_reason":"', "gemini": b'"finishReason"'}
each_client = pytest.mark.parametrize("client", list(CLIENTS))


def relayed(client: str, pieces: list[bytes]) -> tuple[CrossReader, bytes]:
    """Feed pieces up to the end; return the reader and all that the client is sent."""
    crossing = Crossing((CLIENTS[client], DIALECT), Written(b"")).read_stream(HEAD)
    frames = b"".join(crossing.feed(piece) for piece in pieces)
    crossing.finish()
    return crossing, frames + crossing.rest


def said(client: str, frames: bytes) -> tuple[str, list[tuple[str, str]], object, object]:
    """What the client's frames amount to, without ids."""
    told = fold(CLIENTS[client].read_events().feed(frames))
    return (
        told.text,
        [(call.name, call.arguments.replace(" ", "")) for call in told.tool_calls],
        told.finish,
        told.usage.total if told.usage else None,
    )


WHOLE = ("Die See ist ruhig 🌊.", [("look", '{"where":"ü"}'), ("sound", "{}")], Finish.TOOL_CALLS, 14)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@each_client
def test_a_cut_stream_is_whole_or_has_failed(client: str, line_end: bytes) -> None:
    """After a cut at any byte the client has either all of the answer or a beginning of it without an end (S-28, traps 6, 14, 15)."""
    stream = STREAM.replace(b"\n", line_end)
    assert said(client, relayed(client, [stream])[1]) == WHOLE
    ends = 0
    for cut_at in range(len(stream)):
        crossing, frames = relayed(client, [stream[:cut_at]])
        if crossing.failure is None:
            ends += 1
            assert (crossing.complete, said(client, frames)) == (True, WHOLE)
        else:
            assert crossing.failure.kind in (FailureKind.TRUNCATED, FailureKind.BAD_RESPONSE)
            assert MARKERS[client] not in frames
            assert WHOLE[0].startswith(said(client, frames)[0])
    assert 0 < ends < 10  # behind the last event's JSON there is nothing but its blank line


@each_client
def test_frames_do_not_depend_on_how_the_bytes_came(client: str) -> None:
    """Cut in two at any byte, the client's frames mean the same."""
    for cut_at in range(1, len(STREAM)):
        crossing, frames = relayed(client, [STREAM[:cut_at], STREAM[cut_at:]])
        assert (crossing.failure, said(client, frames)) == (None, WHOLE)


ERRORS = [
    b'data: {"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}\n\n',
    b'{\n  "error": {"code": 503, "status": "UNAVAILABLE"}\n}\n\n',
    event(finish="MALFORMED_FUNCTION_CALL"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["frame", "bare", "gave up"])
@each_client
def test_an_error_at_any_place_is_no_end(client: str, error: bytes) -> None:
    """An error between any two events ends the stream in failure; nothing that looks like an end goes out."""
    frames = [frame + b"\n\n" for frame in STREAM.split(b"\n\n")[:-1]]
    for place in range(len(frames)):
        crossing, got = relayed(client, [*frames[:place], error, *frames[place:]])
        assert crossing.failure is not None
        assert MARKERS[client] not in got


@given(
    st.lists(st.tuples(st.sampled_from(["text", "thought", "call"]), st.text(CHARS, min_size=1, max_size=8)), max_size=6),
    st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "ODD"]),
    CUTS,
)
@settings(max_examples=120, deadline=None)
def test_streams_fold_to_their_answer(pieces: list[tuple[str, str]], reason: str, cuts: list[int]) -> None:
    """The events of a stream, however cut, fold to the response its whole form is read as; peek and passthrough agree with both."""
    parts: list[Wire] = []
    for kind, text in pieces:
        parts.append(
            {"functionCall": {"name": "f", "args": {"a": text}, "id": f"c{len(parts)}"}, "thoughtSignature": "c2ln"}
            if kind == "call"
            else {"text": text} | ({"thought": True} if kind == "thought" else {})
        )
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3}
    stream = b"".join(event(part) for part in parts) + event({"text": ""}, finish=reason, usageMetadata=usage)
    body = stream_as_whole(parts, reason, usage)
    response, outcome = DIALECT.read_response(body), DIALECT.read_outcome(body)
    assert response is not None
    assert outcome is not None
    reader, passing = DIALECT.read_events(), DIALECT.read_stream(keep_usage=True)
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert fold([told for a, b in pairwise(at) for told in reader.feed(stream[a:b])]) == response
    assert b"".join(passing.feed(stream[a:b]) for a, b in pairwise(at)) == stream
    assert (passing.finish(), passing.usage, outcome.usage) == (None, response.usage, response.usage)
    assert outcome.finish == response.finish


def stream_as_whole(parts: list[Wire], reason: str, usage: Wire) -> bytes:
    """The same answer whole."""
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}
    return json.dumps(
        {"candidates": [candidate], "modelVersion": "gemini-3-pro", "responseId": "a1", "usageMetadata": usage},
        ensure_ascii=False,
    ).encode()


MANY = 16_000
CALLS = [{"functionCall": {"name": "f", "id": f"c{n}"}} for n in range(MANY)]
ANSWERS = [{"functionResponse": {"name": "f", "id": f"c{n}", "response": {"output": "r"}}} for n in reversed(range(MANY))]
NAMELESS = [{"functionCall": {"name": "f"}}] * MANY
IN_ORDER = [{"functionResponse": {"name": "f", "response": {"output": "r"}}}] * MANY
USER = {"role": "user", "parts": [{"text": "x"}]}


@pytest.mark.parametrize("body", [
    pytest.param({"contents": [{**USER, "x": 1}] * MANY}, id="each turn with a loss"), pytest.param({"contents": [USER], **{f"x{n}": 1 for n in range(4 * MANY)}}, id="unknown fields"),
    pytest.param({"contents": [USER, {"role": "model", "parts": CALLS}, {"role": "user", "parts": ANSWERS}]}, id="calls, answered from the end"),
    pytest.param({"contents": [USER, {"role": "model", "parts": NAMELESS}, {"role": "user", "parts": IN_ORDER}]}, id="calls without ids"),
])  # fmt: skip
def test_large_bodies_cross_in_time(body: Wire) -> None:
    """A body of many turns, calls or losses is read and written, here and for the others, within a small budget of CPU."""
    raw = json.dumps(body).encode()
    started = time.process_time()
    told = DIALECT.read_prompt(raw)
    assert isinstance(told, Reading), told
    for dialect in CLIENTS.values():
        assert isinstance(dialect.write_prompt(told.prompt, Target("m", max_output=100), stream=False), Written)
    assert time.process_time() - started < 4  # seconds: several times what is used, and less than what the square of it takes

"""Laws of the responses dialect across others: what is written is read back, but for what is told as lost and for what has one form.

The one form (docs/wire.md, Across dialects): leading instructions are one, joined by a blank line, as later ones are each; texts of
a turn stay apart, those without words go; results stand first in their turn; a failed one says so; thoughts stay with their maker,
and never without what they led to; cache marks stay where the model takes them; arguments of nothing are `{}`, and parameters of nothing an empty object.
"""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import groupby, pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from stormkeel.catalog.abilities import ABILITIES, load_abilities
from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.openai_responses.body import JSON_ONLY
from stormkeel.dialects.own import own_request
from stormkeel.dialects.seal import seal, unseal
from stormkeel.dialects.sse import Framer, data_of
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.responses.reading import read as read_strictly
from stormkeel.sandbox.responses.shelf import Shelf
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
from stormkeel.types.request import NO_OPTIONS, Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = OpenAIResponses()
HEAD = Head("req_7", 1700, "fast")
TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
MODELS = ("gpt-4o", "gpt-5", "gpt-5.4-mini", "gpt-6-sol", "o3")
TARGETS = [Target("m"), *(Target(model, TABLE.find("openai", model)) for model in MODELS)]
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

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
FILE = st.one_of(
    st.builds(File, st.sampled_from(["application/pdf", "text/plain"]), DATA, st.just(""), st.sampled_from(["", "a.b"]), LIVES),
    st.builds(File, url=st.just("https://x/y.pdf"), name=st.sampled_from(["", "y.pdf"]), cache=LIVES),
)
AUDIO = st.builds(Audio, st.sampled_from(["wav", "mp3"]), DATA)
HEARD = st.lists(st.one_of(TEXT, TEXT, IMAGE, FILE, AUDIO), max_size=3).map(tuple) | TEXTS
SHOWN = st.lists(st.one_of(TEXT, TEXT, IMAGE, FILE), max_size=3).map(tuple)
SIGNATURES = st.sampled_from(
    [
        "",
        "sig",
        "stormkeel|openai_responses|m|rs_1|gA|b=",
        "stormkeel|openai_responses||rs_2|x",
        "stormkeel|openai_responses|o3|rs_3|y",
    ]
)
THOUGHT = st.builds(Thinking, TEXTS, SIGNATURES, st.sampled_from(["", "", "x"]))
ANSWERED = st.lists(st.one_of(TEXT, THOUGHT, st.builds(Refusal, TEXTS)), max_size=3)
OBJECTS = st.dictionaries(
    WORDS, st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS, max_size=2
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Return turns whose calls are all answered, in any order and with anything around."""
    leading = [Message("system", draw(TEXTS | st.lists(TEXT, max_size=2).map(tuple))) for _ in range(draw(st.integers(0, 2)))]
    turns, count = [*leading, Message("user", draw(HEARD))], 0
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            turns.append(Message("system", draw(st.lists(TEXT, max_size=3).map(tuple) | TEXTS)))
        long = draw(st.sampled_from(["", "x" * 70]))
        ids = [f"c{count + place}{long}" for place in range(draw(st.integers(0, 3)))]
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
EFFORTS = st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"])


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """Return a prompt of any settings."""
    tools = draw(TOOLS)
    names = draw(st.lists(st.sampled_from([tool.name for tool in tools]), unique=True).map(tuple)) if tools else ()
    return Prompt(
        draw(conversations()), draw(st.none() | st.integers(1, 9999)), draw(st.none() | st.floats(0, 2)),
        draw(st.none() | st.floats(0, 1)), draw(st.none() | st.integers(1, 9)), draw(st.lists(WORDS, max_size=2).map(tuple)), tools,
        draw(st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]), st.just(names))),
        draw(st.none() | st.booleans()), draw(st.none() | FORMATS), draw(EFFORTS), draw(st.none() | st.integers(0, 9999)),
        draw(WORDS | st.just("")), draw(st.sampled_from(["", "auto", "default", "flex", "priority"])),
    )  # fmt: skip


def normal(prompt: Prompt, lost: tuple[str, ...], target: Target) -> Prompt:
    """Return the one form of a prompt for a model, without the fields that were lost."""
    choice, form = prompt.tool_choice, prompt.format
    if choice is not None and choice.mode == "none":
        choice = ToolChoice("none")
    if form is not None:
        form = Format() if form.schema is None else msgspec.structs.replace(form, name=form.name or "response")
    told = msgspec.structs.replace(
        prompt,
        messages=normal_turns(prompt.messages, target.model),
        max_tokens=None if prompt.max_tokens is None else max(16, prompt.max_tokens),
        top_k=None,
        stop=(),
        thinking_budget=None,
        tools=tuple(map(normal_tool, prompt.tools)),
        tool_choice=choice if prompt.tools else None,
        parallel_tools=prompt.parallel_tools if prompt.tools else None,
        format=form,
        tier="" if prompt.tier == "auto" else prompt.tier,
    )
    empty: dict[str, Any] = {"temperature": None, "top_p": None, "effort": ""}
    gone = {name: value for name, value in empty.items() if name in lost}
    if prompt.thinking_budget is not None or not target.abilities.efforts or prompt.effort == "none":
        gone["effort"] = ""
    for name in ("temperature", "top_p"):
        if getattr(prompt, name) == 1:
            gone[name] = None
    return msgspec.structs.replace(told, **gone)


def normal_tool(tool: Tool) -> Tool:
    """Return the one form of a tool."""
    if tool.custom:
        return Tool(tool.name, tool.description, custom=True)
    empty = {"type": "object", "properties": {}}
    return Tool(tool.name, tool.description, empty if tool.parameters is None else tool.parameters, bool(tool.strict))


def normal_turns(turns: tuple[Message, ...], model: str) -> tuple[Message, ...]:
    """Return the one form of turns: instructions joined, results first, empty words gone, an id never longer than 64."""
    start = next(place for place, turn in enumerate(turns) if turn.role != "system")
    instructions = "\n\n".join(filter(None, (joined_system(turn) for turn in turns[:start])))
    told = [Message("system", instructions)] if instructions else []
    thought: set[str] = set()
    for turn in turns[start:]:
        if turn.role == "system":
            told.append(Message("system", joined_system(turn)))
        elif turn.role == "user":
            told.append(Message("user", normal_heard(turn)))
        else:
            told += [Message("assistant", content) for content in normal_answer(turn, model, thought)]
    return tuple(told)


def joined_system(turn: Message) -> str:
    """Return the text of an instruction."""
    if isinstance(turn.content, str):
        return turn.content
    return "\n\n".join(part.text for part in turn.content if isinstance(part, Text) and part.text)


def normal_heard(turn: Message) -> Any:
    """Return what a user's turn says in its one form."""
    if isinstance(turn.content, str):
        return turn.content
    parts = [plain(part) for part in turn.content if not (isinstance(part, Text) and not part.text)]
    results = [part for part in parts if isinstance(part, ToolResult)]
    rest = [part for part in parts if not isinstance(part, ToolResult)]
    if not results and (not rest or (len(rest) == 1 and isinstance(rest[0], Text))):
        return rest[0].text if rest else ""
    return (*results, *rest)


def normal_answer(turn: Message, model: str, thought: set[str]) -> list[Any]:
    """Return what an assistant's turn says in its one form: nothing where nothing is left; a thought is said once."""
    if isinstance(turn.content, str):
        return [turn.content]
    parts = [part for part in map(plain, turn.content) if not (isinstance(part, Text | Refusal) and not part.text)]
    kept = []
    for part in parts:
        if isinstance(part, Thinking):
            found = unseal(part.signature, model)
            if found is None or found[0] in thought:
                continue
            thought.add(found[0])
            part = Thinking(part.text, seal("", *found))  # noqa: PLW2901 - what is left of it
        kept.append(part)
    while kept and isinstance(kept[-1], Thinking):
        last = unseal(kept.pop().signature, "")
        thought.discard(last[0] if last else "")
    return [tuple(kept)] if kept else []


def plain(part: Any) -> Any:
    """Return a part in its one form."""
    match part:
        case Text():
            return Text(part.text)
        case Image():
            return msgspec.structs.replace(part, cache="", detail=part.detail or "auto")
        case File(url="", media_type=media_type, name=name):
            return msgspec.structs.replace(part, cache="", name=name or ("file.pdf" if media_type.endswith("pdf") else "file"))
        case File():
            return msgspec.structs.replace(part, cache="")
        case ToolCall(arguments="", custom=False):
            return msgspec.structs.replace(part, id=short(part.id), arguments="{}")
        case ToolCall():
            return msgspec.structs.replace(part, id=short(part.id))
        case ToolResult():
            return ToolResult(short(part.call_id), normal_shown(part))
    return part


def short(id_: str) -> str:
    """Return a call's id as it is written, by the promise that it fits and stays its own."""
    if len(id_) <= 64:
        return id_
    written = DIALECT.write_prompt(
        Prompt((Message("user", "a"), Message("assistant", (ToolCall(id_, "f"),)))), Target("m"), stream=False
    )
    assert isinstance(written, Written)
    told: str = json.loads(written.body)["input"][1]["call_id"]
    assert len(told) <= 64
    return told


def normal_shown(result: ToolResult) -> tuple[Any, ...]:
    """Return what a result shows in its one form."""
    parts = list(result.content)
    if result.is_error and parts and isinstance(parts[0], Text):
        parts[0] = Text("Error: " + parts[0].text)
    elif result.is_error:
        parts.insert(0, Text("Error: "))
    return tuple(plain(part) for part in parts if not (isinstance(part, Text) and not part.text))


@given(prompts(), st.sampled_from(TARGETS), st.booleans())
@settings(max_examples=150)
def test_a_written_prompt_is_read_back(prompt: Prompt, target: Target, stream: bool) -> None:
    """A prompt that is written and read again is the same, but for what was told as lost and for the one form."""
    written = DIALECT.write_prompt(prompt, target, stream)
    assert isinstance(written, Written), written
    reading = DIALECT.read_prompt(written.body)
    assert isinstance(reading, Reading), reading
    assert reading.lost == ()
    lost = (*written.lost, *(["effort"] if prompt.thinking_budget is not None else []))
    expected, found = normal(prompt, lost, target), reading.prompt
    if "effort" in lost or expected.effort == "":
        found = msgspec.structs.replace(found, effort="")
    if found.temperature == 1 or found.top_p == 1:  # the default, which may be said or not
        kept = {name: None for name in ("temperature", "top_p") if getattr(found, name) == 1}
        found = msgspec.structs.replace(found, **kept)
    assert msgspec.structs.replace(found, messages=()) == msgspec.structs.replace(expected, messages=())
    assert flat(unmarked(without_word(found))) == flat(expected.messages)
    again = DIALECT.write_prompt(reading.prompt, target, stream)
    assert isinstance(again, Written)
    if "cache" not in written.lost or not target.abilities.cache_marks:  # a text that bore one too many is a text once more
        assert json.loads(again.body) == json.loads(written.body)


def without_word(prompt: Prompt) -> tuple[Message, ...]:
    """Return the turns without the word that JSON mode needs."""
    first = prompt.messages[0]
    if prompt.format != Format() or first.role != "system" or not first.text.startswith(JSON_ONLY):
        return prompt.messages
    rest = first.text.removeprefix(JSON_ONLY).removeprefix("\n\n")
    return (*((Message("system", rest),) if rest else ()), *prompt.messages[1:])


def unmarked(turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return turns without cache marks, which only some models are written; an instruction that bore one is several texts."""
    return tuple(map(_unmarked_turn, turns))


def _unmarked_turn(turn: Message) -> Message:
    if isinstance(turn.content, str):
        return turn
    if turn.role == "system":
        return Message("system", "\n\n".join(part.text for part in turn.content if isinstance(part, Text) and part.text))
    return Message(turn.role, tuple(map(_unmarked, turn.content)))


def _unmarked(part: Any) -> Any:
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, cache="", content=tuple(map(_unmarked, part.content)))
    return msgspec.structs.replace(part, cache="") if isinstance(part, Text | Image | File) else part


def flat(turns: tuple[Message, ...]) -> list[tuple[str, tuple[Any, ...]]]:
    """Return what is said by whom, whichever turns it is cut into: two turns of one role in a row are one conversation's worth."""
    told = []
    for role, run in groupby(turns, key=lambda turn: turn.role):
        parts: list[Any] = []
        for turn in run:
            parts += [Text(turn.content)] if isinstance(turn.content, str) else turn.content
        if role == "system":  # instructions that bear a mark are items of their own, others stand together
            parts = [Text("\n\n".join(part.text for part in parts if part.text))]
        told.append((role, tuple(part for part in parts if part != Text(""))))
    return told


@given(prompts(), st.sampled_from(TARGETS))
@settings(max_examples=100)
def test_what_is_written_keeps_the_rules_of_the_service(prompt: Prompt, target: Target) -> None:
    """Nothing is kept at the provider, no foreign or dangling reasoning is sent, ids fit, and nobody is told what it refuses."""
    written = DIALECT.write_prompt(prompt, target, stream=False)
    assert isinstance(written, Written)
    headers = (("content-type", "application/json"),)
    read_strictly(Inbound("POST", "/v1/responses", "", headers, written.body), Shelf(1), model_rules=True, ownership=False)
    body = json.loads(written.body)
    assert body["store"] is False
    assert body.keys().isdisjoint({"stop", "n", "seed", "top_k", "messages"})
    assert body["input"]
    items = [item.get("type", "message") for item in body["input"]]
    for item, kind, after in zip(body["input"], items, [*items[1:], "none"], strict=True):
        if kind == "reasoning":
            assert item["encrypted_content"]
            assert after in ("reasoning", "message", "function_call", "custom_tool_call")
        if "call_id" in item:
            assert 0 < len(item["call_id"]) <= 64
    asked = {item["call_id"]: item["type"] for item in body["input"] if str(item.get("type")).endswith("_call")}
    for item in body["input"]:
        if str(item.get("type")).endswith("_output"):
            assert item["type"] == f"{asked[item['call_id']]}_output"
    abilities = target.abilities
    effort = body.get("reasoning", {}).get("effort")
    assert effort is None or effort in abilities.efforts
    if abilities.sampling == "never" or (abilities.sampling == "quiet" and (effort or abilities.default_effort) != "none"):
        assert body.keys().isdisjoint({"temperature", "top_p"})
    if not abilities.efforts:
        assert "include" not in body


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "input", "tools", "output", "name", "x"]), inner,
                         max_size=4), max_leaves=12),
       st.sampled_from(["message", "reasoning", "function_call", "function_call_output", "custom_tool_call"]))  # fmt: skip
@settings(max_examples=150)
def test_reading_a_prompt_never_raises(told: object, kind: str) -> None:
    """Any JSON at all is read or refused with its reason."""
    item = {"type": kind, "role": "user", "content": told, "output": told, "summary": told, "arguments": told, "call_id": told}
    for body in (
        told,
        {"model": "m", "input": told},
        {"model": "m", "input": [item]},
        {"model": "m", "input": "a", "tools": told, "text": told, "reasoning": told, "tool_choice": told},
    ):
        read = DIALECT.read_prompt(json.dumps(body).encode())
        assert isinstance(read, Reading) or read.message


@given(prompts().filter(lambda prompt: prompt.max_tokens is None or prompt.max_tokens >= 16), st.booleans())
@settings(max_examples=50)
def test_own_bodies_need_no_peek(prompt: Prompt, stream: bool) -> None:
    """A prompt of the library is the very request that a peek at its body finds."""
    written = DIALECT.write_prompt(prompt, Target("m"), stream)
    assert isinstance(written, Written)
    own = own_request(DIALECT, written.body, (prompt, "m", stream), "r", NO_OPTIONS)
    assert isinstance(own, Request)
    peeked = DIALECT.read_request(written.body, "r")
    assert isinstance(peeked, Request)
    # a peek may take a text for more, and knows no reader
    assert msgspec.structs.replace(own, is_text=False, is_read=False) == msgspec.structs.replace(peeked, is_text=False)


# --- answers

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=5)
COUNT = st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
IDS = st.sampled_from(["msg_1", "resp_x", ""])
FINISHES = st.sampled_from(list(Finish))
ARGUMENTS = st.sampled_from(["", "{}", '{"a": {"b": "}"}}', '{"cut', "not json", '{"a":"\\""}'])
CALLS = st.builds(ToolCall, WORDS, WORDS, ARGUMENTS, st.booleans())
CONTENT = st.lists(
    st.one_of(
        st.builds(Text, ANY_TEXT), st.builds(Refusal, ANY_TEXT), CALLS,
        st.builds(Thinking, ANY_TEXT, st.sampled_from(["", "s", "stormkeel|openai_responses|m|rs_1|x"]), st.just("")),
        st.builds(Thinking, st.just(""), st.just(""), st.just("hidden")),
    )
)  # fmt: skip
RESPONSES = st.builds(
    Response, IDS, st.sampled_from(["claude", ""]), CONTENT.map(tuple), st.none() | FINISHES, st.none() | USAGES
)


def meaning(told: Response, is_read: bool = False) -> tuple:
    """Return what a response can say of an answer; what it carries for another maker is looked for in it once it was read back."""
    parts: list[Any] = []
    for kind, run in groupby(told.content, key=type):
        if kind in (Text, Refusal):
            text = joined("".join(part.text for part in run))
            parts += [kind(text)] if text else []
            continue
        for part in run:
            if isinstance(part, Thinking) and (part.text or part.signature or part.redacted):
                parts.append(("thought", joined(part.text), proof(part, is_read)))
            elif isinstance(part, ToolCall):
                parts.append(plain(part))
    parts = merged(parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    id_ = told.id if told.id.startswith("resp_") else "resp_7"
    usage = told.usage and msgspec.structs.replace(
        told.usage, input=told.usage.input + told.usage.audio_input, audio_input=0,
        output=told.usage.output + told.usage.audio_output, audio_output=0,
    )  # fmt: skip
    called = any(isinstance(part, ToolCall) for part in parts)
    return id_, told.model or "fast", parts, meant(told.finish, refused, called), usage


def merged(parts: list[Any]) -> list[Any]:
    """Return parts with neighbouring texts as one, as they become once empty ones between them are gone."""
    told: list[Any] = []
    for part in parts:
        if told and isinstance(part, Text | Refusal) and type(told[-1]) is type(part):
            told[-1] = type(part)(joined(told[-1].text + part.text))
        elif told and isinstance(part, tuple) and isinstance(told[-1], tuple) and told[-1][2] == "signature|":
            told[-1] = ("thought", joined(told[-1][1] + part[1]), part[2])  # nothing proves where the first one ended
        else:
            told.append(part)
    return told


def proof(thinking: Thinking, is_read: bool) -> str:
    """Return what proves a thought to its maker, looked for in what carried it."""
    if not is_read:
        return f"redacted|{thinking.redacted}" if thinking.redacted else f"signature|{thinking.signature}"
    found = unseal(thinking.signature, "")
    return found[1].removeprefix("stormkeel|") if found else "signature|"


def meant(finish: Finish | None, refused: bool, called: bool) -> Finish:
    """Return the end a response can say."""
    if finish in (Finish.LENGTH, Finish.CONTENT_FILTER):
        return finish
    if refused:
        return Finish.REFUSAL
    if finish is Finish.REFUSAL:
        return Finish.CONTENT_FILTER
    return Finish.TOOL_CALLS if called else Finish.STOP


def joined(text: str) -> str:
    """Return a text with the halves of its surrogate pairs joined, as a JSON parser does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def readable(value: bytes) -> bytes:
    """Return JSON without halves of surrogate pairs, which the SDK's strict parser can't take."""
    return json.dumps(json.loads(value)).encode("ascii").replace(b"\\ud", b"\\uc")


@given(RESPONSES)
@settings(max_examples=150)
def test_a_written_answer_is_read_back(response: Response) -> None:
    """An answer that is written and read again means the same, its totals are the same, and the SDK's own type takes it."""
    body = DIALECT.write_response(response, HEAD)
    SdkResponse.model_validate_json(readable(body), strict=True)
    again = DIALECT.read_response(body)
    assert again is not None
    assert meaning(again, is_read=True) == meaning(response)
    outcome = DIALECT.read_outcome(body)
    assert outcome is not None
    assert (outcome.id, outcome.model, outcome.usage, outcome.finish) == (again.id, again.model, again.usage, again.finish)
    if response.usage is not None:
        assert json.loads(body)["usage"]["total_tokens"] == response.usage.total


# --- streams

INDEXES = st.integers(0, 2)
STEPS = st.one_of(
    st.builds(TextDelta, ANY_TEXT), st.builds(ThinkingDelta, ANY_TEXT), st.builds(RefusalDelta, ANY_TEXT),
    st.builds(ThinkingSealed, st.sampled_from(["", "sig"])), st.builds(ThinkingSealed, st.just(""), st.just("hidden")),
    st.builds(ToolStarted, INDEXES, WORDS, WORDS, st.booleans()),
    st.builds(ToolDelta, INDEXES, st.sampled_from(["", '{"a":', "1}", '"\\', '"}', " "])), st.builds(UsageReported, USAGES),
)  # fmt: skip
CUTS = st.lists(st.integers(0, 9000), max_size=6)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Return the events of an answer in an odd order, its end and usage behind them; no two calls are one, and none goes on that is whole."""
    steps: list[Event] = []
    said: dict[int, str] = {}
    for place, step in enumerate(draw(st.lists(STEPS, max_size=12))):
        match step:
            case ToolStarted():
                index = len(said)
                said[index] = ""
                steps.append(msgspec.structs.replace(step, index=index, id=f"{step.id}{place}"))
            case ToolDelta(index=index, arguments=arguments) if index in said and not is_whole(said[index]):
                said[index] += arguments
                steps.append(step)
            case ToolDelta():
                pass
            case _:
                steps.append(step)
    start = [Started(draw(IDS), draw(st.sampled_from(["claude", ""])))] if draw(st.booleans()) else []
    return [*start, *steps, Finished(draw(FINISHES)), *draw(st.lists(st.builds(UsageReported, USAGES), max_size=1))]


def is_whole(text: str) -> bool:
    """Is a text a whole JSON object?"""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream."""
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(at)]


def written(events: list[Event]) -> bytes:
    """Write a stream, event by event."""
    writer = DIALECT.write_events(HEAD)
    return b"".join(writer.feed([event]) for event in events) + writer.finish()


def payloads(stream: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream, each with the name that its frame gives it."""
    told = []
    for frame in Framer().feed(stream):
        data = data_of(frame)
        assert data is not None
        event = json.loads(data)
        assert frame.startswith(f"event: {event['type']}\n".encode())
        told.append(event)
    return told


@given(streams(), CUTS)
@settings(max_examples=150)
def test_a_written_stream_is_read_back(events: list[Event], cuts: list[int]) -> None:
    """Events that are written and read again, however cut, fold to the same answer; so does the whole answer of the same meaning."""
    stream, reader = written(events), DIALECT.read_events()
    again = fold([event for piece in pieces(stream, cuts) for event in reader.feed(piece)])
    assert meaning(again, is_read=True) == meaning(fold(events))
    whole = DIALECT.read_response(json.dumps(payloads(stream)[-1]["response"]).encode())
    assert whole is not None
    assert meaning(whole, is_read=True) == meaning(again, is_read=True)
    passthrough = DIALECT.read_stream(keep_usage=True)
    assert b"".join(passthrough.feed(piece) for piece in pieces(stream, cuts)) == stream
    assert (passthrough.complete, passthrough.usage, passthrough.id) == (True, again.usage, again.id)


@given(streams())
@settings(max_examples=150)
def test_a_written_stream_keeps_the_rules_of_the_protocol(events: list[Event]) -> None:
    """Each event is of the SDK's type, numbered from 0; items begin in order, are said only while open, and end as they began."""
    told = payloads(written(events))
    for event in told:
        EVENTS.validate_json(readable(json.dumps(event).encode()), strict=True)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    ends = [event for event in told if event["type"] in ("response.completed", "response.incomplete", "response.failed")]
    assert ends == told[-1:]
    assert len({event["response"]["id"] for event in told if "response" in event}) == 1
    items = follow(told)
    assert told[-1]["response"]["output"] == items


def follow(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the steps of a stream up, as strictly as any client could; return the items they make."""
    added: dict[int, dict[str, Any]] = {}
    said: dict[tuple[int, str, int], str] = {}
    done: dict[int, dict[str, Any]] = {}
    for event in told:
        kind, index = event["type"].removeprefix("response."), event.get("output_index")
        if index is None:
            continue
        if kind == "output_item.added":
            assert index == len(added)
            added[index] = event["item"]
            assert event["item"].get("status", "in_progress") == "in_progress"
            continue
        assert index not in done
        if kind == "output_item.done":
            done[index] = event["item"]
            named = ("id", "type", "call_id", "name")
            assert [event["item"].get(name) for name in named] == [added[index].get(name) for name in named]
            continue
        assert event["item_id"] == added[index]["id"]
        where = index, kind.rpartition(".")[0], event.get("content_index", event.get("summary_index", 0))
        if kind.endswith(".delta"):
            said[where] = said.get(where, "") + event["delta"]
        elif kind.endswith((".text.done", "arguments.done", "input.done", "refusal.done", "summary_text.done")):
            assert joined(said.get(where, "")) == joined(
                next(event[name] for name in ("text", "arguments", "input", "refusal") if name in event)
            )
    assert done.keys() == added.keys()
    return [done[index] for index in sorted(done)]


@given(streams())
@settings(max_examples=50)
def test_every_split_of_the_bytes_reads_the_same(events: list[Event]) -> None:
    """A stream fed byte by byte passes, and reads, as the whole does (S-27)."""
    stream = written(events[:6] + events[-1:])
    whole, single, passing = DIALECT.read_events(), DIALECT.read_events(), DIALECT.read_stream(keep_usage=True)
    bytes_of = [stream[at : at + 1] for at in range(len(stream))]
    assert [event for one in bytes_of for event in single.feed(one)] == whole.feed(stream)
    assert b"".join(passing.feed(one) for one in bytes_of) == stream
    assert passing.complete


@given(streams(), st.integers(0, 9000))
@settings(max_examples=80)
def test_a_cut_stream_is_not_complete(events: list[Event], cut: int) -> None:
    """A stream that ends before its terminal event is no answer, wherever it was cut (S-28)."""
    stream = written(events)
    end = stream.rindex(b"event: ")
    reader = DIALECT.read_stream(keep_usage=True)
    passed = reader.feed(stream[: min(cut, end)])
    assert stream.startswith(passed)
    assert reader.finish() is not None
    assert not reader.complete
    assert reader.rest == b""


@given(st.lists(st.binary(max_size=40), max_size=8))
@settings(max_examples=100)
def test_readers_never_raise(noise: list[bytes]) -> None:
    """Any bytes at all end in an answer or a failure, and nothing is forwarded that did not come."""
    reader, events = DIALECT.read_stream(keep_usage=False), DIALECT.read_events()
    framed = b"".join(b"data: " + piece + b"\n\n" for piece in noise)
    assert framed.startswith(reader.feed(framed))
    events.feed(framed)
    assert (reader.finish() is None) == reader.complete
    DIALECT.read_response(b"".join(noise))
    DIALECT.read_outcome(b"".join(noise))

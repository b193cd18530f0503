"""A prompt, written as a chat body: accepted by a strict service for every generation of models, and every loss told."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from stormkeel.catalog.abilities import ABILITIES, ANY, Abilities, load_abilities
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.openai_chat.body import JSON_ONLY
from stormkeel.dialects.values import Target, Written
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.reading import read
from stormkeel.types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Effort, Format, Prompt, Tool, ToolChoice

MODELS = ("gpt-4o", "gpt-5", "gpt-5.4-mini", "gpt-6-sol", "o3", "gpt-5-pro")
TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
HI = Message("user", "Hi")
LOOK = Tool("look", parameters={"type": "object"})
SERVICE_HEADERS = (("content-type", "application/json"),)


def target(model: str) -> Target:
    """Return an OpenAI model with what is known of it."""
    return Target(model, TABLE.find("openai", model))


def written(prompt: Prompt, to: Target | str = "gpt-4o", stream: bool = False) -> Written:
    """Write a prompt and show it to the strict service."""
    to = target(to) if isinstance(to, str) else to
    told = OpenAIChat().write_prompt(prompt, to, stream)
    assert isinstance(told, Written), told
    read(Inbound("POST", "/v1/chat/completions", "", SERVICE_HEADERS, told.body), model_rules=True)
    return told


def messages(*turns: Message) -> list[dict]:
    """Return what turns are written as, without a loss."""
    told = written(Prompt(turns))
    assert told.lost == ()
    return json.loads(told.body)["messages"]


def refused(prompt: Prompt, to: Target | None = None) -> Failure:
    """Return why a prompt can't be written."""
    told = OpenAIChat().write_prompt(prompt, to or target("gpt-4o"), stream=False)
    assert isinstance(told, Failure)
    return told


def test_a_plain_prompt() -> None:
    """A prompt that sets nothing writes nothing but its turns; a stream reports its usage."""
    plain = written(Prompt((Message("system", "Be brief."), HI)))
    assert json.loads(plain.body) == {
        "model": "gpt-4o", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }  # fmt: skip
    stream = json.loads(written(Prompt((HI,)), stream=True).body)
    assert (stream["stream"], stream["stream_options"]) == (True, {"include_usage": True})
    unasked = written(Prompt((HI,)), Target("m", asks_usage=False), stream=True)  # Mistral refuses to be asked
    assert json.loads(unasked.body) == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


def test_every_setting() -> None:
    """Every field of a prompt that the model takes is written."""
    prompt = Prompt(
        (HI,), 7, 0.0, 0.5, None, ("x", "y"), (Tool("f", "d", {"type": "object"}, True), Tool("g", custom=True)), ToolChoice("auto"),
        False, Format({"type": "object"}, strict=True), "", None, "u", "flex", 3,
    )  # fmt: skip
    told = written(prompt)
    assert told.lost == ()
    assert json.loads(told.body) == {
        "model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 7, "temperature": 0.0,
        "top_p": 0.5, "stop": ["x", "y"], "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}},
            {"type": "custom", "custom": {"name": "g"}},
        ],
        "tool_choice": "auto", "parallel_tool_calls": False, "user": "u", "service_tier": "flex", "n": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}, "strict": True}},
    }  # fmt: skip


def test_the_limit_has_the_providers_name_and_bound() -> None:
    """The limit stands under the provider's name; one above what the model can say is brought down to it, and told."""
    older = Target("m", max_output=100, limit="max_tokens")
    assert json.loads(written(Prompt((HI,), 100), older).body)["max_tokens"] == 100
    told = written(Prompt((HI,), 101), older)
    assert (json.loads(told.body)["max_tokens"], told.lost) == (100, ("max_tokens",))


def test_texts_become_one_where_a_list_may_be_refused() -> None:
    """Texts of an instruction, an answer and a result are joined; a user's parts stay parts; empty ones go."""
    parts = (Text("a"), Text(""), Text("b"))
    call, result = ToolCall("c", "look"), ToolResult("c", parts)
    assert messages(Message("system", parts), Message("user", parts), Message("assistant", (*parts, call)), Message("user", (result,))) == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "ab", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "c", "content": "a\nb"},
    ]  # fmt: skip


def test_results_follow_their_calls() -> None:
    """Results come right behind the calls and in their order, from every user turn in the row, before anything the user says."""
    calls = (ToolCall("a", "look"), ToolCall("b", "run", "x", custom=True))
    first = Message("user", (Text("and"), ToolResult("b", (Text("no"),), is_error=True)))
    second = Message("user", (ToolResult("a"), Text("then")))
    assert messages(HI, Message("assistant", calls), first, second)[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "run", "input": "x"}},
        ]},
        {"role": "tool", "tool_call_id": "a", "content": ""}, {"role": "tool", "tool_call_id": "b", "content": "Error: no"},
        {"role": "user", "content": "and"}, {"role": "user", "content": "then"},
    ]  # fmt: skip


def test_what_a_result_shows_follows_it() -> None:
    """Images and files of a result stand in the user turn behind it, under the name of their call (trap: images dropped)."""
    result = ToolResult("a", (Text("see"), Image("image/png", "AAAA"), File("application/pdf", "BBBB", name="x.pdf")))
    calls = Message("assistant", (ToolCall("a", "look"),))
    shown = [
        {"type": "text", "text": 'From the result of tool call "a" ("look"):'},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
    ]
    tool = {"role": "tool", "tool_call_id": "a", "content": "see"}
    assert messages(HI, calls, Message("user", (result,)))[2:] == [tool, {"role": "user", "content": shown}]
    said = messages(HI, calls, Message("user", (result, Text("so?"))))[2:]
    assert said == [tool, {"role": "user", "content": [*shown, {"type": "text", "text": "so?"}]}]


def test_parts() -> None:
    """Each part of a user and of an assistant has its form; a dict passes as it is."""
    own = {"type": "text", "text": "own"}
    told = (Image(url="https://x", detail="low"), Audio("mp3", "AAAA"), File("text/plain", "BBBB"), own)
    assert messages(Message("user", told), Message("assistant", (Refusal("No."), Text("Yes."))), HI)[:2] == [
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"type": "file", "file": {"filename": "file", "file_data": "data:text/plain;base64,BBBB"}}, own,
        ]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}, {"type": "text", "text": "Yes."}]},
    ]  # fmt: skip


def test_what_can_not_be_said() -> None:
    """A file's address, a part where it can't stand, and an answer of nothing are refused."""
    assert refused(Prompt((HI,), 0)).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt((Message("user", (File("application/pdf", url="https://x"),)),))).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt((Message("system", (Image(url="https://x"),)),))).kind is FailureKind.UNSUPPORTED
    assert refused(Prompt((Message("user", (ToolCall("a", "b"),)),))).kind is FailureKind.CALLER


def test_losses_of_turns() -> None:
    """Thoughts, cache marks and a beginning of the answer are told as lost; a turn of nothing but thoughts goes."""
    told = written(
        Prompt(
            (
                Message("user", (Text("a", "short"),)), Message("assistant", (Thinking("hm", "sig"),)), HI,
                Message("assistant", (Thinking(redacted="x"), Text("So"))),
            ),
            top_k=3, tools=(Tool("f", cache="long"),),
        )
    )  # fmt: skip
    assert set(told.lost) == {"cache", "thinking", "prefill", "top_k"}
    assert [message["content"] for message in json.loads(told.body)["messages"]] == ["a", "Hi", "So"]


def test_a_turn_of_mere_thought_is_as_if_it_were_not_there() -> None:
    """What stands around a turn that is left out is said in a row: a picture still tells of which call it is, and nothing is empty."""
    called = Message("assistant", (ToolCall("c1", "look", "{}"),))
    picture = ToolResult("c1", (Image("image/png", "AAAA"),))
    told = written(
        Prompt(
            (
                HI,
                called,
                Message("assistant", (Thinking("hm", "sig"), Text(""))),
                Message("user", (picture,)),
                Message("user", ""),
            )
        )
    )
    assert told.lost == ("thinking",)
    assert [turn["role"] for turn in json.loads(told.body)["messages"]] == ["user", "assistant", "tool", "user"]
    assert '"c1\\" (\\"look\\")' in told.body.decode()
    told = written(
        Prompt((HI, called, Message("user", (ToolResult("c1"),)), Message("assistant", (Thinking("hm"),)), Message("user", "")))
    )
    assert [turn["role"] for turn in json.loads(told.body)["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice("none"), "none"), (ToolChoice("none", ("f",)), "none"), (ToolChoice("required"), "required"),
        (ToolChoice("required", ("f",)), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice("required", ("g",)), {"type": "custom", "custom": {"name": "g"}}),
        (
            ToolChoice("auto", ("f", "g")),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
                {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}},
            ]}},
        ),
    ],
)  # fmt: skip
def test_tool_choice(choice: ToolChoice, told: object) -> None:
    """Each choice has its form; without tools there is nothing to choose from, which a service would refuse."""
    prompt = Prompt((HI,), tools=(Tool("f"), Tool("g", custom=True)), tool_choice=choice, parallel_tools=True)
    assert json.loads(written(prompt).body)["tool_choice"] == told
    bare = json.loads(written(Prompt((HI,), tool_choice=choice, parallel_tools=True)).body)
    assert bare.keys() == {"model", "messages"}


EFFORTS: list[tuple[str, Effort, Effort, bool]] = [
    ("gpt-4o", "none", "", False), ("gpt-4o", "high", "", True), ("gpt-4o", "", "", False),
    ("gpt-5", "none", "minimal", True), ("gpt-5", "minimal", "minimal", False), ("gpt-5", "max", "high", True),
    ("gpt-5.4-mini", "minimal", "low", True), ("gpt-5.4-mini", "max", "xhigh", True), ("gpt-6-sol", "max", "max", False),
    ("o3", "xhigh", "high", True), ("gpt-5-pro", "low", "high", True), ("unheard-of", "minimal", "minimal", False),
]  # fmt: skip


@pytest.mark.parametrize(("model", "asked", "said", "lost"), EFFORTS)
def test_efforts(model: str, asked: Effort, said: Effort, lost: bool) -> None:
    """A model is told the nearest effort it knows, and a changed one is told as lost; none at all is no loss where none is made."""
    told = written(Prompt((HI,), effort=asked), model)
    assert (json.loads(told.body).get("reasoning_effort", ""), told.lost) == (said, ("effort",) if lost else ())


@pytest.mark.parametrize(
    ("budget", "most", "said"),
    [(0, 9000, "none"), (2999, 9000, "low"), (3000, 9000, "medium"), (6000, 9000, "high"), (20_000, None, "medium")],
)
def test_a_budget_becomes_an_effort_by_thirds(budget: int, most: int | None, said: str) -> None:
    """A number of tokens to think becomes a word by its third of the output; a word beside it counts more."""
    told = written(Prompt((HI,), most, thinking_budget=budget), "gpt-6-sol")
    assert json.loads(told.body)["reasoning_effort"] == said
    assert told.lost == (("thinking_budget",) if budget else ())
    both = written(Prompt((HI,), most, effort="xhigh", thinking_budget=budget), "gpt-6-sol")
    assert (json.loads(both.body)["reasoning_effort"], both.lost) == ("xhigh", ("thinking_budget",))


def test_a_budget_without_an_effort() -> None:
    """Where no effort is taken a budget is lost; one of nothing is lost only where a model can't be quiet."""
    assert written(Prompt((HI,), thinking_budget=5), "gpt-4o").lost == ("thinking_budget",)
    assert written(Prompt((HI,), thinking_budget=0), "gpt-4o").lost == ()
    assert written(Prompt((HI,), thinking_budget=0), "gpt-5").lost == ("thinking_budget",)


@pytest.mark.parametrize(
    ("model", "asked", "said", "lost"),
    [
        ("gpt-4o", "", None, ()), ("gpt-5", "high", "high", ()), ("gpt-5.4-mini", "", None, ()), ("gpt-5.4-mini", "none", "none", ()),
        ("gpt-5.4-mini", "high", "none", ("effort",)), ("gpt-6-sol", "", "none", ("effort",)), ("gpt-6-sol", "none", "none", ()),
        ("gpt-6-sol", "max", "none", ("effort",)),
    ],
)  # fmt: skip
def test_functions_silence_models_that_refuse_both(model: str, asked: Effort, said: str | None, lost: tuple[str, ...]) -> None:
    """A model that takes no functions while it reasons is told not to, and the loss is told."""
    told = written(Prompt((HI,), tools=(LOOK,), effort=asked), model)
    assert (json.loads(told.body).get("reasoning_effort"), told.lost) == (said, lost)
    custom = written(Prompt((HI,), tools=(Tool("run", custom=True),), effort="low"), model)
    assert json.loads(custom.body).get("reasoning_effort") in (None, "low")


def test_functions_that_can_not_be_had() -> None:
    """Where a model can't be silenced and takes no functions while it reasons, the prompt is unsupported."""
    stubborn = Abilities(tools_with_reasoning=False, silent=False, efforts=("low",), default_effort="low")
    assert refused(Prompt((HI,), tools=(LOOK,)), Target("m", stubborn)).kind is FailureKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-4o", "", True), ("gpt-5", "", False), ("gpt-5.4-mini", "", True), ("gpt-5.4-mini", "low", False),
        ("gpt-6-sol", "", False), ("gpt-6-sol", "none", True),
    ],
)  # fmt: skip
def test_sampling(model: str, effort: Effort, kept: bool) -> None:
    """Sampling goes to models that take it, while they do not reason; elsewhere it is lost, but for the defaults."""
    told = written(Prompt((HI,), temperature=0.3, top_p=0.4, effort=effort), model)
    body = json.loads(told.body)
    assert (body.get("temperature"), body.get("top_p")) == ((0.3, 0.4) if kept else (None, None))
    assert told.lost == (() if kept else ("temperature", "top_p"))
    assert written(Prompt((HI,), temperature=1.0, top_p=1, effort=effort), model).lost == ()


def test_json_mode_needs_the_word() -> None:
    """JSON mode without the word "json" in any message is refused, so it is said; where it stands already nothing is added."""
    asked = json.loads(written(Prompt((HI,), format=Format())).body)
    assert asked["messages"][0] == {"role": "system", "content": JSON_ONLY}
    assert asked["messages"][1:] == [{"role": "user", "content": "Hi"}]
    said = json.loads(written(Prompt((Message("user", "As Json, please"),), format=Format())).body)
    assert said["messages"] == [{"role": "user", "content": "As Json, please"}]
    assert len(json.loads(written(Prompt((HI,), format=Format({"type": "object"}))).body)["messages"]) == 1


def test_stops() -> None:
    """Stop texts are lost where the model takes none, and beyond the fourth."""
    none = written(Prompt((HI,), stop=("a",)), "o3")
    assert ("stop" in json.loads(none.body), none.lost) == (False, ("stop",))
    many = written(Prompt((HI,), stop=tuple("abcde")))
    assert (json.loads(many.body)["stop"], many.lost) == (list("abcd"), ("stop",))


@pytest.mark.parametrize("model", MODELS)
def test_a_full_prompt_is_accepted_by_every_generation(model: str) -> None:
    """A prompt that asks for everything is written so that each model's service takes it."""
    prompt = Prompt(
        (
            Message("system", (Text("a"), Text("b", "short"))), Message("user", (Text("x"), Image("image/png", "AAAA"))),
            Message("assistant", (Thinking("hm", "s"), Text("y"), ToolCall("functions.f:0" * 8, "look", '{"a":1}'))),
            Message("user", (ToolResult("functions.f:0" * 8, (Image(url="https://x"),), True), Text("z"))), Message("system", "late"),
        ),
        10**6, 0.1, 0.2, 3, ("a", "b", "c", "d", "e"), (LOOK, Tool("run", custom=True)), ToolChoice("required", ("look",)), True,
        Format(), "max", 1000, "u", "priority", 2,
    )  # fmt: skip
    for stream in (False, True):
        told = written(prompt, target(model), stream)
        assert {"thinking", "top_k", "stop"} <= set(told.lost)
        assert ("cache" in told.lost) is not (b"prompt_cache_breakpoint" in told.body)


def test_half_a_surrogate_pair_is_written() -> None:
    """Text that UTF-8 can't hold is escaped, not refused."""
    told = OpenAIChat().write_prompt(Prompt((Message("user", "a\ud83d"),)), Target("m", ANY), stream=False)
    assert isinstance(told, Written)
    assert json.loads(told.body)["messages"][0]["content"] == "a\ud83d"

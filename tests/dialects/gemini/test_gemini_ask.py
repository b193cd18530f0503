"""Prompts, written as Gemini bodies: what each model is told, what is lost, what is given up."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from stormkeel.catalog.abilities import ANY, load_abilities
from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.signatures import SKIP, sealed
from stormkeel.dialects.values import Target, Written
from stormkeel.types.content import Audio, File, Image, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

DIALECT = Gemini()
TABLE = load_abilities(files("stormkeel.catalog").joinpath("abilities.json").read_bytes())
Wire = dict[str, Any]
HI = Message("user", "Hi")


def target(model: str = "gemini-3-flash-preview", max_output: int | None = None) -> Target:
    """A model of Google's."""
    return Target(model, TABLE.find("google", model), max_output)


def write(prompt: Prompt, to: Target | None = None, dialect: Gemini = DIALECT) -> tuple[Wire, tuple[str, ...]]:
    """Return a written body and what it lost."""
    written = dialect.write_prompt(prompt, to or target(), stream=False)
    assert isinstance(written, Written), written
    return json.loads(written.body), written.lost


def contents(*messages: Message, to: Target | None = None) -> list[Wire]:
    """Return the contents of a conversation."""
    told: list[Wire] = write(Prompt(messages), to)[0]["contents"]
    return told


def config(to: Target | None = None, **fields: Any) -> tuple[Wire, tuple[str, ...]]:
    """Return the generationConfig of a prompt and what it lost."""
    body, lost = write(Prompt((HI,), **fields), to)
    return body.get("generationConfig", {}), lost


def refused(prompt: Prompt, to: Target | None = None) -> Failure:
    """Return why a prompt can't be written."""
    told = DIALECT.write_prompt(prompt, to or target(), stream=False)
    assert isinstance(told, Failure), told
    return told


def test_the_instruction_stands_apart_and_later_ones_in_the_users_words() -> None:
    """Leading system turns are the instruction; later ones are the user's text, marked, and told as lost (trap 37)."""
    body, lost = write(
        Prompt((Message("system", "A"), Message("system", "B"), HI, Message("assistant", "x"), Message("system", "C"), HI))
    )
    assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "x"}]},
        {"role": "user", "parts": [{"text": "<system>\nC\n</system>"}, {"text": "Hi"}]},
    ]  # fmt: skip
    assert lost == ("system",)


def test_a_conversation_begins_with_the_user() -> None:
    """Where the model speaks first, or nobody does, a user says as little as possible, and that is told."""
    for messages in ((Message("assistant", "x"),), (), (Message("system", "A"),), (Message("user", ""),)):
        body, lost = write(Prompt(messages))
        assert body["contents"][0] == {"role": "user", "parts": [{"text": "."}]}
        assert lost == ("messages",)


@pytest.mark.parametrize(
    ("part", "expected", "lost"),
    [
        (Image("image/jpg", "aGk="), {"inlineData": {"mimeType": "image/jpeg", "data": "aGk="}}, ()),
        (Image("image/png", "aGk=", detail="high"), {"inlineData": {"mimeType": "image/png", "data": "aGk="}}, ("detail",)),
        (File("application/pdf", "aGk=", name="a.pdf"), {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}, ("name",)),
        (Audio("mp3", "aGk="), {"inlineData": {"mimeType": "audio/mp3", "data": "aGk="}}, ()),
        (Audio("flac", "aGk="), {"inlineData": {"mimeType": "audio/flac", "data": "aGk="}}, ()),
        (Text("a", "short"), {"text": "a"}, ("cache",)),
    ],
)  # fmt: skip
def test_a_users_parts_are_written(part: Part, expected: Wire, lost: tuple[str, ...]) -> None:
    """Pictures, documents and sound go inline (trap 38)."""
    body, told = write(Prompt((Message("user", (part,)),)))
    assert (body["contents"][0]["parts"], told) == ([expected], lost)


@pytest.mark.parametrize(
    "part", [Image(url="https://x.test/a.png"), File(url="https://x.test/a.pdf"), File("text/plain", url="https://x.test/a")]
)
def test_an_address_is_given_up_unless_it_is_fetched(part: Image | File) -> None:
    """`fileData` needs a file at Google, so an address is refused and says so; a provider that fetches them is told it."""
    failure = refused(Prompt((Message("user", (part,)),)))
    assert (failure.kind, "Files API" in failure.message) == (FailureKind.UNSUPPORTED, True)
    body, _ = write(Prompt((Message("user", (part,)),)), dialect=Gemini(fetches=True))
    told = body["contents"][0]["parts"][0]["fileData"]
    assert told["fileUri"] == part.url
    assert told["mimeType"] in ("image/png", "application/pdf", "text/plain")


def call(id_: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    """A call."""
    return ToolCall(id_, name, arguments)


def test_results_stand_right_behind_their_calls_by_name() -> None:
    """Results come first, in a content of their own, in the order of the calls, named by them; what else was said follows (trap 36)."""
    told = contents(
        HI, Message("assistant", (call("a"), call("b", "g"))),
        Message("user", (Text("and"), ToolResult("b", (Text("two"),)), ToolResult("a", (Text("no"),), is_error=True))), HI,
        to=target("gemini-2.5-flash"),
    )  # fmt: skip
    assert told[1:] == [
        {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "f", "args": {}}}, {"functionCall": {"id": "b", "name": "g", "args": {}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "a", "name": "f", "response": {"error": "no"}}}, {"functionResponse": {"id": "b", "name": "g", "response": {"output": "two"}}},
        ]},
        {"role": "user", "parts": [{"text": "and"}, {"text": "Hi"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("ok", {"output": "ok"}), ("", {"output": ""}), ('{"a":1}', {"a": 1}), ("[1]", {"output": "[1]"}), ("{}", {"output": "{}"}),
        ('{"output":1}', {"output": '{"output":1}'}), ('{"error":1}', {"output": '{"error":1}'}), ("{nonsense", {"output": "{nonsense"}),
    ],
)  # fmt: skip
def test_a_results_text_is_an_object(text: str, response: Wire) -> None:
    """An object stays one; anything else, and what could be taken for our own form, is text under a name."""
    told = contents(HI, Message("assistant", (call("a"),)), Message("user", (ToolResult("a", (Text(text),)),)))
    assert told[2]["parts"][0]["functionResponse"]["response"] == response


def test_a_results_pictures_go_with_it() -> None:
    """From Gemini 3 on a result holds its pictures; before, they follow it, and a text says whose they are (trap 38)."""
    turns = (
        HI,
        Message("assistant", (call("a"),)),
        Message("user", (ToolResult("a", (Text("see"), Image("image/png", "aGk="))),)),
    )
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    assert contents(*turns)[2]["parts"] == [
        {"functionResponse": {"id": "a", "name": "f", "response": {"output": "see"}, "parts": [blob]}}
    ]
    older = contents(*turns, to=target("gemini-2.5-pro"))
    assert older[2]["parts"] == [{"functionResponse": {"id": "a", "name": "f", "response": {"output": "see"}}}]
    assert older[3]["parts"] == [{"text": 'From the result of tool call "a" ("f"):'}, blob]


SEALED = sealed("c2ln", "gemini-3-flash-preview")


def test_a_call_carries_its_signature_or_says_that_it_has_none() -> None:
    """The model's own signature stands on its call, another's on none; Gemini 3 is told that the first of a turn has none (trap 32)."""

    def parts(*said: Part, model: str = "gemini-3-flash-preview") -> list[Wire]:
        """The parts of a model's turn."""
        told: list[Wire] = contents(HI, Message("assistant", said), to=target(model))[1]["parts"]
        return told

    def signatures(told: list[Wire]) -> list[str | None]:
        """The signatures in it."""
        return [part.get("thoughtSignature") for part in told]

    assert signatures(parts(Thinking("Hm", SEALED), call("a"), call("b"))) == [None, "c2ln", None]
    assert signatures(parts(Thinking("", SEALED), call("a"), model="gemini-3-flash")) == ["c2ln"]
    assert signatures(parts(Thinking("", SEALED), call("a"), model="models/gemini-3-flash-preview")) == ["c2ln"]
    for other in ("gemini-3-pro-preview", "gemini-3-flash-preview-lite", "gemini-4-argon"):
        assert signatures(parts(Thinking("Hm", SEALED), call("a"), call("b"), model=other)) == [SKIP, None]
    assert signatures(parts(Thinking("Hm", SEALED), call("a"), model="gemini-2.5-flash")) == [None]
    assert signatures(parts(Thinking("Hm", "anthropic's"), Thinking(redacted="x"), call("a"))) == [SKIP]
    assert signatures(parts(Text("so"), Thinking("", SEALED))) == ["c2ln"]
    assert parts(call("a"), Thinking("", SEALED))[1] == {"text": "", "thoughtSignature": "c2ln"}
    assert signatures(parts(Text("so"), call("a"))) == [None, SKIP]


def test_foreign_thoughts_are_lost() -> None:
    """What another model thought is not said, and told as lost; a turn of nothing else is left out (trap 33)."""
    body, lost = write(Prompt((HI, Message("assistant", (Thinking("Hm", "sig"),)), HI)))
    assert [content["role"] for content in body["contents"]] == ["user", "user"]
    assert lost == ("thinking",)
    assert "sig" not in json.dumps(body)


def test_arguments_that_are_no_object_are_wrapped() -> None:
    """Free text and broken JSON go as text in an object, and that is told."""
    body, lost = write(
        Prompt(
            (
                HI,
                Message(
                    "assistant", (ToolCall("a", "f", "free", custom=True), call("b", arguments="[1]"), call("c", arguments=" "))
                ),
            )
        )
    )
    assert [part["functionCall"]["args"] for part in body["contents"][1]["parts"]] == [{"input": "free"}, {"input": "[1]"}, {}]
    assert lost == ("custom", "arguments")


TOOLS = (Tool("f", "F", {"type": "object", "additionalProperties": False}), Tool("g"))


@pytest.mark.parametrize(
    ("choice", "calling", "names"),
    [
        (None, None, ["f", "g"]), (ToolChoice("auto"), {"mode": "AUTO"}, ["f", "g"]), (ToolChoice("none"), {"mode": "NONE"}, ["f", "g"]),
        (ToolChoice("required"), {"mode": "ANY"}, ["f", "g"]), (ToolChoice("required", ("g",)), {"mode": "ANY", "allowedFunctionNames": ["g"]}, ["f", "g"]),
        (ToolChoice("auto", ("g",)), {"mode": "AUTO"}, ["g"]),
    ],
)  # fmt: skip
def test_tools_are_declared(choice: ToolChoice | None, calling: Wire | None, names: list[str]) -> None:
    """Functions take JSON Schema as it is (trap 42); which may be called is a mode and names."""
    body, lost = write(Prompt((HI,), tools=TOOLS, tool_choice=choice))
    declared = body["tools"][0]["functionDeclarations"]
    assert ([tool["name"] for tool in declared], body.get("toolConfig", {}).get("functionCallingConfig"), lost) == (
        names,
        calling,
        (),
    )
    if "f" in names:
        assert declared[0] == {
            "name": "f",
            "description": "F",
            "parametersJsonSchema": {"type": "object", "additionalProperties": False},
        }
    assert declared[-1] == {"name": "g"}


def test_what_tools_can_not_be_told_is_lost() -> None:
    """Cache marks, one call at a time and free text are lost; strictness is a mode; without tools a choice means nothing."""
    body, lost = write(Prompt((HI,), tools=(Tool("f", cache="short", strict=True), Tool("g", custom=True)), parallel_tools=False))
    assert lost == ("parallel_tools", "cache", "custom")
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert body["tools"][0]["functionDeclarations"][1]["parametersJsonSchema"]["required"] == ["input"]
    assert write(Prompt((HI,), tool_choice=ToolChoice("required"))) == (
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        ("tool_choice",),
    )
    assert write(Prompt((HI,), tool_choice=ToolChoice("none")))[1] == ()


def test_settings_are_written() -> None:
    """Each setting by this dialect's name; a sixth stop text, a larger limit, a user's id and a tier it has no word for."""
    told, lost = config(
        target(max_output=50),
        max_tokens=99,
        temperature=2.0,
        top_p=0.5,
        top_k=3,
        stop=("a", "", *"bcdef"),
        format=Format({"type": "object"}, "n"),
    )
    assert told == {
        "maxOutputTokens": 50, "temperature": 2.0, "topP": 0.5, "topK": 3, "stopSequences": ["a", "b", "c", "d", "e"],
        "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
    }  # fmt: skip
    assert lost == ("max_tokens", "stop")
    assert config(format=Format()) == ({"responseMimeType": "application/json"}, ())
    assert write(Prompt((HI,), user="u", tier="default")) == (
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "serviceTier": "standard"},
        ("user",),
    )
    assert config(target("gemini-4-argon"), temperature=0.5, top_p=1, top_k=3) == ({}, ("temperature", "top_k"))


LEVEL, SHOWN = "thinkingLevel", {"includeThoughts": True}


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "lost"),
    [
        ("gemini-3-flash-preview", {"effort": "minimal"}, {LEVEL: "MINIMAL"} | SHOWN, ()), ("gemini-3-flash-preview", {"effort": "xhigh"}, {LEVEL: "HIGH"} | SHOWN, ("effort",)),
        ("gemini-3-pro-preview", {"effort": "medium"}, {LEVEL: "LOW"} | SHOWN, ("effort",)), ("gemini-4-argon", {"effort": "none"}, {LEVEL: "LOW"}, ("effort",)),
        ("gemini-3-flash-preview", {"effort": "none"}, {LEVEL: "MINIMAL"}, ("effort",)), ("gemini-3.8-flash", {"thinking_budget": 9000}, {LEVEL: "MEDIUM"} | SHOWN, ("thinking_budget",)),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}, ()), ("gemini-2.5-flash", {"thinking_budget": 0}, {"thinkingBudget": 0}, ()),
        ("gemini-2.5-pro", {"effort": "none"}, {"thinkingBudget": 128}, ("effort",)), ("gemini-2.5-flash", {"effort": "medium"}, {"thinkingBudget": 8192} | SHOWN, ()),
        ("gemini-2.5-flash", {"effort": "high", "max_tokens": 4000}, {"thinkingBudget": 2000} | SHOWN, ()), ("gemini-2.5-pro", {"thinking_budget": 9999}, {"thinkingBudget": 9999} | SHOWN, ()),
        ("gemini-2.5-flash", {"thinking_budget": 99999}, {"thinkingBudget": 24576} | SHOWN, ("thinking_budget",)), ("gemini-2.0-flash", {"effort": "high"}, {}, ("effort",)),
        ("gemini-2.0-flash", {"effort": "none"}, {}, ()), ("gemini-3-flash-preview", {}, {}, ()),
    ],
)  # fmt: skip
def test_reasoning_by_the_models_family(model: str, asked: Wire, thinking: Wire, lost: tuple[str, ...]) -> None:
    """A level from Gemini 3 on, a budget before, nothing where a model does not think (trap 45)."""
    told, names = config(target(model), **asked)
    assert (told.get("thinkingConfig", {}), names) == (thinking, lost)


def test_an_unknown_model_is_told_what_the_dialect_allows() -> None:
    """Of a model nothing is known of, everything the dialect has a word for is asked."""
    told, lost = config(Target("gemini-9", ANY), effort="max", temperature=0.1)
    assert told == {"temperature": 0.1, "thinkingConfig": {LEVEL: "XHIGH", "includeThoughts": True}}
    assert lost == ("effort",)


@pytest.mark.parametrize(
    ("prompt", "model", "kind", "words"),
    [
        (Prompt((HI,), choices=2), "gemini-3-flash", FailureKind.UNSUPPORTED, "one choice"), (Prompt((HI,), max_tokens=0), "gemini-3-flash", FailureKind.UNSUPPORTED, "1 output token"),
        (Prompt((Message("user", (Image("image/gif", "aGk="),)),)), "gemini-3-flash", FailureKind.UNSUPPORTED, "image/gif"),
        (Prompt((HI,), tools=TOOLS, format=Format()), "gemini-2.5-flash", FailureKind.UNSUPPORTED, "`format`"),
        (Prompt((HI,), tools=(Tool("9f"),)), "gemini-3-flash", FailureKind.UNSUPPORTED, '"9f"'),
        (Prompt((Message("user", (ToolResult("x"),)),)), "gemini-3-flash", FailureKind.CALLER, '"x"'),
        (Prompt((Message("assistant", (Image("image/png", "aGk="),)),)), "gemini-3-flash", FailureKind.UNSUPPORTED, "Image"),
        (Prompt((Message("user", (call("a"),)),)), "gemini-3-flash", FailureKind.UNSUPPORTED, "ToolCall"),
        (Prompt((Message("user", (Refusal("a"),)),)), "gemini-3-flash", FailureKind.UNSUPPORTED, "Refusal"),
        (Prompt((Message("system", (Image("image/png", "aGk="),)),)), "gemini-3-flash", FailureKind.UNSUPPORTED, "Image"),
    ],
)  # fmt: skip
def test_what_can_not_be_said_is_given_up(prompt: Prompt, model: str, kind: FailureKind, words: str) -> None:
    """Where leaving it out would change what is meant, the whole is given up, with a mend."""
    failure = refused(prompt, target(model))
    assert (failure.kind, words in failure.message) == (kind, True), failure.message


def test_a_part_in_this_dialects_own_words_passes() -> None:
    """A part given as a dict is one already."""
    part = {"fileData": {"fileUri": "gs://bucket/a"}}
    assert contents(Message("user", (part,)))[0]["parts"] == [part]

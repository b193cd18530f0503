"""Across dialects: each official SDK, unmodified, against a provider of the other's dialect; the finished objects are what was scripted.

The sandbox is as strict as the provider it stands for and knows none of our codecs: it refuses what the real one would.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_stage import CHAT, MESSAGES, QUICK, Stage, ask, asking, heard, play, staged

TEXT = "The sea is calm today, and so are we."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE = {"input": 11, "cached": 5, "cache_write": 4, "output": 9, "reasoning": 2}
CALLS = [{"name": "look", "arguments": {"where": "bow", "n": 2}}, {"name": "sound", "arguments": {}}]
SCHEMA = {"type": "object", "properties": {"where": {"type": "string"}, "n": {"type": "integer"}}}
CLAUDE, GPT = "claude-sonnet-4-6", "gpt-4.1"
NEWER = {CHAT: "claude-sonnet-5", MESSAGES: "gpt-5.4-mini"}
"""Models with rules of their own, by the dialect of the client that asks for them."""

PATIENT = "[policies.clocks]\nfirst_content = 9\nanswer = 9\n"
"""So that a busy machine is no failing provider."""

each_way = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def wished(**wishes: Any) -> str:
    """What a user says to have the sandbox answer so."""
    return "Hello\nsandbox: " + json.dumps(wishes)


class Said:
    """A finished answer of either SDK, in the words both share."""

    def __init__(self, text: str, calls: list[tuple[str, Any]], finish: str, usage: tuple[int, ...], model: str) -> None:
        self.text, self.calls, self.finish, self.usage, self.model = text, calls, finish, usage, model


async def by_openai(stage: Stage, streamed: bool, **asked: Any) -> Said:
    """Ask a Claude model by OpenAI's SDK; usage is (prompt, cached, written, completion)."""
    async with openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", max_retries=0) as client:
        asked.setdefault("model", CLAUDE)
        if streamed:
            try:
                async with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
                    done: Any = await stream.get_final_completion()
            except openai.LengthFinishReasonError as cut:  # how the helper tells of an answer that its limit cut
                done = cut.completion
        else:
            done = await client.chat.completions.create(**asked)
    message, usage = done.choices[0].message, done.usage
    calls = [(call.function.name, json.loads(call.function.arguments or "{}")) for call in message.tool_calls or ()]
    details = usage.prompt_tokens_details
    totals = (usage.prompt_tokens, details.cached_tokens, details.cache_write_tokens, usage.completion_tokens)
    assert done.object == "chat.completion"
    assert message.role == "assistant"
    assert len({call.id for call in message.tool_calls or ()}) == len(calls)
    return Said(message.content or "", calls, done.choices[0].finish_reason, totals, done.model)


async def by_anthropic(stage: Stage, streamed: bool, **asked: Any) -> Said:
    """Ask a GPT model by Anthropic's SDK; usage is (input, read, written, output)."""
    async with anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="any", max_retries=0) as client:
        asked = {"model": GPT, "max_tokens": 500} | asked
        if streamed:
            async with client.messages.stream(**asked) as stream:
                done = await stream.get_final_message()
        else:
            done = await client.messages.create(**asked)
    usage = done.usage
    text = "".join(block.text for block in done.content if block.type == "text")
    calls = [(block.name, block.input) for block in done.content if block.type == "tool_use"]
    totals = (usage.input_tokens, usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0, usage.output_tokens)
    assert [done.type, done.role] == ["message", "assistant"]
    return Said(text, calls, done.stop_reason or "", totals, done.model)


Asker = Callable[..., Awaitable[Said]]


class Way:
    """One client's dialect and how it says what both can say."""

    def __init__(self, asker: Asker, text: str, finishes: dict[str, str]) -> None:
        self.ask, self.dialect, self.finishes = asker, text, finishes

    def tools(self) -> list[dict[str, Any]]:
        """Two tools, one without arguments."""
        bare = {"type": "object", "properties": {}}
        if self.dialect == CHAT:
            return [
                {"type": "function", "function": {"name": name, "description": "Look.", "parameters": schema}}
                for name, schema in (("look", SCHEMA), ("sound", bare))
            ]
        return [
            {"name": name, "description": "Look.", "input_schema": schema} for name, schema in (("look", SCHEMA), ("sound", bare))
        ]

    def image(self) -> dict[str, Any]:
        """A picture."""
        if self.dialect == CHAT:
            return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

    def system(self, text: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
        """A conversation with an instruction."""
        if self.dialect == CHAT:
            return {"messages": [{"role": "system", "content": text}, *turns]}
        return {"system": text, "messages": turns}

    def answered(self, wishes: str) -> list[dict[str, Any]]:
        """A conversation in which two tools were called at once and answered, one with an error."""
        if self.dialect == CHAT:
            made = [
                {
                    "id": f"call_{place}",
                    "type": "function",
                    "function": {"name": one["name"], "arguments": json.dumps(one["arguments"])},
                }
                for place, one in enumerate(CALLS)
            ]
            return [
                {"role": "user", "content": "Look and listen."},
                {"role": "assistant", "content": None, "tool_calls": made},
                {"role": "tool", "tool_call_id": "call_0", "content": "A reef."},
                {"role": "tool", "tool_call_id": "call_1", "content": "Nothing."},
                {"role": "user", "content": wishes},
            ]
        blocks = [{"type": "tool_use", "id": f"toolu_{place}", "name": one["name"], "input": one["arguments"]}
                  for place, one in enumerate(CALLS)]  # fmt: skip
        return [
            {"role": "user", "content": "Look and listen."},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *blocks]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_0",
                        "content": [{"type": "text", "text": "A reef."}, self.image()],
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "deaf", "is_error": True},
                    {"type": "text", "text": wishes},
                ],
            },
        ]


WAYS = [
    pytest.param(Way(by_openai, CHAT, {"stop": "stop", "length": "length", "tools": "tool_calls", "filter": "content_filter"}), id="openai-sdk"),
    pytest.param(
        Way(by_anthropic, MESSAGES, {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "filter": "refusal"}),
        id="anthropic-sdk",
    ),
]  # fmt: skip
each_client = pytest.mark.parametrize("way", WAYS)


def across(tmp_path: Path, story: Callable[[Stage], Awaitable[None]]) -> None:
    """Run a story; afterwards nothing is left open, and the ledger holds what the bill says."""

    async def told() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            await story(stage)
            await stage.calm()
            await stage.sandbox.quiet()
            tokens = [row.tokens for row in stage.sandbox.bill()]
            billed = sum(one.input + one.cached + one.cache_write + one.cache_write_1h + one.output for one in tokens)
            assert billed == sum(entry.usage.total for entry in stage.settled)

    play(told)


@each_way
@each_client
def test_text_and_usage_across(way: Way, streamed: bool, tmp_path: Path) -> None:
    """Text, system, usage in the client's own totals, the model that answered, and the end, arrive as scripted."""

    async def story(stage: Stage) -> None:
        turns = [{"role": "user", "content": wished(answer=TEXT, usage=USAGE)}]
        said = await way.ask(stage, streamed, **way.system("Be calm.", turns))
        assert [said.text, said.finish] == [TEXT, way.finishes["stop"]]
        if way.dialect == CHAT:
            assert [said.model, said.usage] == [CLAUDE, (20, 5, 4, 9)]
        else:
            assert [said.model, said.usage] == [GPT, (11, 5, 4, 9)]
        assert stage.settled[0].usage_source == "provider"

    across(tmp_path, story)


@each_way
@each_client
def test_parallel_tools_across(way: Way, streamed: bool, tmp_path: Path) -> None:
    """Two tool calls at once, one without arguments, arrive as two calls with their own arguments, after the text before them."""

    async def story(stage: Stage) -> None:
        turns = [{"role": "user", "content": wished(answer="Looking.", tools=CALLS)}]
        said = await way.ask(stage, streamed, messages=turns, tools=way.tools())
        assert said.text == "Looking."
        assert said.calls == [(one["name"], one["arguments"]) for one in CALLS]
        assert said.finish == way.finishes["tools"]

    across(tmp_path, story)


@each_way
@each_client
def test_tool_results_and_images_across(way: Way, streamed: bool, tmp_path: Path) -> None:
    """A conversation with parallel results, an error among them, and pictures is accepted by the strict provider and goes on."""

    async def story(stage: Stage) -> None:
        turns = way.answered(wished(answer=TEXT))
        turns.insert(0, {"role": "assistant", "content": "Aye?"})
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": "What is this?"}, way.image()]})
        said = await way.ask(stage, streamed, messages=turns, tools=way.tools())
        assert [said.text, said.finish] == [TEXT, way.finishes["stop"]]

    across(tmp_path, story)


@each_way
@each_client
@pytest.mark.parametrize("choice", ["one", "any", "none"])
def test_tool_choices_across(choice: str, way: Way, streamed: bool, tmp_path: Path) -> None:
    """A forced tool is called, a forbidden one is not."""
    said_by = {
        CHAT: {"one": {"type": "function", "function": {"name": "sound"}}, "any": "required", "none": "none"},
        MESSAGES: {"one": {"type": "tool", "name": "sound"}, "any": {"type": "any"}, "none": {"type": "none"}},
    }

    async def story(stage: Stage) -> None:
        turns = [{"role": "user", "content": "Go on."}]
        said = await way.ask(stage, streamed, messages=turns, tools=way.tools(), tool_choice=said_by[way.dialect][choice])
        assert [name for name, _ in said.calls] == {"one": ["sound"], "any": ["look"], "none": []}[choice]

    across(tmp_path, story)


@each_way
@each_client
def test_limits_and_stops_across(way: Way, streamed: bool, tmp_path: Path) -> None:
    """An answer cut by the limit says so; so does one ended by a stop text, in the client's own words."""
    limit, stops = ("max_tokens", {"stop": ["calm"]}) if way.dialect == CHAT else ("max_tokens", {"stop_sequences": ["calm"]})

    async def story(stage: Stage) -> None:
        turns = [{"role": "user", "content": wished(answer=TEXT)}]
        cut = await way.ask(stage, streamed, messages=turns, **{limit: 4})
        assert cut.finish == way.finishes["length"]
        assert TEXT.startswith(cut.text)
        stopped = await way.ask(stage, streamed, messages=turns, **stops)
        assert stopped.text == "The sea is "
        assert stopped.finish == ("stop" if way.dialect == CHAT else "end_turn")  # chat does not tell a stop text from an end

    across(tmp_path, story)


@each_way
@each_client
def test_a_filtered_answer_across(way: Way, streamed: bool, tmp_path: Path) -> None:
    """An answer that a filter broke off is no good answer in the other dialect either."""

    async def story(stage: Stage) -> None:
        turns = [{"role": "user", "content": wished(answer=TEXT, fault="content_filter")}]
        try:
            said = await way.ask(stage, streamed, messages=turns)
        except openai.ContentFilterFinishReasonError:  # how the stream helper tells of it
            assert streamed
        else:
            assert said.finish == way.finishes["filter"]

    across(tmp_path, story)


@each_way
@each_client
def test_newer_models_are_asked_in_their_own_terms(way: Way, streamed: bool, tmp_path: Path) -> None:
    """A model that refuses sampling or prefers another limit is asked so that it accepts, and the client is told what was left out."""

    async def story(stage: Stage) -> None:
        said = await way.ask(
            stage,
            streamed,
            model=NEWER[way.dialect],
            messages=[{"role": "user", "content": wished(answer=TEXT)}],
            tools=way.tools(),
        )
        assert said.text == TEXT

    across(tmp_path, story)


@each_way
def test_losses_are_told(streamed: bool, tmp_path: Path) -> None:
    """What the other dialect has no word for stands in `x-stormkeel-lossy`, by the client's names; nothing else does."""

    async def story(stage: Stage) -> None:
        body = {"temperature": 0.5, "seed": 7, "logit_bias": {"1": 2}, "max_tokens": 9, "stream": streamed}
        got = await ask(stage, asking(CHAT, model="claude-sonnet-5", **body))
        assert got.status == 200
        assert got.headers["x-stormkeel-lossy"].split(", ") == ["seed", "logit_bias", "temperature"]
        got = await ask(stage, asking(MESSAGES, model=GPT, top_k=5, metadata={"user_id": "u"}, stream=streamed))
        assert got.headers["x-stormkeel-lossy"] == "top_k"
        got = await ask(stage, asking(CHAT, model=CLAUDE, temperature=0.5, stream=streamed))
        assert "x-stormkeel-lossy" not in got.headers

    across(tmp_path, story)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("dialect", "model", "changes"), [
    (CHAT, CLAUDE, {"n": 2}),
    (CHAT, CLAUDE, {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]}),
    (MESSAGES, GPT, {"tools": [{"type": "web_search_20260318", "name": "web_search"}]}),
    (MESSAGES, GPT, {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}),
])  # fmt: skip
def test_what_would_change_the_meaning_is_refused(
    dialect: str, model: str, changes: dict[str, Any], streamed: bool, tmp_path: Path
) -> None:
    """What can't be left out without meaning something else is refused with 422 in the client's dialect, and nothing is sent."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            got = await ask(stage, asking(dialect, model=model, stream=streamed, **changes))
            assert got.status == 422
            assert got.json["error"]["message"]
            assert ("x-should-retry", "false") in got.headers.items()
            assert not stage.reserved
            assert not stage.sandbox.bill()

    play(story)


@pytest.mark.parametrize(
    "fault", ["rate_limit", "overloaded", "server_error", "context_length", "bad_credential", "model_not_found"]
)
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_errors_across_are_the_clients_own(fault: str, dialect: str, tmp_path: Path) -> None:
    """A provider's error reaches the client as its own SDK's class would have it, never in the other dialect's body."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            model = (CLAUDE if dialect == CHAT else GPT) + f"@fault={fault}"
            direct = await ask(stage, asking(dialect, model=f"{dialect}/{GPT if dialect == CHAT else CLAUDE}@fault={fault}"))
            crossed = await ask(stage, asking(dialect, model=model))
            assert set(crossed.json) <= {"error", "request_id", "type"}
            assert ("type" in crossed.json) == (dialect == MESSAGES)
            alike = ({503, 529}, {500, 502})
            assert crossed.status == direct.status or {crossed.status, direct.status} in alike
            assert crossed.headers["x-should-retry"] == "false"

    play(story)


@pytest.mark.parametrize(
    "fault", ["cut:at=0.5", "stall:after=4", "malformed:after=4", "stream_error:after=4", "no_terminal", "cut_clean:at=0.5"]
)
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_a_broken_stream_across_is_never_whole(fault: str, dialect: str, tmp_path: Path) -> None:
    """A stream that breaks upstream ends in the client's own error event; what came before it is the beginning of the answer."""

    async def story() -> None:
        async with staged(tmp_path, QUICK) as stage:
            model = (CLAUDE if dialect == CHAT else GPT) + f"@fault={fault}"
            changes = {"stream": True, "messages": [{"role": "user", "content": wished(answer=TEXT)}]}
            got = await ask(stage, asking(dialect, model=model, **changes))
            told = heard(dialect, got.body)
            if fault == "no_terminal" and dialect == MESSAGES:  # a chat answer that said why it ended needs no [DONE]
                assert [told.text, told.is_complete] == [TEXT, True]
            else:
                assert [told.is_complete, TEXT.startswith(told.text), bool(told.text)] == [False, True, True]
                assert told.error is not None
            await stage.calm()

    play(story)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
def test_failing_over_to_the_other_dialect(dialect: str, streamed: bool, tmp_path: Path) -> None:
    """A route whose first deployment is down is answered by one of the other dialect, and the client sees no difference."""
    own, other = (f"openai/{GPT}@fault=server_error", f"anthropic/{CLAUDE}")
    if dialect == MESSAGES:
        own, other = f"anthropic/{CLAUDE}@fault=server_error", f"openai/{GPT}"
    more = f'{QUICK}\n[routes.r]\ngroups = [["{own}"], ["{other}"]]\n'

    async def story() -> None:
        async with staged(tmp_path, more) as stage:
            changes = {"stream": streamed, "messages": [{"role": "user", "content": wished(answer=TEXT)}]}
            got = await ask(stage, asking(dialect, model="r", **changes))
            assert got.status == 200
            if streamed:
                assert heard(dialect, got.body) == (TEXT, True, None)
            else:
                content = got.json["choices"][0]["message"]["content"] if dialect == CHAT else got.json["content"][0]["text"]
                assert content == TEXT
            assert [entry.outcome for entry in stage.settled] == ["server", "ok"]

    play(story)


def test_a_missing_limit_is_the_models_own(tmp_path: Path) -> None:
    """A chat request without a limit reaches Claude with the model's largest output by the catalog, never with a made-up one."""

    async def story(stage: Stage) -> None:
        await ask(stage, asking(CHAT, model="claude-haiku-4-5", messages=[{"role": "user", "content": wished(answer=TEXT)}]))
        assert stage.reserved[0].output_bound == 64_000
        got = await ask(stage, asking(CHAT, model="anthropic/claude-next-99"))
        assert got.status == 422
        assert "`max_completion_tokens`" in got.json["error"]["message"]

    across(tmp_path, story)

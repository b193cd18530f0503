"""The official clients, unmodified, get from the sandbox what was asked of it."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from sandbox_client import HELLO, with_sandbox

from stormkeel.sandbox import Sandbox

USAGE = {"input": 10, "cached": 200, "cache_write": 30, "cache_write_1h": 4, "output": 50, "reasoning": 20}
TOOL_WISH = [{"name": "look", "arguments": {"where": "the bow", "far": True}}]
CHAT_TOOL: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CLAUDE_TOOL: Any = {"name": "look", "input_schema": {"type": "object"}}


def chat_client(sandbox: Sandbox) -> openai.AsyncOpenAI:
    """An OpenAI client that asks once."""
    return openai.AsyncOpenAI(base_url=f"{sandbox.url}/v1", api_key="sk-test", max_retries=0)


def claude_client(sandbox: Sandbox) -> anthropic.AsyncAnthropic:
    """An Anthropic client that asks once."""
    return anthropic.AsyncAnthropic(base_url=sandbox.url, api_key="sk-test", max_retries=0)


def wished(**wish: Any) -> list[Any]:
    """A conversation whose last message says what to answer."""
    return [{"role": "user", "content": f"Hello\nsandbox: {json.dumps(wish)}\nBye"}]


def test_openai_whole_and_streamed_are_the_same() -> None:
    """The OpenAI client gets the text and the usage that were asked for, whole and streamed."""

    async def story(sandbox: Sandbox) -> None:
        asked: Any = {"model": "gpt-5.4-mini", "messages": wished(answer="Land, at last: ahoy — 42!", usage=USAGE)}
        async with chat_client(sandbox) as client:
            whole = await client.chat.completions.create(**asked)
            options: Any = {"include_usage": True}
            async with client.chat.completions.stream(**asked, stream_options=options) as stream:
                streamed = await stream.get_final_completion()
        for got in (whole, streamed):
            assert got.choices[0].message.content == "Land, at last: ahoy — 42!"
            assert got.choices[0].finish_reason == "stop"
            assert got.model == "gpt-5.4-mini"
        usage = whole.usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (244, 50, 294)
        assert usage.prompt_tokens_details is not None
        assert (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.cache_write_tokens) == (200, 34)
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == 20
        assert streamed.usage == usage
        assert sandbox.requests[0].violations == []

    with_sandbox(story)


def test_anthropic_whole_and_streamed_are_the_same() -> None:
    """The Anthropic client gets the text and the usage that were asked for, whole and streamed."""

    async def story(sandbox: Sandbox) -> None:
        asked: Any = {"model": "claude-sonnet-5", "max_tokens": 90, "messages": wished(answer="Land, at last — 42!", usage=USAGE)}
        async with claude_client(sandbox) as client:
            whole = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                streamed = await stream.get_final_message()
        for got in (whole, streamed):
            assert [block.text for block in got.content if block.type == "text"] == ["Land, at last — 42!"]
            assert got.stop_reason == "end_turn"
        usage = whole.usage
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (10, 200, 34)
        assert usage.cache_creation is not None
        assert (usage.cache_creation.ephemeral_5m_input_tokens, usage.cache_creation.ephemeral_1h_input_tokens) == (30, 4)
        assert usage.output_tokens == 50
        assert streamed.usage == usage

    with_sandbox(story)


def test_unwished_answers_are_the_same_streamed_or_not() -> None:
    """Left to itself the sandbox says the same to the same conversation, streamed or not, and counts it the same."""

    async def story(sandbox: Sandbox) -> None:
        async with chat_client(sandbox) as client, claude_client(sandbox) as claude:
            asked: Any = {"model": "gpt-5.4-mini", "messages": HELLO}
            whole = await client.chat.completions.create(**asked)
            async with client.chat.completions.stream(**asked) as stream:
                streamed = await stream.get_final_completion()
            assert streamed.choices[0].message.content == whole.choices[0].message.content != ""
            assert streamed.usage is None  # nobody asked for it
            asked = {"model": "claude-sonnet-5", "max_tokens": 90, "messages": HELLO}
            message = await claude.messages.create(**asked)
            async with claude.messages.stream(**asked) as events:
                final = await events.get_final_message()
            assert final.to_dict()["content"] == message.to_dict()["content"]
            assert final.usage == message.usage
        tokens = [row.tokens for row in sandbox.bill()]
        assert tokens[0] == tokens[1]
        assert tokens[2] == tokens[3]
        assert [row.usage_reported for row in sandbox.bill()] == [True, False, True, True]

    with_sandbox(story)


def test_openai_tool_calls() -> None:
    """A wished tool call arrives whole in the OpenAI client, streamed or not, and may be answered."""

    async def story(sandbox: Sandbox) -> None:
        asked: Any = {"model": "gpt-5.4-mini", "messages": wished(tools=TOOL_WISH), "tools": [CHAT_TOOL]}
        async with chat_client(sandbox) as client:
            whole = (await client.chat.completions.create(**asked)).choices[0]
            async with client.chat.completions.stream(**asked) as stream:
                streamed = (await stream.get_final_completion()).choices[0]
            for got in (whole, streamed):
                assert got.finish_reason == "tool_calls"
                assert got.message.tool_calls is not None
                (call,) = got.message.tool_calls
                assert call.type == "function"
                assert (call.function.name, json.loads(call.function.arguments)) == ("look", TOOL_WISH[0]["arguments"])
            assert whole.message.tool_calls is not None
            result = {"role": "tool", "tool_call_id": whole.message.tool_calls[0].id, "content": "fog"}
            later = await client.chat.completions.create(
                **asked | {"messages": [*HELLO, whole.message.to_dict(), result, *HELLO]}
            )
            assert later.choices[0].finish_reason == "stop"

    with_sandbox(story)


def test_anthropic_tool_calls() -> None:
    """A wished tool call arrives whole in the Anthropic client, streamed or not, and may be answered."""

    async def story(sandbox: Sandbox) -> None:
        asked: Any = {
            "model": "claude-sonnet-5",
            "max_tokens": 90,
            "messages": wished(tools=TOOL_WISH, answer="Looking."),
            "tools": [CLAUDE_TOOL],
        }
        async with claude_client(sandbox) as client:
            whole = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                streamed = await stream.get_final_message()
            for got in (whole, streamed):
                assert got.stop_reason == "tool_use"
                assert [block.type for block in got.content] == ["text", "tool_use"]
                assert got.content[1].to_dict()["input"] == TOOL_WISH[0]["arguments"]
            turn = {"role": "assistant", "content": [block.to_dict() for block in whole.content]}
            result = {"type": "tool_result", "tool_use_id": whole.content[1].to_dict()["id"], "content": "fog"}
            later = await client.messages.create(**asked | {"messages": [*HELLO, turn, {"role": "user", "content": [result]}]})
            assert later.stop_reason == "end_turn"

    with_sandbox(story)


def test_forced_tools_are_called() -> None:
    """A tool choice that leaves no choice is obeyed without a wish."""

    async def story(sandbox: Sandbox) -> None:
        async with chat_client(sandbox) as client, claude_client(sandbox) as claude:
            chat = await client.chat.completions.create(
                model="gpt-5.4-mini",
                messages=HELLO,
                tools=[CHAT_TOOL],
                tool_choice="required",  # type: ignore[arg-type]
            )
            message = await claude.messages.create(
                model="claude-sonnet-5",
                max_tokens=9,
                messages=HELLO,
                tools=[CLAUDE_TOOL],
                tool_choice={"type": "any"},  # type: ignore[arg-type]
            )
        assert chat.choices[0].finish_reason == "tool_calls"
        assert message.stop_reason == "tool_use"

    with_sandbox(story)


def test_models_are_listed_in_the_dialect_that_asks() -> None:
    """Each client lists its provider's models and can look one up."""

    async def story(sandbox: Sandbox) -> None:
        async with chat_client(sandbox) as client, claude_client(sandbox) as claude:
            names = [model.id async for model in client.models.list()]
            assert "gpt-5.4-mini" in names
            assert not any(name.startswith("claude") for name in names)
            others = [model.id async for model in claude.models.list()]
            assert "claude-sonnet-5" in others
            assert all(name.startswith("claude") for name in others)
            assert (await client.models.retrieve("gpt-5.4")).id == "gpt-5.4"
            assert (await claude.models.retrieve("claude-opus-5")).max_input_tokens == 1_000_000
            with pytest.raises(openai.NotFoundError, match="does not exist"):
                await client.models.retrieve("whale-1")
        assert sandbox.bill() == []

    with_sandbox(story)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("rate_limit", openai.RateLimitError),
        ("bad_credential", openai.AuthenticationError),
        ("permission", openai.PermissionDeniedError),
        ("model_not_found", openai.NotFoundError),
        ("context_length", openai.BadRequestError),
        ("overloaded", openai.InternalServerError),
        ("html_error", openai.InternalServerError),
        ("reset", openai.APIConnectionError),
        ("cut", openai.APIConnectionError),
    ],
)
def test_openai_errors_have_their_class(fault: str, expected: type[openai.APIError]) -> None:
    """A fault is raised by the OpenAI client as the error the real service would be."""

    async def story(sandbox: Sandbox) -> None:
        async with chat_client(sandbox) as client:
            with pytest.raises(expected) as raised:
                await client.chat.completions.create(model=f"gpt-5.4-mini@fault={fault}", messages=HELLO)  # type: ignore[arg-type]
        if isinstance(raised.value, openai.APIStatusError) and fault != "html_error":
            assert raised.value.request_id == sandbox.bill()[0].id

    with_sandbox(story)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("rate_limit", anthropic.RateLimitError),
        ("bad_credential", anthropic.AuthenticationError),
        ("permission", anthropic.PermissionDeniedError),
        ("model_not_found", anthropic.NotFoundError),
        ("context_length", anthropic.BadRequestError),
        ("overloaded", anthropic.InternalServerError),
        ("html_error", anthropic.InternalServerError),
        ("reset", anthropic.APIConnectionError),
        ("cut", anthropic.APIConnectionError),
    ],
)
def test_anthropic_errors_have_their_class(fault: str, expected: type[anthropic.APIError]) -> None:
    """A fault is raised by the Anthropic client as the error the real service would be."""

    async def story(sandbox: Sandbox) -> None:
        async with claude_client(sandbox) as client:
            with pytest.raises(expected) as raised:
                await client.messages.create(model=f"claude-sonnet-5@fault={fault}", max_tokens=9, messages=HELLO)  # type: ignore[arg-type]
        if isinstance(raised.value, anthropic.APIStatusError) and fault != "html_error":
            assert raised.value.request_id == sandbox.bill()[0].id

    with_sandbox(story)


@pytest.mark.parametrize("after", [0, 6])
def test_errors_inside_a_stream_are_raised(after: int) -> None:
    """Both clients raise the error event of a stream, first or later."""

    async def story(sandbox: Sandbox) -> None:
        fault = f"@fault=stream_error:after={after}"
        async with chat_client(sandbox) as client, claude_client(sandbox) as claude:
            with pytest.raises(openai.APIError, match="had an error"):
                async for _ in await client.chat.completions.create(model=f"gpt-5.4-mini{fault}", messages=HELLO, stream=True):  # type: ignore[arg-type]
                    pass
            with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
                async for _ in await claude.messages.create(
                    model=f"claude-opus-5{fault}",
                    max_tokens=90,
                    messages=HELLO,
                    stream=True,  # type: ignore[arg-type]
                ):
                    pass

    with_sandbox(story)


def thinking(**changes: Any) -> Any:
    """A request to Anthropic in which the model may think."""
    asked = {"model": "claude-sonnet-5", "max_tokens": 90, "thinking": {"type": "adaptive"}}
    return asked | {"messages": wished(reasoning_text="Let me see.", answer="Fog.")} | changes


@pytest.mark.parametrize(("display", "shown"), [(None, "Let me see."), ("summarized", "Let me see."), ("omitted", "")])
def test_anthropic_thinking_is_signed(display: str | None, shown: str) -> None:
    """Thinking comes first, signed, whole and streamed; its tokens are counted also where its text is not shown."""

    async def story(sandbox: Sandbox) -> None:
        asked = thinking(thinking={"type": "adaptive", **({} if display is None else {"display": display})})
        async with claude_client(sandbox) as client:
            whole = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                streamed = await stream.get_final_message()
        for got in (whole, streamed):
            block = got.content[0]
            assert block.type == "thinking"
            assert (block.thinking, len(block.signature), got.content[1].type) == (shown, 64, "text")
            assert got.usage.output_tokens == 6  # Let, me, see, ., Fog, .
            assert got.usage.output_tokens_details is not None
            assert got.usage.output_tokens_details.thinking_tokens == 4
        assert [block.to_dict() for block in whole.content] == [block.to_dict() for block in streamed.content]
        assert [row.tokens.output for row in sandbox.bill()] == [6, 6]

    with_sandbox(story)


def test_anthropic_thinks_only_where_it_may() -> None:
    """Without thinking in the request, or with it disabled, no thinking comes and none is counted."""

    async def story(sandbox: Sandbox) -> None:
        async with claude_client(sandbox) as client:
            for given in (anthropic.omit, {"type": "disabled"}):
                message = await client.messages.create(**thinking(thinking=given))
                assert ([block.type for block in message.content], message.usage.output_tokens) == (["text"], 2)

    with_sandbox(story)


def test_anthropic_signatures_are_looked_at() -> None:
    """Thinking comes back unchanged to the model that made it, or is refused."""

    async def story(sandbox: Sandbox) -> None:
        async with claude_client(sandbox) as client:
            blocks = [block.to_dict() for block in (await client.messages.create(**thinking())).content]

            async def again(thought: dict[str, Any], **changes: Any) -> None:
                turn = {"role": "assistant", "content": [thought, blocks[1]]}
                await client.messages.create(**thinking(messages=[*HELLO, turn, *HELLO], **changes))

            await again(blocks[0])
            changed = blocks[0] | {"thinking": "Let me guess."}
            hidden = {"type": "redacted_thinking", "data": "abc"}
            for thought, model in ((blocks[0], "claude-opus-5"), (changed, "claude-sonnet-5"), (hidden, "claude-sonnet-5")):
                with pytest.raises(anthropic.BadRequestError, match=r"Invalid `(signature|data)` in"):
                    await again(thought, model=model)

    with_sandbox(story)


def test_refusals_are_in_the_models_own_words() -> None:
    """A wished refusal has its own place in each dialect, whole and streamed; the words before it stay."""

    async def story(sandbox: Sandbox) -> None:
        for answer in ("Well,", None):
            wish = {"refusal": "I will not do that."} | ({} if answer is None else {"answer": answer})
            chat: Any = {"model": "gpt-5.4-mini", "messages": wished(**wish)}
            claude: Any = {"model": "claude-sonnet-5", "max_tokens": 90, "messages": wished(**wish)}
            async with chat_client(sandbox) as client, claude_client(sandbox) as other:
                async with client.chat.completions.stream(**chat) as chunks:
                    streamed = await chunks.get_final_completion()
                for completion in (await client.chat.completions.create(**chat), streamed):
                    message = completion.choices[0].message
                    assert (message.content, message.refusal) == (answer, "I will not do that.")
                    assert completion.choices[0].finish_reason == "stop"
                async with other.messages.stream(**claude) as events:
                    told = await events.get_final_message()
                for got in (await other.messages.create(**claude), told):
                    assert [block.to_dict()["text"] for block in got.content] == ([] if answer is None else [answer])
                    assert got.stop_reason == "refusal"
                    assert got.stop_details is not None
                    assert got.stop_details.explanation == "I will not do that."
        assert [row.tokens.output for row in sandbox.bill()] == [8] * 4 + [6] * 4

    with_sandbox(story)


def test_chat_counts_reasoning_it_cannot_show() -> None:
    """Chat has no place for reasoning: it is counted, whole and streamed, unless the request forbids it."""

    async def story(sandbox: Sandbox) -> None:
        asked: Any = {"model": "gpt-5.4-mini", "messages": wished(reasoning_text="Let me see.", answer="Fog.")}
        async with chat_client(sandbox) as client:
            await client.chat.completions.create(**asked)
            async with client.chat.completions.stream(**asked) as stream:
                await stream.until_done()
            await client.chat.completions.create(**asked, reasoning_effort="none")
        assert [(row.tokens.output, row.tokens.reasoning) for row in sandbox.bill()] == [(6, 4), (6, 4), (2, 0)]

    with_sandbox(story)


def test_custom_tools_are_called_in_chat() -> None:
    """A wished call with `input` is one of a custom tool; Anthropic has none and says so."""

    async def story(sandbox: Sandbox) -> None:
        wish = wished(tools=[{"name": "patch", "input": "*** Begin"}])
        tool: Any = {"type": "custom", "custom": {"name": "patch"}}
        async with chat_client(sandbox) as client, claude_client(sandbox) as other:
            whole = await client.chat.completions.create(model="gpt-5.4-mini", messages=wish, tools=[tool])
            calls = whole.choices[0].message.tool_calls or []
            assert [call.to_dict()["custom"] for call in calls] == [{"name": "patch", "input": "*** Begin"}]
            parts: list[str] = []
            async for chunk in await client.chat.completions.create(
                model="gpt-5.4-mini", messages=wish, tools=[tool], stream=True
            ):
                parts += [
                    call.to_dict()["custom"]["input"]  # type: ignore[index]
                    for choice in chunk.choices
                    for call in choice.delta.tool_calls or []
                ]
            assert "".join(parts) == "*** Begin"
            with pytest.raises(anthropic.BadRequestError, match="no tool of this dialect takes an `input`"):
                await other.messages.create(model="claude-sonnet-5", max_tokens=9, messages=wish)

    with_sandbox(story)

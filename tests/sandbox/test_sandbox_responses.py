"""OpenAI's Responses: the official client takes every answer, streamed or not, and what it gives back is taken in turn."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import openai
import pytest
from sandbox_client import with_sandbox

from stormkeel.sandbox import Sandbox

USAGE = {"input": 10, "cached": 200, "cache_write": 30, "cache_write_1h": 4, "output": 50, "reasoning": 20}
LOOK: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
PATCH: dict[str, Any] = {"type": "custom", "name": "patch"}
CALLS = [{"name": "look", "arguments": {"where": "the bow"}}, {"name": "look"}, {"name": "patch", "input": "*** Begin"}]
REASONED: dict[str, Any] = {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}


def client_of(sandbox: Sandbox) -> openai.AsyncOpenAI:
    """An OpenAI client that asks once."""
    return openai.AsyncOpenAI(base_url=f"{sandbox.url}/v1", api_key="sk-test", max_retries=0)


def asked(model: str = "gpt-5.4-mini", /, wish: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A request whose only message says what to answer."""
    said = "Hello" if wish is None else f"Hello\nsandbox: {json.dumps(wish)}\nBye"
    return {"model": model, "input": [{"role": "user", "content": said}], **changes}


def plain(response: Any) -> dict[str, Any]:
    """What must not depend on the way an answer came: all but ids, times and the client's own additions."""
    told = response.to_dict(mode="json")
    text = json.dumps({key: told.get(key) for key in ("status", "incomplete_details", "error", "output", "usage", "model")})
    for gone in (told["id"][5:], ', "parsed": null', '"parsed": null, ', ', "parsed_arguments": null'):
        text = text.replace(gone, "")
    kept: dict[str, Any] = json.loads(text)
    for item in kept["output"]:
        item.pop("encrypted_content", None)  # bound to the item's id
    return kept


WISHES: list[tuple[dict[str, Any], dict[str, Any], list[str], str]] = [
    ({"answer": "Land, at last: ahoy — 42!", "usage": USAGE}, {}, ["message"], "completed"),
    ({"answer": ""}, {}, ["message"], "completed"),
    ({"tokens": 40}, {"max_output_tokens": 16}, ["message"], "incomplete"),
    ({"tools": CALLS}, {"tools": [LOOK, PATCH]}, ["function_call", "function_call", "custom_tool_call"], "completed"),
    ({"tools": CALLS[:1], "answer": "Looking."}, {"tools": [LOOK]}, ["message", "function_call"], "completed"),
    ({"reasoning_text": "Let me see.", "answer": "Fog."}, REASONED, ["reasoning", "message"], "completed"),
    ({"reasoning_text": "Let me see.", "answer": "Fog."}, {}, ["reasoning", "message"], "completed"),
    ({"reasoning_text": "x " * 50}, {"max_output_tokens": 16, **REASONED}, ["reasoning"], "incomplete"),
    ({"refusal": "I will not do that."}, {}, ["message"], "completed"),
    ({"refusal": "No further.", "answer": "Well,"}, {}, ["message"], "completed"),
    ({"fault": "content_filter"}, {}, ["message"], "incomplete"),
    ({"fault": "failed:after=0"}, {}, [], "failed"),
]


@pytest.mark.parametrize(("wish", "changes", "kinds", "status"), WISHES)
def test_whole_and_streamed_are_the_same(wish: dict[str, Any], changes: dict[str, Any], kinds: list[str], status: str) -> None:
    """The stream helper puts together what a whole answer says; its events are numbered, begun once and ended once."""

    async def story(sandbox: Sandbox) -> None:
        body: Any = asked(wish=wish, **changes)
        async with client_of(sandbox) as client:
            whole = await client.responses.create(**body)
            async with client.responses.stream(**body) as stream:
                events = [event async for event in stream]
        assert ([item.type for item in whole.output], whole.status) == (kinds, status)
        assert [event.sequence_number for event in events] == list(range(len(events)))
        ends = [
            event for event in events if event.type.startswith(("response.completed", "response.incomplete", "response.failed"))
        ]
        assert (events[0].type, ends) == ("response.created", [events[-1]])
        assert events[-1].type == f"response.{status}"
        assert plain(ends[0].response) == plain(whole)  # type: ignore[union-attr]
        assert sandbox.requests[0].violations == []

    with_sandbox(story)


def test_usage_is_told_this_endpoints_way() -> None:
    """Input tokens include what was cached and written, output tokens the reasoning; both details are there."""

    async def story(sandbox: Sandbox) -> None:
        body: Any = asked(wish={"answer": "Ahoy", "usage": USAGE})
        async with client_of(sandbox) as client:
            usage = (await client.responses.create(**body)).usage
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (244, 50, 294)
        assert (usage.input_tokens_details.cached_tokens, usage.input_tokens_details.cache_write_tokens) == (200, 34)
        assert usage.output_tokens_details.reasoning_tokens == 20
        (row,) = sandbox.bill()
        # 10 x 0.75 + 200 x 0.075 + 34 x 0.75 + 50 x 4.5 = 7.5 + 15 + 25.5 + 225 = 273
        assert (row.dialect, row.cost, row.usage_reported) == ("openai_responses", Fraction(273, 1_000_000), True)

    with_sandbox(story)


def test_the_events_come_in_the_documented_order() -> None:
    """Reasoning, text, a call and a custom call are told item by item, each begun and done, each id the same throughout."""

    async def story(sandbox: Sandbox) -> None:
        wish = {"reasoning_text": "Hm", "answer": "Hi", "tools": [{"name": "look"}, CALLS[2] | {"input": "x"}]}
        body: Any = asked(wish=wish, tools=[LOOK, PATCH], stream=True, **REASONED)
        async with client_of(sandbox) as client:
            events = [event async for event in await client.responses.create(**body)]
        assert [event.type.removeprefix("response.") for event in events] == [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "output_item.added",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "output_item.done",
            "completed",
        ]
        added = [event.item for event in events if event.type == "response.output_item.added"]
        done = [event.item for event in events if event.type == "response.output_item.done"]
        assert [item.id for item in added] == [item.id for item in done] == [item.id for item in events[-1].response.output]  # type: ignore[union-attr]
        assert "encrypted_content" not in added[0].to_dict()
        assert done[0].to_dict()["encrypted_content"]

    with_sandbox(story)


def test_a_stateless_conversation_goes_on_with_what_came_back() -> None:
    """With `store` false the items of an answer, reasoning and calls, are taken back as they came, and lead on."""

    async def story(sandbox: Sandbox) -> None:
        wish = {"reasoning_text": "Hm", "tools": CALLS}
        body: Any = asked(wish=wish, tools=[LOOK, PATCH], store=False, **REASONED)
        async with client_of(sandbox) as client:
            first = await client.responses.create(**body)
            calls = [item for item in first.output if item.type in {"function_call", "custom_tool_call"}]
            outputs: list[Any] = [
                {"type": f"{call.type}_output", "call_id": call.to_dict()["call_id"], "output": "fog"} for call in calls
            ]
            outputs[0]["output"] = [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]
            items = [
                *body["input"],
                *(item.to_dict() for item in first.output),
                *outputs,
                {"role": "user", "content": "And now?"},
            ]
            later = await client.responses.create(**body | {"input": items})
            assert [item.type for item in later.output] == ["message"]
            with pytest.raises(openai.BadRequestError) as raised:
                await client.responses.create(**body | {"input": items, "model": "gpt-5.5"})
            assert raised.value.code == "invalid_encrypted_content"

    with_sandbox(story)


def test_a_stored_conversation_goes_on_by_its_id() -> None:
    """`previous_response_id` brings the whole conversation along, in tokens too; instructions are not carried over."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            body: Any = asked(wish={"tools": CALLS[:1]}, tools=[LOOK], instructions="Be brief.")
            first = await client.responses.create(**body)
            call: Any = first.output[0]
            result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "fog"}]
            on: Any = {"model": "gpt-5.4-mini", "previous_response_id": first.id}
            with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
                await client.responses.create(**on, input="And?")
            later = await client.responses.create(**on, input=[*result, {"role": "user", "content": "Say it."}])
            assert (later.previous_response_id, later.instructions) == (first.id, None)
            assert [item.type for item in later.output] == ["message"]
            assert first.usage is not None
            assert later.usage is not None
            assert later.usage.input_tokens > first.usage.input_tokens
            last = await client.responses.create(model="gpt-5.4-mini", previous_response_id=later.id, input="Go on.")
            assert last.status == "completed"

    with_sandbox(story)


def test_kept_answers_can_be_fetched_listed_and_deleted() -> None:
    """An answer is kept unless `store` is false; its input can be listed; once deleted it is gone."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            items: Any = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
            kept = await client.responses.create(model="gpt-5.4-mini", input=items)
            assert plain(await client.responses.retrieve(kept.id)) == plain(kept)
            listed = [item.to_dict() async for item in client.responses.input_items.list(kept.id, order="asc", limit=1)]
            assert [item["content"][0]["text"] for item in listed] == ["one", "two"]  # type: ignore[index]
            again = await client.responses.create(model="gpt-5.4-mini", input=[{"type": "item_reference", "id": listed[0]["id"]}])  # type: ignore[list-item]
            assert again.status == "completed"
            await client.responses.delete(kept.id)
            passing = await client.responses.create(model="gpt-5.4-mini", input="x", store=False)
            for id in (kept.id, passing.id, "resp_none"):
                with pytest.raises(openai.NotFoundError, match=id):
                    await client.responses.retrieve(id)
                with pytest.raises(openai.BadRequestError) as raised:
                    await client.responses.create(model="gpt-5.4-mini", input="x", previous_response_id=id)
                assert raised.value.code == "previous_response_not_found"
            sandbox.reset()
            with pytest.raises(openai.NotFoundError):
                await client.responses.retrieve(again.id)

    with_sandbox(story)


def test_input_is_counted_for_nothing() -> None:
    """The count is what an answer then reports as its input; it stands on no bill and takes no turn of a storm."""

    async def story(sandbox: Sandbox) -> None:
        body: Any = asked(instructions="Be brief.", tools=[LOOK])
        sandbox.set_storm(None)
        async with client_of(sandbox) as client:
            counted = await client.responses.input_tokens.count(**body)
            answer = await client.responses.create(**body)
            assert answer.usage is not None
            assert counted.input_tokens == answer.usage.input_tokens
            with pytest.raises(openai.RateLimitError):
                await client.responses.input_tokens.count(model="gpt-5.4-mini@fault=rate_limit", input="x")
            with pytest.raises(openai.BadRequestError, match="Unrecognized request argument supplied: max_output_tokens"):
                await client.responses.input_tokens.count(**body, extra_body={"max_output_tokens": 20})
        assert len(sandbox.bill()) == 1

    with_sandbox(story)


@pytest.mark.parametrize(
    ("choice", "name", "kind"),
    [
        ("required", "look", "function_call"),
        ({"type": "function", "name": "look"}, "look", "function_call"),
        ({"type": "custom", "name": "patch"}, "patch", "custom_tool_call"),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "patch"}]},
            "patch",
            "custom_tool_call",
        ),
    ],
)
def test_forced_tools_are_called_in_responses(choice: Any, name: str, kind: str) -> None:
    """A tool choice that leaves no choice is obeyed without a wish."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            body: Any = asked(tools=[LOOK, PATCH], tool_choice=choice)
            (item,) = (await client.responses.create(**body)).output
        assert (item.type, item.to_dict()["name"]) == (kind, name)

    with_sandbox(story)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("rate_limit", openai.RateLimitError),
        ("context_length", openai.BadRequestError),
        ("overloaded", openai.InternalServerError),
        ("cut", openai.APIConnectionError),
    ],
)
def test_errors_of_responses_have_their_class(fault: str, expected: type[openai.APIError]) -> None:
    """A fault is raised by the client as the error the real service would be."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            with pytest.raises(expected):
                await client.responses.create(**asked(f"gpt-5.4-mini@fault={fault}"))

    with_sandbox(story)


def test_errors_inside_a_stream_of_responses() -> None:
    """The client yields a flat error event, and raises one with an object inside."""

    async def story(sandbox: Sandbox) -> None:
        async with client_of(sandbox) as client:
            body = asked("gpt-5.4-mini@fault=stream_error:after=6")
            events = [event async for event in await client.responses.create(**body, stream=True)]
            assert (events[-1].type, events[-1].sequence_number) == ("error", 6)
            with pytest.raises(openai.APIError, match="had an error"):
                body = asked("gpt-5.4-mini@fault=stream_error:after=6:nested=1")
                _ = [event async for event in await client.responses.create(**body, stream=True)]

    with_sandbox(story)

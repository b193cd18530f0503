"""OpenAI's answers to a Responses request as a stream of typed events, numbered from 0.

Never makes an id or a final item: those of the finished answer are told here bit by bit.

    response.created -> response.in_progress -> for each item: output_item.added, its parts and deltas, output_item.done
    -> response.completed | response.incomplete | response.failed
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stormkeel.sandbox.answer import Answer, Choice, pieces
from stormkeel.sandbox.dialect import Frame, Mark, Spot
from stormkeel.sandbox.openai.shape import Json
from stormkeel.sandbox.problem import Problem
from stormkeel.sandbox.responses.answers import begun, ending, items, refusal_part, response, text_part
from stormkeel.sandbox.responses.reading import ResponsesAsked

Event = tuple[str, Json, int]  # its type, its fields, the tokens in it


def frames(answer: Answer, asked: ResponsesAsked, mark: Mark) -> list[Frame]:
    """Write the stream."""
    start = begun(answer, asked, mark)
    choice = answer.choices[0]
    events: list[Event] = [("response.created", {"response": start}, 0), ("response.in_progress", {"response": start}, 0)]
    for place, item in enumerate(items(choice, asked, mark)):
        events += [(kind, {"output_index": place, **fields}, tokens) for kind, fields, tokens in _item(item, choice)]
    if choice.finish == "failed":
        events = _unfinished(events)
    made = [_frame(number, event) for number, event in enumerate(events)]
    final = response(answer, asked, mark)
    last = _frame(len(made), (f"response.{ending(choice)}", {"response": final}, 0))
    return [*made, msgspec.structs.replace(last, usage="usage" in final and final["usage"] is not None, terminal=True)]


def error_frame(problem: Problem, spot: Spot) -> bytes:
    """Write an error event: its fields stand flat, as documented, or `nested` in an error object, as they also come."""
    error = {"code": problem.code or problem.kind, "message": problem.message, "param": problem.param}
    fields: Json = {"error": {"type": problem.kind, **error}} if spot.nested else error
    return _frame(spot.number, ("error", fields, 0)).data


def _frame(number: int, event: Event) -> Frame:
    kind, fields, tokens = event
    data = msgspec.json.encode({"type": kind, "sequence_number": number, **fields})
    return Frame(b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n", tokens)


def _unfinished(events: list[Event]) -> list[Event]:
    """Leave out that the last item was finished: nothing comes after its last delta."""
    last = max((place for place, event in enumerate(events) if event[0].endswith((".delta", ".added"))), default=len(events))
    return events[: last + 1]


def _item(item: Json, choice: Choice) -> Iterator[Event]:
    match item["type"]:
        case "reasoning":
            yield from _reasoning(item, choice)
        case "message":
            yield from _message(item, choice)
        case _:
            yield from _call(item)


def _reasoning(item: Json, choice: Choice) -> Iterator[Event]:
    """Yield a reasoning item; without a summary its tokens are counted where it ends."""
    yield "response.output_item.added", {"item": {"id": item["id"], "type": "reasoning", "summary": []}}, 0
    if not item["summary"]:
        yield "response.output_item.done", {"item": item}, len(choice.reasoning)
        return
    part = item["summary"][0]
    where = {"item_id": item["id"], "summary_index": 0}
    yield "response.reasoning_summary_part.added", {**where, "part": part | {"text": ""}}, 0
    for piece in choice.reasoning:
        yield "response.reasoning_summary_text.delta", {**where, "delta": piece}, 1
    yield "response.reasoning_summary_text.done", {**where, "text": part["text"]}, 0
    yield "response.reasoning_summary_part.done", {**where, "part": part}, 0
    yield "response.output_item.done", {"item": item}, 0


def _message(item: Json, choice: Choice) -> Iterator[Event]:
    yield "response.output_item.added", {"item": item | {"status": "in_progress", "content": []}}, 0
    for index, part in enumerate(item["content"]):
        where = {"item_id": item["id"], "content_index": index}
        yield from _text(part, where, choice) if part["type"] == "output_text" else _refusal(part, where, choice)
    yield "response.output_item.done", {"item": item}, 0


def _text(part: Json, where: Json, choice: Choice) -> Iterator[Event]:
    yield "response.content_part.added", {**where, "part": text_part("")}, 0
    for piece in choice.pieces:
        yield "response.output_text.delta", {**where, "delta": piece, "logprobs": []}, 1
    yield "response.output_text.done", {**where, "text": part["text"], "logprobs": []}, 0
    yield "response.content_part.done", {**where, "part": part}, 0


def _refusal(part: Json, where: Json, choice: Choice) -> Iterator[Event]:
    yield "response.content_part.added", {**where, "part": refusal_part("")}, 0
    for piece in choice.refusal:
        yield "response.refusal.delta", {**where, "delta": piece}, 1
    yield "response.refusal.done", {**where, "refusal": part["refusal"]}, 0
    yield "response.content_part.done", {**where, "part": part}, 0


def _call(item: Json) -> Iterator[Event]:
    custom = item["type"] == "custom_tool_call"
    kind = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
    key = "input" if custom else "arguments"
    where: Json = {"item_id": item["id"]}
    yield "response.output_item.added", {"item": item | {"status": "in_progress", key: ""}}, 0
    for piece in pieces(item[key]):
        yield f"{kind}.delta", {**where, "delta": piece}, 1
    yield f"{kind}.done", {**where, key: item[key], **({} if custom else {"name": item["name"]})}, 0
    yield "response.output_item.done", {"item": item}, 0

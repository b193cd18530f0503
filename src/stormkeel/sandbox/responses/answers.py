"""OpenAI's answers to a Responses request: the `response` object, its output items, and the count of its input.

Never counts or chooses anything: the answer comes finished. Ids are made here once, from the answer's mark; the stream takes
them from here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.answer import Answer, Call, Choice
from stormkeel.sandbox.bill import Tokens
from stormkeel.sandbox.dialect import Mark
from stormkeel.sandbox.openai.shape import Json
from stormkeel.sandbox.responses.owning import seal_of
from stormkeel.sandbox.responses.reading import ResponsesAsked

FAILURE = {"code": "server_error", "message": "The server had an error while processing your request. Sorry about that!"}
_PREFIX = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}
_CUT = {"length": "max_output_tokens", "filter": "content_filter"}


def ending(choice: Choice) -> str:
    """Return the status an answer ends with."""
    return "failed" if choice.finish == "failed" else "incomplete" if choice.finish in _CUT else "completed"


def response(answer: Answer, asked: ResponsesAsked, mark: Mark) -> Json:
    """Return the finished `response` object."""
    choice = answer.choices[0]
    status = ending(choice)
    whole = begun(answer, asked, mark) | {
        "status": status,
        "error": FAILURE if status == "failed" else None,
        "incomplete_details": {"reason": _CUT[choice.finish]} if status == "incomplete" else None,
        "completed_at": int(mark.now) if status == "completed" else None,
        "output": [] if status == "failed" else items(choice, asked, mark),
    }
    if answer.usage and status != "failed":
        whole["usage"] = usage(answer.tokens)
    return whole


def begun(answer: Answer, asked: ResponsesAsked, mark: Mark) -> Json:
    """Return the `response` object before anything is written."""
    start = {
        "id": f"resp_{mark.token}",
        "object": "response",
        "created_at": int(mark.now),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": answer.model,
        "output": [],
        "service_tier": "default",
        **asked.echo,
    }
    return start | ({"usage": None} if answer.usage else {})


def items(choice: Choice, asked: ResponsesAsked, mark: Mark) -> list[Json]:
    """Return the output items, finished."""
    made = [reasoning(choice, asked, mark)] if choice.reasoning else []
    if choice.pieces or choice.refusal or not (choice.calls or choice.finish == "length"):
        made.append(message(choice, mark))
    return made + [call_item(place, call, mark) for place, call in enumerate(choice.calls)]


def reasoning(choice: Choice, asked: ResponsesAsked, mark: Mark) -> Json:
    """Return the reasoning item; its text is there if a summary was asked for, its seal if encrypted content was."""
    id = f"rs_{mark.token}"
    summary = [{"type": "summary_text", "text": "".join(choice.reasoning)}] if asked.shows else []
    sealed = {"encrypted_content": seal_of(asked.model, id)} if asked.encrypts else {}
    return {"id": id, "type": "reasoning", "summary": summary, **sealed}


def message(choice: Choice, mark: Mark) -> Json:
    """Return the message: its text, then its refusal."""
    content = [text_part(choice.text)] if choice.pieces or not choice.refusal else []
    content += [refusal_part("".join(choice.refusal))] if choice.refusal else []
    status = "completed" if ending(choice) == "completed" else "incomplete"
    return {"id": f"msg_{mark.token}", "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str) -> Json:
    """Return a part with text."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def refusal_part(text: str) -> Json:
    """Return a part with a refusal."""
    return {"type": "refusal", "refusal": text}


def call_item(place: int, call: Call, mark: Mark) -> Json:
    """Return a call; its `id` is not the `call_id` that its output names."""
    ids = {"status": "completed", "call_id": f"call_{mark.token}_{place}", "name": call.name}
    if call.custom:
        return {"id": f"ctc_{mark.token}_{place}", "type": "custom_tool_call", **ids, "input": call.arguments}
    return {"id": f"fc_{mark.token}_{place}", "type": "function_call", **ids, "arguments": call.arguments}


def usage(tokens: Tokens) -> Json:
    """Put the buckets this endpoint's way: the input includes what was cached and written, the output includes reasoning."""
    written = tokens.cache_write + tokens.cache_write_1h
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": written},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.output,
    }


def counted(answer: Answer) -> bytes:
    """Write how many tokens go in."""
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": answer.tokens.prompt})


def named(items: Sequence[Json], mark: Mark) -> tuple[Json, ...]:
    """Give the items that were sent an id and a type where they have none, as they are kept and listed."""
    return tuple(_named(place, item, mark) for place, item in enumerate(items))


def _named(place: int, item: Json, mark: Mark) -> Json:
    kind = str(item.get("type", "message"))
    content = item.get("content")
    if kind == "message" and isinstance(content, str):
        part = "output_text" if item["role"] == "assistant" else "input_text"
        item = item | {"content": [{"type": part, "text": content}]}
    given = {key: value for key, value in item.items() if value is not None}
    return {"id": f"{_PREFIX.get(kind, 'item')}_{mark.token}_in{place}", "type": kind, **given}

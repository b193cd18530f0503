"""OpenAI's answers: a `chat.completion`, or its chunks.

Never counts or chooses anything: the answer comes finished. Chunk order: role, content or tool calls, finish, usage (only when
the request's `stream_options.include_usage` asks), `[DONE]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stormkeel.sandbox.answer import Answer, Call, Choice, pieces
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.bill import Tokens
from stormkeel.sandbox.dialect import Frame, Mark

_FINISH = {
    "stop": "stop",
    "stop_sequence": "stop",
    "refused": "stop",
    "length": "length",
    "filter": "content_filter",
    "tools": "tool_calls",
}
_CREATED = 1_767_225_600  # 2026-01-01, for the model list

_encode = msgspec.json.encode


def body(answer: Answer, asked: Asked, mark: Mark) -> bytes:
    """Write a `chat.completion`."""
    del asked
    whole = _base(answer, mark, "chat.completion")
    whole["choices"] = [_choice(index, choice, mark) for index, choice in enumerate(answer.choices)]
    if answer.usage:
        whole["usage"] = _usage(answer.tokens)
    return _encode(whole)


def frames(answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
    """Write the chunks; without the wish for usage no chunk has a `usage` field, with it all but the last have null."""
    base = _base(answer, mark, "chat.completion.chunk")
    reports = asked.wants_usage and answer.usage
    if reports:
        base["usage"] = None

    def chunk(index: int, delta: dict[str, object], finish: str | None = None) -> bytes:
        choices = [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return b"data: " + _encode({**base, "choices": choices}) + b"\n\n"

    made = [
        Frame(chunk(index, delta, finish), tokens)
        for index, choice in enumerate(answer.choices)
        for delta, finish, tokens in _deltas(index, choice, mark)
    ]
    if reports:
        last = _encode({**base, "choices": [], "usage": _usage(answer.tokens)})
        made.append(Frame(b"data: " + last + b"\n\n", usage=True))
    made.append(Frame(b"data: [DONE]\n\n", terminal=True))
    return made


def models(names: list[str]) -> bytes:
    """Write the list of models."""
    return _encode({"object": "list", "data": [_model(name) for name in names]})


def model(name: str) -> bytes:
    """Write one model."""
    return _encode(_model(name))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "system"}


def _base(answer: Answer, mark: Mark, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{mark.token}",
        "object": kind,
        "created": int(mark.now),
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _choice(index: int, choice: Choice, mark: Mark) -> dict[str, object]:
    refusal = "".join(choice.refusal) or None
    text = choice.text or None if choice.calls or refusal else choice.text
    message: dict[str, object] = {"role": "assistant", "content": text, "refusal": refusal, "annotations": []}
    if choice.calls:
        message["tool_calls"] = [_call(index, place, call, mark) for place, call in enumerate(choice.calls)]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": _FINISH[choice.finish]}


def _call(index: int, place: int, call: Call, mark: Mark) -> dict[str, object]:
    id = f"call_{mark.token}_{index}_{place}"
    if call.custom:
        return {"id": id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _deltas(index: int, choice: Choice, mark: Mark) -> Iterator[tuple[dict[str, object], str | None, int]]:
    """Yield (delta, finish_reason, tokens) of one choice; there is no place for reasoning, it is only counted."""
    first = None if (choice.calls or choice.refusal) and not choice.pieces else ""
    yield {"role": "assistant", "content": first, "refusal": None}, None, len(choice.reasoning)
    for piece in choice.pieces:
        yield {"content": piece}, None, 1
    for piece in choice.refusal:
        yield {"refusal": piece}, None, 1
    for place, call in enumerate(choice.calls):
        opened = _call(index, place, Call(call.name, "", call.custom), mark)
        yield {"tool_calls": [{"index": place, **opened}]}, None, 0
        for piece in pieces(call.arguments):
            more = {"custom": {"input": piece}} if call.custom else {"function": {"arguments": piece}}
            yield {"tool_calls": [{"index": place, **more}]}, None, 1
    yield {}, _FINISH[choice.finish], 0


def _usage(tokens: Tokens) -> dict[str, object]:
    """Put the buckets OpenAI's way: the prompt includes what was cached and written, the completion includes reasoning."""
    written = tokens.cache_write + tokens.cache_write_1h
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.prompt + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": written, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }

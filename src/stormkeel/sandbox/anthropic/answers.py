"""Anthropic's answers: a message, or its stream events.

Never counts or chooses anything: the answer comes finished. Event order: message_start (the input tokens, and output_tokens 1),
ping, for each block start, deltas, stop; then message_delta (stop_reason, cumulative usage) and message_stop.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stormkeel.sandbox.answer import Answer, Call, Choice, pieces
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.bill import PRICES, Tokens
from stormkeel.sandbox.dialect import Frame, Mark
from stormkeel.sandbox.seal import sealed

_STOP = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "filter": "refusal",
    "refused": "refusal",
    "tools": "tool_use",
}
_FILTERED = "The answer was stopped by a safety filter."

Delta = dict[str, object]

_encode = msgspec.json.encode


def body(answer: Answer, asked: Asked, mark: Mark) -> bytes:
    """Write a message."""
    choice = answer.choices[0]
    message = _message(answer, mark)
    message["content"] = list(_blocks(choice, asked, mark))
    message |= _ending(choice)
    if answer.usage:
        message["usage"] = _usage(answer.tokens, answer.tokens.output)
    return _encode(message)


def frames(answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
    """Write the stream events."""
    choice = answer.choices[0]
    message = _message(answer, mark)
    delta: dict[str, object] = {"delta": _ending(choice)}
    if answer.usage:
        message["usage"] = _usage(answer.tokens, 1)
        delta["usage"] = _usage(answer.tokens, answer.tokens.output)
    made = [_frame("message_start", {"message": message}), _frame("ping", {})]
    for index, (block, parts) in enumerate(_parts(choice, asked, mark)):
        made.append(_frame("content_block_start", {"index": index, "content_block": block}))
        made += [_frame("content_block_delta", {"index": index, "delta": part}, tokens) for part, tokens in parts]
        made.append(_frame("content_block_stop", {"index": index}))
    made.append(msgspec.structs.replace(_frame("message_delta", delta, len(choice.refusal)), usage=answer.usage))
    made.append(msgspec.structs.replace(_frame("message_stop", {}), terminal=True))
    return made


def models(names: list[str]) -> bytes:
    """Write the list of models, on one page."""
    first, last = (names[0], names[-1]) if names else (None, None)
    return _encode({"data": [_model(name) for name in names], "has_more": False, "first_id": first, "last_id": last})


def model(name: str) -> bytes:
    """Write one model."""
    return _encode(_model(name))


def _model(name: str) -> dict[str, object]:
    price = PRICES.get(name)
    return {
        "id": name,
        "type": "model",
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": None if price is None else price.window,
        "max_tokens": None,
    }


def _message(answer: Answer, mark: Mark) -> dict[str, object]:
    return {
        "id": f"msg_{mark.token}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


def _ending(choice: Choice) -> dict[str, object]:
    details = None
    if choice.finish in {"filter", "refused"}:
        said = "".join(choice.refusal) or _FILTERED
        details = {"type": "refusal", "category": "general_harms", "explanation": said}
    return {"stop_reason": _STOP[choice.finish], "stop_sequence": choice.stop, "stop_details": details}


def _blocks(choice: Choice, asked: Asked, mark: Mark) -> Iterator[dict[str, object]]:
    if choice.reasoning:
        yield _thinking(_shown(choice, asked), asked.model)
    if choice.pieces:
        yield {"type": "text", "text": choice.text, "citations": None}
    for place, call in enumerate(choice.calls):
        yield _tool_use(place, call, mark, msgspec.json.decode(call.arguments))


def _parts(choice: Choice, asked: Asked, mark: Mark) -> Iterator[tuple[dict[str, object], list[tuple[Delta, int]]]]:
    """Yield each block as it starts, with its deltas and the tokens in each."""
    if choice.reasoning:
        yield {"type": "thinking", "thinking": "", "signature": ""}, _thoughts(choice, asked)
    if choice.pieces:
        words: list[tuple[Delta, int]] = [({"type": "text_delta", "text": piece}, 1) for piece in choice.pieces]
        yield {"type": "text", "text": "", "citations": None}, words
    for place, call in enumerate(choice.calls):
        deltas: list[tuple[Delta, int]] = [
            ({"type": "input_json_delta", "partial_json": piece}, 1) for piece in pieces(call.arguments)
        ]
        yield _tool_use(place, call, mark, {}), deltas


def _thoughts(choice: Choice, asked: Asked) -> list[tuple[Delta, int]]:
    """Return the deltas of thinking, the signature last; thinking that is not shown is counted with the signature."""
    shown = _shown(choice, asked)
    words: list[tuple[Delta, int]] = [({"type": "thinking_delta", "thinking": piece}, 1) for piece in shown]
    signature = _thinking(shown, asked.model)["signature"]
    return [*words, ({"type": "signature_delta", "signature": signature}, len(choice.reasoning) - len(shown))]


def _shown(choice: Choice, asked: Asked) -> tuple[str, ...]:
    return choice.reasoning if asked.shows else ()


def _thinking(shown: tuple[str, ...], model: str) -> dict[str, object]:
    text = "".join(shown)
    return {"type": "thinking", "thinking": text, "signature": sealed(model, text)}


def _tool_use(place: int, call: Call, mark: Mark, arguments: object) -> dict[str, object]:
    return {"type": "tool_use", "id": f"toolu_{mark.token}_{place}", "name": call.name, "input": arguments}


def _frame(kind: str, fields: dict[str, object], tokens: int = 0) -> Frame:
    return Frame(b"event: " + kind.encode() + b"\ndata: " + _encode({"type": kind, **fields}) + b"\n\n", tokens)


def _usage(tokens: Tokens, output: int) -> dict[str, object]:
    """Put the buckets Anthropic's way: disjoint, `input_tokens` only what was neither read from a cache nor written to it."""
    return {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write + tokens.cache_write_1h,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": tokens.cache_write_1h},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": min(tokens.reasoning, output)},
        "service_tier": "standard",
    }

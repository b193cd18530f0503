"""What Anthropic asks beyond the schema: versions, empty text, turns, tool calls and their results, what some models refuse.

Never reads bytes. Each rule yields the complaints it has; the first one is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from stormkeel.sandbox.anthropic.shape import (
    AnyTool,
    Assistant,
    Document,
    Enabled,
    Message,
    MessagesRequest,
    OneTool,
    RedactedThinking,
    System,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    User,
)
from stormkeel.sandbox.seal import sealed

NEW_VERSION = "2026-10-21"  # from it on the sampling fields are unknown fields
VERSIONS = frozenset({"2023-01-01", "2023-06-01", NEW_VERSION})

_MODEL = re.compile(r"^claude-(?P<line>[a-z]+)-(?P<major>\d{1,2})(?:-(?P<minor>\d{1,2}))?(?:-|$)")
_MOST_MARKS = 4
_SAMPLING = {"temperature": 1, "top_p": None, "top_k": None}


def complaints(request: MessagesRequest, model: str, version: str, *, model_rules: bool) -> Iterator[str]:
    """Yield what Anthropic would complain about, most basic first.

    Args:
        request: A body that fits the schema.
        model: The model's plain name.
        version: The `anthropic-version` header.
        model_rules: Also apply the rules that depend on the model.
    """
    if version == NEW_VERSION:
        yield from _newer(request)
    yield from _empty(request)
    yield from _turns(request.messages)
    yield from _pairing(request.messages)
    yield from _thinking(request)
    yield from _stops(request)
    yield from _signatures(request.messages)
    yield from _marks(request)
    yield from _form(request)
    if model_rules:
        yield from _for_model(request, generation(model))


def forged(messages: list[Message], model: str) -> Iterator[str]:
    """Yield a complaint for each thinking block that was not signed here for this model, or was changed since."""
    for place, message in enumerate(messages):
        for spot, block in enumerate(message.content if isinstance(message, Assistant) else ()):
            if isinstance(block, Thinking) and block.signature != sealed(model, block.thinking):
                yield f"messages.{place}.content.{spot}: Invalid `signature` in `thinking` block"
            if isinstance(block, RedactedThinking):
                yield f"messages.{place}.content.{spot}: Invalid `data` in `redacted_thinking` block"


def generation(model: str) -> tuple[int, int] | None:
    """Return (4, 6) for claude-sonnet-4-6, (5, 0) for claude-opus-5; None for a name that tells nothing.

    >>> generation("claude-haiku-4-5-20251001"), generation("claude-opus-5"), generation("whale")
    ((4, 5), (5, 0), None)
    """
    found = _MODEL.match(model)
    return (int(found["major"]), int(found["minor"] or 0)) if found else None


def _newer(request: MessagesRequest) -> Iterator[str]:
    for name in _SAMPLING:
        if getattr(request, name) is not UNSET:
            yield f"{name}: Extra inputs are not permitted"
    for place, message in enumerate(request.messages):
        if isinstance(message.content, str):
            continue
        for spot, block in enumerate(message.content):
            if isinstance(message, Assistant) and isinstance(block, Document):
                yield f"messages.{place}.content.{spot}: `document` blocks are not permitted in assistant messages"
            if isinstance(message, User) and isinstance(block, Text) and block.citations:
                yield f"messages.{place}.content.{spot}.citations: Extra inputs are not permitted"


def _empty(request: MessagesRequest) -> Iterator[str]:
    if isinstance(request.system, list) and any(not block.text for block in request.system):
        yield "system: text content blocks must be non-empty"
    last = len(request.messages) - 1
    for place, message in enumerate(request.messages):
        if not message.content and not (place == last and isinstance(message, Assistant)):
            yield f"messages.{place}: all messages must have non-empty content except for the optional final assistant message"
        elif any(isinstance(block, Text) and not block.text for block in message.content):
            yield "messages: text content blocks must be non-empty"


def _turns(messages: list[Message]) -> Iterator[str]:
    if not isinstance(messages[0], User):
        yield 'messages: first message must use the "user" role'
    for place, message in enumerate(messages):
        if not isinstance(message, System) or place == 0:
            continue
        after = messages[place + 1] if place + 1 < len(messages) else None
        if not isinstance(messages[place - 1], User) or not (after is None or isinstance(after, Assistant)):
            yield f"messages.{place}: a `system` message must follow a user turn and be last or precede an assistant turn"


def _pairing(messages: list[Message]) -> Iterator[str]:
    """Every tool_use is answered in the next message, results first; nothing else is answered."""
    asked: list[str] = []
    for place, message in enumerate(messages):
        blocks = [] if isinstance(message.content, str) else list(message.content)
        results = [block.tool_use_id for block in blocks if isinstance(block, ToolResult)]
        for given in results:
            if given not in asked:
                yield (
                    f"messages.{place}.content: unexpected `tool_use_id` found in `tool_result` blocks: {given}. "
                    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        missing = [one for one in asked if one not in results]
        if missing or (asked and any(isinstance(block, ToolResult) for block in blocks[len(results) :])):
            yield _unanswered(place - 1, missing or asked)
        asked = [block.id for block in blocks if isinstance(block, ToolUse)]
    if asked:
        yield _unanswered(len(messages) - 1, asked)


def _unanswered(place: int, ids: list[str]) -> str:
    return (
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(ids)}. "
        "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _thinking(request: MessagesRequest) -> Iterator[str]:
    if isinstance(request.thinking, Enabled):
        if request.thinking.budget_tokens >= request.max_tokens:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"
        if isinstance(request.tool_choice, AnyTool | OneTool):
            yield "Thinking may not be enabled when tool_choice forces tool use."
    if isinstance(request.tool_choice, AnyTool | OneTool) and not request.tools:
        yield "tool_choice: tools must be provided when tool_choice is set"


def _stops(request: MessagesRequest) -> Iterator[str]:
    for place, stop in enumerate(request.stop_sequences or ()):
        if not stop.strip():
            yield f"stop_sequences.{place}: each stop sequence must contain non-whitespace"


def _signatures(messages: list[Message]) -> Iterator[str]:
    for place, message in enumerate(messages):
        for spot, block in enumerate(message.content):
            if isinstance(block, Thinking) and not block.signature:
                yield f"messages.{place}.content.{spot}: Invalid `signature` in `thinking` block"


def _marks(request: MessagesRequest) -> Iterator[str]:
    count = msgspec.json.encode(request).count(b'"cache_control":{')
    if count > _MOST_MARKS:
        yield f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {count}."


def _form(request: MessagesRequest) -> Iterator[str]:
    form = request.output_config.format if request.output_config is not None else None
    if form is not None and any(one.get("additionalProperties") is not False for one in _objects(form.schema)):
        yield "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"


def _objects(value: object) -> Iterator[dict[str, object]]:
    """Yield every object of type "object" in a schema."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get("type") == "object":
        yield value
    for one in inner:
        yield from _objects(one)


def _for_model(request: MessagesRequest, version: tuple[int, int] | None) -> Iterator[str]:
    if version is None:
        return
    if version >= (4, 7):
        for name, usual in _SAMPLING.items():
            if getattr(request, name) not in {UNSET, None, usual}:
                yield f"{name}: may only be left at its default for this model"
        if isinstance(request.thinking, Enabled):
            yield 'thinking: type "enabled" is not supported for this model. Use "adaptive" with output_config.effort.'
    if version < (4, 8) and any(isinstance(message, System) for message in request.messages):
        yield "messages: this model does not support the `system` role inside messages"
    if version >= (4, 6) and isinstance(request.messages[-1], Assistant):
        yield "This model does not support assistant message prefill. The conversation must end with a user message."

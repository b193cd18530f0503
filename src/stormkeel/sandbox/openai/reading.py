"""Reads a Chat Completions request as strictly as OpenAI does, and says in its words what is wrong.

Never answers. The order is: JSON, schema, rules.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.rules import broken_rule
from stormkeel.sandbox.openai.schema import decode
from stormkeel.sandbox.openai.shape import (
    Assistant,
    ChatRequest,
    CustomChoice,
    FunctionChoice,
    FunctionTool,
    Message,
    RefusalPart,
    TextPart,
    User,
)
from stormkeel.sandbox.problem import RefusedError

_PER_MESSAGE = 3  # tokens that frame a message
_PER_PART = 256  # tokens an image, a sound or a file stands for

_decoder = msgspec.json.Decoder(ChatRequest)


def credential(inbound: Inbound) -> str | None:
    """Return the Bearer token; OpenAI takes no other header."""
    scheme, _, token = (inbound.header("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def read(inbound: Inbound, *, model_rules: bool, ownership: bool = False) -> Asked:
    """Read a request; RefusedError with OpenAI's own 400 when it would not take it. A chat has nothing to own."""
    del ownership
    request = decode(inbound, _decoder)
    model, _ = split_model(request.model)
    problem = broken_rule(request, model, model_rules=model_rules)
    if problem is not None:
        raise RefusedError(problem)
    return _asked(request, model)


def _asked(request: ChatRequest, model: str) -> Asked:
    texts = [text for message in request.messages for text in _texts(message)]
    tools = [msgspec.json.encode(tool).decode() for tool in request.tools or ()]
    users = [message for message in request.messages if isinstance(message, User)]
    parts = sum(_others(message) for message in request.messages)
    options = request.stream_options
    return Asked(
        model=model,
        stream=bool(request.stream),
        prompt=(*texts, *tools),
        last_user="\n".join(_texts(users[-1])) if users else "",
        extra_tokens=_PER_MESSAGE * len(request.messages) + _PER_PART * parts,
        limit=request.max_completion_tokens or request.max_tokens,
        stops=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        count=request.n or 1,
        wants_usage=bool(options and options.include_usage),
        tool=_forced(request),
        custom=isinstance(request.tool_choice, CustomChoice),
        thinks=request.reasoning_effort != "none",
    )


def _texts(message: Message) -> list[str]:
    calls = message.tool_calls or () if isinstance(message, Assistant) else ()
    said = [msgspec.json.encode(call).decode() for call in calls]
    if isinstance(message.content, str):
        return [message.content, *said]
    parts = message.content or ()
    kept = [part for part in parts if isinstance(part, TextPart | RefusalPart)]
    return [*(part.text if isinstance(part, TextPart) else part.refusal for part in kept), *said]


def _others(message: Message) -> int:
    if isinstance(message.content, str) or message.content is None:
        return 0
    return sum(not isinstance(part, TextPart | RefusalPart) for part in message.content)


def _forced(request: ChatRequest) -> str | None:
    """Name the tool that must be called, if one must be."""
    if isinstance(request.tool_choice, FunctionChoice):
        return request.tool_choice.function.name
    if isinstance(request.tool_choice, CustomChoice):
        return request.tool_choice.custom.name
    named = [tool.function.name for tool in request.tools or () if isinstance(tool, FunctionTool)]
    if request.tool_choice == "required" and named:
        return named[0]
    return None

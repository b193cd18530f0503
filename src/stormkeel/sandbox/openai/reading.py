"""Reads a Chat Completions request as strictly as OpenAI does, and says in its words what is wrong.

Never answers. The order is: JSON, schema, rules.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.body import duplicates, media_type
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.rules import broken_rule
from stormkeel.sandbox.openai.shape import (
    Assistant,
    ChatRequest,
    FunctionChoice,
    FunctionTool,
    Message,
    RefusalPart,
    TextPart,
    User,
)
from stormkeel.sandbox.problem import Misfit, Problem, RefusedError, misfit

_INVALID = "invalid_request_error"
_PER_MESSAGE = 3  # tokens that frame a message
_PER_PART = 256  # tokens an image, a sound or a file stands for

_decoder = msgspec.json.Decoder(ChatRequest)


def credential(inbound: Inbound) -> str | None:
    """Return the Bearer token; OpenAI takes no other header."""
    scheme, _, token = (inbound.header("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def read(inbound: Inbound, *, model_rules: bool) -> Asked:
    """Read a request; RefusedError with OpenAI's own 400 when it would not take it."""
    if media_type(inbound.header("content-type")) != "application/json":
        raise _refused("Unsupported content type: the request body must be application/json.")
    request = _decode(inbound.body)
    model, _ = split_model(request.model)
    problem = broken_rule(request, model, model_rules=model_rules)
    if problem is not None:
        raise RefusedError(problem)
    return _asked(request, model)


def _decode(body: bytes) -> ChatRequest:
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RefusedError(_problem(misfit(error))) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
            f"correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON: {error})"
        ) from error
    repeated = duplicates(body)
    if repeated:
        raise _refused(f"Duplicate key in the request body: '{repeated[0]}'.", repeated[0])
    return request


def _problem(wrong: Misfit) -> Problem:
    where = _where(wrong.path)
    name = f"{where}.{wrong.field}" if where and wrong.field else where or wrong.field
    if not name:
        return Problem(400, _INVALID, f"The request body must be a JSON object. {wrong.text}.")
    if wrong.what == "missing":
        return Problem(400, _INVALID, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    if wrong.what == "unknown" and not where:
        return Problem(400, _INVALID, f"Unrecognized request argument supplied: {name}")
    if wrong.what == "unknown":
        return Problem(400, _INVALID, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    if wrong.what == "type":
        return Problem(400, _INVALID, f"Invalid type for '{name}': {wrong.text}.", "invalid_type", name or None)
    return Problem(400, _INVALID, f"Invalid value for '{name}': {wrong.text}.", "invalid_value", name)


def _where(path: tuple[str, ...]) -> str:
    steps = (f"[{step}]" if step.isdigit() else f".{step}" for step in path)
    return "".join(steps).lstrip(".")


def _refused(message: str, param: str | None = None) -> RefusedError:
    return RefusedError(Problem(400, _INVALID, message, None, param))


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
    """Name the function that must be called, if one must be."""
    if isinstance(request.tool_choice, FunctionChoice):
        return request.tool_choice.function.name
    named = [tool.function.name for tool in request.tools or () if isinstance(tool, FunctionTool)]
    if request.tool_choice == "required" and named:
        return named[0]
    return None

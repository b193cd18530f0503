"""Reads a Messages request as strictly as Anthropic does, and says in its words what is wrong.

Never answers. The order is: version header, JSON, schema, tools, rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from stormkeel.sandbox.anthropic.rules import VERSIONS, complaints, forged
from stormkeel.sandbox.anthropic.shape import (
    BETA_FIELDS,
    Adaptive,
    AnyTool,
    CountRequest,
    Disabled,
    Enabled,
    Json,
    Message,
    MessagesRequest,
    OneTool,
    Text,
    Tool,
    ToolResult,
    ToolUse,
    User,
)
from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.body import duplicates, media_type
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Misfit, Problem, RefusedError, misfit

_INVALID = "invalid_request_error"
_PER_MESSAGE = 3  # tokens that frame a message
_PER_BLOCK = 256  # tokens an image or a document stands for

_ANY_LIMIT = 1 << 53  # a count knows no limit that thinking could exceed

Body = TypeVar("Body", MessagesRequest, CountRequest)

_decoder = msgspec.json.Decoder(MessagesRequest)
_count_decoder = msgspec.json.Decoder(CountRequest)


def credential(inbound: Inbound) -> str | None:
    """Return `x-api-key`, which wins, or the Bearer token."""
    key = inbound.header("x-api-key")
    if key:
        return key
    scheme, _, token = (inbound.header("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def read(inbound: Inbound, *, model_rules: bool, ownership: bool = False) -> Asked:
    """Read a request; RefusedError with Anthropic's own 400 when it would not take it.

    Args:
        inbound: The request.
        model_rules: Also apply the rules that depend on the model.
        ownership: Refuse thinking that is not signed by the sandbox itself, for this model.
    """
    return _checked(inbound, _decode(inbound, _decoder), model_rules=model_rules, ownership=ownership)


def read_count(inbound: Inbound, *, model_rules: bool, ownership: bool = False) -> Asked:
    """Read a request for the tokens of its input; nothing is generated for it."""
    given = msgspec.structs.asdict(_decode(inbound, _count_decoder))
    request = MessagesRequest(**given, max_tokens=_ANY_LIMIT)
    asked = _checked(inbound, request, model_rules=model_rules, ownership=ownership)
    return msgspec.structs.replace(asked, count=0, tool=None)


def _checked(inbound: Inbound, request: MessagesRequest, *, model_rules: bool, ownership: bool) -> Asked:
    version = _version(inbound)
    _check_tools(request.tools or [])
    model, _ = split_model(request.model)
    for complaint in complaints(request, model, version, model_rules=model_rules):
        raise _refused(complaint)
    for complaint in forged(request.messages, model) if ownership else ():
        raise _refused(complaint)
    return _asked(request, model)


def _version(inbound: Inbound) -> str:
    version = inbound.header("anthropic-version")
    if version is None:
        raise _refused("anthropic-version: header is required")
    if version not in VERSIONS:
        raise _refused(f'anthropic-version: "{version}" is not a valid version')
    return version


def _decode(inbound: Inbound, decoder: msgspec.json.Decoder[Body]) -> Body:
    _version(inbound)
    if media_type(inbound.header("content-type")) != "application/json":
        raise _refused("content-type: must be application/json")
    body = inbound.body
    try:
        request = decoder.decode(_without_beta(body) if inbound.header("anthropic-beta") else body)
    except msgspec.ValidationError as error:
        raise _refused(_complaint(misfit(error))) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(f"The request body is not valid JSON: {error}") from error
    repeated = duplicates(body)
    if repeated:
        raise _refused(f"{repeated[0]}: Duplicate key in the request body")
    return request


def _without_beta(body: bytes) -> bytes:
    """Take out the fields that only an `anthropic-beta` header allows, so that the schema need not know them."""
    fields = msgspec.json.decode(body)
    if not isinstance(fields, dict):
        return body
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in BETA_FIELDS})


def _check_tools(tools: list[Json]) -> None:
    """Check the tools the caller runs; those the service runs are known by a dated `type`."""
    for place, tool in enumerate(tools):
        if tool.get("type") not in {None, "", "custom"}:
            continue
        try:
            msgspec.convert(tool, Tool)
        except msgspec.ValidationError as error:
            raise _refused(f"tools.{place}.{_complaint(misfit(error))}") from error
        if tool["input_schema"].get("type") != "object":
            raise _refused(f"tools.{place}.input_schema.type: Input should be 'object'")


def _complaint(wrong: Misfit) -> str:
    name = ".".join([*wrong.path, wrong.field] if wrong.field else wrong.path) or "body"
    if wrong.what == "missing":
        return f"{name}: Field required"
    if wrong.what == "unknown":
        return f"{name}: Extra inputs are not permitted"
    return f"{name}: Input should be valid: {wrong.text}"


def _refused(message: str) -> RefusedError:
    return RefusedError(Problem(400, _INVALID, message))


def _asked(request: MessagesRequest, model: str) -> Asked:
    system = request.system if isinstance(request.system, list) else [Text(text=request.system or "")]
    texts = [text for message in request.messages for text in _texts(message)]
    tools = [msgspec.json.encode(tool).decode() for tool in request.tools or ()]
    users = [message for message in request.messages if isinstance(message, User)]
    others = sum(_others(message) for message in request.messages)
    return Asked(
        model=model,
        stream=bool(request.stream),
        prompt=(*(block.text for block in system), *texts, *tools),
        last_user="\n".join(_texts(users[-1])),
        extra_tokens=_PER_MESSAGE * len(request.messages) + _PER_BLOCK * others,
        limit=request.max_tokens,
        stops=tuple(request.stop_sequences or ()),
        tool=_forced(request),
        thinks=not isinstance(request.thinking, Disabled | None),
        shows=not isinstance(request.thinking, Adaptive | Enabled) or request.thinking.display != "omitted",
    )


def _texts(message: Message) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [text for block in message.content for text in _block_text(block)]


def _block_text(block: object) -> Iterator[str]:
    if isinstance(block, Text):
        yield block.text
    elif isinstance(block, ToolUse):
        yield msgspec.json.encode(block).decode()
    elif isinstance(block, ToolResult) and block.content:
        yield block.content if isinstance(block.content, str) else msgspec.json.encode(block.content).decode()


def _others(message: Message) -> int:
    if isinstance(message.content, str):
        return 0
    return sum(not isinstance(block, Text | ToolUse | ToolResult) for block in message.content)


def _forced(request: MessagesRequest) -> str | None:
    """Name the tool that must be called, if one must be."""
    if isinstance(request.tool_choice, OneTool):
        return request.tool_choice.name
    if isinstance(request.tool_choice, AnyTool) and request.tools:
        return str(request.tools[0].get("name", ""))
    return None

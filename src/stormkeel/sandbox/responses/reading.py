"""Reads a Responses request, or one for its tokens, as strictly as OpenAI does, and says in its words what is wrong.

Never answers. The order is: JSON, schema, items and tools, rules, whose reasoning it is.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.rules import generation, reasons
from stormkeel.sandbox.openai.schema import decode
from stormkeel.sandbox.openai.shape import Json
from stormkeel.sandbox.problem import RefusedError
from stormkeel.sandbox.responses.items import Told
from stormkeel.sandbox.responses.owning import foreign, orphans
from stormkeel.sandbox.responses.rules import effort, problems
from stormkeel.sandbox.responses.shape import AllowedChoice, CountRequest, CustomTool, FunctionTool, NamedChoice, ResponsesRequest
from stormkeel.sandbox.responses.shelf import Shelf
from stormkeel.sandbox.responses.talk import Talk, others, talk, texts

_PER_ITEM = 3  # tokens that frame an item
_PER_PART = 256  # tokens an image, a sound or a file stands for

_decoder = msgspec.json.Decoder(ResponsesRequest)
_count_decoder = msgspec.json.Decoder(CountRequest)


class ResponsesAsked(Asked, frozen=True):
    """A request, with what the answer tells back of it and what is kept with it.

    `echo` holds the settings as the response object repeats them, `items` what was sent, `history` what was said before,
    `store` whether the answer is kept, `encrypts` whether reasoning is handed out sealed.
    """

    echo: Json = msgspec.field(default_factory=dict)
    items: tuple[Json, ...] = ()
    history: tuple[Json, ...] = ()
    store: bool = True
    encrypts: bool = False


def read(inbound: Inbound, shelf: Shelf, *, model_rules: bool, ownership: bool) -> ResponsesAsked:
    """Read a request; RefusedError with OpenAI's own answer when it would not take it."""
    return _checked(decode(inbound, _decoder), shelf, model_rules=model_rules, ownership=ownership)


def read_count(inbound: Inbound, shelf: Shelf, *, model_rules: bool, ownership: bool) -> ResponsesAsked:
    """Read a request for the tokens of its input; nothing is generated for it."""
    given = msgspec.structs.asdict(decode(inbound, _count_decoder))
    given.pop("personality")
    asked = _checked(ResponsesRequest(**given), shelf, model_rules=model_rules, ownership=ownership)
    return msgspec.structs.replace(asked, count=0, tool=None)


def _checked(request: ResponsesRequest, shelf: Shelf, *, model_rules: bool, ownership: bool) -> ResponsesAsked:
    model, _ = split_model(request.model)
    told = talk(request, shelf)
    for problem in problems(told, model, model_rules=model_rules):
        raise RefusedError(problem)
    for refusal in orphans(told.items, shelf):
        raise refusal
    for refusal in foreign(told.items, model, shelf) if ownership else ():
        raise refusal
    return _asked(told, model)


def _asked(told: Talk, model: str) -> ResponsesAsked:
    request, items = told.request, [placed.item for placed in told.items]
    users = [item for item in items if isinstance(item, Told) and item.role == "user"]
    tools = [msgspec.json.encode(tool).decode() for tool in request.tools or ()]
    reasoning, tool = request.reasoning, _forced(told)
    return ResponsesAsked(
        model=model,
        stream=bool(request.stream),
        prompt=(request.instructions or "", *(text for item in items for text in texts(item)), *tools),
        last_user="\n".join(texts(users[-1])) if users else "",
        extra_tokens=_PER_ITEM * len(items) + _PER_PART * sum(others(item) for item in items),
        limit=request.max_output_tokens,
        tool=tool,
        custom=any(isinstance(known, CustomTool) and known.name == tool for known in told.tools),
        thinks=_thinks(request, model),
        shows=bool(reasoning and (reasoning.summary or reasoning.generate_summary)),
        truncates=request.truncation == "auto",
        echo=_echo(request, model),
        items=told.raw,
        history=told.history,
        store=request.store is not False,
        encrypts="reasoning.encrypted_content" in (request.include or ()),
    )


def _thinks(request: ResponsesRequest, model: str) -> bool:
    if request.reasoning is not None and request.reasoning.effort == "none":
        return False
    return generation(model) is None or reasons(model)


def _forced(told: Talk) -> str | None:
    """Name the tool that must be called, if one must be."""
    if isinstance(told.choice, NamedChoice):
        return told.choice.name
    if isinstance(told.choice, AllowedChoice) and told.choice.mode == "required":
        return next((str(tool["name"]) for tool in told.choice.tools if "name" in tool), None)
    if told.choice == "required":
        return next((tool.name for tool in told.tools if isinstance(tool, FunctionTool | CustomTool)), None)
    return None


def _echo(request: ResponsesRequest, model: str) -> Json:
    """Return the settings as the response repeats them, what was left out at its default."""
    config, reasoning = request.text, request.reasoning
    known = generation(model) is not None and reasons(model)
    return {
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {
            "effort": effort(request, model) if known else reasoning and reasoning.effort,
            "summary": reasoning and (reasoning.summary or reasoning.generate_summary),
        },
        "safety_identifier": request.safety_identifier,
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {
            "format": (config and config.format) or {"type": "text"},
            "verbosity": (config and config.verbosity) or "medium",
        },
        "tool_choice": request.tool_choice or "auto",
        "tools": request.tools or [],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "user": request.user,
    }

"""A chat completion's body, read whole as a prompt (docs/wire.md, Across dialects).

Never edits a body. What a prompt has no place for is told by its path; what only OpenAI can do is refused.
"""

from __future__ import annotations

from typing import Any, get_args

from ...types.failure import Failure, FailureKind
from ...types.prompt import Effort, Format, Prompt, Tool, ToolChoice
from ..fields import Fields, bound, wrong
from ..json import read_json
from ..lost import Lost
from ..uncrossed import CrossingError
from ..values import Reading
from .turns import read_cache, read_turns

EFFORTS: tuple[Effort, ...] = get_args(Effort)[1:]
MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}  # "any" is Mistral's
TIERS = {"auto": "auto", "default": "default", "flex": "flex", "priority": "priority", "fast": "priority"}
"""`service_tier`; "fast" is answered as "priority" (openai 3.52)."""

NO_JSON = "the body can't be read: send one JSON object, not nested too deeply, with no NaN and no number beyond a double's range"
_ROUTED = ("model", "stream", "stream_options")
_DEFAULTS: dict[str, tuple[object, ...]] = {
    "frequency_penalty": (0,), "presence_penalty": (0,), "logprobs": (False,), "top_logprobs": (0,), "store": (False,),
    "modalities": (["text"],), "verbosity": ("medium",), "top_k": (0, -1),
}  # fmt: skip
"""Values of fields without a place in a prompt that say what would be done anyway."""


def read_prompt(raw: bytes) -> Reading | Failure:
    """Read a whole body; a Failure (CALLER, UNSUPPORTED) names the field and its mend."""
    told = read_json(raw)
    if told is None:
        return Failure(FailureKind.CALLER, NO_JSON, 400, "invalid_json")
    lost = Lost()
    try:
        prompt = _read(Fields(told, "", lost))
    except CrossingError as error:
        return error.failure
    return Reading(prompt, lost.told())


def _read(body: Fields) -> Prompt:
    _refuse_what_is_bound(body)
    body.skip(*_ROUTED)
    prompt = Prompt(
        messages=read_turns(body),
        max_tokens=_limit(body),
        temperature=body.take("temperature", float),
        top_p=body.take("top_p", float),
        top_k=_top_k(body),
        stop=_stops(body),
        tools=(*_tools(body), *_functions(body)),
        tool_choice=_tool_choice(body),
        parallel_tools=body.take("parallel_tool_calls", bool),
        format=_format(body),
        effort=_effort(body),
        user=_user(body),
        tier=_tier(body),
        choices=_whole(body, "n") or 1,
    )
    body.close(_DEFAULTS)
    return prompt


def _refuse_what_is_bound(body: Fields) -> None:
    if body.has("web_search_options"):
        raise bound("web_search_options", "the search is made by its provider; leave it out, or ask for a model of OpenAI")
    modalities = body.look("modalities") or []
    if not isinstance(modalities, list):
        raise wrong("modalities", "expected a list of texts", "invalid_type")
    if "audio" in modalities:
        raise bound("modalities", 'no other dialect answers in sound; send ["text"]')


def _whole(fields: Fields, name: str) -> int | None:
    number = fields.take(name, int)
    if number is not None and number < 1:
        raise wrong(fields.at(name), "expected 1 or more")
    return number


def _limit(body: Fields) -> int | None:
    limit, older = _whole(body, "max_completion_tokens"), _whole(body, "max_tokens")
    return older if limit is None else limit


def _top_k(body: Fields) -> int | None:
    """Read a field that other servers than OpenAI's have; 0 and less stand for none there."""
    told = body.look("top_k")
    return body.take("top_k", int) if type(told) is int and told > 0 else None


def _stops(body: Fields) -> tuple[str, ...]:
    if isinstance(body.look("stop"), str):
        return (body.need("stop", str),)
    stops: list[Any] = body.take("stop", list) or []
    if not all(isinstance(stop, str) for stop in stops):
        raise wrong("stop", "expected a text or a list of texts", "invalid_type")
    return tuple(stops)


def _effort(body: Fields) -> Effort:
    told = body.choose("reasoning_effort", EFFORTS)
    return next((effort for effort in EFFORTS if effort == told), "")


def _user(body: Fields) -> str:
    user, older = body.take("safety_identifier", str), body.take("user", str)
    if user and older and user != older:
        body.lose("user")
    return user or older or ""


def _tier(body: Fields) -> str:
    tier = body.take("service_tier", str) or ""
    if tier and tier not in TIERS:
        body.lose("service_tier")
    return TIERS.get(tier, "")


def _tools(body: Fields) -> list[Tool]:
    return [_tool(told) for told in body.inners("tools")]


def _tool(told: Fields) -> Tool:
    kind = told.take("type", str) or "function"  # Mistral's clients leave it out
    if kind not in ("function", "custom"):
        raise bound(told.path, f'the tool "{kind[:100]}" is its provider\'s own: leave it out, or ask a model of that provider')
    inner = told.need_inner(kind)
    cache = read_cache(told)
    told.close()
    made = _custom(inner) if kind == "custom" else _function(inner)
    inner.close()
    return made if not cache else Tool(made.name, made.description, made.parameters, made.strict, made.custom, cache)


def _function(inner: Fields) -> Tool:
    name, description = inner.need("name", str), inner.take("description", str) or ""
    return Tool(name, description, inner.take("parameters", dict), inner.take("strict", bool))


def _custom(inner: Fields) -> Tool:
    name, description = inner.need("name", str), inner.take("description", str) or ""
    if inner.look("format") == {"type": "text"}:
        inner.skip("format")
    return Tool(name, description, custom=True)


def _functions(body: Fields) -> list[Tool]:
    """Read what tools were called at first."""
    tools = []
    for told in body.inners("functions"):
        tools.append(_function(told))
        told.close()
    return tools


def _tool_choice(body: Fields) -> ToolChoice | None:
    for name in ("tool_choice", "function_call"):
        told = body.look(name)
        if isinstance(told, str):
            return _mode(body, name)
        if told is not None:
            return _named_choice(body.need_inner(name), is_legacy=name == "function_call")
    return None


def _mode(fields: Fields, name: str, names: tuple[str, ...] = ()) -> ToolChoice:
    match MODES.get(fields.choose(name, tuple(MODES))):
        case "none":
            return ToolChoice("none")
        case "required":
            return ToolChoice("required", names)
        case _:
            return ToolChoice("auto", names)


def _named_choice(told: Fields, is_legacy: bool) -> ToolChoice:
    if is_legacy:
        choice = ToolChoice("required", (told.need("name", str),))
    else:
        kind = told.choose("type", ("function", "custom", "allowed_tools")) or "function"
        inner = told.need_inner(kind)
        choice = _allowed(inner) if kind == "allowed_tools" else ToolChoice("required", (inner.need("name", str),))
        inner.close()
    told.close()
    return choice


def _allowed(inner: Fields) -> ToolChoice:
    names = []
    for told in inner.inners("tools"):
        kind = told.choose("type", ("function", "custom")) or "function"
        tool = told.need_inner(kind)
        names.append(tool.need("name", str))
        tool.close()
        told.close()
    return _mode(inner, "mode", tuple(names))


def _format(body: Fields) -> Format | None:
    told = body.inner("response_format")
    if told is None:
        return None
    match told.choose("type", ("text", "json_object", "json_schema")):
        case "json_object":
            made = Format()
        case "json_schema":
            made = _schema(told.need_inner("json_schema"))
        case _:
            return None
    told.close()
    return made


def _schema(inner: Fields) -> Format:
    name, description = inner.need("name", str), inner.take("description", str) or ""
    made = Format(inner.take("schema", dict) or {}, name, description, inner.take("strict", bool))
    inner.close()
    return made

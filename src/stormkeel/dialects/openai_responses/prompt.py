"""A response's body, read whole as a prompt (docs/wire.md, Across dialects).

Never edits a body. What a prompt has no place for is told by its path; what leans on what OpenAI alone keeps or runs is refused.
"""

from __future__ import annotations

from typing import Any, get_args

from ...types.content import Message
from ...types.failure import Failure, FailureKind
from ...types.prompt import Effort, Format, Prompt, Tool, ToolChoice
from ..fields import Fields, bound, wrong
from ..json import read_json
from ..lost import Lost
from ..uncrossed import CrossingError
from ..values import Reading
from .items import read_items

EFFORTS: tuple[Effort, ...] = get_args(Effort)[1:]
MODES = ("auto", "none", "required")
TIERS = {"auto": "auto", "default": "default", "flex": "flex", "priority": "priority", "fast": "priority"}
"""`service_tier`; "fast" is answered as "priority" (openai 3.52)."""

STATE = {
    "previous_response_id": "what was said before is kept at its provider; send the whole conversation as input",
    "conversation": "what was said before is kept at its provider; send the whole conversation as input",
    "prompt": "the template lies with its provider; send its text as input",
}
"""Fields that lean on what a provider has kept."""

ENCRYPTED = "reasoning.encrypted_content"
"""What `include` may ask for that is told anyway, wherever there is any."""

NO_JSON = "the body can't be read: send one JSON object, not nested too deeply, with no NaN and no number beyond a double's range"
_ROUTED = ("model", "stream", "stream_options")
_DEFAULTS: dict[str, tuple[object, ...]] = {
    "store": (False,), "truncation": ("disabled",), "top_logprobs": (0,), "background": (False,),
}  # fmt: skip
"""Values of fields without a place in a prompt that say what would be done anyway."""

_TOOL_DEFAULTS: dict[str, tuple[object, ...]] = {"defer_loading": (False,), "async": (False,), "allowed_callers": (["direct"],)}


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
    form = body.inner("text")
    effort, shows = _reasoning(body)
    prompt = Prompt(
        messages=_turns(body),
        max_tokens=_limit(body),
        temperature=body.take("temperature", float),
        top_p=body.take("top_p", float),
        tools=tuple(_tool(told) for told in body.inners("tools")),
        tool_choice=_tool_choice(body),
        parallel_tools=body.take("parallel_tool_calls", bool),
        format=_format(form) if form else None,
        effort=effort,
        user=_user(body),
        tier=_tier(body),
        shows_thoughts=shows,
    )
    if form:
        form.close({"verbosity": ("medium",)})
    if body.look("include") == [ENCRYPTED]:
        body.skip("include")
    body.close(_DEFAULTS)
    return prompt


def _refuse_what_is_bound(body: Fields) -> None:
    for name, why in STATE.items():
        if body.has(name):
            raise bound(name, why)
    if body.take("background", bool):
        raise bound("background", "its provider alone answers later; leave it out, and wait for the answer or stream it")


def _turns(body: Fields) -> tuple[Message, ...]:
    instructions = body.take("instructions", str)
    turns = read_items(body)
    if instructions:
        turns.insert(0, Message("system", instructions))
    if not turns:
        raise wrong("input", "it is missing or empty: add a text or a list of items", "missing_field")
    return tuple(turns)


def _limit(body: Fields) -> int | None:
    limit = body.take("max_output_tokens", int)
    if limit is not None and limit < 1:
        raise wrong("max_output_tokens", "expected 1 or more")
    return limit


def _reasoning(body: Fields) -> tuple[Effort, bool]:
    """Return how hard to reason, and whether it is to be shown; how much of it is shown no other dialect is told."""
    told = body.inner("reasoning")
    if told is None:
        return "", False
    effort, summary = told.choose("effort", EFFORTS), told.take("summary", str)
    if summary not in (None, "auto"):
        told.lose("summary")
    told.close({"context": ("auto",), "mode": ("standard",)})
    return next((known for known in EFFORTS if known == effort), ""), summary is not None


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


def _tool(told: Fields) -> Tool:
    kind = told.need("type", str)
    if kind not in ("function", "custom"):
        raise bound(told.path, f'the tool "{kind[:100]}" is its provider\'s own: leave it out, or ask a model of that provider')
    name, description = told.need("name", str), told.take("description", str) or ""
    if kind == "custom":
        if told.look("format") == {"type": "text"}:
            told.skip("format")
        made = Tool(name, description, custom=True)
    else:
        made = Tool(name, description, told.take("parameters", dict), told.take("strict", bool))
    told.close(_TOOL_DEFAULTS)
    return made


def _tool_choice(body: Fields) -> ToolChoice | None:
    told = body.look("tool_choice")
    if told is None:
        return None
    if isinstance(told, str):
        return _mode(body, "tool_choice")
    choice = body.need_inner("tool_choice")
    made = _named_choice(choice)
    choice.close()
    return made


def _mode(fields: Fields, name: str, names: tuple[str, ...] = ()) -> ToolChoice:
    match fields.choose(name, MODES):
        case "none":
            return ToolChoice("none")
        case "required":
            return ToolChoice("required", names)
        case _:
            return ToolChoice("auto", names)


def _named_choice(told: Fields) -> ToolChoice:
    kind = told.need("type", str)
    if kind == "allowed_tools":
        return _mode(told, "mode", tuple(_name(one) for one in told.inners("tools")))
    if kind in ("function", "custom"):
        return ToolChoice("required", (told.need("name", str),))
    raise bound(told.path, f'the tool "{kind[:100]}" is its provider\'s own: choose one of yours, or "auto"')


def _name(told: Fields) -> str:
    told.choose("type", ("function", "custom"))
    name = told.need("name", str)
    told.close()
    return name


def _format(form: Fields) -> Format | None:
    told = form.inner("format")
    if told is None:
        return None
    made: Format | None = None
    match told.choose("type", ("text", "json_object", "json_schema")):
        case "json_object":
            made = Format()
        case "json_schema":
            name, description = told.need("name", str), told.take("description", str) or ""
            schema: dict[str, Any] = told.need("schema", dict)
            made = Format(schema, name, description, told.take("strict", bool))
    told.close()
    return made

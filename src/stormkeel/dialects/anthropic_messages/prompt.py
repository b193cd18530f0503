"""A messages body, read as a prompt: tools, limits, sampling, reasoning, form (docs/wire.md, Across dialects).

Never drops a field in silence: what no other dialect would be told is in `Reading.lost`; what would change the meaning if it were
left out (a tool that runs at Anthropic, a state that is kept there) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...types.failure import Failure
from ...types.prompt import Effort, Format, Prompt, Tool, ToolChoice
from ..lost import Lost
from ..uncrossed import CrossingError, give_up, refuse
from ..values import Reading
from .fields import COUNT, FLAG, NUMBER, RAW, SCHEMA, TEXT, TEXTS, Fields, read_body_fields
from .turns import read_cache, read_turns
from .wire import EFFORTS

STATE: Mapping[str, str] = {
    "container": "code that ran in it is known to Anthropic alone",
    "mcp_servers": "Anthropic itself asks them",
    "thread": "what was said is kept at Anthropic",
}
"""Fields that lean on what only Anthropic has."""

_TIERS = {"auto": "auto", "standard_only": "default"}
_EFFORTS: Mapping[str, Effort] = {effort: effort for effort in EFFORTS}
_OWN_TYPES = frozenset({None, "", "custom"})  # of tools that the client runs; all others are dated and known to Anthropic alone


def read_prompt(raw: bytes) -> Reading | Failure:
    """Read a whole body; see `base.Dialect.read_prompt`.

    `max_tokens` may be absent, as it is in a request to count tokens.
    """
    lost = Lost()
    try:
        return Reading(_read(read_body_fields(raw, lost)), lost.told())
    except CrossingError as refused:
        return refused.failure


def _read(body: Fields) -> Prompt:
    for name, why in STATE.items():
        if body.has(name):
            give_up(f'the field "{name}" can\'t cross to another dialect, for {why}: leave it out, or ask an Anthropic model')
    choice, parallel = _tool_choice(body)
    output = body.child("output_config")
    thinking = body.child("thinking")
    shows = _shows(thinking)
    effort, budget = _reasoning(body, thinking, output)
    stops = body.take("stop_sequences", TEXTS)
    prompt = Prompt(
        read_turns(body), _max_tokens(body), body.take("temperature", NUMBER), body.take("top_p", NUMBER),
        body.take("top_k", COUNT), tuple(stops or ()), tuple(map(_tool, body.children("tools"))),
        choice, parallel, _format(output), effort, budget, _user(body), _tier(body),
        shows_thoughts=shows and effort != "none",
    )  # fmt: skip
    if body.take("speed", TEXT) == "fast":
        body.note("speed")
    for known in ("model", "stream"):
        body.take(known, RAW)
    for fields in (output, body):
        if fields is not None:
            fields.close()
    return prompt


def _max_tokens(body: Fields) -> int | None:
    limit = body.take("max_tokens", COUNT)
    if limit is not None and limit < 0:
        refuse('the field "max_tokens" of the body is wrong: say at least 1', "invalid_value")
    if limit == 0:
        give_up('"max_tokens": 0 fills a cache that only Anthropic has: say at least 1')
    return limit


def _tool(tool: Fields) -> Tool:
    name, type_ = tool.need("name", TEXT), tool.take("type", TEXT)
    if type_ not in _OWN_TYPES:
        give_up(
            f'the tool "{name}" ("{tool.path}", type "{type_}") is known to Anthropic\'s models alone: '
            'leave it out, or define a tool of your own with "input_schema"'
        )
    if tool.take("allowed_callers", TEXTS) not in (None, [], ["direct"]):
        tool.note("allowed_callers")
    for flag in ("defer_loading", "eager_input_streaming"):
        if tool.take(flag, FLAG):
            tool.note(flag)
    description, schema = tool.take("description", TEXT) or "", tool.need("input_schema", SCHEMA)
    read = Tool(name, description, schema, tool.take("strict", FLAG), cache=read_cache(tool))
    tool.close()
    return read


def _tool_choice(body: Fields) -> tuple[ToolChoice | None, bool | None]:
    told = body.child("tool_choice")
    if told is None:
        return None, None
    parallel = False if told.take("disable_parallel_tool_use", FLAG) else None
    match told.need("type", TEXT):
        case "auto":
            choice = ToolChoice("auto")
        case "any":
            choice = ToolChoice("required")
        case "none":
            choice = ToolChoice("none")
        case "tool":
            choice = ToolChoice("required", (told.need("name", TEXT),))
        case _:
            refuse('the field "tool_choice.type" of the body is wrong: say "auto", "any", "tool" or "none"', "invalid_value")
    told.close()
    return choice, parallel


def _shows(thinking: Fields | None) -> bool:
    """Are thoughts to be shown? They are, unless the client says otherwise, and no other dialect hides them when told to."""
    if thinking is None:
        return False
    display = thinking.take("display", TEXT)
    if display not in (None, "summarized"):
        thinking.note("display")
    return display != "omitted"


def _reasoning(body: Fields, told: Fields | None, output: Fields | None) -> tuple[Effort, int | None]:
    effort = _effort(output)
    if told is None:
        return effort, None
    budget = None
    match told.need("type", TEXT):
        case "enabled":
            budget = told.need("budget_tokens", COUNT)
        case "disabled":
            if output is not None and effort:
                output.note("effort")  # how hard to try without thinking: no other dialect has a word for it
            effort = "none"
        case "adaptive" | "between_tools" as type_:
            if type_ == "between_tools" or not effort:
                body.note("thinking")
        case _:
            refuse('the field "thinking.type" of the body is wrong: say "adaptive", "enabled" or "disabled"', "invalid_value")
    told.close()
    return effort, budget


def _effort(output: Fields | None) -> Effort:
    told = output.take("effort", TEXT) if output is not None else None
    if told is None:
        return ""
    if told not in _EFFORTS:
        refuse(f'the field "output_config.effort" of the body is wrong: say {", ".join(_EFFORTS)}', "invalid_value")
    return _EFFORTS[told]


def _format(output: Fields | None) -> Format | None:
    form = output.child("format") if output is not None else None
    if form is None:
        return None
    if form.need("type", TEXT) != "json_schema":
        refuse('the field "output_config.format.type" of the body is wrong: say "json_schema"', "invalid_value")
    schema = form.need("schema", SCHEMA)
    form.close()
    return Format(schema)


def _user(body: Fields) -> str:
    metadata = body.child("metadata")
    if metadata is None:
        return ""
    user = metadata.take("user_id", TEXT) or ""
    metadata.close()
    return user


def _tier(body: Fields) -> str:
    told = body.take("service_tier", TEXT)
    if told is not None and told not in _TIERS:
        body.note("service_tier")
    return _TIERS.get(told or "", "")

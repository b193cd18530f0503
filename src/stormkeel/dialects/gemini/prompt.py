"""A generateContent body, read as a prompt: tools, limits, sampling, reasoning, form (docs/wire.md, Across dialects).

Never drops a field in silence: what no other dialect would be told is in `Reading.lost`; what would change the meaning if it were
left out (a tool that runs at Google, a stored prompt, an answer in pictures) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...types.failure import Failure
from ...types.prompt import Effort, Format, Prompt
from ..lost import Lost
from ..uncrossed import CrossingError, give_up, refuse
from ..values import Reading
from .fields import FLAG, NUMBER, TEXT, Fields, read_body_fields
from .tools import read_json_schema, read_tool_choice, read_tools
from .turns import read_turns

STATE: Mapping[str, str] = {"cachedContent": "what was cached is kept at Google"}
"""Fields that lean on what only Google has."""

LEVELS: Mapping[str, Effort] = {
    "MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh",
}  # fmt: skip
TIERS: Mapping[str, str] = {"STANDARD": "default", "FLEX": "flex", "PRIORITY": "priority"}
AUTOMATIC = -1  # a thinking budget that is the model's own choice

_PENALTIES = ("presencePenalty", "frequencyPenalty")
_UNSAID = ("", "UNSPECIFIED", "THINKING_LEVEL_UNSPECIFIED", "SERVICE_TIER_UNSPECIFIED")


def read_prompt(raw: bytes) -> Reading | Failure:
    """Read a whole body; see `base.Dialect.read_prompt`."""
    lost = Lost()
    try:
        return Reading(_read(read_body_fields(raw, lost), lost), lost.told())
    except CrossingError as refused:
        return refused.failure


def _read(body: Fields, lost: Lost) -> Prompt:
    for name, why in STATE.items():
        if body.has(name):
            give_up(f'the field "{body.at(name)}" can\'t cross to another dialect, for {why}: send the contents themselves')
    config = body.child("generationConfig") or Fields({}, lost)
    _refuse_what_is_bound(config)
    thinking = config.child("thinkingConfig") or Fields({}, lost)
    shows = thinking.take("includeThoughts", FLAG) is True
    prompt = Prompt(
        messages=read_turns(body),
        max_tokens=_max_tokens(config),
        temperature=config.take("temperature", NUMBER),
        top_p=config.take("topP", NUMBER),
        top_k=_top_k(config),
        stop=config.texts("stopSequences"),
        tools=read_tools(body),
        tool_choice=read_tool_choice(body),
        format=_format(config),
        effort=_effort(thinking),
        thinking_budget=_budget(thinking),
        tier=_tier(body),
        shows_thoughts=shows,
    )
    _close(body, config, thinking)
    return prompt


def _close(body: Fields, config: Fields, thinking: Fields) -> None:
    for name in _PENALTIES:
        if config.has(name) and config.take(name, NUMBER) != 0:
            config.note(name)
    for name in ("model", "stream"):
        body.take_raw(name)
    for fields in (thinking, config, body):
        fields.close()


def _refuse_what_is_bound(config: Fields) -> None:
    modalities = [one.upper() for one in config.texts("responseModalities")]
    if any(one not in ("TEXT", "MODALITY_UNSPECIFIED") for one in modalities):
        give_up(f'"{config.at("responseModalities")}" asks for more than text, and no other dialect answers so: say ["TEXT"]')
    for name in ("continuationToken", "responseFormat"):
        if config.has(name):
            give_up(
                f'the field "{config.at(name)}" can\'t cross to another dialect: only Google knows what it means, leave it out'
            )
    count = config.count("candidateCount")
    if count is not None and count > 1:
        give_up(f'"{config.at("candidateCount")}" asks for {count} answers, and one comes back from another dialect: ask for 1')


def _max_tokens(config: Fields) -> int | None:
    limit = config.count("maxOutputTokens")
    if limit is not None and limit < 0:
        refuse(f'the field "{config.at("maxOutputTokens")}" of the body is wrong: say at least 1', "invalid_value")
    return limit or None  # 0 is protobuf's word for nothing said


def _top_k(config: Fields) -> int | None:
    """Read a number that the SDK sends as a fraction."""
    told = config.take("topK", NUMBER)
    if told is None or told == int(told):
        return None if told is None else int(told)
    config.note("topK")
    return None


def _effort(thinking: Fields) -> Effort:
    told = thinking.word("thinkingLevel")
    if told in _UNSAID:
        return ""
    if told not in LEVELS:
        refuse(f'the field "{thinking.at("thinkingLevel")}" of the body is wrong: say {", ".join(LEVELS)}', "invalid_value")
    return LEVELS[told]


def _budget(thinking: Fields) -> int | None:
    budget = thinking.count("thinkingBudget")
    if budget is not None and budget < AUTOMATIC:
        refuse(f'the field "{thinking.at("thinkingBudget")}" of the body is wrong: say a number, or -1', "invalid_value")
    return None if budget == AUTOMATIC else budget


def _format(config: Fields) -> Format | None:
    mime = (config.take("responseMimeType", TEXT) or "").lower()
    schema = read_json_schema(config, "responseJsonSchema", "responseSchema")
    if mime not in ("", "text/plain", "application/json"):
        give_up(f'"{config.at("responseMimeType")}" is "{mime[:100]}", which no other dialect answers in: say "application/json"')
    if mime == "application/json" or schema is not None:
        return Format(schema)
    return None


def _tier(body: Fields) -> str:
    told = body.word("serviceTier")
    tier = told.removeprefix("SERVICE_TIER_")
    if told not in _UNSAID and tier not in TIERS:
        body.note("serviceTier")
    return TIERS.get(tier, "")

"""What the asker wants of the sandbox itself: an answer, reasoning, a refusal, a usage, a pace, a length, a fault.

Never decides between a request's wish and a storm; it only reads the three places a wish can stand in, from strongest to
weakest: `x-sandbox-*` headers, a line `sandbox: {...}` in the last user message (a gateway forwards that), and the model's name
(`gpt-5.4-mini@fault=reset,tokens=5`).
"""

from __future__ import annotations

import re

import msgspec

from stormkeel.sandbox.faults import parse
from stormkeel.sandbox.line import Inbound


class Asked(msgspec.Struct, frozen=True):
    """A valid request, as far as the answer depends on it; a dialect that must tell more of it back has its own kind.

    `limit` is the most output tokens (None: no limit), `count` the number of choices (0: nothing is generated), `prompt` all the
    text that went in, `extra_tokens` what stands for parts that are not text, `tool` the name of a tool the answer must call
    (`custom` if it takes plain text), `thinks` whether the model may reason, `shows` whether its reasoning is shown, `truncates`
    whether a prompt that is too long is cut instead of refused, `mute` whether a refusal is told without words, `array` whether a
    stream is one JSON array instead of events.
    """

    model: str
    stream: bool
    prompt: tuple[str, ...]
    last_user: str
    extra_tokens: int = 0
    limit: int | None = None
    stops: tuple[str, ...] = ()
    count: int = 1
    wants_usage: bool = True
    tool: str | None = None
    custom: bool = False
    thinks: bool = True
    shows: bool = False
    truncates: bool = False
    mute: bool = False
    array: bool = False


class UsageWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Token counts to report, in disjoint buckets (see bill.Tokens); what is left out is counted."""

    input: int | None = None
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int | None = None
    reasoning: int = 0

    def __post_init__(self) -> None:
        counts = (self.input or 0, self.cached, self.cache_write, self.cache_write_1h, self.output or 0, self.reasoning)
        if min(counts) < 0:
            raise ValueError("token counts are 0 or more")
        if self.output is not None and self.reasoning > self.output:
            raise ValueError("`reasoning` is a part of `output`, so it cannot be more")


class ToolWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call the answer makes: of a function with `arguments`, or of OpenAI's custom kind with `input` (plain text)."""

    name: str
    arguments: dict[str, object] = {}
    input: str | None = None

    def __post_init__(self) -> None:
        if self.input is not None and self.arguments:
            raise ValueError("a tool call has `arguments` or `input`, not both")


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an asker may choose; None where nothing was said."""

    answer: str | None = None
    usage: UsageWish | None = None
    pace_ms: float | None = None
    tokens: int | None = None
    fault: str | None = None
    tools: tuple[ToolWish, ...] | None = None
    reasoning_text: str | None = None
    refusal: str | None = None

    def __post_init__(self) -> None:
        if self.fault is not None:
            parse(self.fault)
        if min(self.pace_ms or 0, self.tokens or 0) < 0:
            raise ValueError("`pace_ms` and `tokens` are 0 or more")


_HEADERS = {
    "answer": "answer",
    "pace": "pace_ms",
    "tokens": "tokens",
    "fault": "fault",
    "reasoning-text": "reasoning_text",
    "refusal": "refusal",
}
_IN_MESSAGE = re.compile(r"^sandbox:[ \t]*(\{.*\})[ \t]*$", re.MULTILINE)


def split_model(name: str) -> tuple[str, str]:
    """Part a model's name from the wishes behind its `@`.

    >>> split_model("gpt-5.4-mini@fault=reset")
    ('gpt-5.4-mini', 'fault=reset')
    """
    base, _, wishes = name.partition("@")
    return base, wishes


def header_wish(inbound: Inbound) -> Wish:
    """Read the `x-sandbox-*` headers; ValueError says what is wrong."""
    if not any(name.startswith("x-sandbox-") for name, _ in inbound.headers):
        return Wish()
    fields: dict[str, object] = {key: inbound.header(f"x-sandbox-{name}") for name, key in _HEADERS.items()}
    for name in ("usage", "tools"):
        text = inbound.header(f"x-sandbox-{name}")
        fields[name] = None if text is None else _json(text)
    return _wish(fields, "x-sandbox headers")


def message_wish(last_user: str) -> Wish:
    """Read the first `sandbox: {...}` line of the last user message; ValueError says what is wrong."""
    found = _IN_MESSAGE.search(last_user) if "sandbox:" in last_user else None
    return _wish(_json(found[1]), "sandbox line") if found else Wish()


def model_wish(wishes: str) -> Wish:
    """Read `key=value,key=value` (every wish that is no JSON); ValueError says what is wrong."""
    if not wishes:
        return Wish()
    return _wish(dict(item.partition("=")[::2] for item in wishes.split(",")), "model name")


def merge(wishes: list[Wish]) -> Wish:
    """Take each field from the first wish that has it."""
    if all(wish == Wish() for wish in wishes):
        return Wish()
    fields = {name: [getattr(wish, name) for wish in wishes] for name in Wish.__struct_fields__}
    return Wish(**{name: next((value for value in values if value is not None), None) for name, values in fields.items()})


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"sandbox: not JSON: {error}") from error


def _wish(fields: object, where: str) -> Wish:
    try:
        return msgspec.convert(fields, Wish, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from error

"""The faults a sandbox knows, as a table: names, parameters, and what the client sees.

Never plays a fault: `script` turns one into steps, the dialects put the refusals in their own words. Names and parameters are
stable; the table in `docs/sandbox.md` is written from this one.

A fault is written `name` or `name:parameter=value:parameter=value`, e.g. `cut:at=0.5` or `rate_limit:retry_after=30`.
"""

from __future__ import annotations

import msgspec

OK = "ok"


class Fault(msgspec.Struct, frozen=True):
    """One kind of misbehaviour.

    `stage` says where it bites: "refuse" (an error answer instead of generating), "wire" (no HTTP answer), "answer" (in an
    answer that was generated). `streamed` and `whole` say what a client sees, `billed` what the bill says.
    """

    name: str
    stage: str
    streamed: str
    whole: str
    billed: str
    parameters: dict[str, float] = {}


def _refusal(name: str, seen: str, parameters: dict[str, float] | None = None) -> Fault:
    return Fault(name, "refuse", seen, "the same", "nothing", parameters or {})


_UNANSWERED = "nothing; with billed=1 the whole answer"
_WRITTEN = "input, and the output tokens that were written"
_WHOLE = "input, and the output tokens written (all of them for a whole answer)"

_TABLE = (
    _refusal(
        "rate_limit", "429 with retry-after in seconds; Gemini tells all waits in the body", {"retry_after": 1}
    ),
    _refusal("rate_limit_no_hint", "429 without a hint when to come back"),
    _refusal("rate_limit_date", "429 with retry-after as an HTTP date", {"retry_after": 1}),
    _refusal("rate_limit_ms", "429 with retry-after-ms (retry_after in seconds)", {"retry_after": 0.5}),
    _refusal(
        "daily_quota", "429, the quota of the day is used up; Gemini tells its name", {"retry_after": 36}
    ),
    _refusal(
        "insufficient_quota",
        "what waiting does not mend: OpenAI 429 insufficient_quota, Anthropic 429 enforced_spend_limit_reached, Gemini 402",
    ),
    _refusal("server_error", "500"),
    _refusal("overloaded", "OpenAI 503 server_is_overloaded, Anthropic 529 overloaded_error, Gemini 503"),
    _refusal("unavailable", "503"),
    _refusal("gateway_timeout", "504"),
    _refusal("bad_credential", "401; Gemini 400"),
    _refusal("permission", "403"),
    _refusal("region", "403, not served where you are; Gemini 400 FAILED_PRECONDITION"),
    _refusal("model_not_found", "404"),
    _refusal("context_length", "400, the prompt is too long"),
    _refusal("html_error", "502 with an HTML page, as an edge proxy sends it"),
    Fault("reset", "wire", "RST before the first byte of an answer", "the same", _UNANSWERED, {"billed": 0}),
    Fault("eof", "wire", "orderly close before the first byte of an answer", "the same", _UNANSWERED, {"billed": 0}),
    Fault(
        "silence", "wire", "nothing at all; the socket stays open until the client leaves", "the same", _UNANSWERED, {"billed": 0}
    ),
    Fault(
        "slow_first_token",
        "answer",
        "the head at once, then nothing for `seconds`, then the stream",
        "nothing for `seconds`, then the answer",
        "as usual; nothing if the client leaves before the first event",
        {"seconds": 20},
    ),
    Fault(
        "cut",
        "answer",
        "the connection closes after a share `at` of the events; inside=1: in the middle of the next one; reset=1: by RST",
        "the connection closes after a share `at` of the promised content-length",
        _WHOLE,
        {"at": 2 / 3, "inside": 0, "reset": 0},
    ),
    Fault(
        "cut_clean",
        "answer",
        "HTTP ends in order after a share `at` of the events; no terminal event",
        "HTTP ends in order after a share `at` of the JSON text",
        _WHOLE,
        {"at": 2 / 3},
    ),
    Fault(
        "stall",
        "answer",
        "silence after `after` events; the socket stays open until the client leaves",
        "silence after half of the body",
        _WHOLE,
        {"after": 5},
    ),
    Fault(
        "malformed",
        "answer",
        "the event after the first `after` ones is broken JSON; the stream then goes on to its end",
        "200 with broken JSON",
        _WHOLE,
        {"after": 5},
    ),
    Fault(
        "no_terminal",
        "answer",
        "all content, then HTTP ends without `[DONE]`, `message_stop`, `response.completed` or `finishReason`; hold=1: it "
        "does not end either, the socket stays open until the client leaves",
        "no fault",
        _WHOLE,
        {"hold": 0},
    ),
    Fault(
        "stream_error",
        "answer",
        "an error event of the dialect after `after` events (0: it is the first), then HTTP ends; with nested=1 the other form "
        "in use: Responses an `error` object inside, Gemini bare JSON over several lines",
        "the same error with its status: OpenAI 500, Anthropic 529, Gemini 503",
        _WRITTEN,
        {"after": 0, "nested": 0},
    ),
    Fault(
        "failed",
        "answer",
        "Responses: `response.failed` after `after` tokens; elsewhere what stream_error is",
        "Responses: a 200 with status failed; elsewhere what stream_error is",
        _WRITTEN,
        {"after": 5},
    ),
    Fault(
        "content_filter",
        "answer",
        "the answer breaks off: chat finish_reason content_filter, Responses status incomplete, Anthropic stop_reason refusal, "
        "Gemini finishReason SAFETY",
        "the same",
        _WHOLE,
    ),
    Fault("no_usage", "answer", "no usage anywhere in the answer", "the same", _WHOLE),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _TABLE}


class Chosen(msgspec.Struct, frozen=True):
    """A fault with its parameters filled in."""

    name: str
    parameters: dict[str, float]

    @property
    def stage(self) -> str:
        """Where it bites; see Fault."""
        return FAULTS[self.name].stage

    def __str__(self) -> str:
        """Write it as it is asked for, parameters that are at their default left out."""
        usual = FAULTS[self.name].parameters
        told = [f"{key}={value:g}" for key, value in self.parameters.items() if value != usual[key]]
        return ":".join([self.name, *told])


def parse(text: str) -> Chosen | None:
    """Read `name:parameter=value`; None for "ok". ValueError names what is not known.

    >>> parse("cut:at=0.5").parameters["at"]
    0.5
    >>> parse("ok") is None
    True
    """
    name, *settings = text.strip().split(":")
    if name == OK:
        return None
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f'no fault named "{name}"; expected one of: {OK}, {", ".join(FAULTS)}')
    return Chosen(name, fault.parameters | dict(_setting(fault, setting) for setting in settings))


def _setting(fault: Fault, text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    if key not in fault.parameters:
        raise ValueError(f'fault "{fault.name}" has no parameter "{key}"; it has: {", ".join(fault.parameters) or "none"}')
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f'fault "{fault.name}": "{key}" must be a number, 0 or more, not "{value}"')
    return key, number


def markdown() -> str:
    """Return the table for the user's guide."""
    lines = ["| fault | parameters | streamed | not streamed | billed |", "|---|---|---|---|---|"]
    for fault in FAULTS.values():
        told = ", ".join(f"`{key}={value:.4g}`" for key, value in fault.parameters.items())
        lines.append(f"| `{fault.name}` | {told} | {fault.streamed} | {fault.whole} | {fault.billed} |")
    return "\n".join(lines)

"""How long a model may think before it says anything: does it reason about a request, and how long is its input?

Told by its abilities and a look at the body, which is never read whole for it: a wrong guess costs patience, nothing else.
"""

from __future__ import annotations

import re
from typing import Literal

from ..catalog.abilities import Abilities
from ..policies.deadline import ClockSettings

Reasons = Literal["", "asked", "always"]
"""When a model reasons: never, where the request asks for it, or unless the request asks for none."""

PREFILL = 10_000  # tokens of input; fewer take no time worth a second
_WANTED = re.compile(
    rb'"(?:reasoning_)?effort"\s*:\s*"(?!none"|minimal")'
    rb'|"thinking"\s*:\s*\{[^{}]{0,200}"(?:enabled|adaptive)"'
    rb'|"thinking_?[bB]udget"\s*:\s*(?:-1|[1-9])|"thinking_?[lL]evel"\s*:\s*"(?!minimal|MINIMAL)'
)
_UNWANTED = re.compile(
    rb'"(?:reasoning_)?effort"\s*:\s*"(?:none|minimal)"|"thinking"\s*:\s*\{[^{}]{0,200}"disabled"'
    rb'|"thinking_?[bB]udget"\s*:\s*0\b|"thinking_?[lL]evel"\s*:\s*"(?:minimal|MINIMAL)'
)


def reasons_by(accepts: Abilities) -> Reasons:
    """Say when a model reasons, by what is known of it."""
    if accepts.default_effort not in {"", "none", "minimal"} or (not accepts.silent and not accepts.default_effort):
        return "always"
    return "asked" if accepts.thinking or accepts.efforts else ""


def waiting(span: float, clocks: ClockSettings, reasons: Reasons, raw: bytes, tokens: int) -> float:
    """Return for how many seconds to wait for a first content, or a whole answer.

    Args:
        span: `first_content` or `answer`.
        clocks: the settings.
        reasons: when the model reasons.
        raw: the body as it is sent.
        tokens: of its input.
    """
    says = b'effort"' in raw or b'"thinking' in raw  # a look that costs nothing comes first
    if reasons == "always":
        is_reasoning = not (says and _UNWANTED.search(raw))
    else:
        is_reasoning = says and reasons == "asked" and _WANTED.search(raw) is not None
    return span * (clocks.reasoning if is_reasoning else 1.0) + clocks.prefill * (tokens // PREFILL)

"""What a provider tells of its own limits: in the headers of its answers, and of a refusal in its body.

Never guesses: what is no number is not said, and a header that no row here knows is none. Formats by docs/wire.md, Hints.

    x-ratelimit-{limit,remaining,reset}-{requests,tokens}[-{minute,day}]     OpenAI and those who speak as it does
    anthropic-ratelimit-{requests,input-tokens,output-tokens}-{limit,remaining,reset}
    QuotaFailure.violations[].{quotaId,quotaValue}                           Google
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..types.wire import Headers
from .hints import moment_in

_OPENAI = re.compile(r"x-ratelimit-(limit|remaining|reset)-(requests|tokens)(?:-(minute|day))?")
_ANTHROPIC = re.compile(r"anthropic-ratelimit-(requests|input-tokens|output-tokens)-(limit|remaining|reset)")
_NUMBER = re.compile(r"[0-9]{1,15}")
_NAMES = {
    "requests": "rpm", "tokens": "tpm", "input-tokens": "itpm", "output-tokens": "otpm",
    "requests-minute": "rpm", "tokens-minute": "tpm", "requests-day": "rpd", "tokens-day": "tpd",
}  # fmt: skip
REFILLED = "refilled"
"""For `meant`: a minute's limit or a day's, which is seen by how long what was taken takes to come back."""
LONGER = 3600.0  # seconds to refill all of a limit, above which it is a day's
_GOOGLE = (("inputtokens", "perminute", "itpm"), ("requests", "perminute", "rpm"), ("requests", "perday", "rpd"))


class Told(msgspec.Struct, frozen=True):
    """What was told of one limit.

    Attributes:
        name: as the settings have it, as in "rpm".
        amount: how much it lets through, None where that was not said.
        left: how much of it is left, likewise.
        reset: seconds until all of it is there again, likewise.
    """

    name: str
    amount: int | None = None
    left: int | None = None
    reset: float | None = None


def told(headers: Headers, wall_now: float, meant: Mapping[str, str]) -> list[Told]:
    """Return what an answer's headers say of limits, empty for nothing.

    Args:
        headers: lower-case names.
        wall_now: seconds since the epoch.
        meant: what a provider means by a word that others mean something else by, as in {"requests": "rpd"}, or
            {"requests": REFILLED} where that depends on the model.
    """
    found: dict[str, dict[str, str]] = {}
    for field, value in headers:
        if "ratelimit-" not in field:
            continue
        if match := _OPENAI.fullmatch(field):
            word, what = match[2] + (f"-{match[3]}" if match[3] else ""), match[1]
        elif match := _ANTHROPIC.fullmatch(field):
            word, what = match[1], match[2]
        else:
            continue
        found.setdefault(meant.get(word) or _NAMES[word], {})[what] = value
    return [_told(name, said, wall_now) for name, said in found.items()]


def _told(name: str, said: Mapping[str, str], wall_now: float) -> Told:
    amount, left, reset = _whole(said.get("limit")), _whole(said.get("remaining")), moment_in(said.get("reset"), wall_now)
    if reset is not None and reset < 0:
        reset = 0.0
    return _refilled(amount, left, reset) if name == REFILLED else Told(name, amount, left, reset)


def _refilled(amount: int | None, left: int | None, reset: float | None) -> Told:
    """Requests of a minute or of a day; where nothing shows which, how many it lets through counts as not said."""
    if amount is None or left is None or not reset or left >= amount:
        return Told("rpm", None, left, reset)
    return Told("rpd" if reset * amount > LONGER * (amount - left) else "rpm", amount, left, reset)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def violated(body: bytes) -> list[Told]:
    """Return the limits that a refusal of Google's names, empty for none."""
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested beyond any sense
        return []
    return [one for row in _rows(said) if (one := _violation(row)) is not None]


def _rows(said: Any) -> Iterator[Any]:
    """Every violation of every detail, whatever else is there."""
    for answer in said if isinstance(said, list) else [said]:
        error = answer.get("error") if isinstance(answer, dict) else None
        details = error.get("details") if isinstance(error, dict) else None
        for detail in details if isinstance(details, list) else []:
            rows = detail.get("violations") if isinstance(detail, dict) else None
            yield from rows if isinstance(rows, list) else []


def _violation(row: Any) -> Told | None:
    if not isinstance(row, dict):
        return None
    which, amount = str(row.get("quotaId", "")).lower(), _whole(str(row.get("quotaValue", "")))
    for what, span, name in _GOOGLE:
        if amount and what in which and span in which:
            return Told(name, amount)
    return None

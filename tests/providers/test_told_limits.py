"""What providers tell of their limits, as they write it; and what is no word of theirs."""

from __future__ import annotations

import json

import pytest

from stormkeel.providers.base import Auth, Provider
from stormkeel.providers.limits import REFILLED, Told, told, violated
from stormkeel.providers.openai import OPENAI as VENDOR
from stormkeel.types.wire import Headers

WALL = 1_795_000_000.0  # 2026-11-18T11:06:40Z


def headers(text: str) -> Headers:
    """Header fields from "name: value" lines."""
    return tuple((name, value) for name, _, value in (line.strip().partition(": ") for line in text.strip().splitlines()))


OPENAI = """
    x-ratelimit-limit-requests: 500
    x-ratelimit-remaining-requests: 499
    x-ratelimit-reset-requests: 120ms
    x-ratelimit-limit-tokens: 200000
    x-ratelimit-remaining-tokens: 0
    x-ratelimit-reset-tokens: 6m0s
    x-ratelimit-limit-project-tokens: 5
"""
ANTHROPIC = """
    anthropic-ratelimit-requests-limit: 50
    anthropic-ratelimit-requests-remaining: 49
    anthropic-ratelimit-requests-reset: 2026-11-18T11:06:41Z
    anthropic-ratelimit-input-tokens-limit: 30000
    anthropic-ratelimit-input-tokens-remaining: 27000
    anthropic-ratelimit-output-tokens-limit: 8000
    anthropic-ratelimit-output-tokens-reset: 2020-01-01T00:00:00Z
    anthropic-ratelimit-tokens-limit: 38000
    anthropic-ratelimit-unified-5h-reset: 1795000000
"""


def test_as_openai_writes_it() -> None:
    """Requests and tokens a minute, resets as Go durations; names that nobody knows are left out."""
    assert told(headers(OPENAI), WALL, {}) == [Told("rpm", 500, 499, 0.12), Told("tpm", 200_000, 0, 360.0)]


def test_as_anthropic_writes_it() -> None:
    """Input and output apart, resets as moments; one that is past is now. What is not said is None."""
    rows = told(headers(ANTHROPIC), WALL, {})
    assert [(row.name, row.amount, row.left) for row in rows] == [("rpm", 50, 49), ("itpm", 30_000, 27_000), ("otpm", 8000, None)]
    assert [row.reset for row in rows] == [pytest.approx(1.0), None, 0.0]


def test_the_same_word_means_another_limit() -> None:
    """Groq's requests are a day's, and Cerebras says so itself."""
    groq = headers("x-ratelimit-limit-requests: 14400\nx-ratelimit-remaining-requests: 14370\nx-ratelimit-reset-requests: 2m59.56s")
    assert told(groq, WALL, {"requests": "rpd"}) == [Told("rpd", 14_400, 14_370, 179.56)]
    cerebras = headers("x-ratelimit-limit-tokens-minute: 60000\nx-ratelimit-remaining-requests-day: 3\nx-ratelimit-reset-requests-day: 33011.38")
    assert told(cerebras, WALL, {}) == [Told("tpm", 60_000), Told("rpd", None, 3, 33_011.38)]


@pytest.mark.parametrize(
    ("amount", "left", "reset", "row"),
    [
        ("500", "499", "120ms", Told("rpm", 500, 499, 0.12)),
        ("30000", "29999", "2ms", Told("rpm", 30_000, 29_999, 0.002)),
        ("500", "0", "1m0s", Told("rpm", 500, 0, 60.0)),
        ("10000", "9999", "8.64s", Told("rpd", 10_000, 9999, 8.64)),  # gpt-4o-mini in tier 1, which lets 500 through in a minute
        ("200", "198", "14m24s", Told("rpd", 200, 198, 864.0)),
        ("10000", "0", "24h0m0s", Told("rpd", 10_000, 0, 86_400.0)),
        ("10000", "10000", "0s", Told("rpm", None, 10_000, 0.0)),
        ("10000", "9999", None, Told("rpm", None, 9999, None)),
        (None, "0", "2s", Told("rpm", None, 0, 2.0)),
        ("10000", None, "8.64s", Told("rpm", None, None, 8.64)),
    ],
)
def test_openais_requests_are_a_minutes_or_a_days(amount: str | None, left: str | None, reset: str | None, row: Told) -> None:
    """A day's 10,000 are never taken for a minute's: how fast they come back tells; where that is not said, neither is the number."""
    said = {"limit": amount, "remaining": left, "reset": reset}
    fields = tuple((f"x-ratelimit-{what}-requests", value) for what, value in said.items() if value is not None)
    assert told(fields, WALL, dict(VENDOR.told_as)) == [row]


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://api.openai.com/v1", {"requests": REFILLED}),
        ("https://eu.api.openai.com/v1", {"requests": REFILLED}),
        ("https://notapi.openai.com.example/v1", {}),
        ("http://127.0.0.1:9/v1", {}),
    ],
)
def test_how_limits_refill_is_known_of_openai_alone(url: str, meant: dict[str, str]) -> None:
    """Another server of the kind may count in fixed windows: of 1000 a minute, one taken would come back in the 60 s of a day's."""
    assert Provider("mine", VENDOR, url, "openai_chat", Auth.BEARER).meant == meant


@pytest.mark.parametrize(
    "text",
    ["", "content-type: text/plain", "x-ratelimit-reset: 1795000000", "x-ratelimit-limit-images: 5", "retry-after: 3"],
)
def test_what_tells_nothing(text: str) -> None:
    """Other headers are no word on limits."""
    assert told(headers(text) if text else (), WALL, {}) == []


@pytest.mark.parametrize("value", ["-1", "many", "", "1e9", "9" * 40, "½"])
def test_nonsense_is_not_said(value: str) -> None:
    """What is no plain number counts as not said."""
    assert told((("x-ratelimit-remaining-requests", value),), WALL, {}) == [Told("rpm")]


def google(*violations: dict[str, object]) -> bytes:
    """A refusal of Google's."""
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": list(violations)},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36s"},
    ]
    return json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}).encode()


def test_googles_refusal_names_the_limit() -> None:
    """The quota's id says which limit it is, its value how much."""
    body = google(
        {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "10"},
        {"quotaId": "GenerateContentInputTokensPerModelPerMinute-FreeTier", "quotaValue": "250000"},
        {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": 50},
        {"quotaId": "SomethingElse", "quotaValue": "7"},
        {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
    )
    assert violated(body) == [Told("rpm", 10), Told("itpm", 250_000), Told("rpd", 50)]


@pytest.mark.parametrize(
    "body", [b"", b"no", b"[]", b"[1]", b'{"error": "no"}', b'{"error": {"details": 3}}', b'{"error": {"details": [{"violations": [7]}]}}']
)
def test_any_body_is_read(body: bytes) -> None:
    """Whatever else comes is no word on limits, and no fault."""
    assert violated(body) == []

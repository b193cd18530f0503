"""What providers tell of their limits, as they write it; and what is no word of theirs."""

from __future__ import annotations

import json

import pytest

from stormkeel.providers.limits import Told, told, violated
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

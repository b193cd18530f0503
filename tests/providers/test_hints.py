"""When another try makes sense, by the provider's own word."""

import pytest

from stormkeel.providers.hints import duration, retry_after, should_retry

NOW = 1_792_567_680.0  # Wed, 21 Oct 2026 07:28:00 GMT


@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({"retry-after": "20"}, "", 20.0),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after": " 3 "}, "", 3.0),
        ({"retry-after-ms": "250"}, "", 0.25),
        ({"retry-after-ms": "250.5", "retry-after": "9"}, "", 0.2505),
        ({"retry-after-ms": "soon", "retry-after": "9"}, "", 9.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:29:00 GMT"}, "", 60.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT"}, "", None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000"}, "", 30.0),
        ({"retry-after": "7s"}, "", 7.0),
        ({"retry-after": "86400"}, "", 300.0),
        ({"retry-after": "9" * 40}, "", 300.0),
        ({"retry-after": "0"}, "", None),
        ({"retry-after": "-5"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "1e3"}, "", None),
        ({"retry-after": ""}, "", None),
        ({"retry-after": "٣"}, "", None),
        ({"retry-after": "Mon, 99 Foo 2026"}, "", None),
        ({}, "Please try again in 1.5s. Visit", 1.5),
        ({}, "Please try again in 36ms.", 0.036),
        ({}, "Please try again in 1h2m3s.", 300.0),
        ({}, "please retry after 12s", 12.0),
        ({}, "try again in 5 years", None),
        ({}, "try again in 5seconds", None),
        ({"retry-after": "2"}, "Please try again in 9s.", 2.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, "", 300.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12ms"}, "", 0.012),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, "", None),
        (
            {
                "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2s",
                "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "3s",
            },
            "", 3.0,
        ),
        (
            {"anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-reset": "2026-10-21T07:28:30Z"},
            "", 30.0,
        ),
        (
            {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "yesterday"},
            "", None,
        ),
    ],
)  # fmt: skip
def test_each_hint_is_read(headers: dict[str, str], message: str, wait: float | None):
    """Milliseconds, seconds, dates, words and resets are read in that order; nonsense counts as not said; 300 s is the most."""
    found = retry_after(tuple(headers.items()), message, NOW)
    assert found == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360.0), ("1s", 1.0), ("12ms", 0.012), ("1h0m0.5s", 3600.5), ("350µs", 0.00035), ("2d", 172_800.0), ("", None),
     ("5", None), ("s", None), ("-1s", None), ("1s ", None)],
)  # fmt: skip
def test_go_durations(text: str, seconds: float | None):
    """Durations as Go writes them are read, anything else is none."""
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


def test_should_retry():
    """The header says true, false, or nothing."""
    assert should_retry((("x-should-retry", "TRUE"),)) is True
    assert should_retry((("x-should-retry", " false "),)) is False
    assert should_retry((("x-should-retry", "1"),)) is None
    assert should_retry(()) is None

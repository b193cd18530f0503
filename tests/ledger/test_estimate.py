"""Bounds and estimates of tokens where nobody has counted yet."""

from __future__ import annotations

import json

import pytest

from stormkeel.ledger.estimate import TOOLS_TOKENS, input_bound, names_terms

WINDOW = 400_000
IMAGE = b'{"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]}'
TIER = b'{"model": "m", "service_tier": "priority"}'


def spelt(body: bytes, letter: str) -> bytes:
    """The same JSON with a letter of it as an escape."""
    told = body.replace(letter.encode(), f"\\u{ord(letter):04x}".encode())
    assert json.loads(told) == json.loads(body)
    return told


@pytest.mark.parametrize("letter", ["m", "g", "_", "u", "i"])
def test_names_spelt_in_escapes_bound_no_less(letter: str) -> None:
    """Who spells a name in escapes can not have less held for it."""
    assert input_bound(spelt(IMAGE, letter), WINDOW) == input_bound(IMAGE, WINDOW) == WINDOW


@pytest.mark.parametrize("letter", ["s", "_", "t"])
def test_terms_spelt_in_escapes_are_seen(letter: str) -> None:
    """Nor can dearer terms be hidden so."""
    assert names_terms(TIER) and names_terms(spelt(TIER, letter))


def test_text_in_escapes_is_text() -> None:
    """What encoders escape unasked, letters beyond ASCII and markup, is bounded by its bytes."""
    body = json.dumps({"content": "r\u00e9sum\u00e9 \x01 \x1f \x7f"}).encode() + b'"\\u003cb\\u003e \\u0026 \\u0027"'
    assert input_bound(body, WINDOW) == len(body)
    assert not names_terms(body)


def test_tools_cost_more_than_their_bytes() -> None:
    """A provider puts hidden instructions before a request with tools; one that runs a tool itself reads what it likes."""
    own = b'{"tools": [{"type": "function", "function": {"name": "f"}}]}'
    assert input_bound(own, WINDOW) == len(own) + TOOLS_TOKENS
    assert input_bound(b'{"tools": [{"type": "web_search_20260318", "name": "web_search"}]}', WINDOW) == WINDOW

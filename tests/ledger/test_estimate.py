"""Bounds and estimates of tokens where nobody has counted yet."""

from __future__ import annotations

import json

import pytest

from stormkeel.ledger.estimate import IMAGE_TOKENS, TOOLS_TOKENS, input_bound, names_terms, surely_exceeds

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


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","input":"go on","previous_response_id":"resp_1"}',
        b'{"model":"m","input":"go on","conversation":"conv_1"}',
        b'{"model":"m","prompt":{"id":"pmpt_1"}}',
        b'{"model":"m","input":[{"type":"item_reference","id":"x"}]}',
        b'{"contents":[{"parts":[{"text":"x"}]}],"cachedContent":"cachedContents/1"}',
        b'{"contents":[{"parts":[{"fileData":{"fileUri":"https://x/y.pdf"}}]}]}',
        b'{"contents":[{"parts":[{"inline_data":{"mime_type":"application/pdf","data":"JVBERi0="}}]}]}',
        b'{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"googleSearch":{}}]}',
        b'{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"url_context":{}}]}',
    ],
)
def test_what_a_provider_keeps_or_reads_is_bounded_by_the_window_alone(body: bytes) -> None:
    """INV-4: a conversation, a prompt, a cache or a document at the provider's may fill the window, however short the body is."""
    assert input_bound(body, 200_000) == 200_000


def test_a_picture_inline_counts_as_one() -> None:
    """Gemini's pictures stand in `inlineData`: each is bounded like any other picture."""
    body = b'{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBO"}}]}]}'
    assert input_bound(body, 200_000) == len(body) + IMAGE_TOKENS


def test_a_tier_of_gemini_is_a_term() -> None:
    """Dearer terms are held for in both spellings."""
    assert names_terms(b'{"serviceTier":"priority"}')
    assert names_terms(b'{"service_tier":"priority"}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"input":"%b"}', b'{"input":[{"role":"user","content":[{"type":"input_text","text":"%b"}]}]}', b'{"instructions":"%b"}',
        b'{"contents":[{"parts":[{"text":"%b"}]}]}', b'{"systemInstruction":{"parts":[{"text":"%b"}]}}',
    ],
)  # fmt: skip
def test_words_of_every_dialect_are_counted_against_the_window(body: bytes) -> None:
    """What is certain not to fit is found in responses and Gemini bodies too."""
    assert surely_exceeds(body % (b"word " * 3000), 2000) == 3000
    assert surely_exceeds(body % (b"word " * 1000), 2000) == 0

"""What an attempt may cost: expected tokens, bounds, and the money held, by what the body and the model are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.engine.hold import Extent, extent_of, held_for
from stormkeel.ledger.estimate import IMAGE_TOKENS, TOOLS_TOKENS, UNKNOWN_OUTPUT, UNKNOWN_WINDOW
from stormkeel.policies.base import Need
from stormkeel.types.request import Options, Request


class Asked:
    """A deployment with a window, a largest output and prices: a nano-dollar a token in, ten out; a hundred at the dearest."""

    def __init__(self, window: int | None = None, max_output: int | None = None) -> None:
        self.window, self.max_output = window, max_output

    def bound(self, tokens: int, output: int) -> int:
        """The most on standard terms."""
        return tokens + 10 * output

    def dearest(self, _wall: int, bounds: tuple[int, int]) -> int:
        """The most on any."""
        return 100 * (bounds[0] + bounds[1])


def body(**fields: Any) -> bytes:
    """A body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}).encode()


PLAIN = body()
IMAGE = body(image="x" * 100)


def extent(
    raw: bytes, counted: bytes | None = None, limit: int | None = 50, window: int | None = None, max_output: int | None = None, **of: Any
) -> Extent:
    """The extent of a request with this body, of which another one may be counted."""
    request = Request("id", "openai_chat", "m", raw, options=Options(key="k"), **of)
    return extent_of(request, raw if counted is None else counted, Asked(window, max_output), limit)  # type: ignore[arg-type]  # asked for little


@pytest.mark.parametrize("is_text", [True, False])
def test_a_text_takes_at_most_as_many_tokens_as_it_has_bytes(*, is_text: bool) -> None:
    """And half of them by estimate; the output that is asked for, for the caller who asks; whether or not it is known as a text."""
    need = Need(len(PLAIN) // 2 + 1, 50, "k")
    assert extent(PLAIN, is_text=is_text) == Extent(need, (len(PLAIN), 50), is_plain=True)
    assert extent(PLAIN, is_text=is_text, limit=None, max_output=70).need == Need(need.input, 0, "k")


@pytest.mark.parametrize(
    ("limit", "largest", "choices", "most"),
    [(50, 70, 1, 50), (50, None, 3, 150), (None, 70, 2, 140), (None, None, 1, UNKNOWN_OUTPUT), (0, 70, 1, 0)],
)
def test_the_most_output(limit: int | None, largest: int | None, choices: int, most: int) -> None:
    """What is asked for, else the model's largest, else more than any has; for each choice."""
    assert extent(PLAIN, limit=limit, max_output=largest, choices=choices).bounds[1] == most


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize(("window", "most"), [(30, 30), (len(PLAIN), len(PLAIN)), (10**6, len(PLAIN)), (None, len(PLAIN))])
def test_no_more_input_than_the_window(window: int | None, most: int, *, is_text: bool) -> None:
    """Whatever a body's size is."""
    assert extent(PLAIN, window=window, is_text=is_text).bounds[0] == most


def test_what_is_no_text_may_cost_more_than_its_bytes() -> None:
    """A picture and tools cost by the piece; what is elsewhere may fill the window; no more than the window in any case."""
    told = extent(IMAGE)
    assert (told.bounds[0], told.is_plain) == (len(IMAGE) + IMAGE_TOKENS, False)
    assert extent(IMAGE, window=500).bounds[0] == 500
    tools = body(tools=[])
    assert extent(tools).bounds[0] == len(tools) + TOOLS_TOKENS
    assert extent(body(file_id="f")).bounds[0] == UNKNOWN_WINDOW


def test_what_is_known_of_the_clients_body_says_nothing_of_another() -> None:
    """A body written anew is looked at itself; texts to be embedded stay texts."""
    assert not extent(PLAIN, IMAGE, is_text=True).is_plain
    assert extent(PLAIN, body(a=1), is_text=True).is_plain
    assert not extent(PLAIN, IMAGE, is_text=False).is_plain
    assert extent(PLAIN, IMAGE, is_text=True, inputs=1).is_plain
    assert not extent(PLAIN, IMAGE, is_text=False, inputs=1).is_plain


@pytest.mark.parametrize(("inputs", "most"), [(0, 30), (1, 30), (2, 60), (99, len(PLAIN))])
def test_each_text_to_be_embedded_may_fill_the_window(inputs: int, most: int) -> None:
    """So many windows, and no more than the bytes."""
    assert extent(PLAIN, window=30, inputs=inputs, is_text=True).bounds[0] == most


FLEX = body(service_tier="flex")


@pytest.mark.parametrize(
    ("raw", "plain", "held"), [(FLEX, False, 100 * 300), (FLEX, True, 2100), (IMAGE, False, 2100), (PLAIN, True, 2100)]
)
def test_money_is_held_for_the_dearest_terms_that_may_be_asked_for(raw: bytes, held: int, *, plain: bool) -> None:
    """On standard terms else, and never without a price."""
    asked: Any = Asked()
    told = Extent(Need(), (100, 200), plain)
    assert held_for(told, raw, asked, 0, asked) == held
    assert held_for(told, PLAIN, asked, 0, None) is None

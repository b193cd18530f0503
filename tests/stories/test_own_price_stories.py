"""Prices, windows and abilities of one's own: what is held, what is booked, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from story_stage import Bench, Reply, play, whole
from test_reload_stories import member, renew

from stormkeel.assemble import offers
from stormkeel.types.failure import FailureKind

GPU = b"""
[providers.gpu]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[routes.fast]
groups = [["gpu/llama-4"]]
"""
OWN = (
    GPU
    + b"""
[models."gpu/llama-4"]
input_price = "0.123456789"
output_price = "0.987654321"
cached_price = "0.000000001"
window = 2000000
max_output = 8192
"""
)
OPENAI = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
"""
CONTRACT = (
    OPENAI
    + b"""
[models."openai/gpt-5.4*"]
input_price = "0.5"
output_price = "3"
"""
)
IN, OUT = 123_456_789, 987_654_321
"""Nano-dollars a million tokens."""


def used(cached: int, tier: str | None = None, **usage: int) -> Reply:
    """A whole answer with this usage, served on a tier."""
    reply = whole()
    body = json.loads(reply.body[0])
    body["service_tier"] = tier
    body["usage"] = {**usage, "prompt_tokens_details": {"cached_tokens": cached}}
    return Reply(200, (json.dumps(body).encode(),), reply.headers)


def half_up(amount: int) -> int:
    """Millionths of a nano-dollar as nano-dollars, by another way than ours."""
    return amount // 10**6 + (amount % 10**6 >= 500_000)


def test_a_million_tokens_to_the_nano_dollar() -> None:
    """What is booked is the sum over the tokens at one's own prices, rounded once; the row says whose prices they were."""

    async def story() -> None:
        bench = Bench([used(234_567, prompt_tokens=1_234_567, completion_tokens=7_891, total_tokens=1_242_458)], OWN)
        answer = await bench.ask(messages=[{"role": "user", "content": "x" * 1_300_000}])
        assert answer.failure is None
        exact = 1_000_000 * IN + 234_567 * 1 + 7_891 * OUT
        assert [entry.amount for entry in bench.settled] == [half_up(exact)] == [131_250_369]
        assert answer.story.cost == 131_250_369
        assert bench.reserved[0].prices.startswith(f"{bench.house.world.prices}+own:")

    play(story)


def test_a_reservation_knows_ones_own_bounds() -> None:
    """Where a request names no limit, one's own largest output bounds what is held for it; without own facts nothing is known."""

    async def story() -> None:
        bench = Bench([whole()], OWN)
        await bench.ask()
        (held,) = bench.reserved
        assert held.output_bound == 8192
        assert held.amount == half_up(held.input_bound * IN + 8192 * OUT)
        plain = Bench([whole()], GPU)
        await plain.ask()
        assert [plain.reserved[0].amount, plain.settled[0].amount] == [None, None]
        assert "+own" not in plain.reserved[0].prices

    play(story)


def test_ones_own_window_refuses_what_can_not_fit() -> None:
    """A prompt beyond the window that is said is not sent, and nothing is held for it."""

    async def story() -> None:
        bench = Bench([], OWN.replace(b"2000000", b"8192"))
        answer = await bench.ask(messages=[{"role": "user", "content": "word and " * 20_000}])
        assert answer.failure is not None
        assert [answer.failure.kind, answer.failure.code, bench.reserved] == [FailureKind.CONTEXT_LENGTH, "context_length_exceeded", []]
        assert answer.story.attempts[0].failure is not None
        assert answer.story.attempts[0].failure.code == "context_length_exceeded"

    play(story)


def test_free_is_said_and_is_zero() -> None:
    """A price of "0" is known: the cost is 0, and not unknown (INV-25)."""

    async def story() -> None:
        bench = Bench([whole()], GPU + b'[models."gpu/*"]\ninput_price = "0"\noutput_price = "0"\n')
        await bench.ask()
        assert [bench.reserved[0].amount, bench.settled[0].amount] == [0, 0]

    play(story)


def test_a_contract_counts_before_the_catalog() -> None:
    """A contract's price is taken for a model of the catalog, on all terms; window and largest output stay the catalog's."""

    async def story() -> None:
        bench = Bench([used(4, "priority", prompt_tokens=10, completion_tokens=5, total_tokens=15)], CONTRACT)
        await bench.ask(service_tier="priority")
        assert bench.settled[0].amount == 10 * 500 + 5 * 3000
        assert [member(bench).window, member(bench).max_output] == [400_000, 128_000]
        await bench.ask("openai/gpt-4.1")
        assert ["+own" in entry.prices for entry in bench.reserved] == [True, False]

    play(story)


def test_a_reload_changes_prices_for_the_next_request() -> None:
    """A request under way is booked at the prices it was reserved at; the next one at the new ones, under another mark."""

    async def story() -> None:
        slow = whole(prompt=10, completion=5)
        bench = Bench([Reply(200, slow.body, slow.headers, delay=5.0), slow], CONTRACT)
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(1)
        renew(bench, CONTRACT.replace(b'"0.5"', b'"0.7"'))
        await bench.ask()
        await task
        first, second = bench.reserved
        amounts = {entry.attempt: entry.amount for entry in bench.settled}
        assert [amounts[first.attempt], amounts[second.attempt]] == [10 * 500 + 5 * 3000, 10 * 700 + 5 * 3000]
        assert first.prices.split("+")[0] == second.prices.split("+")[0]
        assert first.prices != second.prices

    play(story)


def test_abilities_of_ones_own() -> None:
    """What is said of a model's abilities holds when a request is written for it; what is not said stays as it is known."""

    async def story() -> None:
        own = b'[models."gpu/llama-4"]\nabilities = { efforts = ["high", "low"], sampling = "never" }\n'
        bench = Bench([], GPU + own)
        accepts, known = member(bench).target.abilities, member(Bench([], GPU)).target.abilities
        assert [accepts.efforts, accepts.sampling] == [("low", "high"), "never"]
        assert [accepts.stop, accepts.thinking] == [known.stop, known.thinking]

    play(story)


def test_models_show_them() -> None:
    """A model that only the configuration knows is listed with its window and exact prices; one of the catalog stands there once."""

    async def story() -> None:
        rows = {one.id: one for one in offers(Bench([], OWN).house.setup.settings, 0)}
        for name in ("fast", "gpu/llama-4"):
            told: Any = rows[name]
            assert [told.window, told.max_output, str(told.input_price), str(told.output_price)] == [
                2_000_000,
                8192,
                "0.123456789",
                "0.987654321",
            ]
        house = Bench([], OWN.split(b"[routes.fast]")[0] + b"[models" + OWN.split(b"[models")[1]).house
        assert [card.id for card in house.setup.models()] == ["gpu/llama-4"]
        card: Any = house.setup.model("gpu/llama-4")
        assert (card.max_input, card.max_output) == (2_000_000, 8192)
        named = CONTRACT.replace(b"gpt-5.4*", b"GPT-5.4-mini")
        names = [one.id.lower() for one in offers(Bench([], named).house.setup.settings, 0)]
        assert names.count("openai/gpt-5.4-mini") == 1

    play(story)


def test_explain_says_whose_prices_they_are() -> None:
    """The preview holds what the attempt would, and tells own prices from the catalog's."""

    async def story() -> None:
        for settings, own in ((CONTRACT, True), (OPENAI, False)):
            bench = Bench([whole()], settings)
            (told,) = bench.house.explain(bench.request("fast")).candidates
            await bench.ask()
            assert told.price is not None
            assert [told.price.own, told.price.most] == [own, bench.reserved[0].amount]

    play(story)


def test_a_reservation_says_exactly_whose_prices_it_was_held_by() -> None:
    """The snapshot's id, and behind it that of one's own prices where these count; nothing more, known to the catalog or not."""

    async def story() -> None:
        for settings, more in ((OWN, r"\+own:[0-9a-f]+"), (CONTRACT, r"\+own:[0-9a-f]+"), (OPENAI, ""), (GPU, "")):
            bench = Bench([whole()], settings)
            assert (await bench.ask()).failure is None
            assert re.fullmatch(re.escape(bench.house.world.prices) + more, bench.reserved[0].prices)

    play(story)

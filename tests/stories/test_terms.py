"""Prices by terms: tiers and speeds that a provider says it served a request on."""

from __future__ import annotations

import json

from story_stage import DONE, END, HEAD, Bench, play, streamed, text, whole

from stormkeel.testing import Reply

INPUT, OUTPUT = 10, 5


def on(tier: str | None) -> Reply:
    """A whole answer served on a tier."""
    reply = whole(prompt=INPUT, completion=OUTPUT)
    body = json.loads(reply.body[0])
    body["service_tier"] = tier
    return Reply(200, (json.dumps(body).encode(),), reply.headers)


def cost_on(tier: str | None) -> list[int | None]:
    """What the ledger books for the same tokens on a tier."""
    costs: list[int | None] = []

    async def story() -> None:
        bench = Bench([on(tier)])
        await bench.ask()
        costs.extend(entry.amount for entry in bench.settled)

    play(story)
    return costs


def test_a_tier_has_its_own_price():
    """gpt-5.4-mini: $0.75/$4.50 a million, half of it on flex, twice on priority, by the provider's word."""
    standard = INPUT * 750 + OUTPUT * 4500
    assert cost_on(None) == cost_on("default") == cost_on("auto") == [standard]
    assert cost_on("flex") == [standard // 2]
    assert cost_on("priority") == [standard * 2]
    assert cost_on("never-heard-of") == [standard]


def test_a_streams_tier_counts_too():
    """A stream's usage is priced by the tier its chunks name."""

    async def story() -> None:
        usage = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-5.4-mini","choices":[],"service_tier":"flex",'
        usage += b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\n'
        bench = Bench([streamed(HEAD, *text("hi"), END, usage, DONE)])
        await bench.stream()
        assert [entry.amount for entry in bench.settled] == [(INPUT * 750 + OUTPUT * 4500) // 2]

    play(story)


def test_asking_for_a_dearer_tier_holds_enough_for_it():
    """A request that names a tier reserves the dearest terms, so that the bill never exceeds the reservation (INV-1)."""

    async def story() -> None:
        bench = Bench([on("priority"), on(None)])
        await bench.ask(service_tier="priority", max_completion_tokens=OUTPUT)
        await bench.ask(max_completion_tokens=OUTPUT)
        dear, plain = bench.reserved
        assert dear.amount is not None and plain.amount is not None
        assert dear.amount >= 2 * (dear.input_bound * 750 + OUTPUT * 4500)
        assert plain.amount == plain.input_bound * 750 + OUTPUT * 4500
        assert all(done.amount <= held.amount for done, held in zip(bench.settled, bench.reserved, strict=True))

    play(story)

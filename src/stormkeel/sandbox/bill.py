"""What a provider would charge: its own price table, exact fractions of a dollar, one row for each request.

Never asks anyone else's price table or usage type: the bill is evidence only because it shares no line with what it is compared
to.

A cost is the sum over its buckets of tokens x dollars per million tokens. A tier is a cliff: a prompt of more than `start`
tokens reprices every token of the request. Rates are those the providers published, as of 2026-11.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

_NANO = 1_000_000_000


class Tokens(msgspec.Struct, frozen=True):
    """Tokens in disjoint buckets.

    The prompt is input + cached + cache_write + cache_write_1h; `reasoning` is a part of `output`.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All tokens that went in."""
        return self.input + self.cached + self.cache_write + self.cache_write_1h


def part_of(tokens: Tokens, written: int, total: int) -> Tokens:
    """Return the whole prompt and the written part of the output, rounded up; all of it when the answer has no content to count
    by.

    >>> part_of(Tokens(input=5, output=30, reasoning=10), 1, 4)
    Tokens(input=5, cached=0, cache_write=0, cache_write_1h=0, output=8, reasoning=8)
    """
    if written >= total:
        return tokens
    output = -(-tokens.output * written // total)
    return msgspec.structs.replace(tokens, output=output, reasoning=min(tokens.reasoning, output))


class Tier(msgspec.Struct, frozen=True):
    """A cliff: over `start` prompt tokens every price of the request is multiplied."""

    start: int
    input_times: Fraction
    output_times: Fraction


class Price(msgspec.Struct, frozen=True):
    """Dollars per million tokens of each bucket, and the largest prompt the model takes."""

    input: Fraction
    cached: Fraction
    cache_write: Fraction
    cache_write_1h: Fraction
    output: Fraction
    window: int
    tier: Tier | None = None


_LONG_GEMINI = Tier(200_000, Fraction(2), Fraction(3, 2))
_LONG = Tier(272_000, Fraction(2), Fraction(3, 2))  # OpenAI models with a window over 1M


def _openai(rates: str, window: int, *, tier: Tier | None = None, write: str = "1") -> Price:
    """Read "input output cached"; writing to the cache costs `write` x input (5/4 from gpt-5.6 on, nothing extra before)."""
    into, out, cached = (Fraction(rate) for rate in rates.split())
    return Price(into, cached, into * Fraction(write), into * Fraction(write), out, window, tier)


def _anthropic(rates: str, window: int, tier: Tier | None = None) -> Price:
    """Read "input output cached"; writing to the cache costs 5/4 x input for five minutes, 2 x input for an hour."""
    into, out, cached = (Fraction(rate) for rate in rates.split())
    return Price(into, cached, into * Fraction(5, 4), into * 2, out, window, tier)


def _gemini(rates: str, window: int = 1_048_576, tier: Tier | None = None) -> Price:
    """Read "input output cached"; writing to the cache costs nothing extra."""
    into, out, cached = (Fraction(rate) for rate in rates.split())
    return Price(into, cached, into, into, out, window, tier)


PRICES: dict[str, Price] = {
    "gpt-5": _openai("1.25 10 .125", 400_000),
    "gpt-5-mini": _openai(".25 2 .025", 400_000),
    "gpt-5.4": _openai("2.5 15 .25", 1_050_000, tier=_LONG),
    "gpt-5.4-mini": _openai(".75 4.5 .075", 400_000),
    "gpt-5.4-nano": _openai(".2 1.25 .02", 400_000),
    "gpt-5.5": _openai("5 30 .5", 1_000_000, tier=_LONG),
    "gpt-5.6-luna": _openai(".2 1.2 .02", 1_050_000, tier=_LONG, write="5/4"),
    "gpt-6-luna": _openai(".1 .5 .01", 1_050_000, tier=_LONG, write="5/4"),
    "gpt-6-sol": _openai("2 10 .2", 1_050_000, tier=_LONG, write="5/4"),
    "gpt-6.1-sol": _openai("2 10 .1", 1_050_000, tier=_LONG, write="5/4"),
    "text-embedding-3-small": _openai(".02 0 .02", 8192),
    "text-embedding-3-large": _openai(".13 0 .13", 8192),
    "text-embedding-ada-002": _openai(".1 0 .1", 8192),
    "claude-haiku-4-5": _anthropic("1 5 .1", 200_000),
    "claude-haiku-5-5": _anthropic(".1 .5 .01", 1_000_000, Tier(100_000, Fraction(5), Fraction(5))),
    "claude-opus-4-8": _anthropic("5 25 .5", 1_000_000),
    "claude-opus-5": _anthropic("5 25 .5", 1_000_000),
    "claude-opus-5-5": _anthropic("4 20 .2", 1_000_000),
    "claude-sonnet-4-6": _anthropic("3 15 .3", 1_000_000),
    "claude-sonnet-5": _anthropic("2 10 .2", 1_000_000),
    "claude-sonnet-5-5": _anthropic("2 10 .1", 1_000_000),
    "gemini-2.5-flash": _gemini(".3 2.5 .03"),
    "gemini-2.5-pro": _gemini("1.25 10 .125", tier=_LONG_GEMINI),
    "gemini-3.1-flash-lite": _gemini(".25 1.5 .025"),
    "gemini-3.1-pro-preview": _gemini("2 12 .2", tier=_LONG_GEMINI),
    "gemini-3.5-flash": _gemini("1.5 9 .15"),
    "gemini-3.5-flash-lite": _gemini(".3 2.5 .03"),
    "gemini-3.8-flash": _gemini(".75 3.75 .075"),
    "gemini-4-argon": _gemini("2 10 .1"),
    "gemini-embedding-001": _gemini(".15 0 .15", 2048),
    "gemini-embedding-2": _gemini(".2 0 .2", 8192),
}


def cost(model: str, tokens: Tokens) -> Fraction | None:
    """Return the exact dollars, or None for a model that is not in the price table.

    >>> cost("gpt-5.4-mini", Tokens(input=1_000_000, output=2))
    Fraction(750009, 1000000)
    """
    price = PRICES.get(model)
    if price is None:
        return None
    into = (
        tokens.input * price.input
        + tokens.cached * price.cached
        + tokens.cache_write * price.cache_write
        + tokens.cache_write_1h * price.cache_write_1h
    )
    out = tokens.output * price.output
    if price.tier is not None and tokens.prompt > price.tier.start:
        into, out = into * price.tier.input_times, out * price.tier.output_times
    return (into + out) / 1_000_000


def nano_dollars(amount: Fraction) -> int:
    """Round dollars half up to whole nano-dollars.

    >>> nano_dollars(Fraction(5, 10_000_000_000)), nano_dollars(Fraction(4, 10_000_000_000))
    (1, 0)
    """
    return (2 * amount.numerator * _NANO + amount.denominator) // (2 * amount.denominator)


class Row(msgspec.Struct):
    """One line of the bill. It is opened when the request arrives and counts up while the answer is written.

    `id` is the request id the provider gave back, `client_request_id` the caller's own `x-client-request-id`, `usage_reported`
    whether the client was sent the final usage, `left` whether it went away before the end, `open` whether the answer is still
    running.
    """

    id: str
    number: int
    dialect: str
    client_request_id: str | None = None
    credential: str | None = None
    model: str | None = None
    status: int | None = None
    fault: str | None = None
    tokens: Tokens = Tokens()
    usage_reported: bool = False
    left: bool = False
    open: bool = True

    @property
    def cost(self) -> Fraction | None:
        """Exact dollars; None for a model without a price. A request that generated nothing costs 0 whatever its model."""
        if self.tokens == Tokens():
            return Fraction(0)
        return None if self.model is None else cost(self.model, self.tokens)


def row_json(row: Row) -> dict[str, object]:
    """Return a row as JSON values.

    The cost stands as "numerator/denominator" dollars and as nano-dollars, both null where there is no price.
    """
    amount = row.cost
    plain: dict[str, object] = msgspec.to_builtins(row)
    plain["cost"] = None if amount is None else f"{amount.numerator}/{amount.denominator}"
    plain["cost_nano_dollars"] = None if amount is None else nano_dollars(amount)
    return plain


def bill_json(rows: list[Row]) -> dict[str, object]:
    """Return the whole bill as JSON values; the total is of the priced rows, rounded once."""
    total = sum((row.cost or Fraction(0) for row in rows), Fraction(0))
    return {
        "rows": [row_json(row) for row in rows],
        "open": sum(row.open for row in rows),
        "unpriced": sum(row.cost is None for row in rows),
        "total": f"{total.numerator}/{total.denominator}",
        "total_nano_dollars": nano_dollars(total),
    }

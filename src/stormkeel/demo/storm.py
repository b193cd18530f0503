"""The storm and the workload: what is asked and which faults it meets, both fixed by a seed.

Never sends anything. Requests start by a schedule, not when the last one ends: a slow answer must not spare those behind it.
"""

from __future__ import annotations

from random import Random

import msgspec

RATE = 50.0
"""Requests started in a second."""

OUTAGES = 7
OUTAGE_S = 0.35
CHAT, MESSAGES = "gpt-5.4-mini", "claude-haiku-4-5"
"""Asked for by every arm: at the sandbox the model itself, at the gateway the route of the same name."""

# How often each fault stands in a block of the plan. Those that need a stream stand there more often, because every fifth
# request is not streamed; "overloaded" is 503 at OpenAI and 529 at Anthropic.
BLOCK = {
    "rate_limit": 2,
    "rate_limit_no_hint": 2,
    "insufficient_quota": 2,
    "server_error": 2,
    "overloaded": 5,
    "bad_credential": 2,
    "context_length": 2,
    "reset": 2,
    "silence": 2,
    "slow_first_token:seconds=4": 2,
    "cut:at=0.5": 2,
    "cut_clean:at=0.5": 1,
    "stall:after=6": 3,
    "malformed:after=6": 3,
    "no_terminal": 3,
    "stream_error": 1,
    "stream_error:after=6": 2,
    "ok": 36,
}
LIGHT = ("server_error", "overloaded", "reset", "malformed:after=0", "cut_clean:at=0.5")
"""What the backup meets, in a tenth of its arrivals."""

_WORDS = ("anchor", "beacon", "channel", "draught", "estuary", "fender", "galley", "harbour", "inlet", "jetty", "keel", "lantern")


class Weather(msgspec.Struct, frozen=True):
    """A storm as `POST /sandbox/storm` takes it (docs/sandbox.md)."""

    plan: tuple[str, ...] = ()
    outages: tuple[str, ...] = ()
    repeat: bool = False


class Ask(msgspec.Struct, frozen=True):
    """One request of the workload.

    Attributes:
        number: from 0.
        at: seconds after the start.
        anthropic: by Anthropic's SDK; else by OpenAI's.
        streamed: as a stream?
        answer: the text a whole answer has.
    """

    number: int
    at: float
    anthropic: bool
    streamed: bool
    answer: str

    @property
    def prompt(self) -> str:
        """What is asked: the number, so that an arrival is known again, and the answer wished for."""
        wish = msgspec.json.encode({"answer": self.answer}).decode()
        return f"Request {self.number}: what is the weather?\nsandbox: {wish}"


def workload(count: int, seed: int) -> list[Ask]:
    """Return the requests in order: the SDKs in turn, four of five streamed."""
    rng = Random(f"workload {seed}")  # noqa: S311 - words, no secret
    return [Ask(number, number / RATE, number % 2 == 1, number // 2 % 5 != 4, _text(number, rng)) for number in range(count)]


def _text(number: int, rng: Random) -> str:
    return f"Weather {number}: {' '.join(rng.choices(_WORDS, k=rng.randrange(10, 18)))}."


def main_storm(count: int, seed: int) -> Weather:
    """Return the storm over the primary: a plan for more arrivals than can come, and outages spread over the schedule."""
    rng = Random(f"storm {seed}")  # noqa: S311 - a shuffle, no secret
    plan: list[str] = []
    while len(plan) < 6 * count:  # a request makes six tries at the primary at the most: two keys, three tries each
        block = [fault for fault, times in BLOCK.items() for _ in range(times)]
        rng.shuffle(block)
        plan += block
    span = count / RATE / OUTAGES
    return Weather(tuple(plan), tuple(f"{span * (place + 0.5):g}:{OUTAGE_S:g}" for place in range(OUTAGES)))


def light_storm(seed: int) -> Weather:
    """Return the storm over the backup: in each ten arrivals one fault, never two in a row."""
    rng = Random(f"light {seed}")  # noqa: S311 - a shuffle, no secret
    plan: list[str] = []
    for fault in LIGHT * 4:
        ten = ["ok"] * 10
        ten[rng.randrange(9)] = fault  # never the last
        plan += ten
    return Weather(tuple(plan), repeat=True)

"""The sixteen scenarios as data: the weather, the bounds, and the reason for each bound.

Written before anything was run against them. Seconds are those of a gateway whose clocks are at their usual values.
"""

from __future__ import annotations

from collections.abc import Callable

from .scenario import FILTERED, TOLD, WHOLE, Asks, Scenario, Wanted, Weather, ever

SPARE = 1.0
ANSWER = (
    "The wind came round to the north before dawn, and the harbour filled with small boats that had not meant to come in. "
    "By noon the quay was quiet again, the nets were dry, and the old pilot had counted every mast twice, as he always did."
)
"""What is wished for where both providers must mean the same answer."""

_SAFE = (WHOLE, TOLD)
_MANY = Asks(count=20, every=0.25, tokens=8)
_VAIN = 8
_STORMS = "five refusals in a row are an answer; then a probe now and then will do, no more than 8 for 20 requests in 5 s"


def table(spare: float = SPARE) -> tuple[Scenario, ...]:
    """Return all scenarios; `spare` is what the machine may take of a request's time, in seconds."""

    def within(seconds: float) -> float:
        return seconds + spare

    return tuple(one for rows in (_refusals, _wires, _streams, _answers, _long) for one in rows(within))


Within = Callable[[float], float]


def _refusals(within: Within) -> list[Scenario]:
    return [
        Scenario(
            1, "retry-after", "429 with Retry-After 2", Weather(("rate_limit:retry_after=2",)),
            Wanted(
                (WHOLE,), within(2.5), 1, 2,
                "two seconds may be waited out or spent elsewhere, but the primary is not asked before they are over, by anybody",
            ),
            Asks(count=2, every=0.5), retries=(0, 2),
        ),
        Scenario(
            2, "429", "429 for ever", ever("rate_limit_no_hint"),
            Wanted((WHOLE,), within(1), _VAIN, 20, f"a limit that is hit again and again is no accident: {_STORMS}"),
            _MANY, retries=(0, 2),
        ),
        Scenario(
            2, "429-both", "429 for ever, from both", ever("rate_limit_no_hint"),
            Wanted(
                (TOLD,), within(10), 3, 3,
                "nothing helps, so the client is told that it is a rate limit, soon, and its SDK that retrying is no use",
                says=("429", "rate_limit"),
            ),
            fallback=ever("rate_limit_no_hint"), retries=(0, 2),
        ),
        Scenario(
            3, "500-once", "500 once", Weather(("server_error",)),
            Wanted((WHOLE,), within(1), 1, 1, "a blip: one more try, here or elsewhere, within a second"),
        ),
        Scenario(
            4, "503", "503 for ever", ever("overloaded"),
            Wanted((WHOLE,), within(1), _VAIN, 20, _STORMS), _MANY, retries=(0, 2),
        ),
        Scenario(
            4, "503-both", "503 for ever, from both", ever("overloaded"),
            Wanted(
                (TOLD,), within(5), 3, 3,
                "nothing helps, so the client is told what the matter is, and a full fleet is not asked again by its SDK",
                says=("503", "overloaded"),
            ),
            fallback=ever("overloaded"), retries=(0, 2),
        ),
    ]  # fmt: skip


def _wires(within: Within) -> list[Scenario]:
    return [
        Scenario(
            5, "reset", "reset before headers", ever("reset"),
            Wanted((WHOLE,), within(1), _VAIN, 20, f"one more try in place may help; {_STORMS}"), _MANY,
        ),
        Scenario(
            6, "silence", "no response at all", ever("silence"),
            Wanted(
                (WHOLE,), within(32), 1, 1,
                "half a minute without a byte is enough for a stream, and asking the silent one once is enough",
            ),
            silent=True, retries=(0, 2),
        ),
        Scenario(
            6, "silence-whole", "no response at all, whole answer", ever("silence"),
            Wanted(
                (WHOLE,), within(125), 1, 1,
                "a whole answer may take two minutes, silence and work look alike; and once is enough",
            ),
            Asks(stream=False), silent=True,
        ),
        Scenario(
            7, "slow", "first token after 20 s", Weather(("slow_first_token:seconds=20",)),
            Wanted((WHOLE,), within(25), 1, 1, "slow, not dead: waited for, or answered elsewhere, and never asked twice"),
            silent=True,
        ),
    ]  # fmt: skip


def _streams(within: Within) -> list[Scenario]:
    soon = "what was sent can't be taken back: an error at once, or the rest from elsewhere, and never a part for all"
    return [
        Scenario(
            8, "cut", "stream cut after 2/3", Weather(("cut:at=0.6667",)),
            Wanted(_SAFE, within(1), 1, 1, soon), retries=(0, 2),
        ),
        Scenario(
            8, "cut-whole", "answer cut after 2/3", Weather(("cut:at=0.6667",)),
            Wanted(
                (WHOLE,), within(1), 1, 1,
                "nothing was shown to the client yet, so it may be asked for again",
            ), Asks(stream=False),
        ),
        Scenario(
            9, "stall", "stream stalled", Weather(("stall:after=5",)),
            Wanted(_SAFE, within(32), 1, 1, f"half a minute of silence is long enough; {soon}"), silent=True,
        ),
        Scenario(
            10, "malformed", "malformed event", Weather(("malformed:after=5",)),
            Wanted(
                _SAFE, within(1), 1, 1,
                "a broken event is a hole in the answer: told or mended, never handed on, never left out in silence",
            ),
        ),
        Scenario(
            11, "no-done", "no [DONE]", Weather(("no_terminal",)),
            Wanted((WHOLE,), within(1), 1, 0, "its finish reason says that the answer is whole: nobody else is asked for it"),
        ),
        Scenario(
            11, "no-done-open", "no [DONE], socket left open", Weather(("no_terminal:hold=1",)),
            Wanted((WHOLE,), within(1), 1, 0, "a finished answer is finished at once, not when a clock runs out"),
        ),
        Scenario(
            14, "prefill", "cut, fallback rejects prefill", Weather(("cut:at=0.6667",)),
            Wanted(_SAFE, within(1), 1, 2, _UNASKED), Asks(model="storm-prefill", says=ANSWER), joined=True,
        ),
        *_modes(within),
    ]  # fmt: skip


_UNASKED = "who can't be made to go on by a beginning is asked otherwise or not at all; its refusal is nobody's business"


def _modes(within: Within) -> list[Scenario]:
    """The streams that break, on routes that ask for more than an honest end."""
    troubles = (
        (8, "cut", "stream cut", "cut:at=0.6667", 1.0),
        (9, "stall", "stream stalled", "stall:after=5", 32.0),
        (10, "malformed", "malformed event", "malformed:after=5", 1.0),
    )
    modes = (
        ("complete", "nothing was shown before all of it was there, so the client notices nothing"),
        ("restart", "the other one says the same to the letter, so its answer goes on where the first one stopped"),
        ("continue", "the other one is asked for the rest, and what it repeats is left out"),
    )
    rows = [
        Scenario(
            number, f"{name}-{mode}", f"{title}, {mode}", Weather((fault,)),
            Wanted((WHOLE,), within(seconds), 1, 1, why), Asks(model=f"storm-{mode}", says=ANSWER),
            silent=name == "stall", joined=mode != "complete", mode=True,
        )
        for number, name, title, fault, seconds in troubles
        for mode, why in modes
    ]  # fmt: skip
    strict = Scenario(
        14, "prefill-continue", "rejects prefill, continue", Weather(("cut:at=0.6667",)),
        Wanted((WHOLE,), within(1), 1, 2, _UNASKED), Asks(model="storm-prefill-continue", says=ANSWER), joined=True, mode=True,
    )  # fmt: skip
    return [*rows, strict]


def _answers(within: Within) -> list[Scenario]:
    return [
        Scenario(
            12, "context", "context length", ever("context_length"),
            Wanted((WHOLE,), within(1), 1, 1, "a larger window is at hand, and asking again with the same words is no use"),
        ),
        Scenario(
            12, "context-both", "context length, for both", ever("context_length"),
            Wanted(
                (TOLD,), within(1), 1, 1, "only the client can shorten it, so it must be told in the words its code knows",
                says=("context_length_exceeded",),
            ),
            fallback=ever("context_length"), retries=(0, 2),
        ),
        Scenario(
            13, "filter", "content filter", ever("content_filter"),
            Wanted(
                (FILTERED,), within(1), 1, 0,
                "a filter's no is an answer: passed on as such, and nobody is asked behind its back",
            ),
        ),
        Scenario(
            13, "filter-whole", "content filter, whole answer", ever("content_filter"),
            Wanted((FILTERED,), within(1), 1, 0, "as in a stream"), Asks(stream=False),
        ),
    ]  # fmt: skip


BOOKS = (
    "server_error", "cut:at=0.5", "rate_limit_no_hint", "reset:billed=1", "ok", "malformed", "no_usage", "overloaded",
    "stream_error:after=4", "ok",
)  # fmt: skip


def _long(within: Within) -> list[Scenario]:
    return [
        Scenario(
            15, "outage", "primary down for a minute", Weather(outages=("2:60",)),
            Wanted(
                (WHOLE,), within(3), 20, 170,
                "nobody notices; a probe every three seconds at the most; back in use a quarter of a minute after it healed",
                back=within(16),
            ),
            Asks(count=170, every=0.5, tokens=8),
        ),
        Scenario(
            16, "books", "accounting after failover", ever(*BOOKS),
            Wanted(
                _SAFE, within(5), 24, 24,
                "equal to the bills where usage was reported, elsewhere no less than the bill and no more than what was held",
            ),
            Asks(count=16, every=0.3, stream=None),
        ),
    ]  # fmt: skip

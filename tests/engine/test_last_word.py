"""The last word on a request that nobody answered: its kind, its hint, its text."""

from __future__ import annotations

from typing import Any

import pytest

from stormkeel.engine.story import NANO, last_word, soonest, story_text
from stormkeel.types.attempt import Attempt
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind
WALL = 1_795_000_000 * NANO
NAME = "p/a#main"


def failed(
    kind: K = K.SERVER, name: str = NAME, hint: float | None = None, at: float = 0.0, latency: float = 0.0, **known: Any
) -> Attempt:
    """One attempt that failed so, which began so many seconds after WALL."""
    failure = Failure(kind, known.pop("message", f"{name}: it said no"), known.pop("status", 500), known.pop("code", "c"), hint)
    return Attempt("r.1", name, "p", "a", WALL + int(at * NANO), latency, failure=failure, **known)


OURS = {"made": False, "sent": False, "status": None, "code": None}


class Run:
    """A request with these attempts, ten seconds later."""

    route, recovery = "fast", None

    def __init__(self, *attempts: Attempt) -> None:
        self.attempts = list(attempts)
        self.world: Any = self
        self.ports: Any = self
        self.clock: Any = self

    def wall(self) -> int:
        """The time."""
        return WALL + 10 * NANO


def word(*attempts: Attempt) -> Failure:
    """The last word after these."""
    return last_word(Run(*attempts))  # type: ignore[arg-type]  # asked for little


def test_nobody_to_ask() -> None:
    """A route without a deployment says so."""
    assert word() == Failure(K.EXHAUSTED, 'route "fast" has no deployment to ask')


def test_a_single_attempt_speaks_for_itself() -> None:
    """With the provider's own words, made or not."""
    for one in (failed(), failed(K.COOLING, **OURS)):
        assert word(one) is one.failure


def test_what_ends_the_request_is_the_last_word() -> None:
    """Whoever failed before: a caller's own mistake is his to read."""
    last = failed(K.CALLER, status=400)
    assert word(failed(), last) is last.failure


@pytest.mark.parametrize(
    ("attempts", "kind"),
    [
        ([failed(K.SERVER), failed(K.SERVER)], K.SERVER),
        ([failed(K.SERVER), failed(K.RATE_LIMIT)], K.EXHAUSTED),
        ([failed(K.RATE_REACHED, **OURS), failed(K.SERVER, name="p/b")], K.SERVER),
        ([failed(K.SERVER, name="p/b"), failed(K.RATE_REACHED, **OURS)], K.SERVER),
        ([failed(K.COOLING, **OURS), failed(K.COOLING, name="p/b", **OURS)], K.COOLING),
        ([failed(K.COOLING, **OURS), failed(K.BREAKER_OPEN, name="p/b", **OURS)], K.EXHAUSTED),
        ([failed(K.CREDENTIAL, **OURS), failed(K.COOLING, name="p/b", **OURS)], K.EXHAUSTED),
        ([failed(K.CREDENTIAL, **OURS), failed(K.CREDENTIAL, name="p/b", **OURS)], K.CREDENTIAL),
    ],
)
def test_its_kind(attempts: list[Attempt], kind: K) -> None:
    """That of those who were asked where it is one; of those we refused where nobody was asked."""
    told = word(*attempts)
    latest = [one for one in attempts if one.made] or attempts
    assert latest[-1].failure is not None
    assert (told.kind, told.status, told.code) == (kind, latest[-1].failure.status, latest[-1].failure.code)
    assert told.message == story_text("fast", attempts)


@pytest.mark.parametrize(
    ("attempts", "hint"),
    [
        ([failed(hint=30.0), failed(hint=25.0, name="p/b")], 15.0),
        ([failed(hint=30.0), failed(name="p/b")], 20.0),
        ([failed(hint=30.0), failed(hint=45.0)], 35.0),
        ([failed(hint=30.0, at=2.0, latency=3.0), failed(name="p/b")], 25.0),
        ([failed(hint=30.0, at=9.0, latency=3.0), failed(name="p/b")], 30.0),
        ([failed(hint=10.0), failed(hint=25.0, name="p/b")], None),
        ([failed(hint=8.0), failed(hint=25.0, name="p/b")], None),
        ([failed(hint=10.5), failed(hint=25.0, name="p/b")], 0.5),
        ([failed(), failed(name="p/b")], None),
        ([failed(K.COOLING, hint=12.0, **OURS), failed(hint=25.0, name="p/b")], 15.0),
    ],
)
def test_its_hint(attempts: list[Attempt], hint: float | None) -> None:
    """The soonest of each one's latest word, less the time since it was said; none where one may be asked now, or nobody said."""
    assert word(*attempts).retry_after == (None if hint is None else pytest.approx(hint))


def test_an_answer_has_no_hint() -> None:
    """Only failures have."""
    answered = Attempt("r.1", NAME, "p", "a", WALL)
    assert soonest([answered, failed(hint=30.0, name="p/b")], WALL) == 30.0
    assert soonest([answered], WALL) is None


def test_its_text() -> None:
    """A line an attempt: whom, by whose no, the status, the first line of what was said, bounded, and how long it took."""
    long = "x" * 700
    told = story_text(
        "fast",
        [
            failed(message=f"{NAME}: one\ntwo", latency=1.234),
            failed(message=long, name="p/b", status=None),
            failed(message=long, name="p/b", **OURS),
            failed(message="", name="p/c", latency=0.006),
        ],
    )
    assert told.split("\n") == [
        'no deployment of route "fast" answered in 3 attempts',
        f"  1. {NAME:<32} 500 one   1.23 s",
        f"  2. {'p/b':<32} {'x' * 160}   0.00 s",
        f"  3. {'p/b':<32} refused by us: {'x' * 600}   0.00 s",
        f"  4. {'p/c':<32} 500 answered   0.01 s",
    ]
    assert story_text("fast", [failed()]).startswith('no deployment of route "fast" answered in 1 attempt\n')
    assert story_text("fast", [failed(**OURS)]).startswith('no deployment of route "fast" answered in 0 attempts\n')

"""S-21: known error answers are taken for what they are, and each is dealt with as its kind says, the requests being none the wiser."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import test_google
import test_signals
from story_stage import FALL, Bench, Reply, play, whole

from stormkeel.providers.signals import names_model
from stormkeel.types.failure import FailureKind

K = FailureKind
ROWS = [row for row in test_signals.TABLE if row[0] == "openai"]
REQUESTS = 4
SENDS = {
    K.CREDENTIAL: 1,
    K.QUOTA: 1,
    K.UNSUPPORTED: REQUESTS,
    K.RATE_LIMIT: REQUESTS,
    K.OVERLOADED: REQUESTS,
    K.SERVER: 2 * REQUESTS,
}
"""To who gives an answer for ever, over all requests. Kinds that are not here have stories of their own."""


def expected(kind, failure):
    """Sends to who gives this answer for ever, over all requests; None where its kind has stories of its own."""
    if kind is K.MODEL_UNAVAILABLE:
        return 1 if names_model(failure, "gpt-5.4-mini") else REQUESTS
    return 2 if failure.retry_after else SENDS.get(kind)  # a short pause is waited out once, and is everybody's


def test_every_known_error_is_of_its_kind(figure):
    """All answers of both tables get the class that their source says, and there are 150 of them at least."""
    right = sum(test_signals.said(family, status, body).kind is kind for family, status, body, kind in test_signals.TABLE)
    right += sum(test_google.answered(error).kind is kind for error, kind, _ in test_google.TABLE)
    of = len(test_signals.TABLE) + len(test_google.TABLE)
    figure("S-21", "at least 150 recorded errors, all of the right class", f"{right} of {of}")
    assert right == of >= 150


@pytest.mark.parametrize(("family", "status", "body", "kind"), ROWS)
def test_every_known_error_is_dealt_with(family, status, body, kind):
    """Who answers so for ever is asked as often as its kind says: once for all, once or twice a request; others answer, or nobody is asked."""

    async def story():
        reply = Reply(status, (body,), (("content-type", "application/json"),))
        bench = Bench(lambda request: reply if "openai.com" in request.url else whole(), FALL)
        answers = [await bench.ask() for _ in range(REQUESTS)]
        sent = Counter("openai.com" in one.request.url for one in bench.transport.sent)
        failure = test_signals.said(family, status, body)
        if not failure.rule.elsewhere:
            assert sent == {True: REQUESTS}
            assert all(answer.failure is not None and answer.failure.kind is kind for answer in answers)
            return
        if (often := expected(kind, failure)) is not None:
            assert all(answer.failure is None for answer in answers)
            is_open = bench.house.world.fleet.members[0].breaker.state.value != "closed"
            assert sent[True] == often or (is_open and failure.rule.trips and 5 <= sent[True] <= often)

    play(story)


def test_an_unknown_code_is_counted():
    """A code that nobody knows is taken for what its status says, the request is saved, and the metrics tell of it."""

    async def story():
        body = json.dumps({"error": {"message": "?", "type": "brand_new_failure", "code": "brand_new_failure"}}).encode()
        bench = Bench(lambda request: Reply(503, (body,)) if "openai.com" in request.url else whole(), FALL)
        assert (await bench.ask()).failure is None
        assert bench.house.metrics.unknown == {("openai", 503): 1}

    play(story)

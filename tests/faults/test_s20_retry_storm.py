"""S-20, INV-11: a provider that answers with 500 for a minute is not made worse by retries, and its end is noticed within seconds."""

from __future__ import annotations

from random import Random

from storm_stage import NO_BREAKER, again, ailing, load
from story_stage import ALONE, Bench, play, refused, whole


def test_an_outage_is_not_made_worse(figure):
    """A minute of nothing but 500 costs at most 35 further sends, then none, by the retry budget alone; after it all is well (S-20)."""

    async def story():
        bench = Bench(ailing(60.0, refused(500)), ALONE + NO_BREAKER)
        outcomes = await load(bench, 160, 70)
        outage = [one for one in bench.transport.sent if one.at < 60.0]
        figure("S-20", "at most 35 further sends in a minute of 500, then none", f"{again(outage)} of {len(outage)} sends")
        assert 30 <= again(outage) <= 35
        assert again([one for one in outage if one.at > 1.0]) == 0
        assert len(outage) == 60 * 160 + again(outage)
        after = [kind for at, kind in outcomes if at >= 60.0]
        assert after.count(None) / len(after) >= 0.99

    play(story)


def test_an_outage_behind_a_breaker(figure):
    """With the usual breaker a minute of 500 at 200 requests/s sees but a few probes, and five seconds after it 99 % succeed (S-20)."""

    async def story():
        bench = Bench(ailing(60.0, refused(500)), ALONE)
        outcomes = await load(bench, 200, 75)
        outage = [one for one in bench.transport.sent if one.at < 60.0]
        assert len(outage) < 5 + 60 * 2 + 20
        assert again(outage) <= 35
        after = [kind for at, kind in outcomes if at >= 65.0]
        share = after.count(None) / len(after)
        figure("S-20", "99 % answered 5 s after a minute of 500 at 200 rps", f"{100 * share:.2f} %, {len(outage)} sent in the outage")
        assert after.count(None) / len(after) >= 0.99

    play(story)


def test_a_third_of_faults_is_mended_cheaply(figure):
    """With 30 % of requests failing nearly all are answered, for at most 1.2 sends each plus the budget's first 35 (S-20)."""

    async def story():
        dice = Random(5)
        bench = Bench(lambda _request: refused(500) if dice.random() < 0.3 else whole(), ALONE + NO_BREAKER)
        outcomes = await load(bench, 200, 30)
        offered = len(outcomes)
        ratio = len(bench.transport.sent) / offered
        figure("S-20", "at 30 % faults at most 1.2 sends a request, and 35", f"{ratio:.3f} sends a request")
        assert len(bench.transport.sent) <= 1.2 * offered + 35
        assert sum(kind is None for _, kind in outcomes) / offered > 0.75

    play(story)

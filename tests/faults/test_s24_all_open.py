"""S-24, INV-13: with every breaker open somebody still asks, rarely, and the first good answer is the end of it."""

from __future__ import annotations

from collections import Counter

from storm_stage import ailing, load
from story_stage import ALONE, Bench, play, refused


def test_an_open_breaker_with_nowhere_to_go_probes_every_second(figure):
    """Where every deployment's breaker is open at least one probe a second is still sent, and no more than two (S-24)."""

    async def story():
        bench = Bench(ailing(30.0, refused(500)), ALONE)
        outcomes = await load(bench, 20, 40)
        seconds = Counter(int(one.at) for one in bench.transport.sent if 2.0 <= one.at < 30.0)
        fewest, closed = min(seconds[second] for second in range(2, 30)), min(at for at, kind in outcomes if at >= 30.0 and kind is None)
        asked = "a probe a second while all are open, closed within 2 s of the end"
        figure("S-24", asked, f"{fewest} to {max(seconds.values())} a second, answers after {closed - 30.0:.2f} s")
        assert min(seconds[second] for second in range(2, 30)) >= 1
        assert max(seconds.values()) <= 3
        assert all(kind is None for at, kind in outcomes if at > 32.0)  # first success closes within two seconds
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)

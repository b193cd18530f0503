"""S-25: one of three providers dies, slows down, or cuts its streams; callers hardly notice.

In virtual time: three providers side by side, ten requests a second, a healthy beginning to compare with. The figures are taken
from what callers got.
"""

from __future__ import annotations

import msgspec
import pytest

from stormkeel.ledger.reports import percentile
from stormkeel.simulate.audit import Scene, audit
from stormkeel.simulate.caller import Habits
from stormkeel.simulate.configuration import Side
from stormkeel.simulate.evidence import Call
from stormkeel.simulate.stage import Plan, Stage
from stormkeel.simulate.upstream import Pace
from stormkeel.simulate.weather import Episode, Place

NAMES = ("alpha", "delta", "gamma")
MODEL = "gpt-5.4-mini"
FALLS_ILL, NOTICED, END = 80.0, 90.0, 300.0
CALM = Habits(hourly=36_000.0, leavers=0.0, hurried=0.0, slow=0.0, bursts=0.001)


def plan(kind: str, share: float, **route: object) -> Plan:
    """Three providers of which the first falls ill."""
    kinds = {"alpha": "openai", "delta": "openai", "gamma": "compatible"}
    providers = {
        name: {
            "kind": kinds[name],
            "base_url": f"https://{name}.invalid/v1",
            "credentials": {"main": {"ref": "env:KEY", "quota": f"{name}-org"}},
        }
        for name in NAMES
    }
    group = [{"provider": name, "model": MODEL} for name in NAMES]
    drawn = {
        "providers": providers,
        "routes": {"fast": {"groups": [group], "strategy": "least_latency", **route}},
        "models": {"gamma/*": {"input_price": "0.10", "output_price": "0.40"}},
    }
    sides = tuple(
        Side(Place(name, (MODEL,), (("main", f"{name}-org"),)), Pace(fails=0.0), {f"{name}-org": (10_000, 1.0)}) for name in NAMES
    )
    return Plan(25, END, drawn, sides, (Episode(kind, "alpha", "", FALLS_ILL, END + 600.0, share),), CALM)


def p99(calls: list[Call]) -> float:
    """Return the 99th percentile of the seconds to the first content."""
    firsts = sorted(call.first - call.at for call in calls if call.first is not None and call.stream)
    return percentile(firsts, 99)


@pytest.mark.parametrize(
    ("kind", "share", "route"),
    [("outage", 1.0, {}), ("errors", 1.0, {}), ("slow", 1.0, {}), ("cuts", 0.3, {"commit": "complete"})],
    ids=["dies", "fails", "slows down", "cuts streams"],
)
def test_one_of_three_is_ill(figure, kind, share, route):
    """At most one caller in a thousand gets an error, and ten seconds on the first content comes as quickly as before, nearly."""
    stage = Stage(plan(kind, share, **route))
    evidence = stage.play()
    assert audit(Scene(stage.plan, stage.settings(), evidence)).violations == []
    asked = [call for call in evidence.calls.values() if call.ask == "good"]
    ill = [call for call in asked if call.at >= FALLS_ILL]
    errors = [call for call in ill if call.outcome == "failed"]
    healthy = p99([call for call in asked if call.at < FALLS_ILL])
    later = p99([call for call in ill if call.at >= NOTICED])
    name = {"outage": "dies", "errors": "answers 500", "slow": "is 20 times slower", "cuts": "cuts 30 % of its streams"}[kind]
    figure(
        "S-25",
        f"one of three {name}: errors <= 0.1 %, p99 of first content <= 2 x healthy",
        f"{len(errors) / len(ill):.2%} of {len(ill):,}, {later / healthy:.2f} x",
    )
    assert len(ill) > 2000
    assert len(errors) / len(ill) <= 0.001
    assert later <= 2.0 * healthy
    assert msgspec.to_builtins(stage.plan.weather[0])["kind"] == kind

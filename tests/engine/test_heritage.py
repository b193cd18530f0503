"""What is kept of worlds that are gone: for how long, how many, and who may change it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stormkeel.engine.heritage import KEPT, MOST, Heritage, Succession
from stormkeel.policies.breaker import BreakerSettings
from stormkeel.policies.easing import EasingSettings
from stormkeel.policies.rate import Limit, RateSettings
from stormkeel.policies.retry import BudgetSettings
from stormkeel.routing.deployment import Deployment

EASING = EasingSettings()


def named(name: str, until: float = 0.0) -> Any:
    """A quota group, a model or a scope, set aside until a moment."""
    return SimpleNamespace(name=name, until=until, rests=lambda now: until > now)


def member(name: str, provider: str = "p", credential: str = "main", quota: str = "q", alone: str = "", scope: str = "s") -> Any:
    """A deployment with these names."""
    deployment = SimpleNamespace(name=name, provider=provider, credential=credential, quota=quota, alone=alone)
    return SimpleNamespace(deployment=deployment, cooling=(named(quota), named("c")), scopes=(named(scope),))


def world(*members: Any, credentials: tuple[tuple[str, str], ...] = ()) -> Any:
    """A world of these."""
    return SimpleNamespace(fleet=SimpleNamespace(members=members, credentials=dict.fromkeys(credentials)))


def kept(*members: Any) -> Heritage:
    """A heritage of these, and of everything they have."""
    heritage: Any = Heritage()
    for one in members:
        at = one.deployment
        heritage.members[at.name] = one
        heritage.quotas[one.cooling[0].name] = one.cooling[0]
        heritage.alone[at.alone] = named(at.alone)
        heritage.credentials[at.provider, at.credential] = named("c")
        heritage.budgets[at.provider] = object()
        heritage.scopes[one.scopes[0].name] = one.scopes[0]
    return heritage  # type: ignore[no-any-return]  # stand-ins


def names(heritage: Any) -> list[list[Any]]:
    """What is kept, by name: deployments, groups, models, credentials, budgets, scopes."""
    return [
        sorted(part)
        for part in (heritage.members, heritage.quotas, heritage.alone, heritage.credentials, heritage.budgets, heritage.scopes)
    ]


GONE = member("gone", "old", "first", "oldq", "olda", "olds")
HERE = member("here", "new", "main", "newq", "newa", "news")


def test_what_is_gone_is_forgotten_after_a_while_with_all_that_was_its_own() -> None:
    """Not before; and what comes back meanwhile begins anew when it goes again."""
    heritage = kept(GONE, HERE)
    everything = names(heritage)
    for moment in (100.0, 100.0 + KEPT - 0.1):
        heritage.sweep(world(HERE), moment)
        assert names(heritage) == everything
    heritage.sweep(world(HERE, GONE), 100.0 + KEPT)
    heritage.sweep(world(HERE), 2000.0)
    heritage.sweep(world(HERE), 2000.0 + KEPT - 0.1)
    assert names(heritage) == everything
    heritage.sweep(world(HERE), 2000.0 + KEPT)
    assert names(heritage) == [["here"], ["newq"], ["newa"], [("new", "main")], ["new"], ["news"]]


def test_who_is_set_aside_is_remembered_until_its_time_is_over() -> None:
    """A quota group and a model: no reload is a way round a pause (INV-12)."""
    heritage: Any = kept(GONE, HERE)
    heritage.quotas["oldq"] = named("oldq", 5000.0)
    heritage.alone["olda"] = named("olda", 5000.0)
    heritage.sweep(world(HERE), 0.0)
    heritage.sweep(world(HERE), 4999.0)
    assert (sorted(heritage.quotas), sorted(heritage.alone)) == (["newq", "oldq"], ["newa", "olda"])
    heritage.sweep(world(HERE), 5000.0)
    assert (sorted(heritage.quotas), sorted(heritage.alone)) == (["newq"], ["newa"])


def test_what_the_settings_still_name_is_kept_though_nobody_used_it() -> None:
    """A credential of the present world, and its provider's budget."""
    heritage = kept(GONE, HERE)
    heritage.sweep(world(HERE, credentials=(("old", "first"),)), 0.0)
    heritage.sweep(world(HERE, credentials=(("old", "first"),)), KEPT)
    assert names(heritage)[3:5] == [[("new", "main"), ("old", "first")], ["new", "old"]]


def test_no_more_than_so_many_are_kept() -> None:
    """Those that were missed first go first (INV-14)."""
    heritage = kept(*(member(f"m{number}") for number in range(MOST)))
    heritage.sweep(world(), 0.0)
    assert len(heritage.members) == MOST
    heritage.members["late"] = member("late")
    heritage.sweep(world(), 1.0)
    assert (len(heritage.members), "m0" in heritage.members, "m1" in heritage.members) == (MOST, False, True)
    assert "late" in heritage.members


# -- a world's claim ---------------------------------------------------------------------------------------------------


def deployment(quota: str = "q", alone: str = "", **limits: Any) -> Deployment:
    """One of a quota group."""
    return Deployment("p/m", "p", "m", "main", quota, "openai_chat", 0, alone=alone, **limits)


def claim(heritage: Heritage) -> Succession:
    """A world's claim, at second 7."""
    return Succession(heritage, lambda: 7.0)


def test_nothing_changes_before_the_world_is_the_present_one() -> None:
    """Then all that was claimed at once, and what is claimed later as it is claimed; afterwards nothing more."""
    heritage = Heritage()
    first = claim(heritage)
    quota = first.quota(deployment(rate=RateSettings(rpm=10), concurrency=2), EASING).quota
    budget = first.budget("p", BudgetSettings())
    scope = first.scope("region", BreakerSettings())
    alone = first.alone(deployment(alone="p/m"))
    assert names(heritage) == [[], [], [], [], [], []]
    first.commit()
    assert (heritage.quotas, heritage.budgets, heritage.scopes, heritage.alone) == (
        {"q": quota}, {"p": budget}, {"region": scope}, {"p/m": alone},
    )  # fmt: skip
    late = first.quota(deployment("late"), EASING).quota
    assert heritage.quotas["late"] is late
    first.end()
    first.quota(deployment("later"), EASING)
    first.budget("other", BudgetSettings())
    assert (sorted(heritage.quotas), sorted(heritage.budgets)) == (["late", "q"], ["p"])


def test_the_next_world_goes_on_with_what_there_is_under_its_own_settings() -> None:
    """The same state under other limits, once it is the present one; and never under those of a world that is gone."""
    heritage = Heritage()
    first = claim(heritage)
    quota = first.quota(deployment(rate=RateSettings(rpm=10), concurrency=1), EASING).quota
    first.commit()
    quota.rate.admit(7.0, 0)
    second = claim(heritage)
    assert second.quota(deployment(rate=RateSettings(rpm=5), concurrency=3), EASING).quota is quota
    assert quota.rate.limits(7.0) == [Limit("rpm", 10, 9)]
    second.commit()
    first.end()
    assert quota.limits(7.0) == [Limit("rpm", 5, 4), Limit("concurrency", 3, 3)]
    assert first.quota(deployment("new", rate=RateSettings(rpm=99)), EASING).quota is not quota
    assert second.budget("p", BudgetSettings()) is second.budget("p", BudgetSettings())
    assert quota.limits(7.0)[0] == Limit("rpm", 5, 4)


def test_a_shared_breaker_goes_on_under_the_next_worlds_settings() -> None:
    """Once that is the present one."""
    heritage = Heritage()
    first = claim(heritage)
    scope = first.scope("region", BreakerSettings())
    first.commit()
    changed: list[BreakerSettings] = []
    heritage.scopes["region"] = known = SimpleNamespace(name="region", change=changed.append)  # type: ignore[assignment]  # a stand-in
    second = claim(heritage)
    assert second.scope("region", BreakerSettings(window=30.0)) is known is not scope
    assert changed == []
    second.commit()
    assert changed == [BreakerSettings(window=30.0)]


def test_one_state_and_one_limit_for_all_of_a_group() -> None:
    """Those of its first deployment, within a world that nobody has committed yet as well; and it is counted who is in it."""
    one = claim(Heritage())
    share = one.quota(deployment(rate=RateSettings(rpm=10), concurrency=2), EASING)
    assert one.quota(deployment(rate=RateSettings(rpm=99)), EASING) is share
    assert (share.members, share.rate, share.concurrency) == (2, RateSettings(rpm=10), 2)
    assert share.quota.limits(7.0) == [Limit("rpm", 10, 10), Limit("concurrency", 2, 2)]
    assert one.scope("r", BreakerSettings()) is one.scope("r", BreakerSettings())
    assert one.alone(deployment(alone="p/m")) is one.alone(deployment(alone="p/m"))
    assert one.alone(deployment()) is None


def test_an_onlooker_changes_nothing() -> None:
    """It sees the same state, and whatever it makes stays its own."""
    heritage = Heritage()
    first = claim(heritage)
    quota = first.quota(deployment(rate=RateSettings(rpm=10)), EASING).quota
    first.commit()
    onlooker = first.onlooker()
    assert onlooker.quota(deployment(rate=RateSettings(rpm=1)), EASING).quota is quota
    onlooker.quota(deployment("new"), EASING)
    assert (quota.limits(7.0), sorted(heritage.quotas)) == ([Limit("rpm", 10, 10)], ["q"])


def test_who_has_left_is_forgotten_in_time() -> None:
    """A deployment whose place is another's goes like one that its settings no longer name; one that is back stays."""
    heritage = kept(GONE, HERE)
    heritage.leave(GONE, 100.0)
    heritage.sweep(world(HERE), 100.0 + KEPT - 0.1)
    assert sorted(heritage.members) == ["gone", "here"]
    heritage.enter(GONE)
    heritage.sweep(world(HERE), 100.0 + KEPT)
    assert sorted(heritage.members) == ["gone", "here"]
    heritage.sweep(world(HERE), 100.0 + 2 * KEPT)
    assert sorted(heritage.members) == ["here"]


@pytest.mark.parametrize("is_same", [True, False])
def test_a_credential_is_kept_where_it_makes_the_same_requests(*, is_same: bool) -> None:
    """Else it is another one, of which nothing is known."""

    def credential(name: str) -> Any:
        return SimpleNamespace(
            name=name, provider="p", label="main", caller=SimpleNamespace(is_same=lambda _other: is_same),
            change=lambda fresh: changed.append((name, fresh.name)),
        )  # fmt: skip

    changed: list[tuple[str, str]] = []
    heritage = Heritage()
    first = claim(heritage)
    old, fresh = credential("old"), credential("fresh")
    assert first.credential(old) is old
    first.commit()
    second = claim(heritage)
    assert second.credential(fresh) is (old if is_same else fresh)
    assert heritage.credentials["p", "main"] is old
    assert changed == [("old", "old")]
    second.commit()
    assert heritage.credentials["p", "main"] is (old if is_same else fresh)
    assert changed[1:] == [("old" if is_same else "fresh", "fresh")]  # it goes on by the settings of the new one

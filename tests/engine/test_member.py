"""What a deployment's gates take of an attempt and give back, by numbers; and what its prices come to."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from stormkeel.assemble import Parts, build
from stormkeel.config.load import load
from stormkeel.engine.fleet import Member, Ticket
from stormkeel.engine.gates import MASK, Health
from stormkeel.engine.pace import PacedMember
from stormkeel.engine.scopes import Circle
from stormkeel.policies.base import Need, Verdict
from stormkeel.policies.breaker import CLOSED, OPEN, Breaker, BreakerSettings
from stormkeel.policies.easing import EasingSettings
from stormkeel.policies.latency import PeakLatency
from stormkeel.policies.queue import QueueSettings
from stormkeel.policies.rate import RateSettings
from stormkeel.policies.scope import ScopeBreaker
from stormkeel.providers import KINDS
from stormkeel.routing.deployment import Deployment
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.testing import ScriptedTransport, VirtualClock, VirtualLoop
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.secret import Secret
from stormkeel.types.usage import Usage

OK, FAULT, IGNORED = Verdict.OK, Verdict.FAULT, Verdict.IGNORED
RNG = Random(1)
LIMITS = "rpm = 5, tpm = 900, itpm = 700, otpm = 600, concurrency = 3"


def fleet(limits: str = LIMITS, more: str = "", groups: str = "") -> Any:
    """A world with one provider."""
    loop = VirtualLoop()
    parts = Parts(ScriptedTransport([]), VirtualClock(loop), MemoryJournal(), Random(1))
    loop.close()
    target = f'{{ provider = "local", model = "m", {limits} }}' if limits else '"local/m"'
    settings = f"""
    [providers.local]
    kind = "compatible"
    base_url = "http://127.0.0.1:9/v1"
    [policies.breaker]
    consecutive = 2
    permits = [1, 2]
    [routes.r]
    groups = {groups or f"[[{target}]]"}
    {more}
    """
    environ = {"OPENAI_API_KEY": "sk-0123456789abcdef"}
    secrets = {(name, "main"): Secret("sk-0123456789abcdef0") for name in ("local", "openai", "anthropic")}
    return build(load(settings.encode(), environ, KINDS), secrets, parts).world


def member(limits: str = LIMITS, more: str = "") -> Member:
    """One deployment with these limits."""
    found: Member = fleet(limits, more).fleet.members[0]
    return found


def left(one: Member, now: float = 0.0) -> dict[str, int]:
    """What is left of each limit."""
    return {limit.name: limit.left for limit in one.cooling[0].limits(now)}


def admitted(one: Member, now: float, need: Need, *, probe: bool = False) -> Ticket:
    """A leave to try."""
    ticket = one.admit(now, need, probe)
    assert isinstance(ticket, Ticket)
    return ticket


def refused(one: Member, now: float, need: Need, *, probe: bool = False) -> Failure:
    """A no."""
    failure = one.admit(now, need, probe)
    assert isinstance(failure, Failure)
    return failure


def test_an_attempt_takes_of_each_limit_and_is_settled_with_the_truth() -> None:
    """A request, a place, input by estimate, output by what answers were like; then what was really used."""
    one = member()
    assert left(one) == {"rpm": 5, "tpm": 900, "itpm": 700, "otpm": 600, "concurrency": 3}
    ticket = admitted(one, 0.0, Need(100, 300))
    assert (left(one), one.in_flight) == ({"rpm": 4, "tpm": 500, "itpm": 600, "otpm": 600, "concurrency": 2}, 1)
    one.settle(ticket, OK, Usage(input=120, cache_read=30, output=200), 0.0, RNG)
    assert (left(one), one.in_flight) == ({"rpm": 4, "tpm": 550, "itpm": 550, "otpm": 400, "concurrency": 3}, 0)


def test_what_is_released_leaves_no_trace() -> None:
    """Of an attempt of which nothing was sent nothing is kept: no request, no token, no place."""
    one = member()
    before = left(one)
    ticket = admitted(one, 0.0, Need(100, 300))
    one.release(ticket, 0.0)
    assert (left(one), one.in_flight) == (before, 0)


def test_input_from_the_cache_may_be_free() -> None:
    """Where the provider leaves it out of its limit of input tokens, so do we."""
    one = member("itpm = 700")
    one.cooling[0].change(RateSettings(itpm=700, frees_cached=True), None, 0.0, EasingSettings())
    ticket = admitted(one, 0.0, Need(100))
    one.settle(ticket, OK, Usage(input=50, cache_read=300, output=5), 0.0, RNG)
    assert left(one) == {"itpm": 650}


def test_each_gate_says_its_own_no() -> None:
    """A full limit passes again in time, a request larger than its limit never."""
    one = member("rpm = 1, tpm = 900, concurrency = 2")
    admitted(one, 0.0, Need(10))
    rate = refused(one, 0.0, Need(10))
    assert (rate.kind, rate.forever, rate.retry_after) == (FailureKind.RATE_REACHED, False, pytest.approx(60.0))
    large = refused(one, 0.0, Need(500, 401))
    assert (large.kind, large.forever) == (FailureKind.RATE_REACHED, True)


def test_who_waits_is_before_newcomers() -> None:
    """While somebody waits whoever comes is refused, with how many wait; only who is called is let through."""
    one = member()
    line = one.cooling[0].line
    line.is_busy = True
    taken = refused(one, 0.0, Need(10))
    assert (taken.kind, taken.message) == (
        FailureKind.CONCURRENCY_REACHED, "our own limit is reached, and 1 request waits for room already",
    )  # fmt: skip
    only_rate = member("rpm = 5, tpm = 900")
    only_rate.cooling[0].line.is_busy = True
    behind = refused(only_rate, 0.0, Need(10))
    assert (behind.kind, behind.forever, behind.message) == (FailureKind.RATE_REACHED, False, taken.message)
    never = refused(only_rate, 0.0, Need(600, 301))
    assert (never.forever, "may take 901 tokens" in never.message) == (True, True)
    for each, kind in ((one, FailureKind.CONCURRENCY_REACHED), (only_rate, FailureKind.RATE_REACHED)):
        looks = [gate.refusal(0.0, Need(10), False) for _, gate in each.gates if gate is not None]
        assert kind in [look.kind for look in looks if look is not None]
        each.cooling[0].line.is_open = True
        assert isinstance(each.admit(0.0, Need(10)), Ticket)


class Waiting:
    """Somebody in a line."""

    def __init__(self, caller: str) -> None:
        self.caller, self.priority, self.tokens, self.size = caller, 0, 1, 1


def test_how_many_wait_is_said() -> None:
    """In the plural from two on."""
    one = member()
    line: Any = one.cooling[0].line
    for caller in ("a", "b"):
        line.queue.join(Waiting(caller), QueueSettings())
    line.is_busy = True
    assert refused(one, 0.0, Need(10)).message == "our own limit is reached, and 2 requests wait for room already"


# -- set aside ---------------------------------------------------------------------------------------------------------


def test_a_quota_group_and_a_credential_that_are_set_aside() -> None:
    """The group's no comes first; a credential lets one probe through, and the ticket says so; given back it is due again."""
    one = member(more='[providers.local.credentials]\nmain = "env:OPENAI_API_KEY"')
    quota, credential = one.cooling
    credential.refused("401", 0.0, 1, RNG)
    quota.park(50.0, "told to")
    said = refused(one, 40.0, Need(10))
    assert (said.kind, said.retry_after) == (FailureKind.COOLING, 10.0)
    assert refused(one, 50.0, Need(10)).kind is FailureKind.CREDENTIAL
    ticket = admitted(one, 100.0, Need(10))
    assert (ticket.is_probe, refused(one, 100.0, Need(10)).kind) == (True, FailureKind.CREDENTIAL)
    one.release(ticket, 101.0)
    again = admitted(one, 101.0, Need(10))
    assert again.is_probe
    one.settle(again, OK, Usage(), 101.0, RNG)
    credential.served(101.0, 2, is_probe=True)
    assert not admitted(one, 102.0, Need(10)).is_probe


def test_a_missing_model_is_asked_by_who_has_nobody_else() -> None:
    """As a probe, and not otherwise; a provider's pause is kept by probes as well."""
    one = member()
    quota = one.cooling[0]
    quota.miss(100.0, "404")
    assert refused(one, 1.0, Need(10)).kind is FailureKind.MODEL_UNAVAILABLE
    one.release(admitted(one, 1.0, Need(10), probe=True), 1.0)
    quota.find()
    quota.park(100.0, "told to", waits=True)
    assert refused(one, 1.0, Need(10), probe=True).kind is FailureKind.COOLING


# -- breakers ----------------------------------------------------------------------------------------------------------


def test_an_open_breaker_lets_rare_probes_through() -> None:
    """Of the last one left; what they find moves it."""
    one = member()
    for _ in range(2):
        one.settle(admitted(one, 0.0, Need(10)), FAULT, Usage(), 0.0, RNG)
    assert (one.breaker.state, refused(one, 0.1, Need(10)).kind) == (OPEN, FailureKind.BREAKER_OPEN)
    ticket = admitted(one, 1.0, Need(10), probe=True)
    assert refused(one, 1.5, Need(10), probe=True).kind is FailureKind.BREAKER_OPEN
    one.settle(ticket, IGNORED, Usage(), 1.5, RNG)
    assert one.breaker.state is OPEN


REGIONS = """[
  [{ provider = "local", model = "a" }, { provider = "local", model = "b" }, { provider = "local", model = "c" }],
]"""


def test_a_shared_breaker_is_a_part_of_the_ticket() -> None:
    """What a region lets through is settled with it, and handed back with it."""
    world = fleet(groups=REGIONS)
    one, other, third = world.fleet.members
    (scope,) = one.scopes
    scope.trip(0.0, RNG)
    assert (refused(one, 0.0, Need(1)).kind, one.in_flight) == (FailureKind.BREAKER_OPEN, 0)
    assert (world.fleet.is_ready(0), one.breaker.state) == (False, CLOSED)
    at = 100.0
    world.fleet.now = at
    assert world.fleet.is_ready(0)
    ticket = admitted(one, at, Need(1))
    assert ticket[one.health_place] > MASK
    assert refused(other, at, Need(1)).kind is FailureKind.BREAKER_OPEN
    one.release(ticket, at)
    ticket = admitted(third, at, Need(1))
    third.settle(ticket, OK, Usage(), at, RNG)
    assert isinstance(other.admit(at, Need(1)), Ticket)


def test_a_region_that_is_down_lets_a_rare_probe_through() -> None:
    """As a deployment's own breaker does; a look says the same."""
    world = fleet(groups=REGIONS)
    one, _, _ = world.fleet.members
    (scope,) = one.scopes
    scope.trip(0.0, RNG)
    health = one.health
    assert isinstance(health, Health)
    looked = health.refusal(1.0, Need(1), True), health.refusal(1.0, Need(1), False)
    assert (looked[0], looked[1] is not None) == (None, True)
    ticket = admitted(one, 1.0, Need(1), probe=True)
    assert refused(one, 1.0, Need(1), probe=True).kind is FailureKind.BREAKER_OPEN
    one.settle(ticket, FAULT, Usage(), 1.0, RNG)
    assert scope.state is OPEN


# -- limits that are learned later -------------------------------------------------------------------------------------


def test_limits_that_the_provider_told_are_counted_from_then_on() -> None:
    """Of attempts under way as well; and what they took before is not given back to it."""
    one = member("")
    early = admitted(one, 0.0, Need(10, 5))
    quota = one.cooling[0]
    quota.rate.learn("rpm", 2, 0.0)
    quota.rate.learn("tpm", 100, 0.0)
    quota.arm()
    assert left(one) == {"rpm": 2, "tpm": 100}
    assert dict(one.gates)["rate"] is not None
    ticket = admitted(one, 0.0, Need(10, 5))
    assert left(one) == {"rpm": 1, "tpm": 85}
    one.settle(early, OK, Usage(input=10, output=5), 0.0, RNG)
    assert left(one) == {"rpm": 1, "tpm": 85}
    one.settle(ticket, OK, Usage(input=20, output=5), 0.0, RNG)
    assert (left(one), one.in_flight) == ({"rpm": 1, "tpm": 75}, 0)
    admitted(one, 0.0, Need(10))
    assert refused(one, 0.0, Need(10)).kind is FailureKind.RATE_REACHED


def test_fewer_are_let_through_after_a_throttle_and_more_again_by_time() -> None:
    """Places and rates together; asking is what notices that it is time."""
    one = member("rpm = 60, concurrency = 10")
    quota = one.cooling[0]
    quota.throttled(0.0)
    share = quota.rate.share
    assert share < 1.0
    assert quota.places is not None
    assert quota.places.limit < 10
    one.release(admitted(one, 3600.0, Need(1)), 3600.0)
    assert (quota.rate.share, quota.places.limit) == (1.0, 10)
    rates = member("rpm = 60")
    rates.cooling[0].throttled(0.0)
    rates.release(admitted(rates, 3600.0, Need(1)), 3600.0)
    assert rates.cooling[0].rate.share == 1.0


# -- prices ------------------------------------------------------------------------------------------------------------

MINUTE = 60_000_000_000
NOON = 1_795_000_000_000_000_000 // MINUTE * MINUTE


def priced(model: str = "gpt-5.5", provider: str = "openai") -> Member:
    """A deployment of the catalog."""
    more = f'[providers.{provider}.credentials]\nmain = "env:OPENAI_API_KEY"\n'
    found: Member = fleet("", more, f'[["{provider}/{model}"]]').fleet.members[0]
    return found


def test_prices_are_kept_for_a_minute() -> None:
    """The same for all of it, and looked up anew in the next; terms have prices of their own, and unknown ones none."""
    one = priced()
    first = one.tariff(NOON + 1)
    assert first is not None
    assert one.tariff(NOON + MINUTE - 1) is first
    assert one.tariff(NOON + MINUTE) is not first
    flex = {"service_tier": "flex"}
    dear, cheap = one.tariff(NOON + MINUTE), one.tariff(NOON + MINUTE, flex)
    assert dear is not None
    assert cheap is not None
    assert cheap is one.tariff(NOON + MINUTE, dict(flex))
    million = Usage(input=1_000_000)
    assert cheap.price(million) < dear.price(million)
    for number in range(100):
        one.tariff(NOON + MINUTE, {"service_tier": f"t{number}"})
    assert one.tariff(NOON + MINUTE, {"service_tier": "t99"}) is None


@pytest.mark.parametrize("bounds", [(1000, 100), (1, 0), (0, 7)])
def test_the_dearest_terms_bound_all_others(bounds: tuple[int, int]) -> None:
    """Whatever terms an answer names, no more was held for too little."""
    one = priced()
    assert one.facts is not None
    most = one.dearest(NOON, bounds)
    offered = [one.tariff(NOON), *(one.tariff(NOON, variant.context) for variant in one.facts.sheet.variants)]
    amounts = [tariff.bound(*bounds) for tariff in offered if tariff is not None]
    assert most == max(amount for amount in amounts if amount is not None)
    assert len(amounts) > 1


def test_where_nobody_knows_a_price_there_is_none() -> None:
    """Neither now nor at the dearest."""
    one = member("")
    assert (one.tariff(NOON), one.dearest(NOON, (10, 10)), one.window, one.max_output) == (None, None, None, None)


# -- who is told that a breaker opened ---------------------------------------------------------------------------------


class Neighbours:
    """Takes note of who opened."""

    def __init__(self) -> None:
        self.opened_at: list[float] = []

    def opened(self, _deployment: object, _scopes: object, now: float, _rng: object) -> None:
        """One has."""
        self.opened_at.append(now)


def gate(*scopes: ScopeBreaker, **settings: Any) -> tuple[Health, Breaker, list[float]]:
    """The gate of a breaker and of what is shared, and when its neighbours were told."""
    told = Neighbours()
    breaker = Breaker(BreakerSettings(**settings))
    deployment = Deployment("p/m", "p", "m", "main", "q", "openai_chat", 0)
    return Health(breaker, Circle(deployment, scopes, told)), breaker, told.opened_at  # type: ignore[arg-type]  # asked for one thing


def settled(health: Health, verdict: Verdict, now: float) -> None:
    """One attempt that ends so."""
    ticket = health.ask(now, Need(), False)
    assert isinstance(ticket, int)
    health.settle(ticket, verdict, Usage(), now, RNG)


def test_neighbours_hear_of_a_breaker_as_it_opens_and_not_again() -> None:
    """Once each time, by faults or by late first contents; not of attempts that end well, nor of what comes late."""
    health, breaker, told = gate(consecutive=2, permits=(1,))
    settled(health, OK, 1.0)
    late = health.ask(2.0, Need(), False)
    assert isinstance(late, int)
    settled(health, FAULT, 2.0)
    assert told == []
    settled(health, FAULT, 3.0)
    health.settle(late, FAULT, Usage(), 4.0, RNG)
    assert (breaker.state, told) == (OPEN, [3.0])
    settled(health, FAULT, 100.0)
    assert (breaker.state, told) == (OPEN, [3.0, 100.0])
    settled(health, OK, 200.0)
    assert (breaker.state, told) == (CLOSED, [3.0, 100.0])


def test_neighbours_hear_of_a_breaker_that_late_contents_open() -> None:
    """At the first content already, once."""
    health, breaker, told = gate(least=4, slow_times=0.0, slow_after=1.0)
    tickets = [health.ask(1.0, Need(), False) for _ in range(6)]
    for place, ticket in enumerate(tickets):
        assert isinstance(ticket, int)
        health.begin(ticket, 5.0, 2.0 + place, RNG)
    assert (breaker.state, told) == (OPEN, [5.0])


def test_a_ticket_holds_a_part_of_each_shared_breaker() -> None:
    """Region and credential apart: only those that were not closed give one, and each is told how its own ended."""
    region, credential = (ScopeBreaker(name, BreakerSettings()) for name in ("region", "credential"))
    health, breaker, _ = gate(region, credential, permits=(1,))
    credential.trip(0.0, RNG)
    alone = health.ask(100.0, Need(), False)
    assert isinstance(alone, int)
    assert (alone >> 80 > 0, alone >> 40 & MASK) == (True, 0)
    health.release(alone, 100.0)
    region.trip(0.0, RNG)
    both = health.ask(100.0, Need(), False)
    assert isinstance(both, int)
    assert (both >> 80 > 0, both >> 40 & MASK > 0, both & MASK) == (True, True, alone & MASK)
    assert isinstance(health.ask(100.0, Need(), False), Failure)
    health.settle(both, OK, Usage(), 101.0, RNG)
    assert breaker.good_at == 101.0
    assert isinstance(health.ask(101.0, Need(), False), int)
    assert (region.refusal(101.0), credential.refusal(101.0)) == (None, None)


def test_a_shared_breaker_that_says_no_gives_the_others_back() -> None:
    """A region's leave is not kept where the credential refuses."""
    region, credential = (ScopeBreaker(name, BreakerSettings()) for name in ("region", "credential"))
    health, breaker, _ = gate(region, credential, permits=(1,))
    region.trip(0.0, RNG)
    credential.trip(99.0, RNG)
    said = health.ask(100.0, Need(), False)
    assert isinstance(said, Failure)
    assert (said == health.refusal(100.0, Need(), False), region.refusal(100.0), breaker.state) == (True, None, CLOSED)


# -- how quick it is ---------------------------------------------------------------------------------------------------------


def paced(limits: str = "") -> tuple[PacedMember, PeakLatency]:
    """A deployment whose first content came after two seconds, at the start."""
    one = fleet(limits, 'strategy = "least_latency"').fleet.members[0]
    assert isinstance(one, PacedMember)
    assert one.pace is not None
    one.pace.observe(0.0, 2.0)
    return one, one.pace


def test_it_is_waited_for_from_the_first_attempt_on() -> None:
    """A second one beside it changes nothing; and the next one that is alone is waited for from its own start."""
    one, pace = paced()
    first = admitted(one, 10.0, Need(1))
    second = admitted(one, 14.0, Need(1))
    assert pace.estimate(15.0, True) == 5.0
    one.release(first, 15.0)
    one.release(second, 15.0)
    admitted(one, 20.0, Need(1))
    assert pace.estimate(23.0, True) == 3.0


def test_whom_a_gate_refused_nobody_waits_for() -> None:
    """An attempt that was not made says nothing of quickness; and nobody is noted where nobody asks for it."""
    one, pace = paced("rpm = 1")
    one.settle(admitted(one, 0.0, Need(1)), OK, Usage(), 0.0, RNG)
    pace.hear()
    refused(one, 1.0, Need(1))
    assert pace.estimate(30.0, True) == 2.0
    one, pace = paced()
    one.pace = None
    admitted(one, 1.0, Need(1))
    assert pace.estimate(30.0, True) == 2.0


def test_a_probe_of_one_whose_quickness_counts_is_a_probe() -> None:
    """Through its open breaker, as of any other deployment."""
    one, _ = paced()
    for _ in range(2):
        one.settle(admitted(one, 0.0, Need(10)), FAULT, Usage(), 0.0, RNG)
    assert refused(one, 0.1, Need(10)).kind is FailureKind.BREAKER_OPEN
    admitted(one, 1.0, Need(10), probe=True)

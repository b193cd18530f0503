"""What deployments share: who is spared, who is taken out with whom, and what is handed back."""

from __future__ import annotations

from random import Random

from story_stage import ALONE, FALL, KEYS, Bench, play
from test_scope_stories import FOUR, REGION, TWINS

from stormkeel.engine.cooling import Cooling
from stormkeel.engine.fleet import Member, Ticket
from stormkeel.engine.quota import Quota
from stormkeel.policies.base import Need, Verdict
from stormkeel.policies.breaker import State
from stormkeel.types.failure import Failure, FailureKind

DICE = Random(1)
NEED = Need(10, 0)


def bench_of(settings: bytes) -> Bench:
    """A house whose routes' deployments are all there."""
    return Bench([], settings)


def fail(member: Member, now: float) -> None:
    """Five faults in a row."""
    for _ in range(5):
        ticket = member.health.ask(now, NEED, False)
        assert isinstance(ticket, int)
        member.in_flight += 1
        _settle(member, ticket, Verdict.FAULT, now)


def _settle(member: Member, ticket: int, verdict: Verdict, now: float) -> None:
    member.in_flight -= 1
    member.health.settle(ticket, verdict, None, now, DICE)  # type: ignore[arg-type]  # health looks at no usage


def test_who_would_be_one_too_many_is_spared() -> None:
    """Of four, two may be out; the third is spared, until one of the two is back."""

    async def story() -> None:
        members = bench_of(FOUR).house.world.fleet.members
        for member in members[:3]:
            fail(member, 1.0)
        assert [member.breaker.spared for member in members] == [False, False, True, False]
        while members[0].breaker.state is not State.CLOSED:
            ticket = members[0].health.ask(60.0, NEED, False)
            assert isinstance(ticket, int)
            members[0].in_flight += 1
            _settle(members[0], ticket, Verdict.OK, 60.0)
        fail(members[3], 61.0)
        assert not members[3].breaker.spared

    play(story)


def test_a_late_one_may_be_one_too_many_as_well() -> None:
    """Whoever is opened for late first contents is spared by the same rule."""

    async def story() -> None:
        members = bench_of(FOUR).house.world.fleet.members
        for member in members:
            for _ in range(30):
                member.health.begin(member.health.ask(1.0, NEED, False), 0.5, 1.0, DICE)  # type: ignore[arg-type]  # leave
            while member.breaker.state is State.CLOSED:
                member.health.begin(member.health.ask(2.0, NEED, False), 30.0, 2.0, DICE)  # type: ignore[arg-type]  # leave
        assert [member.breaker.spared for member in members] == [False, False, True, True]

    play(story)


def test_what_is_shared() -> None:
    """A region is everybody's; a credential only where its provider has others."""

    async def story() -> None:
        for settings, scopes in ((ALONE, 1), (FALL, 1), (KEYS, 2), (TWINS, 2)):
            assert {len(member.scopes) for member in bench_of(settings).house.world.fleet.members} == {scopes}

    play(story)


def test_a_scope_that_is_down_takes_all_out_of_the_running() -> None:
    """While a region's breaker is open none of its deployments is ready, and what was taken for a refused attempt is handed back."""

    async def story() -> None:
        fleet = bench_of(REGION).house.world.fleet
        east = [member for member in fleet.members if member.deployment.region == "east"]
        fail(east[0], 0.0)
        fleet.now = 8.0  # its own breaker's time is up
        assert fleet.is_ready(east[0].index)
        east[0].scopes[0].trip(8.0, DICE)
        assert not any(fleet.is_ready(member.index) for member in east)
        for _ in range(3):
            assert isinstance(east[0].health.ask(8.0, NEED, False), Failure)
        until = east[0].scopes[0].retry_at or 0.0
        assert isinstance(east[0].health.ask(until, NEED, False), int)  # its one probe's place is free

    play(story)


def test_a_ticket_of_both_is_settled_with_both() -> None:
    """A probe of a region and of a deployment at once closes the one and moves the other on."""

    async def story() -> None:
        fleet = bench_of(REGION).house.world.fleet
        member = fleet.members[0]
        scope = member.scopes[0]
        fail(member, 0.0)
        scope.trip(0.0, DICE)
        leave = member.admit(20.0, NEED)
        assert isinstance(leave, Ticket)
        member.in_flight -= 1
        member.health.settle(leave[member.health_place], Verdict.OK, None, 21.0, DICE)  # type: ignore[arg-type]  # no usage
        assert (scope.state, member.breaker.state) == (State.CLOSED, State.HALF_OPEN)

    play(story)


def test_a_missing_model_is_told_once_and_a_longer_pause_is_a_pause() -> None:
    """The first time is news; a rate limit that rests longer than that is told as what it is."""
    quota = Quota("openai#main/m")
    assert isinstance(quota, Cooling)
    assert [quota.miss(at + 300.0, "404") for at in (0.0, 300.0, 0.0)] == [True, False, False]
    missing = quota.refusal(1.0)
    assert missing is not None and missing.kind is FailureKind.MODEL_UNAVAILABLE
    quota.park(900.0, "rate_limit (429)", waits=True)
    resting = quota.refusal(1.0)
    assert resting is not None and resting.kind is FailureKind.COOLING

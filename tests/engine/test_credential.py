"""A credential's live state: set aside, probed, parked and back, by moments; and how it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stormkeel.engine.credentials import DAY, PROBE_TIMEOUT, Birth, Credential, CredentialState, credential_states, probe, shown
from stormkeel.policies.base import Verdict
from stormkeel.policies.parking import ParkingSettings
from stormkeel.policies.quarantine import AGAIN, LEASE, Standing
from stormkeel.testing import Reply, ScriptedTransport, VirtualClock, run_virtual
from stormkeel.types.alert import Alert, AlertKind
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.wire import HttpRequest, HttpResponse

WALL = 1_763_464_800_000_000_000
"""2025-11-18 11:20:00 UTC."""
NAME = 'credential "main" of provider "p"'


class Lowest:
    """Dice that show the lowest number."""

    def random(self) -> float:
        """Return it."""
        return 0.0


DICE = Lowest()


class Caller:
    """Asks for a list; whatever is a 401 refuses it."""

    def probe(self) -> HttpRequest:
        """The list."""
        return HttpRequest("GET", "http://p/models", ())

    def is_refused(self, response: HttpResponse, wall_now: float) -> bool:
        """By the status alone; the moment is in seconds."""
        assert 1.7e9 < wall_now < 1.9e9
        return response.status in (401, 403)


def credential(**parking: float) -> tuple[Credential, list[Alert]]:
    """A credential in service, and whoever is told of it."""
    told: list[Alert] = []
    made = Credential(("p", "main"), Caller(), ScriptedTransport([Reply()]), ParkingSettings(**parking))  # type: ignore[arg-type]  # asked for little
    made.tell = told.append
    return made, told


def test_a_fresh_one_is_in_service() -> None:
    """Nothing is known of it, nobody probes it, and nothing is said against it."""
    one, told = credential()
    assert (one.name, one.provider, one.label, one.since, one.last_good, one.last_failed) == (NAME, "p", "main", 0, 0, 0)
    assert (one.has_prober, one.is_unclear, one.birth, one.why, one.until) == (False, False, Birth(), "", 0.0)
    assert (one.last_good_at, one.quarantine.standing) == (float("-inf"), Standing.IN_SERVICE)
    assert (one.is_due(1.0), one.needs_probe(1.0), told) == (False, False, [])
    one.served(2.0, WALL, is_probe=False)
    assert (one.last_good, one.last_good_at, told) == (WALL, 2.0, [])


def test_a_provider_without_a_credential_is_told_by_its_name() -> None:
    """Nobody is told of a credential named "" that nobody gave."""
    made, _ = credential()
    one = Credential(("local", ""), made.caller, made.transport, ParkingSettings())
    one.emptied(300.0, "quota (insufficient_quota)", WALL)
    refusal = one.refusal(0.0)
    assert refusal is not None
    assert refusal.message == 'provider "local" (no credential) is set aside for 300.0 s more: quota (insufficient_quota)'



def test_a_refused_one_says_why_since_when_and_when_the_next_probe_is() -> None:
    """Until its time is up nobody asks with it; then one request is the probe, and the others are refused."""
    one, told = credential()
    one.refused("401 bad", 100.0, WALL, DICE)
    assert (one.since, one.why, one.until) == (WALL, "401 bad", float("inf"))
    assert told == [
        Alert(
            AlertKind.CREDENTIAL_REFUSED, NAME,
            "was refused by its provider (401 bad), and nobody asks with it: put one there that works, and reload", WALL,
        )
    ]  # fmt: skip
    said = (
        f"{NAME} was refused by the provider (401 bad) and is set aside since 2025-11-18 11:20:00 UTC; "
        "the next probe is in 45 s; put a key there that works, and reload"
    )
    assert one.refuse(115.0) == one.refusal(115.0) == Failure(FailureKind.CREDENTIAL, said, retry_after=45.0)
    assert (one.is_due(159.9), one.is_due(160.0)) == (False, True)
    assert one.refusal(160.0) is None
    assert one.refuse(160.0) is None
    late = one.refuse(170.0)
    assert late is not None
    assert late.retry_after == LEASE - 10.0
    one.quarantine.next_at = 150.0
    one.has_prober = True
    overdue = one.refusal(170.0)
    assert overdue is not None
    assert overdue.retry_after == 0.0


def test_a_second_refusal_while_it_is_aside_changes_nothing() -> None:
    """The attempts that were under way come back one by one."""
    one, told = credential()
    one.refused("401", 100.0, WALL, DICE)
    one.refused("403", 101.0, WALL + 1, DICE)
    assert (one.since, one.why, len(told)) == (WALL, "401", 1)


def test_an_answer_to_the_probe_puts_it_back() -> None:
    """Who is told of the refusal is told of its end; another attempt's answer, sent before, proves nothing."""
    one, told = credential()
    one.refused("401", 100.0, WALL, DICE)
    one.served(101.0, WALL + 1, is_probe=False)
    assert (one.since, one.last_good) == (WALL, WALL + 1)
    assert one.refuse(160.0) is None
    one.served(161.0, WALL + 2, is_probe=True)
    assert (one.since, one.until, one.why) == (0, 0.0, "")
    assert told[1:] == [Alert(AlertKind.CREDENTIAL_RESTORED, NAME, "is in service again", WALL + 2)]
    one.served(162.0, WALL + 3, is_probe=False)
    assert len(told) == 2
    one.refused("401", 200.0, WALL, DICE)
    assert one.quarantine.next_at == 260.0, "the time has begun anew"


@pytest.mark.parametrize(
    ("verdict", "standing", "next_at"),
    [(Verdict.OK, Standing.IN_SERVICE, None), (Verdict.FAULT, Standing.SET_ASIDE, 120.0), (Verdict.IGNORED, Standing.SET_ASIDE, AGAIN)],
)
def test_what_a_background_probe_found(verdict: Verdict, standing: Standing, next_at: float | None) -> None:
    """Answered: back, though the next refusal still counts as a further one. Refused: twice as long. Neither: soon again."""
    one, told = credential()
    one.refused("401", 100.0, WALL, DICE)
    one.quarantine.take(160.0)
    one.probed(verdict, 160.0, WALL + 5, DICE)
    assert one.quarantine.standing is standing
    assert (one.since == 0, len(told)) == (standing is Standing.IN_SERVICE, 2 if standing is Standing.IN_SERVICE else 1)
    if next_at is not None:
        assert one.quarantine.next_at == 160.0 + next_at
    else:
        one.refused("401", 200.0, WALL, DICE)
        assert one.quarantine.next_at == 320.0


def test_with_a_prober_requests_are_no_probes_unless_it_learned_nothing() -> None:
    """What the background can't find out, a request must."""
    one, _ = credential()
    one.refused("401", 100.0, WALL, DICE)
    one.has_prober = True
    assert (one.is_due(160.0), one.needs_probe(160.0), one.needs_probe(159.0)) == (False, True, False)
    assert one.refuse(160.0) is not None
    one.is_unclear = True
    assert one.is_due(160.0)
    one.quarantine.settle(Verdict.OK, 160.0, DICE)
    one.refused("401", 170.0, WALL, DICE)
    assert not one.is_unclear


def test_an_empty_account_keeps_it_aside_whatever_the_quarantine_says() -> None:
    """Until its moment; the later of two counts; and it is told with its mend."""
    one, told = credential()
    one.emptied(400.0, "quota (x)", WALL)
    assert told == [
        Alert(
            AlertKind.ACCOUNT_EMPTY, NAME,
            "is of an account without money, or beyond its limit (quota (x)): pay or raise it at the provider", WALL,
        )
    ]  # fmt: skip
    one.park(300.0, "sooner")
    refusal = one.refuse(399.0)
    assert refusal is not None
    assert (refusal.retry_after, "quota (x)" in refusal.message) == (1.0, True)
    one.refused("401", 100.0, WALL, DICE)
    assert (one.needs_probe(399.9), one.needs_probe(400.0)) == (False, True)
    one.quarantine.take(400.0)
    one.probed(Verdict.OK, 400.0, WALL, DICE)
    assert (one.until, one.why) == (400.0, "quota (x)")


def test_a_parked_one_that_was_refused_waits_for_both() -> None:
    """Back from its quarantine it is still aside for its money."""
    one, _ = credential()
    one.refused("401", 100.0, WALL, DICE)
    one.park(1000.0, "no money")
    one.quarantine.take(160.0)
    one.served(161.0, WALL, is_probe=True)
    assert (one.since, one.until, one.why) == (0, 1000.0, "no money")


def test_a_fresh_one_hands_its_settings_on() -> None:
    """After a reload: settings, age, prober, transport and who is told; what it went through stays."""
    one, _ = credential()
    one.refused("401", 100.0, WALL, DICE)
    fresh, told = credential(credential=10.0)
    fresh.birth, fresh.has_prober = Birth(5, 3.0), True
    one.change(fresh)
    assert (one.birth, one.has_prober, one.transport, one.since) == (Birth(5, 3.0), True, fresh.transport, WALL)
    one.probed(Verdict.FAULT, 100.0, WALL, DICE)
    assert one.quarantine.next_at == 120.0
    one.emptied(1.0, "x", WALL)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("at", "remind", "days", "is_old"),
    [(None, 1.0, None, False), (WALL, 0.0, 2.0, False), (WALL, 2.0, 2.0, True), (WALL, 2.1, 2.0, False), (WALL + 9 * DAY, 1.0, 0.0, False)],
)
def test_its_age(at: int | None, remind: float, days: float | None, *, is_old: bool) -> None:
    """In days, never below none; it is old from the day its owner wants to be reminded on, and never where nobody does."""
    birth = Birth(at, remind)
    assert (birth.days(WALL + 2 * DAY), birth.is_old(WALL + 2 * DAY)) == (days, is_old)


def test_a_reason_is_shown_where_it_is_short_and_plain() -> None:
    """A provider's code is text from outside."""
    assert shown("401 x") == "401 x"
    assert shown("x" * 80) == "x" * 80
    assert shown("x" * 81) == shown("a\nb") == "a reason of its own"


# -- probing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "standing", "is_unclear", "lasts"),
    [
        (Reply(200), Standing.IN_SERVICE, False, 0.0),
        (Reply(299), Standing.IN_SERVICE, False, 0.0),
        (Reply(300), Standing.SET_ASIDE, True, 0.0),
        (Reply(199), Standing.SET_ASIDE, True, 0.0),
        (Reply(401), Standing.SET_ASIDE, False, 0.0),
        (Reply(403), Standing.SET_ASIDE, True, 0.0),
        (Reply(200, delay=PROBE_TIMEOUT - 0.1), Standing.IN_SERVICE, False, PROBE_TIMEOUT - 0.1),
        (Reply(200, delay=60.0), Standing.SET_ASIDE, True, PROBE_TIMEOUT),
    ],
)
def test_a_background_probe(reply: Reply, standing: Standing, lasts: float, *, is_unclear: bool) -> None:
    """An answer puts it back, a 401 sets it aside for longer, and what says nothing, or nothing in time, leaves it to a request."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        one, _ = credential()
        transport = ScriptedTransport([reply])
        one.transport = transport
        clock = VirtualClock(loop)
        one.refused("401", loop.time(), clock.wall(), DICE)
        await probe(one, clock, DICE)
        assert transport.sent == [], "not before its time"
        await asyncio.sleep(60.0)
        began = loop.time()
        await probe(one, clock, DICE)
        assert (one.quarantine.standing, one.is_unclear, round(loop.time() - began, 6)) == (standing, is_unclear, lasts)
        await probe(one, clock, DICE)
        assert len(transport.sent) == 1

    run_virtual(story())


# -- looking -----------------------------------------------------------------------------------------------------------


class World:
    """A world with these credentials, at WALL."""

    def __init__(self, *credentials: Credential) -> None:
        self.fleet: Any = self
        self.ports: Any = self
        self.clock: Any = self
        self.credentials = {(one.provider, one.label): one for one in credentials}

    def wall(self) -> int:
        """Two days after WALL."""
        return WALL + 2 * DAY


def state(one: Credential, now: float) -> CredentialState:
    """How it is told to stand."""
    (told,) = credential_states(World(one), now)  # type: ignore[arg-type]  # it is asked for little
    return told


def test_how_each_standing_is_told() -> None:
    """In service, set aside with its reason and its next probe, probing, cooling; with its age."""
    one, _ = credential()
    assert state(one, 5.0) == CredentialState("p", "main", "in_service")
    one.served(1.0, WALL, is_probe=False)
    one.last_failed, one.birth = WALL + 1, Birth(WALL - DAY // 3, 1.0)
    one.refused("401", 100.0, WALL, DICE)
    common: Any = {"last_used": WALL, "last_failed": WALL + 1, "age_days": 2.33, "is_old": True}
    assert state(one, 100.12345) == CredentialState("p", "main", "set_aside", "401", WALL, 59.877, **common)
    one.quarantine.take(160.0)
    assert state(one, 170.0) == CredentialState("p", "main", "probing", "401", WALL, 20.0, **common)
    assert state(one, 999.0).next_probe == 0.0
    one.served(170.0, WALL, is_probe=True)
    one.park(300.0, "no money")
    assert state(one, 299.0) == CredentialState("p", "main", "cooling", "no money", None, None, **common)
    assert state(one, 300.0) == CredentialState("p", "main", "in_service", "", None, None, **common)


def test_a_provider_without_credentials_has_none_to_tell_of() -> None:
    """What stands for it has no name."""
    nameless = Credential(("p", ""), Caller(), ScriptedTransport([Reply()]), ParkingSettings())  # type: ignore[arg-type]  # asked for little
    assert credential_states(World(nameless), 0.0) == []  # type: ignore[arg-type]  # it is asked for little

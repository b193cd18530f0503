"""The live state of a provider's credential: how it stands, when it was last of use, how old it is.

Never holds the secret's text (its `Caller` does) and never probes by itself: `probe` is asked by whoever has the time.

    refused (401, 403) -> set aside for all its deployments -> one probe at growing intervals -> in service
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ..policies.base import Dice, Verdict
from ..policies.parking import ParkingSettings
from ..policies.quarantine import Quarantine, Standing
from ..types.alert import Alert, AlertKind, Tell, tell_nobody
from ..types.failure import Failure, FailureKind
from .cooling import Cooling
from .ports import Clock, Transport, WireFault

if TYPE_CHECKING:
    from ..providers.base import Caller
    from .world import World

FOREVER = float("inf")
NANO = 1_000_000_000
DAY = 86_400 * NANO
LONGEST_CODE = 80  # characters
PROBE_TIMEOUT = 10.0  # seconds for a probe, whole

StateName = str
"""One of "in_service", "set_aside", "probing", "cooling"."""


class Birth(msgspec.Struct, frozen=True):
    """How old a credential is.

    Attributes:
        at: when it was made, or first seen, nanoseconds since the epoch; None where nobody knows.
        remind_after: days after which its owner is reminded to change it, 0 for never.
    """

    at: int | None = None
    remind_after: float = 0.0

    def days(self, wall: int) -> float | None:
        """Return its age at a moment (nanoseconds since the epoch)."""
        return None if self.at is None else max(0.0, (wall - self.at) / DAY)

    def is_old(self, wall: int) -> bool:
        """Should it be changed?"""
        days = self.days(wall)
        return days is not None and 0.0 < self.remind_after <= days


class Credential(Cooling):
    """One credential of one provider, shared by all deployments that use it.

    Attributes:
        provider, label: its provider's name and its own.
        caller: makes its requests.
        transport: how its provider is reached.
        quarantine: its standing.
        since: when it was set aside, nanoseconds since the epoch; 0 while it is in service.
        last_good, last_failed: when an attempt with it ended well, and when not (whatever for); nanoseconds, 0 for never.
        birth: its age.
        has_prober: does somebody probe it in the background? Else a caller's request is its probe.
        tell: who is told when it is refused, in service again, or its account is empty.
        is_unclear: did the last background probe say nothing? Then a caller's request is its probe all the same.
    """

    __slots__ = (
        "_parked", "_parked_why", "birth", "caller", "has_prober", "is_unclear", "label", "last_failed", "last_good",
        "last_good_at", "provider", "quarantine", "since", "tell", "transport",
    )  # fmt: skip

    def __init__(self, name: tuple[str, str], caller: Caller, transport: Transport, parking: ParkingSettings) -> None:
        provider, label = name
        super().__init__(f'credential "{label}" of provider "{provider}"' if label else f'provider "{provider}" (no credential)')
        self.provider = provider
        self.label = label
        self.caller = caller
        self.transport = transport
        self.quarantine = Quarantine(parking)
        self.since = 0
        self.last_good = self.last_failed = 0
        self.last_good_at = -FOREVER  # monotonic
        self.birth = Birth()
        self.has_prober = False
        self.tell: Tell = tell_nobody
        self.is_unclear = False
        self._parked = 0.0  # until when an empty account keeps it aside, whatever the quarantine says
        self._parked_why = ""

    def change(self, fresh: Credential) -> None:
        """Go on under the settings of a fresh one that makes the same requests."""
        self.quarantine.settings = fresh.quarantine.settings
        self.birth = fresh.birth
        self.transport = fresh.transport
        self.has_prober = fresh.has_prober
        self.tell = fresh.tell

    # -- gate --------------------------------------------------------------------------------------------------------

    def park(self, until: float, why: str, waits: bool = False) -> None:
        """Set aside until a moment, as an account without money."""
        if until > self._parked:
            self._parked, self._parked_why = until, why
        super().park(until, why, waits)

    def is_due(self, now: float) -> bool:
        """May a caller's request be the probe now?"""
        return (not self.has_prober or self.is_unclear) and self.needs_probe(now)

    def needs_probe(self, now: float) -> bool:
        """Is it time for a probe, whoever makes it?"""
        return self.since > 0 and self._parked <= now and self.quarantine.is_due(now)

    def refuse(self, now: float) -> Failure | None:
        """Say why nothing is sent with it; None where this one attempt is the probe."""
        if self.is_due(now) and self.quarantine.take(now):
            return None
        return self.refusal(now)

    def refusal(self, now: float) -> Failure | None:
        """Say what `refuse` would, without taking the probe. Changes nothing."""
        if not self.since:
            return super().refusal(now)
        if self.is_due(now):
            return None
        left = max(0.0, self.quarantine.next_at - now)
        return Failure(
            FailureKind.CREDENTIAL,
            f"{self.name} was refused by the provider ({self.why}) and is set aside since {_clock(self.since)}; "
            f"the next probe is in {left:.0f} s; put a key there that works, and reload",
            retry_after=left,
        )

    # -- what attempts say ---------------------------------------------------------------------------------------------

    def served(self, now: float, wall: int, is_probe: bool) -> None:
        """An attempt with it ended well."""
        self.last_good = wall
        self.last_good_at = now
        if self.quarantine.is_doubted and (is_probe or not self.since):
            self.quarantine.settle(Verdict.OK, now, _NO_DICE)
            self.quarantine.proved()
            self._return(wall)

    def refused(self, why: str, now: float, wall: int, rng: Dice) -> None:
        """A provider refused it: nobody asks with it until a probe was answered."""
        if self.quarantine.refused(now, rng):
            self.since, self.why, self.until, self.is_unclear = wall, why, FOREVER, False
            mend = f"was refused by its provider ({shown(why)}), and nobody asks with it: put one there that works, and reload"
            self.tell(Alert(AlertKind.CREDENTIAL_REFUSED, self.name, mend, wall))

    def probed(self, verdict: Verdict, now: float, wall: int, rng: Dice) -> None:
        """A probe has ended."""
        self.quarantine.settle(verdict, now, rng)
        if self.quarantine.standing is Standing.IN_SERVICE:
            self._return(wall)

    def emptied(self, until: float, why: str, wall: int) -> None:
        """Its account has no money left: set it aside until a moment, and tell."""
        self.park(until, why)
        text = f"is of an account without money, or beyond its limit ({shown(why)}): pay or raise it at the provider"
        self.tell(Alert(AlertKind.ACCOUNT_EMPTY, self.name, text, wall))

    def _return(self, wall: int) -> None:
        if self.since:
            self.tell(Alert(AlertKind.CREDENTIAL_RESTORED, self.name, "is in service again", wall))
        self.since = 0
        self.until, self.why = self._parked, self._parked_why


def shown(why: str) -> str:
    """Return a reason as people may see it: a provider's code is text from outside."""
    return why if why.isprintable() and len(why) <= LONGEST_CODE else "a reason of its own"


class _NoDice:
    """For a verdict that draws nothing."""

    def random(self) -> float:
        """Return the lowest number."""
        return 0.0


_NO_DICE = _NoDice()


# -- probing -----------------------------------------------------------------------------------------------------------


async def probe(credential: Credential, clock: Clock, rng: Dice) -> None:
    """Ask for the provider's list of models, which costs nothing, if the credential's probe is due and not out.

    A refusal (mostly a 401) sets it aside for longer. An answer puts it back in service. Anything else (no such list, a 403 for a
    key that may not see it, a network that is down) says nothing, and a caller's request is the next probe.
    """
    if not credential.quarantine.take(clock.now()):
        return
    verdict = Verdict.IGNORED
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            response = await credential.transport.send(credential.caller.probe())
        if 200 <= response.status < 300:
            verdict = Verdict.OK
        elif response.status != 403 and credential.caller.is_refused(response, clock.wall() / 1e9):
            verdict = Verdict.FAULT
    except (WireFault, TimeoutError):
        pass
    finally:
        credential.is_unclear = verdict is Verdict.IGNORED
        credential.probed(verdict, clock.now(), clock.wall(), rng)


# -- looking -----------------------------------------------------------------------------------------------------------


class CredentialState(msgspec.Struct, frozen=True):
    """How one credential stands at a moment, for people.

    Attributes:
        provider, name: whose it is.
        state: "in_service"; "set_aside" after a refusal; "probing" while a probe is out; "cooling" while its account is empty.
        why: what it is set aside for, "" where it is not.
        since: when it was set aside, nanoseconds since the epoch, None where it is not.
        next_probe: seconds to the next probe, None where none is to come.
        last_used, last_failed: when an attempt with it last ended well, and not; nanoseconds since the epoch, None for never (in
            this process).
        age_days: days since it was made or first seen, None where nobody knows.
        is_old: should it be changed, by `[credentials] remind_after_days`?
    """

    provider: str
    name: str
    state: StateName
    why: str = ""
    since: int | None = None
    next_probe: float | None = None
    last_used: int | None = None
    last_failed: int | None = None
    age_days: float | None = None
    is_old: bool = False


def credential_states(world: World, now: float) -> list[CredentialState]:
    """Return how each credential of a world stands at a moment of its clock (monotonic seconds), in the settings' order."""
    wall = world.ports.clock.wall()
    return [_state(credential, now, wall) for credential in world.fleet.credentials.values() if credential.label]


def _state(credential: Credential, now: float, wall: int) -> CredentialState:
    is_aside = credential.since > 0
    is_cooling = not is_aside and credential.until > now
    days = credential.birth.days(wall)
    return CredentialState(
        credential.provider,
        credential.label,
        "cooling" if is_cooling else credential.quarantine.standing.value,
        credential.why if is_aside or is_cooling else "",
        credential.since or None,
        max(0.0, round(credential.quarantine.next_at - now, 3)) if is_aside else None,
        credential.last_good or None,
        credential.last_failed or None,
        None if days is None else round(days, 2),
        credential.birth.is_old(wall),
    )


def _clock(wall: int) -> str:
    return datetime.fromtimestamp(wall // NANO, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

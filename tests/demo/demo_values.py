"""Arrivals, bookings and outcomes for the demo's tests."""

from __future__ import annotations

import msgspec

from stormkeel.demo.arrival import Arrival
from stormkeel.demo.drive import Outcome
from stormkeel.demo.storm import Ask
from stormkeel.ledger.booking import Booking
from stormkeel.ledger.entry import Reserved, Settled

ARRIVAL = Arrival("r.1", 0, 100.0, True, "m", 200, "", 10, 5, True, 700)
RESERVED = Reserved("r.1", "r", 0, "route", "openai/m#a", "openai", "m", "openai_chat", "", "0", "", (), 100, 100, 9000, "prices")
SETTLED = Settled("r.1", 1, "ok", 200, 0.1, 0.05, usage_source="provider", amount=700)
ASK = Ask(0, 0.0, False, True, "the whole answer")
OUTCOME = Outcome(ASK, "the whole answer", "", 99.5, 0.6)


def arrived(**changes: object) -> Arrival:
    """An arrival that met no fault, changed."""
    return msgspec.structs.replace(ARRIVAL, **changes)


def booked(
    name: str = "r.1", *, deployment: str = "openai/m#a", task: str = "0", held: int | None = 9000, **end: object
) -> Booking:
    """A booking settled by the provider's word, changed."""
    request = name.rpartition(".")[0]
    reserved = msgspec.structs.replace(RESERVED, attempt=name, request=request, deployment=deployment, task=task, amount=held)
    return Booking(reserved, msgspec.structs.replace(SETTLED, attempt=name, **end))

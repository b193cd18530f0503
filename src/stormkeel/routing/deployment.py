"""Deployment: a model at a provider with a credential and limits, the unit that can fail.

Never holds live state (that is the fleet's) nor a secret: a credential is a name here.
"""

from __future__ import annotations

import msgspec

from ..policies.base import within
from ..policies.deadline import ClockSettings
from ..policies.rate import RateSettings


class Deployment(msgspec.Struct, frozen=True, weakref=True):
    """One way to reach one model.

    Attributes:
        name: as people and the ledger see it, as in "openai/gpt-5.4-mini#main".
        provider: the provider's name.
        model: the model's name at the provider.
        credential: the credential's name.
        quota: the name of what counts its limits: who shares one, shares its upstream limit.
        alone: where other models count in the same, the name by which this one alone is set aside; "" where none do.
        dialect: the wire format it speaks.
        index: its place in the fleet, dense from 0; one that `is_found` may have it after another, whom no request has any more.
        weight: its share of the traffic against the others of its group.
        clocks: its own timeouts, None for the common ones.
        rate: its quota group's limits, None where none is set.
        concurrency: the most attempts at once in its quota group, None for no limit.
        origins: where each of these limits is said, as (name, place).
        learns: may limits that the provider tells of itself hold as well?
        is_found: was it made for a model that a caller named, and no route does?
        region: where it is served, in its owner's own word; "" where nobody says.
        tags: its owner's words for where and on which terms it serves, in small letters, its region among them.
    """

    name: str
    provider: str
    model: str
    credential: str
    quota: str
    dialect: str
    index: int
    weight: float = 1.0
    clocks: ClockSettings | None = None
    rate: RateSettings | None = None
    concurrency: int | None = None
    region: str = ""
    tags: tuple[str, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()
    learns: bool = True
    is_found: bool = False
    alone: str = ""

    def __post_init__(self) -> None:
        within("weight", self.weight, 0.0001, 1_000_000.0)
        within("index", self.index, 0, 10_000_000)
        if self.concurrency is not None:
            within("concurrency", self.concurrency, 1, 1_000_000, "attempts at once")

"""Weather: which provider, account or credential is ill when, and how, drawn by a seed for the whole run.

Never decides what a single request meets: `upstream.py` does, by the episodes under way and its own dice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import msgspec

FAULTS = (
    "outage", "resets", "hang", "errors", "overload", "slow", "cuts", "stalls", "garbage", "told", "endless",
)  # fmt: skip
"""What befalls a provider, or one model of it: connections refused, resets before the head, no head, 500, 503 or 529, 20 times
slower to the first content, streams cut short, streams that fall silent, malformed events, errors told inside a stream, a stream
that ends in good order without its end."""
ACCOUNTS = ("dead", "broke", "squeeze")
"""What befalls a credential or its organisation: refused as invalid, no money left, a quarter of its limits."""
ALWAYS = 1.0


class Place(msgspec.Struct, frozen=True):
    """Where something may fall ill: a provider, its models, its credentials with their organisations, each model's region."""

    provider: str
    models: tuple[str, ...]
    credentials: tuple[tuple[str, str], ...]
    regions: dict[str, str] = {}


class Episode(msgspec.Struct, frozen=True):
    """One illness.

    Attributes:
        kind: as in `FAULTS` and `ACCOUNTS`.
        provider: who is ill.
        scope: one model, credential, organisation or region of it; "" for all.
        begins, ends: seconds.
        share: of the requests that meet it.
        hints: seconds of a Retry-After, 0 for none.
    """

    kind: str
    provider: str
    scope: str
    begins: float
    ends: float
    share: float = ALWAYS
    hints: float = 0.0

    def holds(self, at: float) -> bool:
        """Is it under way?"""
        return self.begins <= at < self.ends

    def touches(self, model: str, credential: str, organisation: str, region: str = "") -> bool:
        """Is a deployment within its scope?"""
        return self.scope in ("", model, credential, organisation, region)

    def __str__(self) -> str:
        where = f"{self.provider} {self.scope}".rstrip()
        return f"{self.begins:.0f}-{self.ends:.0f} s {where}: {self.kind}, {self.share:.0%} of requests"


def draw_weather(rng: Random, places: Sequence[Place], span: float) -> tuple[Episode, ...]:
    """Draw the episodes of a run of so many seconds: about fifteen an hour; the beginning is calm."""
    count = max(3, round(span / 240.0))
    return tuple(sorted((_episode(rng, rng.choice(places), span) for _ in range(count)), key=lambda one: one.begins))


def _episode(rng: Random, place: Place, span: float) -> Episode:
    begins = rng.uniform(0.03, 0.9) * span
    lasts = min(rng.choice((3.0, 20.0, 60.0, 60.0, 180.0, 600.0)) * rng.uniform(0.5, 1.5), span / 5.0)
    if place.credentials and rng.random() < 0.3:
        kind = rng.choice(ACCOUNTS)
        label, organisation = rng.choice(place.credentials)
        return Episode(kind, place.provider, label if kind == "dead" else organisation, begins, begins + lasts)
    kind, spot = rng.choice(FAULTS), rng.choice(("", rng.choice(place.models)))
    if place.regions and rng.random() < 0.25:
        spot = rng.choice(sorted(set(place.regions.values())))
    share = ALWAYS if kind in ("outage", "slow") else rng.choice((0.3, 0.7, 1.0))
    hints = rng.choice((0.0, 1.0, 4.0, 20.0)) if kind == "overload" else 0.0
    return Episode(kind, place.provider, spot, begins, begins + lasts, share, hints)


def latest_end(episodes: Iterable[Episode], provider: str, spot: tuple[str, str, str, str], before: float) -> float:
    """Return when the last illness that touched a deployment before a moment was over; for its `spot` see `Episode.touches`."""
    ends = (one.ends for one in episodes if one.provider == provider and one.touches(*spot) and one.begins < before)
    return max(ends, default=0.0)

"""Figures of tiers as two providers publish them, by models, tier for tier. Sources are in `tiers.py`, beside the others'.

Never holds a figure of a model whose page was not read: a tier that is missing in a row is one that nobody looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec


class Row(msgspec.Struct, frozen=True):
    """What one tier lets through of some models, and the day their pages were read."""

    models: tuple[str, ...]
    limits: Mapping[str, int]
    as_of: str


_FLAGSHIP = ((500, 500_000), (5000, 1_000_000), (5000, 2_000_000), (10_000, 4_000_000), (15_000, 40_000_000))
_MINI = ((500, 500_000), (5000, 2_000_000), (5000, 4_000_000), (10_000, 10_000_000), (30_000, 180_000_000))
_NANO = ((500, 200_000), *_MINI[1:])
_OLDER = ((500, 30_000), (5000, 450_000), (5000, 800_000), (10_000, 2_000_000), (10_000, 30_000_000))
_CHAT = (*_OLDER[:4], (15_000, 40_000_000))
_OLDER_MINI = ((500, 200_000, 10_000), *_MINI[1:4], (30_000, 150_000_000))
_O3_MINI = ((1000, 100_000), (2000, 200_000), (5000, 4_000_000), (10_000, 10_000_000), (30_000, 150_000_000))
_O4_MINI = (_O3_MINI[0], (2000, 2_000_000), *_O3_MINI[2:])
_PRO = ((50, 50_000), (500, 100_000), (500, 200_000), (1000, 400_000), (1500, 4_000_000))
_VECTORS = ((3000, 1_000_000), (5000, 1_000_000), (5000, 5_000_000), (10_000, 5_000_000), (10_000, 10_000_000))
_UNREAD: tuple[int, ...] = ()
_SUMMER = "2026-07-01"  # the pages bore no date; they compare models of that summer

_OPENAI: tuple[tuple[str, tuple[str, ...], tuple[tuple[int, ...], ...]], ...] = (
    ("2026-10-03", ("gpt-6.1-sol",), _FLAGSHIP[:2]),
    ("2026-09-29", ("gpt-6-sol", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.5"), _FLAGSHIP),
    ("2026-09-29", ("gpt-6-luna",), (*_MINI[:3], _UNREAD, _MINI[4])),
    ("2026-09-29", ("gpt-5.6-luna",), _MINI),
    ("2026-09-24", ("gpt-6-astra",), _FLAGSHIP),
    ("2026-09-24", ("gpt-4o",), _OLDER),
    ("2026-09-24", ("gpt-4o-mini",), _OLDER_MINI),
    (_SUMMER, ("gpt-5.2-codex",), _FLAGSHIP),
    (_SUMMER, ("gpt-5.4-mini", "gpt-5.1-codex-mini", "gpt-5-mini"), _MINI),
    (_SUMMER, ("gpt-5.4-nano", "gpt-5-nano"), _NANO),
    (_SUMMER, ("gpt-5.4-pro",), _PRO),
    (_SUMMER, ("gpt-5.2-pro", "gpt-4.1", "o3-pro"), _OLDER),
    (_SUMMER, ("gpt-5.2-chat-latest", "gpt-5.1-chat-latest"), _CHAT),
    (_SUMMER, ("gpt-4.1-mini",), _OLDER_MINI),
    (_SUMMER, ("o3-mini",), _O3_MINI),
    (_SUMMER, ("o4-mini",), _O4_MINI),
    (_SUMMER, ("text-embedding-3-large",), _VECTORS),
)
"""Requests and tokens a minute, and requests a day, for tiers 1 to 5. Prompts beyond 128,000 or 272,000 tokens have others."""

_XAI: tuple[tuple[tuple[str, ...], tuple[tuple[int, int], ...]], ...] = (
    (
        ("grok-4.7", "grok-4.6", "grok-4.5"),
        ((150, 50_000_000), (172, 53_000_000), (208, 60_000_000), (312, 74_000_000), (500, 100_000_000)),
    ),
    (
        ("grok-4.3", "grok-4.20-0309-reasoning", "grok-4.20-0309-non-reasoning", "grok-build-0.1"),
        ((37, 10_000_000), (50, 15_000_000), (75, 25_000_000), (125, 45_000_000), (208, 85_000_000)),
    ),
    (("grok-4.20-multi-agent-0309",), ((9, 2_500_000), (12, 3_700_000), (18, 6_200_000), (31, 11_000_000), (56, 21_000_000))),
)
"""Requests a second, which its windows are of (`Vendor.rate_window`), and tokens a minute, for tiers 0 to 4."""


def _openai() -> Iterator[tuple[str, tuple[Row, ...]]]:
    for place in range(5):
        yield str(place + 1), tuple(
            Row(models, dict(zip(("rpm", "tpm", "rpd"), rows[place], strict=False)), as_of)
            for as_of, models, rows in _OPENAI if place < len(rows) and rows[place]
        )  # fmt: skip


def _xai() -> Iterator[tuple[str, tuple[Row, ...]]]:
    for place in range(5):
        yield str(place), tuple(
            Row(models, {"rpm": 60 * rows[place][0], "tpm": rows[place][1]}, "2026-09-29") for models, rows in _XAI
        )


OPENAI: Mapping[str, tuple[Row, ...]] = dict(_openai())
XAI: Mapping[str, tuple[Row, ...]] = dict(_xai())

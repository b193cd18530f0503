"""Where requests may and may not go, drawn by a seed: regions and tags, borders, windows, detours, last resorts.

Never lays out a configuration that nobody could have meant: a border leaves somebody inside, and a tag is somebody's.

    providers    region, tags; tags of credentials; a model of it elsewhere      tag, place
    models       how long a prompt may be, and what the configuration thinks     windows
    routes, keys borders, detours, last resorts                                  borders, detours
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

Drawn = dict[str, Any]
"""A configuration, or a part of it, as its file has it."""
REGIONS = ("eu", "us")
KEYS = ("team-a", "team-b", "team-c")
WINDOWS = (6_000, 9_000, 16_000)
"""Tokens that a model reads, where it is not a large one."""
LARGE = 1_000_000
INSTEAD = "[route:{}] say that this is too much"
"""What a route says in the place of instructions ("s") or of a whole conversation ("p")."""


def tag(rng: Random, provider: Drawn) -> None:
    """Say where a provider serves and on which terms, and what one of its accounts has agreed on."""
    if rng.random() < 0.6:
        provider["region"] = rng.choice(REGIONS)
    provider["tags"] = [word for word, share in (("zdr", 0.4), ("no-training", 0.3), ("ch", 0.1)) if rng.random() < share]
    for credential in provider["credentials"].values():
        if rng.random() < 0.2:
            credential["tags"] = ["zdr"]


def place(rng: Random) -> Drawn:
    """Say what one model of a provider has beside the others, in each route the same."""
    drawn: Drawn = {"region": rng.choice(REGIONS)} if rng.random() < 0.15 else {}
    return drawn | ({"tags": ["no-training"]} if rng.random() < 0.1 else {})


def windows(rng: Random, models: list[str], known: dict[str, Drawn]) -> tuple[dict[str, Drawn], dict[str, int]]:
    """Draw how long a prompt each model reads.

    Args:
        rng: the seed's dice.
        models: as "provider/model".
        known: what has to be said of a model besides, by its provider.

    Returns:
        What the configuration says of each model, and how it really is, in tokens.
    """
    said, true = dict[str, Drawn](), dict[str, int]()
    for model in models:
        true[model] = rng.choice((*WINDOWS, LARGE))
        provider = model.partition("/")[0]
        thought = true[model] * rng.choice((1, 1, 1, 1, 2))
        is_unknown = provider in known and rng.random() < 0.4  # of the others the catalog has its own opinion
        said[model] = {**known.get(provider, {}), **({} if is_unknown else {"window": thought})}
    return said, true


# -- borders -----------------------------------------------------------------------------------------------------------


def tags_of(drawn: Drawn, provider: str, credential: str, target: Drawn) -> set[str]:
    """Return what somebody has, as the configuration's words have it."""
    one = drawn["providers"][provider]
    region = target.get("region") or one.get("region")
    own = one["credentials"].get(credential, {}).get("tags", ())
    return {*one.get("tags", ()), *own, *target.get("tags", ()), *([region] if region else ())}


def lets(border: Drawn, tags: set[str]) -> bool:
    """May somebody with these tags be asked inside a border?"""
    within = border.get("within") or ()
    return (not within or not tags.isdisjoint(within)) and tags.issuperset(border.get("requires") or ())


def targets(drawn: Drawn, route: Drawn) -> Iterator[tuple[Drawn, str, set[str]]]:
    """Yield each target of a route with each of its credentials, and their tags."""
    for group in route["groups"]:
        for target in group:
            for credential in drawn["providers"][target["provider"]]["credentials"]:
                yield target, credential, tags_of(drawn, target["provider"], credential, target)


def border_of(drawn: Drawn, route: Drawn) -> Drawn:
    """Return a route's border: terms that all of its first group have are kept where it says nothing else."""
    if "requires" in route:
        return {"within": route.get("within", []), "requires": route["requires"]}
    first = [tags for _, _, tags in targets(drawn, {"groups": route["groups"][:1]})]
    kept = [term for term in ("zdr", "no-training") if all(term in tags for tags in first)]
    return {"within": route.get("within", []), "requires": kept}


def borders(rng: Random, drawn: Drawn) -> None:
    """Draw the borders of routes and keys."""
    tags = sorted({one for route in drawn["routes"].values() for _, _, each in targets(drawn, route) for one in each})
    for route in drawn["routes"].values():
        given = _border(rng, tags)
        if any(lets(border_of(drawn, {**route, **given}), each) for _, _, each in targets(drawn, route)):
            route.update(given)
        else:
            route["requires"] = []
    drawn["keys"] = [{"name": name, "key": f"env:KEY_{name[-1].upper()}", **_border(rng, tags, 0.1)} for name in KEYS]


def _border(rng: Random, tags: list[str], share: float = 0.2) -> Drawn:
    drawn: Drawn = {}
    if tags and rng.random() < share:
        drawn["within"] = rng.sample(tags, min(len(tags), rng.randrange(1, 3)))
    if tags and rng.random() < share:
        drawn["requires"] = [rng.choice(tags)]
    return drawn


# -- detours -----------------------------------------------------------------------------------------------------------


def detours(rng: Random, drawn: Drawn) -> None:
    """Draw where routes go on with what was too long or refused, and what they try last."""
    routes = drawn["routes"]
    groups = [group for route in routes.values() for group in route["groups"]]
    names = sorted({f"{one['provider']}/{one['model']}" for group in groups for one in group})
    for name, route in routes.items():
        there = [*names, *(other for other in routes if other != name)]
        fallback: Drawn = {}
        if rng.random() < 0.4:
            fallback["context_length"] = _way(rng, there)
        if rng.random() < 0.5:
            fallback["content_refused"] = _way(rng, there)
        if fallback:
            route["fallback"] = fallback
        if rng.random() < 0.5:
            route["last_resort"] = _last(rng, there)


def _way(rng: Random, names: list[str]) -> list[str]:
    return rng.choice((["next"], [], [rng.choice(names)], [*rng.sample(names, min(2, len(names))), "next"]))


def _last(rng: Random, names: list[str]) -> Drawn:
    ways = ({"trim": True}, {"trim": True}, {"trim": True, "system": INSTEAD.format("s")}, {"prompt": INSTEAD.format("p")})
    last: Drawn = dict(rng.choice((*ways, {"system": INSTEAD.format("s")})))
    return last | ({"to": [rng.choice(names)]} if rng.random() < 0.3 else {})

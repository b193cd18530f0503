"""Configurations drawn by a seed, as their file would say them: providers, credentials, routes, strategies, limits, policies.

Never draws one that the checks of `stormkeel check` would refuse; what is drawn can be printed and served as it is.
"""

from __future__ import annotations

import json
from random import Random

from ..config.load import load
from ..config.settings import Settings
from ..providers import KINDS
from ..types.secret import Secret
from . import ways
from .upstream import Pace, Side
from .ways import Drawn
from .weather import Place

OPENAI_MODELS, ANTHROPIC_MODELS = ("gpt-5.4-mini", "gpt-5.4"), ("claude-haiku-4-5",)
KIND_OF = {"alpha": "openai", "beta": "anthropic", "gamma": "compatible", "delta": "openai"}
PRICED = {"gamma": {"input_price": "0.10", "output_price": "0.40"}}
"""What the catalog does not know."""
STRATEGIES = ("weighted", "round_robin", "two_choices", "random", "priority", "least_latency", "cheapest")


def draw(rng: Random) -> tuple[Drawn, tuple[Side, ...]]:
    """Draw a configuration, and the providers that it speaks of."""
    names = ["alpha", "beta", *rng.sample(("gamma", "delta"), rng.randrange(1, 3))]
    providers = {name: _provider(rng, name) for name in names}
    drawn: Drawn = {"providers": providers, "routes": _routes(rng, names), "policies": _policies(rng)}
    drawn["models"], windows = ways.windows(rng, [f"{name}/{model}" for name in names for model in models_of(name)], PRICED)
    drawn["quotas"] = _quotas(rng, providers)
    ways.borders(rng, drawn)
    ways.detours(rng, drawn)
    sides = tuple(_side(rng, name, drawn, windows) for name in names)
    for route in drawn["routes"].values():
        if rng.random() < 0.3:
            route["hedge"] = rng.choice((True, {"after": rng.choice((0.5, 2.0)), "share": rng.choice((0.02, 0.3))}))
    return drawn, sides


def read(drawn: Drawn) -> Settings:
    """Return the settings of a drawn configuration."""
    return load(json.dumps(drawn).encode(), {}, KINDS, "simulated.json")


def secrets_of(settings: Settings) -> dict[tuple[str, str], Secret]:
    """Return a credential for each name."""
    return {
        (name, label): Secret(secret_of(name, label)) for name, one in settings.providers.items() for label in one.credentials
    }


def secret_of(provider: str, label: str) -> str:
    """Return the text of a credential."""
    return f"sk-{provider}-{label}-0123456789abcdef"


# -- providers ---------------------------------------------------------------------------------------------------------


def models_of(provider: str) -> tuple[str, ...]:
    """Return the models of a provider."""
    return ANTHROPIC_MODELS if KIND_OF[provider] == "anthropic" else OPENAI_MODELS


def _provider(rng: Random, name: str) -> Drawn:
    kind, path = KIND_OF[name], "" if KIND_OF[name] == "anthropic" else "/v1"
    organisations = [f"{name}-org-{number}" for number in range(rng.choice((1, 1, 2)))]
    credentials = {
        label: {"ref": f"env:{name.upper()}_{label.upper()}", "quota": rng.choice(organisations)}
        for label in ("main", "second", "third")[: rng.choice((1, 1, 2, 3))]
    }
    limits: Drawn = {"rpm": rng.choice((60, 300)), "burst": rng.choice((0.05, 0.5, 1.0))} if rng.random() < 0.3 else {}
    drawn: Drawn = {"kind": kind, "base_url": f"https://{name}.invalid{path}", "credentials": credentials, "limits": limits}
    ways.tag(rng, drawn)
    return drawn


def _quotas(rng: Random, providers: Drawn) -> Drawn:
    """What is set for whole organisations: for each of their models, or for all of them together."""
    names = sorted({credential["quota"] for one in providers.values() for credential in one["credentials"].values()})
    drawn: Drawn = {}
    for name in names:
        if rng.random() < 0.25:
            rate = {"rpm": rng.choice((60, 120, 300)), "burst": rng.choice((0.1, 1.0))}
            limits: Drawn = rng.choice((rate, {"concurrency": rng.choice((4, 12))}))
            drawn[name] = limits | ({"pool": "account"} if rng.random() < 0.5 else {})
    return drawn


def _side(rng: Random, name: str, drawn: Drawn, windows: dict[str, int]) -> Side:
    labels = tuple((label, one["quota"]) for label, one in drawn["providers"][name]["credentials"].items())
    window = rng.choice((1.0, 10.0, 60.0))
    minute = rng.choice((60, 120, 300, 1200))
    limits = {quota: (max(2, round(minute * window / 60.0)), window) for _, quota in labels}
    place = Place(name, models_of(name), labels, _regions(drawn, name))
    pace = Pace(rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.4))
    return Side(place, pace, limits, {model: windows[f"{name}/{model}"] for model in models_of(name)}, rng.random() < 0.5)


def _regions(drawn: Drawn, name: str) -> dict[str, str]:
    """Return where each model of a provider is served, "" where nobody says."""
    usual = drawn["providers"][name].get("region", "")
    groups = [group for route in drawn["routes"].values() for group in route["groups"]]
    own = {one["model"]: one["region"] for group in groups for one in group if one["provider"] == name and "region" in one}
    return dict.fromkeys(models_of(name), usual) | own


# -- routes ------------------------------------------------------------------------------------------------------------

Limits = dict[tuple[str, str], Drawn]
"""What is set for a model at a provider, the same in each route: its limits, and where it is."""


def _routes(rng: Random, names: list[str]) -> Drawn:
    limits: Limits = {(name, model): _limits(rng) | ways.place(rng) for name in names for model in models_of(name)}
    routes = {"fast": _route(rng, names, limits, 2), "wide": _route(rng, names, limits, 1)}
    if rng.random() < 0.5:
        routes["lone"] = {"groups": [_targets(rng, rng.choice(names), limits)]}
    return routes


def _route(rng: Random, names: list[str], limits: Limits, groups: int) -> Drawn:
    order = rng.sample(names, len(names))
    cut = rng.randrange(1, len(order)) if groups > 1 else len(order)
    shelves = [order[:cut], order[cut:]] if groups > 1 else [order]
    route: Drawn = {
        "groups": [[target for name in shelf for target in _targets(rng, name, limits)] for shelf in shelves],
        "strategy": rng.choice(STRATEGIES),
    }
    route["commit"] = rng.choice(("first_token", "first_token", "tokens:20", "complete"))
    if rng.random() < 0.5:
        route["queue_wait"] = rng.choice((0.0, 2.0, 10.0))
        route["priority"] = rng.choice(("high", "low", "-10"))
    route["recovery"] = rng.choice(("error", "restart", "continue"))
    if rng.random() < 0.25:
        route["sticky"] = rng.choice(("conversation", "prefix", "user"))
    return route


def _targets(rng: Random, name: str, limits: Limits) -> list[Drawn]:
    """One model of a provider, or now and then each of them."""
    models = models_of(name)
    return [_target(rng, name, model, limits) for model in (models if rng.random() < 0.4 else [rng.choice(models)])]


def _target(rng: Random, name: str, model: str, limits: Limits) -> Drawn:
    target: Drawn = {"provider": name, "model": model, **limits[name, model]}
    if rng.random() < 0.3:
        target["weight"] = rng.choice((0.5, 2.0))
    return target


def _limits(rng: Random) -> Drawn:
    drawn: Drawn = {}
    if rng.random() < 0.2:
        drawn["rpm"] = rng.choice((30, 120))
    if rng.random() < 0.1:
        drawn["tpm"] = rng.choice((20_000, 100_000))
    if rng.random() < 0.2:
        drawn["concurrency"] = rng.choice((2, 5, 10))
    return drawn


# -- policies ----------------------------------------------------------------------------------------------------------


def _policies(rng: Random) -> Drawn:
    attempts, open_time = rng.randrange(1, 5), rng.choice((2.0, 5.0, 8.0))
    capacity = rng.choice((100, 500, 500))
    return {
        "retry": {
            "attempts": attempts, "request_attempts": rng.randrange(attempts, 7), "wait_hint": rng.choice((0.0, 2.0, 5.0)),
        },
        "budget": {"capacity": capacity, "concurrent_least": rng.choice((1, 3))},
        "queue": {"wait": rng.choice((0.0, 0.25, 3.0)), "most": rng.choice((3, 50, 2000))},
        "breaker": {
            "consecutive": rng.choice((3, 5, 5)), "least": rng.choice((10, 20)), "open_time": open_time,
            "open_cap": open_time * rng.choice((1.0, 3.0)), "permits": rng.choice(([1], [1, 3, 10])),
        },
        "clocks": {
            "first_content": rng.choice((5.0, 15.0, 30.0)), "idle": rng.choice((5.0, 30.0)), "answer": rng.choice((20.0, 60.0)),
            "total": rng.choice((30.0, 60.0, 120.0)), "hold": rng.choice((2.0, 10.0)),
        },
        "parking": {"credential": rng.choice((10.0, 60.0)), "credential_cap": 120.0, "quota": rng.choice((60.0, 120.0))},
    }  # fmt: skip

"""How a candidate came to its place, in words for people: what was drawn, compared or hashed.

Never chooses: it says again what `routing/` did, by looks that move nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..routing.deployment import Deployment
from ..routing.informed import costs
from ..routing.route import Group
from ..routing.sticky import StickyName, bounds, ranked
from ..routing.strategies import FleetView
from ..types.money import dollars
from .outlook import Outlook


class Scene(msgspec.Struct, frozen=True):
    """One choice, as it stood when it was made.

    Attributes:
        left: who was to be chosen from, two or more.
        which: what they have in common.
        drawn: what the dice showed.
        turn: of round robin.
        view, outlook: what was seen.
    """

    left: Sequence[Deployment]
    which: str
    drawn: Sequence[float]
    turn: int
    view: FleetView
    outlook: Outlook

    @property
    def of_all(self) -> str:
        """How many they were."""
        return f"of {len(self.left)} {self.which}"

    @property
    def numbers(self) -> str:
        """The dice in words."""
        return " and ".join(f"{number:.4f}" for number in self.drawn)


def words_of(group: Group, chosen: Deployment, scene: Scene, sticky: StickyName) -> str:
    """Say how one of several was chosen."""
    if scene.outlook.key:
        return _stuck(chosen, scene, sticky)
    said = WORDS[group.strategy](chosen, scene)
    return said if sticky == "off" else f"{said}; nothing to stick by {sticky}"


def _stuck(chosen: Deployment, scene: Scene, sticky: StickyName) -> str:
    order, most = ranked(scene.left, scene.outlook.key), bounds(scene.left, scene.view)
    place = next(place for place, one in enumerate(order) if one.index == chosen.index)
    said = f"sticky by {sticky}: number {place + 1} in its order {scene.of_all}"
    if not place:
        return said
    full = ", ".join(f"{one.name} ({scene.view.load(one.index):g} of at most {most[one.index]})" for one in order[:place])
    return f"{said}, no room at {full}"


def _weighted(chosen: Deployment, scene: Scene) -> str:
    share = chosen.weight / sum(one.weight for one in scene.left)
    return f"weighted: {scene.numbers} drawn, its share is {100 * share:.3g}% {scene.of_all}"


def _round_robin(_chosen: Deployment, scene: Scene) -> str:
    return f"round_robin: number {scene.turn % len(scene.left) + 1} {scene.of_all} in turn {scene.turn}"


def _two_choices(chosen: Deployment, scene: Scene) -> str:
    return f"two_choices: {scene.numbers} drawn {scene.of_all}, {scene.view.load(chosen.index):g} in flight"


def _at_random(_chosen: Deployment, scene: Scene) -> str:
    return f"random: {scene.numbers} drawn {scene.of_all}"


def _priority(_chosen: Deployment, scene: Scene) -> str:
    return f"priority: the first {scene.of_all}, as written"


def _least_latency(chosen: Deployment, scene: Scene) -> str:
    latency, load = scene.outlook.latency(chosen.index), scene.view.load(chosen.index)
    known = "latency unknown as yet" if latency is None else f"{latency:.3f} s to the first content"
    cost = "" if latency is None else f", which comes to {costs(chosen, chosen, scene.view, scene.outlook)[0]:.3f}"
    return f"least_latency: {scene.numbers} drawn {scene.of_all}, {known}, {load:g} in flight{cost}"


def _cheapest(chosen: Deployment, scene: Scene) -> str:
    price = scene.outlook.price(chosen.index)
    tokens, output = scene.outlook.expected
    if price is None:
        return f"cheapest: no price is known {scene.of_all}; {scene.numbers} drawn"
    equal = f", {scene.numbers} drawn among equals" if scene.drawn else ""
    return f"cheapest: about ${dollars(price):f} for {tokens:,} tokens in and {output:,} out, the least {scene.of_all}{equal}"


WORDS: dict[str, Callable[[Deployment, Scene], str]] = {
    "weighted": _weighted,
    "round_robin": _round_robin,
    "two_choices": _two_choices,
    "random": _at_random,
    "priority": _priority,
    "least_latency": _least_latency,
    "cheapest": _cheapest,
}

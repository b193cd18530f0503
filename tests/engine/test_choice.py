"""How a candidate came to its place, in words."""

import pytest

from stormkeel.engine.choice import Scene, words_of
from stormkeel.routing.deployment import Deployment
from stormkeel.routing.route import Group
from stormkeel.routing.sticky import ranked
from stormkeel.types.money import NANO


class Sight:
    """A fleet and an outlook whose loads, latencies, prices and key are given."""

    expected = (1200, 3400)

    def __init__(self, loads=(2.0, 3.0), latencies=(0.5, None), prices=(1, None), key=b""):
        self.loads, self.latencies, self.prices, self.key = loads, latencies, prices, key

    def load(self, index):
        """The load given."""
        return self.loads[index]

    def is_ready(self, index):
        """Everybody is."""
        return index in (0, 1)

    def latency(self, index):
        """The latency given."""
        return self.latencies[index]

    def price(self, index):
        """The price given."""
        return self.prices[index]


FIRST, SECOND = (
    Deployment(f"p/{model}", "p", model, "main", "q", "openai_chat", index, weight)
    for index, (model, weight) in enumerate([("a", 3.0), ("b", 1.0)])
)


def said(strategy, chosen=FIRST, drawn=(0.25, 0.75), sticky="off", turn=4, **seen):
    """The words for one choice of two."""
    sight = Sight(**seen)
    scene = Scene((FIRST, SECOND), "ready", drawn, turn, sight, sight)
    return words_of(Group((FIRST, SECOND), strategy), chosen, scene, sticky)


@pytest.mark.parametrize(
    ("strategy", "chosen", "words"),
    [
        ("weighted", FIRST, "weighted: 0.2500 and 0.7500 drawn, its share is 75% of 2 ready"),
        ("weighted", SECOND, "weighted: 0.2500 and 0.7500 drawn, its share is 25% of 2 ready"),
        ("round_robin", FIRST, "round_robin: number 1 of 2 ready in turn 4"),
        ("two_choices", SECOND, "two_choices: 0.2500 and 0.7500 drawn of 2 ready, 3 in flight"),
        ("random", FIRST, "random: 0.2500 and 0.7500 drawn of 2 ready"),
        ("priority", FIRST, "priority: the first of 2 ready, as written"),
        (
            "least_latency", FIRST,
            "least_latency: 0.2500 and 0.7500 drawn of 2 ready, 0.500 s to the first content, 2 in flight, which comes to 0.500",
        ),
        ("least_latency", SECOND, "least_latency: 0.2500 and 0.7500 drawn of 2 ready, latency unknown as yet, 3 in flight"),
        ("cheapest", SECOND, "cheapest: no price is known of 2 ready; 0.2500 and 0.7500 drawn"),
    ],
)  # fmt: skip
def test_each_strategy_says_what_it_went_by(strategy, chosen, words):
    """What was drawn, compared or counted, of how many."""
    assert said(strategy, chosen) == words


def test_the_cheapest_says_its_price():
    """In dollars, for how many tokens; the dice only where equals were drawn from."""
    words = "cheapest: about $0.002000000 for 1,200 tokens in and 3,400 out, the least of 2 ready"
    prices = (NANO // 500, None)
    assert said("cheapest", drawn=(), prices=prices) == words
    assert said("cheapest", drawn=(0.5,), prices=prices) == f"{words}, 0.5000 drawn among equals"


def test_what_sticks_says_its_place_and_who_had_no_room():
    """The first in its order, or a later one and why."""
    key = b"k"
    first, second = ranked((FIRST, SECOND), key)
    assert said("weighted", first, sticky="user", key=key) == "sticky by user: number 1 in its order of 2 ready"
    words = said("weighted", second, sticky="user", key=key)
    load = Sight().load(first.index)
    assert words.startswith(f"sticky by user: number 2 in its order of 2 ready, no room at {first.name} ({load:g} of at most ")


def test_nothing_to_stick_by_is_said():
    """A route that sticks says why it did not."""
    assert said("priority", sticky="user") == "priority: the first of 2 ready, as written; nothing to stick by user"

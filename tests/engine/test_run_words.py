"""What a request is worth and how urgent it is, by its own word, its key's and its route's; what is learned from it; how quick its
deployments are."""

from __future__ import annotations

from math import inf
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from story_stage import ALONE, KEYS, Bench, play, whole

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.engine.learning import LARGEST, Learning
from stormkeel.engine.outlook import USUAL_OUTPUT, Outlook
from stormkeel.engine.run import Run
from stormkeel.engine.world import Terms
from stormkeel.ledger.estimate import input_estimate
from stormkeel.policies.base import Need, Verdict
from stormkeel.routing.route import Group, Route
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request
from stormkeel.types.usage import Usage


def run_of(options: Options, terms: Terms | None = None, **route: Any) -> list[tuple[float, int]]:
    """Worth and priority of a request with these options, a key with these terms, a route with those."""
    found: list[tuple[float, int]] = []

    async def story() -> None:
        bench = Bench([whole()], ALONE)
        world = bench.house.world
        world.terms = {} if terms is None else {"k": terms}
        run = Run(replace(bench.request("fast"), options=options), world, None)
        run.way = Route("fast", (Group((world.fleet.members[0].deployment,)),), **route) if route else None
        found.append((run.worth, run.priority))

    play(story)
    return found


@pytest.mark.parametrize(
    ("options", "terms", "route", "worth"),
    [
        (Options(), None, {}, 0.25),
        (Options(timeout=9.0), None, {}, inf),
        (Options(timeout=9.0), None, {"queue_wait": 5.0}, 5.0),
        (Options(key="k", timeout=9.0), Terms(4.0, None), {"queue_wait": 5.0}, 4.0),
        (Options(key="k"), Terms(None, None), {"queue_wait": 5.0}, 5.0),
        (Options(key="other"), Terms(4.0, None), {}, 0.25),
        (Options(key="k", queue_wait=0.0, timeout=9.0), Terms(4.0, None), {"queue_wait": 5.0}, 0.0),
        (Options(key="k"), Terms(0.0, None), {"queue_wait": 5.0}, 0.0),
    ],
)
def test_what_a_turn_is_worth(options: Options, terms: Terms | None, route: dict[str, Any], worth: float) -> None:
    """The nearest word counts: its own, its key's, its route's; else its deadline, else the usual."""
    assert run_of(options, terms, **route)[0][0] == worth


@pytest.mark.parametrize(
    ("options", "terms", "route", "priority"),
    [
        (Options(), None, {}, 0),
        (Options(priority=5), None, {}, 5),
        (Options(), None, {"priority": 3}, 3),
        (Options(priority=7), None, {"priority": 3}, 7),
        (Options(key="k"), None, {"priority": 3}, 3),
        (Options(key="k", priority=7), None, {"priority": 3}, 3),
        (Options(key="k", priority=-2), None, {"priority": 3}, -2),
        (Options(key="k", priority=7), None, {}, 0),
        (Options(key="k", priority=7), Terms(None, 4), {"priority": 3}, 4),
        (Options(key="k"), Terms(None, 4), {"priority": 3}, 4),
        (Options(key="k", priority=2), Terms(None, 4), {}, 2),
        (Options(key="k", priority=9), Terms(1.0, None), {"priority": 3}, 3),
        (Options(key="k", priority=-1), Terms(None, -5), {}, -5),
    ],
)
def test_how_urgent_it_is(options: Options, terms: Terms | None, route: dict[str, Any], priority: int) -> None:
    """Its own word, but no more than its key allows; without keys there are no others (INV-19)."""
    assert run_of(options, terms, **route)[0][1] == priority


# -- learning ----------------------------------------------------------------------------------------------------------


class Calibration:
    """Takes note of what it is shown."""

    def __init__(self, *, due: bool = True) -> None:
        self.due, self.noted = due, list[Any]()

    def is_due(self) -> bool:
        """As it is."""
        return self.due

    def note(self, prompt: Any, attempt: Any) -> None:
        """Keep it."""
        self.noted.append((prompt.messages[0].content, attempt))


def shown(request: Request, failure: Failure | None = None, *, due: bool = True, **dialects: Any) -> list[Any]:
    """What is noted of one story."""
    calibration: Any = Calibration(due=due)
    story: Any = SimpleNamespace(request=request, failure=failure, attempts=("first", "last"))
    Learning(calibration, dialects or {"openai_chat": OpenAIChat()}).answered(story)
    return calibration.noted


def body(size: int = 0) -> bytes:
    """A chat body, of a size at least."""
    raw = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
    return raw + b" " * (size - len(raw))


CHAT = Request("id", "openai_chat", "m", body())


def test_an_answered_request_is_learned_from() -> None:
    """By its last attempt; of one that failed, is not due, is too large, of no known dialect or no prompt nothing is."""
    assert shown(CHAT) == [("hello", "last")]
    assert shown(replace(CHAT, raw=body(LARGEST))) == [("hello", "last")]
    assert shown(replace(CHAT, raw=body(LARGEST + 1))) == []
    assert shown(CHAT, due=False) == shown(CHAT, Failure(FailureKind.SERVER, "no")) == []
    assert shown(replace(CHAT, dialect="(raw)")) == shown(replace(CHAT, raw=b"nonsense")) == []
    embeds = SimpleNamespace(service="embed", read_prompt=lambda _raw: None)
    assert shown(CHAT, openai_chat=embeds) == []


# -- quickness ---------------------------------------------------------------------------------------------------------

QUICKEST = KEYS.replace(b'"round_robin"', b'"least_latency"')


def test_a_deployment_whose_quickness_counts_has_the_same_gates() -> None:
    """A rare probe of an open breaker is let through there as well, and its answer is waited for from then on."""

    async def story() -> None:
        world = Bench([whole()], QUICKEST).house.world
        member = world.fleet.members[0]
        assert member.pace is not None
        for _ in range(5):
            ticket = member.admit(0.0, Need())
            member.settle(ticket, Verdict.FAULT, Usage(), 0.0, Random(1))
        assert isinstance(member.admit(1.0, Need()), Failure)
        ticket = member.admit(1.0, Need(), probe=True)
        assert not isinstance(ticket, Failure)
        member.recent.add(1.5, None, 0.5, 0.4)
        member.settle(ticket, Verdict.OK, Usage(), 1.5, Random(1))
        assert (member.recent.latency, member.recent.ttft, member.pace.estimate(1.5, False)) == (0.5, 0.4, 0.4)

    play(story)


def test_a_look_at_prices_and_times() -> None:
    """What is expected of a request, and what is known of each deployment, None where nobody knows."""

    async def story() -> None:
        world = Bench([whole()], QUICKEST).house.world
        clock = world.ports.clock
        for more, output in (({}, USUAL_OUTPUT), ({"max_output": 70}, 70), ({"inputs": 2, "max_output": 70}, 0)):
            outlook = Outlook(replace(CHAT, **more), "off", world.fleet.members, clock)
            assert outlook.expected == (input_estimate(CHAT.raw), output)
            assert outlook.price(0) == outlook.expected[0] * 750 + output * 4500
            assert (outlook.key, outlook.latency(0)) == (b"", None)
        assert Outlook(CHAT, "off", Bench([whole()], ALONE).house.world.fleet.members, clock).latency(0) is None

    play(story)

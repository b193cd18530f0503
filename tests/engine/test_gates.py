"""The gates before an attempt: asked in their order, undone and settled in reverse, and looked at without a trace."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.assemble import Parts, build
from stormkeel.config.load import load
from stormkeel.engine.fleet import Member
from stormkeel.engine.gates import GATES
from stormkeel.policies.base import Need, Verdict
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.testing import ScriptedTransport, VirtualClock, VirtualLoop
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.usage import Usage

LIMITED = b"""
[providers.local]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[policies.breaker]
consecutive = 2
permits = [1, 2]
[routes.r]
groups = [[{ provider = "local", model = "m", rpm = 5, tpm = 900, concurrency = 3 }]]
"""


def member() -> Member:
    """One deployment with every gate."""
    loop = VirtualLoop()
    parts = Parts(ScriptedTransport([]), VirtualClock(loop), MemoryJournal(), Random(1))
    loop.close()
    found: Member = build(load(LIMITED, {}, KINDS), {}, parts).world.fleet.members[0]
    return found


def state(one: Member) -> str:
    """Everything the gates remember, as text."""
    return repr([_inside(thing) for thing in (one.breaker, one.rate, one.concurrency, *one.cooling)])


def _inside(thing: Any) -> Any:
    if not type(thing).__module__.startswith("stormkeel"):
        return thing
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return {name: _inside(getattr(thing, name)) for name in names if name not in {"caller", "line"}} or thing


Step = st.tuples(
    st.sampled_from(["ask", "probe", "ok", "fault", "ignored", "release", "park", "refused"]),
    st.floats(0.0, 20.0),
    st.integers(0, 1000),
)


@given(st.lists(Step, max_size=60))
def test_a_look_says_what_asking_would(steps: list[tuple[str, float, int]]) -> None:
    """At every moment each gate's `refusal` is what `admit` then answers, and looking changes nothing."""
    one, now, rng = member(), 100.0, Random(2)
    out = []
    for what, span, tokens in steps:
        now += span
        if what in {"ask", "probe"}:
            probe, before = what == "probe", state(one)
            need = Need(tokens)
            looks = [gate.refusal(now, need, probe) for _, gate in one.gates if gate is not None]
            assert state(one) == before, "a look leaves no trace"
            leave = one.admit(now, need, probe)
            assert next((look for look in looks if look is not None), None) == (leave if isinstance(leave, Failure) else None)
            if not isinstance(leave, Failure):
                out.append(leave)
        elif what == "park":
            one.cooling[0].park(now + span, "told to")
        elif what == "refused":
            one.credential.refused("401", now, tokens + 1, rng)
        elif out and what == "release":
            one.release(out.pop(), now)
        elif out:
            one.settle(out.pop(0), Verdict(what if what in {"ok", "fault"} else "ignored"), Usage(tokens), now, rng)


def test_the_order_is_data() -> None:
    """A deployment's gates stand in the order of the table, and the first that says no is the one that is told."""
    one = member()
    assert [name for name, _ in one.gates] == [name for name, _ in GATES] == ["cooling", "concurrency", "rate", "breaker"]
    kinds = [FailureKind.COOLING, FailureKind.CONCURRENCY_REACHED, FailureKind.RATE_REACHED, FailureKind.BREAKER_OPEN]
    tickets = [one.admit(0.0, Need(10)) for _ in range(3)]
    for ticket in tickets[:2]:
        assert not isinstance(ticket, Failure)
        one.breaker.settle(ticket[-1], Verdict.FAULT, 0.0, Random(1))  # open from now on
    one.cooling[1].park(1.0, "told to")
    said = [one.admit(0.0, Need(5000))]
    said.append(one.admit(1.0, Need(5000)))  # no longer cooling
    assert one.concurrency is not None
    one.concurrency.give_back(1)
    said.append(one.admit(1.0, Need(5000)))  # a place is free
    said.append(one.admit(1.0, Need(10)))
    assert [failure.kind for failure in said if isinstance(failure, Failure)] == kinds


def test_a_no_undoes_the_yeses_before_it() -> None:
    """An attempt the breaker refuses takes neither a place nor anything of the minute."""
    one = member()
    for _ in range(2):
        ticket = one.admit(0.0, Need(10))
        assert not isinstance(ticket, Failure)
        one.settle(ticket, Verdict.FAULT, Usage(10), 0.0, Random(1))
    before = state(one)
    refusal = one.admit(0.0, Need(10))
    assert isinstance(refusal, Failure)
    assert refusal.kind is FailureKind.BREAKER_OPEN
    assert state(one) == before

"""Who made what is remembered, up to a bound; and a route shrinks to the account that keeps an answer."""

from __future__ import annotations

import pytest

from stormkeel.engine.keeping import kept_alone
from stormkeel.engine.makers import LONGEST, Makers
from stormkeel.routing.deployment import Deployment
from stormkeel.routing.route import Group, Route
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request


def test_the_latest_are_remembered() -> None:
    """What was noted or asked for longest ago goes first, and no more than the bound is kept (INV-14)."""
    makers = Makers(most=2)
    makers.note("a", ("openai", "main"))
    makers.note("b", ("openai", "spare"))
    assert makers.of("a") == ("openai", "main")
    makers.note("c", ("openai", "main"))
    assert [makers.of(id) for id in "abc"] == [("openai", "main"), None, ("openai", "main")]
    assert len(makers) == 2


def test_looking_keeps_nothing_alive() -> None:
    """A look, unlike a question, leaves the order as it is."""
    makers = Makers(most=2)
    makers.note("a", ("openai", "main"))
    makers.note("b", ("openai", "main"))
    assert makers.look("a") == ("openai", "main")
    makers.note("c", ("openai", "main"))
    assert makers.of("a") is None


def test_the_latest_word_counts() -> None:
    """An id noted twice is with whom it was noted last; none, and one too long to be true, is not noted."""
    makers = Makers()
    makers.note("a", ("openai", "main"))
    makers.note("a", ("openai", "spare"))
    makers.note("", ("openai", "main"))
    makers.note("x" * (LONGEST + 1), ("openai", "main"))
    assert (makers.of("a"), len(makers)) == (("openai", "spare"), 1)


def test_a_route_without_others() -> None:
    """A route keeps its order and strategies when it shrinks, loses empty groups, and is none where nobody is left."""
    one, two, three = (Deployment(name, "p", "m", name, "q", "d", index) for index, name in enumerate("abc"))
    route = Route("r", (Group((one, two), "round_robin"), Group((three,))))
    assert route.only(lambda each: each.name in "bc") == Route("r", (Group((two,), "round_robin"), Group((three,))))
    assert route.only(lambda each: each.name == "c") == Route("r", (Group((three,)),))
    assert route.only(lambda each: False) is None


@pytest.mark.parametrize(
    ("follows", "kind", "is_told"),
    [
        ("resp_a", FailureKind.SERVER, True),
        ("resp_a", FailureKind.RATE_LIMIT, True),
        ("", FailureKind.SERVER, False),
        ("resp_a", FailureKind.CALLER, False),
        ("resp_a", FailureKind.UNSUPPORTED, False),
    ],
)
def test_why_nobody_else_was_asked_is_told_where_somebody_might_have_been(follows: str, kind: FailureKind, is_told: bool) -> None:
    """Of a request that goes on from an answer, after a failure that another one might not have had, and that says not so itself."""
    failure = Failure(kind, "no")
    told = kept_alone(failure, Request("r", "openai_responses", "m", b"{}", follows=follows))
    assert (told is not failure) is is_told
    assert told.message.startswith('no; "resp_a" is kept at that account alone' if is_told else "no")

"""Where a request goes on, when a hedge goes out, who is outside of a border: in words."""

from __future__ import annotations

import pytest

from stormkeel.engine.detours import in_words
from stormkeel.engine.hedging import Hedging
from stormkeel.engine.residency import borders_of, inside, kept_inside, nobody, outsiders, refusal_at
from stormkeel.policies.hedge import HedgeSettings
from stormkeel.routing.deployment import Deployment
from stormkeel.routing.route import Detour, Group, LastResort, Route
from stormkeel.types.border import Border
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request

EU, US = ("eu", "zdr"), ("us",)


def deployment(index: int, tags: tuple[str, ...] = ()) -> Deployment:
    """One of several."""
    return Deployment(f"p/{'abcdefgh'[index]}", "p", "abcdefgh"[index], "main", f"q{index}", "openai_chat", index, tags=tags)


A, B, C = deployment(0, EU), deployment(1, US), deployment(2)
ROUTE = Route("r", (Group((A, B)), Group((C,))))


def asking(border: Border = Border(), key: str = "") -> Request:  # noqa: B008 - a frozen value
    """A request with a border of its own, of a key."""
    return Request("id", "openai_chat", "r", b"{}", options=Options(border=border, key=key))


def told(**given: object) -> list[str]:
    """What is said of a route with these detours."""
    return in_words(Route("r", (Group((A,)),), **given))  # type: ignore[arg-type] - as given


def test_where_requests_go_on() -> None:
    """Each reason has a line: those who are named, then what is left of the route, up to a price."""
    assert told(too_long=Detour(), refused=Detour()) == ["too long: nobody else is asked", "refused by a filter: nobody else is asked"]
    assert told(
        too_long=Detour((Group((A, B)), Group((C,))), goes_on=True, most=20_000_000), refused=Detour(goes_on=True)
    ) == [
        "too long: p/a or p/b, then p/c, then what is left of the route with a larger window, unknown ones last, for at most $0.0200",
        "refused by a filter: what is left of the route",
    ]  # fmt: skip
    assert told(too_long=Detour((Group((B,)),)), refused=Detour((Group((C,)),)))[:2] == [
        "too long: p/b", "refused by a filter: p/c",
    ]  # fmt: skip


def test_what_the_last_resort_is() -> None:
    """What is changed, and where it is asked."""
    largest = "the largest windows of the route"
    assert told(last=LastResort(trim=True))[2] == f"last resort: the oldest turns left out, at {largest}"
    assert told(last=LastResort((Group((B,)),), system="s"))[2] == "last resort: other instructions, at p/b"
    both = LastResort(trim=True, prompt="p")
    assert told(last=both)[2] == f"last resort: the oldest turns left out and a prompt of its own, at {largest}"


def test_when_a_hedge_goes_out() -> None:
    """After the time that is set, or that was learned, or not yet; for at most so much."""
    hedging, share = Hedging(), "for at most 2 % of what is spent"
    unknown = f"hedge: not yet: too few whole answers of d were seen to know what is slow; {share}"
    assert hedging.in_words(HedgeSettings(), "d", stream=False) == unknown
    for _ in range(20):
        hedging.waits("d", stream=True).add(1.0)
    learned = hedging.in_words(HedgeSettings(), "d", stream=True)
    assert learned.startswith("hedge: a second attempt after 1")
    assert learned.endswith(f" s without content of d, within which 98 % of its streams began of late; {share}")
    assert hedging.in_words(HedgeSettings(), "d", stream=False) == unknown, "streams and whole answers are learned apart"
    given = hedging.in_words(HedgeSettings(after=2.5, share=0.1), "d", stream=False)
    assert given == "hedge: a second attempt after 2.5 s without content of d; for at most 10 % of what is spent"


def test_both_borders_count_and_say_whose_they_are() -> None:
    """The key's first, then the request's own; one that keeps nobody out is none."""
    keys = {"k": Border(("eu",))}
    own = Border(requires=("zdr",))
    assert borders_of(asking(own, "k"), keys) == [(keys["k"], 'key "k"'), (own, "the request")]
    assert borders_of(asking(), keys) == []


def test_who_is_inside() -> None:
    """Only those a border lets, in their groups; the others are named as outside."""
    left = inside(asking(Border(("eu",))), ROUTE, {})
    assert isinstance(left, Route)
    assert [one.name for one in left.deployments] == ["p/a"]
    assert [(one.name, one.why) for one in outsiders(left)] == [
        ("p/b", 'outside: it is tagged "us"'), ("p/c", "outside: it is untagged"),
    ]  # fmt: skip
    assert inside(asking(), ROUTE, {}) == ROUTE
    failure = kept_inside(Failure(FailureKind.SERVER, "down"), left)
    assert failure.message == 'down\n  not asked, being outside: p/b is tagged "us"; p/c is untagged'
    assert kept_inside(Failure(FailureKind.SERVER, "down"), ROUTE).message == "down"
    assert kept_inside(Failure(FailureKind.CALLER, "bad"), left).message == "bad", "asking elsewhere would not have helped"


def test_nobody_inside_is_told_with_everybody() -> None:
    """403, who asks for which border, and what each deployment is."""
    told = inside(asking(Border(("mars",))), ROUTE, {})
    assert isinstance(told, Failure)
    assert (told.kind, told.status, told.code) == (FailureKind.CALLER, 403, "no_deployment_within")
    assert told.message == (
        'route "r" has no deployment within "mars", as the request asks: '
        'p/a is tagged "eu" and "zdr"; p/b is tagged "us"; p/c is untagged; nothing was sent'
    )


@pytest.mark.parametrize(("count", "more"), [(6, ""), (8, "; and 2 more")])
def test_six_are_named_and_the_others_counted(count: int, more: str) -> None:
    """A long route is no long message."""
    route = Route("r", (Group(tuple(deployment(index) for index in range(count))),))
    message = nobody(route, Border(("eu",)), "the request").message
    assert message.endswith(f"p/f is untagged{more}; nothing was sent")


def test_a_providers_other_paths_have_the_same_borders() -> None:
    """Whose tags are inside may be asked; who is not is refused by its name."""
    border = Border(("eu",))
    assert refusal_at("p", EU, asking(border), {}) is None
    assert refusal_at("p", US, asking(), {}) is None
    refusal = refusal_at("p", US, asking(border), {})
    assert refusal is not None
    assert refusal.status == 403
    assert refusal.message == 'provider "p" is tagged "us", and the request asks to stay within "eu"; nothing was sent'

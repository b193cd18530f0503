"""From the model a request names to the deployments that may serve it."""

import pytest

from stormkeel.config.found import MOST_FOUND
from stormkeel.config.load import load
from stormkeel.config.routes import LONGEST, Router
from stormkeel.errors import SettingsError
from stormkeel.policies.rate import RateSettings
from stormkeel.providers import KINDS
from stormkeel.routing.deployment import Deployment
from stormkeel.routing.route import Route
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request

FILE = b"""
[providers.openai]
credentials = { main = "env:A", team = { ref = "env:B", quota = "org" } }
[providers.anthropic]
credentials = { main = "env:C" }
[providers.gpu]
kind = "compatible"
base_url = "http://gpu:8000/v1"
[routes.fast]
strategy = "round_robin"
groups = [
  [{ provider = "openai", model = "gpt-5.4-mini", weight = 4, rpm = 60, tpm = 9000, concurrency = 3 }, "gpu/org/llama"],
  ["openai/gpt-5.4#team"],
]
[routes.both]
groups = [["anthropic/claude-haiku-4-5"], ["openai/gpt-5.4"]]
"""


class Fleet:
    """Remembers the deployments it was told of."""

    def __init__(self, head: bytes = b"") -> None:
        self.told: list[Deployment] = []
        self.router = Router(load(head + FILE, {}, KINDS), KINDS, self.told.append)

    def ask(self, model: str, dialect: str = "openai_chat") -> Route | Failure:
        """Resolve a request for a model."""
        return self.router.resolve(Request("r", dialect, model, b""))


def names(route: Route | Failure) -> list[list[str]]:
    """The names of a route's deployments, group by group."""
    assert isinstance(route, Route)
    return [[deployment.name for deployment in group.deployments] for group in route.groups]


def test_a_route_is_its_groups_with_a_deployment_for_each_credential():
    """A target without a credential stands for each of its provider's, and its weight is split over them."""
    fleet = Fleet()
    route = fleet.ask("fast")
    assert names(route) == [["openai/gpt-5.4-mini#main", "openai/gpt-5.4-mini#team", "gpu/org/llama"], ["openai/gpt-5.4#team"]]
    assert isinstance(route, Route)
    first = route.groups[0].deployments[0]
    assert first == Deployment(
        "openai/gpt-5.4-mini#main", "openai", "gpt-5.4-mini", "main", "openai#main/gpt-5.4-mini", "openai_chat", 0,
        weight=2.0, rate=RateSettings(rpm=60, tpm=9000, counts="asked"), concurrency=3,
        origins=(("rpm", "target"), ("tpm", "target"), ("concurrency", "target")),
    )  # fmt: skip
    assert route.groups[0].deployments[1].quota == "org/gpt-5.4-mini"
    assert route.groups[0].deployments[2].weight == 1.0
    assert {group.strategy for group in route.groups} == {"round_robin"}


def test_a_deployment_is_in_its_targets_region_or_its_providers():
    """A target says where it is served; one that doesn't is where its provider is, and so is a model asked for by its name."""
    file = b"""
[providers.openai]
region = "us"
credentials = { main = "env:A" }
[routes.fast]
groups = [["openai/gpt-5.4", { provider = "openai", model = "gpt-5.4-mini", region = "eu" }]]
"""
    told: list[Deployment] = []
    router = Router(load(file, {}, KINDS), KINDS, told.append)
    for name in ("fast", "openai/gpt-5.4-nano", "openai/gpt-5.4-mini"):
        router.resolve(Request("r", "openai_chat", name, b""))
    assert {one.model: one.region for one in told} == {"gpt-5.4": "us", "gpt-5.4-mini": "eu", "gpt-5.4-nano": "us"}


def test_deployments_are_numbered_once_and_densely():
    """Whichever routes a deployment serves, the fleet hears of it once, in the order of the indexes."""
    fleet = Fleet()
    fleet.ask("openai/gpt-5.4")
    fleet.ask("openai/new")
    assert [deployment.index for deployment in fleet.told] == list(range(len(fleet.told)))
    told = [deployment.name for deployment in fleet.told]
    assert len(told) == len(set(told))
    assert told[-2:] == ["openai/new#main", "openai/new#team"]
    route = fleet.ask("openai/gpt-5.4")
    assert isinstance(route, Route)
    assert {deployment.name: deployment.index for deployment in route.deployments}.items() <= {
        deployment.name: deployment.index for deployment in fleet.told
    }.items()


def test_a_route_is_the_same_for_each_dialect():
    """A route over providers of two dialects is one route, in its own order, whichever dialect asks."""
    fleet = Fleet()
    assert names(fleet.ask("both")) == names(fleet.ask("both", "anthropic_messages"))
    assert [name for group in names(fleet.ask("both")) for name in group] == [
        "anthropic/claude-haiku-4-5#main", "openai/gpt-5.4#main", "openai/gpt-5.4#team",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "dialect", "deployment"),
    [
        ("openai/gpt-9", "openai_chat", "openai/gpt-9#main"),
        ("gpt-9", "openai_chat", "openai/gpt-9#main"),
        ("o3-mini", "openai_chat", "openai/o3-mini#main"),
        ("claude-haiku-4-5-20251001", "anthropic_messages", "anthropic/claude-haiku-4-5-20251001#main"),
        ("anthropic/claude-x", "anthropic_messages", "anthropic/claude-x#main"),
        ("gpu/org/llama", "openai_chat", "gpu/org/llama"),
    ],
)
def test_a_model_without_a_route_is_found_by_its_provider(model: str, dialect: str, deployment: str):
    """A model is found by "provider/model", or by how its provider's model names begin."""
    assert names(Fleet().ask(model, dialect))[0][0] == deployment


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("fats", 'there is no model or route "fats"; did you mean "fast"?'),
        ("groq/llama", 'there is no model or route "groq/llama"; provider "groq" is not set up; set GROQ_API_KEY'),
        ("opanai/gpt", 'there is no model or route "opanai/gpt"; did you mean "openai/..."?'),
        ("zzz", 'there is no model or route "zzz"; known: "anthropic/...", "both", "fast", "gpu/...", "openai/..."'),
        ("openai/", 'there is no model or route "openai/"; did you mean "openai/..."?'),
        ("", 'there is no model or route ""; known: "anthropic/...", "both", "fast", "gpu/...", "openai/..."'),
    ],
)
def test_an_unknown_model_names_the_nearest(model: str, message: str):
    """A name nobody knows is a failure that helps: the nearest name, or what to set."""
    failure = Fleet().ask(model)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MODEL_UNAVAILABLE
    assert (failure.message, failure.status, failure.code) == (message, 404, "model_not_found")


@pytest.mark.parametrize("model", ["openai/a\nb", "openai/" + "x" * LONGEST, "openai/\x00"])
def test_odd_names_make_no_deployment(model: str):
    """Names with line breaks or without end are unknown, and are not shown as they are."""
    fleet = Fleet()
    before = len(fleet.told)
    failure = fleet.ask(model)
    assert isinstance(failure, Failure)
    assert failure.message.isprintable()
    assert len(failure.message) < 300
    assert len(fleet.told) == before


def test_callers_cannot_fill_the_memory_with_names():
    """However many models callers make up, each is routed, and the fleet has room for no more than are kept."""
    fleet = Fleet()
    before = len(fleet.told)
    for number in range(3 * MOST_FOUND):
        assert names(fleet.ask(f"gpu/{number}")) == [[f"gpu/{number}"]]
    assert isinstance(fleet.ask("fast"), Route)
    assert 1 + max(one.index for one in fleet.told) <= before + MOST_FOUND + 1


def test_a_model_that_is_asked_for_keeps_its_deployment():
    """Who is asked for now and then is not forgotten for others; who was forgotten, and is asked for again, is made anew."""
    fleet = Fleet()
    for number in range(3 * MOST_FOUND):
        fleet.ask(f"gpu/{number}")
        if number % 1000 == 0:
            fleet.ask("gpu/mine")
    told = [one.name for one in fleet.told]
    assert told.count("gpu/mine") == 1
    fleet.ask("gpu/0")
    assert [one.name for one in fleet.told].count("gpu/0") == 2


def test_a_place_is_not_given_away_under_a_request():
    """The route that a request has keeps its deployments' places, whatever is asked for meanwhile; without it they are another's."""
    fleet = Fleet()
    route = fleet.ask("gpu/slow")
    assert isinstance(route, Route)
    mine = route.groups[0].deployments[0]
    held = route.only(lambda one: True)
    del route
    for number in range(3 * MOST_FOUND):
        fleet.ask(f"gpu/{number}")
    assert [one.name for one in fleet.told if one.index == mine.index] == ["gpu/slow"]
    again = fleet.ask("gpu/slow")
    assert isinstance(again, Route) and again.groups[0].deployments[0] is mine
    del held, mine, again
    for number in range(3 * MOST_FOUND):
        fleet.ask(f"gpu/{number}")
    place = next(one.index for one in fleet.told if one.name == "gpu/slow")
    assert len({one.name for one in fleet.told if one.index == place}) > 1


def test_two_names_of_one_model_share_its_deployment():
    """A model asked for with and without its provider has one deployment, which lives as long as either is kept."""
    fleet = Fleet()
    assert names(fleet.ask("gpt-9")) == names(fleet.ask("openai/gpt-9"))
    for number in range(MOST_FOUND - 1):
        fleet.ask(f"gpu/{number}")
    one, other = fleet.ask("openai/gpt-9"), fleet.ask("gpt-9")
    assert isinstance(one, Route) and isinstance(other, Route)
    assert one.groups[0].deployments[0] is other.groups[0].deployments[0]
    assert [deployment.name for deployment in fleet.told].count("openai/gpt-9#main") == 1


@pytest.mark.parametrize("word", ["default", "stormkeel/default"])
def test_the_word_default_stands_for_the_default_model(word: str):
    """A client that must name a model may say "default": it gets the settings' default_model, a route or a model."""
    assert names(Fleet(b'default_model = "fast"\n').ask(word)) == names(Fleet().ask("fast"))
    assert names(Fleet(b'default_model = "openai/gpt-9"\n').ask(word))[0][0] == "openai/gpt-9#main"
    assert [Fleet(b'default_model = "fast"\n').router.stands_for(model) for model in (word, "fast", "x")] == ["fast", "", ""]
    for head in (b"", b'default_model = "default"\n'):
        failure = Fleet(head).ask(word)
        assert isinstance(failure, Failure)
        assert failure.message == f'there is no model or route "{word}"; set default_model'


def test_a_route_may_be_called_default():
    """A route of that name wins over the word."""
    fleet = Fleet(b'default_model = "fast"\n[routes.default]\ngroups = [["openai/gpt-9#team"]]\n')
    assert names(fleet.ask("default")) == [["openai/gpt-9#team"]]
    assert names(fleet.ask("stormkeel/default")) == names(fleet.ask("fast"))


def test_an_unknown_model_takes_the_fallback_route():
    """Where the settings name a fallback route, a model nobody knows is served by it, under its name; known ones are not."""
    fleet = Fleet(b'fallback_route = "fast"\n')
    route = fleet.ask("no-such-model")
    assert isinstance(route, Route)
    assert (route.name, names(route)) == ("fast", names(fleet.ask("fast")))
    told = {model: fleet.router.stands_for(model) for model in ("no-such-model", "fast", "gpt-9", "openai/x", "default")}
    assert told == {"no-such-model": "fast", "fast": "", "gpt-9": "", "openai/x": "", "default": "fast"}
    assert names(fleet.ask("gpt-9"))[0][0] == "openai/gpt-9#main"
    before = len(fleet.told)
    for number in range(MOST_FOUND + 1):
        assert isinstance(fleet.ask(f"made-up-{number}"), Route)
    assert len(fleet.told) == before


def test_what_requests_stick_by_reaches_the_route():
    """A route without the setting is plain; a word that is none is refused by its place, with those there are."""
    text = b'[providers.openai.credentials]\nmain = "env:A"\n[routes.fast]\ngroups = [["openai/a"]]\nsticky = "%s"\n'
    route = Router(load(text % b"prefix", {}, KINDS), KINDS, lambda _: None).resolve(Request("r", "openai_chat", "fast", b""))
    assert isinstance(route, Route)
    assert (route.sticky, route.is_plain) == ("prefix", False)
    plain = Fleet().ask("fast")
    assert isinstance(plain, Route) and plain.is_plain
    with pytest.raises(SettingsError, match='5:1: "sticky" is "cache"; give one of "off", "conversation", "prefix", "user"'):
        load(text % b"cache", {}, KINDS)


def test_the_commit_point_reaches_the_route():
    """A route has its commit point as bytes that are held back; a word that is none is refused by its place."""
    text = b'[providers.openai.credentials]\nmain = "env:A"\n[routes.fast]\ngroups = [["openai/a"]]\ncommit = "%s"\n'
    route = Router(load(text % b"tokens:50", {}, KINDS), KINDS, lambda _: None).resolve(Request("r", "openai_chat", "fast", b""))
    assert isinstance(route, Route)
    assert (route.commit, route.held) == ("tokens:50", 200)
    with pytest.raises(SettingsError, match='5:1: "commit" is "later": give "first_token", "tokens:N"'):
        load(text % b"later", {}, KINDS)


def test_the_recovery_reaches_the_route():
    """A route says what becomes of a stream that breaks off; a word that is none is refused by its place, with those there are."""
    text = b'[providers.openai.credentials]\nmain = "env:A"\n[routes.fast]\ngroups = [["openai/a"]]\nrecovery = "%s"\n'
    route = Router(load(text % b"restart", {}, KINDS), KINDS, lambda _: None).resolve(Request("r", "openai_chat", "fast", b""))
    assert isinstance(route, Route)
    assert route.recovery == "restart"
    with pytest.raises(SettingsError, match='5:1: "recovery" is "resume"; give one of "error", "restart", "continue"'):
        load(text % b"resume", {}, KINDS)

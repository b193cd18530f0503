"""An auditor that can't find anything is a defect: each bug planted here must be found, under the name of its invariant."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from stormkeel.engine.ports import WireFault
from stormkeel.policies.breaker import BreakerSettings
from stormkeel.policies.deadline import ClockSettings
from stormkeel.policies.parking import ParkingSettings
from stormkeel.policies.retry import BudgetSettings, RetrySettings
from stormkeel.simulate.audit import Scene, audit
from stormkeel.simulate.caller import Habits
from stormkeel.simulate.stage import Plan, Stage
from stormkeel.simulate.upstream import Pace, Side
from stormkeel.simulate.weather import Episode, Place
from stormkeel.types.wire import HttpResponse

SPAN = 400.0
DRAWN = {
    "providers": {
        name: {
            "kind": "openai",
            "base_url": f"https://{name}.invalid/v1",
            "credentials": {"main": {"ref": "env:KEY", "quota": f"{name}-org"}},
        }
        for name in ("alpha", "delta")
    },
    "routes": {
        "fast": {
            "groups": [
                [
                    {"provider": "alpha", "model": "gpt-5.4-mini", "rpm": 120},
                    {"provider": "delta", "model": "gpt-5.4-mini"},
                ]
            ],
            "strategy": "round_robin",
        },
        "lone": {"groups": [[{"provider": "delta", "model": "gpt-5.4-mini"}]]},
    },
    "policies": {"retry": {"request_attempts": 3}, "budget": {"capacity": 100}, "clocks": {"total": 60}},
}
BLIND = BreakerSettings(consecutive=10_000, least=1_000_000)
"""Never opens."""


def plan(*weather: Episode, limit: int = 100_000, hourly: float = 3600.0) -> Plan:
    """Two providers of OpenAI's kind under a given weather."""
    sides = tuple(
        Side(Place(name, ("gpt-5.4-mini",), (("main", f"{name}-org"),)), Pace(), {f"{name}-org": (limit, 1.0)})
        for name in ("alpha", "delta")
    )
    return Plan(7, SPAN, DRAWN, sides, weather, Habits(hourly=hourly, bursts=40.0))


def ill(kind: str, provider: str = "delta", hints: float = 0.0, share: float = 1.0, ends: float = 250.0) -> Episode:
    """One illness from the first minute on."""
    return Episode(kind, provider, "", 50.0, ends, share, hints)


def found(stage: Stage) -> set[str]:
    """Play a stage; returns the invariants that its audit found broken."""
    evidence = stage.play()
    return {one.invariant for one in audit(Scene(stage.plan, Stage(stage.plan).settings(), evidence)).violations}


class Reworked(Stage):
    """A stage whose engine runs by other policies than the auditor was told."""

    def __init__(self, plan: Plan, **policies: object) -> None:
        super().__init__(plan)
        self._policies = policies

    def settings(self):
        settings = super().settings()
        return msgspec.structs.replace(settings, policies=msgspec.structs.replace(settings.policies, **self._policies))


class Passing:
    """A transport that passes all on; the bugs change one thing each."""

    def __init__(self, wire):
        self.wire = wire

    async def send(self, request):
        return self.seen(await self.wire.send(request))

    async def open(self, request):
        return self.opened(await self.wire.open(request))

    async def close(self):
        await self.wire.close()

    def seen(self, response):
        return response

    def opened(self, exchange):
        return exchange


class Piping:
    """An exchange that passes all on."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.status, self.headers = exchange.status, exchange.headers

    async def read(self):
        return await self.exchange.read()

    def linger(self):
        self.exchange.linger()

    async def close(self):
        await self.exchange.close()


def through(transport):
    """A stage whose engine sends through a doctored transport."""

    class Doctored(Stage):
        def transport(self, wire):
            return transport(wire)

    return Doctored


def keeping(journal):
    """A stage whose engine writes to a doctored journal."""

    class Doctored(Stage):
        def journal(self, books):
            return journal(books)

    return Doctored


class Bookkeeper:
    """A journal that passes all on."""

    def __init__(self, books):
        self.books, self.count = books, 0

    def reserve(self, entry):
        self.books.reserve(entry)

    def settle(self, entry):
        self.count += 1
        self.books.settle(entry)


def test_nothing_is_found_where_nothing_is_planted():
    """The stage of these tests is sound, in calm and in foul weather."""
    for weather in ((), (ill("errors"), ill("outage", "alpha")), (ill("overload", hints=4.0), ill("stalls", "alpha", share=0.3))):
        assert found(Stage(plan(*weather))) == set()


def test_a_send_before_its_reservation():
    """INV-2: a journal that writes a reservation late."""

    class Late(Bookkeeper):
        def reserve(self, entry):
            asyncio.get_running_loop().call_later(0.01, self.books.reserve, entry)

    assert "INV-2" in found(keeping(Late)(plan()))


@pytest.mark.parametrize("times", [0, 2])
def test_a_settlement_that_is_lost_or_doubled(times):
    """INV-3: a journal that writes every hundredth settlement never, or twice."""

    class Careless(Bookkeeper):
        def settle(self, entry):
            self.count += 1
            for _ in range(1 if self.count % 100 else times):
                self.books.settle(entry)

    assert "INV-3" in found(keeping(Careless)(plan()))


def test_a_broken_stream_that_is_free():
    """INV-5: what broke off behind its first words is booked as nothing."""

    class Generous(Bookkeeper):
        def settle(self, entry):
            is_free = entry.usage_source == "estimated"
            self.books.settle(msgspec.structs.replace(entry, usage=type(entry.usage)(), amount=0) if is_free else entry)

    assert "INV-5" in found(keeping(Generous)(plan(ill("cuts"))))


def test_a_token_too_many():
    """INV-6: a whole answer is booked with one token more than was billed."""

    class Greedy(Bookkeeper):
        def settle(self, entry):
            usage = msgspec.structs.replace(entry.usage, output=entry.usage.output + 1)
            self.books.settle(msgspec.structs.replace(entry, usage=usage))

    assert "INV-6" in found(keeping(Greedy)(plan()))


def test_words_of_another_attempt():
    """INV-8: a stream into which another attempt's bytes have got."""

    class Mixing(Passing):
        last = b""

        def opened(self, exchange):
            outer = self

            class Mixed(Piping):
                async def read(self):
                    data = await self.exchange.read()
                    other, outer.last = outer.last, data if b"delta" in data and b"[DONE]" not in data else b""
                    return other + data if data else data

            return Mixed(exchange)

    assert "INV-8" in found(through(Mixing)(plan()))


def test_a_cut_stream_that_looks_whole():
    """INV-9: the wire breaks, and the bytes of an end are there all the same."""

    class Mending(Passing):
        def opened(self, exchange):
            class Mended(Piping):
                async def read(self):
                    try:
                        return await self.exchange.read()
                    except WireFault:
                        return b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

            return Mended(exchange)

    assert "INV-9" in found(through(Mending)(plan(ill("cuts"), ill("cuts", "alpha"))))


def test_a_deadline_that_comes_late():
    """INV-10: the engine waits longer than its callers were told."""
    late = ClockSettings(total=90.0, first_content=80.0, answer=80.0)
    weather = ill("hang"), ill("hang", "alpha")
    assert "INV-10" in found(Reworked(plan(*weather), clocks=late))


def test_more_tries_than_are_allowed():
    """INV-11: a request that is tried more often than `request_attempts`."""
    weather = ill("errors"), ill("errors", "alpha")
    assert "INV-11" in found(Reworked(plan(*weather), retry=RetrySettings(request_attempts=9), breaker=BLIND))


def test_retries_that_nobody_pays_for():
    """INV-11: a budget that never runs dry, in an outage."""
    weather = ill("errors"), ill("errors", "alpha")
    free = BudgetSettings(capacity=1_000_000)
    retry = RetrySettings(attempts=3, request_attempts=3)
    assert "INV-11" in found(Reworked(plan(*weather, hourly=20_000.0), budget=free, breaker=BLIND, retry=retry))


def test_a_limit_that_is_not_kept():
    """INV-12: an engine that knows of no limit."""

    class Unlimited(Stage):
        def settings(self):
            drawn = msgspec.json.decode(msgspec.json.encode(DRAWN).replace(b'"rpm":120', b'"rpm":100000'))
            return Stage(msgspec.structs.replace(self.plan, drawn=drawn)).settings()

    assert "INV-12" in found(Unlimited(plan(hourly=40_000.0)))


def test_models_of_one_account_that_are_counted_apart():
    """INV-12: an engine that gives each model of an organisation the limit that all of them share."""
    routes = {"lone": {"groups": [[{"provider": "delta", "model": "gpt-5.4-mini"}, {"provider": "delta", "model": "gpt-5.4"}]]}}
    quotas = {"delta-org": {"rpm": 60, "burst": 0.1, "pool": "account"}}
    agreed = msgspec.structs.replace(plan(hourly=10_000.0), drawn={**DRAWN, "routes": routes, "quotas": quotas})

    class Apart(Stage):
        def settings(self):
            alone = {"delta-org": {"rpm": 60, "burst": 0.1}}
            return Stage(msgspec.structs.replace(self.plan, drawn={**agreed.drawn, "quotas": alone})).settings()

    assert found(Stage(agreed)) == set()
    assert "INV-12" in found(Apart(agreed))


def test_a_wait_that_is_not_heard():
    """INV-12: the header by which a provider asks for a pause never reaches the engine."""

    class Deaf(Passing):
        def seen(self, response):
            kept = tuple(field for field in response.headers if field[0] != "retry-after")
            return HttpResponse(response.status, kept, response.body)

    assert "INV-12" in found(through(Deaf)(plan(limit=2, hourly=20_000.0)))


def test_a_breaker_that_never_opens():
    """INV-13: an outage that nobody notices."""
    assert "INV-13" in found(Reworked(plan(ill("errors", share=1.0), hourly=20_000.0), breaker=BLIND))


def test_a_dead_region_whose_models_are_each_probed():
    """INV-13: an engine that does not know what two models of a dead provider share."""
    models = "gpt-5.4-mini", "gpt-5.4", "gpt-5.4-nano"
    group = [{"provider": "delta", "model": "gpt-5.4-mini"}, *({"provider": "alpha", "model": model} for model in models)]
    base = plan(ill("outage", "alpha", ends=SPAN), hourly=20_000.0)
    drawn = {
        **DRAWN,
        "routes": {"fast": {"groups": [group], "strategy": "round_robin"}},
        "policies": {**DRAWN["policies"], "breaker": {"open_time": 1.0, "open_cap": 4.0}},
    }
    agreed = msgspec.structs.replace(base, drawn=drawn)

    class Apart(Stage):
        def settings(self):
            groups = [[{**target, "region": target["model"]} for target in group]]
            routes = {"fast": {**drawn["routes"]["fast"], "groups": groups}}
            return Stage(msgspec.structs.replace(self.plan, drawn={**drawn, "routes": routes})).settings()

    assert found(Stage(agreed)) == set()
    assert "INV-13" in found(Apart(agreed))


def test_answers_of_long_ago_that_still_earn():
    """INV-13: a breaker that pays a dead provider's attempts by what it answered before the process slept, where ten seconds count."""
    weather = ill("errors", share=0.5, ends=150.0), msgspec.structs.replace(ill("outage", ends=SPAN), begins=150.0)
    agreed = msgspec.structs.replace(
        plan(*weather, hourly=7200.0),
        drawn={**DRAWN, "policies": {**DRAWN["policies"], "breaker": {"window": 10}}},
        pauses=((149.0, 11.0),),
    )
    assert found(Reworked(agreed, breaker=BreakerSettings(window=10.0))) == set()
    assert "INV-13" in found(Reworked(agreed, breaker=BreakerSettings(window=3600.0)))


TAGGED = {
    **DRAWN,
    "providers": {name: {**one, "tags": ["zdr"] if name == "alpha" else []} for name, one in DRAWN["providers"].items()},
    "models": {"alpha/gpt-5.4-mini": {"window": 9_000}, "delta/gpt-5.4-mini": {"window": 6_000}, "delta/gpt-5.4": {"window": 6_000}},
}
"""A provider with terms that the other does not have, and windows."""


def told(more: dict[str, object], **habits: float) -> Plan:
    """A plan whose first route says more, without any weather."""
    routes = {**TAGGED["routes"], "fast": {**TAGGED["routes"]["fast"], **more}}
    agreed = plan(hourly=3600.0)
    sides = tuple(
        msgspec.structs.replace(side, filters=True, windows={"gpt-5.4-mini": 5_000 if side.place.provider == "delta" else 8_000})
        for side in agreed.sides
    )
    habits = msgspec.structs.replace(agreed.habits, **habits)
    return msgspec.structs.replace(agreed, drawn={**TAGGED, "routes": routes}, sides=sides, habits=habits)


class Misread(Stage):
    """A stage whose engine was told otherwise of its first route than the auditor."""

    def __init__(self, plan: Plan, more: dict[str, object], models: dict[str, object] | None = None) -> None:
        super().__init__(plan)
        self._more, self._models = more, models

    def settings(self):
        drawn = self.plan.drawn
        routes = {**drawn["routes"], "fast": {**drawn["routes"]["fast"], **self._more}}
        other = {**drawn, "routes": routes, "models": self._models or drawn["models"]}
        return Stage(msgspec.structs.replace(self.plan, drawn=other)).settings()


def test_a_border_that_is_not_kept():
    """INV-31: an engine that lets go of a term its route asks for."""
    agreed = told({"requires": ["zdr"]})
    assert found(Stage(agreed)) == set()
    assert "INV-31" in found(Misread(agreed, {"requires": []}))


def test_a_border_of_a_caller_that_is_not_heard():
    """INV-31: an engine to which nobody says where a request may go."""
    agreed = told({}, bordered=0.3)
    assert found(Stage(agreed)) == set()

    class Deaf(Stage):
        def _apply(self, house, settings):
            super()._apply(house, settings)
            answer = house.answer
            house.answer = lambda request, ear=None: answer(msgspec.structs.replace(request, options=type(request.options)()), ear)

    assert "INV-31" in found(Deaf(agreed))


def test_too_long_for_a_larger_window():
    """INV-32: an engine that takes the smallest window for the largest."""
    agreed = told({}, talkers=0.3)
    assert found(Stage(agreed)) == set()
    wrong = {"alpha/gpt-5.4-mini": {"window": 9_000}, "delta/gpt-5.4-mini": {"window": 20_000}}
    assert "INV-32" in found(Misread(agreed, {}, wrong))


def test_what_a_filter_refused_is_shown_to_another():
    """INV-32: an engine that goes on with what was refused, where its route says nobody."""
    agreed = told({}, offenders=0.2)
    assert found(Stage(agreed)) == set()
    assert "INV-32" in found(Misread(agreed, {"fallback": {"content_refused": ["next"]}}))


def test_turns_that_nobody_said_may_go():
    """INV-33: an engine that trims the conversations of a route which has no last resort."""
    agreed = told({}, talkers=0.3)
    assert "INV-33" in found(Misread(agreed, {"last_resort": {"trim": True}}))
    assert found(Stage(told({"last_resort": {"trim": True}}, talkers=0.3))) == set()


def test_what_was_left_out_and_not_told():
    """INV-33: answers without the header that names the turns left out."""

    class Silent(Stage):
        def _apply(self, house, settings):
            super()._apply(house, settings)
            answer = house.answer

            async def quiet(request, ear=None):
                given = await answer(request, ear)
                self.evidence.calls[request.id].lossy = ""
                return msgspec.structs.replace(given, member=None)

            house.answer = quiet

    assert "INV-33" in found(Silent(told({"last_resort": {"trim": True}}, talkers=0.3)))


def test_a_conversation_that_goes_elsewhere_each_time():
    """INV-34: an engine that keeps no conversation together."""
    group = [{"provider": name, "model": "gpt-5.4-mini"} for name in ("alpha", "delta")]
    agreed = msgspec.structs.replace(told({"groups": [group], "sticky": "user"}), habits=Habits(hourly=1800.0, bursts=0.1))
    assert found(Stage(agreed)) == set()
    assert "INV-34" in found(Misread(agreed, {"sticky": "off"}))


def test_turns_of_another_request():
    """INV-33: bodies into which another request's words have got."""

    class Mixing(Passing):
        async def open(self, request):
            body = request.body.replace(b"what is", b"[r1:0] what is", 1) if b"[r2" in request.body else request.body
            return await self.wire.open(msgspec.structs.replace(request, body=body))

    assert "INV-33" in found(through(Mixing)(plan()))


@pytest.mark.parametrize("habit", ["makers", "formal"])
def test_a_stream_that_is_gone_on_with_behind_a_call_or_a_form(habit):
    """INV-8: an engine that asks somebody for the rest of an answer which has called a tool, or is to have a form."""
    weather = ill("cuts", share=0.5), ill("cuts", "alpha", share=0.5)
    agreed = msgspec.structs.replace(told({"recovery": "continue"}, **{habit: 0.5}), weather=weather)
    assert found(Stage(agreed)) == set()

    class Eager(Stage):
        def _apply(self, house, settings):
            super()._apply(house, settings)
            answer = house.answer

            async def again(request, ear=None):
                given = await answer(request, ear)
                return given if given.failure is None or not given.began else await answer(request, None)

            house.answer = again

    assert "INV-8" in found(Eager(agreed))


def test_a_healed_provider_that_is_never_asked_again():
    """INV-13: a credential that is set aside for a day, where ten seconds were agreed."""
    weather = msgspec.structs.replace(ill("dead", "alpha", ends=60.0), scope="main")
    drawn = msgspec.json.decode(msgspec.json.encode(DRAWN).replace(b',"rpm":120', b""))
    drawn["policies"]["parking"] = {"credential": 10, "credential_cap": 10, "quota": 10}
    agreed = msgspec.structs.replace(plan(weather, hourly=10_000.0), drawn=drawn)
    assert found(Stage(agreed)) == set()
    assert "INV-13" in found(Reworked(agreed, parking=ParkingSettings(86_400.0, 86_400.0)))


def test_a_reader_that_does_not_hold_back():
    """INV-14: bytes that are read on and on for a caller who takes none."""

    class Hoarding(Passing):
        def opened(self, exchange):
            class Hoard(Piping):
                held = b""

                async def read(self):
                    if not self.held:
                        self.held = await self.exchange.read()
                        while len(self.held) > 1000 and (more := await self.exchange.read()):
                            self.held += more
                    data, self.held = self.held, b""
                    return data

            return Hoard(exchange)

    assert "INV-14" in found(through(Hoarding)(plan(hourly=10_000.0)))


def test_an_exchange_that_is_left_open():
    """INV-15: an exchange that nobody closes."""

    class Leaking(Passing):
        def opened(self, exchange):
            class Leak(Piping):
                def linger(self): ...

                async def close(self): ...

            return Leak(exchange)

    assert "INV-15" in found(through(Leaking)(plan()))


def test_a_task_that_is_left_behind():
    """INV-15: a task that nobody ends."""
    tasks = set()

    class Littering(Passing):
        def seen(self, response):
            tasks.add(asyncio.ensure_future(asyncio.sleep(10_000.0)))
            return response

    assert "INV-15" in found(through(Littering)(plan()))

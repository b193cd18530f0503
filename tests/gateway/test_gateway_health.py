"""What operators look at: health, readiness and metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway_stage import CHAT, MESSAGES, QUICK, Caller, Got, Stage, ask, asking, play, posted, route, staged, until, wish
from prometheus_client.parser import text_string_to_metric_families


async def look(stage: Stage, path: str) -> Got:
    """GET a path."""
    return await ask(stage, posted(path, b"", method="GET"))


def test_health_follows_the_fleet(tmp_path: Path) -> None:
    """All well is healthy; one deployment set aside is degraded and says why; none left is unhealthy and not ready, but alive."""

    async def story() -> None:
        more = QUICK + route(CHAT, "fault=insufficient_quota", "fault=bad_credential")
        async with staged(tmp_path, more) as stage:
            first = await look(stage, "/health")
            assert [first.status, first.json["status"], first.json["active_requests"]] == [200, "healthy", 0]
            assert {one["state"] for one in first.json["deployments"]} == {"healthy"}
            assert (await look(stage, "/health/ready")).status == 200
            await ask(stage, asking(CHAT, model="r"))
            last = await look(stage, "/health")
            assert [last.status, last.json["status"]] == [503, "unhealthy"]
            assert {one["state"] for one in last.json["deployments"]} == {"cooling"}
            assert all(one["why"] for one in last.json["deployments"])
            states = {(one["provider"], one["name"]): one["state"] for one in last.json["credentials"]}
            assert (states["openai", "main"], states["spare-openai", "main"]) == ("cooling", "set_aside")
            assert (await look(stage, "/health/ready")).status == 503
            assert (await look(stage, "/health/live")).status == 200

    play(story)


def test_whoever_asks_for_the_head_alone_gets_it(tmp_path: Path) -> None:
    """HEAD, which `wget --spider` and many balancers send, says what GET says, without the body; never in place of POST."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for path in ("/health", "/health/live", "/health/ready", "/v1/models", "/metrics"):
                got = await ask(stage, posted(path, b"", {"connection": "close"}, method="HEAD"))
                assert (got.status, got.body, int(got.headers["content-length"]) > 0) == (200, b"", True), path
            refused = await ask(stage, posted("/v1/chat/completions", b"", {"connection": "close"}, method="HEAD"))
            assert (refused.status, refused.headers["allow"]) == (405, "POST")

    play(story)


def test_one_of_two_is_degraded_and_ready(tmp_path: Path) -> None:
    """With one deployment of two left, the gateway is degraded, answers 200 and is ready."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "fault=bad_credential", "")) as stage:
            assert (await ask(stage, asking(CHAT, model="r"))).status == 200
            got = await look(stage, "/health")
            assert [got.status, got.json["status"]] == [200, "degraded"]
            assert (await look(stage, "/health/ready")).status == 200

    play(story)


def test_ready_while_any_route_is_left(tmp_path: Path) -> None:
    """A route whose deployments are all set aside is dead and told so; the gateway is ready until every route is."""

    async def story() -> None:
        more = (
            QUICK
            + route(CHAT, "fault=bad_credential")
            + route(MESSAGES, "fault=insufficient_quota").replace("routes.r", "routes.s")
        )
        async with staged(tmp_path, more) as stage:
            assert [(await look(stage, "/health")).json[name] for name in ("ready", "dead_routes")] == [True, []]
            await ask(stage, asking(CHAT, model="r"))
            await ask(stage, asking(CHAT, model="spare-openai/gpt-5.4"))  # well, and of no route
            told = (await look(stage, "/health")).json
            assert [told["ready"], told["dead_routes"], told["status"]] == [True, ["r"], "degraded"]
            assert (await look(stage, "/health/ready")).status == 200
            await ask(stage, asking(MESSAGES, model="s"))
            told = (await look(stage, "/health")).json
            assert [told["ready"], told["dead_routes"], told["status"]] == [False, ["r", "s"], "degraded"]
            assert (await look(stage, "/health/ready")).status == 503

    play(story)


def test_health_tells_each_provider(tmp_path: Path) -> None:
    """Each provider has its own status, by its deployments, and the latency of its good attempts."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "fault=bad_credential", "")) as stage:
            assert (await ask(stage, asking(CHAT, model="r"))).status == 200
            told = {one["name"]: one for one in (await look(stage, "/health")).json["providers"]}
            assert {name: one["status"] for name, one in told.items()} == {
                "openai": "unhealthy", "spare-openai": "healthy", "anthropic": "healthy", "spare-anthropic": "healthy",
            }  # fmt: skip
            assert told["spare-openai"]["latency_s"] is not None
            assert told["openai"]["latency_s"] is None
            assert told["openai"]["probes"] == []

    play(story)


def test_probes_tell_health_and_close_nothing(tmp_path: Path) -> None:
    """A probe asks for the list of models only; one that fails degrades health, and neither readiness nor any gate."""

    async def story() -> None:
        more = QUICK + '[providers.gone]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\n[probes]\ninterval = 60\n'
        async with staged(tmp_path, more) as stage:
            probes, before = stage.gateway.probes, len(stage.house.world.fleet.members)
            assert (await look(stage, "/health")).json["status"] == "healthy"
            await probes.look()
            found = {state.provider: state for state in probes.states()}
            assert {state.result for name, state in found.items() if name != "gone"} == {"well"}
            assert [found["gone"].result, found["gone"].why] == ["down", "no connection (connect)"]
            assert found["openai"].latency_s is not None
            got = await look(stage, "/health")
            assert [got.status, got.json["status"], got.json["ready"]] == [200, "degraded", True]
            provider = next(one for one in got.json["providers"] if one["name"] == "gone")
            assert [provider["status"], provider["probes"][0]["result"]] == ["degraded", "down"]
            assert (await look(stage, "/health/ready")).status == 200
            fleet = (await look(stage, "/admin/fleet")).json
            assert {probe["provider"]: probe["result"] for probe in fleet["probes"]}["gone"] == "down"
            assert len(stage.house.world.fleet.members) == before
            assert {(record.method, record.path) for record in stage.sandbox.requests} == {("GET", "/v1/models")}
            assert list(stage.sandbox.bill()) == [], "nothing billable was asked"
            assert stage.reserved == []

    play(story)


def test_probes_are_off_until_they_are_wanted(tmp_path: Path) -> None:
    """Without an interval the background task asks nobody; with one it asks at once."""

    async def story() -> None:
        for more, is_asked in ((QUICK, False), (QUICK + "[probes]\ninterval = 60\n", True)):
            async with staged(tmp_path, more) as stage:
                task = asyncio.ensure_future(stage.gateway.probes.run())
                if is_asked:
                    await until(stage.gateway.probes.states)
                else:
                    for _ in range(20):
                        await asyncio.sleep(0)
                    assert stage.gateway.probes.states() == []
                task.cancel()
                await asyncio.wait((task,))

    play(story)


def test_a_client_can_not_make_the_gateway_unready(tmp_path: Path) -> None:
    """Models that a caller made up, and that no provider serves, leave the gateway healthy."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for number in range(8):
                got = await ask(stage, asking(CHAT, model=f"gpt-made-up-{number}@fault=model_not_found"))
                assert got.status == 404
            assert (await look(stage, "/health")).json["status"] == "healthy"
            assert (await look(stage, "/health/ready")).status == 200

    play(story)


NAMES = {
    "stormkeel_requests": {"stormkeel_requests_total"},
    "stormkeel_request_duration_seconds": {"stormkeel_request_duration_seconds_bucket"},
    "stormkeel_ttft_seconds": {"stormkeel_ttft_seconds_bucket"},
    "stormkeel_tokens": {"stormkeel_tokens_total"},
    "stormkeel_cost_dollars": {"stormkeel_cost_dollars_total"},
    "stormkeel_active_requests": {"stormkeel_active_requests"},
    "stormkeel_attempts": {"stormkeel_attempts_total"},
    "stormkeel_breaker_state": {"stormkeel_breaker_state"},
}


def test_metrics_have_their_names_and_figures(tmp_path: Path) -> None:
    """Each metric is there under its name, parses, and counts what happened; a request under way is active."""

    async def story() -> None:
        async with staged(tmp_path, QUICK.replace("0.4", "30")) as stage:
            said = wish(answer="hi", usage={"input": 1000, "output": 500})
            for stream in (False, True):
                assert (await ask(stage, asking(CHAT, messages=said, stream=stream))).status == 200
            assert (await ask(stage, asking(CHAT, messages=wish(fault="server_error")))).status == 500
            waiting = await Caller.at(stage.port)
            waiting.writer.write(asking(CHAT, messages=wish(fault="silence")))
            await stage.sandbox.arrived(4)
            got = await look(stage, "/metrics")
            assert got.headers["content-type"].startswith("text/plain")
            families = {family.name: family for family in text_string_to_metric_families(got.body.decode())}
            for name, samples in NAMES.items():
                assert samples <= {sample.name for sample in families[name].samples}, name
            values = {
                (sample.name, *sorted(sample.labels.values())): sample.value
                for family in families.values()
                for sample in family.samples
            }
            assert values["stormkeel_active_requests",] == 1
            assert values["stormkeel_requests_total", "gpt-5.4-mini", "ok", "openai_chat"] == 2
            assert values["stormkeel_requests_total", "gpt-5.4-mini", "openai_chat", "server"] == 1
            cost = sum(value for key, value in values.items() if key[0] == "stormkeel_cost_dollars_total")
            billed = [row for row in stage.sandbox.bill() if not row.open]
            assert round(cost, 9) == round(float(sum(row.cost for row in billed)), 9)
            waiting.leave()
            await stage.calm()

    play(story)

"""Storms: which arrival meets which fault, the same every time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import ask, body_for, send, with_sandbox

from stormkeel.sandbox import Sandbox, SandboxSettings, Storm, read_storm
from stormkeel.sandbox.storm import draw


def drawn(storm: Storm, count: int, seed: int = 0, elapsed: float = 0.0) -> list[str]:
    """Draw the first `count` arrivals."""
    return [str(draw(storm, number, elapsed, seed) or "ok") for number in range(count)]


def test_a_seeded_storm_is_the_same_every_time() -> None:
    """The draw follows from the seed and the number of the arrival alone."""
    storm = read_storm("share=0.4,faults=reset|rate_limit|cut:at=0.5")
    first = drawn(storm, 1000, seed=3)
    assert first == drawn(storm, 1000, seed=3)
    assert first[500] == str(draw(storm, 500, 9.0, 3) or "ok")
    assert first != drawn(storm, 1000, seed=4)
    assert drawn(Storm(share=0.4, faults=storm.faults, seed=3), 1000, seed=99) == first
    # 400 expected; six standard deviations of a fair draw are 93
    assert 307 < sum(fault != "ok" for fault in first) < 493
    assert {"reset", "rate_limit", "cut:at=0.5", "ok"} == set(first)


@given(st.integers(), st.integers(0, 10_000))
def test_all_or_none(seed: int, number: int) -> None:
    """A share of 0 meets nothing, a share of 1 everything."""
    assert draw(Storm(share=0), number, 0, seed) is None
    assert str(draw(Storm(share=1, faults=("eof",)), number, 0, seed)) == "eof"


def test_a_plan_is_followed_and_then_over() -> None:
    """A plan names the fault of each arrival; after it the share decides, or it starts again."""
    assert drawn(read_storm("plan=ok|reset|cut"), 5) == ["ok", "reset", "cut", "ok", "ok"]
    assert drawn(read_storm("plan=ok|reset,repeat=1"), 5) == ["ok", "reset", "ok", "reset", "ok"]
    assert drawn(read_storm("plan=ok,share=1,faults=eof"), 3) == ["ok", "eof", "eof"]


@pytest.mark.parametrize(
    ("elapsed", "fault"), [(4.9, "ok"), (5.0, "unavailable"), (14.9, "unavailable"), (15.0, "ok"), (30.0, "unavailable")]
)
def test_an_outage_takes_everything_down(elapsed: float, fault: str) -> None:
    """In the span of an outage every request meets 503, its end not included."""
    assert drawn(read_storm("outage=5:10|30:1"), 1, elapsed=elapsed) == [fault]


def test_compact_and_json_are_the_same() -> None:
    """Both ways of writing a storm read the same, and what is read can be written as JSON."""
    text = "share=0.25,faults=reset|eof,plan=ok|cut,repeat=true,outage=1:2,seed=9"
    given: dict[str, Any] = {
        "share": 0.25,
        "faults": ["reset", "eof"],
        "plan": ["ok", "cut"],
        "repeat": True,
        "outages": ["1:2"],
        "seed": 9,
    }
    assert read_storm(text) == read_storm(json.dumps(given))
    assert read_storm("") == Storm()


@pytest.mark.parametrize(
    "text",
    [
        "share=2,faults=eof",
        "share=0.5",
        "faults=nosuch",
        "plan=ok|nosuch",
        "outage=5",
        "outage=a:b",
        "wind=9",
        "share",
        '{"share":',
        '{"gale":1}',
    ],
)
def test_storms_that_make_no_sense_are_refused(text: str) -> None:
    """A storm that cannot be is an error, not calm weather."""
    with pytest.raises(ValueError, match=r"."):
        read_storm(text)


def test_a_storm_hits_arrivals_in_order() -> None:
    """Requests for an answer are counted as they arrive, invalid ones too; lists and the sandbox's own paths are not."""

    async def story(sandbox: Sandbox) -> None:
        statuses = []
        for dialect in ("openai", "anthropic", "openai", "anthropic"):
            assert (await send(sandbox, "GET", "/health")).json == {"status": "ok"}
            await send(sandbox, "GET", "/v1/models", headers={"authorization": "Bearer sk-1"})
            statuses.append((await ask(sandbox, dialect)).status)
        assert statuses == [200, 529, 500, 200]
        assert [row.fault for row in sandbox.bill()] == [None, "overloaded", "server_error", None]

    with_sandbox(story, SandboxSettings(storm=read_storm("plan=ok|overloaded|server_error")))


def test_a_wish_is_stronger_than_the_storm() -> None:
    """A request may choose its own fault, or none, in any storm: by header, by its last message, by the model's name."""

    async def story(sandbox: Sandbox) -> None:
        wished = [{"role": "user", "content": 'sandbox: {"fault":"permission"}'}]
        header: dict[str, str | None] = {"x-sandbox-fault": "ok"}
        assert (await ask(sandbox, "openai")).status == 500
        assert (await ask(sandbox, "openai", None, header)).status == 200
        assert (await ask(sandbox, "openai", body_for("openai", model="gpt-5.4-mini@fault=unavailable"))).status == 503
        both = body_for("openai", model="gpt-5.4-mini@fault=unavailable", messages=wished)
        assert (await ask(sandbox, "openai", both)).status == 403
        assert (await ask(sandbox, "openai", both, header)).status == 200

    with_sandbox(story, SandboxSettings(storm=read_storm("share=1,faults=server_error")))


def test_storms_come_and_go_at_run_time() -> None:
    """A storm set over HTTP begins at once, its count and clock at zero, and ends on request."""
    now = [1000.0]

    async def story(sandbox: Sandbox) -> None:
        await ask(sandbox, "openai")
        now[0] += 45
        said = await send(sandbox, "POST", "/sandbox/storm", b'{"plan":["ok","server_error"],"outages":["60:30"]}')
        assert (said.status, said.json) == (200, {"plan": ["ok", "server_error"], "outages": ["60:30"]})
        assert [(await ask(sandbox, "openai")).status for _ in range(3)] == [200, 500, 200]
        now[0] += 60
        assert (await ask(sandbox, "openai")).status == 503
        now[0] += 30
        assert (await ask(sandbox, "openai")).status == 200
        refused = await send(sandbox, "POST", "/sandbox/storm", b"share=7")
        assert refused.status == 400
        assert "share" in refused.json["error"]
        assert (await send(sandbox, "POST", "/sandbox/storm", b"share=1,faults=html_error")).status == 200
        assert (await ask(sandbox, "openai")).status == 502
        assert (await send(sandbox, "DELETE", "/sandbox/storm")).status == 200
        assert (await ask(sandbox, "openai")).status == 200
        sandbox.set_storm(Storm(plan=("permission",)))
        assert (await ask(sandbox, "openai")).status == 403

    with_sandbox(story, SandboxSettings(clock=lambda: now[0]))


def test_reset_begins_again() -> None:
    """A reset forgets requests and bill and begins the storm anew; request ids are not used twice."""

    async def story(sandbox: Sandbox) -> None:
        first = await ask(sandbox, "openai")
        assert (await send(sandbox, "POST", "/sandbox/reset")).status == 200
        assert (sandbox.bill(), sandbox.requests) == ([], [])
        again = await ask(sandbox, "openai")
        assert [first.status, again.status] == [500, 500]
        assert sandbox.requests[0].number == 1
        assert first.headers["x-request-id"] != again.headers["x-request-id"]

    with_sandbox(story, SandboxSettings(storm=read_storm("plan=server_error")))

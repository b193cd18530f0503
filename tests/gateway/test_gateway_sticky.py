"""A conversation keeps to one deployment, as its header names it."""

from __future__ import annotations

from pathlib import Path

from gateway_stage import CHAT, MODELS, ask, asking, play, staged

from stormkeel.gateway.inbound import Inbound


def test_the_header_reaches_the_options() -> None:
    """Its value is cut as other labels are, and absent it is nothing."""
    assert Inbound([(b"x-stormkeel-session", b"s" * 300)]).options("k").session == "s" * 256
    assert Inbound([(b"x-stormkeel-user", b"u")]).options("k").session == ""


def test_one_session_meets_one_deployment(tmp_path: Path) -> None:
    """By the official body over a real socket: eight requests of a session meet one model of three, eight sessions more."""
    models = [f"openai/{MODELS[CHAT]}", "openai/gpt-5.4", "openai/gpt-5.4-nano"]
    settings = f'[routes.r]\ngroups = [{models}]\nsticky = "conversation"\n'

    async def story() -> None:
        async with staged(tmp_path, settings) as stage:
            for names, few in ((["one"] * 8, True), ([f"s{number}" for number in range(8)], False)):
                met = set()
                for number, name in enumerate(names):
                    got = await ask(stage, asking(CHAT, model="r", headers={"x-stormkeel-session": name}))
                    assert got.status == 200, number
                    met.add(got.json["model"])
                assert (len(met) == 1) is few

    play(story)

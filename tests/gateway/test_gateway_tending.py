"""What a gateway does beside serving: probes of refused credentials, and reminders of old ones."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from gateway_stage import CHAT, QUICK, ask, asking, play, route, staged, until

from stormkeel.engine.credentials import DAY, Birth
from stormkeel.gateway.tending import keep_probing, keep_reminding, reminder
from stormkeel.runtime.telemetry.logs import Logs

SOON = QUICK + "[policies.parking]\ncredential = 0.05\ncredential_cap = 0.05\n"


def test_a_probe_finds_a_mended_credential_without_a_request(tmp_path: Path) -> None:
    """A refused credential is asked for the list of models, never for an answer, and serves again once that was told."""

    async def story() -> None:
        async with staged(tmp_path, SOON + route(CHAT, "fault=bad_credential")) as stage:
            credential = stage.house.world.fleet.credentials["openai", "main"]
            credential.has_prober = True
            assert (await ask(stage, asking(CHAT, model="r"))).status == 502
            assert credential.since
            probing = asyncio.ensure_future(keep_probing(stage.house, tick=0.01))
            try:
                await until(lambda: not credential.since)
            finally:
                probing.cancel()
                await asyncio.wait((probing,))
            asked = [(record.method, record.path) for record in stage.sandbox.requests]
            assert asked == [("POST", "/v1/chat/completions"), ("GET", "/v1/models")]
            assert (await ask(stage, asking(CHAT))).status == 200

    play(story)


def test_an_old_credential_is_told_once_a_day(tmp_path: Path) -> None:
    """The log names provider, credential and age, and says what to do, once; a young one is not mentioned."""
    log = tmp_path / "log"

    async def story() -> None:
        logs = Logs(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
        async with staged(tmp_path, SOON) as stage:
            wall = stage.house.parts.clock.wall()
            old = stage.house.world.fleet.credentials["openai", "main"]
            old.birth = Birth(wall - 91 * DAY, 90.0)
            reminding = asyncio.ensure_future(keep_reminding(stage.house, logs, every=0.0))
            for _ in range(50):
                await asyncio.sleep(0)
            reminding.cancel()
            await asyncio.wait((reminding,))
            assert reminder(old, wall)["age_days"] == 91
        logs.close()

    play(story)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["event"], line["level"], line["provider"], line["credential"], line["age_days"]) for line in lines] == [
        ("credential_old", "warning", "openai", "main", 91)
    ]
    assert "reload" in lines[0]["message"]

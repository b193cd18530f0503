"""The alarm: what is told to whom, and what it never does: hold anybody up, or show its address."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import msgspec
import pytest

from stormkeel.config.settings import Settings
from stormkeel.config.upkeep import AlertSettings
from stormkeel.engine.ports import WireFault
from stormkeel.errors import SettingsError
from stormkeel.runtime.alerts import MOST, Alarm, webhook_of
from stormkeel.runtime.telemetry.logs import Logs
from stormkeel.runtime.telemetry.metrics import Metrics
from stormkeel.testing import Reply, ScriptedTransport, VirtualClock, run_virtual
from stormkeel.types.alert import Alert, AlertKind

K = AlertKind
CANARY = "T0PS3CRET"
URL = f"https://hooks.example.com/services/{CANARY}?token={CANARY}"
SUBJECT = 'credential "main" of provider "openai"'


def alert(kind: AlertKind = K.CREDENTIAL_REFUSED, subject: str = SUBJECT) -> Alert:
    """One event."""
    return Alert(kind, subject, "was refused <now> & then", 1_790_000_000_000_000_000)


def alarm_with(transport: ScriptedTransport, form: str = "json", logs: Logs | None = None) -> Alarm:
    """An alarm whose webhook is scripted."""
    made = Alarm(VirtualClock(asyncio.get_running_loop()), logs, transport)
    settings = Settings(alerts=AlertSettings(url="env:HOOK", format=form))  # type: ignore[arg-type]  # one of the two
    made._pending = webhook_of(settings, {"HOOK": URL})
    made.follow(settings)
    return made


def test_a_webhook_is_told_as_json() -> None:
    """What happened, to whom, what to do and when, in fields of their own; the same is not told twice."""

    async def story() -> None:
        transport = ScriptedTransport([Reply(204)])
        alarm = alarm_with(transport)
        alarm.tell(alert())
        alarm.tell(alert())
        await alarm.settle()
        (sent,) = transport.sent
        assert (sent.request.method, sent.request.url) == ("POST", URL)
        assert json.loads(sent.request.body) == {
            "kind": "credential_refused", "subject": SUBJECT, "text": "was refused <now> & then", "is_good": False,
            "at": "2026-09-21T14:13:20.000Z", "source": "stormkeel",
        }  # fmt: skip
        assert (alarm.sent, alarm.failed, alarm.told[K.CREDENTIAL_REFUSED]) == (1, 0, 1)
        await alarm.close()

    run_virtual(story())


def test_slack_is_told_in_its_own_way() -> None:
    """A message of one line, with what Slack takes for markup escaped, and another sign for good news."""

    async def story() -> None:
        transport = ScriptedTransport([Reply(200, (b"ok",))])
        alarm = alarm_with(transport, "slack")
        alarm.tell(alert())
        alarm.tell(alert(K.CREDENTIAL_RESTORED))
        await alarm.settle()
        texts = [json.loads(sent.request.body)["text"] for sent in transport.sent]
        assert texts[0] == f":rotating_light: {SUBJECT} was refused &lt;now&gt; &amp; then"
        assert texts[1].startswith(":white_check_mark: ")
        await alarm.close()

    run_virtual(story())


@pytest.mark.parametrize(
    ("replies", "tries", "is_sent"),
    [
        ([Reply(500), Reply(429), Reply(200)], 3, True),
        ([Reply(fault=WireFault("connect", f"{URL} refused")), Reply(200)], 2, True),
        ([Reply(delay=1e6), Reply(200)], 2, True),
        ([Reply(503)], 3, False),
        ([Reply(404)], 1, False),
        ([Reply(fault=WireFault("connect", f"{URL} refused"))], 3, False),
    ],
)
def test_a_webhook_that_fails_is_tried_again(replies: list[Reply], tries: int, is_sent: bool, tmp_path: Path) -> None:
    """Three tries at most, none after an answer that says never; what was not told is counted and logged, without the address."""
    path = tmp_path / "log"

    async def story() -> None:
        logs = Logs(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        transport = ScriptedTransport(replies)
        alarm = alarm_with(transport, logs=logs)
        alarm.tell(alert())
        await alarm.settle()
        assert len(transport.sent) == tries
        assert (alarm.sent, alarm.failed) == (int(is_sent), int(not is_sent))
        await alarm.close()
        logs.close()

    run_virtual(story())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["alert"] + ["alert_not_sent"] * (not is_sent)
    assert lines[0]["level"] == "error"
    assert CANARY not in path.read_text()


def test_telling_takes_no_time_and_no_end_of_memory() -> None:
    """A webhook that never answers holds nobody up: a hundred alerts wait, the rest are counted (INV-14)."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        alarm = alarm_with(ScriptedTransport([Reply(delay=1e6)]))
        for number in range(MOST + 50):
            alarm.tell(alert(K.MODEL_GONE, str(number)))
        assert loop.time() == 0.0
        assert alarm.dropped == 50
        await alarm.close()
        assert loop.time() <= 1.1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        metrics = Metrics()
        metrics.alarm = alarm
        assert b'stormkeel_alerts_total{kind="model_gone"} 150.0' in metrics.text()
        assert b"stormkeel_alerts_lost_total 50.0" in metrics.text()

    run_virtual(story())


def test_without_a_webhook_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is sent, and a program that uses the library finds it in Python's logging."""

    async def story() -> None:
        alarm = Alarm(VirtualClock(asyncio.get_running_loop()))
        alarm.tell(alert())
        await alarm.close()

    with caplog.at_level("ERROR", "stormkeel.alerts"):
        run_virtual(story())
    assert f"alert: {SUBJECT} was refused" in caplog.text


@pytest.mark.parametrize("value", [None, "ftp://x/", "not an address", "http://hooks.example.com/x", "https://", "https://a b\n/"])
def test_an_address_that_is_none_is_refused_by_its_reference(value: str | None) -> None:
    """A webhook that is missing, no address, or would be told unencrypted names its reference, never its text (INV-17)."""
    settings = Settings(alerts=AlertSettings(url="env:HOOK"))
    with pytest.raises(SettingsError, match="env:HOOK, the address of") as error:
        webhook_of(settings, {} if value is None else {"HOOK": value})
    assert value is None or value not in str(error.value)


def test_an_address_is_never_shown() -> None:
    """Neither the webhook's value nor what stands around it shows the address."""
    webhook = webhook_of(Settings(alerts=AlertSettings(url="env:HOOK")), {"HOOK": URL})
    assert webhook is not None
    assert CANARY not in repr(webhook) and CANARY not in repr(msgspec.structs.asdict(webhook))

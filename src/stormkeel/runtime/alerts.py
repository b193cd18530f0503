"""The alarm: tells alerts to the log, and to a webhook where one is configured, in the background.

Never holds up a request, never raises, and never shows the webhook's address: whoever knows it may write there.

    tell -> news? -> log, count -> queue (100) -> one task: POST, at most three tries -> or a line in the log
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..config.references import is_local
from ..config.settings import Settings
from ..config.upkeep import AlertSettings
from ..engine.ports import Clock, Transport, WireFault
from ..errors import SettingsError
from ..policies.alerting import News
from ..types.alert import Alert, AlertKind
from ..types.secret import Secret
from ..types.wire import HttpRequest
from .credentials.sources import read_environment, resolve
from .http import HttpSettings, HttpTransport
from .network import network_of
from .telemetry.logs import Logs

MOST = 100  # alerts that wait to be sent
TRIES = 3
PAUSE = 2.0  # seconds before the second try; twice that before the third
TIMEOUT = 10.0  # seconds for one try
WHAT = "address of [alerts]"
log = logging.getLogger("stormkeel.alerts")


class Webhook(msgspec.Struct, frozen=True):
    """Where alerts are sent, and how.

    Attributes:
        url: its address, which is a secret.
        form: "json" or "slack".
        way: how it is reached.
    """

    url: Secret
    form: str
    way: HttpSettings


def webhook_of(settings: Settings, environ: Mapping[str, str]) -> Webhook | None:
    """Return where alerts go, None for nowhere but the log.

    Raises:
        SettingsError: its address is missing, or none.
    """
    given = settings.alerts
    if not given.url:
        return None
    secret = resolve(given.url, environ, WHAT)
    try:
        parts = urlsplit(secret.reveal())
        is_address = parts.scheme == "https" or (parts.scheme == "http" and is_local(parts))
        is_address = is_address and bool(parts.hostname) and secret.reveal().isprintable()
    except ValueError:
        is_address = False
    if not is_address:
        mend = "write the webhook's whole address"
        raise SettingsError(f"{given.url}, the {WHAT}, is no https URL (or http to a neighbour); {mend}")
    return Webhook(secret, given.format, network_of(settings, environ))


class Alarm:
    """Tells alerts. Belongs to the event loop that first tells one.

    Attributes:
        told: how many of each kind were told.
        sent, failed, dropped: what became of those for the webhook.
    """

    def __init__(self, clock: Clock, logs: Logs | None = None, transport: Transport | None = None) -> None:
        """Prepare; nothing is opened yet.

        Args:
            clock: the house's.
            logs: its log; Python's logging where there is none.
            transport: how the webhook is reached, for tests; its own where None.
        """
        self.told: Counter[AlertKind] = Counter()
        self.sent = self.failed = self.dropped = 0
        self._clock = clock
        self._logs = logs
        self._given = transport
        self._transport: Transport | None = transport
        self._settings = AlertSettings()
        self._webhook: Webhook | None = None
        self._pending: Webhook | None = None
        self._news = News()
        self._waiting: deque[Alert] = deque()
        self._sender: asyncio.Task[None] | None = None

    # -- settings: a follower of the house ---------------------------------------------------------------------------

    def check(self, settings: Settings) -> None:
        """See whether the webhook's address is there. Raises `SettingsError`."""
        self._pending = webhook_of(settings, read_environment())

    def follow(self, settings: Settings) -> str:
        """Tell by these settings from now on; "alerts" where the address is another."""
        self._settings = settings.alerts
        was, self._webhook = self._webhook, self._pending
        if was == self._webhook:
            return ""
        self._transport = self._given or (None if self._webhook is None else HttpTransport(self._webhook.way))
        return "alerts"

    # -- telling -----------------------------------------------------------------------------------------------------

    def tell(self, alert: Alert) -> None:
        """Tell an alert, if it is news."""
        if not self._news.take(alert, self._clock.now(), self._settings.repeat):
            return
        self.told[alert.kind] += 1
        self._say("info" if alert.is_good or alert.kind is AlertKind.TEST else "error", "alert", fields_of(alert))
        if self._webhook is None:
            return
        if len(self._waiting) >= MOST:
            self.dropped += 1
            return
        self._waiting.append(alert)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.ensure_future(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            why = await self.send(self._waiting.popleft())
            if why:
                self.failed += 1
                self._say("error", "alert_not_sent", {"message": f"the webhook of [alerts] could not be told: {why}"})
            else:
                self.sent += 1

    async def send(self, alert: Alert) -> str:
        """Send one alert now; returns why it could not be told, "" where it was."""
        webhook, transport = self._webhook, self._transport
        if webhook is None or transport is None:
            return "no `url` is set"
        request = HttpRequest("POST", webhook.url.reveal(), HEADERS, body_of(alert, webhook.form))
        why = ""
        for number in range(TRIES):
            if number:
                await asyncio.sleep(PAUSE * number)
            why, is_final = await _try(transport, request)
            if not why or is_final:
                break
        return why

    async def settle(self) -> None:
        """Wait until nothing is left to be sent."""
        if self._sender is not None:
            await asyncio.wait((self._sender,))

    async def close(self) -> None:
        """Give what waits a moment to be sent, and end. Safe to call twice."""
        sender, self._sender = self._sender, None
        if sender is not None and not sender.done():
            await asyncio.wait((sender,), timeout=1.0)
            sender.cancel()
            await asyncio.wait((sender,))
        if self._transport is not None and self._given is None:
            await self._transport.close()

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if self._logs is not None:
            self._logs.say(level, event, fields)
        else:
            words = fields.get("message") or f"{fields['subject']} {fields['text']}"
            log.log(logging.INFO if level == "info" else logging.ERROR, "%s: %s", event, words)


HEADERS = (("content-type", "application/json"), ("user-agent", "stormkeel"))


async def _try(transport: Transport, request: HttpRequest) -> tuple[str, bool]:
    """Send once: why it failed, "" where it did not; and would another try be in vain?"""
    try:
        async with asyncio.timeout(TIMEOUT):
            response = await transport.send(request)
    except TimeoutError:
        return f"it did not answer within {TIMEOUT:g} s", False
    except WireFault as fault:
        return f"{fault.stage} failed", False  # the detail may name the address
    except Exception as error:  # noqa: BLE001 - an alarm that dies tells nobody of anything any more
        return type(error).__name__, True
    if 200 <= response.status < 300:
        return "", True
    return f"it answered with status {response.status}", response.status < 500 and response.status != 429


def fields_of(alert: Alert) -> dict[str, Any]:
    """Return an alert as the log shows it."""
    return {"kind": alert.kind.value, "subject": alert.subject, "text": alert.text}


def body_of(alert: Alert, form: str) -> bytes:
    """Write what a webhook is sent."""
    if form == "slack":
        sign = ":white_check_mark:" if alert.is_good or alert.kind is AlertKind.TEST else ":rotating_light:"
        text = f"{alert.subject} {alert.text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return msgspec.json.encode({"text": f"{sign} {text}"})
    at = datetime.fromtimestamp(alert.at / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode({**fields_of(alert), "is_good": alert.is_good, "at": at, "source": "stormkeel"})

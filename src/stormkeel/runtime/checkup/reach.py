"""A provider: can it be found, reached, trusted, and does it know our credentials? It is asked for its models, which is free.

Never shows a credential, and never waits longer than `PATIENCE_S` for a provider.

    name -> TCP -> TLS, its certificate -> GET models with each credential       the first that fails ends it
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ...engine.ports import WireFault
from ...providers.base import Caller
from ...types.wire import HttpResponse
from ..http import HttpSettings, HttpTransport, make_tls
from .aside import aside
from .finding import Finding, fail, ok, warn

PATIENCE_S = 8.0
DAY_S = 86_400
SOON_DAYS = 14
SKEW_S = 5.0
LARGE_SKEW_S = 300.0


class Subject(msgspec.Struct, frozen=True):
    """A provider to look at.

    Attributes:
        name: its own.
        base_url: where it is.
        callers: its credentials that could be resolved, by name; "" for none needed.
        http: how it is reached; behind a proxy only the answer itself is looked at.
    """

    name: str
    base_url: str
    callers: dict[str, Caller]
    http: HttpSettings


class Answered(msgspec.Struct, frozen=True):
    """When a provider said what time it is: both in seconds since the epoch, the span it took in seconds."""

    name: str
    said: float
    here: float
    took: float


class Visit:
    """One look at a provider.

    Attributes:
        findings: what was found so far.
        answered: the provider's own clock, where it answered.
    """

    def __init__(self, subject: Subject, patience: float = PATIENCE_S) -> None:
        self.subject = subject
        self._patience = patience
        self.findings: list[Finding] = []
        self.answered: Answered | None = None

    async def make(self) -> Visit:
        """Look, step by step; a step that fails is the last."""
        try:
            async with asyncio.timeout(self._patience):
                if await self._connect():
                    await self._ask()
        except TimeoutError:
            self._add(
                fail(
                    self._about("answer"),
                    f"no answer within {self._patience:g} s",
                    "look at firewall and route; is it the right address?",
                )
            )
        return self

    def _about(self, step: str) -> str:
        return f"{self.subject.name}: {step}"

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)

    async def _connect(self) -> bool:
        """Find the name, open a connection and shake hands; tell whether that went well."""
        parts = urlsplit(self.subject.base_url)
        host, is_tls = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        proxy = self.subject.http.proxies.of(is_tls, host)
        if proxy is not None:
            self._add(ok(self._about("connection"), f"through {proxy.name}"))
            return True
        addresses = await self._find(host, port)
        if not addresses:
            return False
        writer = await self._open(addresses, port)
        if writer is None:
            return False
        try:
            return await self._shake(writer, host) if is_tls else True
        finally:
            writer.transport.abort()

    async def _find(self, host: str, port: int) -> list[str]:
        if _is_address(host):
            return [host]
        try:
            found = await aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as fault:
            mend = "is the name right, and does this machine have a name server (/etc/resolv.conf)?"
            self._add(fail(self._about("name"), f'"{host}" is not found: {getattr(fault, "strerror", None) or fault}', mend))
            return []
        addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
        self._add(ok(self._about("name"), f"{host} is {', '.join(addresses[:3])}{' and more' if len(addresses) > 3 else ''}"))
        return addresses

    async def _open(self, addresses: list[str], port: int) -> asyncio.StreamWriter | None:
        """Open a connection to the first address that takes one; all share half of the patience."""
        faults: list[str] = []
        for address in addresses:
            began = time.monotonic()
            try:
                async with asyncio.timeout(self._patience / 2 / len(addresses)):
                    _, writer = await asyncio.open_connection(address, port)
            except OSError as fault:  # TimeoutError is one
                faults.append(f"{address}: {os.strerror(fault.errno) if fault.errno else 'no answer'}")
                continue
            self._add(ok(self._about("connection"), f"{address} port {port}, in {1000 * (time.monotonic() - began):.0f} ms"))
            return writer
        mend = (
            "is the server running?"
            if _is_local(addresses)
            else "look at firewall and route; behind a proxy, name it in the configuration"
        )
        self._add(fail(self._about("connection"), f"port {port}: {'; '.join(faults[:3])}", mend))
        return None

    async def _shake(self, writer: asyncio.StreamWriter, host: str) -> bool:
        try:
            await writer.start_tls(make_tls(self.subject.http), server_hostname=host)
        except ssl.SSLCertVerificationError as fault:
            self._add(fail(self._about("tls"), f"its certificate is not trusted: {fault.verify_message}", _mend_of(fault)))
            return False
        except OSError as fault:  # SSLError is one
            words = getattr(fault, "reason", None) or fault.strerror or "the connection was closed"
            self._add(fail(self._about("tls"), f"no TLS: {words}", "is it https that is spoken there, and on this port?"))
            return False
        self._add(judge_certificate(self._about("tls"), writer.get_extra_info("peercert") or {}, time.time()))
        return True

    async def _ask(self) -> None:
        transport = HttpTransport(self.subject.http)
        try:
            for label, caller in self.subject.callers.items():
                began = time.monotonic()
                answer = await transport.send(caller.probe())
                took = time.monotonic() - began
                subject, is_refused = "credential " + label if label else "answer", caller.is_refused(answer, time.time())
                self._add(judge_answer(self._about(subject), answer, took, is_refused))
                self.answered = self.answered or _time_of(self.subject.name, answer, took)
        except WireFault as fault:
            self._add(fail(self._about("answer"), f"{fault.detail}", "is it an HTTP server that speaks there?"))
        finally:
            await transport.close()


def judge_answer(subject: str, answer: HttpResponse, took: float, is_refused: bool) -> Finding:
    """Judge what a provider answered to the question for its models; `is_refused` by its own words, whatever the status."""
    words = f"answered {answer.status} in {1000 * took:.0f} ms"
    if is_refused or answer.status in {401, 403}:
        return fail(
            subject,
            f"{words}: the credential is refused",
            "put a valid key there, or take the credential out; it may be revoked, or lack a right",
        )
    if answer.status == 404:
        return warn(subject, f"{words}: there is no list of models, so the credential was not tried", 'look at its "base_url"')
    if answer.status == 429:
        return warn(subject, f"{words}: its limit or its quota is spent", "wait, or look at the account's billing")
    if answer.status >= 500:
        return warn(
            subject, f"{words}: it is in trouble", "look at its status page; requests go to the next target of a route meanwhile"
        )
    if answer.status != 200:
        return warn(subject, f"{words}, which is unusual", 'look at its "base_url"')
    if answer.body.lstrip()[:1] not in {b"{", b"["}:
        return warn(
            subject,
            f"{words}, but not with JSON",
            'look at its "base_url": a web page answers there, or a portal asks to sign in',
        )
    return ok(subject, words)


def judge_certificate(subject: str, certificate: dict[str, Any], now: float) -> Finding:
    """Judge a certificate that is trusted, by when it ends."""
    issuer = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    by = issuer.get("organizationName") or issuer.get("commonName") or "an authority"
    ends = certificate.get("notAfter")
    if not ends:
        return warn(subject, "certificates are not checked", "check them: whoever answers gets the credentials")
    days = (ssl.cert_time_to_seconds(ends) - now) / DAY_S
    words = f"its certificate, by {by}, is good for {days:.0f} days"
    return warn(subject, words, "see that it is renewed; this is its server's work") if days < SOON_DAYS else ok(subject, words)


def judge_skew(answers: list[Answered]) -> Finding:
    """Judge this machine's clock by the providers' own."""
    if not answers:
        return ok("clock, compared", "no provider told the time")
    best = min(answers, key=lambda one: one.took)
    apart = best.here - best.said - best.took / 2 - 0.5  # a date is cut to the second
    words = f"{abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} {best.name}"
    mend = "set the clock (NTP): deadlines of providers, certificates and the ledger go by it"
    if abs(apart) > LARGE_SKEW_S:
        return fail("clock, compared", words, mend)
    if abs(apart) > SKEW_S + best.took:
        return warn("clock, compared", words, mend)
    return ok("clock, compared", f"as {best.name} says")


def _time_of(name: str, answer: HttpResponse, took: float) -> Answered | None:
    here = time.time()
    for field, value in answer.headers:
        if field == "date":
            try:
                return Answered(name, parsedate_to_datetime(value).timestamp(), here, took)
            except (ValueError, OverflowError):
                return None
    return None


def _mend_of(fault: ssl.SSLCertVerificationError) -> str:
    words = fault.verify_message.lower()
    if "expired" in words or "not yet valid" in words:
        return "is this machine's clock right? Else its server must renew it"
    if "mismatch" in words or "not valid for" in words:
        return 'look at its "base_url": the server there has another name'
    return "behind a company's proxy that signs anew, trust its authority; else somebody else answers there: send no key"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(addresses: list[str]) -> bool:
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses)

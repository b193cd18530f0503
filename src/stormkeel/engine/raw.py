"""The line of a request for one of a provider's other paths (`providers.passage`): one attempt, body and answer untouched.

Never reads an answer but an error's, never tries twice, never knows what it costs: the ledger has it as unpriced. What it has in
common with the line of a prompt: nothing is sent with a credential that is set aside, nothing before it is reserved, it ends
under the same clocks, and it is settled exactly once, synchronously (INV-2, INV-3, INV-7).

    credential in service -> reserve (journal) -> send -> head -> pieces, at the client's pace -> settle -> end -> tell the sinks
         |                                         |        |        |
      refused?                              connect, silent   error   stalled, truncated
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from ..ledger.entry import Reserved, Settled
from ..policies.base import Verdict
from ..providers.passage import Passage
from ..types.attempt import Attempt, Story
from ..types.failure import Charge, Failure, FailureKind
from ..types.request import Request
from ..types.usage import NO_USAGE
from ..types.wire import Headers, HttpRequest, HttpResponse, Upload, header
from .credentials import Credential
from .mishaps import BITES, SLOW_CLIENT, WIRE_KINDS, read_all
from .ports import ClientGone, Exchange, JournalFault, UploadFault, WireFault
from .residency import refusal_at
from .run import time_of
from .setting_aside import PROBED
from .watchdog import Watchdog
from .world import World

K = FailureKind
ROUTE = "(raw)"
"""The name of the route, and of the deployment's model, of every request passed through."""
TOLD = frozenset({K.CREDENTIAL, K.QUOTA})
"""Failures whose answer is not passed on: it speaks of our account."""


class Errand(msgspec.Struct, frozen=True):
    """A request of another path.

    Attributes:
        request: whose it is, and how it is booked; its `model` is the path's name, its `raw` the body.
        passage: which path.
        provider: whose path.
        credential: the one to take, None for the first that is in service.
        upload: the body where it is still coming; the request's `raw` is empty then.
    """

    request: Request
    passage: Passage
    provider: str
    credential: str | None = None
    upload: Upload | None = None


class RawOutput(Protocol):
    """Where an answer goes. Each call returns when the reader has taken enough (back-pressure), or raises `ClientGone`."""

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        ...

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece."""
        ...


class Passed(msgspec.Struct, frozen=True):
    """What became of an errand.

    Attributes:
        failure: None where the provider answered well; one of its own errors was passed on all the same.
        began, ended: did the answer's head go out, and its end? One without the other must be cut off.
        is_ours: is the failure our own no, and not a word of the provider?
    """

    failure: Failure | None
    began: bool
    ended: bool
    is_ours: bool


async def pass_through(errand: Errand, world: World, out: RawOutput) -> Passed:
    """Pass one request through. Raises only `CancelledError`, when the caller is gone, after settling."""
    trip = _Trip(errand, world, out)
    world.active += 1
    try:
        await trip.go()
    except Exception as error:  # noqa: BLE001 - the last net: a fault of ours is told, not thrown at the caller
        for sink in world.ports.sinks:
            sink.broke(error, errand.request)
    finally:
        world.active -= 1
        story = trip.story()
        for sink in world.ports.sinks:
            sink.answered(story)
    return Passed(trip.failure, trip.began, trip.ended, trip.is_ours or not trip.sent)


class _Trip:
    """One errand under way."""

    def __init__(self, errand: Errand, world: World, out: RawOutput) -> None:
        clock = world.ports.clock
        self.failure: Failure | None = None
        self.began = self.ended = self.sent = self.is_ours = False
        self._errand = errand
        self._world = world
        self._out = out
        self._id = f"{errand.request.id}.1"
        self._started = clock.now()
        self._wall = clock.wall()
        self._deadline = self._started + time_of(errand.request, world.clocks.total)
        self._credential: Credential
        self._deployment: str
        self._is_probe = self._settled = False
        self._status = 0
        self._provider_request = ""
        self._ttft: float | None = None
        self._attempts: tuple[Attempt, ...] = ()
        self._exchange: Exchange | None = None
        self._dog: Watchdog

    async def go(self) -> None:
        """Do it."""
        self.failure = self._choose() or self._reserve()
        if self.failure is not None:
            return
        task = asyncio.current_task()
        assert task is not None
        self._dog = Watchdog(self._world.kennel, asyncio.get_running_loop(), task)
        try:
            await self._send(self._http())
        except asyncio.CancelledError:
            if not (self._dog.bitten and self._dog.calm()):
                self._settle(Failure(K.CANCELLED, "the caller went away"))
                raise
            self._settle(self._bite())
        except (WireFault, UploadFault, ClientGone) as fault:
            self._settle(self._failure_of(fault))
        except Exception as error:
            self._settle(Failure(K.INTERNAL, f"a fault inside Stormkeel ({type(error).__name__})"))
            raise
        finally:
            self._dog.stop()
            if self._exchange is not None:
                await self._exchange.close()

    def _failure_of(self, fault: WireFault | UploadFault | ClientGone) -> Failure:
        match fault:
            case WireFault():
                self.sent = fault.stage != "connect"
                return Failure(WIRE_KINDS[fault.stage], f"{self._errand.provider}: {fault.detail}")
            case UploadFault():
                self.is_ours = True
                return fault.failure
            case _:
                return Failure(K.CANCELLED, "the caller went away")

    # -- before ------------------------------------------------------------------------------------------------------

    def _choose(self) -> Failure | None:
        """Take the first credential in service: always the same, for what was uploaded with one is found with it alone."""
        errand, now = self._errand, self._world.ports.clock.now()
        refusal: Failure | None = None
        for (provider, label), credential in self._world.fleet.credentials.items():
            if provider != errand.provider or errand.credential not in (None, label):
                continue
            tags = self._world.tags.get((provider, label), ())
            if beyond := refusal_at(provider, tags, errand.request, self._world.borders):
                refusal = beyond
                continue
            is_aside = credential.until > now
            said = credential.refuse(now) if is_aside else None
            if said is None:
                self._credential, self._is_probe = credential, is_aside
                self._deployment = f"{provider}/{ROUTE}" + (f"#{label}" if label else "")
                return None
            refusal = said if refusal is None or refusal.status == 403 else refusal
        return refusal or Failure(K.MODEL_UNAVAILABLE, f'there is no provider "{errand.provider}" with such a credential', 404)

    def _reserve(self) -> Failure | None:
        errand, world, options = self._errand, self._world, self._errand.request.options
        try:
            world.ports.journal.reserve(Reserved(
                self._id, errand.request.id, self._wall, ROUTE, self._deployment, errand.provider, errand.request.model,
                errand.request.dialect, options.key, options.task, options.user, options.tags, 0, 0, None,
                world.prices, world.config,
            ))  # fmt: skip
        except JournalFault as fault:
            if self._is_probe:
                self._credential.quarantine.give_back(world.ports.clock.now())
            return Failure(K.INTERNAL, f"nothing was sent, because the ledger can't be written: {fault}")
        return None

    # -- during ------------------------------------------------------------------------------------------------------

    def _http(self) -> HttpRequest:
        errand = self._errand
        made = self._credential.caller.passage(errand.passage, self._id)
        upload = None if errand.upload is None else _Paced(errand.upload, self)
        return HttpRequest(made.method, made.url, made.headers, errand.request.raw, upload)

    async def _send(self, request: HttpRequest) -> None:
        self._watch(self._world.clocks.answer, K.SILENT)
        self.sent = True
        exchange = self._exchange = await self._credential.transport.open(request)
        self._status = exchange.status
        self._provider_request = self._credential.caller.request_id(exchange.headers)
        self._ttft = self._world.ports.clock.now() - self._started
        if exchange.status < 300 or exchange.status == 304:
            await self._relay(exchange, b"", exchange.headers, None)
        else:
            await self._refuse(exchange)

    async def _refuse(self, exchange: Exchange) -> None:
        """Read what an error means, and pass it on unless it speaks of our account."""
        caller = self._credential.caller
        said = await read_all(exchange)
        body, headers = caller.hide(said), exchange.headers
        failure = caller.classify(HttpResponse(exchange.status, headers, body), self._world.ports.clock.wall() / 1e9)
        if exchange.status < 400:  # never followed: it would choose its own host
            self._settle(Failure(K.BAD_RESPONSE, "the provider answered with a redirect, which is never followed", 502))
            return
        if exchange.status == 404:
            failure = Failure(K.CALLER, failure.message, 404, failure.code)
        if failure.kind in TOLD:
            self._settle(failure)
            return
        if body != said:
            headers = tuple(field for field in headers if field[0] != "content-length")
        await self._relay(exchange, body, headers, failure)

    async def _relay(self, exchange: Exchange, first: bytes, headers: Headers, failure: Failure | None) -> None:
        """Pass the answer on as it comes. It is settled before its end goes out: whoever has read it all finds it booked."""
        length, data = header(headers, "content-length"), first
        left = int(length) if length is not None and length.isdecimal() else None
        await self._out.start(exchange.status, self._credential.caller.shown_headers(headers))
        self.began = True
        while True:
            if left is not None:
                left -= len(data)
            if left == 0:
                break
            if data:
                self._watch(SLOW_CLIENT, K.CANCELLED)
                await self._out.write(data)
            self._watch(self._world.clocks.idle, K.STALLED)
            data = await exchange.read()
            if not data:
                break
        self._settle(failure)
        self._watch(SLOW_CLIENT, K.CANCELLED)
        await self._out.end(data)
        self.ended = True
        exchange.linger()

    def watch_upload(self, is_over: bool) -> None:
        """A piece of the body is waited for, or there is no more, and the answer is."""
        if is_over:
            self._watch(self._world.clocks.answer, K.SILENT)
        else:
            self._watch(self._world.clocks.idle, K.STALLED)

    def _watch(self, span: float, kind: FailureKind) -> None:
        at = self._world.ports.clock.now() + span
        if at < self._deadline:
            self._dog.watch(at, kind)
        else:
            self._dog.watch(self._deadline, K.DEADLINE)

    def _bite(self) -> Failure:
        clocks, kind = self._world.clocks, self._dog.kind
        spans = {K.SILENT: clocks.answer, K.STALLED: clocks.idle, K.CANCELLED: SLOW_CLIENT}
        return Failure(kind, BITES[kind].format(spans.get(kind, self._deadline - self._started)), self._status or None)

    # -- after -------------------------------------------------------------------------------------------------------

    def _settle(self, failure: Failure | None) -> None:
        """Write what it came to, and what it says of the credential. Once: later calls change nothing."""
        if self._settled:
            return
        self._settled, self.failure = True, failure
        ports = self._world.ports
        now, wall = ports.clock.now(), ports.clock.wall()
        self._judge(failure, now, wall)
        is_free = failure is not None and (not self.sent or failure.rule.charge is Charge.NO)
        source, amount = ("none", 0) if is_free else ("unpriced", None)
        latency, errand = now - self._started, self._errand
        ports.journal.settle(Settled(
            self._id, wall, "ok" if failure is None else failure.kind.value, self._status, latency, self._ttft,
            NO_USAGE, source, amount, self._provider_request,
        ))  # fmt: skip
        self._attempts = (Attempt(
            self._id, self._deployment, errand.provider, errand.request.model, self._wall, latency, self._ttft, failure,
            NO_USAGE, source, amount, self.sent,
        ),)  # fmt: skip

    def _judge(self, failure: Failure | None, now: float, wall: int) -> None:
        """Say what it means for the credential, and for that alone.

        A path that this credential may not see (403, and 401 just after it was good) is no reason to take it from everybody: any
        caller could bring that about. Whether it is dead, the next prompt tells.
        """
        credential, rng = self._credential, self._world.ports.rng
        if failure is None:
            credential.served(now, wall, self._is_probe)
            return
        if failure.kind is not K.CANCELLED:
            credential.last_failed = wall
        parking = self._world.parking
        if self._is_probe:
            credential.probed(PROBED.get(failure.kind, Verdict.IGNORED), now, wall, rng)
        elif failure.kind is K.CREDENTIAL and failure.status == 401 and now - credential.last_good_at >= parking.credential:
            credential.refused(f"401 {failure.code or ''}".rstrip(), now, wall, rng)
        if failure.kind is K.QUOTA:
            credential.emptied(now + parking.quota, f"{failure.kind.value} ({failure.code or failure.status})", wall)

    def story(self) -> Story:
        """Return the whole story, once it has ended."""
        latency, errand = self._world.ports.clock.now() - self._started, self._errand
        return Story(
            errand.request, ROUTE, self._attempts, self.failure, self._wall, latency, self._ttft, self.began,
            self._world.config,
        )  # fmt: skip


class _Paced:
    """A body that is still coming, under the clocks of its trip: each piece has to come, and to be taken, in its time."""

    def __init__(self, upload: Upload, trip: _Trip) -> None:
        self.length = upload.length
        self._upload = upload
        self._trip = trip

    async def read(self) -> bytes:
        """Return the next piece."""
        self._trip.watch_upload(is_over=False)
        data = await self._upload.read()
        if not data:
            self._trip.watch_upload(is_over=True)
        return data

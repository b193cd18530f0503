"""Listen, serve an ASGI application in the caller's loop, and leave in good order.

Never speaks HTTP (connection.py does) and knows nothing of what the application is. It sends no ASGI lifespan events: who calls
`serve` opens and closes the application's world around it.

    stop set --> answers say "connection: close" --> drain_delay --> listener closed, idle connections ended --> grace
             --> applications still running are cancelled --> last_words --> what is left is cut

A person who stops it by hand (SIGINT) waits for no load balancer: the drain delay ends as soon as nothing is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import FrameType

from .connection import Connection
from .hub import Hub
from .settings import ServeSettings
from .turn import AsgiApp

Ready = Callable[[str, int], None]

UNSENT = 131_072  # bytes of an answer that the kernel takes beyond what is on its way: else 4 MB for a client that does not read
SETTLING = 1.0  # seconds a cancelled application has to settle its money where there is no time left

log = logging.getLogger("stormkeel.serve")


class Stop(asyncio.Event):
    """Set to end a service.

    Attributes:
        is_by_hand: a person asked for it, and no load balancer needs the drain delay to notice.
    """

    is_by_hand = False


class ServeError(OSError):
    """Listening is not possible: the port is taken, the address is not ours, or the certificate cannot be used."""


async def serve(
    app: AsgiApp, settings: ServeSettings, *, ready: Ready, stop: asyncio.Event | None = None, tls: ssl.SSLContext | None = None
) -> None:
    """Serve until `stop` is set and everything has drained; cancelling means now.

    Args:
        app: called once a request, as a task of the running loop. `scope["extensions"]["stormkeel.gone"]` is a function that
            takes a callback and calls it, once, when the client goes before its response is complete: the cheap way to watch.
            `["stormkeel.turn"]` has `take_body` and `answer`: the cheap ways to read and to answer what is whole (`Turn`).
        settings: where and how.
        ready: called with the host and the true port once connections are accepted.
        stop: without it, only cancelling ends the service; a `Stop` may be by hand.
        tls: the settings' certificate, loaded already by whoever will renew it.

    Raises:
        ServeError: it cannot listen; the message names host:port or the certificate.
    """
    hub = Hub(app, settings)
    tls = tls or make_tls(settings)
    listener = _bind(settings)
    server = await hub.loop.create_server(
        lambda: Connection(hub),
        sock=listener,
        ssl=tls,
        backlog=settings.backlog,
        ssl_handshake_timeout=settings.header_deadline if tls else None,
        ssl_shutdown_timeout=settings.header_deadline if tls else None,
    )
    hub.sweep()
    try:
        ready(settings.host, listener.getsockname()[1])
        await (stop or asyncio.Event()).wait()
        await _leave(hub, isinstance(stop, Stop) and stop.is_by_hand)
        await _accept_no_more(hub.loop, listener)
        server.close()
        await _drain(hub)
    finally:
        server.close()
        hub.drain()
        if hub.cancel():
            await _within(SETTLING, hub.is_empty)
        hub.abort()
        hub.rest()
        await asyncio.sleep(0)  # let the connections hear of their end


async def _leave(hub: Hub, is_by_hand: bool) -> None:
    hub.is_draining = True
    if is_by_hand:
        await _idle_within(hub.settings.drain_delay, hub)
    else:
        await asyncio.sleep(hub.settings.drain_delay)


async def _accept_no_more(loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
    """Let connections that are being accepted begin: once its server is closed, asyncio's own loop forgets them, still open."""
    with contextlib.suppress(NotImplementedError):  # a loop that accepts otherwise
        loop.remove_reader(listener)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _drain(hub: Hub) -> None:
    hub.drain()
    if not await _within(hub.settings.grace, hub.is_empty):
        log.warning("%d requests outlived the grace of %g s and are cancelled", hub.cancel(), hub.settings.grace)
        await _within(hub.settings.last_words, hub.is_empty)


async def _idle_within(span: float, hub: Hub) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(span):
            while hub.is_busy:
                hub.a_turn_ended.clear()
                await hub.a_turn_ended.wait()


async def _within(span: float, event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(span):
            await event.wait()
    return event.is_set()


def make_tls(settings: ServeSettings) -> ssl.SSLContext | None:
    """Load the settings' certificate, None where they name none. Raises `ServeError` where it can't be used."""
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        used = f'cannot use TLS certificate "{settings.tls_cert}" with key "{settings.tls_key}": {_why_not(error)}'
        mend = "give PEM files: the chain, its own certificate first, and the key that belongs to it"
        raise ServeError(f"{used}; {mend}") from error
    return context


def _why_not(error: OSError) -> str:
    """Say in words why a certificate can't be used."""
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    is_other = error.reason == "KEY_VALUES_MISMATCH"
    return "the key belongs to another one" if is_other else "one of them is no PEM file of its kind"


def renew(tls: ssl.SSLContext, settings: ServeSettings) -> None:
    """Load the settings' certificate into a context in use, for connections to come. Raises `ServeError`, changing nothing."""
    make_tls(settings)  # a certificate and a key that do not fit would leave the context in between
    assert settings.tls_cert is not None
    tls.load_cert_chain(settings.tls_cert, settings.tls_key)


def _bind(settings: ServeSettings) -> socket.socket:
    place = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServeError(f"cannot listen on {place}: {error.strerror or error}") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere this option would let two processes share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # each connection has it from here
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        listener.bind(address)
        listener.listen(settings.backlog)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        mend = "choose another port, or 0 for any free one"
        raise ServeError(error.errno, f"cannot listen on {place}: {error.strerror}; {mend}") from error
    return listener


OpenApp = Callable[[asyncio.Event], AbstractAsyncContextManager[AsgiApp]]


def run(open_app: OpenApp, settings: ServeSettings, *, ready: Ready, tls: ssl.SSLContext | None = None) -> None:
    """Serve in a loop of its own (uvloop where there is one) until SIGTERM or SIGINT; a second signal means now.

    Args:
        open_app: called in the loop with the event that the first signal sets (readiness turns false with it); returns a context
            manager that yields the application, and closes its world after the last request.
        settings: where and how.
        ready, tls: as in `serve`.

    Raises:
        ServeError: it cannot listen.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        stop = Stop()
        with contextlib.suppress(_Hurried):
            runner.run(_run(lambda: _open_and_serve(open_app, settings, ready, stop, tls), stop))


class _Hurried(Exception):
    """A second signal came."""


async def _run(serving: Callable[[], Coroutine[None, None, None]], stop: Stop) -> None:
    work = asyncio.ensure_future(serving())
    signals: list[int] = []

    def heard(number: int) -> None:
        signals.append(number)
        if len(signals) == 1:
            log.info("signal %d: draining", number)
            stop.is_by_hand = number == signal.SIGINT
            stop.set()
        else:
            work.cancel()

    _listen_to_signals(heard)
    try:
        await work
    except asyncio.CancelledError:
        if len(signals) > 1:
            raise _Hurried from None
        raise


async def _open_and_serve(
    open_app: OpenApp, settings: ServeSettings, ready: Ready, stop: asyncio.Event, tls: ssl.SSLContext | None
) -> None:
    async with open_app(stop) as app:
        await serve(app, settings, ready=ready, stop=stop, tls=tls)


def _listen_to_signals(heard: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()

    def from_any_thread(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(heard, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, heard, number)
        except NotImplementedError:  # Windows
            signal.signal(number, from_any_thread)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

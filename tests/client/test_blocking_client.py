"""The blocking client: the same engine on a thread of its own, shared by many threads, ended in good order."""

from __future__ import annotations

import gc
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from client_stage import PATIENT, QUICK, TEXT, configured, provided, wish

from stormkeel import Client
from stormkeel.errors import RateLimitedError, StormkeelError, StreamBrokenError

LONG = QUICK.replace("0.4", "5")


def our_threads() -> list[str]:
    """The threads a client made."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("stormkeel", "asyncio"))]


def done_within(work: Future[None], seconds: float = 2.0) -> None:
    """Wait for something under a deadline."""
    work.result(seconds)


def test_a_completion_and_a_stream(tmp_path: Path) -> None:
    """Whole and streamed answers come to a blocking caller; `on_token` is called in the caller's own thread."""
    with provided() as provider, Client(configured(provider.url, tmp_path), data="memory") as client:
        said = wish(answer=TEXT)
        assert client.complete(said).text == TEXT
        seen: list[tuple[str, int]] = []
        stream = client.stream(said, on_token=lambda piece: seen.append((piece, threading.get_ident())))
        pieces = list(stream)
        assert "".join(pieces) == TEXT == stream.text == stream.completion.text
        assert seen == [(piece, threading.get_ident()) for piece in pieces]
        assert client.stream(said).until_done().text == TEXT


def test_many_threads_share_a_client(tmp_path: Path) -> None:
    """Thirty threads, whole and streamed, get each their own answer; the statistics are exact."""
    with provided() as provider, Client(configured(provider.url, tmp_path, LONG), data="memory") as client:

        def ask(number: int) -> str:
            said = wish(answer=f"This is answer {number}.")
            return client.complete(said).text if number % 2 else client.stream(said).until_done().text

        with ThreadPoolExecutor(30) as pool:
            assert list(pool.map(ask, range(150))) == [f"This is answer {number}." for number in range(150)]
        assert [client.stats().requests, client.stats().successes] == [150, 150]
        client.reset_stats()
        assert client.stats().requests == 0
        assert b"stormkeel_requests_total" in client.metrics()


def test_a_long_stream_read_late(tmp_path: Path) -> None:
    """A reader that comes late finds the provider held back, not its memory filled, and still gets everything."""
    with provided() as provider, Client(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
        tokens = 60_000
        pieces = iter(client.stream(wish(tokens=tokens), max_tokens=100_000))
        first = next(pieces)
        written = -1
        while written != (written := provider.sandbox.bill()[0].tokens.output) or written == 0:
            client.complete("hi")
        assert written < tokens
        assert first + "".join(pieces)
        provider.quiet()
        assert provider.sandbox.bill()[0].tokens.output == tokens


@pytest.mark.parametrize("tokens", [20, 5000], ids=["short", "long"])
def test_leaving_early_stops_the_provider_and_leaves_no_thread(tokens: int, tmp_path: Path) -> None:
    """A stream left after its first piece is stopped upstream; once the client is closed no thread of ours is left."""
    before = our_threads()
    with provided() as provider:
        with Client(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
            for way in ("with", "close", "dropped"):
                stream = client.stream(wish(tokens=tokens, pace_ms=1 if tokens < 100 else 0), max_tokens=90_000)
                assert next(iter(stream))
                if way == "with":
                    with stream:
                        pass
                elif way == "close":
                    stream.close()
                del stream
                provider.quiet()
            assert client.stats().requests == 3
        assert our_threads() == before


def test_reading_on_after_closing(tmp_path: Path) -> None:
    """A closed stream says so to whoever reads on."""
    with provided() as provider, Client(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
        stream = client.stream(wish(fault="stall:after=6"))
        pieces = iter(stream)
        assert next(pieces)
        stream.close()
        with pytest.raises(StormkeelError, match="closed"):
            for _piece in pieces:
                pass
        provider.quiet()


def test_errors_are_the_same_as_in_a_loop(tmp_path: Path) -> None:
    """Failures come as their classes; a broken stream has its partial."""
    with provided() as provider, Client(configured(provider.url, tmp_path), data="memory") as client:
        with pytest.raises(StreamBrokenError) as broken:
            client.stream(wish(answer=TEXT, fault="cut:at=0.6")).until_done()
        assert broken.value.partial
        assert TEXT.startswith(broken.value.partial)
        with pytest.raises(RateLimitedError) as limited:
            client.complete(wish(fault="rate_limit:retry_after=30"))
        assert limited.value.retry_after == pytest.approx(30, abs=1)


def test_a_fault_of_a_callback_reaches_its_caller(tmp_path: Path) -> None:
    """What `on_token` raises reaches the caller as it is, and the provider's stream is stopped."""

    def fails(_piece: str) -> None:
        raise KeyError("mine")

    with provided() as provider, Client(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
        with pytest.raises(KeyError, match="mine"):
            client.stream(wish(fault="stall:after=6"), on_token=fails).until_done()
        provider.quiet()


def test_closing_under_way_ends_calls_and_settles_them(tmp_path: Path) -> None:
    """Closing while others wait ends their calls with an error; nobody hangs, and what was begun is settled (INV-3, INV-5)."""
    with provided() as provider, ThreadPoolExecutor(3) as pool:
        client = Client(configured(provider.url, tmp_path, PATIENT), data=tmp_path / "data")
        calls = [pool.submit(client.complete, wish(fault="silence")) for _ in range(2)]
        calls.append(pool.submit(lambda: client.stream(wish(fault="stall:after=6")).until_done()))
        provider.arrived(3)
        closing = threading.Thread(target=client.close)
        closing.start()
        for call in calls:
            with pytest.raises(StormkeelError):
                call.result(2.0)
        closing.join(2.0)
        assert not closing.is_alive()
        provider.quiet()
        assert outcomes(tmp_path / "data") == ["cancelled"] * 3


def outcomes(data: Path) -> list[str]:
    """How the ledger says the attempts ended."""
    from stormkeel.runtime.ledger import read

    return sorted(booking.settled.outcome for booking in read(data, 0).bookings.values())


def test_closing_folds_the_ledger(tmp_path: Path) -> None:
    """After `close` the database holds everything and no journal is left to fold."""
    data = tmp_path / "data"
    with provided() as provider:
        with Client(configured(provider.url, tmp_path), data=data) as client:
            client.complete("hi")
            client.stream("hi").until_done()
        assert outcomes(data) == ["ok", "ok"]
        assert list((data / "journal").glob("*.journal")) == []


def test_a_closed_client_says_so(tmp_path: Path) -> None:
    """After `close` every call is refused, no thread comes back, and closing again is no mistake."""
    before = our_threads()
    with provided() as provider:
        client = Client(configured(provider.url, tmp_path), data="memory")
        client.complete("hi")
        unread = client.stream("hi")
        client.close()
        client.close()
        with pytest.raises(StormkeelError, match="closed"):
            client.complete("hi")
        with pytest.raises(StormkeelError, match="closed"):
            unread.until_done()
        unread.close()
        assert our_threads() == before
    never = Client(configured("http://127.0.0.1:9", tmp_path), data="memory")
    never.close()
    with pytest.raises(StormkeelError, match="closed"):
        never.complete("hi")
    assert our_threads() == before


def test_a_stream_outlived_by_its_generator(tmp_path: Path) -> None:
    """A half-read stream that is dropped after its client was closed does no harm, and starts nothing anew."""
    before = our_threads()
    with provided() as provider:
        client = Client(configured(provider.url, tmp_path, PATIENT), data="memory")
        pieces = iter(client.stream(wish(fault="stall:after=6")))
        assert next(pieces)
        client.close()
        provider.quiet()
        del pieces
        assert our_threads() == before


def test_a_client_collected_on_its_own_thread(tmp_path: Path) -> None:
    """A client in a circle may be dropped by a collection on its own loop's thread; it is closed all the same, and nothing hangs."""
    data = tmp_path / "data"
    with provided() as provider:
        client = Client(configured(provider.url, tmp_path), data=data)
        client.complete("hi")
        loop, ended = client._thread._loop, client._end
        assert loop is not None
        circle: list[object] = [client]
        circle.append(circle)
        collected = threading.Event()
        del client, circle
        loop.call_soon_threadsafe(lambda: (gc.collect(), collected.set()))
        assert collected.wait(3.0)
        assert not ended.alive
        for thread in threading.enumerate():
            if thread.name == "stormkeel-close":
                thread.join(3.0)
        assert outcomes(data) == ["ok"]
        assert list((data / "journal").glob("*.journal")) == []


def test_a_closed_client_lets_its_log_go(tmp_path: Path) -> None:
    """Clients that write a log file leave no descriptor behind them (INV-15)."""
    log = tmp_path / "log.jsonl"
    with provided() as provider:
        path = configured(provider.url, tmp_path, LONG + f'[telemetry]\nlog = "{log}"\n')
        for _ in range(3):
            with Client(path, data="memory") as client:
                client.complete(wish(answer=TEXT))
    assert len(log.read_text().splitlines()) == 3
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    assert str(log) not in held

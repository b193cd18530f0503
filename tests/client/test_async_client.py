"""The library in the caller's own loop, against a real provider that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from decimal import Decimal
from pathlib import Path

import pytest
from client_stage import PATIENT, QUICK, TEXT, configured, provided, run, wish

from stormkeel.client.face import AsyncClient
from stormkeel.config.settings import Settings
from stormkeel.errors import (
    CircuitOpenError,
    ContextTooLongError,
    CredentialError,
    DeadlineError,
    InvalidRequestError,
    ModelUnavailableError,
    OverloadedError,
    QuotaError,
    RateLimitedError,
    ReadTimeoutError,
    SettingsError,
    StormkeelError,
    StreamBrokenError,
    TransportError,
    UpstreamError,
)
from stormkeel.runtime.ledger import read
from stormkeel.types.response import Finish

MODELS = ("openai/gpt-5.4-mini", "anthropic/claude-sonnet-5")


@pytest.mark.parametrize("model", MODELS)
def test_a_completion_tells_everything(model: str, tmp_path: Path) -> None:
    """Text, model, provider, finish, usage, exact cost, times, attempts and id of a whole answer."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                said = wish(answer=TEXT, usage={"input": 100, "output": 20})
                got = await client.complete(said, model=model, max_tokens=50, system="Be brief.", task="t", tags=["a"])
                assert str(got) == got.text == TEXT
                assert f"{got.provider}/{got.model}" == model
                assert got.finish is Finish.STOP
                assert [got.usage.total_input, got.usage.total_output] == [100, 20]
                await asyncio.to_thread(provider.quiet)
                billed = provider.sandbox.bill()[0].cost
                assert got.cost == Decimal(billed.numerator) / billed.denominator
                assert 0 < (got.ttft or 0) <= got.latency < 5
                assert [attempt.failure for attempt in got.attempts] == [None]
                assert got.request_id.startswith("req_")
                assert got.created_at.tzinfo is not None

        run(story)


def test_a_session_keeps_a_conversation_together(tmp_path: Path) -> None:
    """`session` reaches a sticky route: eight prompts of one meet one model, eight sessions with one prompt more."""
    groups = '[["openai/gpt-5.4-mini", "openai/gpt-5.4", "openai/gpt-5.4-nano"]]'
    sticky = f'[routes.kept]\ngroups = {groups}\nsticky = "conversation"\n'
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, sticky), data="memory") as client:
                one = [await client.complete(f"question {number}", model="kept", session="mine") for number in range(8)]
                more = [await client.complete("the same", model="kept", session=f"s{number}") for number in range(8)]
                stream = client.stream("another", model="kept", session="mine")
                _ = [piece async for piece in stream]
                assert len({got.model for got in (*one, stream.completion)}) == 1
                assert len({got.model for got in more}) > 1

        run(story)


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_and_its_tokens(model: str, tmp_path: Path) -> None:
    """A stream's pieces add up to the text, `on_token` sees each once, and the completion equals the whole answer."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                seen: list[str] = []
                said = wish(answer=TEXT, usage={"input": 100, "output": 20})
                stream = client.stream(said, model=model, max_tokens=50, on_token=seen.append)
                with pytest.raises(StormkeelError, match="iterate"):
                    _ = stream.completion
                pieces = [piece async for piece in stream]
                assert "".join(pieces) == TEXT == stream.text
                assert seen == pieces
                assert len(pieces) > 5
                whole = await client.complete(said, model=model, max_tokens=50)
                got = stream.completion
                assert [got.text, got.model, got.finish, got.usage, got.cost] == [
                    whole.text, whole.model, whole.finish, whole.usage, whole.cost
                ]  # fmt: skip
                assert (await client.stream(said, model=model, max_tokens=50).until_done()).text == TEXT

        run(story)


def test_a_reader_slower_than_the_provider(tmp_path: Path) -> None:
    """However slowly a stream is read, its end arrives: the last pieces may wait in a full queue when the provider is done."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                for tokens in (12, 13, 14, 15, 16, 17, 40):
                    stream = client.stream(wish(tokens=tokens))
                    pieces = aiter(stream)
                    text = await anext(pieces)
                    await asyncio.to_thread(provider.quiet)
                    async with asyncio.timeout(1.0):
                        async for piece in pieces:
                            text += piece
                            for _ in range(20):
                                await asyncio.sleep(0)  # the request gets as far as it can without its reader
                    assert stream.completion.usage.output == tokens

        run(story)


ERRORS: dict[str, type[StormkeelError]] = {
    "rate_limit:retry_after=30": RateLimitedError,
    "insufficient_quota": QuotaError,
    "server_error": UpstreamError,
    "overloaded": OverloadedError,
    "bad_credential": CredentialError,
    "model_not_found": ModelUnavailableError,
    "context_length": ContextTooLongError,
    "reset": TransportError,
    "silence": ReadTimeoutError,
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", ERRORS)
def test_errors_say_who_said_no(fault: str, stream: bool, tmp_path: Path) -> None:
    """Each failure is raised as its class, with the attempts and the request's id, whole and streamed."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                with pytest.raises(StormkeelError) as raised:
                    await (client.stream(wish(fault=fault)).until_done() if stream else client.complete(wish(fault=fault)))
                error = raised.value
                assert type(error) is ERRORS[fault]
                assert len(error.attempts) == 1
                assert error.request_id.startswith("req_")
                if fault.startswith("rate_limit"):
                    assert 29 < (error.retry_after or 0) <= 31

        run(story)


BROKEN = ("cut:at=0.6", "cut_clean:at=0.6", "stall:after=6", "malformed:after=6", "stream_error:after=6")


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("model", MODELS)
def test_a_broken_stream_gives_its_partial(model: str, fault: str, tmp_path: Path) -> None:
    """A stream that breaks after content raises StreamBrokenError with what had come; it has no completion."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                stream = client.stream(wish(answer=TEXT, fault=fault), model=model, max_tokens=90)
                pieces: list[str] = []
                with pytest.raises(StreamBrokenError) as raised:
                    await gather(stream, pieces)
                assert raised.value.partial == "".join(pieces)
                assert raised.value.partial
                assert TEXT.startswith(raised.value.partial)
                with pytest.raises(StormkeelError):
                    _ = stream.completion

        run(story)


async def gather(pieces: AsyncIterable[str], into: list[str]) -> None:
    """Keep every piece, also where the end is an error."""
    async for piece in pieces:
        into.append(piece)


def test_leaving_a_stream_early_stops_the_provider(tmp_path: Path) -> None:
    """A stream left by `async with`, by `aclose`, or by a cancelled task is stopped upstream and settled once."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
                said = wish(fault="stall:after=6")
                async with client.stream(said) as stream:
                    async for _piece in stream:
                        break
                await asyncio.to_thread(provider.quiet)
                other = client.stream(said)
                assert await anext(aiter(other))
                await other.aclose()
                await asyncio.to_thread(provider.quiet)
                task = asyncio.ensure_future(client.stream(said).until_done())
                await asyncio.to_thread(provider.arrived, 3)
                task.cancel()
                await asyncio.wait((task,))
                assert task.cancelled()
                await asyncio.to_thread(provider.quiet)
                assert client._house is not None and client._house.world.active == 0
                assert client.stats().requests == 3

        run(story)


def test_closing_books_a_stream_left_half_read(tmp_path: Path) -> None:
    """A stream nobody reads on is ended by its client's closing, and booked as what it was while the ledger still takes it."""
    data = tmp_path / "data"
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data=data) as client:
                stream = client.stream(wish(fault="stall:after=6"), max_tokens=1000)
                async for _piece in stream:
                    break
            await asyncio.to_thread(provider.quiet)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run(story)
    (booking,) = read(data, 0).bookings.values()
    assert booking.reserved is not None and booking.settled is not None
    assert (booking.settled.outcome, booking.settled.usage_source) == ("cancelled", "estimated")
    assert booking.settled.amount is not None and booking.reserved.amount is not None
    assert booking.settled.amount < booking.reserved.amount


def test_reading_on_after_leaving(tmp_path: Path) -> None:
    """A stream that was closed says so to whoever reads on; it never cancels its reader."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
                stream = client.stream(wish(fault="stall:after=6"))
                pieces = aiter(stream)
                assert await anext(pieces)
                reading = asyncio.ensure_future(stream.until_done())
                await asyncio.to_thread(provider.arrived)
                for _ in range(50):
                    await asyncio.sleep(0)
                await stream.aclose()
                with pytest.raises(StormkeelError, match="closed"):
                    await reading

        run(story)


def test_a_timeout_covers_everything(tmp_path: Path) -> None:
    """`timeout` bounds the whole call, whole and streamed, waits included (INV-10)."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
                loop = asyncio.get_running_loop()
                for fault in ("silence", "stall:after=0", "slow_first_token"):
                    for ask in (client.complete, lambda *said, **more: client.stream(*said, **more).until_done()):
                        start = loop.time()
                        with pytest.raises(DeadlineError):
                            await ask(wish(fault=fault), timeout=0.1)
                        assert 0.09 <= loop.time() - start < 0.3
                start = loop.time()
                with pytest.raises(RateLimitedError):
                    await client.complete(wish(fault="rate_limit:retry_after=20"), timeout=0.5)
                assert loop.time() - start < 0.3

        run(story)


def test_where_a_model_comes_from(tmp_path: Path) -> None:
    """`default_model`, `provider` and the settings' own default name the model; with none of them the mend is told."""
    with provided() as provider:

        async def story() -> None:
            settings = configured(provider.url, tmp_path)
            async with AsyncClient(settings, data="memory") as client:
                assert (await client.complete("hi")).model == "gpt-5.4-mini"
            async with AsyncClient(settings, data="memory", default_model="anthropic/claude-sonnet-5") as client:
                assert (await client.complete("hi", max_tokens=9)).provider == "anthropic"
                assert (await client.complete("hi")).provider == "anthropic"
            async with AsyncClient(settings, data="memory", provider="anthropic") as client:
                assert (await client.complete("hi", model="claude-haiku-4-5")).provider == "anthropic"
            bare = configured(provider.url, tmp_path).__class__(providers=settings.providers)
            async with AsyncClient(bare, data="memory") as client:
                with pytest.raises(InvalidRequestError, match="default_model"):
                    await client.complete("hi")

        run(story)


NONSENSE: tuple[dict[str, object], ...] = (
    {},
    {"prompt": "a", "messages": [{"role": "user", "content": "b"}]},
    {"messages": []},
    {"messages": [{"role": "x"}]},
    {"messages": 5},
    {"prompt": 5},
    {"prompt": b"bytes"},
    {"prompt": "a", "system": 5},
    {"prompt": "a", "stop": 5},
)


@pytest.mark.parametrize("wrong", NONSENSE)
def test_a_wish_that_makes_no_sense_is_refused_before_anything(wrong: dict[str, object], tmp_path: Path) -> None:
    """Neither prompt nor messages, both, none, or a malformed turn: InvalidRequestError, nothing sent."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                with pytest.raises(InvalidRequestError):
                    await client.complete(**wrong)  # type: ignore[arg-type]
                with pytest.raises(InvalidRequestError):
                    await client.stream(**wrong).until_done()  # type: ignore[arg-type]
                with pytest.raises(ModelUnavailableError):
                    await client.complete("hi", model="gtp-9")
                assert provider.sandbox.requests == []

        run(story)


def test_many_tasks_and_their_stats(tmp_path: Path) -> None:
    """Two hundred tasks share a client; the statistics are exact, and begin anew when asked."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, QUICK.replace("0.4", "5")), data="memory") as client:
                said = wish(answer=TEXT, usage={"input": 10, "output": 5})
                asks = [client.complete(said) if n % 2 else client.stream(said).until_done() for n in range(200)]
                assert {got.text for got in await asyncio.gather(*asks)} == {TEXT}
                with pytest.raises(RateLimitedError):
                    await client.complete(wish(fault="rate_limit_no_hint"))
                stats = client.stats()
                assert [stats.requests, stats.successes, stats.attempts, stats.rate_limit_errors] == [201, 200, 201, 1]
                assert [stats.input_tokens, stats.output_tokens] == [2000, 1000]
                assert stats.cost == sum(row.cost for row in provider.sandbox.bill()) * 10**9
                assert b"stormkeel_requests_total" in client.metrics()
                client.reset_stats()
                assert client.stats().requests == 0

        run(story)


def test_another_loop_is_refused(tmp_path: Path) -> None:
    """A client belongs to the loop of its first call: another one is told so, and what to do."""
    with provided() as provider:
        client = AsyncClient(configured(provider.url, tmp_path), data="memory")

        async def use() -> None:
            await client.complete("hi")

        async def refused() -> None:
            with pytest.raises(SettingsError, match="loop"):
                await client.complete("hi")
            with pytest.raises(SettingsError, match="loop"):
                await client.stream("hi").until_done()

        run(use)
        run(refused)


def test_a_closed_client_says_so(tmp_path: Path) -> None:
    """After `aclose` every call is refused with a clear error, nothing is sent, and closing again is no mistake."""
    with provided() as provider:

        async def story() -> None:
            for data in ("memory", str(tmp_path / "data")):
                client = AsyncClient(configured(provider.url, tmp_path), data=data)
                await client.complete("hi")
                await client.aclose()
                await client.aclose()
                with pytest.raises(StormkeelError, match="closed"):
                    await client.complete("hi")
                with pytest.raises(StormkeelError, match="closed"):
                    await client.stream("hi").until_done()
            assert len(provider.sandbox.requests) == 2

        run(story)


def test_a_fault_of_a_callback_reaches_its_owner(tmp_path: Path) -> None:
    """What `on_token` raises reaches the reader as it is, and the provider's stream is stopped."""
    with provided() as provider:

        def fails(_piece: str) -> None:
            raise KeyError("mine")

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, PATIENT), data="memory") as client:
                with pytest.raises(KeyError, match="mine"):
                    await client.stream(wish(fault="stall:after=6"), on_token=fails).until_done()
                await asyncio.to_thread(provider.quiet)

        run(story)


def test_nothing_is_configured() -> None:
    """Without any provider the first call says which variables to set."""

    async def story() -> None:
        with pytest.raises(StormkeelError):
            await AsyncClient(Settings(), data="memory").complete("hi", model="openai/gpt-5.4-mini")

    run(story)


def test_an_open_breaker_is_told(tmp_path: Path) -> None:
    """A deployment set aside is refused by us, with the moment to come back."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path), data="memory") as client:
                with pytest.raises(QuotaError):
                    await client.complete(wish(fault="insufficient_quota"))
                with pytest.raises(CircuitOpenError) as raised:
                    await client.complete("hi")
                assert 290 < (raised.value.retry_after or 0) <= 300
                assert len(provider.sandbox.requests) == 1
                with pytest.raises(CredentialError, match="invalid x-api-key"):
                    await client.complete(wish(fault="bad_credential"), model="anthropic/claude-sonnet-5", max_tokens=9)
                with pytest.raises(CredentialError, match="set aside since") as refused:
                    await client.complete("hi", model="anthropic/claude-sonnet-5", max_tokens=9)
                assert 50 < (refused.value.retry_after or 0) <= 75
                assert len(provider.sandbox.requests) == 2

        run(story)

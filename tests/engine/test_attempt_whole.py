"""What is written of an attempt, field by field: its reservation, its settlement, its place in the story; whole and streamed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace
from story_stage import (
    ALONE,
    DONE,
    END,
    FALL,
    HEAD,
    TWO,
    USAGE,
    Bench,
    FullDisk,
    Reply,
    Taken,
    play,
    refused,
    streamed,
    text,
    whole,
)

from stormkeel.engine.line import Answer
from stormkeel.engine.mishaps import ERROR_BODY, read_all
from stormkeel.engine.ports import WireFault
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.types.attempt import Attempt, Story
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options
from stormkeel.types.usage import NO_USAGE, Usage

K = FailureKind
START = 1000.0
LABELS = Options(task="t", user="u", tags=("a", "b"), key="k")
NAME = "openai/gpt-5.4-mini#main"
BODY = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}).encode()
STREAMED = BODY[:-1] + b', "stream": true}'
BOUND = len(BODY) * 750 + 100 * 4500
"""Nano-dollars held for BODY: its bytes at $0.75 and 100 tokens at $4.50 a million."""


async def asked(bench: Bench, options: Options = LABELS, out: Taken | None = None) -> Answer:
    """Ask for BODY, streamed where somebody takes it."""
    body = {"max_tokens": 100} if out is None else {"max_tokens": 100, "stream": True}
    return await bench.house.answer(replace(bench.request("fast", **body), options=options), out)


def told(reply: Any, settings: bytes = ALONE, options: Options = LABELS, out: Taken | None = None, **bench: Any) -> tuple[Bench, Answer]:
    """What becomes of one request that begins at START."""
    kept: list[Any] = []

    async def story() -> None:
        await asyncio.sleep(START)
        made = Bench(reply if isinstance(reply, list) else [reply], settings, **bench)
        kept.extend((made, await asked(made, options, out)))

    play(story)
    return kept[0], kept[1]


def at(bench: Bench, seconds: float) -> int:
    """So many seconds after the first reservation, nanoseconds since the epoch."""
    return bench.reserved[0].at + round(seconds * 1e9)


def test_a_whole_answer() -> None:
    """Who asked for what, how much was held, what it came to, and how long it took."""
    bench, answer = told(Reply(200, (*whole().body, 0.5), whole().headers, delay=2.0))
    (reserved,), (settled,), (story,) = bench.reserved, bench.settled, bench.told
    world = bench.house.world
    id = reserved.request
    assert len(BODY) == reserved.input_bound
    assert reserved == Reserved(
        f"{id}.1", id, reserved.at, "fast", NAME, "openai", "gpt-5.4-mini", "openai_chat", "k", "t", "u", ("a", "b"), len(BODY), 100,
        BOUND, world.prices, world.config,
    )  # fmt: skip
    cost = 10 * 750 + 5 * 4500
    used = Usage(input=10, output=5)
    assert settled == Settled(f"{id}.1", at(bench, 2.5), "ok", 200, 2.5, 2.5, used, "provider", cost, "up-1")
    attempt = Attempt(f"{id}.1", NAME, "openai", "gpt-5.4-mini", reserved.at, 2.5, 2.5, None, used, "provider", cost)
    assert story == Story(story.request, "fast", (attempt,), None, reserved.at, 2.5, 2.5, False, world.config)
    assert (story.request.id, answer.story, answer.failure, answer.began, answer.read) == (id, story, None, False, None)
    assert answer.member is world.fleet.members[0]
    assert answer.response is not None
    assert answer.response.body == whole().body[0]


def test_a_streamed_answer() -> None:
    """The first content's moment apart from the end's; committed once it has gone out."""
    taken = Taken()
    steps = [1.0, HEAD, 0.5, *text("one "), 2.0, *text("two"), END, USAGE, DONE]
    bench, answer = told(streamed(*steps, delay=0.25), out=taken)
    (settled,), (story,) = bench.settled, bench.told
    used = Usage(input=10, output=5)
    assert settled == Settled(f"{story.request.id}.1", at(bench, 3.75), "ok", 200, 3.75, 1.75, used, "provider", 30_000)
    (attempt,) = story.attempts
    assert (attempt.latency, attempt.ttft, attempt.failure, attempt.usage, attempt.cost) == (3.75, 1.75, None, used, 30_000)
    assert (story.latency, story.ttft, story.committed, story.failure) == (3.75, 1.75, True, None)
    assert (answer.response, answer.began, taken.text) == (None, True, "one two")


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "kind", "status", "source", "amount"),
    [
        (refused(400, "invalid_value"), K.CALLER, 400, "none", 0),
        (refused(401, "invalid_api_key"), K.CREDENTIAL, 401, "none", 0),
        (Reply(fault=WireFault("connect", "no route")), K.CONNECT, 0, "none", 0),
        (Reply(fault=WireFault("head", "it broke")), K.RESET, 0, "estimated", BOUND - 36 * 4500),
        (Reply(delay=500.0), K.SILENT, 0, "reserved", BOUND),
    ],
    ids=["caller", "credential", "connect", "reset", "silent"],
)
def test_a_failed_attempt(reply: Reply, kind: K, status: int, source: str, amount: int, *, is_stream: bool) -> None:
    """Its kind and status, and what is booked: nothing where nothing was sent or it is never billed, else what was held, or what can have been
    written by then. The head of a stream has gone out after ten seconds.
    """
    bench, answer = told(reply, ALONE + b"[policies.retry]\nattempts = 1", out=Taken() if is_stream else None)
    (settled,) = bench.settled
    (attempt,) = answer.story.attempts
    more = (len(STREAMED) - len(BODY)) * 750 if is_stream and source != "none" else 0
    lasts = 0.0 if kind is not K.SILENT else 30.0 if is_stream else 120.0
    bounds = bench.reserved[0].input_bound, bench.reserved[0].output_bound
    usage = NO_USAGE if source == "none" else Usage(input=bounds[0], output=64 if source == "estimated" else bounds[1])
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.status or 0, answer.response) == (kind, status, None)
    assert answer.began is (is_stream and lasts > 10.0)
    assert settled == Settled(
        attempt.id, at(bench, lasts), kind.value, status, lasts, None, usage, source, amount + more, settled.provider_request
    )
    assert (attempt.failure, attempt.usage, attempt.usage_source, attempt.cost) == (answer.failure, usage, source, amount + more)
    assert (attempt.sent, attempt.made, attempt.latency, attempt.ttft) == (kind is not K.CONNECT, True, lasts, None)
    assert (answer.story.ttft, answer.story.committed, answer.story.latency) == (None, False, lasts)
    if kind is K.SILENT:
        assert answer.failure.message.endswith(f"no content came within {lasts:g} s")


@pytest.mark.parametrize(
    ("reply", "words"),
    [(Reply(200, (b"nonsense",)), "answered 200 with something that is no answer"), (Reply(200, (b"{}",)), "that is no answer")],
)
def test_a_200_that_is_none(reply: Reply, words: str) -> None:
    """It is told with its status, and charged: something may have been made of it."""
    bench, answer = told(reply, ALONE + b"[policies.retry]\nattempts = 1")
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.status, answer.response) == (K.BAD_RESPONSE, 200, None)
    assert answer.failure.message == f"{NAME} answered 200 with something that is no answer"
    assert words in answer.failure.message
    assert (bench.settled[0].outcome, bench.settled[0].status) == ("bad_response", 200)


def test_an_answer_that_is_packed_unasked() -> None:
    """It says how."""
    _, answer = told(Reply(200, (b"\x1f\x8b",), (("content-encoding", "gzip"),)), ALONE + b"[policies.retry]\nattempts = 1")
    assert answer.failure == Failure(
        K.BAD_RESPONSE, f'{NAME} answered with a body packed as "gzip", asked for it plain', 200
    )
    packed = Reply(200, (b"\x1f\x8b",), (("content-type", "text/event-stream"), ("content-encoding", "br")))
    _, answer = told(packed, ALONE + b"[policies.retry]\nattempts = 1", out=Taken())
    assert answer.failure == Failure(K.BAD_RESPONSE, f'{NAME} answered with a body packed as "br", asked for it plain', 200)


def test_numbers_go_on_over_all_that_is_tried() -> None:
    """One id a try, refused ones among them; each with its own moment and price; the retries' waits in the story's time."""
    bench, answer = told([refused(500), refused(500), refused(500), whole()], FALL)
    ids = [attempt.id.rpartition(".")[2] for attempt in answer.story.attempts]
    assert ids == [str(number) for number in range(1, len(ids) + 1)]
    assert [entry.attempt for entry in bench.reserved] == [attempt.id for attempt in answer.story.attempts]
    assert [attempt.started for attempt in answer.story.attempts] == [entry.at for entry in bench.reserved]
    assert sorted(entry.at for entry in bench.reserved) == [entry.at for entry in bench.reserved]
    assert answer.failure is None
    assert answer.story.latency == pytest.approx((bench.settled[-1].at - bench.reserved[0].at) / 1e9, abs=1e-6)


def test_an_unknown_price() -> None:
    """Held and booked as unknown, never as nothing."""
    bench, answer = told([refused(400, "x", "invalid_request_error"), whole()], TWO.replace(b'[["openai/gpt-5.4-mini"], ', b"["))
    assert (bench.reserved[0].amount, bench.reserved[0].deployment, answer.story.attempts[0].provider) == (
        None, "backup/gpt-5.4-mini", "backup",
    )  # fmt: skip
    bench, answer = told([whole()], TWO.replace(b'[["openai/gpt-5.4-mini"], ', b"["))
    assert (bench.settled[0].usage, bench.settled[0].usage_source, bench.settled[0].amount) == (Usage(input=10, output=5), "provider", None)
    assert answer.story.cost is None


def test_a_ledger_that_cannot_be_written_sends_nothing() -> None:
    """With the reason; and nothing is left taken."""
    disk = FullDisk(keep=10)
    bench, answer = told([whole()], journal=disk)
    assert answer.failure == Failure(K.INTERNAL, "nothing was sent, because the ledger can't be written: no space left on device")
    (attempt,) = answer.story.attempts
    assert (attempt.sent, attempt.made, attempt.usage, attempt.cost, attempt.latency) == (False, False, None, 0, 0.0)
    assert bench.transport.sent == []


@pytest.mark.parametrize(("timeout", "is_stream"), [(30.0, True), (120.0, False)])
def test_where_both_clocks_end_at_once_it_is_the_deadline(timeout: float, *, is_stream: bool) -> None:
    """The request's own time is what is told then."""
    _, answer = told(Reply(delay=500.0), options=Options(timeout=timeout), out=Taken() if is_stream else None)
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.message.endswith(f"the request's time of {timeout:g} s was over")) == (K.DEADLINE, True)
    assert answer.story.latency == timeout


@pytest.mark.parametrize(
    ("options", "is_stream", "lasts"),
    [
        (Options(), False, 7.0), (Options(timeout=9.0), False, 7.0), (Options(timeout=5.0), False, 5.0), (Options(patience=4.0), False, 4.0),
        (Options(patience=4.0, timeout=3.0), False, 3.0), (Options(patience=4.0), True, 7.0), (Options(patience=4.0, timeout=6.0), True, 6.0),
    ],
)  # fmt: skip
def test_a_request_takes_no_longer_than_its_caller_and_the_configuration_allow(
    options: Options, lasts: float, *, is_stream: bool
) -> None:
    """The least of its own time, of the configuration's, and of its caller's patience, which a stream's keep-alives extend."""
    settings = ALONE + b"[policies.clocks]\ntotal = 7.0\n"
    _, answer = told(Reply(delay=500.0), settings, options=options, out=Taken() if is_stream else None)
    assert answer.failure is not None
    assert (answer.failure.kind, answer.story.latency) == (K.DEADLINE, lasts)


def test_a_caller_that_leaves() -> None:
    """The attempt is booked as cancelled, and the story says why."""

    async def story() -> None:
        bench = Bench([Reply(200, whole().body, delay=9.0)], ALONE)
        task = asyncio.ensure_future(asked(bench))
        await asyncio.sleep(3.0)
        assert bench.house.world.active == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (told_of,) = bench.told
        assert told_of.failure == Failure(K.CANCELLED, "the caller went away")
        assert [(one.failure, one.latency) for one in told_of.attempts] == [(Failure(K.CANCELLED, "the caller went away"), 3.0)]
        assert [(entry.outcome, entry.usage_source) for entry in bench.settled] == [("cancelled", "reserved")]

    play(story)


def test_a_fault_of_ours_is_told_and_settled() -> None:
    """The sinks hear of it, and the request's id is in the words."""

    class Broken(Taken):
        async def write(self, data: bytes) -> None:
            raise ZeroDivisionError("ours")

    async def story() -> None:
        bench = Bench([streamed(HEAD, *text("one"), END, DONE)], ALONE)
        answer = await asked(bench, out=Broken())
        id = answer.story.request.id
        assert answer.failure == Failure(K.INTERNAL, f"a fault inside Stormkeel (ZeroDivisionError); request id {id}")
        assert answer.story.attempts[0].failure == Failure(K.INTERNAL, "a fault of ours: ZeroDivisionError")
        assert [str(fault) for fault in bench.broken] == ["ours"]
        assert bench.house.world.active == 0
        bench.broken.clear()

    play(story)


@pytest.mark.parametrize(("piece", "read"), [(ERROR_BODY // 2, 2), (ERROR_BODY - 1, 2), (ERROR_BODY, 1), (ERROR_BODY // 4, 4)])
def test_no_more_of_an_errors_body_is_read_than_anybody_needs(piece: int, read: int) -> None:
    """Up to the piece in which a mebibyte is full; what comes behind it stays where it is."""

    class Endless:
        def __init__(self) -> None:
            self.pieces = 0

        async def read(self) -> bytes:
            self.pieces += 1
            return b"x" * piece if self.pieces < 20 else b""

    async def story() -> None:
        exchange: Any = Endless()
        assert (len(await read_all(exchange)), exchange.pieces) == (piece * read, read)

    play(story)

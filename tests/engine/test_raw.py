"""One of a provider's other paths in virtual time: what is sent, what comes back, what is booked, and what it says of the credential."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from story_stage import ALONE, KEYS, Bench, FullDisk, Reply, by, now, play, refused, whole

from stormkeel.engine.ports import ClientGone, UploadFault, WireFault
from stormkeel.engine.raw import Errand, Passed, pass_through
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.providers.passage import Passage
from stormkeel.types.alert import AlertKind
from stormkeel.types.attempt import Attempt
from stormkeel.types.border import Border
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request
from stormkeel.types.usage import NO_USAGE
from stormkeel.types.wire import Headers

K = FailureKind
START = 1000.0
"""Seconds after the story's beginning: no moment is a span."""
JSON = ("content-type", "application/json")
DEAD = refused(401, "invalid_api_key")
SECRET = b"sk-openai-main-0123456789abcdef"


class Client:
    """A client of another path that keeps what it is sent.

    Args:
        gone_at: it is gone from this write on.
        takes: seconds each write takes it.
        fault: what a write raises, a fault of ours.
    """

    def __init__(self, bench: Bench, gone_at: int = 99, takes: float = 0.0, fault: Exception | None = None) -> None:
        self.bench, self.gone_at, self.takes, self.fault = bench, gone_at, takes, fault
        self.status, self.headers = 0, dict[str, str]()
        self.pieces: list[bytes] = []
        self.settled_at_end: int | None = None

    async def start(self, status: int, headers: Headers) -> None:
        """Take the head."""
        self.status, self.headers = status, dict(headers)

    async def write(self, data: bytes) -> None:
        """Take a piece."""
        if self.fault is not None:
            raise self.fault
        if len(self.pieces) >= self.gone_at:
            raise ClientGone
        await asyncio.sleep(self.takes)
        self.pieces.append(data)

    async def end(self, data: bytes = b"") -> None:
        """Take the last piece."""
        self.settled_at_end = len(self.bench.settled)
        await asyncio.sleep(self.takes)
        self.pieces.append(data)


class Coming:
    """A body that comes in these steps: bytes, seconds of silence, or a fault."""

    def __init__(self, *steps: Any, length: int | None = None) -> None:
        self.length = length
        self._steps = iter(steps)

    async def read(self) -> bytes:
        """Return the next piece."""
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                return step
            await asyncio.sleep(step)
        return b""


OPTIONS = Options(task="t", user="u", tags=("a",), key="k")


def errand(
    provider: str = "openai",
    credential: str | None = None,
    upload: Coming | None = None,
    options: Options = OPTIONS,
    number: int = 1,
) -> Errand:
    """A request for files."""
    passage = Passage("POST", "files", "limit=3", (("content-type", "text/plain"), ("cookie", "no")))
    body = b"" if upload else b"hello"
    return Errand(Request(f"req_{number}", "(raw)", "/files", body, options=options), passage, provider, credential, upload)


def answered(*pieces: Any, status: int = 200, headers: Headers = (), delay: float = 0.0) -> Reply:
    """An answer of these steps."""
    return Reply(status, pieces, (JSON, ("x-request-id", "up-9"), *headers), delay)


def told(script: Any, *, settings: bytes = ALONE, client: Any = None, **asked: Any) -> tuple[Bench, Client, Passed]:
    """What becomes of one errand that begins at START."""
    kept: list[Any] = []

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench(script, settings)
        out = Client(bench, **(client or {}))
        kept.extend((bench, out, await pass_through(errand(**asked), bench.house.world, out)))

    play(story)
    return kept[0], kept[1], kept[2]


def credential_of(bench: Bench) -> Any:
    """The live state of the credential "main"."""
    return bench.house.world.fleet.credentials["openai", "main"]


def test_an_answer_is_passed_on_as_it_comes_and_booked_as_unpriced() -> None:
    """Method, address, body and pieces are untouched; reservation, settlement and story say who asked what, when, for how long."""
    bench, out, passed = told([answered(b"one", 2.0, b"two", delay=1.5, headers=(("server", "x"),))])
    assert passed == Passed(None, began=True, ended=True, is_ours=False)
    assert (out.status, out.headers["content-type"], "server" in out.headers) == (200, "application/json", False)
    assert b"".join(out.pieces) == b"onetwo"
    (sent,) = bench.transport.sent
    assert (sent.request.method, sent.request.url) == ("POST", "https://api.openai.com/v1/files?limit=3")
    assert (sent.request.body, sent.at, sent.ended) == (b"hello", START, "read")
    headers = dict(sent.request.headers)
    assert (headers["x-client-request-id"], headers["content-type"], "cookie" in headers) == ("req_1.1", "text/plain", False)
    (reserved,), (settled,), (story,) = bench.reserved, bench.settled, bench.told
    world = bench.house.world
    assert reserved == Reserved(
        "req_1.1", "req_1", reserved.at, "(raw)", "openai/(raw)#main", "openai", "/files", "(raw)", "k", "t", "u", ("a",), 0, 0,
        None, world.prices, world.config,
    )  # fmt: skip
    assert settled == Settled("req_1.1", reserved.at + 3_500_000_000, "ok", 200, 3.5, 1.5, NO_USAGE, "unpriced", None, "up-9")
    assert story.attempts == (
        Attempt(
            "req_1.1", "openai/(raw)#main", "openai", "/files", reserved.at, 3.5, 1.5, None, NO_USAGE, "unpriced", None, sent=True
        ),
    )
    assert (story.request.id, story.route, story.failure, story.started) == ("req_1", "(raw)", None, reserved.at)
    assert (story.latency, story.ttft, story.committed, story.config) == (3.5, 1.5, True, world.config)
    assert world.config


def test_errands_under_way_are_counted() -> None:
    """Each counts as a request under way until it has ended, so that nobody stops the house under it."""

    async def story() -> None:
        bench = Bench(
            by({"openai#main": [answered(b"x", delay=1.0), answered(b"x", delay=3.0), answered(b"x", delay=3.0)]}), ALONE
        )
        world, seen = bench.house.world, []
        tasks = [asyncio.ensure_future(pass_through(errand(number=number), world, Client(bench))) for number in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append(world.active)
            await asyncio.sleep(2.0)
        await asyncio.gather(*tasks)
        assert [*seen, world.active] == [3, 2, 0, 0]

    play(story)


@pytest.mark.parametrize(
    ("reply", "options", "client", "kind", "words", "status", "lasts"),
    [
        (answered(delay=500.0), {}, {}, K.SILENT, "no content came within 120 s", None, 120.0),
        (answered(b"x", 40.0, b"y"), {}, {}, K.STALLED, "nothing came for 30 s", 200, 30.0),
        (answered(b"x", b"y"), {}, {"takes": 70.0}, K.CANCELLED, "the client took too little for 60 s", 200, 60.0),
        (answered(b"x", *[29.0, b"y"] * 40), {}, {}, K.DEADLINE, "the request's time of 600 s was over", 200, 600.0),
        (answered(delay=500.0), {"timeout": 5.0}, {}, K.DEADLINE, "the request's time of 5 s was over", None, 5.0),
        (answered(delay=500.0), {"patience": 8.0}, {}, K.DEADLINE, "the request's time of 8 s was over", None, 8.0),
        (answered(delay=500.0), {"timeout": 120.0}, {}, K.DEADLINE, "the request's time of 120 s was over", None, 120.0),
    ],
    ids=["silent", "stalled", "slow client", "endless", "deadline", "patience", "both at once"],
)
def test_each_clock_ends_it_with_its_words(
    reply: Reply, options: Any, client: Any, kind: FailureKind, words: str, status: int | None, lasts: float
) -> None:
    """Silence, a stall, a client that takes nothing and the request's own time end it at their moment, and say which it was."""
    bench, _, passed = told([reply], options=Options(**options), client=client)
    assert passed.failure is not None
    assert (passed.failure.kind, passed.failure.status) == (kind, status)
    assert words in passed.failure.message
    assert (passed.ended, bench.told[0].latency) == (False, lasts)
    assert bench.transport.sent[0].ended == "aborted"


@pytest.mark.parametrize(
    ("stage", "kind", "source", "sent"),
    [("connect", K.CONNECT, "none", False), ("head", K.RESET, "unpriced", True), ("body", K.TRUNCATED, "unpriced", True)],
)
def test_a_broken_wire_is_told_and_is_free_where_nothing_was_sent(
    stage: str, kind: FailureKind, source: str, *, sent: bool
) -> None:
    """A refused connection costs nothing and is our own no; what broke later may cost something, and nobody knows what."""
    fault = WireFault(stage, "it broke")
    bench, out, passed = told([answered(b"x", fault) if stage == "body" else Reply(fault=fault, delay=1.0)])
    assert passed.failure == Failure(kind, "openai: it broke")
    assert (passed.began, passed.ended, passed.is_ours) == (stage == "body", False, not sent)
    (settled,), (attempt,) = bench.settled, bench.told[0].attempts
    assert (settled.outcome, settled.usage_source, settled.amount) == (kind.value, source, None if sent else 0)
    assert (attempt.failure, attempt.sent, attempt.usage_source, attempt.cost) == (passed.failure, sent, source, settled.amount)
    heard = (200, 0.0, "up-9") if stage == "body" else (0, None, "")
    assert (settled.status, settled.ttft, settled.provider_request) == heard
    assert out.pieces == ([b"x"] if stage == "body" else [])
    assert credential_of(bench).last_failed == settled.at


def test_a_client_that_leaves_is_no_fault_of_the_credential() -> None:
    """It is told as gone, the exchange is ended, and nothing is held against who was asked."""
    bench, _, passed = told([answered(b"x", b"y", b"z")], client={"gone_at": 1})
    assert passed.failure == Failure(K.CANCELLED, "the caller went away")
    assert (bench.settled[0].outcome, bench.settled[0].usage_source) == ("cancelled", "unpriced")
    assert credential_of(bench).last_failed == 0


def test_a_cancel_passes_through_once_it_is_settled() -> None:
    """Whoever cancels gets its cancel back; story and ledger say that the caller went."""

    async def story() -> None:
        bench = Bench([answered(b"x", delay=9.0)], ALONE)
        task = asyncio.ensure_future(pass_through(errand(), bench.house.world, Client(bench)))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.told[0].failure == Failure(K.CANCELLED, "the caller went away")
        assert [entry.outcome for entry in bench.settled] == ["cancelled"]

    play(story)


def test_a_fault_of_ours_is_told_and_not_thrown() -> None:
    """The sinks hear of it, the client gets a failure, and the attempt is settled like any other."""

    async def story() -> None:
        bench = Bench([answered(b"x")], ALONE)
        passed = await pass_through(errand(), bench.house.world, Client(bench, fault=ZeroDivisionError("ours")))
        assert passed.failure == Failure(K.INTERNAL, "a fault inside Stormkeel (ZeroDivisionError)")
        assert [str(fault) for fault in bench.broken] == ["ours"]
        assert [entry.outcome for entry in bench.settled] == ["internal"]
        bench.broken.clear()

    play(story)


# -- a body that is still coming ---------------------------------------------------------------------------------------


def test_a_body_that_is_still_coming_is_sent_as_it_comes() -> None:
    """However long it takes in all, as long as each piece comes in its time; then the answer has its own."""
    bench, _, passed = told([answered(b"ok", delay=110.0)], upload=Coming(b"one", *[25.0, b"two"] * 8, length=27))
    assert passed.failure is None
    assert bench.transport.sent[0].request.body == b"one" + b"two" * 8
    assert bench.told[0].latency == 310.0


@pytest.mark.parametrize(
    ("upload", "delay", "kind", "lasts"),
    [
        (Coming(b"one", 40.0, b"two"), 0.0, K.STALLED, 30.0),
        (Coming(b"one", 20.0, b"two"), 130.0, K.SILENT, 140.0),
        (Coming(b"one", 20.0, UploadFault(Failure(K.CALLER, "too large", 413))), 0.0, K.CALLER, 20.0),
    ],
    ids=["stalls", "then silence", "refused"],
)
def test_a_body_that_stops_coming_ends_it(upload: Coming, delay: float, kind: FailureKind, lasts: float) -> None:
    """Each piece in its time, then the answer in its; a body that may not go on is our own no."""
    bench, _, passed = told([answered(b"ok", delay=delay)], upload=upload)
    assert passed.failure is not None
    assert (passed.failure.kind, bench.told[0].latency) == (kind, lasts)
    assert passed.is_ours is (kind is K.CALLER)


# -- whose credential --------------------------------------------------------------------------------------------------

TAGGED = b"""
[providers.openai]
tags = ["us"]
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
second = "env:OPENAI_API_KEY_2"
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
tags = ["eu"]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.bare]
kind = "compatible"
base_url = "http://127.0.0.1:7/v1"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
"""


@pytest.mark.parametrize(
    ("asked", "whom", "deployment"),
    [
        ({}, "openai#main", "openai/(raw)#main"),
        ({"credential": "second"}, "openai#second", "openai/(raw)#second"),
        ({"provider": "other"}, "other#main", "other/(raw)#main"),
        ({"provider": "bare"}, "127.0.0.1:7", "bare/(raw)"),
        ({"provider": "other", "options": Options(border=Border(("eu",)))}, "other#main", "other/(raw)#main"),
    ],
)
def test_the_first_credential_of_the_provider_is_taken(asked: Any, whom: str, deployment: str) -> None:
    """Or the one that is named; never another provider's, and a provider without credentials is asked without."""
    bench, _, passed = told([answered(b"ok")], settings=TAGGED, **asked)
    assert (passed.failure, bench.whom, bench.reserved[0].deployment) == (None, [whom], deployment)


@pytest.mark.parametrize(
    ("asked", "kind", "status", "words"),
    [
        ({"provider": "nobody"}, K.MODEL_UNAVAILABLE, 404, 'there is no provider "nobody" with such a credential'),
        ({"credential": "third"}, K.MODEL_UNAVAILABLE, 404, 'there is no provider "openai" with such a credential'),
        ({"options": Options(border=Border(("eu",)))}, K.CALLER, 403, 'provider "openai" is tagged "us", and the request asks'),
    ],
)
def test_where_nobody_may_be_asked_nothing_is_sent(asked: Any, kind: FailureKind, status: int, words: str) -> None:
    """No such provider or credential, or only beyond the request's border: our own no, unsent and unbooked."""
    bench, _, passed = told([answered(b"ok")], settings=TAGGED, **asked)
    assert passed.failure is not None
    assert (passed.failure.kind, passed.failure.status, passed.is_ours) == (kind, status, True)
    assert words in passed.failure.message
    assert (bench.transport.sent, list(bench.journal.entries), bench.told[0].failure) == ([], [], passed.failure)
    assert (bench.told[0].attempts, bench.told[0].ttft, bench.told[0].committed) == ((), None, False)


ACCOUNTS = TAGGED.replace(b'tags = ["us"]\n', b"").replace(
    b'main = "env:OPENAI_API_KEY"\nsecond = "env:OPENAI_API_KEY_2"',
    b'main = { ref = "env:OPENAI_API_KEY", tags = ["us"] }\nsecond = { ref = "env:OPENAI_API_KEY_2", tags = ["eu"] }',
)


def test_a_credential_that_is_set_aside_is_passed_over() -> None:
    """The next one in service is taken; where none is, the refusal is that of the first, and one of an empty account as well."""

    async def story() -> None:
        bench = Bench(by({"openai#main": [DEAD], "openai#second": [answered(b"ok"), DEAD]}), KEYS)
        world, out = bench.house.world, Client(bench)
        first = await pass_through(errand(number=1), world, out)
        assert first.failure is not None
        assert first.failure.kind is K.CREDENTIAL
        assert (await pass_through(errand(number=2), world, out)).failure is None
        assert bench.whom == ["openai#main", "openai#second"]
        await asyncio.sleep(61.0 + 61.0)  # long after it was good
        world.fleet.credentials["openai", "main"].quarantine.next_at = now() + 50.0
        await pass_through(errand(number=3), world, out)
        none = await pass_through(errand(number=4), world, out)
        assert none.failure is not None
        assert 'credential "main" of provider "openai" was refused' in none.failure.message
        assert len(bench.transport.sent) == 3

    play(story)


def test_one_request_is_the_probe_of_a_dead_credential() -> None:
    """After its time one errand is let through; an answer puts it back in service, and a full disk gives the probe back."""

    async def story() -> None:
        disk = FullDisk(keep=1000)
        disk.room = True
        bench = Bench([DEAD, answered(b"ok")], ALONE, journal=disk)
        world, out = bench.house.world, Client(bench)
        await pass_through(errand(number=1), world, out)
        assert credential_of(bench).since == bench.settled[0].at
        await asyncio.sleep(75.1)
        disk.room = False
        full = await pass_through(errand(number=2), world, out)
        assert full.failure == Failure(
            K.INTERNAL, "nothing was sent, because the ledger can't be written: no space left on device"
        )
        disk.room = True
        assert (await pass_through(errand(number=3), world, out)).failure is None
        assert (credential_of(bench).since, credential_of(bench).last_good) == (0, bench.settled[1].at)
        assert len(bench.transport.sent) == 2

    play(story)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (DEAD, "set_aside"), (refused(429, "rate_limit_exceeded"), "in_service"), (refused(429, "insufficient_quota"), "in_service"),
        (refused(500), "set_aside"), (refused(404), "set_aside"),
    ],
)  # fmt: skip
def test_what_a_probe_says_of_the_credential(reply: Reply, state: str) -> None:
    """Whoever counts its requests or its money knows it; a refusal and a fault do not put it back."""

    async def story() -> None:
        bench = Bench([DEAD, reply], ALONE)
        for number in range(2):
            await pass_through(errand(number=number), bench.house.world, Client(bench))
            await asyncio.sleep(75.1)
        assert len(bench.transport.sent) == 2
        assert credential_of(bench).quarantine.standing.value == state

    play(story)


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299, 304])
def test_what_is_no_error_is_passed_on(status: int) -> None:
    """Every success, and "not modified", is the client's to read."""
    bench, out, passed = told([answered(b"ok", status=status)])
    assert (passed.failure, out.status, bench.settled[0].status) == (None, status, status)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308])
def test_a_redirect_is_neither_followed_nor_passed_on(status: int) -> None:
    """It would choose its own host (INV-19)."""
    bench, out, passed = told([answered(b"ok", status=status, headers=(("location", "http://elsewhere/"),))])
    assert passed.failure == Failure(K.BAD_RESPONSE, "the provider answered with a redirect, which is never followed", 502)
    assert (passed.began, passed.is_ours, out.status, bench.settled[0].status) == (False, False, 0, status)


@pytest.mark.parametrize("status", [400, 404, 405, 409, 422, 500])
def test_an_error_of_the_provider_is_passed_on(status: int) -> None:
    """Its body is the client's to read; a 404 is the client's own mistake, whatever it says of models, for none was asked."""
    reply = refused(status, "model_not_found" if status == 404 else "", message="no such file")
    bench, out, passed = told([reply])
    assert passed.failure is not None
    assert (passed.began, passed.ended, passed.is_ours) == (True, True, False)
    assert (out.status, b"".join(out.pieces)) == (status, reply.body[0])
    assert bench.told[0].failure == passed.failure == bench.told[0].attempts[0].failure
    assert bench.settled[0].outcome == passed.failure.kind.value
    assert passed.failure.status == status
    assert "no such file" in passed.failure.message
    if status == 404:
        assert (passed.failure.kind, passed.failure.code) == (K.CALLER, "model_not_found")
    assert credential_of(bench).last_failed == bench.settled[0].at


@pytest.mark.parametrize("reply", [DEAD, refused(403, "no"), refused(429, "insufficient_quota")], ids=["401", "403", "no money"])
def test_what_speaks_of_our_account_is_not_passed_on(reply: Reply) -> None:
    """A refused credential and an empty account are ours to mend, and the client does not read of them."""
    bench, out, passed = told([reply])
    assert passed.failure is not None
    assert passed.failure.kind in (K.CREDENTIAL, K.QUOTA)
    assert (passed.began, out.pieces, bench.settled[0].usage_source) == (False, [], "none")


def test_a_secret_that_is_echoed_is_cut_out() -> None:
    """Wherever a provider repeats it, and no length is told of a body that has another one now (INV-17)."""
    body = b'{"error": {"message": "bad key ' + SECRET + b'"}}'
    _, out, _ = told([answered(body, status=400, headers=(("content-length", str(len(body))),))])
    assert SECRET not in b"".join(out.pieces)
    assert b"bad key" in b"".join(out.pieces)
    assert "content-length" not in out.headers
    assert out.headers["content-type"] == "application/json"
    plain = b'{"error": {"message": "bad"}}'
    _, out, _ = told([answered(plain, status=400, headers=(("content-length", str(len(plain))),))])
    assert out.headers["content-length"] == str(len(plain))


# -- where it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "length"),
    [((b"one", b"two"), 6), ((b"one", b"two", 500.0), 6), ((b"one", b"two"), None), ((), 0), ((500.0,), 0)],
    ids=["told", "told, and held open", "not told", "nothing", "nothing, and held open"],
)
def test_it_ends_with_its_last_byte(steps: Any, length: int | None) -> None:
    """Where its length was told nobody waits for more; and whoever has read it all finds it booked."""
    told_length = () if length is None else (("content-length", str(length)),)
    bench, out, passed = told([answered(*steps, headers=told_length)])
    assert (passed.failure, passed.ended) == (None, True)
    assert b"".join(out.pieces) == b"".join(step for step in steps if isinstance(step, bytes))
    assert (out.settled_at_end, bench.told[0].latency) == (1, 0.0)


def test_a_client_that_leaves_before_the_end_changes_nothing_that_is_booked() -> None:
    """The answer was whole when it was booked, and is booked once."""

    class Leaver(Client):
        async def end(self, data: bytes = b"") -> None:
            raise ClientGone

    async def story() -> None:
        bench = Bench([answered(b"x")], ALONE)
        passed = await pass_through(errand(), bench.house.world, Leaver(bench))
        assert (passed.began, passed.ended, passed.failure) == (True, False, None)
        assert [entry.outcome for entry in bench.settled] == ["ok"]

    play(story)


# -- what it says of the credential ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pause", "code", "why"), [(59.9, "invalid_api_key", ""), (60.0, "invalid_api_key", "401 invalid_api_key"), (60.0, "", "401")]
)
def test_a_401_just_after_it_was_good_sets_nobody_aside(pause: float, code: str, why: str) -> None:
    """A path that the credential may not see is no reason to take it from everybody: the next prompt tells."""

    async def story() -> None:
        bench = Bench([answered(b"ok"), refused(401, code)], ALONE)
        await pass_through(errand(number=1), bench.house.world, Client(bench))
        await asyncio.sleep(pause)
        await pass_through(errand(number=2), bench.house.world, Client(bench))
        assert (credential_of(bench).since > 0, credential_of(bench).why) == (bool(why), why)
        assert credential_of(bench).last_failed == bench.settled[1].at

    play(story)


@pytest.mark.parametrize("reply", [refused(403, "no"), refused(400), refused(500), refused(429, "rate_limit_exceeded")])
def test_other_errors_set_nobody_aside(reply: Reply) -> None:
    """Any caller could bring them about."""
    bench, _, _ = told([reply])
    assert (credential_of(bench).since, credential_of(bench).until) == (0, 0.0)


def test_an_empty_account_is_set_aside_and_told() -> None:
    """As after a prompt: for five minutes, with an alert."""
    alerts: list[Any] = []

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([refused(429, "insufficient_quota"), whole()], ALONE)
        credential_of(bench).tell = alerts.append
        await pass_through(errand(), bench.house.world, Client(bench))
        assert (credential_of(bench).until, credential_of(bench).why) == (START + 300.0, "quota (insufficient_quota)")
        assert [(alert.kind, alert.at) for alert in alerts] == [(AlertKind.ACCOUNT_EMPTY, bench.settled[0].at)]
        assert (await bench.ask()).failure is not None
        await asyncio.sleep(300.0)
        assert (await bench.ask()).failure is None

    play(story)


def test_a_credential_may_lie_beyond_a_border() -> None:
    """One account of a provider within the border is found behind one outside, and where that one is dead it is the one to tell of."""
    bench, _, passed = told(
        [answered(b"ok")], settings=ACCOUNTS, options=msgspec.structs.replace(OPTIONS, border=Border(("eu",)))
    )
    assert (passed.failure, bench.whom) == (None, ["openai#second"])
    inside = msgspec.structs.replace(OPTIONS, border=Border(("eu",)))

    async def story() -> None:
        bench = Bench([DEAD], ACCOUNTS)
        await pass_through(errand(options=inside, number=1), bench.house.world, Client(bench))
        passed = await pass_through(errand(options=inside, number=2), bench.house.world, Client(bench))
        assert passed.failure is not None
        assert 'credential "second" of provider "openai" was refused' in passed.failure.message

    play(story)


def test_a_moment_to_come_back_is_told_in_seconds() -> None:
    """Also where the provider says it as a date."""
    late = (("retry-after", "Wed, 18 Nov 2026 11:25:00 GMT"),)
    _, _, passed = told([refused(429, "rate_limit_exceeded", headers=late)])
    assert passed.failure is not None
    assert passed.failure.retry_after == pytest.approx(100.0)

"""A house for stories: real settings and policies, virtual time, a scripted provider, a journal in memory.

Never lets a story end in disorder: `play` audits every house of the story (INV-2, INV-3, INV-15).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from itertools import islice
from random import Random
from typing import Any

from stormkeel.assemble import House, Parts, build
from stormkeel.config.load import load
from stormkeel.engine.line import Answer
from stormkeel.engine.ports import ClientGone, JournalFault
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.testing import Reply, ScriptedTransport, VirtualClock, run_virtual
from stormkeel.types.failure import Failure
from stormkeel.types.request import Options, Request
from stormkeel.types.secret import Secret
from stormkeel.types.wire import Headers, HttpRequest, header

TWO = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[providers.backup]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[providers.anthropic.credentials]
main = "env:ANTHROPIC_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["backup/gpt-5.4-mini"]]
"""
"""Two chat providers in order, and one of messages."""

ALONE = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
"""
"""One provider with one credential, and nowhere else to go."""

KEYS = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
second = "env:OPENAI_API_KEY_2"
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
strategy = "round_robin"
"""
"""One provider with two credentials of different organisations, taken in turn: the first request asks the second one."""

FALL = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]
"""
"""Two providers in order, the price of both known."""

ENVIRON = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "ANTHROPIC_API_KEY": "sk-ant-test-0123456789abcdef"}
PRICE = (750, 4500)
"""Nano-dollars a token of gpt-5.4-mini, in and out ($0.75 and $4.50 a million)."""

BENCHES: list[Bench] = []
"""The houses of the story being played."""

Script = Iterable[Reply] | Callable[[HttpRequest], Reply]


class Bench:
    """One house with its scripted provider.

    Attributes:
        transport: what was sent, and how it ended.
        journal: what was reserved and settled.
        told: the stories its sinks were told.
        broken, broke: faults of ours, and the requests that met them.
    """

    def __init__(self, script: Script, settings: bytes = TWO, seed: int = 1, journal: Any = None) -> None:
        loop = asyncio.get_running_loop()
        self.transport = ScriptedTransport(script)
        self.journal = journal or MemoryJournal(keep=1_000_000)
        self.told: list[Any] = []
        self.broken: list[BaseException] = []
        self.broke: list[Request] = []
        read = load(settings, ENVIRON, KINDS)
        secrets = {
            (name, credential): Secret(f"sk-{name}-{credential}-0123456789abcdef")
            for name, provider in read.providers.items()
            for credential in provider.credentials
        }
        parts = Parts(_Witness(self), VirtualClock(loop), self.journal, Random(seed), (_Sink(self),))
        self.house: House = build(read, secrets, parts)
        self.unreserved: list[str] = []
        BENCHES.append(self)

    async def ask(self, model: str = "fast", timeout: float | None = None, strict: bool = False, **body: Any) -> Answer:
        """Ask for a whole chat answer."""
        return await self.house.answer(self.request(model, timeout, strict=strict, **body))

    async def stream(
        self, model: str = "fast", out: Taken | None = None, timeout: float | None = None, **body: Any
    ) -> tuple[Answer, Taken]:
        """Ask for a streamed chat answer; returns it with what the client was sent."""
        taken = out or Taken()
        return await self.house.answer(self.request(model, timeout, stream=True, **body), taken), taken

    def request(
        self, model: str, timeout: float | None = None, dialect: str = "openai_chat", strict: bool = False, **body: Any
    ) -> Request:
        """Read a body as the gateway would."""
        raw = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}], **body}).encode()
        read = self.house.dialect(dialect).read_request(raw, self.house.new_id(), options=Options(timeout, strict=strict))
        assert not isinstance(read, Failure), read
        return read

    @property
    def reserved(self) -> list[Reserved]:
        """The journal's reservations."""
        return [entry for entry in self.journal.entries if isinstance(entry, Reserved)]

    @property
    def settled(self) -> list[Settled]:
        """The journal's settlements."""
        return [entry for entry in self.journal.entries if isinstance(entry, Settled)]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """How each settled attempt ended, and where its usage came from."""
        return [(entry.outcome, entry.usage_source) for entry in self.settled]

    @property
    def times(self) -> list[float]:
        """When each request left, seconds from the start."""
        return [sent.at for sent in self.transport.sent]

    @property
    def whom(self) -> list[str]:
        """Who was asked, as "provider#credential", in order; a provider without credentials by its host."""
        return [whom(sent.request) for sent in self.transport.sent]

    async def audit(self) -> None:
        """See that nothing is left over: every attempt reserved, sent, settled once, and every permit handed back."""
        for _ in range(3):
            await asyncio.sleep(0)
        assert self.unreserved == [], "INV-2: sent without a reservation"
        assert Counter(entry.attempt for entry in self.reserved) == Counter(entry.attempt for entry in self.settled), "INV-3"
        assert max(Counter(entry.attempt for entry in self.reserved).values(), default=1) == 1, "INV-3: one id, one attempt"
        bounds = {entry.attempt: entry.amount for entry in self.reserved}
        for entry in self.settled:
            most = bounds[entry.attempt]
            assert entry.amount is None or most is None or 0 <= entry.amount <= most, "a settlement above its reservation"
        assert self.house.world.active == 0
        for member in self.house.world.fleet.members:
            assert member.in_flight == 0, "INV-15"
            assert member.concurrency is None or member.concurrency.in_flight == 0, "INV-15"
        assert [sent.ended for sent in self.transport.sent if not sent.ended] == [], "INV-15: an exchange left open"
        assert asyncio.all_tasks() == {asyncio.current_task()}, "INV-15: a task left over"
        assert self.broken == [], "a fault of ours"


class _Witness:
    """The scripted transport, with somebody who looks whether each request was reserved before it left."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def _look(self, request: HttpRequest) -> None:
        if request.method == "GET":
            return  # the probe of a credential: nothing of it is billed
        attempt = header(request.headers, "x-client-request-id") or ""
        newest = islice(reversed(self._bench.journal.entries), 200)  # the newest are enough, and quick
        if not any(isinstance(entry, Reserved) and entry.attempt == attempt for entry in newest):
            self._bench.unreserved.append(attempt)

    async def send(self, request: HttpRequest) -> Any:
        self._look(request)
        return await self._bench.transport.send(request)

    async def open(self, request: HttpRequest) -> Any:
        self._look(request)
        return await self._bench.transport.open(request)

    async def close(self) -> None:
        await self._bench.transport.close()


class _Sink:
    """Keeps what the sinks are told."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def answered(self, story: Any) -> None:
        self._bench.told.append(story)

    def broke(self, error: BaseException, request: Request) -> None:
        self._bench.broken.append(error)
        self._bench.broke.append(request)


def whom(request: HttpRequest) -> str:
    """Return who is asked, as "provider#credential", or the host where no credential is sent."""
    said = header(request.headers, "authorization") or header(request.headers, "x-api-key") or ""
    found = re.search(r"sk-(\w+)-(\w+)-0123", said)
    return f"{found[1]}#{found[2]}" if found else request.url.split("/")[2]


def by(scripts: Mapping[str, Iterable[Reply]]) -> Callable[[HttpRequest], Reply]:
    """Return a script that answers each of those asked (see `whom`) in its own turn; the last reply of each repeats."""
    turns = {name: iter(replies) for name, replies in ((name, list(replies)) for name, replies in scripts.items())}
    lasts: dict[str, Reply] = {}

    def choose(request: HttpRequest) -> Reply:
        name = whom(request)
        lasts[name] = next(turns[name], None) or lasts[name]
        return lasts[name]

    return choose


class Taken:
    """A client that keeps what it is sent.

    Args:
        leaves_after: it is gone from this write on.
        takes: seconds each write takes it.
    """

    def __init__(self, leaves_after: int | None = None, takes: float = 0.0) -> None:
        self.heads: list[Headers] = []
        self.pieces: list[bytes] = []
        self.times: list[float] = []
        self._left = leaves_after
        self._takes = takes

    async def start(self, headers: Headers) -> None:
        """Take the head."""
        self.heads.append(headers)

    async def write(self, data: bytes) -> None:
        """Take frames."""
        if self._left is not None and len(self.pieces) >= self._left:
            raise ClientGone
        if self._takes:
            await asyncio.sleep(self._takes)
        self.pieces.append(data)
        self.times.append(asyncio.get_running_loop().time())

    @property
    def body(self) -> bytes:
        """Everything it was sent."""
        return b"".join(self.pieces)

    @property
    def text(self) -> str:
        """The text of all it was sent."""
        return text_in(self.body)


class FullDisk(MemoryJournal):
    """A journal whose disk is full until `room` is set."""

    room = False

    def reserve(self, entry: Reserved) -> None:
        """Refuse while there is no room."""
        if not self.room:
            raise JournalFault("no space left on device")
        super().reserve(entry)


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story in virtual time, and audit its houses at the end."""
    BENCHES.clear()

    async def audited() -> None:
        await story()
        for bench in BENCHES:
            await bench.audit()

    run_virtual(audited())


def now() -> float:
    """Return the virtual time, seconds from the story's start."""
    return asyncio.get_running_loop().time()


def whole(text: str = "hi", prompt: int = 10, completion: int = 5, status: int = 200) -> Reply:
    """A whole chat answer."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.4-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }
    return Reply(status, (json.dumps(body).encode(),), (("content-type", "application/json"), ("x-request-id", "up-1")))


def refused(status: int, code: str = "", kind: str = "", headers: Headers = (), message: str = "no") -> Reply:
    """An error of OpenAI's."""
    said = kind or ("server_error" if status == 500 else None)
    body = json.dumps({"error": {"message": message, "type": said, "code": code or None, "param": None}}).encode()
    return Reply(status, (body,), (("content-type", "application/json"), *headers))


def frame(delta: dict[str, Any], finish: str | None = None, usage: dict[str, Any] | None = None) -> bytes:
    """One frame of a chat stream."""
    chunk: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5.4-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    if usage is not None:
        chunk["choices"], chunk["usage"] = [], usage
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


HEAD = frame({"role": "assistant", "content": ""})
END = frame({}, "stop")
USAGE = frame({}, usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
DONE = b"data: [DONE]\n\n"
SSE: Headers = (("content-type", "text/event-stream"),)


def text(*words: str) -> list[bytes]:
    """Frames that say these words."""
    return [frame({"content": word}) for word in words]


def streamed(*steps: Any, status: int = 200, delay: float = 0.0) -> Reply:
    """A streamed answer of these steps."""
    return Reply(status, steps, SSE, delay)


WHOLE_STREAM = [HEAD, *text("one ", "two ", "three"), END, USAGE, DONE]
"""A whole stream that says "one two three"."""


def error_frame(code: str, kind: str = "server_error") -> bytes:
    """An error of OpenAI's inside a stream."""
    return b"data: " + json.dumps({"error": {"message": "no", "type": kind, "code": code, "param": None}}).encode() + b"\n\n"


def text_in(body: bytes) -> str:
    """Return the text of the frames of a chat stream, error frames and comments left out."""
    said = []
    for line in body.split(b"\n"):
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:]).get("choices", ()):
                said.append((choice.get("delta") or {}).get("content") or "")
    return "".join(said)

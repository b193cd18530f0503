"""The library's face: `AsyncClient`, which is the engine in the caller's own loop. `blocking.Client` runs the same on a thread
of its own.

Never touches network or disk before the first request. Both clients are safe to share between tasks; a world belongs to one
event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .completion import Asked, Completion, Messages, completion, failed
from .errors import InvalidRequestError, SettingsError, StormkeelError, StreamBrokenError, error_of
from .runtime.telemetry.stats import Counter, Stats
from .types.events import Event, RefusalDelta, TextDelta, fold
from .types.failure import Failure, FailureKind
from .types.prompt import Prompt
from .types.request import Options
from .types.wire import Headers

if TYPE_CHECKING:
    from .assemble import Asking, House, Reloaded, Setup
    from .config.settings import Settings
    from .engine.line import Answer

VISIBLE = (TextDelta, RefusalDelta)
"""Events whose text a reader sees."""
WAITING = 16  # writes of a stream that may be ahead of its reader


class AsyncClient:
    """Call any configured model; retries, limits, breakers, fallbacks and the ledger come with it.

    Args:
        config: path of a `stormkeel.toml`, or ready Settings. None: `$STORMKEEL_CONFIG`, else `./stormkeel.toml` if it is
            there, else whatever credentials the environment and `./.env` hold.
        provider: taken for model names that don't name one ("claude-sonnet-5" with provider="anthropic").
        default_model: taken where a call names no model.
        data: folder of the ledger; "memory" keeps it in this process. None: as configured.

    Raises:
        SettingsError: at the first call, where configuration or credentials are wrong.
    """

    def __init__(
        self,
        config: str | Path | Settings | None = None,
        *,
        provider: str | None = None,
        default_model: str | None = None,
        data: str | Path | None = None,
    ) -> None:
        self._config = config
        self._provider = provider
        self._default_model = default_model
        self._data = None if data is None else str(data)
        self._counter = Counter()
        self._house: House | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._streams: set[asyncio.Task[Answer]] = set()  # streams under way

    # -- asking ----------------------------------------------------------------------------------------------------

    async def complete(  # noqa: PLR0913 - the face is flat: each is one word a caller writes
        self,
        prompt: str | None = None,
        *,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - seconds for the whole request, all attempts: the engine's one deadline
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
    ) -> Completion:
        """Ask a model and wait for the whole answer.

        Args:
            prompt: one user turn; or give `messages`.
            model: "provider/model", or a route's name; None takes the client's default.
            messages: turns as `Message` or as {"role": ..., "content": ...}; content parts in the provider's own dialect pass
                untouched.
            system: an instruction put before the turns.
            max_tokens: the most output tokens; None leaves it to the model (its own largest, where the provider insists on a
                number).
            temperature: for sampling, where the model takes one.
            timeout: seconds for everything, waits and further attempts included.
            task, user, tags: labels kept in the ledger.

        Raises:
            StormkeelError: one of the tree in `stormkeel.errors`, with `.attempts` and `.request_id`.
        """
        return await self._ask(Asked(prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags))

    def stream(  # noqa: PLR0913 - as `complete`
        self,
        prompt: str | None = None,
        *,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        on_token: Callable[[str], object] | None = None,
    ) -> Stream:
        """Ask a model and take the answer as it comes: iterate the result for its text, then read `.completion`.

        Arguments as for `complete`; `on_token` is called with each piece of text. A stream that breaks after its first piece
        raises `StreamBrokenError` with `.partial`; it is never passed off as complete.
        """
        asked = Asked(prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags)
        return Stream(self, asked, on_token)

    async def _ask(self, asked: Asked) -> Completion:
        """Do what `complete` does, with the wish as one value."""
        setup = self._open().setup
        asking = self._asking(setup, asked, stream=False)
        request = asking.request
        answer = await setup.answer(request)
        if answer.failure is not None or answer.response is None:
            raise failed(answer)
        response = setup.dialect(request.dialect).read_response(answer.response.body)
        if response is None:
            raise error_of(Failure(FailureKind.BAD_RESPONSE, "the answer made no sense"), answer.story.attempts, request.id)
        return completion(answer.story, response, asking.lost)

    def _asking(self, setup: Setup, asked: Asked, *, stream: bool) -> Asking:
        """Write a wish in the dialect of whoever will be asked.

        Raises:
            InvalidRequestError, SettingsError: the wish can't be written; nothing is sent.
        """
        model = asked.model or self._default_model or setup.settings.default_model
        if not model:
            raise InvalidRequestError(
                'no model is named; give one, as in "openai/gpt-5.4-mini", or set default_model in stormkeel.toml or the client'
            )
        if self._provider and "/" not in model:
            model = f"{self._provider}/{model}"
        prompt = Prompt(asked.turns(), asked.max_tokens, asked.temperature)
        options = Options(asked.timeout, asked.task, asked.user, tuple(asked.tags))
        made = setup.write(prompt, model, stream, options)
        if isinstance(made, Failure):
            raise error_of(made)
        return made

    # -- looking ----------------------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        """Return what this client did so far: requests, success rate, tokens, cost, percentiles."""
        return self._counter.stats()

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._counter.reset()

    def metrics(self) -> bytes:
        """Return this client's metrics in Prometheus' text format. Works after closing, too."""
        return (self._house or self._open()).metrics.text()

    # -- living ----------------------------------------------------------------------------------------------------

    def _open(self) -> House:
        """Return what the configuration built, building it at first use in the running loop.

        Raises:
            SettingsError: the configuration is wrong, or the client belongs to another loop.
            StormkeelError: the client is closed.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise StormkeelError("this client is closed; make a new one")
        if self._house is None:
            from .assemble import Opening, open_house

            self._house = open_house(self._config, self._data, Opening(sinks=(self._counter,)))
            self._loop = loop
        elif self._loop is not loop:
            raise SettingsError(
                "this AsyncClient already belongs to another event loop; make one client per loop, or use the blocking Client"
            )
        return self._house

    async def reload(self) -> Reloaded:
        """Read configuration, `.env` and credentials again, and use them from now on; calls under way end as they began.

        Limits, breakers and cooldowns go on where the configuration still says the same; a changed limit keeps what was taken.

        Raises:
            SettingsError: something is wrong with it; the client goes on as it was.
        """
        from .assemble import reload_house

        return await reload_house(self._open())

    async def aclose(self) -> None:
        """End streams left half-read, finish writing the ledger, close every connection. The client can't be used afterwards."""
        self._closed = True
        left = tuple(self._streams)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)  # each is booked while the ledger can still be written
        if self._house is not None:
            await self._house.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


class _Events:
    """A stream's output for a library caller: frames in, events out, never more than a few waiting."""

    def __init__(self, read: Callable[[bytes], list[Event]]) -> None:
        self._read = read
        self._room = asyncio.Semaphore(WAITING)
        self.queue: asyncio.Queue[list[Event] | None] = asyncio.Queue()

    async def start(self, headers: Headers) -> None:
        """Nothing to tell: a library stream has no head."""

    async def write(self, data: bytes) -> None:
        """Hand frames over; waits while the reader is behind. They are the reader's before the wait: a clock that ends it while
        an answer's last frames go out must not make them vanish from an answer that is whole."""
        events = self._read(data)
        if events:
            self.queue.put_nowait(events)
            await self._room.acquire()

    async def take(self) -> list[Event]:
        """Wait for the next events; none where the stream has ended."""
        events = await self.queue.get()
        if events is None:
            return []
        self._room.release()
        return events


class Stream:
    """A streamed answer. Iterate it for the text; leave it early by `aclose()` or `async with`, which cancels the request
    upstream.

    Attributes:
        completion: the finished answer, once the iteration has ended.
    """

    def __init__(self, client: AsyncClient, asked: Asked, on_token: Callable[[str], object] | None = None) -> None:
        self._client = client
        self._asked = asked
        self._on_token = on_token
        self._pieces: AsyncIterator[str] | None = None
        self._task: asyncio.Task[Answer] | None = None
        self._closed = False
        self._seen: list[Event] = []
        self._lost: tuple[str, ...] = ()
        self._completion: Completion | None = None

    @property
    def completion(self) -> Completion:
        """The finished answer."""
        if self._completion is None:
            raise StormkeelError("the stream has not ended yet: iterate it to its end first")
        return self._completion

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(event.text for event in self._seen if isinstance(event, VISIBLE))

    async def _run(self) -> AsyncIterator[str]:
        if self._closed:
            raise StormkeelError("the stream was closed before its end")
        setup = self._client._open().setup
        asking = self._client._asking(setup, self._asked, stream=True)
        request, self._lost = asking.request, asking.lost
        output = _Events(setup.dialect(request.dialect).read_events().feed)
        self._task = asyncio.ensure_future(setup.answer(request, output))
        self._client._streams.add(self._task)
        self._task.add_done_callback(self._client._streams.discard)
        self._task.add_done_callback(lambda _task: _close(output.queue))
        try:
            while not (self._task.done() and output.queue.empty()):
                for piece in self._take(await output.take()):
                    yield piece
            if self._task.cancelled():
                raise StormkeelError("the stream was closed before its end")
            self._end(await self._task)
        finally:
            await self.aclose()

    def _take(self, events: list[Event]) -> list[str]:
        self._seen.extend(events)
        pieces = [event.text for event in events if isinstance(event, VISIBLE)]
        if self._on_token is not None:
            for piece in pieces:
                self._on_token(piece)
        return pieces

    def _end(self, answer: Answer) -> None:
        if answer.failure is not None:
            error = failed(answer)
            if isinstance(error, StreamBrokenError):
                error.partial = self.text
            raise error
        self._completion = completion(answer.story, fold(self._seen), self._lost)

    def __aiter__(self) -> AsyncIterator[str]:
        if self._pieces is None:
            self._pieces = self._run()
        return self._pieces

    async def until_done(self) -> Completion:
        """Read to the end and return the finished answer."""
        async for _piece in self:
            pass
        return self.completion

    async def aclose(self) -> None:
        """Stop: an unfinished request is cancelled upstream, and what it cost is booked."""
        self._closed = True
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait((task,))

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _close(queue: asyncio.Queue[list[Event] | None]) -> None:
    """Wake a reader that waits for events that won't come; one that has some to read looks up by itself afterwards."""
    if queue.empty():
        queue.put_nowait(None)

"""Core: what both faces of the library share: the house, opened at the first call, and one request through its engine.

Never touches network or disk before the first request. A world belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from math import inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from ..errors import InvalidRequestError, SettingsError, StormkeelError, error_of
from ..ledger.count import TokenCount
from ..policies.queue import priority_of
from ..runtime.telemetry.stats import Counter, Stats
from ..types.embedding import Vectors
from ..types.failure import Failure, FailureKind
from ..types.request import Options
from .ask import Ask, border_for
from .completion import Completion, completion, failed

if TYPE_CHECKING:
    from ..assemble import Asking, House, ModelInfo, Reloaded, Setup
    from ..config.settings import Settings
    from ..engine.line import Answer
    from .embedding import Embeddings, Wish
    from .many import Many, OnError


class Core:
    """The engine in the running loop, asked by wishes as values; the arguments are those of `AsyncClient`."""

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

    def _ask(self, ask: Ask) -> Coroutine[Any, Any, Completion]:
        """Do what `complete` does, with the wish as one value."""
        return self._once(ask) if ask.output is None and ask.fallback is None else self._pursue(ask)

    async def _pursue(self, ask: Ask) -> Completion:
        """Ask with more than one request, if need be."""
        from .asking import pursue

        return await pursue(self._once, ask, self._open().setup.world.clocks.total)

    async def _run_tools(self, ask: Ask, max_rounds: int) -> Completion:
        """Do what `run_tools` does, with the wish as one value."""
        from .rounds import run

        return await run(self._once, ask, max_rounds, self._open().setup.world.clocks.total)

    async def _many(self, common: Ask, concurrency: int, on_error: OnError) -> Many:
        """Make ready for many prompts; a wrong configuration is told now, and not for each."""
        from .many import Many

        self._open()
        return Many(self._ask, common, concurrency, on_error)

    async def _once(self, ask: Ask) -> Completion:
        """Make one request of the engine."""
        setup, asking = self._write(ask, stream=False)
        request = asking.request
        answer = await setup.answer(request)
        if answer.failure is not None or answer.response is None:
            raise failed(answer)
        response = answer.read or setup.dialect(request.dialect).read_response(answer.response.body)
        if response is None:
            raise error_of(Failure(FailureKind.BAD_RESPONSE, "the answer made no sense"), answer.story.attempts, request.id)
        whole = completion(answer.story, response, asking.lost)
        return replace(whole, tools=ask.offered()) if ask.tools else whole

    async def _embed(self, wish: Wish) -> Embeddings:
        """Do what `embed` does, with the wish as one value."""
        from .embedding import Batch, embed

        setup = self._open().setup
        model = self._model(wish.model, setup)
        most = setup.most_at_once(model)
        if isinstance(most, Failure):
            raise error_of(most)
        return await embed(self._embed_once, replace(wish, model=model), Batch(*most), setup.world.clocks.total)

    async def _embed_once(self, wish: Wish) -> Embeddings:
        """Make one request for vectors of the engine."""
        from .embedding import embeddings

        setup, border = self._open().setup, border_for(wish.within, wish.requires)
        options = Options(wish.timeout, wish.task, wish.user, tuple(wish.tags), strict=wish.strict, queue_wait=inf, border=border)
        made = setup.write_texts(wish.whole(), self._model(wish.model, setup), options)
        if isinstance(made, Failure):
            raise error_of(made)
        request, lost = made
        answer = await setup.answer(request)
        if answer.failure is not None or answer.response is None:
            raise failed(answer)
        told: Vectors | None = setup.codec(request.dialect).read_response(answer.response.body)
        if told is None or len(told.vectors) != request.inputs:
            words = f"{answer.story.attempts[-1].deployment} gave no vector for each of {request.inputs} texts"
            raise error_of(Failure(FailureKind.BAD_RESPONSE, words), answer.story.attempts, request.id)
        return embeddings(answer.story, told, lost)

    def _write(self, ask: Ask, *, stream: bool) -> tuple[Setup, Asking]:
        """Write a wish in the dialect of whoever will be asked.

        Raises:
            InvalidRequestError, SettingsError: the wish can't be written; nothing is sent.
        """
        setup = self._open().setup
        prompt = ask.whole()
        options = Options(
            ask.timeout, ask.task, ask.user, tuple(ask.tags), strict=ask.strict, session=ask.session, border=ask.border(),
            queue_wait=inf,  # nobody stands behind it who would come again: its deadline says how long a turn is worth
            priority=None if ask.priority is None else priority_of(str(ask.priority)),
        )  # fmt: skip
        made = setup.write(prompt, self._model(ask.model, setup), stream, options)
        if isinstance(made, Failure):
            raise error_of(made)
        return setup, made

    def _hold(self, task: asyncio.Task[Answer]) -> None:
        """Keep a stream under way, so that closing ends it."""
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    def _model(self, model: str | None, setup: Setup) -> str:
        model = model or self._default_model or setup.settings.default_model
        if not model:
            raise InvalidRequestError(
                'no model is named; give one, as in "openai/gpt-5.4-mini", or set default_model in stormkeel.toml or the client'
            )
        return f"{self._provider}/{model}" if self._provider and "/" not in model else model

    # -- looking ----------------------------------------------------------------------------------------------------

    async def _count(self, ask: Ask, exact: bool) -> TokenCount:
        """Do what `count_tokens` does, with the wish as one value."""
        house = self._open()
        setup, prompt = house.setup, ask.whole()
        model = self._model(ask.model, setup)
        border = ask.border()
        found = setup.leads_to(model, border)
        if isinstance(found, Failure):
            raise error_of(found)
        why = ""
        if exact:
            counted = await setup.count_prompt(prompt, model, border)
            if isinstance(counted, Failure):
                raise error_of(counted)
            if not counted.why:
                return TokenCount(counted.tokens, True, counted.method)
            why = f"{counted.why}: "
        told = house.calibration.count(prompt, found.provider, found.model)
        return replace(told, method=why + told.method)

    def models(self) -> list[ModelInfo]:
        """Return what can be asked for: the routes, then each provider's models by the catalog, with window and prices.

        Raises:
            SettingsError: the configuration is wrong.
        """
        from ..assemble import offers

        setup = self._open().setup
        return offers(setup.settings, setup.world.ports.clock.wall())

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
            from ..assemble import Opening, open_house

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
        from ..assemble import reload_house

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

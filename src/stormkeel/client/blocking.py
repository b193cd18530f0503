"""`Client`: the same engine for blocking callers, on a private event-loop thread.

Never a second implementation: every call is handed to a `Core` that lives on the thread. Safe to use from many threads
at once.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import StormkeelError
from ..ledger.count import TokenCount
from ..types.prompt import Effort, ToolChoice
from .ask import Ask, Fallback, Messages, Tags, Tools
from .blocking_stream import BlockingStream
from .completion import Completion
from .core import Core
from .loop_thread import THREADS, LoopThread
from .stream import Stream

if TYPE_CHECKING:
    from ..assemble import ModelInfo, Reloaded
    from ..config.settings import Settings
    from ..runtime.telemetry.stats import Stats
    from .embedding import Embeddings
    from .many import Many, One, OnError, Progress

T = TypeVar("T")


class Client:
    """Call any configured model from blocking code.

    Arguments as for `AsyncClient`. Use it as a context manager, or call `close()`, to have the ledger written out and
    connections closed; a client that is simply dropped does so as well, when the process ends.
    """

    def __init__(
        self,
        config: str | Path | Settings | None = None,
        *,
        provider: str | None = None,
        default_model: str | None = None,
        data: str | Path | None = None,
    ) -> None:
        self._client = Core(config, provider=provider, default_model=default_model, data=data)
        self._thread = LoopThread()
        self._end = weakref.finalize(self, _close, self._client, self._thread)

    def complete(  # noqa: PLR0913 - the face is flat: each is one word a caller writes
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
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        effort: Effort = "",
        tools: Tools = (),
        tool_choice: str | ToolChoice | None = None,
        parallel_tools: bool | None = None,
        output: Any = None,
        repair: int = 0,
        fallback: Fallback | None = None,
        strict: bool = False,
        session: str = "",
        priority: str | int | None = None,
        within: Tags = None,
        requires: Tags = None,
    ) -> Completion:
        """Ask a model and wait for the whole answer; arguments and errors as for `AsyncClient.complete`."""
        return self._thread.run(self._client._ask(Ask(
            prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags, top_p, stop, effort,
            tools, tool_choice, parallel_tools, output, repair, fallback, strict, session, priority, within, requires,
        )))  # fmt: skip

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
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        effort: Effort = "",
        tools: Tools = (),
        tool_choice: str | ToolChoice | None = None,
        parallel_tools: bool | None = None,
        output: Any = None,
        strict: bool = False,
        session: str = "",
        priority: str | int | None = None,
        within: Tags = None,
        requires: Tags = None,
        on_token: Callable[[str], object] | None = None,
    ) -> BlockingStream:
        """Ask a model and take the answer as it comes; arguments as for `AsyncClient.stream`.

        `on_token` is called in the caller's thread.
        """
        ask = Ask(
            prompt, model=model, messages=messages, system=system, max_tokens=max_tokens, temperature=temperature,
            timeout=timeout, task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools,
            tool_choice=tool_choice, parallel_tools=parallel_tools, output=output, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        return BlockingStream(self, self._thread, Stream(self._client, ask), on_token)

    def run_tools(  # noqa: PLR0913 - as `complete`
        self,
        prompt: str | None = None,
        *,
        max_rounds: int = 8,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        effort: Effort = "",
        tools: Tools = (),
        tool_choice: str | ToolChoice | None = None,
        parallel_tools: bool | None = None,
        output: Any = None,
        repair: int = 0,
        strict: bool = False,
        session: str = "",
        priority: str | int | None = None,
        within: Tags = None,
        requires: Tags = None,
    ) -> Completion:
        """Ask a model and call the functions it asks for until it has answered; as `AsyncClient.run_tools`.

        Functions are called on threads of the client's, async ones on its loop.
        """
        ask = Ask(
            prompt, model=model, messages=messages, system=system, max_tokens=max_tokens, temperature=temperature,
            timeout=timeout, task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools,
            tool_choice=tool_choice, parallel_tools=parallel_tools, output=output, repair=repair, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        return self._thread.run(self._client._run_tools(ask, max_rounds))

    def complete_many(  # noqa: PLR0913 - as `complete`
        self,
        prompts: Iterable[One],
        *,
        concurrency: int = 8,
        progress: bool | Progress | None = None,
        on_error: OnError = "return",
        model: str | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        effort: Effort = "",
        tools: Tools = (),
        tool_choice: str | ToolChoice | None = None,
        parallel_tools: bool | None = None,
        output: Any = None,
        repair: int = 0,
        fallback: Fallback | None = None,
        strict: bool = False,
        session: str = "",
        priority: str | int | None = None,
        within: Tags = None,
        requires: Tags = None,
    ) -> list[Completion | StormkeelError]:
        """Ask many prompts, a bounded number at once; arguments and results as for `AsyncClient.complete_many`.

        Prompts are read, and `progress` is called, in the caller's thread. Interrupted, it settles what is under way first.
        """
        common = Ask(
            model=model, system=system, max_tokens=max_tokens, temperature=temperature, timeout=timeout,
            task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools, tool_choice=tool_choice,
            parallel_tools=parallel_tools, output=output, repair=repair, fallback=fallback, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        many = self._thread.run(self._client._many(common, concurrency, on_error))
        return complete_all(self._thread, many, prompts, progress)

    def embed(  # noqa: PLR0913 - as `complete`
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        purpose: str = "",
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        strict: bool = False,
        within: Tags = None,
        requires: Tags = None,
    ) -> Embeddings:
        """Turn texts into vectors, one for each, in their order; as `AsyncClient.embed`."""
        from .embedding import Wish

        wish = Wish(texts, model, dimensions, purpose, timeout, task, user, tags, strict, within, requires)
        return self._thread.run(self._client._embed(wish))

    def count_tokens(  # noqa: PLR0913 - as `complete`
        self,
        prompt: str | None = None,
        *,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        tools: Tools = (),
        output: Any = None,
        exact: bool = False,
        within: Tags = None,
        requires: Tags = None,
    ) -> TokenCount:
        """Count the input tokens of what `complete` would ask; as `AsyncClient.count_tokens`."""
        ask = Ask(prompt, model, messages, system, tools=tools, output=output, within=within, requires=requires)
        return self._thread.run(self._client._count(ask, exact))

    def models(self) -> list[ModelInfo]:
        """Return what can be asked for: the routes, then each provider's models by the catalog, with window and prices."""
        return self._thread.run(_called(self._client.models))

    def stats(self) -> Stats:
        """Return what this client did so far."""
        return self._client.stats()

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._client.reset_stats()

    def metrics(self) -> bytes:
        """Return this client's metrics in Prometheus' text format."""
        return self._client.metrics() if self.closed else self._thread.run(_called(self._client.metrics))

    def reload(self) -> Reloaded:
        """Read configuration, `.env` and credentials again; as `AsyncClient.reload`."""
        return self._thread.run(self._client.reload())

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return not self._end.alive

    def close(self) -> None:
        """End calls still under way, finish writing the ledger, close every connection and stop the thread."""
        self._end()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def complete_all(
    thread: LoopThread, many: Many, prompts: Iterable[One], progress: bool | Progress | None
) -> list[Completion | StormkeelError]:
    """Put every prompt from this thread, and wait for every answer on it: whoever interrupts it interrupts all."""
    from .many import Bar, finished, length_of

    bar, seen = Bar(progress, length_of(prompts)), 0
    try:
        for one in prompts:
            seen = bar.show(seen, thread.run(many.put(one)))
        while (done := thread.run(many.step(seen))) > seen:
            seen = bar.show(seen, done)
    finally:
        bar.close()
        thread.run(many.end())
    return finished(many)


async def _called(function: Callable[[], T]) -> T:
    """Call a function on the loop's own thread."""
    return function()


def _close(client: Core, thread: LoopThread) -> None:
    """Close, on whichever thread the last holder or the garbage collector lets go: one of our own can't wait for its own end."""
    if threading.current_thread().name.startswith(THREADS):
        threading.Thread(target=thread.close, args=(client.aclose,), name=f"{THREADS}-close").start()
    else:
        thread.close(client.aclose)

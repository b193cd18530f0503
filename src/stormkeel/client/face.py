"""The library's face: `AsyncClient`, which is the engine in the caller's own loop. `blocking.Client` runs the same on a thread
of its own.

Never more than arguments and their words: what is done with them is in `core.py`, `asking.py`, `rounds.py`, `many.py` and
`stream.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import StormkeelError
from ..ledger.count import TokenCount
from ..types.prompt import Effort, ToolChoice
from .ask import Ask, Fallback, Messages, Tags, Tools
from .completion import Completion
from .core import Core
from .stream import Stream

if TYPE_CHECKING:
    from .embedding import Embeddings
    from .many import OnError, Progress, Prompts


class AsyncClient(Core):
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
        """Ask a model and wait for the whole answer.

        Args:
            prompt: one user turn; or give `messages`.
            model: "provider/model", or a route's name; None takes the client's default.
            messages: turns as `Message`, as {"role": ..., "content": ...} or as earlier `Completion`s; parts given as dicts
                are in the provider's own dialect and pass untouched.
            system: an instruction put before the turns.
            max_tokens: the most output tokens; None leaves it to the model (its own largest, where the provider insists on a
                number).
            temperature, top_p: for sampling, where the model takes them.
            timeout: seconds for everything, waits and further attempts included.
            task, user, tags: labels kept in the ledger.
            stop: a text, or texts, at which the model stops.
            effort: how hard to reason: "none", "minimal", "low", "medium", "high", "xhigh", "max"; the nearest the model knows.
            tools: `Tool`s or functions that the model may ask for; `run_tools` calls them as well.
            tool_choice: "auto", "none", "required", the name of a tool, or a `ToolChoice`.
            parallel_tools: may it ask for several at once? None leaves it to the provider.
            output: a type (pydantic model, Struct, dataclass, TypedDict ...) or a JSON Schema, in which `.parsed` is to come.
            repair: how often to ask again, with what was wrong, for an answer that does not fit `output`.
            fallback: what to ask once where the prompt failed in a way that another can mend: a prompt, messages, or a function
                of the error.
            strict: is nobody to be asked who can't be told all of it? Where nobody can, `UnsupportedError` says what each can't.
            session: which conversation this is, for routes that are sticky by conversation; where it is left out, its
                beginning says so.
            priority: how much room it gets at full limits: "high", "normal", "low", or a number from -10 to 10.
            within: tags of which whoever is asked has one, as "eu" or ("eu", "ch"); beside what the route says, never instead.
            requires: tags of which whoever is asked has each, as in "zdr", likewise.

        Raises:
            StormkeelError: one of the tree in `stormkeel.errors`, with `.attempts` and `.request_id`.
        """
        return await self._ask(Ask(
            prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags, top_p, stop, effort,
            tools, tool_choice, parallel_tools, output, repair, fallback, strict, session, priority, within, requires,
        ))  # fmt: skip

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
    ) -> Stream:
        """Ask a model and take the answer as it comes: iterate the result for its text, then read `.completion`.

        Arguments as for `complete`; `on_token` is called with each piece of text. A stream that breaks after its first piece
        raises `StreamBrokenError` with `.partial`; it is never passed off as complete.
        """
        ask = Ask(
            prompt, model=model, messages=messages, system=system, max_tokens=max_tokens, temperature=temperature,
            timeout=timeout, task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools,
            tool_choice=tool_choice, parallel_tools=parallel_tools, output=output, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        return Stream(self, ask, on_token)

    async def run_tools(  # noqa: PLR0913 - as `complete`
        self,
        prompt: str | None = None,
        *,
        max_rounds: int = 8,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - seconds for all rounds, tools included
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
        """Ask a model, call the functions among `tools` that it asks for, tell it what they say, until it has answered.

        Functions are called at once where the model asks for several (one by one with `parallel_tools=False`), plain ones on
        threads; what they raise is told to the model. The answer has `.rounds` and the whole conversation in `.history`. Where
        the model asks for a tool that is no function, the answer comes back with `.tool_calls`.

        Args:
            max_rounds: answers at most.
            timeout: seconds for all of it, the functions included.
            tool_choice: a forced tool is forced in the first round only.

        Raises:
            ToolRoundsError: the last answer still asks for tools.
            StormkeelError: as for `complete`.
        """
        ask = Ask(
            prompt, model=model, messages=messages, system=system, max_tokens=max_tokens, temperature=temperature,
            timeout=timeout, task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools,
            tool_choice=tool_choice, parallel_tools=parallel_tools, output=output, repair=repair, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        return await self._run_tools(ask, max_rounds)

    async def complete_many(  # noqa: PLR0913 - as `complete`
        self,
        prompts: Prompts,
        *,
        concurrency: int = 8,
        progress: bool | Progress | None = None,
        on_error: OnError = "return",
        model: str | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - seconds for each prompt
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
        """Ask many prompts, a bounded number at once, and return what came of each, in their order.

        Args:
            prompts: texts, messages or `Ask`s with wishes of their own, from any iterable, read only as far as can be asked.
            concurrency: how many are under way at once.
            progress: True draws a bar on a terminal; a function is called with how many are done, and of how many (None where
                that is unknown).
            on_error: "return" puts an error in its prompt's place; "raise" raises the first one and cancels the rest.
            timeout: seconds for each prompt.

        Cancelled, it settles what is under way before it ends.
        """
        from .many import complete_all

        common = Ask(
            model=model, system=system, max_tokens=max_tokens, temperature=temperature, timeout=timeout,
            task=task, user=user, tags=tags, top_p=top_p, stop=stop, effort=effort, tools=tools, tool_choice=tool_choice,
            parallel_tools=parallel_tools, output=output, repair=repair, fallback=fallback, strict=strict,
            session=session, priority=priority, within=within, requires=requires,
        )  # fmt: skip
        return await complete_all(await self._many(common, concurrency, on_error), prompts, progress)

    async def embed(  # noqa: PLR0913 - as `complete`
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        purpose: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - seconds for all requests, all attempts
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        strict: bool = False,
        within: Tags = None,
        requires: Tags = None,
    ) -> Embeddings:
        """Turn texts into vectors, one for each, in their order.

        More texts than the provider takes at once go in several requests, one after the other; usage and cost are those of all.

        Args:
            texts: one, or a list; none is empty.
            model: "provider/model", or a route's name; None takes the client's default.
            dimensions: how many numbers each vector shall have, where the model leaves that open.
            purpose: what the vectors are for, in Gemini's words ("retrieval_query", "clustering"); others are not told.
            timeout: seconds for everything, waits and further attempts included.
            task, user, tags: labels kept in the ledger.
            strict: is nobody to be asked who can't be told all of it?
            within, requires: as for `complete`.

        Raises:
            StormkeelError: as for `complete`. Of several requests the error has the `.attempts` of all.
        """
        from .embedding import Wish

        return await self._embed(Wish(texts, model, dimensions, purpose, timeout, task, user, tags, strict, within, requires))

    async def count_tokens(  # noqa: PLR0913 - as `complete`
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
        """Count the input tokens of what `complete` would ask with the same arguments. Nothing is sent, unless `exact` says so.

        Args:
            prompt, model, messages, system, tools, output, within, requires: as for `complete`.
            exact: ask the provider's own count endpoint, which costs nothing. Where it has none, or does not answer, the number
                is our own, and `.method` says why.

        `.is_exact` says whether the number is what the provider counts. Without `exact` that is so for conversations of text with
        OpenAI's models whose counting is known, where the extra `tokens` is installed (its first use loads an encoding, which
        takes about half a second); everything else is estimated, and the more answers of a model this client has seen, the
        better.

        Raises:
            StormkeelError: there is no such model, or the arguments can't be meant so.
        """
        ask = Ask(prompt, model, messages, system, tools=tools, output=output, within=within, requires=requires)
        return await self._count(ask, exact)

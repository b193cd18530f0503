"""Rounds: the model asks for tools, the functions answer, until it has said what it had to say.

Never calls more than the model asked for, and never fails for a tool: its error is told to the model, which may mend it.

    ask -> tool calls? --no--> the answer
     ^         '-yes--> call each: at once where there are several -> results --'
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

import msgspec

from ..errors import DeadlineError, InvalidRequestError, StormkeelError, ToolRoundsError
from ..types.attempt import Attempt
from ..types.content import File, Image, Message, Text, ToolResult
from ..types.failure import Failure, FailureKind
from ..types.prompt import Tool, ToolChoice
from .ask import Ask
from .asking import Once, Patience, shaped
from .completion import Completion, joined
from .shapes import MisfitError
from .tools import Call, Function

MOST_WORDS = 2000  # characters of a tool's error that the model is told


async def run(once: Once, ask: Ask, max_rounds: int, total: float) -> Completion:
    """Ask, and call the functions the model asks for, until it asks for none; a call of a tool that is no function ends it, too.

    Args:
        once: makes one request.
        ask: what is asked; a forced tool is forced in the first round only.
        max_rounds: answers at most.
        total: seconds the whole has where `ask` names none.

    Raises:
        ToolRoundsError: the last answer still calls functions.
    """
    if type(max_rounds) is not int or max_rounds < 1:
        raise InvalidRequestError(f"max_rounds={max_rounds!r}: give 1 or more")
    patience, turns = Patience(ask.timeout, total), ask.turns()
    earlier: tuple[Attempt, ...] = ()
    tools = ask.offered()
    ask = msgspec.structs.replace(ask, tools=tools, prompt=None, system=None, messages=turns)
    for number in range(1, max_rounds + 1):
        answer = await _round(once, ask, patience, earlier)
        turns, earlier = (*turns, answer.message), answer.attempts
        calls = answer.tool_calls
        if not calls or any(isinstance(call.tool, Tool) and not isinstance(call.tool, Function) for call in calls):
            return msgspec.structs.replace(answer, rounds=number, history=turns)
        if number < max_rounds:
            turns = (*turns, Message("user", await _within(patience, calls, ask.parallel_tools)))
            ask = msgspec.structs.replace(ask, messages=turns, tool_choice=_unforced(ask.tool_choice))
    raise _endless(max_rounds, answer, turns)


async def _round(once: Once, ask: Ask, patience: Patience, earlier: Sequence[Attempt]) -> Completion:
    try:
        answer = await shaped(once, ask, patience)
    except StormkeelError as error:
        error.attempts = (*earlier, *error.attempts)
        raise
    return joined(answer, earlier, patience.spent) if earlier else answer


async def _within(patience: Patience, calls: Sequence[Call], parallel: bool | None) -> tuple[ToolResult, ...]:
    """Answer every call in its order, within the time that is left; one after the other only where the caller said so."""
    try:
        async with asyncio.timeout(max(0.0, patience.left)):
            if parallel is False:
                return tuple([await answer_to(call) for call in calls])
            return tuple(await asyncio.gather(*(answer_to(call) for call in calls)))
    except TimeoutError:
        words = f"the call's time of {patience.seconds:g} s was over while tools ran: {', '.join(call.name for call in calls)}"
        raise DeadlineError(words, failure=Failure(FailureKind.DEADLINE, words)) from None


async def answer_to(call: Call) -> ToolResult:
    """Call the function and return what it says; what it raises is told to the model as its error."""
    if not isinstance(call.tool, Function):
        return _failed(call, "there is no tool of this name")
    try:
        arguments = call.tool.parsed(call)
    except MisfitError as error:
        return _failed(call, f"the arguments don't fit: {error}")
    try:
        said = await _called(call.tool, arguments)
        return ToolResult(call.id, _content(said))
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is an answer to the model
        return _failed(call, f"{type(error).__name__}: {error}"[:MOST_WORDS])


async def _called(tool: Function, arguments: dict[str, Any]) -> Any:
    """Call a function: a plain one on a thread, because it may wait."""
    function = tool.function
    assert function is not None
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    said = await asyncio.to_thread(function, **arguments)
    return await said if inspect.isawaitable(said) else said


def _content(said: Any) -> tuple[Text | Image | File, ...]:
    """Return what a tool said as content: text and pictures as they are, everything else as JSON."""
    if isinstance(said, str):
        return (Text(said),) if said else ()
    if isinstance(said, Text | Image | File):
        return (said,)
    if isinstance(said, list | tuple) and said and all(isinstance(part, Text | Image | File) for part in said):
        return tuple(said)
    return (Text(msgspec.json.encode(said, enc_hook=_plain).decode()),)


def _plain(value: Any) -> Any:
    """Return a pydantic model as plain data, anything else as its text."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)


def _unforced(choice: str | ToolChoice | None) -> str | ToolChoice | None:
    """Return the choice for later rounds: a model that is forced to call would never answer."""
    if isinstance(choice, ToolChoice):
        return ToolChoice("auto", choice.names) if choice.mode == "required" and len(choice.names) > 1 else _mode(choice)
    return choice if choice in (None, "auto", "none") else None


def _mode(choice: ToolChoice) -> ToolChoice | None:
    return None if choice.mode == "required" else choice


def _failed(call: Call, words: str) -> ToolResult:
    return ToolResult(call.id, (Text(words),), is_error=True)


def _endless(rounds: int, answer: Completion, turns: tuple[Message, ...]) -> ToolRoundsError:
    names = ", ".join(dict.fromkeys(call.name for call in answer.tool_calls))
    error = ToolRoundsError(
        f"after {rounds} answers the model still asks for tools ({names}): raise max_rounds, or say in the prompt when to stop; "
        ".history has the conversation",
        attempts=answer.attempts,
        request_id=answer.request_id,
    )
    error.history = turns
    return error

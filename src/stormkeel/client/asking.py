"""Asking with more than one request: an answer of a shape, mended where it does not fit, and another prompt where one fails.

Never takes longer than the one timeout, and never forgets an attempt: those of every request stand on the answer, or on the
error, in order.

    ask -> answer -> does it fit output=? --no--> repair= times: ask again with what is wrong
     '--failure that another prompt can mend--> fallback= once
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import msgspec

from ..errors import AnswerCutError, BadResponseError, ContentRefusedError, DeadlineError, StormkeelError
from ..types.attempt import Attempt
from ..types.content import Message, ToolCall
from ..types.failure import Failure, FailureKind
from ..types.response import Finish
from .ask import Ask
from .completion import Completion, joined
from .shapes import MisfitError, shape_of

Once: TypeAlias = Callable[[Ask], Awaitable[Completion]]
"""How one request is made."""

Timed = TypeVar("Timed", bound=msgspec.Struct)
"""A wish with a `timeout`."""

K = FailureKind
MENDED = frozenset({
    K.CALLER, K.UNSUPPORTED, K.CONTEXT_LENGTH, K.CONTENT_REFUSED, K.BAD_RESPONSE, K.EXHAUSTED,
})  # fmt: skip
"""Failures that another prompt can mend: what was wrong is in the prompt or in the answer to it, or everybody failed in a way of
their own. A credential, a rate, a breaker or the wire says the same to any prompt."""

_AGAIN = "That is not what was asked for: {words}, at {path}. Answer again with the whole JSON, mended, and nothing else."


class Patience:
    """The time a call has, whatever number of requests it takes.

    Args:
        timeout: seconds, as the caller said, None for the configuration's own total.
        total: that total.
    """

    def __init__(self, timeout: float | None, total: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._started = self._now()
        self.seconds = total if timeout is None else min(timeout, total)

    @property
    def spent(self) -> float:
        """Seconds since the call."""
        return self._now() - self._started

    @property
    def left(self) -> float:
        """Seconds left; 0 or less when it is over."""
        return self.seconds - self.spent

    def narrow(self, ask: Timed) -> Timed:
        """Return a wish with no more time than is left.

        Raises:
            DeadlineError: none is.
        """
        left = self.left
        if left <= 0:
            failure = Failure(K.DEADLINE, f"the call's time of {self.seconds:g} s was over")
            raise DeadlineError(failure.message, failure=failure)
        return msgspec.structs.replace(ask, timeout=left)


async def pursue(once: Once, ask: Ask, total: float) -> Completion:
    """Ask, and ask with the fallback prompt where the first one failed in a way that another can mend.

    Args:
        once: makes one request.
        ask: what is asked.
        total: seconds a call has where it names none.
    """
    patience = Patience(ask.timeout, total)
    try:
        return await shaped(once, ask, patience)
    except StormkeelError as error:
        first, second = error, _second(ask, error)
        if second is None:
            raise
    try:
        answer = await shaped(once, second, patience)
    except StormkeelError as error:
        error.attempts = (*first.attempts, *error.attempts)
        raise error from first
    return msgspec.structs.replace(joined(answer, first.attempts, patience.spent), fell_back=True)


async def shaped(once: Once, ask: Ask, patience: Patience) -> Completion:
    """Ask, and read the answer as what was asked for; one that does not fit is asked for again, `repair` times.

    Raises:
        BadResponseError: it does not fit.
        AnswerCutError, ContentRefusedError: it was cut off, or refused.
    """
    earlier: tuple[Attempt, ...] = ()
    for number in range(1, ask.repair + 2):
        answer = await _after(earlier, once(patience.narrow(ask)))
        if number > 1:
            answer = msgspec.structs.replace(joined(answer, earlier, patience.spent), rounds=number)
        if ask.output is None:
            return answer
        try:
            return read_as(answer, ask.output)
        except MisfitError as error:
            misfit = error
        earlier, ask = answer.attempts, _again(ask, answer, misfit)
    raise _bad(answer, misfit, ask.output)


def read_as(answer: Completion, output: Any) -> Completion:
    """Return an answer with what it says as a value; one that calls tools first has none yet.

    Raises:
        MisfitError: it does not fit.
        AnswerCutError, ContentRefusedError: it was cut off, or refused.
    """
    if any(isinstance(part, ToolCall) for part in answer.content):
        return answer
    if answer.finish in (Finish.REFUSAL, Finish.CONTENT_FILTER):
        raise _refused(answer)
    try:
        return msgspec.structs.replace(answer, parsed=shape_of(output).read(answer.text))
    except MisfitError:
        if answer.finish is Finish.LENGTH:
            raise _cut(answer, output) from None
        raise


def read_once(answer: Completion, output: Any) -> Completion:
    """Do what `read_as` does for whoever asks only once: what does not fit is a BadResponseError."""
    try:
        return read_as(answer, output)
    except MisfitError as error:
        misfit = error
    raise _bad(answer, misfit, output)


async def _after(earlier: tuple[Attempt, ...], work: Awaitable[Completion]) -> Completion:
    """Wait for one request of several: its error tells of the attempts before it, too."""
    try:
        return await work
    except StormkeelError as error:
        error.attempts = (*earlier, *error.attempts)
        raise


def _second(ask: Ask, error: StormkeelError) -> Ask | None:
    """Return the wish with the fallback prompt, None where there is none or it mends nothing."""
    if ask.fallback is None or error.failure is None or error.failure.kind not in MENDED:
        return None
    told = ask.fallback(error) if callable(ask.fallback) else ask.fallback
    if told is None:
        return None
    if isinstance(told, str):
        return msgspec.structs.replace(ask, prompt=told, messages=None)
    return msgspec.structs.replace(ask, prompt=None, messages=told)


def _again(ask: Ask, answer: Completion, misfit: MisfitError) -> Ask:
    """Return the wish that tells the model what was wrong with its answer."""
    said = (answer.message,) if answer.text else ()
    words = Message("user", _AGAIN.format(words=misfit.words, path=misfit.path))
    return msgspec.structs.replace(ask, prompt=None, system=None, messages=(*ask.turns(), *said, words))


def _bad(answer: Completion, misfit: MisfitError, output: Any) -> BadResponseError:
    mend = "repair=1 asks once more with these words" if answer.rounds == 1 else f"{answer.rounds} answers did not"
    words = f'the answer does not fit output="{_called(output)}": {misfit.words} at {misfit.path}; {mend}, and .text has it'
    error = BadResponseError(words, **_told(K.BAD_RESPONSE, words, answer))
    error.text = answer.text
    return error


def _cut(answer: Completion, output: Any) -> AnswerCutError:
    words = f'the answer was cut off at its token limit before it was a whole "{_called(output)}": raise max_tokens; .text has it'
    error = AnswerCutError(words, **_told(K.BAD_RESPONSE, words, answer))
    error.text = answer.text
    return error


def _refused(answer: Completion) -> ContentRefusedError:
    words = "the model refused to answer, so there is nothing to read as output=; .text has its words"
    error = ContentRefusedError(words, **_told(K.CONTENT_REFUSED, words, answer))
    error.text = answer.text
    return error


def _told(kind: FailureKind, words: str, answer: Completion) -> dict[str, Any]:
    return {"failure": Failure(kind, words), "attempts": answer.attempts, "request_id": answer.request_id}


def _called(output: Any) -> str:
    return shape_of(output).format.name

"""What a caller asks of a client and what it gets back, as values.

Never asks anybody: `client.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from .errors import InvalidRequestError, StormkeelError, StreamBrokenError, error_of
from .types.attempt import Attempt, Story
from .types.content import Message
from .types.failure import Failure, FailureKind
from .types.money import dollars
from .types.response import Answered, Finish, Response
from .types.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from .engine.line import Answer

Messages = Sequence[Mapping[str, Any] | Message]


class Completion(msgspec.Struct, frozen=True):
    """A finished answer.

    Attributes:
        text: the visible text.
        model: the model that answered, by the provider's word.
        provider: who answered.
        finish: why the model stopped, None where the provider did not say.
        usage: tokens in disjoint buckets.
        cost: US dollars over all attempts, exact; None where a price is unknown.
        latency: seconds from the call to the whole answer.
        ttft: seconds to the first content, None where none came.
        attempts: everything that was tried, oldest first.
        request_id: ours; it stands in logs, ledger and upstream requests.
        created_at: when the call was made, UTC.
        content: everything that was said, in order: text, thinking, tool calls, a refusal.
        lossy: what of the call the model that answered was not told, because it or its provider has no word for it.
    """

    text: str
    model: str
    provider: str
    finish: Finish | None
    usage: Usage
    cost: Decimal | None
    latency: float
    ttft: float | None
    attempts: tuple[Attempt, ...]
    request_id: str
    created_at: datetime
    content: tuple[Answered, ...] = ()
    lossy: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class Asked(msgspec.Struct, frozen=True):
    """What a caller wants of one call, as one value. The keyword arguments of `complete` and `stream` by the same names."""

    prompt: str | None = None
    model: str | None = None
    messages: Messages | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    timeout: float | None = None
    task: str = ""
    user: str = ""
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.timeout is not None and not (_is_number(self.timeout) and 0 < self.timeout < inf):
            raise InvalidRequestError(f"timeout={self.timeout!r}: give seconds above 0")
        if self.temperature is not None and not (_is_number(self.temperature) and 0 <= self.temperature < inf):
            raise InvalidRequestError(f"temperature={self.temperature!r}: give a number from 0 to 2")
        if self.model is not None and not isinstance(self.model, str):
            raise InvalidRequestError(f'model={self.model!r}: give a name, as in "openai/gpt-5.4-mini"')
        if isinstance(self.tags, str):
            raise InvalidRequestError(f"tags={self.tags!r}: give a list of labels, as in [{self.tags!r}]")

    def turns(self) -> tuple[Message, ...]:
        """Return the conversation's turns, or say what is missing."""
        if (self.prompt is None) == (self.messages is None):
            raise InvalidRequestError("give either a prompt or messages=, one of the two")
        if self.messages is None:
            turns: tuple[Message, ...] = (Message("user", self.prompt or ""),)
        else:
            turns = tuple(turn if isinstance(turn, Message) else _turn(turn) for turn in self.messages)
        if not turns:
            raise InvalidRequestError("messages= is empty: give at least one turn")
        return (Message("system", self.system), *turns) if self.system else turns


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _turn(turn: Mapping[str, Any]) -> Message:
    role, content = turn.get("role"), turn.get("content")
    if role not in ("system", "user", "assistant") or not isinstance(content, (str, list, tuple)):
        raise InvalidRequestError(
            f'a message is {{"role": "user", "content": "..."}} with role system, user or assistant; this one has role {role!r} '
            f"and content of type {type(content).__name__}"
        )
    return Message(role, content)


def failed(answer: Answer) -> StormkeelError:
    """Return the exception for an answer that failed."""
    failure = answer.failure or Failure(FailureKind.BAD_RESPONSE, "the answer made no sense")
    if answer.story.committed and failure.kind is not FailureKind.CANCELLED:
        return StreamBrokenError(
            f"the stream broke off after its first content: {failure.message}",
            failure=failure,
            attempts=answer.story.attempts,
            request_id=answer.story.request.id,
        )
    return error_of(failure, answer.story.attempts, answer.story.request.id)


def completion(story: Story, response: Response, lost: tuple[str, ...] = ()) -> Completion:
    """Return the finished answer of a story that ended well."""
    last = story.last
    assert last is not None
    cost = story.cost
    return Completion(
        response.text,
        response.model or last.model,
        last.provider,
        response.finish,
        last.usage or NO_USAGE,
        None if cost is None else dollars(cost),
        story.latency,
        story.ttft,
        story.attempts,
        story.request.id,
        datetime.fromtimestamp(story.started / 1e9, UTC),
        response.content,
        tuple(dict.fromkeys((*lost, *last.lost))),
    )

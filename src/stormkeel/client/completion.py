"""What a caller gets back from a client, as a value.

Never asks anybody: `core.py` does. What is asked stands in `ask.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import StormkeelError, StreamBrokenError, error_of
from ..types.attempt import Attempt, Story
from ..types.content import Message, ToolCall
from ..types.failure import Failure, FailureKind
from ..types.money import dollars
from ..types.prompt import Tool
from ..types.response import Answered, Finish, Response
from ..types.usage import NO_USAGE, Usage
from .tools import Call

if TYPE_CHECKING:
    from ..engine.line import Answer


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
        parsed: the answer as a value of the `output=` that was asked for, None where none was or where tools are called first.
        rounds: how many answers it took: more than 1 after tools were run, or an answer that did not fit was mended.
        fell_back: did it take the `fallback=` prompt?
        history: after `run_tools` every turn of the conversation, this answer included; else empty.
        tools: the tools that were offered.
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
    parsed: Any = None
    rounds: int = 1
    fell_back: bool = False
    history: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    @property
    def message(self) -> Message:
        """The assistant's turn, for the next call's `messages`: thinking and tool calls included."""
        return Message("assistant", self.content or self.text)

    @property
    def tool_calls(self) -> tuple[Call, ...]:
        """The tools it asks for, each with the tool that was offered by this name."""
        offered = {tool.name: tool for tool in self.tools}
        calls = (part for part in self.content if isinstance(part, ToolCall))
        return tuple(
            Call(call.id, call.name, call.arguments, call.custom, call.cache, offered.get(call.name)) for call in calls
        )


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
    attempts = story.attempts
    last = attempts[-1]
    cost = last.cost if len(attempts) == 1 else story.cost
    model, usage = response.model or last.model, last.usage or NO_USAGE
    if last.joint:  # the stream told at first who broke off, and at last what all who wrote it used
        model, usage = last.model, response.usage or usage
    return Completion(
        response.text,
        model,
        last.provider,
        response.finish,
        usage,
        None if cost is None else dollars(cost),
        story.latency,
        story.ttft,
        attempts,
        story.request.id,
        datetime.fromtimestamp(story.started / 1e9, UTC),
        response.content,
        tuple(dict.fromkeys((*lost, *last.lost))) if lost or last.lost else (),
    )


def joined(completion: Completion, earlier: Sequence[Attempt], latency: float) -> Completion:
    """Return an answer that took several requests: every attempt in order, and what all of them cost.

    Args:
        completion: the last one's.
        earlier: the attempts before its own.
        latency: seconds from the first call to the whole answer.
    """
    attempts = (*earlier, *completion.attempts)
    costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
    cost = dollars(sum(costs)) if len(costs) == len(attempts) else None
    began = datetime.fromtimestamp(attempts[0].started / 1e9, UTC)
    return msgspec.structs.replace(completion, attempts=attempts, cost=cost, latency=latency, created_at=began)

"""Every exception Stormkeel raises. Inside, failure is a value; at the surface it becomes one of these.

    StormkeelError                    .failure  .attempts (oldest first)  .request_id
    + SettingsError                   where (file:line), what, the mend
    + InvalidRequestError             trying elsewhere does not help
    |   UnsupportedError . ContextTooLongError . ContentRefusedError
    + UpstreamError                   the provider said no, or nothing sensible
    |   RateLimitedError . QuotaError . CredentialError . ModelUnavailableError . OverloadedError . BadResponseError(.text)
    |   AnswerCutError
    + TransportError                  the wire failed
    |   ConnectError . ReadTimeoutError . StreamBrokenError(.partial)
    + RefusalError                    we said no, without asking
    |   CircuitOpenError . RateReachedError . ConcurrencyReachedError . BudgetSpentError . DeadlineError . KeyRefusedError
    + ToolRoundsError(.history)       the model calls tools without end
    + ExhaustedError                  every candidate was tried; its text is the story in order
    + InternalError                   a fault of ours; please report it

Who said no is the type: one `FailureKind` maps to one class (`CLASSES`), to one HTTP status (`STATUS`), and each dialect's
error body is made from them.
"""

from __future__ import annotations

from collections.abc import Sequence

from .types.attempt import Attempt
from .types.content import Message
from .types.failure import Failure, FailureKind

K = FailureKind


class StormkeelError(Exception):
    """Anything Stormkeel raises.

    Attributes:
        failure: the value behind it, None for a mistake in the settings.
        attempts: what was tried, oldest first.
        request_id: ours, "" where no request was made.
    """

    def __init__(
        self, message: str, *, failure: Failure | None = None, attempts: Sequence[Attempt] = (), request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.attempts = tuple(attempts)
        self.request_id = request_id

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try makes sense, None where nobody knows."""
        return self.failure.retry_after if self.failure else None


class SettingsError(StormkeelError):
    """A setting, a file or a credential is wrong; the text says where (file:line), what, and how to mend it."""


class InvalidRequestError(StormkeelError):
    """The request itself is wrong; trying elsewhere does not help."""


class UnsupportedError(InvalidRequestError):
    """This dialect or model cannot say what was asked."""


class ContextTooLongError(InvalidRequestError):
    """The request does not fit the model's context window."""


class ContentRefusedError(InvalidRequestError):
    """A provider's content filter refused the request; or the model refused to say what `output=` asked for.

    Attributes:
        text: the model's words for it, "" where it said nothing.
    """

    text: str = ""


class UpstreamError(StormkeelError):
    """The provider said no, or nothing sensible."""


class RateLimitedError(UpstreamError):
    """The provider's rate limit was reached; `retry_after` says for how long, in seconds."""


class QuotaError(UpstreamError):
    """The provider's account has no money or quota left."""


class CredentialError(UpstreamError):
    """The provider refused our credential."""


class ModelUnavailableError(UpstreamError):
    """The provider does not serve this model to us."""


class OverloadedError(UpstreamError):
    """The provider is overloaded."""


class BadResponseError(UpstreamError):
    """The provider's answer made no sense, or does not fit the `output=` that was asked for.

    Attributes:
        text: the answer that does not fit.
    """

    text: str = ""


class AnswerCutError(BadResponseError):
    """The answer was cut off at its token limit before it was whole; `max_tokens` raises the limit."""


class TransportError(StormkeelError):
    """The wire failed."""


class ConnectError(TransportError):
    """No connection could be made: nothing was sent."""


class ReadTimeoutError(TransportError):
    """The provider was silent for longer than our clocks allow."""


class StreamBrokenError(TransportError):
    """A stream broke off after its first content.

    Attributes:
        partial: the text that had arrived.
    """

    partial: str = ""


class RefusalError(StormkeelError):
    """We said no, without asking anybody."""


class CircuitOpenError(RefusalError):
    """The breaker of every deployment is open; `retry_after` says for how long."""


class RateReachedError(RefusalError):
    """Our own rate limit was reached; `retry_after` says for how long."""


class ConcurrencyReachedError(RefusalError):
    """Too many requests are in flight already."""


class BudgetSpentError(RefusalError):
    """The budget has no room for this request."""


class DeadlineError(RefusalError):
    """The request's time was over."""


class KeyRefusedError(RefusalError):
    """The caller's key is missing, unknown or not allowed this."""


class ExhaustedError(StormkeelError):
    """Every candidate was tried; the text is the story in order."""


class ToolRoundsError(StormkeelError):
    """The model still asked for tools after the last round it was given; `history` has the conversation so far."""

    history: tuple[Message, ...] = ()


class InternalError(StormkeelError):
    """A fault of ours; please report it with the request id."""


CLASSES: dict[FailureKind, type[StormkeelError]] = {
    K.CALLER: InvalidRequestError,
    K.UNSUPPORTED: UnsupportedError,
    K.MODEL_UNAVAILABLE: ModelUnavailableError,
    K.CONTEXT_LENGTH: ContextTooLongError,
    K.CONTENT_REFUSED: ContentRefusedError,
    K.FOREIGN_THOUGHT: InvalidRequestError,
    K.CREDENTIAL: CredentialError,
    K.QUOTA: QuotaError,
    K.RATE_LIMIT: RateLimitedError,
    K.OVERLOADED: OverloadedError,
    K.SERVER: UpstreamError,
    K.BAD_RESPONSE: BadResponseError,
    K.CONNECT: ConnectError,
    K.RESET: TransportError,
    K.SILENT: ReadTimeoutError,
    K.STALLED: StreamBrokenError,
    K.TRUNCATED: StreamBrokenError,
    K.CANCELLED: StormkeelError,
    K.DEADLINE: DeadlineError,
    K.BREAKER_OPEN: CircuitOpenError,
    K.RATE_REACHED: RateReachedError,
    K.CONCURRENCY_REACHED: ConcurrencyReachedError,
    K.BUDGET_SPENT: BudgetSpentError,
    K.COOLING: CircuitOpenError,
    K.KEY_REFUSED: KeyRefusedError,
    K.EXHAUSTED: ExhaustedError,
    K.INTERNAL: InternalError,
}

STATUS: dict[FailureKind, int] = {
    K.CALLER: 400,
    K.UNSUPPORTED: 422,
    K.MODEL_UNAVAILABLE: 404,
    K.CONTEXT_LENGTH: 400,
    K.CONTENT_REFUSED: 400,
    K.FOREIGN_THOUGHT: 400,
    K.CREDENTIAL: 502,  # ours, not the caller's: a 401 would blame the caller's key
    K.QUOTA: 429,
    K.RATE_LIMIT: 429,
    K.OVERLOADED: 503,
    K.SERVER: 502,
    K.BAD_RESPONSE: 502,
    K.CONNECT: 502,
    K.RESET: 502,
    K.SILENT: 504,
    K.STALLED: 504,
    K.TRUNCATED: 502,
    K.CANCELLED: 499,
    K.DEADLINE: 504,
    K.BREAKER_OPEN: 503,
    K.RATE_REACHED: 429,
    K.CONCURRENCY_REACHED: 429,
    K.BUDGET_SPENT: 402,
    K.COOLING: 503,
    K.KEY_REFUSED: 401,
    K.EXHAUSTED: 503,
    K.INTERNAL: 500,
}


def error_of(failure: Failure, attempts: Sequence[Attempt] = (), request_id: str = "") -> StormkeelError:
    """Return the exception that stands for a failure, ready to be raised."""
    return CLASSES[failure.kind](failure.message, failure=failure, attempts=attempts, request_id=request_id)

"""Failure: why an attempt failed, as a value, and what each kind calls for, as one table.

Never knows a provider's codes (that is `providers/signals.py`) and never decides when to try again (`policies/retry.py`).
Rules by docs/reliability.md, Failures.
"""

from __future__ import annotations

from enum import Enum, StrEnum

import msgspec

from .wire import NO_HEADERS, Headers


class FailureKind(StrEnum):
    """What a failure calls for; the first group is somebody else's no, the last our own."""

    # the request itself: trying elsewhere does not help, or only on another model
    CALLER = "caller"
    UNSUPPORTED = "unsupported"
    MODEL_UNAVAILABLE = "model_unavailable"
    CONTEXT_LENGTH = "context_length"
    CONTENT_REFUSED = "content_refused"
    FOREIGN_THOUGHT = "foreign_thought"
    # the credential or its account
    CREDENTIAL = "credential"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    # the provider
    OVERLOADED = "overloaded"
    SERVER = "server"
    BAD_RESPONSE = "bad_response"
    # the wire
    CONNECT = "connect"
    RESET = "reset"
    SILENT = "silent"
    STALLED = "stalled"
    TRUNCATED = "truncated"
    # us
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    BREAKER_OPEN = "breaker_open"
    RATE_REACHED = "rate_reached"
    CONCURRENCY_REACHED = "concurrency_reached"
    BUDGET_SPENT = "budget_spent"
    COOLING = "cooling"
    KEY_REFUSED = "key_refused"
    EXHAUSTED = "exhausted"
    INTERNAL = "internal"


class Again(Enum):
    """May the same deployment be asked again for this request?"""

    NEVER = "never"
    ONCE = "once"
    BACKOFF = "backoff"
    MENDED = "mended"  # once, at once, without what was refused
    AFTER_HINT = "after_hint"


class Charge(Enum):
    """Has the provider billed an attempt that ended so?"""

    NO = "no"
    UNKNOWN = "unknown"  # settled at its estimate: never silently free (INV-5)


class Rule(msgspec.Struct, frozen=True):
    """What one kind of failure means.

    Attributes:
        again: may the same deployment be asked again?
        elsewhere: may another deployment be asked?
        trips: does it count against the breaker of the deployment?
        charge: must it be charged at its estimate?
        parks: is the credential (CREDENTIAL, QUOTA) or the deployment (MODEL_UNAVAILABLE) set aside for a while?
        throttled: does a retry wait by the longer base and the cheaper price of throttles?
    """

    again: Again
    elsewhere: bool
    trips: bool = False
    charge: Charge = Charge.NO
    parks: bool = False
    throttled: bool = False


K = FailureKind
RULES: dict[FailureKind, Rule] = {
    K.CALLER: Rule(Again.NEVER, elsewhere=False),
    K.UNSUPPORTED: Rule(Again.NEVER, elsewhere=True),
    K.MODEL_UNAVAILABLE: Rule(Again.NEVER, elsewhere=True, parks=True),
    K.CONTEXT_LENGTH: Rule(Again.NEVER, elsewhere=True),
    K.CONTENT_REFUSED: Rule(Again.NEVER, elsewhere=False),
    K.FOREIGN_THOUGHT: Rule(Again.MENDED, elsewhere=True),
    K.CREDENTIAL: Rule(Again.NEVER, elsewhere=True, parks=True),
    K.QUOTA: Rule(Again.NEVER, elsewhere=True, parks=True),
    K.RATE_LIMIT: Rule(Again.AFTER_HINT, elsewhere=True, throttled=True),
    K.OVERLOADED: Rule(Again.ONCE, elsewhere=True, trips=True, throttled=True),
    K.SERVER: Rule(Again.BACKOFF, elsewhere=True, trips=True),
    K.BAD_RESPONSE: Rule(Again.ONCE, elsewhere=True, trips=True, charge=Charge.UNKNOWN),
    K.CONNECT: Rule(Again.BACKOFF, elsewhere=True, trips=True),
    K.RESET: Rule(Again.BACKOFF, elsewhere=True, trips=True, charge=Charge.UNKNOWN),
    K.SILENT: Rule(Again.NEVER, elsewhere=True, trips=True, charge=Charge.UNKNOWN),
    K.STALLED: Rule(Again.NEVER, elsewhere=True, trips=True, charge=Charge.UNKNOWN),
    K.TRUNCATED: Rule(Again.ONCE, elsewhere=True, trips=True, charge=Charge.UNKNOWN),
    K.CANCELLED: Rule(Again.NEVER, elsewhere=False, charge=Charge.UNKNOWN),
    K.DEADLINE: Rule(Again.NEVER, elsewhere=False, charge=Charge.UNKNOWN),
    K.BREAKER_OPEN: Rule(Again.NEVER, elsewhere=True),
    K.RATE_REACHED: Rule(Again.AFTER_HINT, elsewhere=True),
    K.CONCURRENCY_REACHED: Rule(Again.NEVER, elsewhere=True),
    K.BUDGET_SPENT: Rule(Again.NEVER, elsewhere=False),
    K.COOLING: Rule(Again.AFTER_HINT, elsewhere=True),
    K.KEY_REFUSED: Rule(Again.NEVER, elsewhere=False),
    K.EXHAUSTED: Rule(Again.NEVER, elsewhere=False),
    K.INTERNAL: Rule(Again.NEVER, elsewhere=False, charge=Charge.UNKNOWN),
}
REFUSALS = frozenset(
    {
        K.BREAKER_OPEN,
        K.RATE_REACHED,
        K.CONCURRENCY_REACHED,
        K.BUDGET_SPENT,
        K.COOLING,
        K.KEY_REFUSED,
        K.DEADLINE,
    }
)
"""Kinds that are our own no: nothing was sent."""


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt or a request failed.

    Attributes:
        kind: what it calls for.
        message: what happened, for people, without secrets or content.
        status: the provider's HTTP status, None where there was none.
        code: the provider's own code or type, None where there was none.
        retry_after: seconds from the moment it was read after which another try makes sense, None where nobody said.
        forever: asking again can never help this request (it is larger than its limit, or the day's quota is spent, say); with a
            `retry_after` as well, its quota group rests for so long.
        body: the provider's own error body, passed on unchanged where the client speaks that dialect.
        headers: the provider's response headers.
        dialect: the dialect `body` is in, "" where there is none.
        is_known: does some table know what the provider said? Else its status alone spoke.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    forever: bool = False
    body: bytes = b""
    headers: Headers = NO_HEADERS
    dialect: str = ""
    is_known: bool = True

    @property
    def rule(self) -> Rule:
        """What this kind of failure means."""
        return RULES[self.kind]

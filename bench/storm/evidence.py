"""What a run showed: what the client saw, what came in at each provider, what the gateway booked. Values only."""

from __future__ import annotations

import msgspec

from .scenario import Run


class Seen(msgspec.Struct, frozen=True):
    """What the client saw of one request.

    Attributes:
        number: the request's, from 0.
        at: seconds after the start.
        seconds: from asking to the last byte or the exception.
        text: the text that came, whole or not.
        finish: the finish reason, "" where none came.
        model: the model the answer names, "" where none does; several names if its events disagree.
        usage: tokens in and out as the answer tells them; None where it does not.
        error: the class of the SDK's exception, "" for none.
        status: the HTTP status of the exception, 0 where it has none.
        words: the exception's code, type and message.
        lag: seconds for which client and gateway waited for a processor meanwhile, in all.
    """

    number: int
    at: float
    seconds: float
    text: str = ""
    finish: str = ""
    model: str = ""
    usage: tuple[int, int] | None = None
    error: str = ""
    status: int = 0
    words: str = ""
    lag: float = 0.0


class Arrival(msgspec.Struct, frozen=True):
    """One attempt as a provider saw it.

    Attributes:
        request: the number of the request it was made for, -1 where its prompt does not say.
        at: seconds after the start.
        status: told, 0 for none.
        fault: as it was met, "" for none.
        hint: seconds it was told to wait, 0 for none.
        model: by its plain name.
        usage: tokens in and out on the bill.
        reported: was the final usage sent?
        cost: nano-dollars on the bill.
        id: the attempt's name at the gateway (`x-client-request-id`), "" where it sent none.
        open: is it still being answered?
        refused: the provider's complaints about the request itself.
    """

    request: int
    at: float
    status: int
    fault: str = ""
    hint: float = 0.0
    model: str = ""
    usage: tuple[int, int] = (0, 0)
    reported: bool = False
    cost: int = 0
    id: str = ""
    open: bool = False
    refused: tuple[str, ...] = ()


class Booked(msgspec.Struct, frozen=True):
    """One attempt as the gateway's books have it.

    Attributes:
        id: the attempt's name.
        amount: nano-dollars booked, None where the price is unknown.
        reserved: nano-dollars held before it was sent.
        reported: is it booked by the provider's own count?
        settled: is it finished?
    """

    id: str
    amount: int | None
    reserved: int | None
    reported: bool
    settled: bool


class Evidence(msgspec.Struct, frozen=True):
    """Everything one run showed.

    Attributes:
        run: what was run.
        seen: by request.
        primary, fallback: arrivals, oldest first.
        texts: the whole text each of the two would give to each request: (primary's, fallback's).
        models: the plain names of the two providers' models.
        healed: seconds after the start at which the last outage was over, 0 for none.
        books: None where the gateway keeps none that can be read.
    """

    run: Run
    seen: tuple[Seen, ...]
    primary: tuple[Arrival, ...]
    fallback: tuple[Arrival, ...]
    texts: tuple[tuple[str, str], ...]
    models: tuple[str, str]
    healed: float = 0.0
    books: tuple[Booked, ...] | None = None

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """What came in at either."""
        return self.primary + self.fallback

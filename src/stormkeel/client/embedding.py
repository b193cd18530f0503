"""Embedding: texts become vectors, in as many requests as the provider's limits ask for, one after the other.

Never mixes the vectors of two models: they can't be compared.

    texts -> parts -> [ a request ] ... -> their vectors in the texts' order, and all that was billed
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from math import inf
from typing import Any

import msgspec

from ..errors import BadResponseError, InvalidRequestError, StormkeelError
from ..ledger.estimate import BYTES_PER_TOKEN
from ..types.attempt import Attempt, Story
from ..types.embedding import Texts, Vectors
from ..types.failure import Failure, FailureKind
from ..types.money import dollars
from ..types.usage import NO_USAGE, Usage
from .ask import Tags
from .asking import Patience

Once = Callable[["Wish"], Awaitable["Embeddings"]]
"""Makes one request of the engine."""


class Batch(msgspec.Struct, frozen=True):
    """What fits into one request: inputs, and tokens in all (None for no limit)."""

    inputs: int
    tokens: int | None = None


class Embeddings(msgspec.Struct, frozen=True):
    """The vectors of some texts.

    Attributes:
        vectors: one for each text, in their order.
        model: the model that made them, by the provider's word where it gave one.
        provider: who answered.
        usage: input tokens in disjoint buckets, over all requests that were answered.
        cost: US dollars over all attempts, exact; None where a price is unknown.
        latency: seconds from the call to the last vector.
        attempts: everything that was tried, oldest first.
        request_id: ours, of the first request; it stands in logs, ledger and upstream requests.
        created_at: when the call was made, UTC.
        lossy: what of the call the model was not told, because it or its provider has no word for it.
    """

    vectors: list[list[float]]
    model: str
    provider: str
    usage: Usage
    cost: Decimal | None
    latency: float
    attempts: tuple[Attempt, ...]
    request_id: str
    created_at: datetime
    lossy: tuple[str, ...] = ()

    @property
    def vector(self) -> list[float]:
        """The vector of a single text.

        Raises:
            InvalidRequestError: there are several.
        """
        if len(self.vectors) != 1:
            raise InvalidRequestError(f"there are {len(self.vectors)} vectors: take .vectors")
        return self.vectors[0]


class Wish(msgspec.Struct, frozen=True):
    """What a caller wants embedded: the arguments of `embed` by the same names, described there."""

    texts: str | Sequence[str]
    model: str | None = None
    dimensions: int | None = None
    purpose: str = ""
    timeout: float | None = None
    task: str = ""
    user: str = ""
    tags: Sequence[str] = ()
    strict: bool = False
    within: Tags = None
    requires: Tags = None

    def __post_init__(self) -> None:
        if self.timeout is not None and not (_is_number(self.timeout) and 0 < self.timeout < inf):
            raise InvalidRequestError(f"timeout={self.timeout!r}: give seconds above 0")
        if self.dimensions is not None and (type(self.dimensions) is not int or self.dimensions < 1):
            raise InvalidRequestError(f"dimensions={self.dimensions!r}: give a whole number above 0")
        if self.model is not None and not isinstance(self.model, str):
            raise InvalidRequestError(f'model={self.model!r}: give a name, as in "openai/text-embedding-3-small"')
        if not isinstance(self.purpose, str):
            raise InvalidRequestError(f'purpose={self.purpose!r}: give a word of Gemini\'s, as in "retrieval_query"')
        if isinstance(self.tags, str):
            raise InvalidRequestError(f"tags={self.tags!r}: give a list of labels, as in [{self.tags!r}]")
        if type(self.strict) is not bool:
            raise InvalidRequestError(f"strict={self.strict!r}: give True or False")

    def inputs(self) -> tuple[str, ...]:
        """Return the texts, or say what is wrong with them."""
        texts = (self.texts,) if isinstance(self.texts, str) else tuple(self.texts)
        if not texts:
            raise InvalidRequestError("texts is empty: give at least one text")
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise InvalidRequestError(f"texts[{place}] is of type {type(text).__name__}: give texts")
            if not text:
                raise InvalidRequestError(f"texts[{place}] is empty: leave it out")
        return texts

    def whole(self) -> Texts:
        """Return what is to be embedded in canonical form: as base64, which is a fifth of the bytes."""
        return Texts(self.inputs(), self.dimensions, self.purpose.upper(), wants_base64=True)


async def embed(once: Once, wish: Wish, batch: Batch, total: float) -> Embeddings:
    """Embed texts in as many requests as it takes.

    Args:
        once: makes one request.
        wish: what is asked.
        batch: what fits into one.
        total: seconds the whole has where `wish` names none.

    Raises:
        BadResponseError: two models answered.
    """
    patience = Patience(wish.timeout, total)
    made: list[Embeddings] = []
    for part in parts(wish.inputs(), batch):
        try:
            made.append(await once(patience.narrow(msgspec.structs.replace(wish, texts=part))))
        except StormkeelError as error:
            error.attempts = (*(attempt for one in made for attempt in one.attempts), *error.attempts)
            raise
        _look(made)
    return made[0] if len(made) == 1 else _joined(made, patience.spent)


def parts(texts: Sequence[str], batch: Batch) -> Iterator[tuple[str, ...]]:
    """Cut a list into pieces that fit into a request each, in order.

    >>> list(parts(["a", "b", "c"], Batch(2)))
    [('a', 'b'), ('c',)]
    """
    most = inf if batch.tokens is None else batch.tokens * BYTES_PER_TOKEN
    part: list[str] = []
    size = 0
    for text in texts:
        own = len(text.encode("utf-8", "replace"))
        if part and (len(part) == batch.inputs or size + own > most):
            yield tuple(part)
            part, size = [], 0
        part.append(text)
        size += own
    yield tuple(part)


def embeddings(story: Story, told: Vectors, lost: tuple[str, ...]) -> Embeddings:
    """Return the vectors of a story that ended well."""
    last = story.attempts[-1]
    return Embeddings(
        list(told.vectors),
        told.model or last.model,
        last.provider,
        last.usage or NO_USAGE,
        None if story.cost is None else dollars(story.cost),
        story.latency,
        story.attempts,
        story.request.id,
        datetime.fromtimestamp(story.started / 1e9, UTC),
        tuple(dict.fromkeys((*lost, *last.lost))),
    )


def _look(made: Sequence[Embeddings]) -> None:
    """See that one model made all vectors."""
    first, last = made[0].attempts[-1], made[-1].attempts[-1]
    if first.model != last.model:
        words = (
            f"{first.deployment} embedded the first texts and {last.deployment} later ones: the vectors of two models can't be "
            "compared; give a model whose route leads to one model only"
        )
        attempts = tuple(attempt for one in made for attempt in one.attempts)
        failure = Failure(FailureKind.BAD_RESPONSE, words)
        raise BadResponseError(words, failure=failure, attempts=attempts, request_id=made[0].request_id)


def _joined(made: Sequence[Embeddings], latency: float) -> Embeddings:
    """Return what several requests made as one."""
    costs = [one.cost for one in made if one.cost is not None]
    return msgspec.structs.replace(
        made[0],
        vectors=[vector for one in made for vector in one.vectors],
        usage=reduce(_sum, (one.usage for one in made)),
        cost=sum(costs, Decimal()) if len(costs) == len(made) else None,
        latency=latency,
        attempts=tuple(attempt for one in made for attempt in one.attempts),
        lossy=tuple(dict.fromkeys(name for one in made for name in one.lossy)),
    )


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(*(getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

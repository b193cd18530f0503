"""Metrics, counted in plain dicts on the hot path; `families.py` shapes them for Prometheus when somebody scrapes.

Never labels by user, request or content: label values come from the configuration and from fixed tables (no unbounded
cardinality).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING, Protocol

from ...policies.admission import Admission
from ...types.attempt import Attempt, Story
from ...types.money import NanoDollars
from ...types.request import Request
from ...types.usage import Usage

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from ...engine.world import World
    from ..alerts import Alarm

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # seconds
LABELS_KEPT = 500  # routes with a label of their own, beside those of the settings
OTHER = "(other)"
TOKEN_KINDS = ("input", "cache_read", "cache_write", "cache_write_long", "audio_input", "output", "reasoning", "audio_output")


class Doorman(Protocol):
    """What a gateway's door has to show (`gateway.doorman.Doorman`)."""

    connections: int

    @property
    def bounds(self) -> Admission: ...  # noqa: D102 - as in gateway.doorman.Doorman


class Histogram:
    """Counts per bucket and a sum, for one set of labels."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one value."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Return (upper bound, count up to it), as Prometheus wants it."""
        rows, running = [], 0
        for upper, count in zip((*BUCKETS, float("inf")), self.counts, strict=True):
            running += count
            rows.append(("+Inf" if upper == float("inf") else repr(upper), float(running)))
        return rows


class Spans:
    """How long a route's requests took, waited for their turns at full limits, and waited for their first content."""

    __slots__ = ("durations", "label", "ttfts", "waits")

    def __init__(self, label: str) -> None:
        self.label = label
        self.durations, self.waits, self.ttfts = Histogram(), Histogram(), Histogram()


class Spent:
    """What a provider's model has taken: its tokens by `TOKEN_KINDS`, their cost, and how many attempts have no known price.

    The cost is None, and never 0, before any was known.
    """

    __slots__ = ("cost", "tokens", "unpriced")

    def __init__(self) -> None:
        self.tokens = [0] * len(TOKEN_KINDS)
        self.cost: NanoDollars | None = None
        self.unpriced = 0


class Metrics:
    """A sink that counts, and a Prometheus collector that shows the counts."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str], int] = defaultdict(int)
        self.attempts: dict[tuple[str, str, str], int] = defaultdict(int)
        self.spans: dict[str, Spans] = {}  # by route
        self.spent: dict[tuple[str, str], Spent] = defaultdict(Spent)  # by provider and model
        self.unknown: dict[tuple[str, int], int] = defaultdict(int)
        self.claims: dict[tuple[str, str, bool], int] = defaultdict(int)
        self.joints: dict[tuple[str, str, str], int] = defaultdict(int)
        self.faults = 0
        self.named: Container[str] = ()  # the routes of the settings
        self.reloads: dict[str, int] = defaultdict(int)
        self.worlds: Callable[[], list[World]] | None = None
        self.alarm: Alarm | None = None
        self.doorman: Doorman | None = None

    def answered(self, story: Story) -> None:
        """Count one request and its attempts."""
        failure, spans = story.failure, self.spans.get(story.route) or self._spans_of(story.route)
        route = spans.label
        self.requests[route, story.request.dialect, "ok" if failure is None else failure.kind.value] += 1
        spans.durations.add(story.latency)
        if story.queued:
            spans.waits.add(story.queued)
        if story.ttft is not None:
            spans.ttfts.add(story.ttft)
        for attempt in story.attempts:
            said, usage, provider = attempt.failure, attempt.usage, attempt.provider
            ended = "ok" if said is None else said.kind.value
            self.attempts[attempt.deployment if route is not OTHER else OTHER, provider, ended] += 1
            if attempt.joint:
                self.joints[route, attempt.joint, ended] += 1
            if said is not None and not said.is_known:
                self.unknown[provider, said.status or 0] += 1
            if usage is not None and attempt.usage_source != "none":
                self._spend((provider, attempt.model if route is not OTHER else OTHER), usage, attempt)

    def _spans_of(self, route: str) -> Spans:
        """Return those of a route not met before, or of all others: callers may name what no route of the settings holds."""
        label = OTHER if len(self.spans) >= LABELS_KEPT and route not in self.named else route
        return self.spans.setdefault(label, Spans(label))

    def _spend(self, label: tuple[str, str], usage: Usage, attempt: Attempt) -> None:
        spent, cost = self.spent[label], attempt.cost
        tokens = spent.tokens
        if attempt.claimed is not None:
            self.claims[(*label, attempt.claimed == usage)] += 1
        tokens[0] += usage.input
        tokens[5] += usage.output
        if usage.total != usage.input + usage.output:
            for place in (1, 2, 3, 4, 6, 7):
                tokens[place] += getattr(usage, TOKEN_KINDS[place])
        if cost is None:
            spent.unpriced += 1
        else:
            spent.cost = cost + (spent.cost or 0)

    def broke(self, error: BaseException, request: Request) -> None:
        """Count a fault of ours."""
        self.faults += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, for `prometheus_client`."""
        from .families import families

        yield from families(self)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

"""Prometheus metrics, counted in plain dicts on the hot path and shaped only when somebody scrapes.

Never labels by user, request or content: label values come from the configuration and from fixed tables (no unbounded
cardinality).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from ...policies.admission import REASONS, Admission
from ...types.alert import AlertKind
from ...types.attempt import Attempt, Story
from ...types.money import NANO
from ...types.request import Request
from ...types.usage import Usage

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from ...engine.fleet import Member
    from ...engine.world import World
    from ..alerts import Alarm

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # seconds
LABELS_KEPT = 500  # routes with a label of their own, beside those of the settings
OTHER = "(other)"
RELOADS = ("applied", "unchanged", "invalid", "failed")
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


class Metrics:
    """A sink that counts, and a Prometheus collector that shows the counts."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str], int] = defaultdict(int)
        self.attempts: dict[tuple[str, str, str], int] = defaultdict(int)
        self.durations: dict[str, Histogram] = defaultdict(Histogram)
        self.waits: dict[str, Histogram] = defaultdict(Histogram)
        self.ttfts: dict[str, Histogram] = defaultdict(Histogram)
        self.usages: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(TOKEN_KINDS))
        self.costs: dict[tuple[str, str], int] = defaultdict(int)
        self.unpriced: dict[tuple[str, str], int] = defaultdict(int)
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
        failure, route = story.failure, story.route
        if route not in self.durations and len(self.durations) >= LABELS_KEPT and route not in self.named:
            route = OTHER  # callers may name models that no route of the settings holds; their labels are bounded
        outcome = "ok" if failure is None else failure.kind.value
        self.requests[route, story.request.dialect, outcome] += 1
        self.durations[route].add(story.latency)
        if story.queued:
            self.waits[route].add(story.queued)
        if story.ttft is not None:
            self.ttfts[route].add(story.ttft)
        for attempt in story.attempts:
            said, usage = attempt.failure, attempt.usage
            deployment = attempt.deployment if route is not OTHER else OTHER
            self.attempts[deployment, attempt.provider, "ok" if said is None else said.kind.value] += 1
            if attempt.joint:
                self.joints[route, attempt.joint, "ok" if said is None else said.kind.value] += 1
            if said is not None and not said.is_known:
                self.unknown[attempt.provider, said.status or 0] += 1
            if usage is not None and attempt.usage_source != "none":
                model = attempt.model if route is not OTHER else OTHER
                self._spend((attempt.provider, model), usage, attempt)

    def _spend(self, label: tuple[str, str], usage: Usage, attempt: Attempt) -> None:
        cost = attempt.cost
        if attempt.claimed is not None:
            self.claims[(*label, attempt.claimed == usage)] += 1
        tokens = self.usages[label]
        tokens[0] += usage.input
        tokens[5] += usage.output
        if usage.total != usage.input + usage.output:
            for place in (1, 2, 3, 4, 6, 7):
                tokens[place] += getattr(usage, TOKEN_KINDS[place])
        if cost is None:
            self.unpriced[label] += 1
        else:
            self.costs[label] += cost

    def broke(self, error: BaseException, request: Request) -> None:
        """Count a fault of ours."""
        self.faults += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, for `prometheus_client`."""
        yield from _families(self)
        if self.alarm is not None:
            yield from _alerts(self.alarm)
        if self.worlds is not None:
            yield from _live(self.worlds(), {deployment for deployment, _, _ in self.attempts})
        if self.doorman is not None:
            yield from _door(self.doorman)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)


def _families(metrics: Metrics) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    requests = CounterMetricFamily("stormkeel_requests", "Requests by how they ended", labels=("route", "dialect", "outcome"))
    for labels, count in metrics.requests.items():
        requests.add_metric(labels, count)
    yield requests
    attempts = CounterMetricFamily(
        "stormkeel_attempts", "Attempts by how they ended", labels=("deployment", "provider", "outcome")
    )
    for labels, count in metrics.attempts.items():
        attempts.add_metric(labels, count)
    yield attempts
    unknown = CounterMetricFamily(
        "stormkeel_unknown_errors", "Errors of providers that no table knows, taken for what their status says",
        labels=("provider", "status"),
    )  # fmt: skip
    for (provider, status), count in metrics.unknown.items():
        unknown.add_metric((provider, str(status)), count)
    yield unknown
    joints = CounterMetricFamily(
        "stormkeel_joints", "Attempts to go on with streams that broke off, by how they ended", labels=("route", "way", "outcome")
    )
    for labels, count in metrics.joints.items():
        joints.add_metric(labels, count)
    yield joints
    for name, words, table in (
        ("stormkeel_request_duration_seconds", "Seconds from a request's arrival to its end", metrics.durations),
        ("stormkeel_queue_wait_seconds", "Seconds that requests waited for their turns at full limits", metrics.waits),
        ("stormkeel_ttft_seconds", "Seconds from a request's arrival to its first content", metrics.ttfts),
    ):
        family = HistogramMetricFamily(name, words, labels=("route",))
        for route, histogram in table.items():
            family.add_metric((route,), histogram.cumulative(), histogram.total)
        yield family
    yield from _spending(metrics)


def _spending(metrics: Metrics) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily

    tokens = CounterMetricFamily("stormkeel_tokens", "Tokens by bucket", labels=("provider", "model", "kind"))
    for (provider, model), counts in metrics.usages.items():
        for kind, count in zip(TOKEN_KINDS, counts, strict=True):
            if count:
                tokens.add_metric((provider, model, kind), count)
    yield tokens
    cost = CounterMetricFamily("stormkeel_cost_dollars", "Booked cost in US dollars", labels=("provider", "model"))
    for labels, amount in metrics.costs.items():
        cost.add_metric(labels, amount / NANO)
    yield cost
    unpriced = CounterMetricFamily("stormkeel_unpriced", "Attempts whose price is unknown", labels=("provider", "model"))
    for labels, count in metrics.unpriced.items():
        unpriced.add_metric(labels, count)
    yield unpriced
    claims = CounterMetricFamily(
        "stormkeel_usage_above_bound", "Attempts whose reported tokens are more than they can have taken, believed or not",
        labels=("provider", "model", "believed"),
    )  # fmt: skip
    for (provider, model, is_believed), count in metrics.claims.items():
        claims.add_metric((provider, model, "yes" if is_believed else "no"), count)
    yield claims
    faults = CounterMetricFamily("stormkeel_internal_faults", "Faults inside Stormkeel")
    faults.add_metric((), metrics.faults)
    yield faults
    reloads = CounterMetricFamily("stormkeel_config_reloads", "Reloads of the configuration", labels=("outcome",))
    for outcome in RELOADS:
        reloads.add_metric((outcome,), metrics.reloads[outcome])
    yield reloads


def _limits(world: World, members: Iterable[Member]) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    now = world.ports.clock.now()
    amount = GaugeMetricFamily(
        "stormkeel_limit", "Limits in force, by their names in the settings", labels=("quota", "limit", "source")
    )
    left = GaugeMetricFamily("stormkeel_limit_left", "What each limit lets through at once", labels=("quota", "limit"))
    share = GaugeMetricFamily("stormkeel_limit_share", "The share of its rates that is left after throttles", labels=("quota",))
    queue = GaugeMetricFamily("stormkeel_queue_requests", "Requests that wait for their turn", labels=("quota",))
    for quota in {member.cooling[0].group: member.cooling[0] for member in members}.values():
        learned = quota.rate.learned
        for limit in quota.limits(now):
            amount.add_metric((quota.group, limit.name, "learned" if limit.name in learned else "set"), limit.amount)
            left.add_metric((quota.group, limit.name), limit.left)
        share.add_metric((quota.group,), quota.rate.share)
        queue.add_metric((quota.group,), len(quota.line.queue))
    yield from (amount, left, share, queue)


def _alerts(alarm: Alarm) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily

    told = CounterMetricFamily("stormkeel_alerts", "Alerts told, by what has happened", labels=("kind",))
    for kind in AlertKind:
        told.add_metric((kind.value,), alarm.told[kind])
    yield told
    lost = CounterMetricFamily("stormkeel_alerts_lost", "Alerts that the webhook could not be told", labels=())
    lost.add_metric((), alarm.failed + alarm.dropped)
    yield lost


def _live(worlds: list[World], counted: Container[str]) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    world = worlds[0]
    named = (one for one in world.fleet.members if not one.deployment.is_found or one.deployment.name in counted)
    members = list(named)  # else whatever callers think of would be a label
    active = GaugeMetricFamily("stormkeel_active_requests", "Requests under way")
    active.add_metric((), sum(one.active for one in worlds))
    yield active
    hedges = CounterMetricFamily("stormkeel_hedges", "Chances to hedge by how they ended", labels=("route", "outcome"))
    for labels, count in world.hedging.outcomes.items():
        hedges.add_metric(labels, count)
    yield hedges
    config = GaugeMetricFamily("stormkeel_config_info", "The configuration that new requests run on", labels=("version",))
    config.add_metric((world.config,), 1)
    yield config
    yield from _limits(world, members)
    breakers = GaugeMetricFamily("stormkeel_breaker_state", "0 closed, 1 half open, 2 open", labels=("deployment",))
    for member in members:
        breakers.add_metric((member.deployment.name,), {"closed": 0, "half_open": 1, "open": 2}[member.breaker.state.value])
    yield breakers
    scopes = GaugeMetricFamily("stormkeel_scope_breaker_state", "The same of what several deployments share", labels=("scope",))
    for scope in {scope.name: scope for member in members for scope in member.scopes}.values():
        scopes.add_metric((scope.name,), {"closed": 0, "half_open": 1, "open": 2}[scope.state.value])
    yield scopes


def _door(doorman: Doorman) -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    bounds = doorman.bounds
    turned = CounterMetricFamily("stormkeel_turned_away", "Requests turned away at the door for want of room", labels=("reason",))
    for reason in REASONS:
        turned.add_metric((reason,), bounds.refused[reason])
    yield turned
    for name, words, value in (
        ("stormkeel_connections", "Connections of clients", doorman.connections),
        ("stormkeel_requests_in_line", "Requests that wait to be begun", bounds.in_line),
        ("stormkeel_held_body_bytes", "Bytes of request bodies held", bounds.held),
        ("stormkeel_strained", "1 while requests have waited too long to be begun", int(bounds.is_strained)),
    ):
        gauge = GaugeMetricFamily(name, words)
        gauge.add_metric((), value)
        yield gauge

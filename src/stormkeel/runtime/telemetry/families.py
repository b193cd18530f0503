"""Metric families: what `metrics.py` counted and what the engine looks like now, in Prometheus' shape.

Made anew at each scrape; never counts and never changes anything.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from ...policies.admission import REASONS
from ...types.alert import AlertKind
from ...types.money import NANO
from .metrics import TOKEN_KINDS, Doorman, Histogram, Metrics

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from ...engine.fleet import Member
    from ...engine.world import World
    from ..alerts import Alarm

RELOADS = ("applied", "unchanged", "invalid", "failed")
STATES = {"closed": 0, "half_open": 1, "open": 2}
Rows = Iterable[tuple[tuple[str, ...], float]]
"""Labels' values, and the figure."""


def families(metrics: Metrics) -> Iterator[Metric]:
    """Yield every family that there is something to say in."""
    yield from _counted(metrics)
    yield from _spans(metrics)
    yield from _spent(metrics)
    yield from _own(metrics)
    if metrics.alarm is not None:
        yield from _alerts(metrics.alarm)
    if metrics.worlds is not None:
        yield from _live(metrics.worlds(), {deployment for deployment, _, _ in metrics.attempts})
    if metrics.doorman is not None:
        yield from _door(metrics.doorman)


def _counter(name: str, words: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    return _filled(CounterMetricFamily(name, words, labels=labels), rows)


def _gauge(name: str, words: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    return _filled(GaugeMetricFamily(name, words, labels=labels), rows)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, rows: Rows) -> Metric:
    for values, figure in rows:
        family.add_metric(values, figure)
    return family


def _counted(metrics: Metrics) -> Iterable[Metric]:
    unknown = (((provider, str(status)), count) for (provider, status), count in metrics.unknown.items())
    yield _counter("stormkeel_requests", "Requests by how they ended", ("route", "dialect", "outcome"), metrics.requests.items())
    yield _counter(
        "stormkeel_attempts", "Attempts by how they ended", ("deployment", "provider", "outcome"), metrics.attempts.items()
    )
    yield _counter(
        "stormkeel_unknown_errors", "Errors of providers that no table knows, taken for what their status says",
        ("provider", "status"), unknown,
    )  # fmt: skip
    yield _counter(
        "stormkeel_joints", "Attempts to go on with streams that broke off, by how they ended", ("route", "way", "outcome"),
        metrics.joints.items(),
    )  # fmt: skip


def _spans(metrics: Metrics) -> Iterable[Metric]:
    for name, words, what in (
        ("stormkeel_request_duration_seconds", "Seconds from a request's arrival to its end", "durations"),
        ("stormkeel_queue_wait_seconds", "Seconds that requests waited for their turns at full limits", "waits"),
        ("stormkeel_ttft_seconds", "Seconds from a request's arrival to its first content", "ttfts"),
    ):
        family = HistogramMetricFamily(name, words, labels=("route",))
        for route, spans in metrics.spans.items():
            histogram: Histogram = getattr(spans, what)
            if any(histogram.counts):
                family.add_metric((route,), histogram.cumulative(), histogram.total)
        yield family


def _spent(metrics: Metrics) -> Iterable[Metric]:
    labels, spent = ("provider", "model"), list(metrics.spent.items())
    tokens = (
        ((*label, kind), count) for label, one in spent for kind, count in zip(TOKEN_KINDS, one.tokens, strict=True) if count
    )
    costs = ((label, one.cost / NANO) for label, one in spent if one.cost is not None)
    unpriced = ((label, one.unpriced) for label, one in spent if one.unpriced)
    claims = (((*label, "yes" if is_believed else "no"), count) for (*label, is_believed), count in metrics.claims.items())
    yield _counter("stormkeel_tokens", "Tokens by bucket", (*labels, "kind"), tokens)
    yield _counter("stormkeel_cost_dollars", "Booked cost in US dollars", labels, costs)
    yield _counter("stormkeel_unpriced", "Attempts whose price is unknown", labels, unpriced)
    yield _counter(
        "stormkeel_usage_above_bound", "Attempts whose reported tokens are more than they can have taken, believed or not",
        (*labels, "believed"), claims,
    )  # fmt: skip


def _own(metrics: Metrics) -> Iterable[Metric]:
    reloads = (((outcome,), metrics.reloads[outcome]) for outcome in RELOADS)
    yield _counter("stormkeel_internal_faults", "Faults inside Stormkeel", (), [((), metrics.faults)])
    yield _counter("stormkeel_config_reloads", "Reloads of the configuration", ("outcome",), reloads)


def _alerts(alarm: Alarm) -> Iterable[Metric]:
    told = (((kind.value,), alarm.told[kind]) for kind in AlertKind)
    lost = alarm.failed + alarm.dropped
    yield _counter("stormkeel_alerts", "Alerts told, by what has happened", ("kind",), told)
    yield _counter("stormkeel_alerts_lost", "Alerts that the webhook could not be told", (), [((), lost)])


def _live(worlds: list[World], counted: Container[str]) -> Iterable[Metric]:
    world = worlds[0]
    named = (one for one in world.fleet.members if not one.deployment.is_found or one.deployment.name in counted)
    members = list(named)  # else whatever callers think of would be a label
    breakers = (((member.deployment.name,), STATES[member.breaker.state.value]) for member in members)
    scopes = {scope.name: STATES[scope.state.value] for member in members for scope in member.scopes}
    active = sum(one.active for one in worlds)
    yield _gauge("stormkeel_active_requests", "Requests under way", (), [((), active)])
    yield _counter("stormkeel_hedges", "Chances to hedge by how they ended", ("route", "outcome"), world.hedging.outcomes.items())
    yield _gauge("stormkeel_config_info", "The configuration that new requests run on", ("version",), [((world.config,), 1)])
    yield from _limits(world, members)
    yield _gauge("stormkeel_breaker_state", "0 closed, 1 half open, 2 open", ("deployment",), breakers)
    yield _gauge(
        "stormkeel_scope_breaker_state", "The same of what several deployments share", ("scope",),
        (((name,), state) for name, state in scopes.items()),
    )  # fmt: skip


def _limits(world: World, members: Iterable[Member]) -> Iterable[Metric]:
    now = world.ports.clock.now()
    quotas = {member.cooling[0].group: member.cooling[0] for member in members}
    limits = [(group, limit, quota.rate.learned) for group, quota in quotas.items() for limit in quota.limits(now)]
    amounts = (((group, one.name, "learned" if one.name in learned else "set"), one.amount) for group, one, learned in limits)
    left = (((group, limit.name), limit.left) for group, limit, _ in limits)
    shares = (((group,), quota.rate.share) for group, quota in quotas.items())
    queues = (((group,), len(quota.line.queue)) for group, quota in quotas.items())
    labels = ("quota", "limit")
    yield _gauge("stormkeel_limit", "Limits in force, by their names in the settings", (*labels, "source"), amounts)
    yield _gauge("stormkeel_limit_left", "What each limit lets through at once", labels, left)
    yield _gauge("stormkeel_limit_share", "The share of its rates that is left after throttles", ("quota",), shares)
    yield _gauge("stormkeel_queue_requests", "Requests that wait for their turn", ("quota",), queues)


def _door(doorman: Doorman) -> Iterable[Metric]:
    bounds = doorman.bounds
    turned = (((reason,), bounds.refused[reason]) for reason in REASONS)
    yield _counter("stormkeel_turned_away", "Requests turned away at the door for want of room", ("reason",), turned)
    for name, words, figure in (
        ("stormkeel_connections", "Connections of clients", doorman.connections),
        ("stormkeel_requests_in_line", "Requests that wait to be begun", bounds.in_line),
        ("stormkeel_held_body_bytes", "Bytes of request bodies held", bounds.held),
        ("stormkeel_strained", "1 while requests have waited too long to be begun", int(bounds.is_strained)),
    ):
        yield _gauge(name, words, (), [((), figure)])

"""The judge: what a run showed, against what a careful engineer wants. Pure: evidence in, verdicts out.

Never knows which gateway it was, and never forgives. A check that has nothing to look at says nothing (None).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from .evidence import Arrival, Booked, Evidence, Seen
from .scenario import CUT, FILTERED, GARBLED, TOLD, WHOLE

PER_REQUEST = 3
"""Attempts at the primary for one request: more is hammering, whatever it met."""

CLOCKS_S = 0.005
"""What two clocks of one machine may differ by; also whole milliseconds are told."""


class Verdict(msgspec.Struct, frozen=True):
    """One check: its name, whether it holds (None: nothing to look at), and what was found."""

    check: str
    holds: bool | None
    found: str


class Judged(msgspec.Struct, frozen=True):
    """A run, judged.

    Attributes:
        evidence: what it showed.
        ends: how each request ended.
        verdicts: check by check.
    """

    evidence: Evidence
    ends: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Does every check hold?"""
        return all(verdict.holds is not False for verdict in self.verdicts)

    @property
    def rescued(self) -> int:
        """How many requests got their whole answer."""
        return self.ends.count(WHOLE)

    @property
    def longest(self) -> float:
        """Seconds the slowest request took."""
        return max(seen.seconds for seen in self.evidence.seen)


def judge(evidence: Evidence) -> Judged:
    """Judge a run."""
    ends = tuple(end_of(seen, evidence.texts[seen.number]) for seen in evidence.seen)
    return Judged(evidence, ends, tuple(Verdict(name, *check(evidence, ends)) for name, check in CHECKS.items()))


def end_of(seen: Seen, texts: tuple[str, str]) -> str:
    """How a request ended for its client, given the whole texts of the two providers."""
    if not any(text.startswith(seen.text) for text in texts):
        return GARBLED
    if seen.error:
        return TOLD
    if seen.finish == "content_filter":
        return FILTERED
    return WHOLE if seen.text in texts and seen.finish == "stop" else CUT


Found = tuple[bool | None, str]
Check = Callable[[Evidence, tuple[str, ...]], Found]


def _outcome(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    wanted = evidence.run.scenario.wanted.ends
    counts = ", ".join(f"{count} {end}" for end, count in Counter(ends).items())
    return all(end in wanted for end in ends), f"{counts}; wanted: {' or '.join(wanted)}"


def _in_time(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    """Who is late by no more than the processor was waited for can't be blamed, and is not praised either."""
    slowest, within = max(evidence.seen, key=lambda seen: seen.seconds - seen.lag), evidence.run.scenario.wanted.within
    longest = max(seen.seconds for seen in evidence.seen)
    found = f"{longest:.2f} s at the most; wanted: {within:g} s"
    if longest <= within or slowest.seconds - slowest.lag > within:
        return longest <= within, found
    return None, f"{found}; not judged, as a processor was waited for"


def _no_hammering(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    """Attempts that met the primary's fault, attempts at the fallback, and attempts at the primary for one request."""
    wanted = evidence.run.scenario.wanted
    vain = sum(bool(one.fault) for one in evidence.primary)
    most = max(Counter(one.request for one in evidence.primary).values(), default=0)
    found = f"{vain} in vain at the primary, {most} for one request, {len(evidence.fallback)} at the fallback"
    holds = vain <= wanted.primary and most <= PER_REQUEST and len(evidence.fallback) <= wanted.fallback
    return holds, f"{found}; wanted: {wanted.primary}, {PER_REQUEST} and {wanted.fallback}"


def _hint_kept(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    early = [
        (one.at - told.at, told.hint)
        for side in (evidence.primary, evidence.fallback)
        for told in side
        if told.hint
        for one in side
        if told.at < one.at < told.at + told.hint - CLOCKS_S
    ]
    if not any(told.hint for told in evidence.arrivals):
        return None, ""
    return not early, f"asked again after {early[0][0]:.3f} s of {early[0][1]:g}" if early else "never asked before it was over"


def _silent_left(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    if not evidence.run.scenario.silent:
        return None, ""
    again = [
        one for silent in evidence.primary if silent.fault for one in evidence.primary
        if one.request == silent.request and one.at > silent.at
    ]  # fmt: skip
    return not again, f"asked again after {again[0].at:.2f} s" if again else "asked once"


def _nothing_passed_off(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    bad = [(seen.number, end) for seen, end in zip(evidence.seen, ends, strict=True) if end in {CUT, GARBLED}]
    return not bad, f"request {bad[0][0]}: {bad[0][1]}" if bad else "what came without an error was all of it"


def _reason_told(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    says = evidence.run.scenario.wanted.says
    told = [f"{seen.status} {seen.words}" for seen, end in zip(evidence.seen, ends, strict=True) if end == TOLD]
    if not told:
        return None, ""
    dumb = [words for words in told if not words.strip(" 0") or (says and not any(say in words for say in says))]
    return not dumb, (dumb or told)[0][:200]


def _vouched(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    """Do model and usage of each whole answer fit an attempt that its provider finished?"""
    whole = [seen for seen, end in zip(evidence.seen, ends, strict=True) if end == WHOLE]
    if not whole:
        return None, ""
    foreign = [seen for seen in whole if not any(_fits(seen, one, side) for one, side in _sides(evidence, seen))]
    if evidence.run.scenario.joined:
        foreign = [seen for seen in foreign if not any(_ends(seen, one, who[0]) for one, who in _sides(evidence, seen))]
    if foreign:
        one = foreign[0]
        return False, f"request {one.number}: {one.model or 'no model'}, usage {one.usage}, and nobody answered so"
    return True, "those of who answered"


def _sides(evidence: Evidence, seen: Seen) -> Iterator[tuple[Arrival, tuple[str, str]]]:
    for side, model, text in zip(
        (evidence.primary, evidence.fallback), evidence.models, evidence.texts[seen.number], strict=True
    ):
        yield from ((one, (model, text)) for one in side if one.request == seen.number and one.status == 200)


def _fits(seen: Seen, one: Arrival, who: tuple[str, str]) -> bool:
    model, text = who
    counts = {one.usage} if one.reported else {None, one.usage}
    return (seen.model, seen.text) == (model, text) and seen.usage in counts


def _ends(seen: Seen, one: Arrival, model: str) -> bool:
    """Did an attempt end an answer that others began? Its model is the last one named, and the usage counts what it used."""
    counts = seen.usage or (0, 0)
    return (
        one.reported
        and seen.model.split(", ")[-1] == model
        and all(more >= less for more, less in zip(counts, one.usage, strict=True))
    )


def _back(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    wanted = evidence.run.scenario.wanted.back
    if not wanted:
        return None, ""
    good = [one.at - evidence.healed for one in evidence.primary if one.at >= evidence.healed and not one.fault]
    last = evidence.seen[-len(evidence.seen) // 20 :]
    home = sum(seen.model == evidence.models[0] for seen in last)
    if not good:
        return False, "never asked again"
    found = f"asked {good[0]:.1f} s after it healed, {home} of the last {len(last)} answers are its own"
    return good[0] <= wanted and home * 2 >= len(last), f"{found}; wanted: {wanted:g} s, half"


def _books(evidence: Evidence, ends: tuple[str, ...]) -> Found:
    """The ledger against the bills, attempt by attempt."""
    if evidence.books is None:
        return None, "no books to look at"
    books = {one.id: one for one in evidence.books}
    wrong = [fault for one in evidence.arrivals if (fault := _wrong(one, books.get(one.id)))]
    unsent = books.keys() - {one.id for one in evidence.arrivals}
    wrong += [f"{name} is booked, and was never sent" for name in unsent if books[name].amount]
    bill, amount = sum(one.cost for one in evidence.arrivals), sum(one.amount or 0 for one in evidence.books)
    return not wrong, wrong[0] if wrong else f"{len(books)} attempts: bills {bill}, books {amount} nano-dollars"


def _wrong(one: Arrival, book: Booked | None) -> str:
    """What is wrong with the booking of an attempt, "" for nothing."""
    if book is None:
        return f"an attempt of request {one.request} is not in the books ({one.id or 'it has no name'})"
    if book.amount is None or book.reserved is None:
        return f"{book.id}: no price is known"
    if (book.reported or (one.reported and not one.fault)) and book.amount != one.cost:
        return f"{book.id}: bill {one.cost}, booked {book.amount} where the provider told its count"
    if one.cost <= book.amount <= book.reserved:
        return ""
    return f"{book.id}: bill {one.cost}, booked {book.amount}, held {book.reserved}"


CHECKS: dict[str, Check] = {
    "outcome": _outcome,
    "in time": _in_time,
    "no hammering": _no_hammering,
    "Retry-After kept": _hint_kept,
    "silent one left alone": _silent_left,
    "no part for all": _nothing_passed_off,
    "reason told": _reason_told,
    "model and usage": _vouched,
    "back home": _back,
    "books": _books,
}
"""By name, in the order they are told."""

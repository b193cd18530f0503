"""Detours: INV-32 and INV-33. Where a request goes that was itself the reason of a failure, and what becomes of it on its way.

Never asks the engine why it went anywhere: a request's turns are marked, so who was shown which of them is seen, and how large a
window is thought to be stands in the configuration.

    INV-32  too long      the same text goes on to larger windows only, or to those of which nobody knows it
            refused       the same text goes on to nobody whom its route does not allow for that
            elsewhere     who is in no group of its route is asked only after such a failure, and only where the route names it
    INV-33  left out      only as a last resort of its route and never of a strict request; the oldest turns only; and told so
            put in        never a turn of anybody else's
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ..evidence import Call, Sending
from ..speech import marks_in
from ..talk import called
from .docket import Docket, Scene

TOO_LONG, REFUSED = "too_long", "filtered"
_NAMED = re.compile(r"(?:messages|input)\[(\d+)(?:\.\.(\d+))?\](?=,|$)")
_COMMENT = re.compile(rb": x-stormkeel-lossy: ([^\n]*)")
Route = dict[str, Any]


class _Way(msgspec.Struct, frozen=True):
    """Who may be asked on a route, as "provider/model".

    Attributes:
        own: in its groups.
        long, refused: named for what was too long, or refused.
        goes_on: does what was refused go on along the groups?
        instead: named for its last resort.
        is_hedged: may two be asked at the same time?
    """

    own: set[str]
    long: set[str]
    refused: set[str]
    goes_on: bool
    instead: set[str]
    is_hedged: bool


def detours(scene: Scene, docket: Docket) -> None:
    """Check each request that was sent."""
    windows = _windows(scene.plan.drawn)
    for request, sendings in scene.evidence.of_request().items():
        call = scene.evidence.calls[request]
        route = scene.plan.drawn["routes"][call.route]
        if any(one.act == TOO_LONG for one in sendings):
            _larger(docket, sendings, (windows, "hedge" in route))
        _allowed(docket, call, sendings, scene.plan.drawn)
        _own_words(docket, call, sendings)
        for one in sendings:
            if whole(call) != one.shown:
                _left_out(docket, call, one, route)
                _told(docket, call, one)


def whole(call: Call) -> tuple[tuple[str, str], ...]:
    """Return what of a request is shown to whoever is shown all of it."""
    turns = tuple((call.id, str(number)) for number in range(call.turns))
    return ((call.id, "s"), *turns) if call.has_system else turns


def _windows(drawn: dict[str, Any]) -> dict[str, int | None]:
    """Return how large each model's window is thought to be, where the configuration speaks of it."""
    return {name: one.get("window") for name, one in drawn.get("models", {}).items()}


# -- where it goes -----------------------------------------------------------------------------------------------------


def _is_known(other: Sending, one: Sending, is_hedged: bool) -> bool:
    """Was the end of one send known when another began? A hedge may have begun at that very moment."""
    return other.ended < one.at or (other.ended == one.at and other is not one and not is_hedged)


def _larger(docket: Docket, sendings: list[Sending], told: tuple[dict[str, int | None], bool]) -> None:
    """Check that what was too long for somebody goes, as it was, to larger windows only."""
    windows, is_hedged = told
    refused = [one for one in sendings if one.act == TOO_LONG and one.end == "read"]
    for one in sendings:
        window = windows.get(_model(one))
        for other in refused:
            least = windows.get(_model(other))
            if _is_known(other, one, is_hedged) and other.shown == one.shown and None not in (window, least):
                docket.check(
                    "INV-32", window > least, one.at, one.attempt,  # type: ignore[operator]  # neither is None
                    f"sent to {one.deployment} of {window} tokens, having been too long for {other.deployment} of {least}",
                )  # fmt: skip


def _model(one: Sending) -> str:
    return f"{one.provider}/{one.model}"


def _allowed(docket: Docket, call: Call, sendings: list[Sending], drawn: dict[str, Any]) -> None:
    """Check that each was asked as one of the route's groups, or as one named for what had failed before."""
    route = drawn["routes"][call.route]
    fallback, last = route.get("fallback", {}), route.get("last_resort", {})
    refused = fallback.get("content_refused", [])
    way = _Way(
        set(_in_groups(route)), set(_named(drawn, fallback.get("context_length", ["next"]))), set(_named(drawn, refused)),
        "next" in refused, set(_named(drawn, last.get("to", []))), "hedge" in route,
    )  # fmt: skip
    for one in sendings:
        before = [other for other in sendings if other.ended <= one.at and other.end == "read" and other is not one]
        there = _there(call, one, before, way)
        docket.check(
            "INV-32", _model(one) in there, one.at, one.attempt,
            f"sent to {one.deployment} after {[f'{other.deployment} {other.act}' for other in before]}; "
            f"its route allows {sorted(there)}",
        )  # fmt: skip


def _there(call: Call, one: Sending, before: list[Sending], way: _Way) -> set[str]:
    """Return who may be asked so, after what came before; who was found too small before anything was sent is not seen."""
    offences = [other for other in before if other.act == REFUSED and other.shown == one.shown]
    is_late = any(_is_known(other, one, way.is_hedged) for other in offences)
    long = way.long if call.turns > 1 or any(other.act == TOO_LONG for other in before) else set()
    if one.shown != whole(call):  # as a last resort: there as well
        return way.own | way.instead | long | (way.refused if any(other.act == REFUSED for other in before) else set())
    return long | (way.own if not is_late or way.goes_on else set()) | (way.refused if offences else set())


def _in_groups(route: Route) -> Iterator[str]:
    for group in route["groups"]:
        for target in group:
            yield f"{target['provider']}/{target['model']}"


def _named(drawn: dict[str, Any], names: list[str]) -> Iterator[str]:
    for name in names:
        if name in drawn["routes"]:
            yield from _in_groups(drawn["routes"][name])
        elif name != "next":
            yield name


# -- what becomes of it ------------------------------------------------------------------------------------------------


def _own_words(docket: Docket, call: Call, sendings: list[Sending]) -> None:
    """Check that nobody else's turns are in it."""
    for one in sendings:
        strange = {whose for whose, _ in one.shown} - {call.id, "route"}
        docket.check("INV-33", not strange, one.at, one.attempt, f"turns of {sorted(strange)} were sent with {call.id}")


def _left_out(docket: Docket, call: Call, one: Sending, route: Route) -> None:
    """Check that what was left out, or put in, is what the route says, and no more than may go."""
    last, shown = route.get("last_resort", {}), one.shown
    turns = [int(which) for whose, which in shown if whose == call.id and which != "s"]
    instead = [which for whose, which in shown if whose == "route"]
    docket.check("INV-33", not call.strict, one.at, one.attempt, f"a strict request was sent as {_tell(shown)}")
    may = ("s" not in instead or "system" in last) and ("p" not in instead or "prompt" in last)
    may = may and ((call.id, "s") in shown or not call.has_system or "s" in instead or "p" in instead)
    if "p" in instead:
        may = may and not turns
    elif len(turns) < call.turns:
        may = may and last.get("trim", False) and _is_sound(call, turns)
    docket.check("INV-33", may, one.at, one.attempt, f"{_tell(whole(call))} was sent as {_tell(shown)}; its route has {last}")


def _is_sound(call: Call, turns: list[int]) -> bool:
    """Do the turns that are left begin with what the user said, and go on in a row to the last, each call with its answer?"""
    if not turns or turns[0] % 2 or (turns[0] and called(call, turns[0] - 1)):
        return False
    is_gapped = len(turns) > 1 and turns[1] != turns[0] + 1  # where the model's turn would come first, the user's before it stays
    row = turns[1:] if is_gapped else turns
    torn = any(called(call, number - 1) and number - 1 not in turns for number in turns)
    return row == list(range(row[0], call.turns)) and (not is_gapped or row[0] % 2 == 1) and not torn


def _tell(shown: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{whose}:{which}" for whose, which in shown)


def _told(docket: Docket, call: Call, one: Sending) -> None:
    """Check that the caller was told of each turn that its answer was made without."""
    body = b"".join(call.got)
    if call.outcome != "whole" or one.attempt not in {attempt for attempt, _ in marks_in(body, call.dialect)}:
        return
    comment = _COMMENT.search(body)
    lossy = ", ".join(part for part in (call.lossy, comment[1].decode() if comment else "") if part)
    told, kept = f'was told "{lossy}"', {which for whose, which in one.shown if whose == call.id}
    missing = {number for number in range(call.turns) if str(number) not in kept}
    is_other = len(missing) == call.turns  # another prompt, in the place of all turns
    of_turns = re.search(r"\b(messages|input)\b", lossy) is not None if is_other else _in_header(call, lossy) == missing
    docket.check("INV-33", of_turns, call.ended, call.id, f"{told}, and answered without {sorted(missing)} of {call.turns} turns")
    if (call.has_system and "s" not in kept) or ("route", "s") in one.shown:
        is_told = "system" in lossy or (is_other and "messages" in lossy and call.dialect == "openai_chat")
        docket.check("INV-33", is_told, call.ended, call.id, f"{told}, and answered under other instructions")


def _in_header(call: Call, lossy: str) -> set[int]:
    """Return which turns a caller was told to have been left out."""
    shift = 1 if call.has_system and call.dialect == "openai_chat" else 0
    found = ((int(first), int(last or first)) for first, last in _NAMED.findall(lossy))
    return {place - shift for first, last in found for place in range(first, last + 1)}

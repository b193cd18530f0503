"""Lets a decision happen on a line: a refusal, a fault of the wire, or an answer.

Never decides; it only looks up the words (a dialect) and the steps (`script`) for what was decided.
"""

from __future__ import annotations

import math
from email.utils import formatdate

import msgspec

from stormkeel.sandbox.answer import Answer, Break, compose
from stormkeel.sandbox.bill import Row
from stormkeel.sandbox.decide import Decision, facts
from stormkeel.sandbox.dialect import Dialect, Mark, Spot
from stormkeel.sandbox.faults import Chosen
from stormkeel.sandbox.line import Line
from stormkeel.sandbox.play import Turn, play
from stormkeel.sandbox.problem import Problem
from stormkeel.sandbox.script import Step, stream_script, whole_script, wire_script
from stormkeel.sandbox.settings import SandboxSettings

_HTML = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>cloudflare</center>
</body>
</html>
"""
_EDGE = [("content-type", "text/html"), ("server", "cloudflare")]
_FILTERED_AFTER = 4  # tokens of text that get out before a filter steps in


class Stand(msgspec.Struct, frozen=True):
    """Where a request stands: who speaks to it, on which line, on which row of the bill."""

    dialect: Dialect
    line: Line
    row: Row
    mark: Mark
    settings: SandboxSettings


async def happen(decision: Decision, stand: Stand) -> None:
    """Let a decision happen; GoneError when the client leaves before the end."""
    decision = msgspec.structs.replace(decision, fault=_suited(decision.fault, stand.dialect))
    fault = decision.fault
    if fault is not None and fault.stage == "refuse":
        await _refuse(fault, decision, stand)
    elif fault is not None and fault.stage == "wire":
        await _break(fault, decision, stand)
    elif decision.problem is not None:
        await tell(decision.problem, stand)
    elif fault is not None and fault.name == "stream_error" and decision.asked and not decision.asked.stream:
        await tell(stand.dialect.refusal("stream_error", facts(decision.asked.model, None, stand.mark.now)), stand)
    else:
        answer = _compose(decision, stand)
        await play(_steps(decision, answer, stand), _turn(decision, answer, stand))


def _suited(fault: Chosen | None, dialect: Dialect) -> Chosen | None:
    """Put another fault in the place of one the dialect has no form for."""
    if fault is None or fault.name != "failed" or "failed" in dialect.able:
        return fault
    return Chosen("stream_error", {"after": fault.parameters["after"], "nested": 0})


async def tell(problem: Problem, stand: Stand) -> None:
    """Answer with a problem in the dialect's words."""
    stand.row.status = problem.status
    headers = [*stand.dialect.headers(stand.mark, spent=problem.status == 429), *problem.headers]
    body = stand.dialect.error_body(problem, stand.mark)
    await stand.line.reply(problem.status, [("content-type", "application/json"), *headers], body)


async def _refuse(fault: Chosen, decision: Decision, stand: Stand) -> None:
    if fault.name == "html_error":
        stand.row.status = 502
        await stand.line.reply(502, _EDGE, _HTML)
        return
    wait = fault.parameters.get("retry_after", 0)
    known = facts(decision.model or "unknown", decision.asked, stand.mark.now, wait)
    if fault.name == "context_length":
        known = msgspec.structs.replace(known, prompt=max(known.prompt, known.window + 1))
    problem = stand.dialect.refusal(fault.name, known)
    headers = () if "waits" in stand.dialect.able else hint(fault.name, wait, stand.mark.now)
    await tell(msgspec.structs.replace(problem, headers=headers), stand)


def hint(fault: str, wait: float, now: float) -> tuple[tuple[str, str], ...]:
    """Return the header that says when to come back; whole seconds are rounded up, so that nobody is told to come too early.

    >>> hint("rate_limit", 1.2, 0), hint("rate_limit_ms", 0.25, 0), hint("server_error", 0, 0)
    ((('retry-after', '2'),), (('retry-after-ms', '250'),), ())
    """
    match fault:
        case "rate_limit" | "daily_quota":
            return (("retry-after", str(math.ceil(wait))),)
        case "rate_limit_date":
            return (("retry-after", formatdate(math.ceil(now + wait), usegmt=True)),)
        case "rate_limit_ms":
            return (("retry-after-ms", f"{wait * 1000:g}"),)
        case _:
            return ()


async def _break(fault: Chosen, decision: Decision, stand: Stand) -> None:
    answer = _compose(decision, stand)
    if fault.parameters["billed"] and answer is not None:
        stand.row.tokens = answer.tokens
    await play(wire_script(fault), _turn(decision, answer, stand))


def _compose(decision: Decision, stand: Stand) -> Answer | None:
    """Write the answer; None to a request that could not be read or is not allowed one."""
    if decision.asked is None or decision.problem is not None:
        return None
    usage = decision.fault is None or decision.fault.name != "no_usage"
    return compose(decision.asked, decision.wish, stand.settings.seed, breaks=_breaks(decision.fault), usage=usage)


def _breaks(fault: Chosen | None) -> Break | None:
    match "" if fault is None else fault.name:
        case "content_filter":
            return Break("filter", _FILTERED_AFTER)
        case "failed":
            assert fault is not None
            return Break("failed", int(fault.parameters["after"]), anywhere=True)
        case _:
            return None


def _steps(decision: Decision, answer: Answer | None, stand: Stand) -> list[Step]:
    assert answer is not None
    assert decision.asked is not None
    fault, dialect, mark = decision.fault, stand.dialect, stand.mark
    if not decision.asked.stream:
        return whole_script(dialect.body(answer, decision.asked, mark), answer.pieces, _reported(answer), fault)
    frames = dialect.frames(answer, decision.asked, mark)
    given = {} if fault is None else fault.parameters
    spot = Spot(min(int(given.get("after", 0)), len(frames)), bool(given.get("nested")))
    known = facts(decision.asked.model, None, mark.now)
    error = dialect.error_frame(dialect.refusal("stream_error", known), mark, spot)
    return stream_script(frames, error, fault, array=decision.asked.array)


def _reported(answer: Answer) -> bool:
    """Tell whether a whole answer carries its usage; one that failed does not."""
    return answer.usage and not any(choice.finish == "failed" for choice in answer.choices)


def _turn(decision: Decision, answer: Answer | None, stand: Stand) -> Turn:
    settings, pace_ms = stand.settings, decision.wish.pace_ms
    return Turn(
        stand.line,
        stand.row,
        answer,
        stand.dialect.headers(stand.mark, spent=False),
        streamed=bool(decision.asked and decision.asked.stream),
        pace_s=settings.pace_s if pace_ms is None else pace_ms / 1000,
        hold_s=settings.hold_s,
    )

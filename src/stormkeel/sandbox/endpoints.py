"""What a provider serves: answers, the list of models, and a 404 in its own words for everything else.

Never decides what happens to a request; `decide` does.
"""

from __future__ import annotations

from stormkeel.sandbox import anthropic, openai
from stormkeel.sandbox.anthropic import counting
from stormkeel.sandbox.bill import PRICES
from stormkeel.sandbox.book import Record
from stormkeel.sandbox.decide import Decision, decide, facts, unaccepted
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.dialect import Dialect
from stormkeel.sandbox.happen import Stand, happen, tell
from stormkeel.sandbox.line import GoneError, Inbound, Line
from stormkeel.sandbox.problem import Problem

OPENAI: Dialect = openai
ANTHROPIC: Dialect = anthropic
COUNTING: Dialect = counting

_ONE_MODEL = "/v1/models/"


async def chat_completions(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/chat/completions."""
    await _generate(desk, inbound, line, OPENAI)


async def messages(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/messages."""
    await _generate(desk, inbound, line, ANTHROPIC)


async def responses(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/responses."""
    await _generate(desk, inbound, line, desk.responses)


async def input_tokens(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/responses/input_tokens."""
    await _count(desk, inbound, line, desk.input_tokens)


async def embeddings(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/embeddings."""
    await _generate(desk, inbound, line, desk.embeddings)


async def count_tokens(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/messages/count_tokens."""
    await _count(desk, inbound, line, COUNTING)


async def models(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /v1/models, in the dialect that was asked."""
    stand, record = desk.stand(inbound, line, _spoken(inbound))
    problem = unaccepted(inbound, stand.dialect, desk.settings)
    if problem is not None:
        await _complain(problem, stand, record)
    else:
        await _give(stand.dialect.models(_served(desk, stand.dialect)), stand, record)


async def elsewhere(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /v1/models/{name}; and the 404 of every other path."""
    stand, record = desk.stand(inbound, line, _spoken(inbound))
    dialect, name = stand.dialect, inbound.path.removeprefix(_ONE_MODEL)
    problem = unaccepted(inbound, dialect, desk.settings)
    if problem is not None:
        await _complain(problem, stand, record)
    elif inbound.method != "GET" or name == inbound.path:
        await _complain(_no_such_path(inbound, dialect), stand, record)
    elif name not in _served(desk, dialect):
        await _complain(dialect.refusal("model_not_found", facts(name, None, stand.mark.now)), stand, record)
    else:
        await _give(dialect.model(name), stand, record)


async def _generate(desk: Desk, inbound: Inbound, line: Line, dialect: Dialect) -> None:
    stand, record = desk.stand(inbound, line, dialect)
    decision = decide(inbound, dialect, desk.settings, desk.draw())
    _note(decision, stand, record)
    desk.book.add(stand.row)
    await _happen(decision, stand, record)


async def _count(desk: Desk, inbound: Inbound, line: Line, dialect: Dialect) -> None:
    """Count what goes in: it stands on no bill, and only a fault that is wished for meets it."""
    stand, record = desk.stand(inbound, line, dialect)
    decision = decide(inbound, dialect, desk.settings, None)
    _note(decision, stand, record)
    await _happen(decision, stand, record)


def _note(decision: Decision, stand: Stand, record: Record) -> None:
    stand.row.model = decision.model
    stand.row.fault = record.fault = None if decision.fault is None else str(decision.fault)
    record.violations = [] if decision.problem is None else [decision.problem.message]


async def _happen(decision: Decision, stand: Stand, record: Record) -> None:
    row = stand.row
    try:
        await happen(decision, stand)
    except GoneError:
        row.left = True
        raise
    finally:
        row.open = False
        record.status = row.status


async def _give(body: bytes, stand: Stand, record: Record) -> None:
    record.status = 200
    headers = [("content-type", "application/json"), *stand.dialect.headers(stand.mark, spent=False)]
    await stand.line.reply(200, headers, body)


async def _complain(problem: Problem, stand: Stand, record: Record) -> None:
    record.status, record.violations = problem.status, [problem.message]
    await tell(problem, stand)


def _no_such_path(inbound: Inbound, dialect: Dialect) -> Problem:
    if dialect.name == ANTHROPIC.name:
        return Problem(404, "not_found_error", "Not Found")
    return Problem(404, "invalid_request_error", f"Invalid URL ({inbound.method} {inbound.path})")


def _spoken(inbound: Inbound) -> Dialect:
    """Tell which provider is meant where both serve the path."""
    return OPENAI if inbound.header("anthropic-version") is None else ANTHROPIC


def _served(desk: Desk, dialect: Dialect) -> list[str]:
    names = desk.settings.models or tuple(PRICES)
    return [name for name in names if name.startswith("claude") == (dialect.name == ANTHROPIC.name)]

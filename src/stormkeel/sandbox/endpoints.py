"""What a provider serves: answers, counts and embeddings. The list of models and all that is not served are in `listed`.

Never decides what happens to a request; `decide` does.
"""

from __future__ import annotations

from stormkeel.sandbox.anthropic import counting
from stormkeel.sandbox.book import Record
from stormkeel.sandbox.decide import Decision, decide
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.dialect import Dialect
from stormkeel.sandbox.gemini import CountTokens, spoken
from stormkeel.sandbox.gemini.address import address
from stormkeel.sandbox.happen import Stand, happen
from stormkeel.sandbox.line import GoneError, Inbound, Line
from stormkeel.sandbox.listed import ANTHROPIC, OPENAI, elsewhere

COUNTING: Dialect = counting


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


async def gemini(desk: Desk, inbound: Inbound, line: Line) -> None:
    """POST /v1/models/{name}:{verb} and /v1beta/models/{name}:{verb}."""
    found = address(inbound.path)
    dialect = None if found is None else spoken(found, inbound, desk.settings.seed)
    if dialect is None:
        await elsewhere(desk, inbound, line)
    elif isinstance(dialect, CountTokens):
        await _count(desk, inbound, line, dialect)
    else:
        await _generate(desk, inbound, line, dialect)


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

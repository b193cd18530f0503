"""The list of models, one model, and a 404 in the provider's own words for every path there is not.

Never answers a conversation; `endpoints` does. Where several providers serve a path the request's headers tell who is meant.
"""

from __future__ import annotations

from urllib.parse import unquote

from stormkeel.sandbox import anthropic, openai
from stormkeel.sandbox.bill import PRICES
from stormkeel.sandbox.book import Record
from stormkeel.sandbox.decide import facts, unaccepted
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.dialect import Dialect
from stormkeel.sandbox.gemini import NAME as GOOGLE
from stormkeel.sandbox.gemini import Generate, errors, listing
from stormkeel.sandbox.gemini.address import parameters, speaks
from stormkeel.sandbox.happen import Stand, tell
from stormkeel.sandbox.line import Inbound, Line
from stormkeel.sandbox.problem import Problem

OPENAI: Dialect = openai
ANTHROPIC: Dialect = anthropic
GEMINI: Dialect = Generate()

_MAKERS = {"claude": ANTHROPIC.name, "gemini": GOOGLE}


async def models(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /v1/models and /v1beta/models, in the dialect that was asked."""
    stand, record = desk.stand(inbound, line, _spoken(inbound))
    problem = unaccepted(inbound, stand.dialect, desk.settings)
    body = _listed(_served(desk, stand.dialect), stand.dialect, inbound)
    if problem is not None:
        await _complain(problem, stand, record)
    elif body is None:
        await _complain(stand.dialect.invalid("pageSize and pageToken must be numbers that were handed out."), stand, record)
    else:
        await _give(body, stand, record)


async def elsewhere(desk: Desk, inbound: Inbound, line: Line) -> None:
    """GET /v1/models/{name} and /v1beta/models/{name}; and the 404 of every other path."""
    stand, record = desk.stand(inbound, line, _spoken(inbound))
    dialect, name = stand.dialect, _one(inbound)
    problem = unaccepted(inbound, dialect, desk.settings)
    if problem is not None:
        await _complain(problem, stand, record)
    elif inbound.method != "GET" or name is None:
        await _complain(_no_such_path(inbound, dialect), stand, record)
    elif name not in _served(desk, dialect):
        await _complain(dialect.refusal("model_not_found", facts(name, None, stand.mark.now)), stand, record)
    else:
        await _give(dialect.model(name), stand, record)


def _listed(names: list[str], dialect: Dialect, inbound: Inbound) -> bytes | None:
    if dialect.name != GOOGLE:
        return dialect.models(names)
    told = parameters(inbound)
    return listing.models(names, told.get("pageSize") or told.get("page_size"), told.get("pageToken") or told.get("page_token"))


def _one(inbound: Inbound) -> str | None:
    """Return the name of the one model a path is about."""
    _, found, name = inbound.path.removeprefix("/v1beta").removeprefix("/v1").partition("/models/")
    return unquote(name) if found and inbound.path.startswith(("/v1/models/", "/v1beta/models/")) else None


async def _give(body: bytes, stand: Stand, record: Record) -> None:
    record.status = 200
    headers = [("content-type", "application/json"), *stand.dialect.headers(stand.mark, spent=False)]
    await stand.line.reply(200, headers, body)


async def _complain(problem: Problem, stand: Stand, record: Record) -> None:
    record.status, record.violations = problem.status, [problem.message]
    await tell(problem, stand)


def _no_such_path(inbound: Inbound, dialect: Dialect) -> Problem:
    if dialect.name == GOOGLE:
        return errors.no_method()
    if dialect.name == ANTHROPIC.name:
        return Problem(404, "not_found_error", "Not Found")
    return Problem(404, "invalid_request_error", f"Invalid URL ({inbound.method} {inbound.path})")


def _spoken(inbound: Inbound) -> Dialect:
    """Tell which provider is meant where several serve the path."""
    if inbound.header("anthropic-version") is not None:
        return ANTHROPIC
    return GEMINI if speaks(inbound) else OPENAI


def _served(desk: Desk, dialect: Dialect) -> list[str]:
    names = desk.settings.models or tuple(PRICES)
    return [name for name in names if _MAKERS.get(name.partition("-")[0], OPENAI.name) == dialect.name]

"""Decides what happens to a request for an answer. Pure but for the clock in its settings; `happen` acts.

Never reads a dialect's fields itself. Order: a wished fault, else the storm's; the credential; the request's own mistakes; a
model that is not served; a prompt larger than the window.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import count
from stormkeel.sandbox.ask import Asked, UsageWish, Wish, header_wish, merge, message_wish, model_wish, split_model
from stormkeel.sandbox.bill import PRICES
from stormkeel.sandbox.dialect import Dialect, Facts
from stormkeel.sandbox.faults import Chosen, parse
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Problem, RefusedError
from stormkeel.sandbox.resume import going_on
from stormkeel.sandbox.settings import SandboxSettings

_WORDS = ("answer", "tokens", "tools", "reasoning_text", "refusal")
_WINDOW = 1_000_000  # tokens; for models without a price


class Decision(msgspec.Struct, frozen=True):
    """What will happen: `fault` if there is one; else `problem`; else an answer to `asked`.

    `model` is the plain name, where one was told.
    """

    model: str | None
    wish: Wish
    fault: Chosen | None = None
    problem: Problem | None = None
    asked: Asked | None = None


def decide(inbound: Inbound, dialect: Dialect, settings: SandboxSettings, drawn: Chosen | None) -> Decision:
    """Return what will happen to a request; `drawn` is the storm's fault for it."""
    model, wishes = split_model(dialect.named(inbound) or "")
    problems = [unaccepted(inbound, dialect, settings)]
    asked, misread = _read(inbound, dialect, settings)
    wish, miswished = _wish(inbound, asked, wishes, dialect)
    problems += [misread, miswished, None if asked is None else _beyond(asked, wish, dialect, settings)]
    problem = next((problem for problem in problems if problem is not None), None)
    fault = drawn if wish.fault is None else parse(wish.fault)
    return Decision(model or None, wish, fault, problem, asked)


def unaccepted(inbound: Inbound, dialect: Dialect, settings: SandboxSettings) -> Problem | None:
    """Return the 401 for a credential that is missing or unknown.

    Known are those of `settings.keys`; where there are none, all that begin with "sk-".
    """
    credential = dialect.credential(inbound)
    if credential is not None and (credential in settings.keys if settings.keys else credential.startswith("sk-")):
        return None
    return dialect.unauthorised(credential)


def facts(model: str, asked: Asked | None, now: float, retry_after: float = 0) -> Facts:
    """Return what a refusal may mention."""
    prompt = 0 if asked is None else count(asked.prompt) + asked.extra_tokens
    return Facts(model, retry_after, prompt, _window(model), now)


def _read(inbound: Inbound, dialect: Dialect, settings: SandboxSettings) -> tuple[Asked | None, Problem | None]:
    try:
        return dialect.read(inbound, model_rules=settings.model_rules, ownership=settings.ownership), None
    except RefusedError as refused:
        return None, refused.problem


def _wish(inbound: Inbound, asked: Asked | None, wishes: str, dialect: Dialect) -> tuple[Wish, Problem | None]:
    try:
        said = message_wish(asked.last_user) if asked else Wish()
        more = going_on(asked, begins="begins" in dialect.able) if asked else Wish()
        wish = merge([header_wish(inbound), more, said, model_wish(wishes)])
    except ValueError as error:
        return Wish(), dialect.invalid(str(error))
    wrong = _ungranted(wish, dialect.able)
    return wish, None if wrong is None else dialect.invalid(f"sandbox: {wrong}")


def _ungranted(wish: Wish, able: frozenset[str]) -> str | None:
    """Return why a wish cannot be granted by a dialect, or None."""
    if "custom" not in able and any(tool.input is not None for tool in wish.tools or ()):
        return "no tool of this dialect takes an `input`; wish `arguments`"
    if "words" in able:
        return None
    named = next((name for name in _WORDS if getattr(wish, name) is not None), None)
    if named is not None:
        return f"there are no words here to choose, so no `{named}`"
    if wish.usage is not None and wish.usage != UsageWish(input=wish.usage.input):
        return "only `input` is used here"
    return None


def _beyond(asked: Asked, wish: Wish, dialect: Dialect, settings: SandboxSettings) -> Problem | None:
    if settings.models and asked.model not in settings.models:
        return dialect.refusal("model_not_found", facts(asked.model, None, settings.clock()))
    window = _window(asked.model)
    told = wish.usage is not None and wish.usage.input is not None
    if told or asked.truncates or sum(map(len, asked.prompt)) + asked.extra_tokens <= window:  # a token is at least one character
        return None
    known = facts(asked.model, asked, settings.clock())
    return dialect.refusal("context_length", known) if known.prompt > window else None


def _window(model: str) -> int:
    price = PRICES.get(model)
    return _WINDOW if price is None else price.window

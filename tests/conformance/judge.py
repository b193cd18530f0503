"""What a cell came to: what was scripted beside what was found, and beside what is stated to be impossible.

Never lets a difference pass: one that is not stated makes the cell red, and so does a stated one that is not there.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec
from asked import Call, Said, Sent, Sighting
from cases import Case
from limits import Limit, limit_of

WORKS, TELLS, DIFFERS, RED = "works", "works, told", "differs", "red"


class Verdict(msgspec.Struct, frozen=True):
    """What one cell came to.

    Attributes:
        state: one of WORKS, TELLS (works, and names what was lost), DIFFERS (as `limits` state), RED.
        lost: what the gateway named.
        why: the reason of what can't be, or what was wrong.
    """

    cell: Any
    state: str
    lost: tuple[str, ...] = ()
    why: str = ""


def judge(cell: Any, case: Case, client: ModuleType, found: list[Any] | str) -> Verdict:
    """Compare what came of a cell, or its error, with what must."""
    limit = limit_of(cell.client, cell.upstream, cell.case)
    if isinstance(found, str):
        stated = limit is not None and limit.refused and limit.refused in found
        return Verdict(cell, DIFFERS, why=limit.reason) if limit and stated else Verdict(cell, RED, why=found)
    wrong = {name: what for turn in found for name, what in differences(cell, case, client, turn).items()}
    if limit is not None:
        wrong |= {
            f"sent {name}": "not there instead"
            for turn in found
            for name, what in limit.instead.items()
            if getattr(turn.sent, name) != what
        }
    lost = tuple(dict.fromkeys(name for turn in found for name in turn.lost))
    if limit is None:
        if wrong:
            return Verdict(cell, RED, lost, "; ".join(f"{name}: {what}" for name, what in wrong.items()))
        return Verdict(cell, TELLS if lost else WORKS, lost)
    return _beside(limit, Verdict(cell, DIFFERS, lost, limit.reason), wrong)


def _beside(limit: Limit, verdict: Verdict, wrong: dict[str, str]) -> Verdict:
    """Hold what was found against what is stated: exactly that, and told if it is said to be."""
    unstated = [f"{name}: {what}" for name, what in wrong.items() if name not in limit.differs]
    absent = [f"{name} is stated to differ and does not" for name in limit.differs if name not in wrong]
    untold = [f"`{name}` is stated to be told and is not" for name in limit.told if name not in verdict.lost]
    if limit.refused:
        absent.append("stated to be refused, and answered")
    problems = [*unstated, *absent, *untold]
    return msgspec.structs.replace(verdict, state=RED, why="; ".join(problems)) if problems else verdict


def differences(cell: Any, case: Case, client: ModuleType, turn: Any) -> dict[str, str]:
    """Return what is not as scripted, by name."""
    said: Said = turn.said
    wish = (case.then or case.ask).wish
    scripted: dict[str, Any] = {
        "text": wish.get("answer", "") if case.text is None else case.text,
        "calls": [(one["name"], one["arguments"]) for one in wish.get("tools", ())],
        "finish": client.FINISHES[case.finish],
        "usage": client.counted(_told(cell.upstream, turn.tokens)),
        "thoughts": wish.get("reasoning_text", ""),
        "refusal": wish.get("refusal", ""),
        "parsed": Sighting(where="bow", n=2) if case.ask.form else None,
        "ids": "",
    }
    got: dict[str, Any] = {
        "text": said.text, "calls": [(one.name, one.arguments) for one in said.calls], "finish": said.finish, "usage": said.usage,
        "thoughts": said.thoughts, "refusal": said.refusal, "parsed": said.parsed, "ids": _ids(said.calls),
    }  # fmt: skip
    if case.ask.form and cell.client == "gemini" and cell.way == "stream":
        scripted["parsed"] = None  # this SDK reads a form from whole answers only
    wrong = {name: f"{got[name]!r}, not {scripted[name]!r}" for name in scripted if got[name] != scripted[name]}
    return wrong | _unsent(case, turn.sent)


def _told(upstream: str, tokens: Any) -> Any:
    """What of the bill a provider tells: Gemini counts what it wrote to its cache as plain input, OpenAI has one bucket for it."""
    if upstream == "gemini":
        return msgspec.structs.replace(
            tokens, input=tokens.input + tokens.cache_write + tokens.cache_write_1h, cache_write=0, cache_write_1h=0
        )
    return tokens


def _ids(calls: tuple[Call, ...]) -> str:
    """What is wrong with the ids of calls."""
    ids = [call.id for call in calls]
    if len(set(ids)) < len(ids) or not all(ids):
        return f"not one id for each call: {ids}"
    return next((f"an id of {len(one)} characters" for one in ids if len(one) > 64), "")


def _unsent(case: Case, sent: Sent) -> dict[str, str]:
    wrong = {}
    for name, what in case.sent.items():
        found = getattr(sent, name)
        if (found or {}).get("properties", {}).keys() != {"where", "n"} if name == "schema" else found != what:
            wrong[f"sent {name}"] = f"{str(found)[:120]!r}, not {str(what)[:120]!r}"
    if case.abroad and sent.thoughts:
        wrong["sent thoughts"] = "another model's went to this one"
    if case.carries and not sent.thoughts:
        wrong["sent thoughts"] = "none came back to the model that made them"
    return wrong

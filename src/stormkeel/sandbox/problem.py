"""A refusal as a value: what a provider says when it will not answer, before a dialect puts it in its own words.

Never writes bytes: each dialect has its own form of an error body.
"""

from __future__ import annotations

import re

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """An error answer.

    `kind` is the dialect's error type (Gemini: the status in words), `code` OpenAI's code or Anthropic's details.error_code,
    `details` Gemini's.
    """

    status: int
    kind: str
    message: str
    code: str | None = None
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    details: tuple[dict[str, object], ...] = ()


class RefusedError(Exception):
    """The request is not one this provider takes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Misfit(msgspec.Struct, frozen=True):
    """Where a body leaves its schema.

    `field` is the name that is missing or unknown, `path` its parent or the place of the bad value.
    """

    what: str  # "missing", "unknown", "type", "value"
    path: tuple[str, ...]
    field: str
    text: str


_PLACE = re.compile(r" - at `\$(?P<path>.*)`$")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?([^.\[\]]+)")
_NAMED = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<field>.*)`$")


def misfit(error: msgspec.ValidationError) -> Misfit:
    """Take a msgspec error apart ("Expected `str`, got `int` - at `$.messages[0].role`")."""
    text = str(error)
    place = _PLACE.search(text)
    steps = _STEP.findall(place["path"]) if place else []
    # "..." is msgspec's word for any key of a mapping
    path = tuple(step for index, name in steps if (step := index or name) != "...")
    said = text[: place.start()] if place else text
    named = _NAMED.match(said)
    if named:
        return Misfit("missing" if named["what"].startswith("missing") else "unknown", path, named["field"], said)
    return Misfit("type" if ", got " in said else "value", path, "", said)

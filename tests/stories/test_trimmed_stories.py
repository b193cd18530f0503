"""How much of a conversation stays where the route trims it: as much as fits by our estimate, and not a turn more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from story_stage import Bench, Reply, play, refused, whole

from stormkeel.catalog.families import family_of
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.engine.last_resort import SHARES, USUAL_OUTPUT
from stormkeel.ledger.count import by_bytes
from stormkeel.types.content import Message
from stormkeel.types.failure import Failure
from stormkeel.types.prompt import Prompt
from stormkeel.types.wire import HttpRequest

FAMILY = family_of("small")
TURN = "the keel holds the ship upright " * 12
TURNS = [{"role": "user" if place % 2 == 0 else "assistant", "content": f"{place} {TURN}"} for place in range(121)]
SYSTEM = {"role": "system", "content": "be brief " * 60}
TOO_LONG = refused(400, "context_length_exceeded", "invalid_request_error")


def tokens(turns: list[dict[str, str]]) -> float:
    """What they have by our estimate."""
    roles: Any = [Message(one["role"], one["content"]) for one in turns]  # type: ignore[arg-type]  # roles as they are
    return by_bytes(Prompt(tuple(roles)), FAMILY)


def house(window: str, more: str = "") -> bytes:
    """One model with such a window, trimmed last."""
    return f"""
    [providers.gpu]
    kind = "compatible"
    base_url = "http://127.0.0.1:9/v1"
    {window and '[models."gpu/small"]'}
    {window}
    [routes.fast]
    groups = [["gpu/small"]]
    last_resort.trim = true
    {more}
    """.encode()


def kept(settings: bytes, refusals: int = 0, **body: Any) -> list[dict[str, str]]:
    """The turns that are asked after so many refusals; where the window is known nobody is sent what surely is too long."""
    found: list[Any] = []

    async def story() -> None:
        seen: list[HttpRequest] = []

        def choose(request: HttpRequest) -> Reply:
            seen.append(request)
            return TOO_LONG if len(seen) <= refusals else whole("yes")

        bench = Bench(choose, settings)
        answer = await bench.ask(**{"messages": TURNS, **body})
        assert answer.failure is None, answer.failure
        found.append(json.loads(bench.transport.sent[-1].request.body)["messages"])
        told = dict(answer.headers)["x-stormkeel-lossy"]
        first = int(found[0][-1]["content"].split()[0]) - (len([one for one in found[0] if one["role"] != "system"]) - 1)
        shift = len(body.get("messages", TURNS)) - len(TURNS)
        assert told == f"messages[{shift}..{first - 1 + shift}]"

    play(story)
    return found[0]  # type: ignore[no-any-return]  # as JSON has it


def is_as_much_as_fits(turns: list[dict[str, str]], room: float, scale: float = 1.0) -> bool:
    """Do they fit, and would they not with the two turns before them?"""
    said = [one for one in turns if one["role"] != "system"]
    two = TURNS[len(TURNS) - len(said) - 2 : len(TURNS) - len(said)]
    return scale * tokens(turns) <= room < scale * (tokens(turns) + tokens(two) - tokens([]))


WINDOW = "window = 8000"


@pytest.mark.parametrize("more", [{}, {"max_tokens": 1000}, {"max_tokens": 6000}])
def test_a_known_window_is_filled_to_nine_tenths(more: dict[str, int]) -> None:
    """Of what the answer leaves of it: what was asked for, or what answers usually take."""
    turns = kept(house(WINDOW), **more)
    assert is_as_much_as_fits(turns, SHARES[0] * (8000 - more.get("max_tokens", USUAL_OUTPUT)))


def test_a_model_that_writes_less_leaves_more_room() -> None:
    """Its largest output, where it is smaller than what answers usually take."""
    assert is_as_much_as_fits(kept(house(f"{WINDOW}\nmax_output = 500")), SHARES[0] * 7500)
    assert is_as_much_as_fits(kept(house(f"{WINDOW}\nmax_output = 6000")), SHARES[0] * (8000 - USUAL_OUTPUT))


def test_where_that_was_too_much_it_is_filled_to_six_tenths() -> None:
    """Counted from the conversation as it came."""
    assert is_as_much_as_fits(kept(house(WINDOW), refusals=1), SHARES[1] * (8000 - USUAL_OUTPUT))


@pytest.mark.parametrize("refusals", [1, 2])
def test_half_of_what_did_not_fit_where_nobody_knows_the_window(refusals: int) -> None:
    """By the share of the turn."""
    turns = kept(house(""), refusals)
    assert is_as_much_as_fits(turns, SHARES[refusals - 1] * tokens(TURNS) / 2)


def test_instructions_stay_and_count() -> None:
    """They are never left out, and what they take is no room for others."""
    turns = kept(house(WINDOW), messages=[SYSTEM, *TURNS])
    assert turns[0] == SYSTEM
    assert is_as_much_as_fits(turns, SHARES[0] * (8000 - USUAL_OUTPUT))


TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look", "description": "look out " * 200, "parameters": {"type": "object", "properties": {}}}}


def test_tools_count_and_stay() -> None:
    """What they take is no room for turns, whether it is little or much."""
    for many in (1, 4):
        tools = [{**TOOL, "function": {**TOOL["function"], "name": f"look_{number}"}} for number in range(many)]
        read = OpenAIChat().read_prompt(json.dumps({"model": "m", "messages": TURNS, "tools": tools}).encode())
        assert not isinstance(read, Failure)
        beside = by_bytes(read.prompt, FAMILY) - tokens(TURNS)
        assert is_as_much_as_fits(kept(house(WINDOW), tools=tools), SHARES[0] * (8000 - USUAL_OUTPUT) - beside)


def test_what_was_refused_has_at_least_as_many_tokens_as_the_window() -> None:
    """Where our estimate said less it is taken to be that much too low."""
    few = TURNS[-41:]
    assert tokens(few) < 8000
    turns = kept_of(few)
    assert is_as_much_as_fits(turns, SHARES[0] * (8000 - USUAL_OUTPUT), 8000 / tokens(few))


def kept_of(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """What is asked of these after one refusal."""
    found: list[Any] = []

    async def story() -> None:
        bench = Bench([TOO_LONG, whole("yes")], house(WINDOW))
        assert (await bench.ask(messages=turns)).failure is None
        found.append(json.loads(bench.transport.sent[-1].request.body)["messages"])

    play(story)
    return found[0]  # type: ignore[no-any-return]  # as JSON has it

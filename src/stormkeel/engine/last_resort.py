"""The last resort of a route: a request that was too long for all, or refused, asked once more with less, and told so.

Never touches a strict request, nor one that leans on what a provider keeps. Everything that is left out is a loss: it stands in
`x-stormkeel-lossy` and in the ledger.

    body -> Prompt -> other instructions, or another prompt, or the oldest turns left out -> body of the client's own dialect
         -> asked of the named ones, else of the largest windows
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..catalog.families import family_of
from ..dialects.base import Codec
from ..dialects.values import Call
from ..ledger.count import by_bytes
from ..routing.route import Group, LastResort, Route
from ..types.content import Message
from ..types.failure import Failure, FailureKind
from ..types.prompt import Prompt
from ..types.request import Request
from .fleet import Member
from .run import Run
from .trimming import kept_turns, ranges

K = FailureKind
SHARES = (0.9, 0.6)
"""Of a window that a trimmed request may fill by our estimate, the first time and where that was still too much: it errs by a
tenth, and by a third where a text is odd (docs/decisions/0012-counting.md)."""
USUAL_OUTPUT = 4096
"""Output tokens that are left room for where a request does not say how many it wants."""


def resort(run: Run, route: Route, kind: FailureKind) -> Route | None:
    """Make the request smaller, once more; return who is to be asked so, None where there is nothing more to try.

    Args:
        run: the request, which is replaced.
        route: its route.
        kind: what the latest attempt failed with.
    """
    last, request = route.last, run.request
    if last is None or request.options.strict or request.follows or run.resorts >= len(SHARES):
        return None
    if not run.resorts:
        run.original = run.reading(), request.raw
    told = run.original[0]
    if isinstance(told, Failure) or not isinstance(told.prompt, Prompt):
        return None
    asked, client = _asked(run, route, last), run.world.dialects[request.dialect]
    prompt, lost = _instead(run, told.prompt, last)
    if last.trim and kind is FailureKind.CONTEXT_LENGTH:
        prompt, left_out = _trimmed(run, prompt, _fit(run, asked))
        lost += left_out
    elif run.resorts:
        return None  # it was said otherwise already
    smaller = _written(run, prompt, asked[0], client) if lost else None
    if smaller is None or smaller[0].raw == request.raw:  # it was too long as it is
        return None
    run.take_instead(smaller[0], tuple(dict.fromkeys((*lost, *told.lost, *smaller[1]))))
    return msgspec.structs.replace(route, groups=tuple(Group((one.deployment,)) for one in asked))


def _asked(run: Run, route: Route, last: LastResort) -> list[Member]:
    """Who is asked: the named ones in their order, else the route's own by the size of their windows."""
    members = run.world.fleet.members
    groups = last.groups or route.groups
    asked = list({one.index: members[one.index] for group in groups for one in group.deployments}.values())
    return asked if last.groups else sorted(asked, key=lambda one: -(one.window or 0))


def _fit(run: Run, asked: Sequence[Member]) -> Member:
    """Into whose window it is to fit: the first one's; the second time that of whoever refused it, as the first may be down."""
    if not run.resorts:
        return asked[0]
    return next((one for one in asked if one.deployment.name == run.attempts[-1].deployment), asked[0])


def _instead(run: Run, prompt: Prompt, last: LastResort) -> tuple[Prompt, tuple[str, ...]]:
    """Return the prompt with what the route says instead, and the names of what that takes the place of."""
    lost: tuple[str, ...] = ()
    turns = prompt.messages
    if last.prompt is not None:
        name, entries = _turns(run)
        is_apart = entries != len(turns) and any(message.role == "system" for message in turns)
        turns, lost = (Message("user", last.prompt),), (name, "system") if is_apart else (name,)
    if last.system is not None:
        turns = (Message("system", last.system), *(message for message in turns if message.role != "system"))
        lost += ("system",)
    tools = {} if last.prompt is None else {"tools": (), "tool_choice": None}
    return msgspec.structs.replace(prompt, messages=turns, **tools), lost


def _trimmed(run: Run, prompt: Prompt, first: Member) -> tuple[Prompt, tuple[str, ...]]:
    """Return the prompt without its oldest turns, and their names; itself where none may go, or need to."""
    family, turns, bare = family_of(first.deployment.model), prompt.messages, msgspec.structs.replace(prompt, messages=())
    scale, beside = _scale(run, prompt, first), by_bytes(bare, family)
    nothing = by_bytes(Prompt(()), family)
    weights = [by_bytes(Prompt((turn,)), family) - nothing for turn in turns]  # without the tools, which are many
    room = SHARES[run.resorts] * _room(run, first, scale * (beside + sum(weights))) / scale - beside
    kept = kept_turns(turns, weights, room)
    if kept is None or len(kept) == len(turns):
        return prompt, ()
    left_out = sorted(set(range(len(turns))).difference(kept))
    return msgspec.structs.replace(prompt, messages=tuple(turns[place] for place in kept)), _names(run, turns, left_out)


def _scale(run: Run, prompt: Prompt, first: Member) -> float:
    """How many tokens our estimate's tokens are: by what providers reported so far, and at least what has just been refused."""
    deployment, refused = first.deployment, K.CONTEXT_LENGTH
    estimate = by_bytes(prompt, family_of(deployment.model))
    learnt = run.world.calibration.estimate(prompt, deployment.provider, deployment.model).tokens
    tried = {attempt.deployment for attempt in run.attempts if attempt.failure and attempt.failure.kind is refused}
    windows = [member.window or 0 for member in run.world.fleet.members if member.deployment.name in tried]
    return max(learnt, *windows, 1) / estimate


def _room(run: Run, first: Member, tokens: float) -> float:
    """How many tokens of input a deployment has room for; half of what did not fit where nobody knows its window."""
    if first.window is None:
        return tokens / 2
    return max(0, first.window - (run.request.max_output or min(first.max_output or USUAL_OUTPUT, USUAL_OUTPUT)))


class _Turns(msgspec.Struct):
    """What any dialect calls the turns."""

    messages: list[msgspec.Raw] = []
    contents: list[msgspec.Raw] = []
    input: str | list[msgspec.Raw] = ""


def _turns(run: Run) -> tuple[str, int]:
    """What the turns are called in the client's own body, and how many entries they are there."""
    try:
        body = msgspec.json.decode(run.original[1], type=_Turns)
    except (ValueError, RecursionError):
        return "messages", 0
    held = {"messages": body.messages, "contents": body.contents, "input": body.input}
    return next(((name, len(entries)) for name, entries in held.items() if entries and isinstance(entries, list)), ("input", 0))


def _names(run: Run, turns: Sequence[Message], left_out: Sequence[int]) -> tuple[str, ...]:
    """Name turns by their places in the client's own body, or by their number where its entries are no turns."""
    name, entries = _turns(run)
    before = next((place for place, turn in enumerate(turns) if turn.role != "system"), 0)
    for shift in (0, before):
        if entries == len(turns) - shift:
            return tuple(f"{name}[{places}]" for places in ranges([place - shift for place in left_out]))
    return (f"{name} ({len(left_out)} of {len(turns)} turns)",)


def _written(run: Run, prompt: Prompt, first: Member, client: Codec) -> tuple[Request, tuple[str, ...]] | None:
    """Return a prompt as a request like the present one, and the names of what its dialect can't be told."""
    request = run.request
    target = msgspec.structs.replace(first.target, model=request.model)
    written = client.write_prompt(prompt, target, request.stream)
    if isinstance(written, Failure):
        return None
    call = Call(request.model, request.stream)
    read = client.read_request(written.body, request.id, request.headers, request.options, call)
    if isinstance(read, Failure):
        return None
    names = tuple(client.fields.get(name, name) for name in written.lost)
    return msgspec.structs.replace(read, wants_usage=request.wants_usage, is_read=request.is_read), names

"""Counting: how many tokens a prompt has, by the word of the provider that would be asked, else by our own estimate.

Never passes an estimate off as a count. Beside the line, for a count costs nothing: nothing is reserved or booked, no gate is
asked, and none is told; a count has a limit of its own, and what it says of health is not about answers
(docs/decisions/0012-counting.md). Never asks with a credential that was refused.

    preview -> the deployment that a request would be sent to first -> its count endpoint, once, within 5 s -> the number
                                                      '--none, or it fails--> an estimate that says why
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy

import msgspec

from ..dialects.across import cross
from ..dialects.base import Told
from ..dialects.counting import Counting
from ..dialects.values import Target
from ..ledger.count import BY_PROVIDER
from ..providers.base import Caller
from ..types.failure import Failure, FailureKind
from ..types.prompt import Prompt
from ..types.request import Request
from ..types.wire import NO_HEADERS, Headers, HttpResponse
from .crossing import headers_for, lossy_header, pass_on
from .explain import Preview
from .fleet import Member, Spoken
from .keeping import narrow
from .outlook import Sight
from .ports import WireFault
from .residency import inside
from .run import time_of
from .world import World

K = FailureKind
PATIENCE = 5.0
"""Seconds that a provider may take to count: providers need some tenths, and an estimate is better than a long wait."""
ANY_OUTPUT = 4096
"""Stands for an output limit that nobody knows, where a dialect must name one: it is left out of what is counted."""
OWN_FAULT = frozenset({400, 413, 422})
"""Statuses by which a provider says that its client's body is wrong."""


class Counted(msgspec.Struct, frozen=True):
    """How many tokens a prompt has.

    Attributes:
        tokens: the number.
        member: the deployment it is for.
        why: why it is an estimate of ours, "" where the provider counted.
        method: how it was found, as in `TokenCount`.
        headers: for the client: the provider's that may pass, and what was lost on the way to it.
        body: the provider's own answer, where the client speaks its dialect.
    """

    tokens: int
    member: Member
    why: str = ""
    method: str = BY_PROVIDER
    headers: Headers = NO_HEADERS
    body: bytes = b""


class _Way(msgspec.Struct, frozen=True):
    """How a member is asked to count: in which of its dialects, by which body, and what of the client's is not in it."""

    spoken: Spoken
    counting: Counting
    body: bytes
    lost: tuple[str, ...]
    is_own: bool


async def count(
    request: Request, world: World, preview: Callable[[Request], Preview], *, is_ours: bool = False
) -> Counted | Failure:
    """Count the tokens of a request's prompt.

    Args:
        request: what would be asked.
        world: who can be asked.
        preview: says where the request would lead, without a trace.
        is_ours: did we write its body? Then it is a request's, and not yet a count's.

    Returns:
        A Failure where there is no such model, or the body is wrong. Never raises; a cancel from outside passes through.
    """
    member = _member_for(request, world, preview(request))
    if isinstance(member, Failure):
        return member
    world.active += 1
    try:
        return await _Count(request, world, member, is_ours).made()
    except Exception as error:  # noqa: BLE001 - the last net, as in the line: a fault of ours is told, not thrown at the caller
        for sink in world.ports.sinks:
            sink.broke(error, request)
        return Failure(K.INTERNAL, f"a fault inside Stormkeel ({type(error).__name__}); request id {request.id}")
    finally:
        world.active -= 1


def _member_for(request: Request, world: World, found: Preview) -> Member | Failure:
    """Return the deployment that the next request would be sent to first; no die is cast for it."""
    route = found.route if isinstance(found.route, Failure) else inside(request, found.route, world.borders)
    if isinstance(route, Failure):
        return route
    world.fleet.now = world.ports.clock.now()
    sight = Sight(_View(found, world), found.members, (world.turn + 1, copy(world.ports.rng)), world.ports.clock)
    if request.follows:
        maker = world.makers.look(request.follows)
        kept = narrow(request, route, found.members, maker, lambda some: sight.walk(some, request).first())
        if isinstance(kept, Failure):
            return kept
        route = kept
    return found.members[sight.walk(route, request).first().index]


class _View:
    """The fleet, and behind it the deployments that the request would add to it: ready, for nobody asked them yet."""

    def __init__(self, found: Preview, world: World) -> None:
        self._members = found.members
        self._fleet = world.fleet

    def load(self, index: int) -> float:
        """How busy a deployment is."""
        return self._members[index].in_flight

    def is_ready(self, index: int) -> bool:
        """Would the gates that are about health let an attempt pass?"""
        return index >= len(self._fleet.members) or self._fleet.is_ready(index)


class _Count:
    """One count under way."""

    def __init__(self, request: Request, world: World, member: Member, is_ours: bool) -> None:
        self._request = request
        self._world = world
        self._member = member
        self._client = world.dialects[request.dialect]
        self._is_ours = is_ours
        self._reading: Told | Failure | None = None

    async def made(self) -> Counted | Failure:
        """Ask the provider, and estimate where it does not say."""
        way = self._way()
        if isinstance(way, Failure):
            return way
        if way is None:
            return self._estimate("the provider has no count endpoint", None)
        if self._member.cooling[1].since:
            return self._estimate("the credential was refused and is set aside", None)
        answer = await self._ask(way)
        if isinstance(answer, Failure):
            if way.is_own and answer.status in OWN_FAULT and not answer.rule.elsewhere:
                return answer  # its own provider says what is wrong with it
            return self._estimate(_why(answer), answer)
        tokens = way.counting.read_tokens(answer.body)
        if tokens is None:
            failure = Failure(K.BAD_RESPONSE, f"{self._member.deployment.name} answered 200 with something that is no count", 200)
            return self._estimate("the provider's count made no sense", failure)
        self._learn(tokens)
        headers = headers_for(self._member, answer.headers, way.lost)
        return Counted(tokens, self._member, headers=headers, body=answer.body if way.is_own else b"")

    # -- asking ------------------------------------------------------------------------------------------------------

    def _way(self) -> _Way | Failure | None:
        """Return how the member is asked, None where none of its dialects has a count."""
        member, known = self._member, self._world.counting
        own = None if self._is_ours else member.spoken.get(self._client.name)
        if own is not None and self._client.name in known:
            counting = known[self._client.name]
            body, lost = pass_on(self._request, member, own)
            return _Way(own, counting, counting.pass_body(body, member.deployment.model), lost, True)
        spoken = next((one for one in member.spoken.values() if one.dialect.name in known), None)
        return None if spoken is None else self._written(spoken)

    def _written(self, spoken: Spoken) -> _Way | Failure:
        """Write the prompt for a dialect of the member's."""
        reading = self._read()
        if isinstance(reading, Failure):
            return reading
        crossing = cross(self._request, reading, (self._client, spoken.dialect), with_limit(self._member.target))
        if isinstance(crossing, Failure):
            return crossing
        counting = self._world.counting[spoken.dialect.name]
        body = counting.write_body(crossing.body, self._member.deployment.model)
        return _Way(spoken, counting, body, crossing.lost, False)

    async def _ask(self, way: _Way) -> HttpResponse | Failure:
        """Ask once."""
        member, request, ports = self._member, self._request, self._world.ports
        known = way.spoken.caller
        caller = Caller(known.provider, way.counting.path_for(member.deployment.model), known.secret)
        http = caller.request(way.body, request.headers, False, f"{request.id}.1")
        patience = time_of(request, PATIENCE)
        try:
            async with asyncio.timeout(patience):
                response = await member.transport.send(http)
        except TimeoutError:
            return Failure(K.SILENT, f"{member.deployment.name} did not count within {patience:g} s")
        except WireFault as fault:
            return Failure(K.CONNECT if fault.stage == "connect" else K.RESET, f"{member.deployment.name}: {fault.detail}")
        return response if response.status == 200 else caller.classify(response, ports.clock.wall() / 1e9)

    # -- estimating --------------------------------------------------------------------------------------------------

    def _estimate(self, why: str, failure: Failure | None) -> Counted | Failure:
        """Estimate, and say why; where we can't read the prompt, say what the provider said, or what we can't read."""
        reading = self._read()
        if isinstance(reading, Failure):
            return failure or reading
        prompt, deployment = self._prompt(), self._member.deployment
        if prompt is None:
            return failure or Failure(K.UNSUPPORTED, f"{deployment.name} counts nothing, and only prompts can be estimated")
        told = self._world.calibration.estimate(prompt, deployment.provider, deployment.model)
        headers = (lossy_header(reading.lost),) if reading.lost else NO_HEADERS
        return Counted(told.tokens, self._member, why, told.method, headers)

    def _learn(self, tokens: int) -> None:
        """Let the provider's number calibrate our estimates."""
        deployment, calibration = self._member.deployment, self._world.calibration
        if calibration.is_due() and not isinstance(self._read(), Failure) and (prompt := self._prompt()) is not None:
            calibration.learn(prompt, deployment.provider, deployment.model, tokens)

    def _read(self) -> Told | Failure:
        if self._reading is None:
            self._reading = self._client.read_prompt(self._request.raw)
        return self._reading

    def _prompt(self) -> Prompt | None:
        """Return the prompt, where somebody read it."""
        prompt = getattr(self._reading, "prompt", None)
        return prompt if isinstance(prompt, Prompt) else None


def with_limit(target: Target) -> Target:
    """Return whom a prompt is written for that is only counted: a dialect that must name an output limit has one to name."""
    return target if target.max_output else msgspec.structs.replace(target, max_output=ANY_OUTPUT)


def _why(failure: Failure) -> str:
    """Say in few words, and without the provider's own, why it did not count."""
    if failure.status is None:
        return "the provider did not count in time" if failure.kind is K.SILENT else "the provider could not be reached"
    return f"the provider did not count ({failure.status})"

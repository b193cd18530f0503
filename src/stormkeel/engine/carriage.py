"""Carriage: how one attempt's request gets to a deployment, and the answer back: in which wire format, and what is lost.

Never sends and never books; a failure is a value.

    client's dialect spoken there, and wide enough ──> the body as it came, but for others' thoughts
    not ──> written anew (`crossing.py`)     refused as another model's thoughts ──> once more without any
"""

from __future__ import annotations

import msgspec

from ..dialects.across import Crossing
from ..dialects.base import Codec, StreamReader
from ..dialects.joint import lowered
from ..dialects.values import Head
from ..types.failure import Failure, FailureKind
from ..types.wire import Headers, HttpRequest, HttpResponse, packing
from .crossing import expected_input, is_direct, lossy_comment, not_all, pass_on, thoughts_lost
from .fleet import Member, Spoken
from .relay import too_large
from .run import Run

K = FailureKind


class Carriage:
    """One request on its way to one deployment.

    Attributes:
        spoken: the wire format taken, once `choose` has said nothing against it.
        crossing: what was written anew, None where the client's own dialect is spoken.
        raw: the body that its tokens are counted by.
        limit: the most output tokens that the body allows, None where it does not say.
        lost: what of the request the provider is not told, and what of its answer the client is not.
    """

    __slots__ = ("_member", "_run", "crossing", "limit", "lost", "raw", "spoken")

    def __init__(self, run: Run, member: Member) -> None:
        request = run.request
        self.spoken: Spoken
        self.crossing: Crossing | None = None
        self.raw = request.raw
        self.limit = request.max_output
        self.lost: tuple[str, ...] = ()
        self._run = run
        self._member = member

    # -- there -------------------------------------------------------------------------------------------------------

    def choose(self) -> Failure | None:
        """Take the client's own dialect where the deployment speaks it and it will do; else write the request anew."""
        run, member = self._run, self._member
        own = member.spoken.get(run.request.dialect)
        if is_direct(own, run.request):
            self.spoken = own
        else:
            way = run.cross(member)
            if isinstance(way, Failure):
                return way
            if way is None:
                assert own is not None
                self.spoken = own
            else:
                self._cross(way.spoken, way.crossing)
        return self._refuse_losses() if run.request.options.strict else None

    def _cross(self, spoken: Spoken, crossing: Crossing) -> None:
        self.spoken, self.crossing = spoken, crossing
        self.raw, self.lost = crossing.body, crossing.lost
        if crossing.limit is not None:
            self.limit = crossing.limit

    def _refuse_losses(self) -> Failure | None:
        """Refuse to leave anything of a strict request out."""
        if self.crossing is None:
            self.lost = pass_on(self._run.request, self._member, self.spoken)[1]
        return not_all(self._member, self.lost) if self.lost else None

    def http(self, attempt_id: str) -> HttpRequest:
        """Return the request as it is sent."""
        run, spoken = self._run, self.spoken
        request = run.request
        if self.crossing is None:
            body, self.lost = pass_on(request, self._member, spoken)
        else:
            body = self.crossing.body
        if run.is_thoughtless:
            body, taken = spoken.dialect.without_thoughts(body)
            self.lost += thoughts_lost(taken, self._client() if self.crossing else None)
        if run.left_out:
            self.lost = (*run.left_out, *self.lost)
        return spoken.caller.request(body, request.headers, request.stream, attempt_id)

    # -- back --------------------------------------------------------------------------------------------------------

    def whole(self, response: HttpResponse) -> HttpResponse | None:
        """Return a whole answer in the client's dialect, None where it makes no sense."""
        if self.crossing is None:
            return response
        crossed = self.crossing.whole(response.body, self._head())
        if crossed is None:
            return None
        body, lost = crossed
        self.lost += lost
        return HttpResponse(200, response.headers, body)

    def read_stream(self) -> StreamReader:
        """Return the reader of a stream, whose frames are the client's."""
        recovery = self._run.recovery
        if recovery is not None and recovery.broke is not None:
            return recovery.read_stream(self.spoken, self._head(), self._member)
        if self.crossing is not None:
            return self.crossing.read_stream(self._head())
        streams = self.spoken.dialect.streams
        assert streams is not None  # only a service with streams is asked for one
        return streams.read_stream(self._run.request.wants_usage)

    def comment(self, lost: tuple[str, ...]) -> bytes:
        """Tell of losses inside the stream, where the client's dialect has room for that."""
        streams = self._client().streams
        return lossy_comment(lost) if streams is not None and streams.takes_comments else b""

    def comment_on_size(self) -> bytes:
        """Tell inside the stream that an answer is too large to be held until it is whole, where there is room for that."""
        streams = self._client().streams
        return too_large() if streams is not None and streams.takes_comments else b""

    def _head(self) -> Head:
        run, member = self._run, self._member
        request, crossing = run.request, self.crossing
        estimate = 0 if crossing is None else expected_input(crossing.prompt, member)
        return Head(request.id, run.wall // 1_000_000_000, member.deployment.model, estimate, request.wants_usage)

    def _client(self) -> Codec:
        """Return the client's dialect."""
        return self._run.world.dialects[self._run.request.dialect]

    def heed(self, status: int, headers: Headers, asked: float) -> str:
        """Take what an answer's head says: the exchange's id at the provider, and now and then what is left of its limits.

        Args:
            status: its status; what a refusal says is always taken.
            headers: its headers.
            asked: when it was asked for, monotonic seconds.
        """
        learned = self._member.learned
        if learned is not None:
            if learned.skip > 0 and status == 200:
                learned.skip -= 1
            else:
                learned.tell(headers, asked, self._run.world.ports.clock)
        return self.spoken.caller.request_id(headers)

    # -- what is none ------------------------------------------------------------------------------------------------

    def classify(self, response: HttpResponse) -> Failure:
        """Say what an answer means that is no success."""
        if packing(response.headers):
            response = HttpResponse(response.status, response.headers, b"")  # nobody could read it
        failure = self.spoken.caller.classify(response, self._run.world.ports.clock.wall() / 1e9)
        if failure.kind is K.RATE_LIMIT and self._member.learned is not None:
            self._member.learned.tell_of(response.body, self._run.world.ports.clock.now())
        if self._run.recovery is not None and self._run.recovery.broke is not None:
            return lowered(failure)
        if failure.kind is K.FOREIGN_THOUGHT and not self._may_forget():
            return msgspec.structs.replace(failure, kind=K.CALLER)
        return failure

    def told_by_event(self, failure: Failure, headers: Headers, is_begun: bool) -> Failure:
        """Say what an error event means by all it says: its reader knows types and codes, the provider also words and hints."""
        failure = msgspec.structs.replace(failure, body=self.spoken.caller.hide(failure.body))
        said = self.classify(HttpResponse(200, headers, failure.body))
        if said.kind is K.BAD_RESPONSE or not said.is_known:
            return failure
        if not is_begun:
            return said  # told as a whole answer's: the provider's own words tell a caller what is wrong
        return msgspec.structs.replace(failure, kind=said.kind, retry_after=said.retry_after, forever=said.forever)

    def no_answer(self, response: HttpResponse) -> Failure:
        """Say what a 200 is that is no answer: an error in its body, as relays send it, nonsense, or packed unasked."""
        said, name = self.classify(response), self._member.deployment.name
        if said.kind is not K.BAD_RESPONSE:
            return said
        if packed := packing(response.headers):
            return Failure(K.BAD_RESPONSE, f'{name} answered with a body packed as "{packed[:40]}", asked for it plain', 200)
        return Failure(K.BAD_RESPONSE, f"{name} answered 200 with something that is no answer", 200)

    def _may_forget(self) -> bool:
        """May the request be told again without what proves a model's thoughts, and has it any?"""
        run = self._run
        is_first = not run.is_thoughtless and not run.request.options.strict
        return is_first and bool(self.spoken.dialect.without_thoughts(self.raw)[1])

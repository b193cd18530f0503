"""Recovery: a stream that breaks off behind its commit point goes on by somebody else, where its route wants that.

Never sends and never chooses anybody: `line.py` goes on as after any failure, under the same deadline and number of tries. This
opens the request's commit point again, says what is asked, and joins what comes to what was sent. Never with anything but
plain text in flight, and never for the rest of an answer that has a form: then the client is told, as ever.

    frames that go out ──> Follower (the client's dialect)
    attempt breaks off ──look──> may somebody go on? ──no──> told
                                        '──yes──> commit point open again ──aim──> body for the next one, in the client's dialect
    its stream ──JointReader──> frames that go on where the others stopped
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..dialects.base import Codec, StreamReader
from ..dialects.joint import Joint, JointReader
from ..dialects.seams import Anew, Asked, Begun, Seam, anchor_of
from ..dialects.values import Call, Head
from ..policies.commit import BYTES_A_TOKEN
from ..policies.recovery import ASK
from ..types.attempt import Attempt
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from ..types.usage import NO_USAGE, Usage, add
from .fleet import Member, Spoken

K = FailureKind
TOLD = "stormkeel-joint"


class Recovery:
    """How one request's stream is gone on with.

    Attributes:
        request: what was asked when it first broke off: what the client asked, or the last resort of its route.
        broke: why it first broke off behind its commit point, None before it did.
        is_begun: was the latest one to go on shown the answer as a turn that was begun?
    """

    __slots__ = ("_before", "_client", "_follower", "_mode", "_refused", "_said", "broke", "is_begun", "request")

    def __init__(self, mode: str, request: Request, client: Codec) -> None:
        assert client.streams is not None  # only a service with streams is asked for one
        self._mode = mode
        self._client = client
        self._follower = client.streams.follow()
        self._said = ""
        self._before: Usage = NO_USAGE
        self._refused: set[int] = set()  # deployments that refused a turn that was begun
        self.request = request
        self.broke: Failure | None = None
        self.is_begun = False

    def sent(self, frames: bytes) -> None:
        """Take frames that go out to the client."""
        self._follower.feed(frames)

    # -- after an attempt --------------------------------------------------------------------------------------------

    def take_up(self, failure: Failure, attempt: Attempt, request: Request) -> bool:
        """An attempt broke off behind the commit point: may somebody go on?"""
        if self.broke is None:
            self.broke, self.request = failure, request
        self._before = add(self._before, attempt.usage or NO_USAGE)
        self._said = self._follower.text
        return self._follower.may_go_on and self.request.choices == 1 and self._body("", 0) is not None

    def may_be_asked(self, failure: Failure, member: Member) -> bool:
        """Was it just the turn that was begun which a member refused, so that it can be asked in words?"""
        if failure.kind is not K.UNSUPPORTED or not self.is_begun or member.index in self._refused:
            return False
        self._refused.add(member.index)
        return True

    def last_word(self, attempts: Sequence[Attempt]) -> Failure:
        """Return the failure to tell where nobody could go on: why it broke off, and what became of going on.

        No provider's words about a request that the client never wrote: they would be told as if he had.
        """
        assert self.broke is not None
        tried = [f"{one.deployment}: {_why(one.failure)}" for one in attempts if one.joint and one.failure is not None]
        more = f"; nobody could go on with it: {'; '.join(tried)}" if tried else ""
        return msgspec.structs.replace(self.broke, message=self.broke.message + more)

    # -- the next one ------------------------------------------------------------------------------------------------

    @property
    def way(self) -> str:
        """How the latest attempt goes on, "" for one that does not."""
        if self.broke is None:
            return ""
        return self._mode if not self.is_begun else f"{self._mode} (prefill)"

    def aim(self, member: Member) -> Request | Failure:
        """Return what a member is asked."""
        self.is_begun = False
        if self._mode == "restart" or not self._said:
            return self.request
        self.is_begun = self._takes_begun(member)
        body = self._body("" if self.is_begun else ASK.format(anchor_of(self._said)), len(self._said.encode()) // BYTES_A_TOKEN)
        assert body is not None  # looked at when it broke off
        asked, read = self.request, self._client.read_request
        return read(body, asked.id, asked.headers, asked.options, Call(asked.model, asked.stream))

    def _takes_begun(self, member: Member) -> bool:
        spoken = member.spoken.get(self.request.dialect) or member.first
        streams = spoken.dialect.streams
        takes = streams is not None and streams.prefills and member.target.abilities.prefill
        return takes and member.index not in self._refused

    def _body(self, ask: str, used: int) -> bytes | None:
        if self._mode == "restart":
            return self.request.raw
        streams = self._client.streams
        assert streams is not None
        try:
            return streams.ask_for_rest(self.request.raw, self._said.rstrip() if not ask else self._said, ask, used)
        except (ValueError, KeyError, RecursionError):  # a body that its own provider alone understands
            return None

    def read_stream(self, spoken: Spoken, head: Head, member: Member) -> StreamReader:
        """Return the reader of a stream that goes on with what was sent."""
        streams = self._client.streams
        assert streams is not None
        joint = Joint(self._follower.go_on(head), self._seam(), self._before)
        return JointReader(spoken.dialect, streams, joint, self._note(member) if streams.takes_comments else b"")

    def _seam(self) -> Seam:
        if self._mode == "restart" or not self._said:
            return Anew(self._said)
        return Begun(self._said) if self.is_begun else Asked(self._said)

    def _note(self, member: Member) -> bytes:
        """Return the comment that marks the joint."""
        assert self.broke is not None
        name = member.deployment.name.encode("ascii", "replace").decode()
        return f": {TOLD}: {self.way} by {name} after {len(self._said)} characters; {self.broke.kind}\n\n".encode()


def _why(failure: Failure) -> str:
    return f"{failure.kind} (HTTP {failure.status})" if failure.status else failure.message

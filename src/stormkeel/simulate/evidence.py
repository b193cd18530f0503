"""Evidence: what the transport saw and what callers got, moment by moment, and the trace that two runs of one seed share.

Never holds what the engine thinks of it: that is what the evidence is there to judge.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from ..ledger.entry import Reserved, Settled


class Sending(msgspec.Struct):
    """One request as its provider saw it.

    Attributes:
        attempt, request: the ids it came with.
        deployment, provider, model, credential, quota: who was asked, as the configuration names it; the quota group as
            "organisation/model".
        dialect: in which wire format.
        at: when it arrived, seconds.
        stream: was a stream asked for?
        act: what became of it at the provider: "served", or the trouble it met.
        status: of the head that was sent, 0 where there was none.
        hint: seconds of the Retry-After it was told, 0 for none.
        words: how many words the whole answer has.
        is_reserved: did the journal hold its reservation when it arrived?
        made: when each word was made, seconds; by it the bill is written.
        prompt: input tokens billed once a word was made.
        taken: bytes of its body that were read.
        told: was its usage read to the end?
        finished: was its terminal marker, or its whole body, read?
        starts: the number of its first word, more than 0 where it goes on with what was begun.
        ended: when it was over, -1 while it is not.
        end: how: "read", "aborted" by us, or "broken" by the wire.
        region: where the model is served, "" where nobody says.
        offers, calls: was it offered tools, and does its answer call one?
        room: the share of the organisation's limit that was left when it had come.
        shown: whose turns it was sent, in their order, and which: a number, "s" for instructions, "p" for its route's own prompt.
    """

    attempt: str
    request: str
    deployment: str
    provider: str
    model: str
    credential: str
    quota: str
    dialect: str
    at: float
    stream: bool
    act: str = "served"
    status: int = 0
    hint: float = 0.0
    words: int = 0
    is_reserved: bool = False
    made: tuple[float, ...] = ()
    prompt: int = 0
    taken: int = 0
    told: bool = False
    finished: bool = False
    starts: int = 0
    ended: float = -1.0
    end: str = ""
    region: str = ""
    offers: bool = False
    calls: bool = False
    room: float = 1.0
    shown: tuple[tuple[str, str], ...] = ()

    def close(self, at: float, end: str) -> None:
        """Note that it is over; the first word counts."""
        if not self.end:
            self.ended, self.end = at, end


class Call(msgspec.Struct):
    """One request as its caller saw it.

    Attributes:
        id, route, dialect: what was asked of whom.
        stream: was a stream asked for?
        at: when, seconds.
        patience: seconds the caller gave, None for the configuration's.
        leaves: when it will go away, seconds; None where it stays.
        ask: "good", or what is wrong with it: "bad".
        slow: seconds it takes over each piece of a stream.
        key: the name of its caller's key, "" for none.
        border: what it asks of whoever is asked, as its key's entry would say it.
        strict: may nobody be asked who can't be told all of it?
        conversation: to which it belongs.
        turns: how many it has, instructions not counted.
        has_system: does it have instructions?
        offers, formed: does it offer tools, or ask for an answer of a form?
        lossy: what it was told to have been left out.
        called: when a call of a tool had gone out to its caller, None before.
        first: when the first content came, None before.
        ended: when it was over, -1 while it is not.
        outcome: "whole", "failed", "left" or "broke" (a fault of ours).
        kind: the failure's kind, "" for none.
        began: had the head of a stream gone out?
        got: what came.
        written: bytes of it.
        ahead: the most bytes that had been read for it and not yet passed on.
        oddities: what no writer of a stream may do, as it was done.
        told: how often sinks were told of its end, and the failure's kind and the attempts made, as they were told.
    """

    id: str
    route: str
    dialect: str
    stream: bool
    at: float
    patience: float | None = None
    leaves: float | None = None
    ask: str = "good"
    slow: float = 0.0
    key: str = ""
    border: dict[str, list[str]] = {}
    strict: bool = False
    conversation: str = ""
    turns: int = 1
    has_system: bool = False
    offers: bool = False
    formed: bool = False
    lossy: str = ""
    called: float | None = None
    first: float | None = None
    ended: float = -1.0
    outcome: str = ""
    kind: str = ""
    began: bool = False
    got: list[bytes] = []
    written: int = 0
    ahead: int = 0
    oddities: list[str] = []
    told: list[tuple[str, int]] = []


class Trace:
    """What happened, in order: a digest of it always, the lines themselves where somebody wants to read them."""

    def __init__(self, keep: bool = False) -> None:
        self.lines: list[str] | None = [] if keep else None
        self._hash = blake2b(digest_size=16)

    def note(self, at: float, *words: object) -> None:
        """Note one event at a moment."""
        line = f"{at:10.4f}  {' '.join(map(str, words))}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """What two runs of the same seed have in common."""
        return self._hash.hexdigest()


class Evidence:
    """Everything that was seen in one run.

    Attributes:
        sendings: by attempt, in the order they arrived.
        calls: by request.
        reserved, settled: what the journal was told, in order.
        faults: what no invariant covers and must not be: faults of ours, sends nobody can explain.
        rest: what was left over once nothing was in flight.
        pauses: from when to when the whole process stood still.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.sendings: list[Sending] = []
        self.calls: dict[str, Call] = {}
        self.reserved: dict[str, Reserved] = {}
        self.twice: list[str] = []
        self.settled: list[tuple[float, Settled]] = []
        self.faults: list[tuple[float, str, str]] = []
        self.rest: list[tuple[float, str]] = []
        self.rests = 0
        self.pauses: list[tuple[float, float]] = []

    def of_request(self) -> dict[str, list[Sending]]:
        """Return each request's sendings, in order."""
        found: dict[str, list[Sending]] = {}
        for one in self.sendings:
            found.setdefault(one.request, []).append(one)
        return found

    def of_deployment(self) -> dict[str, list[Sending]]:
        """Return each deployment's sendings, in order."""
        found: dict[str, list[Sending]] = {}
        for one in self.sendings:
            found.setdefault(one.deployment, []).append(one)
        return found

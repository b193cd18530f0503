"""Arrivals: every attempt as the sandboxes saw it, with the fault it met and what it cost there.

Never asks the gateway or its ledger: this is the other side's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

OUTAGE = "an outage"
KINDS = (
    "429 with Retry-After", "429 without a hint", "insufficient_quota", "500", "503", "529", "401", "context too long",
    "reset before headers", "silence", "slow first token", "cut mid-stream", "stall", "malformed event",
    "missing terminal marker", "in-stream error", OUTAGE,
)  # fmt: skip
"""The faults every run must meet."""

BREAKS = frozenset({"cut", "cut_clean", "stall", "malformed", "no_terminal", "stream_error"})
"""Faults that break a stream off; once content is out, nobody can mend that unseen."""

OUTAGE_GAP_S = 0.5
"""Outages stand further apart than that, and are shorter."""

_NAMES = {
    "rate_limit": "429 with Retry-After",
    "rate_limit_no_hint": "429 without a hint",
    "insufficient_quota": "insufficient_quota",
    "server_error": "500",
    "bad_credential": "401",
    "context_length": "context too long",
    "reset": "reset before headers",
    "silence": "silence",
    "slow_first_token": "slow first token",
    "unavailable": OUTAGE,
}
_STREAMED = {
    "cut": "cut mid-stream",
    "cut_clean": "cut mid-stream",
    "stall": "stall",
    "malformed": "malformed event",
    "no_terminal": "missing terminal marker",
    "stream_error": "in-stream error",
}
_WHOLE = {"cut": "cut body", "cut_clean": "cut body", "stall": "stall", "malformed": "malformed body"}
_NUMBER = re.compile(r"Request (\d+):")


class Arrival(msgspec.Struct, frozen=True):
    """One attempt as it came in at a sandbox.

    Attributes:
        attempt: the client's own id of it (`x-client-request-id`), "" where it sent none.
        request: the number of the workload's request.
        at: Unix seconds.
        streamed: was a stream asked for?
        model: by its plain name.
        status: the HTTP status told, 0 where none was.
        fault: the fault's name without its parameters, "" for none.
        input, output: tokens on the bill.
        reported: was the final usage sent?
        cost: nano-dollars on the bill.
        open: is it still being answered?
    """

    attempt: str
    request: int
    at: float
    streamed: bool
    model: str
    status: int
    fault: str
    input: int
    output: int
    reported: bool
    cost: int
    open: bool = False

    @property
    def kind(self) -> str | None:
        """The fault as people call it; None where the attempt met none, a fault that its request can't meet included."""
        if self.fault == "no_terminal" and not self.streamed:
            return None
        if self.fault in {"overloaded", "stream_error"} and not (self.streamed and self.fault == "stream_error"):
            return str(self.status)
        return _NAMES.get(self.fault) or (_STREAMED if self.streamed else _WHOLE).get(self.fault)


def read_arrivals(bill: dict[str, Any], requests: dict[str, Any]) -> list[Arrival]:
    """Join a sandbox's `/sandbox/bill` with its `/sandbox/requests`, row by row."""
    records = {record["id"]: record for record in requests["requests"]}
    return [_arrival(row, records[row["id"]]) for row in bill["rows"]]


def _arrival(row: dict[str, Any], record: dict[str, Any]) -> Arrival:
    body, tokens = msgspec.json.decode(record["body"]), row["tokens"]
    found = _NUMBER.search(str(body["messages"]))
    return Arrival(
        attempt=row["client_request_id"] or "",
        request=int(found[1]) if found else -1,
        at=record["at"],
        streamed=bool(body.get("stream")),
        model=row["model"] or "",
        status=row["status"] or 0,
        fault=(row["fault"] or "").partition(":")[0],
        input=tokens["input"] + tokens["cached"] + tokens["cache_write"] + tokens["cache_write_1h"],
        output=tokens["output"],
        reported=row["usage_reported"],
        cost=row["cost_nano_dollars"],
        open=row["open"],
    )


def by_request(arrivals: Iterable[Arrival]) -> dict[int, list[Arrival]]:
    """Return the arrivals of each request, oldest first."""
    found: dict[int, list[Arrival]] = {}
    for arrival in sorted(arrivals, key=lambda one: one.at):
        found.setdefault(arrival.request, []).append(arrival)
    return found


def count_kinds(arrivals: Iterable[Arrival]) -> dict[str, int]:
    """Count how often each fault was met; an outage once, however many requests it hit."""
    everything = list(arrivals)
    counts = dict.fromkeys(KINDS, 0)
    for arrival in everything:
        if (kind := arrival.kind) is not None and kind != OUTAGE:
            counts[kind] = counts.get(kind, 0) + 1
    counts[OUTAGE] = _spells(sorted(arrival.at for arrival in everything if arrival.kind == OUTAGE))
    return counts


def _spells(moments: list[float]) -> int:
    """Count groups of moments (ascending, seconds) with more than `OUTAGE_GAP_S` between them."""
    return sum(place == 0 or at - moments[place - 1] > OUTAGE_GAP_S for place, at in enumerate(moments))

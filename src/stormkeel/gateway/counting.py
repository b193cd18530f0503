"""The count endpoints: how many tokens a prompt has, asked and told in the client's dialect.

Never billable: nothing is generated, reserved or booked, and no gate moves (docs/decisions/0012-counting.md). Never an estimate
without its label: `x-stormkeel-estimate`.
"""

from __future__ import annotations

import msgspec

from ..dialects.base import Dialect
from ..dialects.counting import Counting
from ..engine.counting import Counted
from ..types.failure import Failure
from ..types.request import Request
from .endpoints import Call, Generate
from .reply import ID_HEADERS, JSON, RawHeaders, failed, ours, raw

ESTIMATE = b"x-stormkeel-estimate"
WHY = b"x-stormkeel-estimate-why"


class Count(Generate):
    """The count endpoint of one dialect."""

    def __init__(self, dialect: Dialect, counting: Counting) -> None:
        super().__init__(dialect)
        self._counting = counting

    def _read(self, call: Call, body: bytes) -> Request | Failure:
        whole, inbound = self._counting.read_body(body), call.inbound
        if isinstance(whole, Failure):
            return whole
        request = self._dialect.read_request(whole, call.request_id, inbound.passed, inbound.options(call.key), call.asked)
        return request if isinstance(request, Failure) else msgspec.structs.replace(request, stream=False)

    async def _whole(self, call: Call, request: Request) -> tuple[int, RawHeaders, bytes]:
        counted = await call.setup.count(request)
        if isinstance(counted, Failure):
            return failed(self._dialect, counted, call.request_id, bool(counted.dialect))
        headers: RawHeaders = [JSON, *ours(call.request_id, call.setup.stands_for(request.model)), *raw(counted.headers)]
        if not counted.body and self._dialect.name in ID_HEADERS:
            headers.append((ID_HEADERS[self._dialect.name], call.request_id.encode()))
        return 200, [*headers, *_label(counted)], counted.body or self._counting.write_tokens(counted.tokens)


def _label(counted: Counted) -> RawHeaders:
    """Return the headers that say that a number is our own, and why."""
    if not counted.why:
        return []
    return [(ESTIMATE, b"1"), (WHY, f"{counted.why}: {counted.method}".encode("ascii", "replace"))]

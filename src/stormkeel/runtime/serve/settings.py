"""What can be set about listening, with each setting's range and default.

Never reads a file or the environment: values arrive as values, and are checked where they are made.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Deadline = Annotated[float, msgspec.Meta(gt=0)]


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen and how patient to be; times are seconds, sizes bytes.

    Attributes:
        host: a name or address of this machine; "0.0.0.0" or "::" for all.
        port: 0 asks the kernel for a free one (`ready` is told which).
        tls_cert, tls_key: paths of a PEM chain and its key; both or neither. TLS 1.2 at least, ALPN "http/1.1".
        header_deadline: from a connection's opening, or from a later request's first byte, to the end of its header. Also the TLS
            handshake's.
        body_deadline: from the end of a request's header to the end of its body, the application's own slowness included.
        idle_timeout: how long a connection may wait for its next request.
        stall_timeout: how long a client may take less than 24 KiB of what was sent to it, or than the rest, before it is cut
            off. A stream of the gateway is given up by the engine before that (`engine.mishaps.SLOW_CLIENT`, as long): its clock
            runs from the write, this one from the look after it. A whole answer and last frames are this one's.
        drain_delay: after a stop, how long new connections are still taken, for load balancers to notice.
        grace: after drain_delay, how long requests may go on before their applications are cancelled.
        last_words: how long a cancelled application may still send (an error event) before its connection is cut.
        backlog: connections the kernel may hold that were not yet accepted.
        max_connections: beyond it a new connection is answered 503 and closed.
        max_header: of one request's line and header fields together; also the most framing between two pieces of a body.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8787
    tls_cert: str | None = None
    tls_key: str | None = None
    header_deadline: Deadline = 10.0
    body_deadline: Deadline = 120.0
    idle_timeout: Deadline = 75.0
    stall_timeout: Deadline = 60.0
    drain_delay: Seconds = 5.0
    grace: Seconds = 120.0
    last_words: Seconds = 4.0
    backlog: Annotated[int, msgspec.Meta(ge=1)] = 4096
    max_connections: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    max_header: Annotated[int, msgspec.Meta(ge=1024, le=1_048_576)] = 65_536

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or neither")

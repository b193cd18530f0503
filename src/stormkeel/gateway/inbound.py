"""What a client's request says outside its body: who calls, how long they will wait, to whose name it is booked.

Never trusts a length or a header further than it says here.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from ..engine.ports import ClientGone, UploadFault
from ..policies.commit import commit_of
from ..policies.deadline import LONGEST, before
from ..policies.queue import priority_of
from ..policies.recovery import recovery_of
from ..types.border import NO_BORDER, Border, border_of, listed
from ..types.failure import Failure, FailureKind
from ..types.request import Options
from ..types.wire import Headers
from .reply import RawHeaders, Receive

K = FailureKind
PASSED = (b"anthropic-", b"openai-")
NAMES_KEPT = 1000
SMALL = 65_536  # bytes of a body in one piece that is not counted among those held
LABEL_LIMIT = 256  # characters of a label
OUR_TIMEOUT, GRPC_TIMEOUT = b"x-stormkeel-timeout", b"grpc-timeout"
_GRPC_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
PRIORITY, QUEUE_WAIT = b"x-stormkeel-priority", b"x-stormkeel-queue-wait"
COMMIT, RECOVERY = b"x-stormkeel-commit", b"x-stormkeel-recovery"
WITHIN, REQUIRES = b"x-stormkeel-within", b"x-stormkeel-requires"


class Gone(Exception):
    """The client left before its request was whole."""


class Inbound:
    """A client's headers, sorted once.

    Attributes:
        bearer, api_key: the two ways to bring a key, "" where absent.
        passed: headers a provider may see (`providers.base` decides which do), lower-case names.
        strict: is nobody to be asked who can't be told all of the request?
        is_gemini: does the client speak Google's dialect by its headers?
        wants_trace: is the story of the request to come back with its answer?
        options: how to handle the request, without the caller's key.
    """

    __slots__ = (
        "_options", "api_key", "bearer", "encoding", "is_gemini", "labels", "passed", "patience", "strict", "timeout",
        "wants_trace",
    )  # fmt: skip

    def __init__(self, headers: RawHeaders) -> None:
        self.bearer = self.api_key = ""
        self.encoding = b""
        self.timeout: float | None = None
        self.patience: float | None = None
        self.wants_trace = self.is_gemini = self.strict = False
        self.labels: dict[bytes, str] = {}
        passed: list[tuple[str, str]] = []
        for name, value in [field for field in headers if field[0] not in _IDLE]:
            take = _TAKERS.get(name)
            if take is not None:
                take(self, name, value)
            elif name.startswith(PASSED):
                passed.append((name.decode("latin-1"), value.decode("latin-1")))
            elif len(_IDLE) < NAMES_KEPT:
                _IDLE.add(name)
        self.passed: Headers = tuple(passed)
        self._options: Options | None = None

    def options(self, key: str) -> Options:
        """Return the request's options, booked to a key's name; made once for a head that comes again and again."""
        options = self._options
        if options is None or options.key != key:
            self._options = options = self._booked_to(key)
        return options

    def _booked_to(self, key: str) -> Options:
        if not self.labels:
            return Options(self.timeout, key=key, strict=self.strict, patience=self.patience)
        said = self.labels
        tags = said.get(b"x-stormkeel-tags", "")
        return Options(
            self.timeout,
            said.get(b"x-stormkeel-task", ""),
            said.get(b"x-stormkeel-user", ""),
            tuple(listed(tags)),
            key,
            self.strict,
            said.get(b"x-stormkeel-session", ""),
            self._border(),
            self.patience,
            _wait(said.get(QUEUE_WAIT, "")),
            priority_of(said.get(PRIORITY, "")),
            commit_of(said.get(COMMIT, "")),
            recovery_of(said.get(RECOVERY, "")),
        )

    def _border(self) -> Border:
        """Return where the request is to stay, by its own word; a header that says nothing lets nobody through, as nobody has "".

        Where it was to be filled in and was not, the other way would open what it closes.
        """
        within, requires = ((listed(self.labels[name]) or [""]) if name in self.labels else [] for name in (WITHIN, REQUIRES))
        return border_of(within, requires) if within or requires else NO_BORDER

    def _goog(self, name: bytes, value: bytes) -> None:
        self.is_gemini = True
        if name == b"x-goog-api-key":
            self.api_key = value.decode("latin-1").strip()

    @property
    def is_anthropic(self) -> bool:
        """Does the client speak Anthropic's dialect by its headers (docs/wire.md, Two dialects at one address)?"""
        return any(name == "anthropic-version" for name, _ in self.passed)

    def _bearer(self, _name: bytes, value: bytes) -> None:
        scheme, _, secret = value.decode("latin-1").partition(" ")
        self.bearer = secret.strip() if scheme.lower() == "bearer" else ""

    def _api_key(self, _name: bytes, value: bytes) -> None:
        self.api_key = value.decode("latin-1").strip()

    def _encoding(self, _name: bytes, value: bytes) -> None:
        self.encoding = value.lower()

    def _timeout(self, name: bytes, value: bytes) -> None:
        """Take how long all may last. Ours is taken by its word; another's is the client's own clock: we answer before."""
        seconds = _grpc_seconds(value) if name == GRPC_TIMEOUT else _seconds(value, 1e-3 if name.endswith(b"-ms") else 1.0)
        if seconds is not None:
            seconds = seconds if name == OUR_TIMEOUT else before(seconds)
            self.timeout = seconds if self.timeout is None else min(self.timeout, seconds)

    def _patience(self, _name: bytes, value: bytes) -> None:
        """Take how long the client will bear silence."""
        seconds = _seconds(value)
        if seconds is not None:
            seconds = before(seconds)
            self.patience = seconds if self.patience is None else min(self.patience, seconds)

    def _trace(self, _name: bytes, value: bytes) -> None:
        self.wants_trace = value == b"1"

    def _strict(self, _name: bytes, value: bytes) -> None:
        self.strict = value == b"1"

    def _label(self, name: bytes, value: bytes) -> None:
        self.labels[name] = _text(value)[:LABEL_LIMIT]

    def _list(self, name: bytes, value: bytes) -> None:
        """Take all of a list, however often its header comes: a word of it that were lost would open what it closes."""
        told = _text(value)
        self.labels[name] = f"{self.labels[name]},{told}" if name in self.labels else told


def _text(value: bytes) -> str:
    """Read a label in UTF-8, as curl and most programs send it; what is none in Latin-1, as a browser's fetch does."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _seconds(value: bytes, unit: float = 1.0) -> float | None:
    """Read a span, None where it makes no sense: no request should fail for a header that some proxy added."""
    try:
        seconds = float(value) * unit
    except ValueError:
        return None
    return seconds if 0.0 < seconds < LONGEST else None


def _wait(text: str) -> float | None:
    """Read how long a turn is worth, 0 for no wait at all; None where it makes no sense."""
    return 0.0 if text.strip() == "0" else _seconds(text.encode())


def _grpc_seconds(value: bytes) -> float | None:
    """Read a gRPC timeout: up to eight digits and a unit.

    >>> _grpc_seconds(b"2500m"), _grpc_seconds(b"3S"), _grpc_seconds(b"3")
    (2.5, 3.0, None)
    """
    unit = _GRPC_UNITS.get(value[-1:])
    return _seconds(value[:-1], unit) if unit is not None and value[:-1].isdigit() and len(value) <= 9 else None


_IDLE: set[bytes] = set()
"""Names of headers that say nothing to us: each is looked at once and remembered, up to a bound."""

_TAKERS: dict[bytes, Callable[[Inbound, bytes, bytes], None]] = {
    b"authorization": Inbound._bearer,
    b"x-api-key": Inbound._api_key,
    b"x-goog-api-key": Inbound._goog,
    b"x-goog-api-client": Inbound._goog,
    b"content-encoding": Inbound._encoding,
    OUR_TIMEOUT: Inbound._timeout,
    b"x-request-timeout-ms": Inbound._timeout,
    GRPC_TIMEOUT: Inbound._timeout,
    b"x-stainless-read-timeout": Inbound._patience,  # openai and anthropic for Python
    b"x-stainless-timeout": Inbound._patience,  # those for other languages
    b"x-server-timeout": Inbound._patience,  # google-genai
    b"x-stormkeel-trace": Inbound._trace,
    b"x-stormkeel-strict": Inbound._strict,
    b"x-stormkeel-task": Inbound._label,
    b"x-stormkeel-user": Inbound._label,
    b"x-stormkeel-tags": Inbound._label,
    b"x-stormkeel-session": Inbound._label,
    PRIORITY: Inbound._label,
    QUEUE_WAIT: Inbound._label,
    COMMIT: Inbound._label,
    RECOVERY: Inbound._label,
    WITHIN: Inbound._list,
    REQUIRES: Inbound._list,
}


Hold = Callable[[int], Failure | None]
"""Holds so many more bytes of a body, or says why there is no room for them."""


async def read_body(receive: Receive, limit: int, hold: Hold) -> bytes | Failure:
    """Read a request's whole body, or refuse it as soon as it is known to be too large.

    Args:
        receive: where it comes from.
        limit: bytes.
        hold: asked for room for every piece, but for a small body in one.

    Raises:
        Gone: the client left in the middle.
    """
    body, size, more = BytesIO(), 0, True  # unlike pieces that are joined, it never holds the body twice
    while more:
        piece, more = await _piece(receive)
        size += len(piece)
        if size > limit:
            return too_large(size, limit)
        refusal = hold(len(piece)) if more or size > SMALL else None
        if refusal is not None:
            return refusal
        body.write(piece)
    return body.getvalue()


def declared_length(headers: RawHeaders) -> int | None:
    """Return the declared length of a body, None where there is none."""
    value = next((value for name, value in headers if name == b"content-length"), b"")
    return int(value[:20]) if value.isdigit() else None  # so many digits are beyond any limit already


def refusal_by_head(inbound: Inbound, length: int | None, limit: int) -> Failure | None:
    """Say why a body of a length, None where it is unknown, need not be read."""
    if inbound.encoding not in (b"", b"identity"):
        said = inbound.encoding.decode("latin-1")
        return Failure(K.CALLER, f'the body is encoded as "{said}": send it unencoded, without a content-encoding header', 415)
    return too_large(length, limit) if length is not None and length > limit else None


class Incoming:
    """A request's body that is still coming (`types.wire.Upload`), and may not grow beyond a limit."""

    def __init__(self, receive: Receive, length: int | None, limit: int) -> None:
        self.length = length
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._more = True

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises `UploadFault` where it is too large, `ClientGone`."""
        data = b""
        while self._more and not data:
            try:
                data, self._more = await _piece(self._receive)
            except Gone:
                raise ClientGone from None
        self._size += len(data)
        if self._size > self._limit:
            raise UploadFault(too_large(self._size, self._limit))
        return data


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    """Return the next piece of a body, and whether more will come."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def too_large(size: int, limit: int) -> Failure:
    """Say that a body is too large, and where the limit is set."""
    return Failure(
        K.CALLER,
        f"the body has at least {size:,} bytes, more than the {limit:,} allowed; raise `server.max_body`",
        413,
        "request_too_large",
    )

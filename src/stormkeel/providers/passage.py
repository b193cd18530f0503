"""A provider's other paths: files, sound, pictures, batches. Which of them may be passed through, and how one is written.

Never mends a spelling: a path is decoded once, judged by what it decodes to, and written anew from that, so that what is sent is
what was judged. Never lets through what would go round the ledger's prices, or hand a caller a credential.

    path as it came --decode, piece by piece--> plain pieces --judge--> path, query and headers of a Passage, or a Failure
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from ..types.failure import Failure, FailureKind
from ..types.wire import NO_HEADERS, Headers

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LONGEST = 1024  # characters of a path
GENERATES = frozenset({
    "completions", "responses", "messages", "embeddings",  # those that we serve, and the older /v1/completions
    "complete", "interactions", "runs", "chat", "generate", "embed",  # Anthropic's oldest, Gemini's, threads', Ollama's
})  # fmt: skip
"""How a path ends at which a model answers or texts become vectors, whatever stands before it."""
GENERATING = frozenset({
    "generatecontent", "streamgeneratecontent", "bidigeneratecontent", "embedcontent", "batchembedcontents",
    "generateanswer", "generatetext", "generatemessage", "embedtext", "batchembedtext", "rawpredict", "streamrawpredict",
})  # fmt: skip
"""Google's methods, behind a colon, that do the same."""
HANDING_OUT = frozenset({
    "organization", "organizations", "keys", "api_keys", "admin_api_keys", "client_secrets", "auth_tokens", "authtokens",
    "realtime", "chatkit",
})  # fmt: skip
"""Parts of a path at which a provider hands out keys and tokens with which a caller could go on without us, or shows whose
account it is."""
UNSAID = frozenset({"key", "api_key", "apikey", "api-key", "access_token", "oauth_token", "quotauser", "stormkeel_ticket"})
"""Parameters that say whose account is used: that is not a client's to choose (INV-19). Those with a dollar sign put others, at
Google's APIs, in the place of method or headers."""

ALLOWED = frozenset({
    "content-type", "accept", "range", "if-range", "if-none-match", "idempotency-key",
    "x-goog-upload-protocol", "x-goog-upload-command", "x-goog-upload-offset", "x-goog-upload-file-name",
    "x-goog-upload-header-content-length", "x-goog-upload-header-content-type",
})  # fmt: skip
"""A client's headers that pass with any path, beside those of its dialect (`base.WANTS`)."""
SHOWN = frozenset({
    "content-type", "content-encoding", "content-length", "content-disposition", "content-range", "accept-ranges", "etag",
    "last-modified", "x-goog-upload-status", "x-goog-upload-size-received", "x-goog-upload-chunk-granularity",
})  # fmt: skip
"""A provider's headers that come back, beside those that come with every answer (`base.RETURNED`)."""

UPLOAD_URL = "x-goog-upload-url"
"""Where Google's APIs say that the rest of an upload is to go. Shown as an address of ours alone: the rest goes the way of its
beginning, and no client's key leaves for another host."""
UPLOADS = "/upload/"
"""How its path begins, under the provider's host."""

_PIECE = re.compile(r"[A-Za-z0-9._~:-]*[A-Za-z0-9_~-]")  # no dot at its end, which some servers take off: and so no ".."
_QUERY = re.compile(r"[!-~]*")
_VERSION = re.compile(r"/v\d+(?:alpha|beta)?\d*$")
_IS_VERSION = re.compile(r"v\d+(?:alpha|beta)?\d*")

MALFORMED = Failure(
    FailureKind.CALLER,
    "this path can't be passed through: write it plainly, of letters, digits, '.', '_', '~', ':' and '-' between single slashes",
    400,
    "invalid_path",
)


class Passage(msgspec.Struct, frozen=True):
    """A request of one of a provider's other paths.

    Attributes:
        method: of `METHODS`.
        path: under the base URL, of plain characters, without a slash at its beginning.
        query: as it came but for `UNSAID`, without the question mark.
        headers: the client's, lower-case names; which of them pass, the provider's dialect decides.
        version: takes the place of the version that the base URL ends in, "" to leave it.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = NO_HEADERS
    version: str = ""

    @property
    def name(self) -> str:
        """What is asked for, for the ledger: the path's first part that is no version, as in "/files"."""
        parts = [part for part in self.path.split("/") if not _IS_VERSION.fullmatch(part)]
        return "/" + (parts[0].lower()[:64] if parts else "")

    def url(self, base_url: str) -> str:
        """Return its address under a base URL."""
        base = base_url.rstrip("/")
        if self.version:
            base = _VERSION.sub("", base) + f"/{self.version}"
        return f"{base}/{self.path}" + (f"?{self.query}" if self.query else "")


def upload_path(url: str, prefix: str) -> str:
    """Return where the rest of an upload goes, as a path below a prefix of ours; "" where that can't be said."""
    path, _, query = url.partition("?")
    found = path.find(UPLOADS)
    if not prefix or found < 0 or isinstance(read_parts(path[found + 1 :]), Failure) or not _QUERY.fullmatch(query):
        return ""
    return f"{prefix}{path[found:]}?{query}"


def read_passage(method: str, raw_path: str, query: bytes, headers: Headers) -> Passage | Failure:
    """Read what a client asks for, and say no where it may not.

    Args:
        method: as it came.
        raw_path: the path below the gateway's prefix, undecoded.
        query: the query as it came.
        headers: the client's own, lower-case names; `base.Caller.passage` sifts them.
    """
    if method not in METHODS:
        message = f"{method[:20]} is not passed through: use one of {', '.join(METHODS)}"
        return Failure(FailureKind.CALLER, message, 405, "method_not_allowed")
    parts = read_parts(raw_path)
    said = query.decode("latin-1")
    if isinstance(parts, Failure) or not _QUERY.fullmatch(said):
        return MALFORMED
    why = _refused(method, parts)
    if why:
        return Failure(FailureKind.CALLER, f'"{"/".join(parts)[:200]}" is not passed through: {why}', 403, "path_refused")
    return Passage(method, "/".join(parts), _kept(said), headers)


def read_parts(raw_path: str) -> tuple[str, ...] | Failure:
    """Return the decoded parts of a path; what is encoded twice, steps back, or names another place is refused."""
    if len(raw_path) > LONGEST:
        return MALFORMED
    parts = tuple(unquote_to_bytes(part).decode("latin-1") for part in raw_path.split("/"))
    return parts if all(_PIECE.fullmatch(part) for part in parts) else MALFORMED


def passed(headers: Headers, more: Iterable[str] = ()) -> Headers:
    """Return a client's headers that pass with any path, and some more by their names."""
    names = ALLOWED.union(more)
    return tuple([field for field in headers if field[0] in names])


def _refused(method: str, parts: Sequence[str]) -> str:
    """Say why a path may not be passed through, "" where it may."""
    lower = [part.lower() for part in parts]
    if not HANDING_OUT.isdisjoint(part.partition(".")[0] for part in lower):
        return "it leads to keys, sessions or accounts, which are not a caller's"
    methods = {word for part in lower for word in part.split(":")[1:]}
    if not GENERATING.isdisjoint(methods) or (method not in {"GET", "DELETE"} and _generates(lower)):
        return "models are asked at the gateway's own endpoints, where it is known what an answer costs"
    return ""


def _generates(lower: Sequence[str]) -> bool:
    last = lower[-1].partition(".")[0].partition(":")[0]
    if last == "messages":
        return lower[-3:-2] != ["threads"]  # a thread's messages are written, not answered
    return last in GENERATES or (last == "compact" and lower[-2:-1] == ["responses"])


def _kept(query: str) -> str:
    return "&".join(part for part in query.split("&") if not _is_unsaid(part.partition("=")[0]))


def _is_unsaid(name: str) -> bool:
    plain = unquote(name).strip().lower()
    return plain in UNSAID or plain.startswith("$")

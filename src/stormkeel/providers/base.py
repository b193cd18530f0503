"""Provider and Caller: an address, how it wants to be authenticated, which headers may pass in and out.

Never reads a secret's source and never sends anything. A header that no allow-list here names goes nowhere: clients'
credentials, cookies, hop-by-hop fields, `x-stainless-*` and `x-forwarded-*` stay with us (docs/reliability.md, Headers), and a
credential is bound to the one address of its caller (INV-17, INV-19).

    Vendor (what we know)  +  settings  ->  Provider  +  Secret  ->  Caller: one URL, ready headers
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from ..policies.rate import MINUTE, Counts
from ..types.failure import Failure, FailureKind
from ..types.secret import HIDDEN, Secret
from ..types.wire import NO_HEADERS, Headers, HttpRequest, HttpResponse
from .limits import REFILLED
from .passage import SHOWN, UPLOAD_URL, Passage, passed
from .signals import classify, is_nowhere

ANTHROPIC_VERSION = "2023-06-01"
"""Sent where the client names no version: of the two in force the one that still takes sampling parameters
(docs/wire.md, Addresses and headers)."""


class Auth(StrEnum):
    """How a provider wants its credential."""

    BEARER = "bearer"  # authorization: Bearer ...
    API_KEY = "x-api-key"  # x-api-key: ...
    GOOGLE = "x-goog-api-key"  # x-goog-api-key: ...
    AZURE = "api-key"  # api-key: ...
    NONE = "none"


class Vendor(msgspec.Struct, frozen=True):
    """What is known of a provider by its name, before anybody configured it.

    Attributes:
        name: how people name it.
        family: whose failure signals it sends, a key of `signals.FAMILIES`.
        dialect: the wire format it speaks.
        base_url: its official address, "" where it has none.
        auth: how it wants its credential.
        catalog: its id in the price catalog, "" where nothing is charged or nobody knows.
        key_names: environment variables that hold its API key, the first one set wins; more keys are `NAME_2`, `NAME_3` ...
        token_names: environment variables that hold a bearer token instead.
        url_names: environment variables that hold another base URL.
        url_path: what is put behind an address from there that doesn't end in a version, as the vendor's own SDK does.
        header_names: (environment variable, header) pairs of constant headers.
        models: how its own model names begin, for model names without a provider.
        key_prefixes: how its API keys begin, as far as that is known; only ever used to tell that a key is another provider's.
        needs_key: must there be a credential?
        asks_usage: does it understand `stream_options.include_usage`?
        takes_thoughts: does it take a history with the `reasoning_content` of others? Where not, it refuses the whole request.
        limit: its name for the output limit in a chat completion; the older one is what most servers know.
        models_path: where its list of models is, under the base URL: the one question to it that costs nothing.
        counts: which tokens count against its limits: those that were "used", or those that were "asked" for, failures included.
        frees_cached: is input read from its cache left out of them?
        told_as: what it means by a word in the headers that tell its limits, where others mean something else.
        rate_window: seconds of the windows in which it enforces a minute's requests.
        others: what else it speaks: (wire format, base URL of its own, or "" for the same).
    """

    name: str
    family: str
    dialect: str
    base_url: str = ""
    auth: Auth = Auth.BEARER
    catalog: str = ""
    key_names: tuple[str, ...] = ()
    token_names: tuple[str, ...] = ()
    url_names: tuple[str, ...] = ()
    url_path: str = ""
    header_names: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    key_prefixes: tuple[str, ...] = ()
    needs_key: bool = True
    asks_usage: bool = True
    takes_thoughts: bool = True
    limit: str = "max_tokens"
    models_path: str = "/models"
    counts: Counts = "used"
    frees_cached: bool = False
    told_as: tuple[tuple[str, str], ...] = ()
    rate_window: float = MINUTE
    others: tuple[tuple[str, str], ...] = ()

    def speaks(self, moved: bool) -> dict[str, str]:
        """Return the wire formats it is known to speak, the first one by choice, each with a base URL of its own or "".

        Args:
            moved: is it at another address than its official one? Then only what lies under the same one is known.
        """
        return {self.dialect: "", **{name: url for name, url in self.others if not (moved and url)}}


_EMBEDDINGS = ("openai_embeddings",)
COMPANIONS: dict[str, tuple[str, ...]] = {
    "openai_chat": _EMBEDDINGS, "openai_responses": _EMBEDDINGS, "gemini": ("gemini_embeddings", "gemini_embedding"),
}  # fmt: skip
"""Wire formats of other services that come with one, under the same base URL. Not every provider has them: one that has not will
say so itself."""
BESIDE = frozenset(name for names in COMPANIONS.values() for name in names)


class Provider(msgspec.Struct, frozen=True):
    """One provider as it is configured.

    Attributes:
        name: the name it has in the settings.
        vendor: what is known of its kind.
        base_url: where it is, absolute, without a slash at the end.
        dialect: the wire format it speaks there.
        auth: how it wants its credential.
        headers: constant headers of every request, lower-case names; they win over inbound ones.
    """

    name: str
    vendor: Vendor
    base_url: str
    dialect: str
    auth: Auth
    headers: Headers = NO_HEADERS

    def at(self, dialect: str, base_url: str) -> Provider:
        """Return it as it speaks another dialect, at a base URL of its own or "" for the same."""
        return msgspec.structs.replace(self, dialect=dialect, base_url=base_url or self.base_url)

    @property
    def meant(self) -> dict[str, str]:
        """What is meant by the words that tell limits, where others mean something else.

        What is seen by how a limit refills holds at the vendor's own addresses: another server may count in fixed windows.
        """
        host, own = (urlsplit(url).hostname or "" for url in (self.base_url, self.vendor.base_url))
        is_own = host == own or host.endswith(f".{own}")  # as in "eu.api.openai.com"
        return {word: name for word, name in self.vendor.told_as if is_own or name != REFILLED}


WANTS: dict[str, tuple[frozenset[str], Headers]] = {
    "anthropic_messages": (frozenset({"anthropic-version", "anthropic-beta"}), (("anthropic-version", ANTHROPIC_VERSION),)),
    "openai_chat": (frozenset({"openai-beta"}), NO_HEADERS),
    "openai_responses": (frozenset({"openai-beta"}), NO_HEADERS),
}
"""By dialect: the inbound headers that may be passed, and those that are sent where the inbound request brings none. Whose
account is billed is not a client's to choose (INV-19)."""
NOTHING_WANTED: tuple[frozenset[str], Headers] = (frozenset(), NO_HEADERS)

RETURNED = frozenset({"x-request-id", "request-id", "retry-after", "retry-after-ms", "anthropic-organization-id"})
RETURNED_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-", "anthropic-priority-", "openai-")
UPSTREAM_ID = "x-upstream-request-id"


VERSIONS = {"gemini": "/v1beta"}
"""By dialect: how its base URLs mostly end, where that is not "/v1"."""


class Caller:
    """One provider with one credential, bound to the one address it may go to: makes its requests, reads its failures.

    Attributes:
        provider: as it speaks one dialect.
        url: where a whole answer is asked for.
        stream_url: where a stream is.
        secret: the credential, None where it wants none; never shown.
    """

    __slots__ = ("_defaults", "_forwards", "_secret", "_streamed", "_whole", "provider", "secret", "stream_url", "url")

    def __init__(self, provider: Provider, path: str, secret: Secret | None, stream_path: str = "") -> None:
        """Take a provider, the paths under its base URL for a whole answer and for a stream ("" for the same), a credential."""
        constant = {name for name, _ in provider.headers}
        base = provider.base_url.rstrip("/")
        forwards, defaults = WANTS.get(provider.dialect, NOTHING_WANTED)
        self.provider = provider
        self.url = base + path
        self.stream_url = base + stream_path if stream_path else self.url
        self.secret = secret
        self._secret = secret.reveal() if secret else ""
        self._forwards = forwards - constant
        self._defaults = tuple(field for field in defaults if field[0] not in constant)
        shared = (("content-type", "application/json"), ("accept-encoding", "identity"), *_auth(provider.auth, self._secret))
        self._whole: Headers = (*shared, ("accept", "application/json"), *provider.headers)
        self._streamed: Headers = (*shared, ("accept", "text/event-stream"), *provider.headers)

    def __repr__(self) -> str:
        return f"Caller({self.provider.name!r}, {self.url!r})"

    def request(self, body: bytes, inbound: Headers, stream: bool, attempt_id: str) -> HttpRequest:
        """Return the HTTP request of one attempt.

        Args:
            body: the body in the provider's dialect.
            inbound: the headers of the caller's own request, lower-case names; only those on the allow-list pass.
            stream: is a stream wanted?
            attempt_id: ours, for the provider's support to find the attempt by (`x-client-request-id`).
        """
        fixed = self._streamed if stream else self._whole
        forwards = self._forwards
        passed = [field for field in inbound if field[0] in forwards]
        for default in self._defaults:
            if not any(default[0] == name for name, _ in passed):
                passed.append(default)
        fields = (*fixed, *passed, ("x-client-request-id", attempt_id))
        return HttpRequest("POST", self.stream_url if stream else self.url, fields, body)

    def passage(self, passage: Passage, attempt_id: str) -> HttpRequest:
        """Return the HTTP request of one attempt at another path, to be sent with the client's own body.

        Args:
            passage: what is asked for; its headers are sifted again, by the dialect.
            attempt_id: as in `request`.
        """
        constant = {name for name, _ in self.provider.headers}
        kept = [field for field in passed(passage.headers, self._forwards) if field[0] not in constant]
        names = {name for name, _ in kept}
        fields = (
            ("accept-encoding", "identity"), *_auth(self.provider.auth, self._secret), *self.provider.headers, *kept,
            *(field for field in self._defaults if field[0] not in names), ("x-client-request-id", attempt_id),
        )  # fmt: skip
        return HttpRequest(passage.method, passage.url(self.provider.base_url), fields)

    def hide(self, body: bytes) -> bytes:
        """Return a body with the credential cut out, wherever the provider echoed it."""
        return body.replace(self._secret.encode(), HIDDEN.encode()) if self._secret else body

    def is_same(self, other: Caller) -> bool:
        """Would it make the very same requests: address, credential, headers, and what is known of the provider?"""
        return (self.provider, self.url, self._secret) == (other.provider, other.url, other._secret)

    def probe(self) -> HttpRequest:
        """Return a request that costs nothing and shows whether the credential is known: the list of models."""
        url = self.provider.base_url.rstrip("/") + self.provider.vendor.models_path
        fields = tuple(field for field in self._whole if field[0] != "content-type")
        return HttpRequest("GET", url, (*fields, *self._defaults), b"")

    def is_refused(self, response: HttpResponse, wall_now: float) -> bool:
        """Does an answer to a probe refuse the credential? Some say so with a 400 (docs/wire.md, Errors)."""
        return not 200 <= response.status < 300 and self.classify(response, wall_now).kind is FailureKind.CREDENTIAL

    def classify(self, response: HttpResponse, wall_now: float) -> Failure:
        """Say what an answer that is no success means; the credential is cut out wherever the provider echoed it.

        Args:
            response: status, headers and body as they came.
            wall_now: seconds since the epoch, for dates in `retry-after` and in the reset headers.
        """
        response = HttpResponse(response.status, response.headers, self.hide(response.body))
        failure = classify(self.provider.vendor.family, response, wall_now)
        if is_nowhere(failure):  # our configuration's fault, and told in our words: a client would look for its own
            failure = msgspec.structs.replace(failure, message=self._nowhere(), body=b"")
        headers = self.response_headers(response.headers)
        return msgspec.structs.replace(failure, headers=headers, dialect=self.provider.dialect)

    def _nowhere(self) -> str:
        """Say that the provider serves nothing at its address, with the mend."""
        base, name = self.provider.base_url.rstrip("/"), self.provider.name
        path, usual = self.url.removeprefix(base), VERSIONS.get(self.provider.dialect, "/v1")
        if self.provider.dialect in BESIDE:
            return f'provider "{name}" serves no {path} (404): it has no embeddings, or its "base_url" is wrong'
        if path.startswith("/v1/"):
            mend = 'it must not end in "/v1", which comes by itself' if base.endswith("/v1") else "is it the right one?"
        else:
            mend = "is it the right one?" if base.endswith(usual) else f'mostly it ends in "{usual}"'
        return f'provider "{name}" serves no {path} at its "base_url" (404): {mend}'

    def response_headers(self, headers: Headers) -> Headers:
        """Return the provider's headers that may go back to the client; its `x-request-id` under a name of its own."""
        return tuple([
            field if field[0] != "x-request-id" else (UPSTREAM_ID, field[1])
            for field in headers
            if field[0] in RETURNED or field[0].startswith(RETURNED_PREFIXES)
        ])

    def shown_headers(self, headers: Headers) -> Headers:
        """Return the headers that go back with another path's answer, whose body goes back as it came.

        `UPLOAD_URL` is among them, and is to be made a path of ours, or left out.
        """
        shown = (field for field in headers if field[0] in SHOWN or field[0] == UPLOAD_URL)
        return (*shown, *self.response_headers(headers))

    def request_id(self, headers: Headers) -> str:
        """Return the provider's own id of an exchange, "" where it gave none."""
        for name, value in headers:
            if name in {"x-request-id", "request-id"}:
                return value
        return ""


def _auth(auth: Auth, secret: str) -> Headers:
    if not secret or auth is Auth.NONE:
        return NO_HEADERS
    if auth is Auth.BEARER:
        return (("authorization", f"Bearer {secret}"),)
    return ((auth.value, secret),)

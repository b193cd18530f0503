"""Settings: everything one configuration says, as frozen values.

Never a secret: a credential is a reference such as `env:OPENAI_API_KEY`. A policy's defaults and ranges stand in
that policy's own Settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol

import msgspec

from ..catalog.sellers import SellerName
from ..policies.admission import AdmissionSettings
from ..policies.base import within
from ..policies.breaker import BreakerSettings
from ..policies.commit import FIRST, bytes_held
from ..policies.deadline import ClockSettings
from ..policies.easing import EasingSettings
from ..policies.hedge import HedgeSettings
from ..policies.parking import ParkingSettings
from ..policies.queue import QueueSettings, check_turns
from ..policies.rate import Counts
from ..policies.recovery import RecoveryName
from ..policies.retry import BudgetSettings, RetrySettings
from ..routing.sticky import StickyName
from ..routing.strategies import StrategyName
from .fallbacks import FallbackSettings, LastResortSettings
from .limiting import LimitSettings, check_limits
from .models import ModelSettings
from .tending import ProbeSettings, ReloadSettings
from .upkeep import AlertSettings, CredentialsSettings, LedgerSettings, TelemetrySettings

MIB = 1 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What providers, credentials, keys and profiles may be called."""
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
"""The wire formats that a provider may speak."""
AuthName = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "none"]
SignalsName = Literal["openai", "anthropic", "google", "compatible"]
LimitName = Literal["max_tokens", "max_completion_tokens"]


class Known(Protocol):
    """What configuration needs to know of a provider by its name; `providers.base.Vendor` is one."""

    @property
    def name(self) -> str: ...  # noqa: D102 - described in providers.base.Vendor, as are the others
    @property
    def dialect(self) -> str: ...  # noqa: D102
    @property
    def base_url(self) -> str: ...  # noqa: D102
    @property
    def auth(self) -> str: ...  # noqa: D102
    @property
    def key_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def token_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def url_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def url_path(self) -> str: ...  # noqa: D102
    @property
    def header_names(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def models(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def needs_key(self) -> bool: ...  # noqa: D102
    @property
    def counts(self) -> Counts: ...  # noqa: D102
    @property
    def frees_cached(self) -> bool: ...  # noqa: D102
    @property
    def rate_window(self) -> float: ...  # noqa: D102

    def speaks(self, moved: bool) -> dict[str, str]: ...  # noqa: D102


Kinds = Mapping[str, Known]
"""What a provider's `kind` may be; `providers.KINDS` is given by whoever assembles."""


class CredentialSettings(msgspec.Struct, frozen=True):
    """One credential of a provider.

    Attributes:
        ref: where it is: `env:NAME` or `file:PATH`, never the secret itself.
        quota: the quota group's name; credentials of one organisation share its limits and should share this. "" for its own.
        tags: what its account has beside its provider's tags, as in "zdr", which a provider agrees on with one organisation.
        created: the day it was made, for the reminder to change it; left out, when its file changed, or when it was first seen.
    """

    ref: str
    quota: str = ""
    created: date | None = None
    tags: tuple[str, ...] = ()


class ProviderSettings(msgspec.Struct, frozen=True):
    """One provider. What is left out is what is known of its kind.

    Attributes:
        kind: a known provider's name or "compatible"; its own name where that is known.
        base_url: where it is, without a slash at the end; the known one where it is left out.
        auth: how it wants its credential; the known way where it is left out.
        credentials: by name.
        headers: constant headers of every request to it, lower-case names; never secrets.
        proxy: its own proxy; "" for none, left out for the network's.
        proxy_credential: as in `[network]`, for its own proxy.
        ca_file: a PEM file of authorities it is trusted by, beside the network's.
        dialects: the wire formats it speaks, each with a base URL of its own or "" for the provider's; the first one is taken
            where a request comes in none of them.
        catalog: whose prices, windows and abilities its models have, as in "groq".
        signals: whose failure signals it sends.
        models: how the names of its models begin, for model names without a provider; of several that fit, the longest counts.
        models_path: where its list of models is, under the base URL: the question to it that costs nothing.
        usage_in_streams: does it understand `stream_options.include_usage`, by which a chat stream tells its usage?
        output_limit: its name for the output limit in a chat completion.
        takes_thoughts: does it take a history with the `reasoning_content` of other providers' answers?
        passthrough: may callers reach its other paths (files, sound, pictures, batches), unpriced? Any caller's key will do.
        region: where it serves, in your own word, as in "eu" or "us-east-1": what falls ill together there is left together.
        tags: where and on which terms it serves, in your own words, as in "eu" or "zdr"; its region is one as well.
        limits: what it lets through of each model with each credential, or each quota group of them.
    """

    kind: str = ""
    base_url: str = ""
    auth: AuthName | None = None
    credentials: dict[str, CredentialSettings] = {}
    headers: dict[str, str] = {}
    proxy: str | None = None
    proxy_credential: str = ""
    ca_file: str = ""
    dialects: dict[str, str] = {}
    catalog: SellerName | None = None
    signals: SignalsName | None = None
    models: tuple[str, ...] = ()
    models_path: str = ""
    usage_in_streams: bool | None = None
    output_limit: LimitName | None = None
    takes_thoughts: bool | None = None
    passthrough: bool = False
    region: str = ""
    tags: tuple[str, ...] = ()
    limits: LimitSettings = LimitSettings()


class TargetSettings(msgspec.Struct, frozen=True):
    """One model at one provider, in a route. Short form in a file: "provider/model" or "provider/model#credential".

    Attributes:
        provider, model: who and what; the model by the provider's own name.
        credential: which one; "" for each of the provider's, as a deployment of its own.
        weight: its share of the traffic against the others of its group, split over its deployments.
        rpm, tpm: requests and tokens a minute we may send, with each credential or each quota group of them; None for no limit.
        itpm, otpm: input and output tokens a minute, likewise.
        rpd, tpd: requests and tokens a day, likewise.
        concurrency: the most attempts at once, likewise.
        region: where it is served, where that is another region than its provider's; "" for the provider's.
        tags: what it has beside its provider's tags.
    """

    provider: str
    model: str
    credential: str = ""
    weight: float = 1.0
    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None
    concurrency: int | None = None
    region: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        within("weight", self.weight, 0.0001, 1_000_000.0)
        check_limits(self)


def prefixes_of(provider: ProviderSettings, kinds: Kinds) -> tuple[str, ...]:
    """Return how the names of a provider's models begin, as it says or as is known of its kind."""
    return provider.models or kinds[provider.kind].models


def region_of(target: TargetSettings, provider: ProviderSettings) -> str:
    """Return where a target is served: in its own region, else in its provider's; "" where nobody says."""
    return target.region or provider.region


def credentials_of(target: TargetSettings, provider: ProviderSettings) -> tuple[str, ...]:
    """Return the names of the credentials a target stands for: its own, else each of the provider's, else one without a name."""
    return (target.credential,) if target.credential else tuple(provider.credentials) or ("",)


class RouteSettings(msgspec.Struct, frozen=True):
    """What a public model name stands for.

    Attributes:
        groups: groups of equally good targets, in the order of preference.
        strategy: how traffic is spread over a group.
        strict: is a target passed over that can't be told everything a request says? Where none can, the request is refused.
        sticky: by what requests keep to one deployment of a group, so that its provider's prompt cache goes on serving them.
        commit: how much of a streamed answer must be here before the client is sent any of it: "first_token"; "tokens:N", about
            N tokens or its end; "complete", all of it. Until then failures are invisible, and somebody else may be asked.
        recovery: what becomes of a stream that breaks off behind that point: the client is told, or somebody else is asked the
            same again, or for the rest.
        within: tags of which whoever is asked has one, as in ["eu"]; whoever has none is no candidate, whatever fails.
        requires: tags of which whoever is asked has each; left out, those of "zdr" and "no-training" that all of the first group
            have, so that failing over changes no terms.
        fallback: where a request goes on when it was too long, or refused.
        last_resort: what is tried when nobody is left for it.
        queue_wait: seconds that its requests wait at most for their turn at full limits; left out, as in `[policies.queue]`.
        priority: how much of a full limit's room they get: "high", "normal", "low", or a number from -10 to 10 as text.
        hedge: is a second attempt made beside one that is slow to begin, and what may that add? Never, where it is left out.
    """

    groups: tuple[tuple[TargetSettings, ...], ...]
    strategy: StrategyName = "weighted"
    strict: bool = False
    sticky: StickyName = "off"
    commit: str = FIRST
    recovery: RecoveryName = "error"
    within: tuple[str, ...] = ()
    requires: tuple[str, ...] | None = None
    fallback: FallbackSettings = FallbackSettings()
    last_resort: LastResortSettings | None = None
    queue_wait: float | None = None
    priority: str | None = None
    hedge: HedgeSettings | None = None

    def __post_init__(self) -> None:
        bytes_held(self.commit)
        check_turns(self.queue_wait, self.priority)


class KeySettings(msgspec.Struct, frozen=True):
    """One caller's key. Either `id` and `hash` of a key made by `stormkeel key`, or `key` as a reference to one of your own.

    Attributes:
        name: whose it is, as reports show it.
        id: the public id of a made key.
        hash: the SHA-256 of the whole key in hex.
        key: `env:NAME` or `file:PATH`.
        admin: may its owner look at the gateway's inside (`/admin/...`)?
        within, requires: as in a route, for all that its owner asks.
        queue_wait: as in a route, for all that its owner asks.
        priority: as in a route, left out, the route's; its owner may ask for less of each request, and not for more.
    """

    name: str
    id: str = ""
    hash: str = ""
    key: str = ""
    admin: bool = False
    within: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    queue_wait: float | None = None
    priority: str | None = None

    def __post_init__(self) -> None:
        check_turns(self.queue_wait, self.priority)


class PolicySettings(msgspec.Struct, frozen=True):
    """The policies that hold for every route."""

    retry: RetrySettings = RetrySettings()
    budget: BudgetSettings = BudgetSettings()
    breaker: BreakerSettings = BreakerSettings()
    clocks: ClockSettings = ClockSettings()
    parking: ParkingSettings = ParkingSettings()
    queue: QueueSettings = QueueSettings()
    easing: EasingSettings = EasingSettings()


class ServerSettings(msgspec.Struct, frozen=True):
    """The gateway's door.

    Attributes:
        host, port: where it listens; port 0 takes any free one.
        tls_cert, tls_key: paths of PEM files, both or neither.
        max_body: bytes of the largest request body.
        drain_delay: seconds in which new connections are still taken after a stop.
        grace: seconds that requests may go on after that.
        admission: how much it takes on at once.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    tls_cert: str = ""
    tls_key: str = ""
    max_body: int = 20 * MIB
    drain_delay: float = 5.0
    grace: float = 120.0
    admission: AdmissionSettings = AdmissionSettings()

    def __post_init__(self) -> None:
        within("port", self.port, 0, 65_535)
        within("max_body", self.max_body, 1024, 1024 * MIB, "bytes")
        within("drain_delay", self.drain_delay, 0.0, 3600.0, "seconds")
        within("grace", self.grace, 0.0, 86_400.0, "seconds")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("`tls_cert` and `tls_key` belong together: give both, or neither")


class NetworkSettings(msgspec.Struct, frozen=True):
    """How providers are reached.

    Attributes:
        proxy: `http://host:port` of the proxy for all of them; "env" for those that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and
            NO_PROXY name; "" for none, whatever the environment says.
        proxy_credential: a reference to its "user:password", `env:NAME` or `file:PATH`.
        no_proxy: hosts that are reached straight: "name" with all below it, ".domain" for what is below it, an address, or a
            network such as "10.0.0.0/8" (for addresses; names are not looked up); "*" for all.
        ca_file: a PEM file of authorities to trust beside the system's.
        ca_only: trust those of `ca_file` alone.
    """

    proxy: str = ""
    proxy_credential: str = ""
    no_proxy: tuple[str, ...] = ("localhost", "127.0.0.0/8", "::1")
    ca_file: str = ""
    ca_only: bool = False


class Settings(msgspec.Struct, frozen=True):
    """One whole configuration.

    Attributes:
        providers, routes: by name.
        quotas: the limits of quota groups, by their names.
        models: what is known here of models, before what the catalog knows.
        keys: the callers' keys; without any the gateway asks for none and listens on this machine only.
        default_model: the model or route where the library's caller names none, or a request the model "default".
        fallback_route: the route of requests for a model that nobody knows; "" refuses them.
        profile: the profile that was chosen, "" for none.
    """

    providers: dict[str, ProviderSettings] = {}
    routes: dict[str, RouteSettings] = {}
    quotas: dict[str, LimitSettings] = {}
    models: dict[str, ModelSettings] = {}
    keys: tuple[KeySettings, ...] = ()
    default_model: str = ""
    fallback_route: str = ""
    policies: PolicySettings = PolicySettings()
    server: ServerSettings = ServerSettings()
    ledger: LedgerSettings = LedgerSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    profile: str = ""
    credentials: CredentialsSettings = CredentialsSettings()
    network: NetworkSettings = NetworkSettings()
    reload: ReloadSettings = ReloadSettings()
    probes: ProbeSettings = ProbeSettings()
    alerts: AlertSettings = AlertSettings()

"""One setting against another: names that lead nowhere, empty groups, twins, doors left open.

Never checks the shape of a single setting: that is `shape.py` and the policies' own Settings.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

import msgspec

from .borders import check_borders
from .detours import check_ways
from .limits import NAMES, group_of
from .models import check_models
from .network import check_network
from .origins import Path
from .quotas import check_quotas
from .references import fault_of_reference, fault_of_url
from .settings import (
    DIALECTS,
    NAME,
    CredentialSettings,
    KeySettings,
    Kinds,
    ProviderSettings,
    RouteSettings,
    Settings,
    TargetSettings,
    credentials_of,
    region_of,
)
from .shape import sound
from .source import Source, quoted, suggestion

OWN_HEADERS = frozenset({
    "authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "host", "content-type", "content-length", "accept",
    "accept-encoding", "connection", "transfer-encoding", "te", "upgrade", "proxy-authorization", "x-client-request-id",
})
"""Headers that are ours to write."""

_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_PATH = re.compile(r"/[!-\"$-~]*")
_ID, _HASH = re.compile(r"[0-9A-Za-z]{8}"), re.compile(r"[0-9a-f]{64}")


def complete(source: Source, settings: Settings, kinds: Kinds) -> Settings:
    """Fill in what a known provider implies, and check everything against everything else; the source notes what is wrong."""
    providers = {
        name: _provider(source, name, provider, kinds) for name, provider in settings.providers.items()
    }
    settings = msgspec.structs.replace(settings, providers=providers)
    limits: dict[str, TargetSettings] = {}
    for name, route in settings.routes.items():
        _check_route(source, name, route, settings, limits)
    check_quotas(source, settings, kinds)
    check_models(source, settings.models, settings.providers)
    check_ways(source, settings)
    check_borders(source, settings)
    _check_keys(source, settings.keys)
    check_network(source, settings)
    if settings.alerts.url and (fault := fault_of_reference(settings.alerts.url, "STORMKEEL_ALERTS_URL")):
        source.add(("alerts", "url"), f'"url" {fault}')
    fallback = settings.fallback_route
    if fallback and fallback not in settings.routes and not source.is_wrong(("routes", fallback)):
        mend = f"{suggestion(fallback, settings.routes)} (or add [routes.NAME])"
        source.add(("fallback_route",), f'"fallback_route" names no route: {quoted(fallback)}; {mend}')
    fault = fault_of_door(settings)
    if fault is not None and not source.is_wrong(("keys",)):
        source.add(("server", "host"), fault)
    return settings


def fault_of_door(settings: Settings) -> str | None:
    """Say that the gateway would listen to others without asking for a key, with the mend, or None."""
    host = settings.server.host
    try:
        is_own = ip_address(host).is_loopback
    except ValueError:
        is_own = host == "localhost"
    if is_own or settings.keys:
        return None
    return f'"host" is {quoted(host)}, and anybody who reaches it could spend your money; add [[keys]], or listen on "127.0.0.1"'


# -- providers ---------------------------------------------------------------------------------------------------------


def _provider(source: Source, name: str, given: ProviderSettings, kinds: Kinds) -> ProviderSettings:
    path: Path = ("providers", name)
    _check_name(source, path, name, "provider")
    kind = given.kind or name
    known = kinds.get(kind)
    if known is None:
        where: Path = (*path, "kind") if given.kind else path
        mend = "" if given.kind else ' (or add kind = "compatible" and its base_url)'
        if not source.is_wrong((*path, "kind")):
            source.add(where, f"nothing is known of a provider {quoted(kind)}; {suggestion(kind, kinds)}{mend}")
        return given
    base_url = (given.base_url or known.base_url).rstrip("/")
    _check_url(source, path, base_url, bool(given.credentials))
    example = known.key_names[0] if known.key_names else f"{name.upper().replace('-', '_').replace('.', '_')}_API_KEY"
    _check_credentials(source, path, given, known.needs_key and given.auth != "none", example)
    _check_headers(source, path, given)
    auth = given.auth or ("none" if not given.credentials else known.auth)
    _check_dialects(source, path, given)
    _check_models(source, path, given)
    _check_region(source, path, given.region)
    dialects = given.dialects or known.speaks(moved=base_url != known.base_url.rstrip("/"))
    return msgspec.structs.replace(given, kind=kind, base_url=base_url, auth=auth, dialects=dialects)


def _check_dialects(source: Source, path: Path, given: ProviderSettings) -> None:
    for name, url in given.dialects.items():
        where: Path = (*path, "dialects", name)
        if name not in DIALECTS:
            source.add(where, f"nothing is known of a dialect {quoted(name)}; {suggestion(name, DIALECTS)}")
        elif url and (fault := fault_of_url(url, bool(given.credentials))):
            source.add(where, f'the base URL of "{name}" {fault}')


def _check_models(source: Source, path: Path, given: ProviderSettings) -> None:
    for place, prefix in enumerate(given.models):
        if not prefix or not prefix.isprintable() or prefix != prefix.strip():
            source.add((*path, "models", place), f'{quoted(prefix)} is no beginning of a model name; give one, as in "llama-"')
    if given.models_path and not _PATH.fullmatch(given.models_path):
        source.add((*path, "models_path"), f'"models_path" is {quoted(given.models_path)}; give a path, as in "/models"')


def _check_region(source: Source, path: Path, region: str) -> None:
    if region and not NAME.fullmatch(region):
        source.add((*path, "region"), f'"region" is {quoted(region)}; use letters, digits, dots, dashes and underscores')


def _check_url(source: Source, path: Path, base_url: str, has_credential: bool) -> None:
    if not base_url and not source.is_wrong(path):
        source.add(path, f'provider "{path[-1]}" has no "base_url"; add it, as in base_url = "https://api.example.com/v1"')
    elif base_url and (fault := fault_of_url(base_url, has_credential)):
        source.add((*path, "base_url"), f'"base_url" {fault}')


def _check_credentials(source: Source, path: Path, given: ProviderSettings, is_needed: bool, example: str) -> None:
    if is_needed and not given.credentials and not source.is_wrong(path):
        source.add(path, f'provider "{path[-1]}" has no credential; add credentials = {{ main = "env:{example}" }}')
    for name, credential in given.credentials.items():
        where: Path = (*path, "credentials", name)
        _check_name(source, where, name, "credential")
        _check_reference(source, where, credential, example)


def _check_reference(source: Source, path: Path, credential: CredentialSettings, example: str) -> None:
    fault = fault_of_reference(credential.ref, example)
    if fault is not None:
        source.add(path, f"credential {quoted(path[-1])} {fault}")


def _check_headers(source: Source, path: Path, given: ProviderSettings) -> None:
    for name, value in given.headers.items():
        where: Path = (*path, "headers", name)
        if name in OWN_HEADERS:
            source.add(where, f'header "{name}" is written by us; take it out')
        elif not _HEADER.fullmatch(name):
            source.add(where, f"header {quoted(name)} is no header name in lower case; mend it")
        elif not value.isascii() or not value.isprintable():
            source.add(where, f'header "{name}" has a value that no header may have; use plain ASCII text')


# -- routes ------------------------------------------------------------------------------------------------------------


def _check_route(
    source: Source, name: str, route: RouteSettings, settings: Settings, limits: dict[str, TargetSettings]
) -> None:
    path: Path = ("routes", name)
    if not route.groups:
        source.add(path, f'route "{name}" has no group; give it one, as in groups = [["openai/gpt-5.4-mini"]]')
    seen: set[tuple[str, str, str]] = set()
    for place, group in sound(route.groups):
        where: Path = (*path, "groups", place)
        if not group:
            source.add(where, f'group {place + 1} of route "{name}" is empty; give it a target, or take it out')
        for number, target in sound(group):
            at = (*where, number)
            if _names_something(source, at, target, settings):
                _check_twins(source, at, target, seen)
                _check_limits(source, at, target, settings, limits)
                _check_region(source, at, target.region)


def _names_something(source: Source, path: Path, target: TargetSettings, settings: Settings) -> bool:
    """Note what a target names that is not there. A provider that is written but could not be read has its own fault."""
    provider = settings.providers.get(target.provider)
    if provider is None:
        mend = suggestion(target.provider, settings.providers)
        if not source.is_wrong(("providers", target.provider)):
            source.add(path, f"there is no provider {quoted(target.provider)}; {mend} (or add [providers.NAME])")
        return False
    if not target.model or not target.model.isprintable():
        mend = f'write it as "{target.provider}/MODEL"'
        source.add(path, f'a target at provider "{target.provider}" names no model; {mend}')
        return False
    if target.credential and target.credential not in provider.credentials:
        mend = suggestion(target.credential, provider.credentials)
        if not source.is_wrong(("providers", target.provider, "credentials")):
            source.add(path, f'provider "{target.provider}" has no credential {quoted(target.credential)}; {mend}')
        return False
    return True


def _check_twins(source: Source, path: Path, target: TargetSettings, seen: set[tuple[str, str, str]]) -> None:
    """A deployment may stand once in a route: a request that has failed there would only meet it again."""
    key = (target.provider, target.model, target.credential)
    whole = (target.provider, target.model, "")
    if key in seen or whole in seen or (not target.credential and any(key[:2] == other[:2] for other in seen)):
        source.add(path, f'"{target.provider}/{target.model}" stands in this route already; take one out')
    seen.add(key)


def _check_limits(
    source: Source, path: Path, target: TargetSettings, settings: Settings, limits: dict[str, TargetSettings]
) -> None:
    """A region belongs to a deployment, limits to a quota group and its model: all their routes share them."""
    provider = settings.providers[target.provider]
    for credential in credentials_of(target, provider):
        twin = limits.setdefault(f"{target.provider}/{target.model}#{credential}", target)
        if region_of(twin, provider) != region_of(target, provider):
            what = f'"{target.provider}/{target.model}" is in another region in another route'
            source.add(path, f"{what}; give it the same region everywhere")
        if twin.tags != target.tags:
            source.add(path, f'"{target.provider}/{target.model}" has other tags in another route; give it the same everywhere')
        group = group_of(settings, target.provider, credential)
        first = limits.setdefault(f"quota {group}/{target.model}", target)
        if any(getattr(first, name) != getattr(target, name) for name in NAMES):
            what = f'"{target.provider}/{target.model}" has other limits in another place of quota group "{group}"'
            source.add(path, f"{what}; give it the same limits everywhere")


# -- keys --------------------------------------------------------------------------------------------------------------


def _check_keys(source: Source, keys: tuple[KeySettings, ...]) -> None:
    for member in ("name", "id"):
        seen: set[str] = set()
        for place, key in sound(keys):
            value = getattr(key, member)
            if value and value in seen:
                source.add(("keys", place, member), f"there are two keys with {member} {quoted(value)}; rename one")
            seen.add(value)
    for place, key in sound(keys):
        fault = _fault_of_key(key)
        if fault is not None:
            source.add(("keys", place), fault)


def _fault_of_key(key: KeySettings) -> str | None:
    if not NAME.fullmatch(key.name):
        return f'a key\'s "name" is {quoted(key.name)}; use letters, digits, dots, dashes and underscores'
    if bool(key.key) == bool(key.hash):
        return f'key "{key.name}" needs either "hash" and "id", or "key"; give one of the two'
    if key.key:
        fault = fault_of_reference(key.key, "STORMKEEL_KEY")
        return None if fault is None else f'the "key" of "{key.name}" {fault}'
    if not _HASH.fullmatch(key.hash):
        return f'the "hash" of key "{key.name}" is no SHA-256 in 64 hex digits; make one with `stormkeel key`'
    if not _ID.fullmatch(key.id):
        return f'the "id" of key "{key.name}" is not the 8 characters of its public id; make one with `stormkeel key`'
    return None


def _check_name(source: Source, path: Path, name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        source.add(path, f"a {what} is named {quoted(name)}; use letters, digits, dots, dashes and underscores")

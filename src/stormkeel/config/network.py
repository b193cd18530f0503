"""How providers are reached: what may stand in `[network]` and in a provider's own lines about it.

Never opens a file, resolves a name or asks a proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from .references import fault_of_reference
from .settings import NetworkSettings, ProviderSettings, Settings
from .source import Source, quoted

ENV = "env"
"""What `proxy` says to take the proxies that the environment names."""

_NAME = re.compile(r"\*|\.?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def check_network(source: Source, settings: Settings) -> None:
    """Check everything about proxies and authorities; the source notes what is wrong."""
    for path, given in _places(settings):
        fault = fault_of_proxy(given.proxy or "")
        if fault is not None:
            source.add((*path, "proxy"), f'"proxy" {fault}')
        if given.proxy_credential:
            fault = _fault_of_credential(given)
            if fault is not None:
                source.add((*path, "proxy_credential"), f'"proxy_credential" {fault}')
    network = settings.network
    for place, entry in enumerate(network.no_proxy):
        fault = fault_of_bypass(entry)
        if fault is not None:
            source.add(("network", "no_proxy", place), f'"no_proxy" {fault}')
    if network.ca_only and not network.ca_file:
        source.add(("network", "ca_only"), '"ca_only" trusts nobody without "ca_file"; name your authorities\' PEM file there')


def _places(settings: Settings) -> Iterator[tuple[tuple[str, ...], NetworkSettings | ProviderSettings]]:
    yield ("network",), settings.network
    for name, provider in settings.providers.items():
        yield ("providers", name), provider


def _fault_of_credential(given: NetworkSettings | ProviderSettings) -> str | None:
    if not given.proxy or given.proxy == ENV:
        return 'belongs to a "proxy" with an address; name one beside it, or take it out'
    return fault_of_reference(given.proxy_credential, "PROXY_CREDENTIAL")


def fault_of_proxy(url: str) -> str | None:
    """Say what is wrong with a proxy's address, with its mend, or None. A password in it is never shown.

    Args:
        url: `http://host:port`, "env", or "" for none.
    """
    if url in {"", ENV}:
        return None
    try:
        parts = urlsplit(url)
        is_plain = parts.port is None or parts.port > 0
    except ValueError:
        is_plain = False
    if is_plain and (parts.username is not None or parts.password is not None):
        return 'has a user name or password in it; take them out, and give "proxy_credential" a reference to "user:password"'
    if not is_plain or parts.scheme != "http" or not parts.hostname or parts.path + parts.query + parts.fragment not in {"", "/"}:
        return 'is no address of an http proxy; write it as in "http://proxy.example:3128"'
    return None


def fault_of_bypass(entry: str) -> str | None:
    """Say what is wrong with a host that is reached without the proxy, with its mend, or None.

    >>> [fault_of_bypass(entry) for entry in ("localhost", ".internal", "10.0.0.0/8", "::1", "*")]
    [None, None, None, None, None]
    """
    try:
        ip_network(entry, strict=False)
    except ValueError:
        if not _NAME.fullmatch(entry):
            return f'has {quoted(entry)}; write a name, as "localhost", a domain, as ".internal", or a network, as "10.0.0.0/8"'
    return None

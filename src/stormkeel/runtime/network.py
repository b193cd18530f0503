"""How each provider is reached: settings, references and files to the HTTP client's own settings.

Never opens a connection. Reads the authorities' files here, where a mistake is told with its mend before anything is sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ..config.network import ENV
from ..config.settings import NetworkSettings, ProviderSettings, Settings
from ..errors import SettingsError
from .credentials.sources import resolve
from .http import HttpSettings
from .proxies import STRAIGHT, Proxies, from_environment, read_proxy

LARGEST = 4 << 20  # bytes; the whole of Mozilla's authorities are a quarter of a megabyte


def resolve_network(settings: Settings, environ: Mapping[str, str]) -> dict[str, HttpSettings]:
    """Return how each provider is reached, by its name; equal values stand for one pool of connections.

    Raises:
        SettingsError: a proxy's credential is missing, or a file of authorities can't be used.
    """
    usual = network_of(settings, environ)
    return {name: _of(name, provider, usual, settings.network, environ) for name, provider in settings.providers.items()}


def network_of(settings: Settings, environ: Mapping[str, str]) -> HttpSettings:
    """Return how everybody is reached of whom nothing else is said. Raises as `resolve_network`."""
    network = settings.network
    common = _proxies(network, network.no_proxy, environ, "[network]")
    authorities, connect = _authorities(network.ca_file), settings.policies.clocks.connect
    return HttpSettings(connect_timeout=connect, ca=authorities, ca_only=network.ca_only, proxies=common)


def files_of_network(settings: Settings) -> Iterator[str]:
    """Yield the files that are read for it."""
    places: tuple[NetworkSettings | ProviderSettings, ...] = (settings.network, *settings.providers.values())
    for given in places:
        if given.ca_file:
            yield str(Path(given.ca_file).expanduser())
        if given.proxy_credential.startswith("file:"):
            yield str(Path(given.proxy_credential.removeprefix("file:")).expanduser())


def _of(
    name: str, provider: ProviderSettings, usual: HttpSettings, network: NetworkSettings, environ: Mapping[str, str]
) -> HttpSettings:
    proxies, authorities = usual.proxies, usual.ca
    if provider.proxy is not None:
        proxies = _proxies(provider, network.no_proxy, environ, f'provider "{name}"')
    if provider.ca_file:
        authorities += _authorities(provider.ca_file)
    return msgspec.structs.replace(usual, proxies=proxies, ca=authorities)


def _proxies(
    given: NetworkSettings | ProviderSettings, bypass: tuple[str, ...], environ: Mapping[str, str], whose: str
) -> Proxies:
    if not given.proxy:
        return STRAIGHT
    if given.proxy == ENV:
        found, wrong = from_environment(environ)
        if wrong:
            raise SettingsError(f"the environment variable {wrong} is no address of an http proxy; mend it, or set `proxy`")
        return msgspec.structs.replace(found, bypass=(*bypass, *found.bypass))
    what = f"credential of the proxy of {whose}"
    credential = resolve(given.proxy_credential, environ, what) if given.proxy_credential else None
    if credential is not None and ":" not in credential.reveal():
        raise SettingsError(f'{given.proxy_credential}, the {what}, is not "user:password"; write it so')
    proxy = read_proxy(given.proxy, credential)
    return Proxies(proxy, proxy, bypass)


def _authorities(name: str) -> str:
    """Return the certificates of a PEM file as text, "" where none is named."""
    if not name:
        return ""
    mend = "name a PEM file of certificates in `ca_file`"
    try:
        with Path(name).expanduser().open("rb") as file:
            text = file.read(LARGEST).decode("ascii", "replace")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise SettingsError(f'the authorities\' file "{name}" has no certificate in it that can be read; {mend}') from None
    except OSError as error:
        raise SettingsError(f'the authorities\' file "{name}" can\'t be read: {error.strerror}; {mend}') from None
    return text if text.endswith("\n") else f"{text}\n"

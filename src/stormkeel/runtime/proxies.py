"""Which proxy leads to a host, if any.

Never resolves a name: a network in `no_proxy` counts for addresses only. Never shows a proxy's password.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

import msgspec

from ..types.secret import Secret

VARIABLES = (("secure", ("https_proxy", "all_proxy")), ("plain", ("http_proxy", "all_proxy")))
"""Environment variables by what they are for; small letters win over capitals, as with curl."""


class Proxy(msgspec.Struct, frozen=True):
    """A plain-http proxy.

    Attributes:
        host, port: where it is.
        authorization: the value of `proxy-authorization`, None where it asks for none.
    """

    host: str
    port: int
    authorization: Secret | None = None

    @property
    def name(self) -> str:
        """How people know it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f'proxy "{host}:{self.port}"'

    @property
    def line(self) -> str:
        """The field of a request that lets us through, with its line break, or nothing."""
        return f"proxy-authorization: {self.authorization.reveal()}\r\n" if self.authorization else ""


class Proxies(msgspec.Struct, frozen=True):
    """The proxies of one way out.

    Attributes:
        secure: for https targets, None for straight.
        plain: for http targets.
        bypass: hosts that are reached straight: a name (and what is below it), ".domain" (what is below it), an address, a
            network, or "*" for all.
    """

    secure: Proxy | None = None
    plain: Proxy | None = None
    bypass: tuple[str, ...] = ()

    def of(self, tls: bool, host: str) -> Proxy | None:
        """Return the proxy that leads to a host, None for straight.

        Args:
            tls: is the target an https one?
            host: its name or address, in small letters, without brackets.
        """
        proxy = self.secure if tls else self.plain
        return None if proxy is None or any(is_match(entry, host) for entry in self.bypass) else proxy


STRAIGHT = Proxies()


def is_match(entry: str, host: str) -> bool:
    """Does an entry of `no_proxy` mean this host?

    >>> [is_match(".internal", host) for host in ("a.internal", "internal", "notinternal")]
    [True, False, False]
    >>> is_match("10.0.0.0/8", "10.1.2.3"), is_match("example.com", "api.example.com"), is_match("::1", "::1")
    (True, True, True)
    """
    entry = entry.lower()
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return entry in {"*", host} or host.endswith(entry if entry.startswith(".") else f".{entry}")
    try:
        return ip_address(host) in network
    except ValueError:
        return False


def read_proxy(url: str, credential: Secret | None = None) -> Proxy:
    """Read `http://[user:password@]host[:port]`.

    Args:
        url: the address; without a scheme it is http.
        credential: "user:password", where it does not stand in the address.

    Raises:
        ValueError: it is none we can use; the text never shows a password.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address of a proxy") from None
    if parts.scheme != "http" or not host or parts.path not in {"", "/"}:
        raise ValueError("is no address of an http proxy")
    if credential is None and parts.username is not None:
        credential = Secret(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    basic = None if credential is None else Secret(f"Basic {base64.b64encode(credential.reveal().encode()).decode()}")
    return Proxy(host, 80 if port is None else port, basic)


def from_environment(environ: Mapping[str, str]) -> tuple[Proxies, str]:
    """Return the proxies that the environment names, and the first variable that makes no sense, "" where all do."""
    found: dict[str, Proxy] = {}
    for scheme, names in VARIABLES:
        name = next((one for known in names for one in (known, known.upper()) if environ.get(one, "").strip()), "")
        if name:
            try:
                found[scheme] = read_proxy(environ[name].strip())
            except ValueError:
                return STRAIGHT, name
    said = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    bypass = tuple(host for entry in said.split(",") if (host := _host_of(entry.strip())))
    return Proxies(found.get("secure"), found.get("plain"), bypass), ""


def _host_of(entry: str) -> str:
    """An entry of NO_PROXY without its port; addresses of six pairs have more than one colon."""
    return entry.partition(":")[0] if entry.count(":") == 1 else entry

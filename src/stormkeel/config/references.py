"""References to secrets and addresses of providers: what is allowed to stand in a configuration.

Never resolves a reference (that is `runtime/credentials/`) and never opens an address. Nothing a client sends can change either
(INV-19).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

SCHEMES = ("env", "file")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_LOCAL_ENDINGS = (".local", ".internal", ".localhost", ".lan", ".svc", ".home.arpa")


def fault_of_reference(ref: str, example: str) -> str | None:
    """Say what is wrong with a reference to a secret, with its mend, or None. Its text is never shown: it may be the secret.

    Args:
        ref: as written, should be `env:NAME` or `file:PATH`.
        example: the environment variable the mend proposes.
    """
    scheme, colon, rest = ref.partition(":")
    if not colon or scheme not in SCHEMES:
        return (
            f'must be a reference, never the secret itself; put the secret in the environment and write "env:{example}", '
            'or in a file of its own and write "file:PATH"'
        )
    if scheme == "env" and not _NAME.fullmatch(rest):
        return f'names no environment variable; write it as in "env:{example}"'
    return None if rest else 'names no file; write it as in "file:/run/secrets/key"'


def fault_of_url(url: str, has_credential: bool) -> str | None:
    """Say what is wrong with a provider's base URL, with its mend, or None. User names and passwords in it are never shown."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return "is no URL; write it as in https://api.example.com/v1"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok or not _HOST.fullmatch(parts.hostname):
        return "is no http or https URL; write it as in https://api.example.com/v1"
    if parts.username is not None or parts.password is not None:
        return "has a user name or password in it; take them out and use a credential"
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        return "must end with its path; take out what follows"
    if parts.scheme == "http" and has_credential and not is_local(parts):
        return f"would send the credential unencrypted to {parts.hostname}; write https:// instead of http://"
    return None


def is_local(parts: SplitResult) -> bool:
    """Is the host this machine or a neighbour: a loopback or private address, or a name without a public domain?"""
    host = (parts.hostname or "").lower()
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_ENDINGS)
    return address.is_loopback or address.is_private

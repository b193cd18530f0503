"""Where a request to Gemini is addressed: the model, the verb and the wishes about the form are in the URL, not in the body.

Never looks at a body.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from stormkeel.sandbox.line import Inbound

_PATH = re.compile(r"^/(?:v1|v1beta)/models/(?P<model>.+):(?P<verb>[A-Za-z]+)$")
# what any of Google's methods takes as a query parameter
_SYSTEM = frozenset(
    {"key", "alt", "prettyPrint", "fields", "quotaUser", "access_token", "$alt", "$prettyPrint", "$fields", "$.xgafv"}
)


class Address(Struct, frozen=True):
    """The model with the wishes behind its `@`, and what is to be done."""

    model: str
    verb: str


def address(path: str) -> Address | None:
    """Read a path, or return None where there is no verb in it.

    >>> address("/v1beta/models/gemini-3.8-flash@fault=cut:at=0.5:generateContent")
    Address(model='gemini-3.8-flash@fault=cut:at=0.5', verb='generateContent')
    """
    found = _PATH.match(path)
    return None if found is None else Address(unquote(found["model"]), found["verb"])


def named(inbound: Inbound) -> str | None:
    """Return the model of the path."""
    found = address(inbound.path)
    return None if found is None else found.model


def parameters(inbound: Inbound) -> dict[str, str]:
    """Return the query, of a name that stands twice the last value."""
    return {name: values[-1] for name, values in parse_qs(inbound.query, keep_blank_values=True).items()}


def unknown_parameter(inbound: Inbound) -> str | None:
    """Return the first query parameter that no method takes."""
    return next((name for name in parameters(inbound) if name not in _SYSTEM), None)


def credential(inbound: Inbound) -> str | None:
    """Return `x-goog-api-key`, which wins, or `key` of the query, or the Bearer token."""
    key = inbound.header("x-goog-api-key") or parameters(inbound).get("key")
    if key:
        return key
    scheme, _, token = (inbound.header("authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def speaks(inbound: Inbound) -> bool:
    """Tell whether a request that names no verb comes from a client of Gemini's."""
    if inbound.path.startswith("/v1beta/"):
        return True
    told = inbound.header("x-goog-api-key") or inbound.header("x-goog-api-client")
    return told is not None or "key" in parameters(inbound)

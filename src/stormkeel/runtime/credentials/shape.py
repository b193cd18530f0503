"""What a secret must look like before anybody sends it: the mistakes people make when they copy keys.

Never asks a provider, and never shows more of a secret than its first 7 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...config.keys import PREFIX
from ...providers.base import Vendor
from ...types.secret import Secret

_PLACEHOLDERS = re.compile(
    r"\.{3}|…|x{8,}|\*{3,}|<.*>|\$\{.*\}|\byour[-_ ]|change[-_]?me|placeholder|replace[-_ ]?me|\bexample\b|\btodo\b|api[-_]?key$",
    re.IGNORECASE,
)
_BARE = {"sk-", "sk-ant-", "none", "null", "undefined", "test", "secret", "password", "key", "token", "dummy"}


_HEADER = re.compile(r"(?:(?:proxy-)?authorization|x-api-key|api-key)\s*:|bearer[\s:]", re.IGNORECASE)
_ASSIGNED = re.compile(r"(?:export\s+)?[A-Z][A-Z0-9_]{3,}=")
FOREIGN = (
    ("hf_", "Hugging Face"), ("ghp_", "GitHub"), ("github_pat_", "GitHub"),
    ("AKIA", "AWS"), ("r8_", "Replicate"), ("xoxb-", "Slack"), ("sk_live_", "Stripe"), ("sk_test_", "Stripe"),
)  # fmt: skip
"""How keys of others begin that people have at hand, by their owners' documentation."""


def fault_of_secret(secret: Secret) -> str | None:
    """Say why a text can be no credential of anybody, with the mend, or None."""
    text = secret.reveal()
    if not text.strip():
        return "is empty; put the key there"
    if text[0] in "\"'`" or text[-1] in "\"'`":
        return "still has its quotes around it; take them off"
    if _HEADER.match(text):
        return "has a header's words before it; leave the key alone, without them"
    if _ASSIGNED.match(text):
        return "has its variable's name before it; leave the key alone, behind the ="
    if text[-1] in ",;":
        return f'ends with "{text[-1]}"; take that off'
    if any(char.isspace() for char in text):
        return "has blanks or a line break in it; copy the key again, on one line"
    if not text.isascii() or not text.isprintable():
        return "has characters no key has; copy the key again"
    return None


def fault_of_owner(secret: Secret, vendor: Vendor, base_url: str, vendors: Iterable[Vendor]) -> str | None:
    """Say that a credential is a placeholder or another provider's key, with the mend, or None.

    Args:
        secret: a credential without `fault_of_secret`.
        vendor: whom it is given to.
        base_url: where it would be sent; any address but the vendor's official one takes any key.
        vendors: all that are known.
    """
    if not vendor.needs_key or base_url.rstrip("/") != vendor.base_url.rstrip("/"):
        return None
    text, own = secret.reveal(), f"put {vendor.name}'s own key there"
    if text.lower() in _BARE or _PLACEHOLDERS.search(text):
        return f"is a placeholder, no key; {own}"
    if text.startswith(PREFIX):
        return f"({secret.hint}) is a key for callers of a Stormkeel gateway, not one of {vendor.name}; {own}"
    is_own = text.startswith(vendor.key_prefixes)
    foreign = next((owner for prefix, owner in FOREIGN if text.startswith(prefix) and not is_own), "")
    owners = _owners(text, vendor, vendors) or foreign
    return f"({secret.hint}) looks like a key of {owners}, not of {vendor.name}; {own}" if owners else None


def _owners(text: str, vendor: Vendor, vendors: Iterable[Vendor]) -> str:
    """Whose key it is by the longest prefix that fits, "" where it may be the vendor's own or nobody knows."""
    known = tuple(vendors)
    longest = max((prefix for one in known for prefix in one.key_prefixes if text.startswith(prefix)), key=len, default="")
    if not longest or longest in vendor.key_prefixes or (longest == "sk-" and not vendor.key_prefixes):
        return ""
    return " or ".join(one.name for one in known if longest in one.key_prefixes)

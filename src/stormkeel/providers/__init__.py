"""Who is called: address, credential, dialect, quirks, and what its failures mean. `KNOWN` is every provider we know by name.

Never a secret's source (that is `runtime/credentials/`) and never a socket.
"""

from __future__ import annotations

from .anthropic import ANTHROPIC
from .base import Vendor
from .compatible import COMPATIBLE, VENDORS
from .google import GEMINI
from .openai import OPENAI

KNOWN: dict[str, Vendor] = {vendor.name: vendor for vendor in (OPENAI, ANTHROPIC, GEMINI, *VENDORS)}
"""Every provider with a name of its own, OpenAI, Anthropic and Google first."""

KINDS: dict[str, Vendor] = {**KNOWN, COMPATIBLE.name: COMPATIBLE}
"""What the setting `kind` of a provider may be: a known name, or "compatible" for any other server of OpenAI's dialect."""

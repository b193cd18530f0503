"""Vendors as they are configured: what is known of a provider's kind, and what its settings say otherwise.

Never an address or a credential: those are the Provider's.
"""

from __future__ import annotations

import msgspec

from ..config.settings import ProviderSettings
from ..providers import KINDS
from ..providers.base import Vendor


def vendor_of(provider: ProviderSettings) -> Vendor:
    """Return what is known of a provider: what its settings say themselves, else what is known of its kind."""
    said = {
        "family": provider.signals, "catalog": provider.catalog, "models": provider.models or None,
        "models_path": provider.models_path or None, "asks_usage": provider.usage_in_streams, "limit": provider.output_limit,
        "takes_thoughts": provider.takes_thoughts,
    }  # fmt: skip
    given = {name: value for name, value in said.items() if value is not None}
    return msgspec.structs.replace(KINDS[provider.kind], **given) if given else KINDS[provider.kind]

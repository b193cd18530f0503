"""OpenAI: where it is and what it wants. Facts by docs/wire.md, Addresses and headers.

Never its failure signals: those are in `signals.py`.
"""

from __future__ import annotations

from .base import Vendor
from .limits import REFILLED

OPENAI = Vendor(
    name="openai",
    family="openai",
    dialect="openai_chat",
    base_url="https://api.openai.com/v1",
    catalog="openai",
    key_names=("OPENAI_API_KEY",),
    url_names=("OPENAI_BASE_URL",),
    header_names=(("OPENAI_ORG_ID", "openai-organization"), ("OPENAI_PROJECT_ID", "openai-project")),
    models=("gpt-", "chatgpt-", "o1", "o3", "o4", "codex-", "text-embedding-", "ft:gpt-", "ft:o"),
    key_prefixes=("sk-", "sk-proj-", "sk-svcacct-", "sk-admin-"),
    takes_thoughts=False,  # an unknown field of a message is refused (docs/wire.md, Across dialects)
    limit="max_completion_tokens",  # reasoning models refuse the older name
    counts="asked",  # (docs/reliability.md, Rates)
    told_as=(("requests", REFILLED),),  # a day's, of a model that has a limit by the day (docs/wire.md, Hints)
    others=(("openai_responses", ""),),
)

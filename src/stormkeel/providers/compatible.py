"""Servers that speak OpenAI's chat dialect: a table of known ones, and "compatible" for any other.

Never a promise that they speak all of it: a request passes through as it came. Base URLs and variable names are those of each
vendor's own documentation; a wrong one is mended by `base_url`.
"""

from __future__ import annotations

import msgspec

from .base import Auth, Vendor

ALSO_RESPONSES = (("openai_responses", ""),)

COMPATIBLE = Vendor(name="compatible", family="compatible", dialect="openai_chat", needs_key=False)
"""Any other server: its address comes from the settings."""


def _hosted(
    name: str,
    base_url: str,
    catalog: str,
    key_prefixes: tuple[str, ...] = (),
    more_names: tuple[str, ...] = (),
    asks_usage: bool = True,
) -> Vendor:
    upper = name.upper()
    return Vendor(
        name, "compatible", "openai_chat", base_url,
        catalog=catalog,
        key_names=(f"{upper}_API_KEY", *more_names),
        url_names=(f"{upper}_BASE_URL",),
        key_prefixes=key_prefixes,
        asks_usage=asks_usage,
    )


def _strict(vendor: Vendor) -> Vendor:
    """Say that a vendor refuses fields of others in a message (QwenLM/qwen-code#3304, OpenMinis#87)."""
    return msgspec.structs.replace(vendor, takes_thoughts=False)


def _also(vendor: Vendor, *others: tuple[str, str]) -> Vendor:
    """Say what else a vendor speaks, and where: its base URL as the dialect counts it, "" for the same."""
    return msgspec.structs.replace(vendor, others=others)


def _local(name: str, base_url: str, responses: bool = True) -> Vendor:
    upper = name.upper()
    messages = ("anthropic_messages", base_url.removesuffix("/v1"))
    return Vendor(
        name, "compatible", "openai_chat", base_url,
        key_names=(f"{upper}_API_KEY",),
        url_names=(f"{upper}_BASE_URL",),
        needs_key=False,
        others=(*(ALSO_RESPONSES if responses else ()), messages),
    )


AZURE = Vendor(
    "azure", "compatible", "openai_chat",
    auth=Auth.AZURE,
    catalog="azure",
    key_names=("AZURE_OPENAI_API_KEY",),
    token_names=("AZURE_OPENAI_AD_TOKEN",),
    url_names=("AZURE_OPENAI_ENDPOINT",),
    url_path="/openai/v1",
    takes_thoughts=False,
    limit="max_completion_tokens",
    counts="asked",  # as OpenAI
    rate_window=1.0,  # a minute's requests are enforced by the second or by ten (docs/reliability.md, Rates)
    others=ALSO_RESPONSES,
)  # fmt: skip
"""Azure OpenAI by its "v1" API, without an `api-version`: at the user's own resource, a model's name being its deployment's."""

HUGGINGFACE = Vendor(
    "huggingface", "compatible", "openai_chat", "https://router.huggingface.co/v1",
    key_names=("HF_TOKEN",),
    url_names=("HUGGINGFACE_BASE_URL",),
    key_prefixes=("hf_",),
    others=ALSO_RESPONSES,
)  # fmt: skip

VENDORS: tuple[Vendor, ...] = (
    AZURE,
    # Cohere refuses `stream_options` (strandsagents.com, Cohere)
    _strict(_hosted("cohere", "https://api.cohere.ai/compatibility/v1", "cohere", more_names=("CO_API_KEY",), asks_usage=False)),
    HUGGINGFACE,
    # console.groq.com/docs
    msgspec.structs.replace(  # its "requests" are a day's (console.groq.com/docs/rate-limits)
        _also(_strict(_hosted("groq", "https://api.groq.com/openai/v1", "groq", ("gsk_",))), *ALSO_RESPONSES),
        told_as=(("requests", "rpd"),),
    ),
    # Mistral refuses `stream_options` and sends the usage with its last frame anyway (anon-kode issue 53)
    _strict(_hosted("mistral", "https://api.mistral.ai/v1", "mistral", asks_usage=False)),
    _also(  # api-docs.deepseek.com/guides/anthropic_api
        _hosted("deepseek", "https://api.deepseek.com", "deepseek", ("sk-",)),
        ("anthropic_messages", "https://api.deepseek.com/anthropic"),
    ),
    msgspec.structs.replace(  # responses: the recommended one; it allows so many a second (docs.x.ai/developers/rate-limits)
        _also(_hosted("xai", "https://api.x.ai/v1", "x-ai", ("xai-",)), *ALSO_RESPONSES), rate_window=1.0
    ),
    _hosted("together", "https://api.together.ai/v1", "together"),
    _also(  # docs.fireworks.ai/tools-sdks/anthropic-compatibility
        _hosted("fireworks", "https://api.fireworks.ai/inference/v1", "fireworks"),
        *ALSO_RESPONSES,
        ("anthropic_messages", "https://api.fireworks.ai/inference"),
    ),
    _also(
        _hosted("openrouter", "https://openrouter.ai/api/v1", "openrouter", ("sk-or-",)),
        *ALSO_RESPONSES,
        ("anthropic_messages", "https://openrouter.ai/api"),
    ),
    _hosted("cerebras", "https://api.cerebras.ai/v1", "cerebras", ("csk-",)),
    msgspec.structs.replace(  # its chat completions ended on 2026-09-27 (@ai-sdk/perplexity 3.1.0, release notes)
        _hosted("perplexity", "https://api.perplexity.ai/v1", "perplexity", ("pplx-",), ("PPLX_API_KEY",)),
        dialect="openai_responses",
    ),
    _local("ollama", "http://127.0.0.1:11434/v1"),
    _local("vllm", "http://127.0.0.1:8000/v1"),
    _local("lmstudio", "http://127.0.0.1:1234/v1"),
    _local("llamacpp", "http://127.0.0.1:8080/v1", responses=False),
)

"""Models as their user knows them: prices, windows and abilities of one's own.

Never what comes with the package: that is `catalog/`, and what is said here counts before it.

    gpu/llama-4     this model
    gpu/llama-*     every model of the provider whose name begins so
    gpu/*           every model of the provider
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from ..catalog.rates import Rates, rate_of
from ..policies.base import within
from ..types.money import Rate
from .origins import Path
from .source import Source, quoted, suggestion

PRICES = ("input_price", "output_price", "cached_price", "cache_write_price")
MOST_TOKENS = 1_000_000_000
ANY = "*"
EffortName = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class AbilitySettings(msgspec.Struct, frozen=True):
    """What a model accepts; what is left out is what is known of it.

    Attributes:
        sampling: does it take `temperature`, `top_p`, `top_k`: "always", "never", or only while it does not reason ("quiet")?
        thinking: how a model of Anthropic's or Google's is told to reason: by a number of tokens ("budget"), or by an effort
            ("adaptive").
        silent: may reasoning be switched off?
        efforts: the reasoning efforts it knows; [] where it takes none.
        default_effort: how hard it reasons where nobody says.
        prefill: may the conversation end with the beginning of the answer?
        late_system: may a system turn stand after the first user turn?
        tools_with_reasoning: may a chat completion have function tools while the model reasons?
        stop: does it take stop texts?
        images: media types of the pictures it reads, as in ["image/png"]; [] for none at all.
        schemas: is it held to a JSON Schema for its answer?
        cache_marks: does it take OpenAI's cache marks?
    """

    sampling: Literal["always", "quiet", "never"] | None = None
    thinking: Literal["budget", "adaptive"] | None = None
    silent: bool | None = None
    efforts: tuple[EffortName, ...] | None = None
    default_effort: EffortName | None = None
    prefill: bool | None = None
    late_system: bool | None = None
    tools_with_reasoning: bool | None = None
    stop: bool | None = None
    images: tuple[str, ...] | None = None
    schemas: bool | None = None
    cache_marks: bool | None = None


class ModelSettings(msgspec.Struct, frozen=True):
    """What is known here of a model ("provider/model", or many with a `*` at the end); what is left out is the catalog's.

    Attributes:
        input_price, output_price: US dollars a million tokens as text, as in "0.25", at most 9 decimals; "0" is free. Both, or
            neither.
        cached_price: the same for input read from a cache; left out, the input's.
        cache_write_price: the same for input written into a cache; left out, the input's.
        window: input and output tokens that fit together.
        max_output: the most output tokens of one answer.
        abilities: what it accepts.
    """

    input_price: str | None = None
    output_price: str | None = None
    cached_price: str | None = None
    cache_write_price: str | None = None
    window: int | None = None
    max_output: int | None = None
    abilities: AbilitySettings | None = None

    def __post_init__(self) -> None:
        for name in PRICES:
            _rate(name, getattr(self, name))
        if self.window is not None:
            within("window", self.window, 1, MOST_TOKENS, "tokens")
        if self.max_output is not None:
            within("max_output", self.max_output, 1, self.window or MOST_TOKENS, "tokens")

    @property
    def is_priced(self) -> bool:
        """Does it say prices of its own?"""
        return self.input_price is not None

    def rates(self) -> Rates:
        """Return its prices, nothing known where it says none."""
        given, made, cached, written = (_rate(name, getattr(self, name)) for name in PRICES)
        return Rates(input=given, output=made, cache_read=cached, cache_write=written)


def _rate(name: str, text: str | None) -> Rate | None:
    if text is None:
        return None
    try:
        return rate_of(text)
    except ValueError as error:
        raise ValueError(f"`{name}` is {quoted(text)}: {error}") from None


def nearest(models: Mapping[str, ModelSettings], provider: str, model: str) -> tuple[str, ModelSettings] | None:
    """Return what is said of a model, with the name it stands under; None where nothing is.

    Its own name counts before a beginning, and a longer beginning before a shorter one; one entry counts, never parts of several.
    As in the catalog, capitals make no difference.
    """
    name = _folded(f"{provider}/{model}")
    fitting = [one for one in models if _fits(_folded(one), name)]
    best = max(fitting, key=lambda one: (not one.endswith(ANY), len(one)), default=None)
    return None if best is None else (best, models[best])


def names_at(models: Mapping[str, ModelSettings], provider: str) -> tuple[str, ...]:
    """Return the models of a provider that are named in full, by their names there."""
    named = (name.partition("/") for name in models if not name.endswith(ANY))
    return tuple(model for whose, _, model in named if whose == provider)


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith(ANY) else name == pattern


def _folded(name: str) -> str:
    provider, slash, model = name.partition("/")
    return provider + slash + model.lower()


def check_models(source: Source, models: Mapping[str, ModelSettings], providers: Iterable[str]) -> None:
    """Check the names that models stand under, and prices that belong together; the source notes what is wrong."""
    seen: set[str] = set()
    for name, given in models.items():
        path: Path = ("models", name)
        fault = _fault_of_name(source, name, providers)
        if fault is None and _folded(name) in seen:
            fault = f"{quoted(name)} stands here already, in other capitals; take one out"
        seen.add(_folded(name))
        if fault is not None:
            source.add(path, fault)
        elif not source.is_wrong(path):
            _check_prices(source, path, given)


def _fault_of_name(source: Source, name: str, providers: Iterable[str]) -> str | None:
    provider, _, model = name.partition("/")
    if not model or not name.isprintable() or ANY in name[:-1]:
        return f'{quoted(name)} names no model; write it as "PROVIDER/MODEL", or with a single * at its end'
    if provider in providers or source.is_wrong(("providers", provider)):
        return None
    return f"there is no provider {quoted(provider)}; {suggestion(provider, providers)} (or add [providers.NAME])"


def _check_prices(source: Source, path: Path, given: ModelSettings) -> None:
    said = [name for name in PRICES if getattr(given, name) is not None]
    missing = [f'"{name}"' for name in PRICES[:2] if name not in said]
    if said and missing:
        mend = 'add that, "0" where nothing is charged'
        source.add((*path, said[0]), f'"{said[0]}" of {quoted(path[-1])} needs {" and ".join(missing)} beside it; {mend}')

"""Abilities: what a family of models accepts, beyond what its dialect allows, as data with its source (`abilities.json`).

Never a guess: a model that no row matches is given what its dialect allows, and its provider may say no. The first row that
matches wins. Sources stand beside each row; what is made of it stands
in docs/wire.md, Across dialects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ..types.prompt import Effort
from .match import Clause, is_match

ABILITIES = "abilities.json"
HOSTS = {"azure": "openai"}
"""Who serves another's models by that one's own API."""


class Abilities(msgspec.Struct, frozen=True):
    """What a model accepts.

    Attributes:
        sampling: does it take `temperature`, `top_p`, `top_k`: "always", "never", or only while it does not reason ("quiet")?
        thinking: how Anthropic's and Google's models are told to reason: "" not at all, "budget" by a number, "adaptive" by an
            effort (Google's: a level).
        silent: may reasoning be switched off?
        efforts: the efforts it knows, weakest first; () where it takes none.
        default_effort: how hard it reasons where nobody says; "" where it does not.
        prefill: may the conversation end with the beginning of the answer (an assistant turn)?
        late_system: may a system turn stand after the first user turn?
        tools_with_reasoning: may a chat completion have function tools while the model reasons?
        stop: does it take stop texts?
        images: media types of the pictures it reads, () for none at all; None where that is not known, and its dialect's hold.
        schemas: is it held to a JSON Schema for its answer?
        cache_marks: does it take OpenAI's cache marks (`prompt_cache_breakpoint`)?
    """

    sampling: Literal["always", "quiet", "never"] = "always"
    thinking: Literal["", "budget", "adaptive"] = ""
    silent: bool = True
    efforts: tuple[Effort, ...] = ()
    default_effort: Effort = ""
    prefill: bool = True
    late_system: bool = True
    tools_with_reasoning: bool = True
    stop: bool = True
    images: tuple[str, ...] | None = None
    schemas: bool = True
    cache_marks: bool = False


ANY = Abilities(thinking="adaptive", efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"))
"""A model of which nothing is known."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family: which names, what they accept, and where that is known from."""

    provider: str
    match: Clause
    source: str
    read: str
    accepts: Abilities


class AbilityTable:
    """Every family that is known, in the order of the data."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = tuple(rows)

    def find(self, provider: str, model: str) -> Abilities:
        """Return what a model accepts, whoever serves it; `ANY` where nothing is known. A walk: keep the answer.

        Of a reseller's model is taken what the model itself is like, and not what its maker's own API can.

        Args:
            provider: the catalog's id of who serves it, "" for nobody it knows.
            model: by the provider's name; resellers put the maker in front, as in "anthropic/claude-sonnet-5".
        """
        name = model.lower()
        makers = {row.provider for row in self._rows}
        maker = HOSTS.get(provider, provider)
        if maker in makers:
            return self._find(maker, name) or ANY
        found = next((row for one in sorted(makers) if (row := self._find(one, name.rpartition("/")[2]))), None)
        return ANY if found is None else msgspec.structs.replace(found, tools_with_reasoning=True, cache_marks=False)

    def _find(self, maker: str, name: str) -> Abilities | None:
        return next((row.accepts for row in self._rows if row.provider == maker and is_match(row.match, name)), None)


def load_abilities(raw: bytes) -> AbilityTable:
    """Read the data file.

    Raises:
        msgspec.DecodeError: it is damaged or of another shape.
    """
    return AbilityTable(msgspec.json.decode(raw, type=tuple[_Row, ...]))

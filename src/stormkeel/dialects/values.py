"""What goes into a dialect and comes out of it, as values: targets, readings, bodies, outcomes.

Never acts: the dialects do (`base.py` has their contract).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from ..catalog.abilities import ANY, Abilities
from ..types.embedding import Texts
from ..types.failure import FailureKind
from ..types.prompt import Prompt
from ..types.response import Finish, Response
from ..types.usage import Usage

TOKEN_LIMIT = 10**9
"""More tokens than any one answer can have: a larger number is a fault in the report (S-8), and no usage at all."""

K = FailureKind
Service = Literal["generate", "embed"]
"""What a provider is asked for: an answer to a prompt, or the vectors of texts."""

OWN_CODES = frozenset({K.CALLER, K.CANCELLED, K.KEY_REFUSED})
"""Kinds whose code says more than the kind: what was wrong with a body, that the gateway shuts down."""


Terms = Mapping[str, str]
NO_TERMS: Terms = MappingProxyType({})
STANDARD = frozenset({"", "default", "standard", "auto"})


def terms_of(**said: object) -> Terms:
    """Return the terms that differ from the standard ones, by name."""
    told = {name: value for name, value in said.items() if isinstance(value, str) and value not in STANDARD}
    return told or NO_TERMS


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a passthrough needs to know of a whole answer, without its text.

    Attributes:
        id, model: by the provider's word, "" where it gave none.
        finish: why it ended, None where the provider did not say.
        usage: what was reported, None where nothing sensible was.
        terms: what the price depends on beside tokens (`service_tier`, `speed`, `processing`), by the provider's word; empty
            for the standard terms.
        response: the answer itself, where it was wanted and came with the same look; None where it is still to be read.
    """

    id: str
    model: str
    finish: Finish | None
    usage: Usage | None
    terms: Terms = NO_TERMS
    response: Response | None = None

    @property
    def content_filtered(self) -> bool:
        """Did the provider or the model refuse to answer (HTTP 200 all the same)?"""
        return self.finish is Finish.CONTENT_FILTER or self.finish is Finish.REFUSAL


class ModelCard(msgspec.Struct, frozen=True):
    """One line of a model list.

    Attributes:
        id: the name a client asks for.
        created: seconds since the epoch, 0 where unknown.
        owned_by: who serves it.
        display_name: for people; "" stands for the id.
        max_input, max_output: tokens, None where unknown.
    """

    id: str
    created: int = 0
    owned_by: str = ""
    display_name: str = ""
    max_input: int | None = None
    max_output: int | None = None


class Target(msgspec.Struct, frozen=True):
    """Whom a prompt is written for.

    Attributes:
        model: the provider's name of it.
        abilities: what it accepts.
        max_output: its largest output in tokens, None where unknown.
        limit: the provider's name for the output limit in a chat completion.
        asks_usage: does the provider understand `stream_options.include_usage`?
        takes_thoughts: may a history hold the `reasoning_content` of other providers' answers?
    """

    model: str
    abilities: Abilities = ANY
    max_output: int | None = None
    limit: str = "max_completion_tokens"
    asks_usage: bool = True
    takes_thoughts: bool = True


class Call(msgspec.Struct, frozen=True):
    """What an address says of a request.

    Attributes:
        model: which model is asked.
        stream: is a stream wanted?
        method: what is asked of it, by the dialect's own word; "" where the address has only one.
    """

    model: str
    stream: bool = False
    method: str = ""


class Reading(msgspec.Struct, frozen=True):
    """A whole request in canonical form.

    Attributes:
        prompt: what is asked.
        lost: what the body says beyond that and no other dialect would be told: paths in the body as the client wrote them, such
            as "logit_bias" or "messages[2].content[0].citations"; each once, in the body's order.
    """

    prompt: Prompt
    lost: tuple[str, ...] = ()


class TextsReading(msgspec.Struct, frozen=True):
    """What is to be embedded, in canonical form; `lost` as in `Reading`."""

    prompt: Texts
    lost: tuple[str, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """A prompt as a body.

    Attributes:
        body: for the provider.
        lost: what of the prompt this dialect or model can't be told: names of `Prompt`'s fields or of a part's, such as
            "temperature", "user" or "thinking"; each once.
        limit: the most output tokens that the body allows, None where that is what the prompt asks for.
    """

    body: bytes
    lost: tuple[str, ...] = ()
    limit: int | None = None


class Head(msgspec.Struct, frozen=True):
    """What an answer written for a client says about itself beside its content.

    Attributes:
        id: ours; a dialect that wants a form of its own (`chatcmpl-`, `msg_`) derives it from this.
        created: seconds since the epoch.
        model: stands where the provider named none.
        input_estimate: tokens the prompt is expected to have, for a head that must name them before they are known.
        wants_usage: did the client ask for the usage in its stream (chat only)?
        wants_base64: did the client ask for its vectors as base64 (embeddings only)?
    """

    id: str
    created: int
    model: str
    input_estimate: int = 0
    wants_usage: bool = True
    wants_base64: bool = False


def is_token_count(number: int) -> bool:
    """Tell whether a reported number can be a number of tokens; zero can (S-8)."""
    return 0 <= number <= TOKEN_LIMIT

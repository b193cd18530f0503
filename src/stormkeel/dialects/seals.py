"""Seals: signatures of thoughts on their way through a dialect that is not their maker's, told apart from its own.

Never opens what a provider signed: it is text to us. A signature is good for the model that made it and for no other, and the
next turn of a conversation may be answered by another one; so whoever writes a history for a provider asks here whose it is.

    unsigned          Thinking.signature == ""
    Anthropic's       as it is: nothing else is carried bare
    anybody else's    "stormkeel:<maker>:<model>:<signature>"
"""

from __future__ import annotations

import msgspec

SEAL = "stormkeel:"
"""How every sealed signature begins; no provider's own does, as a colon is no letter of base64."""


class Seal(msgspec.Struct, frozen=True):
    """Whose a signature is.

    Attributes:
        maker: the dialect of the model that made it.
        model: that model, by its provider's word.
        signature: as the provider gave it.
    """

    maker: str
    model: str
    signature: str


def seal(maker: str, model: str, signature: str) -> str:
    """Return a signature with its maker.

    >>> seal("gemini", "gemini-3-pro", "c2ln")
    'stormkeel:gemini:gemini-3-pro:c2ln'
    """
    return f"{SEAL}{maker}:{model.replace(':', '_')}:{signature}"


def unseal(told: str) -> Seal | None:
    """Return what a signature says of its maker, None where it is bare.

    >>> unseal("stormkeel:gemini:gemini-3-pro:c2ln").model
    'gemini-3-pro'
    """
    if not told.startswith(SEAL):
        return None
    maker, _, rest = told.removeprefix(SEAL).partition(":")
    model, _, signature = rest.partition(":")
    return Seal(maker, model, signature)

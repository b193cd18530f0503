"""Texts: what is to be turned into vectors, in canonical form; Vectors: what came back.

Never a wire format: a codec reads them from a body and writes them into one.
"""

from __future__ import annotations

import msgspec

from .usage import Usage

Source = str | tuple[int, ...]
"""One input: a text, or its tokens by the model's own encoding."""
Vector = list[float]
"""One embedding: numbers that a 32-bit float holds."""


class Texts(msgspec.Struct, frozen=True):
    """What is to be embedded, and how.

    Attributes:
        inputs: one or more; each becomes one vector, in this order. None is empty.
        dimensions: how many numbers each vector shall have, None for the model's own.
        purpose: what the vectors are for, in Gemini's words ("RETRIEVAL_QUERY", "CLUSTERING"), "" where nobody says.
        title: of the document that the inputs are from, "" for none.
        user: an opaque id of the end user.
        wants_base64: are the vectors to come as base64 of little-endian 32-bit floats, where the client's dialect has that?
    """

    inputs: tuple[Source, ...]
    dimensions: int | None = None
    purpose: str = ""
    title: str = ""
    user: str = ""
    wants_base64: bool = False


class Vectors(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        vectors: one for each input, in its order.
        model: by the provider's word, "" where it gave none.
        usage: what was reported, None where nothing sensible was.
        lost: what the provider said beyond this, by its names; each once.
    """

    vectors: tuple[Vector, ...]
    model: str = ""
    usage: Usage | None = None
    lost: tuple[str, ...] = ()

"""What most codecs do alike, so that each says only what is its own.

Never a wire format, and never asked for by itself.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ..types.request import Request
from .base import Streams
from .peek import replace
from .values import Service, Target

S = TypeVar("S", bound=Streams)


class Usual:
    """The usual part of a `base.Codec`: bodies name the model, hold no thoughts, and any prompt suits."""

    names_model = True

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Write the body for the provider: `request.raw` itself where the model keeps its name."""
        if model == request.model:
            return request.raw
        return replace(request.raw, request.model_span, msgspec.json.encode(model))

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Return the body: there is nothing of others in it."""
        return body, ()

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Return the body: nobody thinks here."""
        return body, ()

    def suits(self, prompt: Any, target: Target) -> bool:
        """Say that a model may be asked so."""
        return True


class UsualDialect(Usual):
    """The usual part of a `base.Dialect`, which has its streams itself."""

    service: Service = "generate"
    takes_comments = True
    prefills = False

    @property
    def streams(self: S) -> S:
        """Its streamed half: itself."""
        return self

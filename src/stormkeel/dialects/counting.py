"""Counting: how a wire format asks its provider how many tokens a prompt has, and how it tells a client.

Never counts anything itself, and never names a provider.

    client's body --read_body--> a request's body --pass_body (its own dialect), write_body (one we wrote)--> provider's body
    client's answer <--write_tokens-- a number <--read_tokens-- provider's answer
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from ..types.failure import Failure
from .values import is_token_count


class Counting(Protocol):
    """The count of one wire format, both directions."""

    def path_for(self, model: str) -> str:
        """Return where a model's count is asked for, relative to a provider's base URL."""
        ...

    def read_body(self, raw: bytes) -> bytes | Failure:
        """Return a client's body as the body of a request of the same dialect, which its codec reads."""
        ...

    def pass_body(self, body: bytes, model: str) -> bytes:
        """Return the body for the provider, of a client that speaks its dialect: nothing is left out."""
        ...

    def write_body(self, body: bytes, model: str) -> bytes:
        """Return the body for the provider, of a request that its codec wrote: without what only shapes an answer."""
        ...

    def read_tokens(self, body: bytes) -> int | None:
        """Return the number of a provider's answer, None where it makes no sense."""
        ...

    def write_tokens(self, tokens: int) -> bytes:
        """Return the body that tells a client of a number."""
        ...


class PlainCounting(msgspec.Struct, frozen=True):
    """The count of a dialect whose count is asked with a request's own body, and answered by `input_tokens`.

    Attributes:
        path: where it is asked for.
        takes: the fields of a request that decide how many tokens go in; all others are refused there.
        object: what the answer says it is, "" for nothing.
    """

    path: str
    takes: frozenset[str]
    object: str = ""

    def path_for(self, model: str) -> str:
        """Return the one path."""
        return self.path

    def read_body(self, raw: bytes) -> bytes:
        """Return the body as it came: it is a request's."""
        return raw

    def pass_body(self, body: bytes, model: str) -> bytes:
        """Return the body as it came: the codec has renamed the model."""
        return body

    def write_body(self, body: bytes, model: str) -> bytes:
        """Return the body with the fields that count alone."""
        return msgspec.json.encode({name: value for name, value in _fields(body).items() if name in self.takes})

    def read_tokens(self, body: bytes) -> int | None:
        """Read `input_tokens`."""
        return read_number(body, "input_tokens")

    def write_tokens(self, tokens: int) -> bytes:
        """Write `input_tokens`."""
        told: dict[str, Any] = {"object": self.object} if self.object else {}
        return msgspec.json.encode(told | {"input_tokens": tokens})


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_number(body: bytes, name: str) -> int | None:
    """Return a number of tokens from an answer, None where there is none."""
    try:
        told = msgspec.json.decode(_fields(body)[name], type=int)
    except (KeyError, ValueError, RecursionError):
        return None
    return told if is_token_count(told) else None

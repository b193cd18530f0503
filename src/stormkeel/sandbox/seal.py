"""Seals what a model hands out and wants back unchanged: signatures of thinking, encrypted reasoning.

Never encrypts anything: a seal only shows whether text and model are those it was made for. It is the same in every sandbox, as
a signature is good with every account of a provider.
"""

from __future__ import annotations

import base64
import hashlib

_KEY = b"stormkeel sandbox"


def sealed(model: str, *parts: str) -> str:
    """Return the seal of some text by a model: base64 of 48 bytes.

    >>> sealed("claude-opus-5", "a") == sealed("claude-opus-5", "a") != sealed("claude-sonnet-5", "a")
    True
    """
    told = "\0".join((model, *parts)).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.blake2b(told, key=_KEY, digest_size=48).digest()).decode()

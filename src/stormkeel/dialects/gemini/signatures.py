"""Thought signatures: which stands for what, and who may see it.

Never opens one. Google signs the part that a thought led to: from Gemini 3 on the first of parallel function calls, which is
refused in a history without its signature; maybe the last text. In canonical form it is `Thinking.signature`, sealed with the
model that made it, before the call or behind the text (docs of the Gemini API, Thought signatures).

    Google's, of this model        -> `thoughtSignature` of its part
    Google's, of another model     -> nobody: the call says that it has none (`SKIP`)
    another provider's             -> a Gemini client only: wrapped, so that it comes back and is not taken for Google's
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from ...types.content import Thinking
from ..seal import MARK, carried, carry, is_sealed

MAKER = "gemini"
SKIP = b64encode(b"skip_thought_signature_validator").decode()
"""Stands for the signature of a call that another model made (docs of the Gemini API, Thought signatures; recorded)."""

WRAPPED = b64encode(MARK[:9].encode()).decode()
"""How every wrapped signature begins: nine letters of the mark are twelve whole ones of base64."""

_DATED = re.compile(r"(-preview)?(-\d{2}-\d{2,4}|-\d{3})?").fullmatch
_URL_SAFE = str.maketrans("-_", "+/")


def sealed(signature: str, model: str) -> str:
    """Return Google's signature in canonical form.

    >>> sealed("c2ln", "models/gemini-3-pro")
    'stormkeel|gemini|gemini-3-pro|c2ln'
    """
    return f"{MARK}{MAKER}|{bare(model).replace('|', '')}|{signature}"


def own_signature(thinking: Thinking, model: str | None = None) -> str:
    """Return the signature as Google gave it, "" where it is another provider's, or of another model than the one named."""
    match thinking.signature.removeprefix(MARK).split("|", 2) if is_sealed(thinking.signature) else ():
        case [maker, made_by, signature] if maker == MAKER and (model is None or _is_same(made_by, bare(model))):
            return signature
    return ""


def wrapped(thinking: Thinking) -> str:
    """Return another provider's proof of a thought as the base64 that a Gemini client may keep, "" where there is none."""
    return b64encode((carry(thinking) or "").encode()).decode()


def unwrapped(signature: str, text: str) -> Thinking | None:
    """Return the thought that another provider proved, None where the signature is none that we wrapped."""
    if not signature.startswith(WRAPPED):
        return None
    try:
        told = b64decode(standard(signature)).decode()
    except ValueError:
        return None
    return carried(told, "", text) if is_sealed(told) else None


def standard(base64: str) -> str:
    """Return base64 in its standard alphabet and padded: the SDK writes the one for URLs, which no other dialect takes.

    >>> standard("_9j_4A")
    '/9j/4A=='
    """
    told = base64.translate(_URL_SAFE) if "-" in base64 or "_" in base64 else base64
    return told + "=" * (-len(told) % 4)


def bare(model: str) -> str:
    """Return a model's name without the collection it stands in."""
    return model.rsplit("/", 1)[-1]


def _is_same(made: str, asked: str) -> bool:
    short, long = sorted((made, asked), key=len)
    return bool(short) and long.startswith(short) and _DATED(long[len(short) :]) is not None

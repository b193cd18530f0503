"""The signatures of thoughts: made for what a model hands out, looked at when it comes back.

Never looks at text. From Gemini 3 on a step of the turn that is under way must bring its first call back with the signature it
came with. A signature is good for one model, and for one name of a function (for text: none).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from stormkeel.sandbox.gemini.generations import signs
from stormkeel.sandbox.gemini.shape import Content, Part
from stormkeel.sandbox.seal import sealed

SENTINEL = "skip_thought_signature_validator"  # documented for history that has no signatures
# the sentinel as it stands in JSON, and as a client writes it that takes it for bytes
_SENTINELS = frozenset({base64.urlsafe_b64decode(SENTINEL), SENTINEL.encode()})


def signature(model: str, function: str = "") -> str:
    """Return the signature of a call of a function, or of text."""
    return sealed(model, "gemini", function)


def complaints(contents: Sequence[Content], model: str, *, model_rules: bool, ownership: bool) -> Iterator[str]:
    """Yield what is wrong with signatures: one that is missing from the turn that is under way, one that is not ours."""
    begun = _begin(contents)
    for place, content in enumerate(contents):
        calls = [part for part in content.parts or () if part.function_call is not None]
        if model_rules and signs(model) and place > begun and calls and calls[0].thought_signature is None:
            yield _missing(calls[0], place)
        for part in content.parts or () if ownership else ():
            if part.thought_signature is not None and not _ours(part, model):
                yield "Thought signature is not valid."


def _begin(contents: Sequence[Content]) -> int:
    """Return the place where the turn that is under way begins: the last thing the user said that answers no call."""
    spoken = (place for place, content in enumerate(contents) if content.role != "model" and not _answers(content))
    return max(spoken, default=-1)


def _answers(content: Content) -> bool:
    return any(part.function_response is not None for part in content.parts or ())


def _ours(part: Part, model: str) -> bool:
    told = part.thought_signature
    function = "" if part.function_call is None else part.function_call.name or ""
    return told in _SENTINELS or told == base64.b64decode(signature(model, function))


def _missing(part: Part, place: int) -> str:
    name = part.function_call.name if part.function_call is not None else ""
    return (
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and "
        "missing thought_signature may lead to degraded model performance. Additional data, function call "
        f"`default_api:{name}` , position {place + 1}. Please refer to "
        "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )

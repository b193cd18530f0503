"""Seals: how what only one model can read travels through clients and dialects that can't, and comes back unharmed.

Never opens what a model encrypted. All of it is a text that no provider writes, for it begins with our name; so who writes for
a provider, or passes a history on to one, knows whose it is and whose not: another maker's is refused for ever. The wrappings:

    a response's reasoning, to anybody          Thinking.signature  "stormkeel|openai_responses|MODEL|ITEM ID|..."
    Gemini's signature, to anybody              Thinking.signature  "stormkeel|gemini|MODEL|..."
    a plain signature, or a hidden thought,     both of Thinking    "stormkeel|by|MAKER|MODEL|..."
      on its way to another dialect's client
    another's signature, to a responses client  encrypted_content   "stormkeel|signature|..."
    another's hidden thought, likewise          encrypted_content   "stormkeel|redacted|..."
    both, to a Gemini client                    thoughtSignature    the same in base64
"""

from __future__ import annotations

import re

from ..types.content import Thinking

_BAR = "|"
MARK = f"stormkeel{_BAR}"
_RESPONSES = "openai_responses"
_BY = "by"


def is_sealed(text: str) -> bool:
    """Is a signature, or an encrypted content, one of our wrappings, which no provider can read?"""
    return text.startswith(MARK)


def seal(model: str, item_id: str, encrypted: str) -> str:
    """Return the signature for what a model encrypted, "" for nothing; a model or an id with a bar in it is left out of it."""
    if not encrypted:
        return ""
    named = ("" if _BAR in name else name for name in (model, item_id))
    return MARK + _BAR.join((_RESPONSES, *named, encrypted))


def unseal(signature: str, model: str) -> tuple[str, str] | None:
    """Return a reasoning item's id and encrypted content for the model that made it, None for any other or another's signature.

    >>> unseal("stormkeel|openai_responses|gpt-5.6-sol|rs_1|gAAA", "gpt-5.6")
    ('rs_1', 'gAAA')
    """
    match signature.removeprefix(MARK).split(_BAR, 3) if is_sealed(signature) else ():
        case [maker, made_by, item_id, encrypted] if maker == _RESPONSES and _is_same(made_by, model):
            return item_id, encrypted
    return None


def _is_same(made_by: str, model: str) -> bool:
    """Are two names of one model: the same, unknown, or one the other with what an answer's full name has behind it?"""
    shorter, longer = sorted((made_by.rpartition("/")[2], model.rpartition("/")[2]), key=len)
    return not shorter or (longer.startswith(shorter) and _FULL(longer[len(shorter) :]) is not None)


_FULL = re.compile(r"(-sol)?(-latest|-\d{4}-\d{2}-\d{2}|-\d{8})?").fullmatch
"""What an answer names behind the name that was asked for: the variant that a plain name stands for, and a date. Anything else
(`-mini`, `-pro`) makes it another model, which would refuse the whole conversation."""


def signed_by(proof: str, maker: str, model: str) -> str:
    """Return a proof that does not say whose it is with its maker's dialect and model; one that does, and none, as it is."""
    if not proof or is_sealed(proof) or _BAR in model:
        return proof
    return f"{MARK}{_BY}{_BAR}{maker}{_BAR}{model}{_BAR}{proof}"


def proof_for(proof: str, maker: str, model: str) -> str:
    """Return a proof as its maker gave it, "" where that is another dialect or model; one that nobody named is taken at its word.

    >>> proof_for("stormkeel|by|anthropic_messages|claude-opus-5|EqQB", "anthropic_messages", "claude-opus-5")
    'EqQB'
    """
    if not is_sealed(proof):
        return proof
    match proof.removeprefix(MARK).split(_BAR, 3):
        case [kind, made_in, made_by, given] if kind == _BY and made_in == maker and _is_same(made_by, model):
            return given
    return ""


def carry(thinking: Thinking) -> str | None:
    """Return the `encrypted_content` that brings a thought's signature, or all of an opaque one, back to us; None for neither."""
    if thinking.redacted:
        return f"{MARK}redacted{_BAR}{thinking.redacted}"
    return f"{MARK}signature{_BAR}{thinking.signature}" if thinking.signature else None


def carried(encrypted: str, item_id: str, text: str) -> Thinking:
    """Return the thought of a reasoning item that a client sent back: carried for another maker, or encrypted by its own."""
    match encrypted.removeprefix(MARK).split(_BAR, 1) if is_sealed(encrypted) else ():
        case ["redacted", data]:
            return Thinking(text, redacted=data)
        case ["signature", signature]:
            return Thinking(text, signature)
    return Thinking(text, seal("", item_id, encrypted))

"""Whose reasoning comes back: only what the sandbox handed out itself, to the same model, is taken.

Never looks at text: reasoning is known by its seal, or by its id if the answer is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from stormkeel.sandbox.openai.schema import refused
from stormkeel.sandbox.problem import RefusedError
from stormkeel.sandbox.responses.items import Reasoning
from stormkeel.sandbox.responses.shelf import Shelf
from stormkeel.sandbox.responses.talk import Placed, not_kept
from stormkeel.sandbox.seal import sealed


def seal_of(model: str, id: str) -> str:
    """Return the `encrypted_content` of a reasoning item."""
    return sealed(model, id)


def foreign(items: tuple[Placed, ...], model: str, shelf: Shelf) -> Iterator[RefusedError]:
    """Yield a refusal for each reasoning item that is not this model's own."""
    for placed in items:
        item = placed.item
        if not isinstance(item, Reasoning) or not placed.place:
            continue
        if item.encrypted_content is None:
            if shelf.item(item.id) is None:
                yield not_kept(item.id)
        elif item.encrypted_content != seal_of(model, item.id):
            shown = f"{item.encrypted_content[:4]}...{item.encrypted_content[-4:]}"
            yield refused(
                f"The encrypted content {shown} could not be verified. "
                "Reason: Encrypted content could not be decrypted or parsed.",
                code="invalid_encrypted_content",
            )


def orphans(items: tuple[Placed, ...], shelf: Shelf) -> Iterator[RefusedError]:
    """Yield a refusal for each kept item that comes back without the reasoning it came after."""
    seen: set[str] = set()
    for placed in items:
        id = placed.item.id
        partner = None if id is None else shelf.partner(id)
        if partner is not None and partner not in seen:
            kind = getattr(placed.item, "type", "message")
            message = f"Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{partner}'."
            yield refused(message, "input")
        if id is not None:
            seen.add(id)

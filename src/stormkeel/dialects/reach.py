"""What a model can take of a prompt, by its abilities alone, whichever dialect it is asked in.

Never leaves out a picture: a model that can't see one is not asked. A schema that nothing holds a model to is told in words,
with a JSON mode beside it where the dialect has one, and that is told as lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ..types.content import Image, Message, Part, ToolResult
from ..types.prompt import Format, Prompt
from .json import write_json
from .uncrossed import give_up
from .values import Target

IN_WORDS = "Answer with a single JSON object and nothing else. It must fit this JSON Schema:\n"


def within_reach(prompt: Prompt, target: Target) -> tuple[Prompt, bool]:
    """Return a prompt that the model can be asked, and whether the form of its answer is told in words only.

    Raises:
        CrossingError: it can't: UNSUPPORTED.
    """
    abilities = target.abilities
    if abilities.images is not None:
        _check_pictures(prompt.messages, abilities.images, target.model)
    form = prompt.format
    if abilities.schemas or form is None or form.schema is None:
        return prompt, False
    said = Message("system", IN_WORDS + write_json(form.schema).decode())
    return msgspec.structs.replace(prompt, messages=(said, *prompt.messages), format=Format()), True


def _check_pictures(messages: Iterable[Message], known: tuple[str, ...], model: str) -> None:
    for message in messages:
        if not isinstance(message.content, str):
            for part in message.content:
                _check(part, known, model)


def _check(part: Part | dict[str, Any], known: tuple[str, ...], model: str) -> None:
    if isinstance(part, ToolResult):
        for inner in part.content:
            _check(inner, known, model)
    elif isinstance(part, Image):
        if not known:
            give_up(f'"{model}" reads no pictures: leave them out, or ask a model that does')
        media = part.media_type.lower().replace("image/jpg", "image/jpeg")
        if media and media not in known:
            names = ", ".join(name.removeprefix("image/") for name in known)
            give_up(f'a picture of type "{part.media_type}" is not read by "{model}": send one of {names}')

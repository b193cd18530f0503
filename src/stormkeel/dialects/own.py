"""Bodies of our own making as requests: what `read_request` would find in them is known, so nobody looks for it.

Never takes a client's body.
"""

from __future__ import annotations

import msgspec

from ..types.failure import Failure
from ..types.prompt import Prompt
from ..types.request import Options, Request
from ..types.wire import NO_HEADERS
from .base import Codec
from .values import TOKEN_LIMIT, Call


def own_request(dialect: Codec, body: bytes, asked: tuple[Prompt, str, bool], id: str, options: Options) -> Request | Failure:
    """Take a body that `write_prompt` wrote as a request.

    Args:
        dialect: who wrote it; it puts the model first, if it names it.
        body: what it wrote.
        asked: the prompt, the model's name, and whether a stream is wanted.
        id, options: as in `Request`.
    """
    prompt, model, stream = asked
    most = prompt.max_tokens
    is_usual = most is None or (type(most) is int and 0 <= most <= TOKEN_LIMIT)
    if not is_usual or not 0 < len(model) <= USUAL_NAME or body.startswith(MODEL_FIRST) is not dialect.names_model:
        return dialect.read_request(body, id, NO_HEADERS, options, Call(model, stream))  # which says what is wrong with it
    span = (MODEL_AT, MODEL_AT + len(msgspec.json.encode(model))) if dialect.names_model else (0, 0)
    return Request(
        id, dialect.name, model, body, stream, most, prompt.choices, model_span=span, options=options,
        is_text=_is_text(prompt), is_read=True,
    )  # fmt: skip


def _is_text(prompt: Prompt) -> bool:
    """Is nothing asked for that makes tokens of more than the body's bytes, or that costs more than standard terms?"""
    if prompt.tools or prompt.tier or prompt.format is not None:
        return False
    for message in prompt.messages:  # noqa: SIM110 - every request passes here
        if type(message.content) is not str:
            return False
    return True


MODEL_FIRST = b'{"model":'
MODEL_AT = len(MODEL_FIRST)
USUAL_NAME = 512  # characters

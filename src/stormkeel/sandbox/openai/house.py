"""What all of OpenAI's endpoints have in common but chat, which is the package: credentials, headers, refusals, models.

Never reads a body or writes an answer.
"""

from __future__ import annotations

from stormkeel.sandbox import body
from stormkeel.sandbox.openai import answers, errors, reading


class House:
    """The common part of a dialect of OpenAI's."""

    credential = staticmethod(reading.credential)
    named = staticmethod(body.named)
    headers = staticmethod(errors.headers)
    refusal = staticmethod(errors.refusal)
    unauthorised = staticmethod(errors.unauthorised)
    invalid = staticmethod(errors.invalid)
    error_body = staticmethod(errors.error_body)
    error_frame = staticmethod(errors.error_frame)
    models = staticmethod(answers.models)
    model = staticmethod(answers.model)

"""What the URL of a Gemini request says: which model, and what of it (docs of the Gemini API, REST reference).

Never looks at a host or a version: both are the base URL's business.

    .../v1beta/models/gemini-x:streamGenerateContent?alt=sse
               '----- path_for ----------------------------'
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ..values import Call

WHOLE = "generateContent"
STREAM = "streamGenerateContent"
EMBED = "embedContent"
EMBED_MANY = "batchEmbedContents"
COUNT = "countTokens"
COLLECTION = "models/"

_MODEL = re.compile(r"[^\x00-\x20\x7f:?#]{1,512}").fullmatch
_METHOD = re.compile(r"[a-zA-Z]{1,64}").fullmatch
_SAFE = "/@-._~"


def path_for(model: str, stream: bool) -> str:
    """Return where to ask a model, relative to a provider's base URL; a stream as server-sent events.

    >>> path_for("gemini-x", False), path_for("tunedModels/mine", True)
    ('/models/gemini-x:generateContent', '/tunedModels/mine:streamGenerateContent?alt=sse')
    """
    return path_of(model, f"{STREAM}?alt=sse" if stream else WHOLE)


def path_of(model: str, method: str) -> str:
    """Return where something else is asked of a model.

    >>> path_of("gemini-x", "countTokens")
    '/models/gemini-x:countTokens'
    """
    name = model if "/" in model else COLLECTION + model
    return f"/{quote(name, _SAFE)}:{method}"


def call_of(path: str) -> Call | None:
    """Return what the end of a path asks for, None where it names no model and method.

    Args:
        path: behind the API's version, without a query, maybe percent-encoded.

    >>> call_of("/models/gemini-x:streamGenerateContent")
    Call(model='gemini-x', stream=True, method='streamGenerateContent')
    """
    name, _, method = unquote(path).strip("/").rpartition(":")
    model = name.removeprefix(COLLECTION)
    if not _METHOD(method) or not _MODEL(model) or ".." in model.split("/"):
        return None
    return Call(model, method == STREAM, method)

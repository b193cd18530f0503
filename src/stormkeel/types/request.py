"""Request: what is asked, in whichever dialect it came; Options: how.

Never parses a body: `raw` keeps it untouched, the few fields an engine needs stand beside it.
"""

from __future__ import annotations

import msgspec

from .border import NO_BORDER, Border
from .wire import NO_HEADERS, Headers


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a request is to be handled, and to whose name it is booked.

    Attributes:
        timeout: seconds the caller is willing to wait in all; None means the route's own.
        task, user, tags: free labels for the ledger.
        key: the name of the caller's key, "" in the library.
        strict: is nobody to be asked who can't be told all of it?
        queue_wait: seconds it may wait for its turn at full limits; None for its route's or the usual.
        priority: how much of a full limit's room it gets, from -10 to 10; None for its route's or 0.
        session: which conversation it belongs to, for routes that are sticky by conversation; "" where its beginning says so.
        border: whom it may be sent to at all, beside what its route and its key say.
        commit, recovery: how its stream is to be held back and gone on with, in place of its route's; "" for that.
        patience: seconds of silence after which the caller hangs up, None where nobody says; a keep-alive breaks a stream's.
    """

    timeout: float | None = None
    task: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    key: str = ""
    strict: bool = False
    session: str = ""
    border: Border = NO_BORDER
    patience: float | None = None
    queue_wait: float | None = None
    priority: int | None = None
    commit: str = ""
    recovery: str = ""


NO_OPTIONS = Options()


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request of a model.

    Attributes:
        id: ours, unique for ever.
        dialect: the wire format of `raw`, by a codec's name.
        model: the model name as asked.
        raw: the body, byte for byte.
        stream: is a stream wanted?
        max_output: the most output tokens asked for per choice, None where the body names none.
        choices: how many answers are asked for (OpenAI's `n`).
        wants_usage: did the client itself ask for the usage frame (`stream_options.include_usage`)? True where the dialect
            always sends it.
        model_span: where the value of the top-level `model` stands in `raw`, as (start, end) byte offsets, quotes included.
        stream_options_span: where the value of the top-level `stream_options` stands, None where it is absent.
        headers: the inbound headers a provider may see (versions and betas), lower-case names.
        options: how to handle it.
        is_text: is it known, without a look at `raw`, to be texts on standard terms and nothing else?
        is_read: does whoever asks read the answer, as the library does, rather than pass its bytes on?
        follows: the id of what a provider keeps and this request goes on from, "" for none: an answer, a conversation.
        is_kept: may its answer be kept at its provider, so that another request can go on from it?
        inputs: how many texts are to be embedded, each of which may fill the model's window; 0 where a prompt is answered.
    """

    id: str
    dialect: str
    model: str
    raw: bytes
    stream: bool = False
    max_output: int | None = None
    choices: int = 1
    wants_usage: bool = True
    model_span: tuple[int, int] = (0, 0)
    stream_options_span: tuple[int, int] | None = None
    headers: Headers = NO_HEADERS
    options: Options = NO_OPTIONS
    is_text: bool = False
    is_read: bool = False
    inputs: int = 0
    follows: str = ""
    is_kept: bool = False

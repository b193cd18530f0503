"""The contract of every dialect: one codec that the gateway's door and the provider's side share.

Never names a provider and never awaits. The drawing of one stream, as a `StreamReader` sees it:

    held ──first content──> committed ──terminal marker──> complete
      '───────────error event, nonsense, early end───────> failure (nothing after it is forwarded)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..types.events import Event
from ..types.failure import Failure
from ..types.request import NO_OPTIONS, Options, Request
from ..types.response import Response
from ..types.usage import Usage
from ..types.wire import NO_HEADERS, Headers
from .values import Call, Head, ModelCard, Outcome, Reading, Service, Target, Terms, Written


class EventWriter(Protocol):
    """One stream for a client, written from events: ids minted once, indexes without gaps, each block closed."""

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the whole frames they make, `b""` if none. The end is held back for `finish`."""
        ...

    def finish(self) -> bytes:
        """Return the last frames: why it ended, the usage, the terminal marker. Called once, after the upstream's own marker."""
        ...


class StreamReader(Protocol):
    """One upstream stream in its own dialect: which bytes may pass, and what they amount to.

    Plain attributes, no properties: this is the hot path.

    Attributes:
        committed: was content seen (text, thinking, refusal, tool start), or the terminal marker?
        complete: was the terminal marker seen?
        ended: has each choice said why it ended, in a dialect whose marker may never come? Only a last word may follow.
        usage: the latest report, cumulative; None before there is one.
        usage_final: was the provider's last word on usage seen?
        output_bytes: UTF-8 bytes of visible, reasoning and tool-argument text so far, for estimates.
        model, id: by the provider's word, "" before it gave one.
        terms: as in `Outcome`.
        failure: why the stream is broken, None while it is not.
        rest: whole after `finish()`: what is still to be forwarded of a last frame that came without its blank line.
        unframed: after `finish()`: what came in place of a stream, JSON or a page; b"" where events came.
    """

    committed: bool
    complete: bool
    ended: bool
    usage: Usage | None
    usage_final: bool
    output_bytes: int
    model: str
    id: str
    terms: Terms
    failure: Failure | None
    rest: bytes
    unframed: bytes

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come; return the whole frames that may be forwarded now, byte for byte, `b""` if none.

        Nothing is returned from the failing frame on, nor after the terminal marker.
        """
        ...

    def finish(self) -> Failure | None:
        """Tell the clean end of the bytes; return None if the answer is complete, else why not (mostly TRUNCATED)."""
        ...


class EventReader(Protocol):
    """One upstream stream as events, for the library and for clients of another dialect.

    Attributes:
        lost: what was said so far that is no event, as in `Response.lost`.
    """

    @property
    def lost(self) -> tuple[str, ...]: ...  # noqa: D102 - described above

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come; return the events they complete. Nonsense is the `StreamReader`'s business."""
        ...


class Told(Protocol):
    """What a codec reads of a client's body: the canonical form of what is asked, and what has no place in it."""

    @property
    def prompt(self) -> object: ...  # noqa: D102 - as in Reading
    @property
    def lost(self) -> tuple[str, ...]: ...  # noqa: D102 - as in Reading


class Follower(Protocol):
    """One client's stream, followed as it is sent, so that where it breaks off somebody else can go on with it.

    Attributes:
        text: what was said so far.
        may_go_on: can somebody? Only with plain text that has not ended.
    """

    @property
    def text(self) -> str: ...  # noqa: D102 - described above
    @property
    def may_go_on(self) -> bool: ...  # noqa: D102 - described above

    def feed(self, data: bytes) -> None:
        """Take whole frames as they go out."""
        ...

    def go_on(self, head: Head) -> EventWriter:
        """Return a writer that goes on where the stream stands: under its id, with its numbers, in the block that is open."""
        ...


class Streams(Protocol):
    """The streamed half of a wire format.

    Attributes:
        keep_alive: one frame that means nothing, for silent times.
        takes_comments: may a comment stand in a stream? Some client breaks on it where not.
        prefills: does a model go on with an assistant's turn that a conversation ends with? Only where its abilities say so too.
    """

    @property
    def keep_alive(self) -> bytes: ...  # noqa: D102 - described above
    @property
    def takes_comments(self) -> bool: ...  # noqa: D102 - described above
    @property
    def prefills(self) -> bool: ...  # noqa: D102 - described above

    def follow(self) -> Follower:
        """Return who follows one stream of this dialect on its way to a client."""
        ...

    def ask_for_rest(self, raw: bytes, said: str, ask: str, used: int) -> bytes | None:
        """Write the body that asks for the rest of an answer that broke off.

        Args:
            raw: the client's body.
            said: what was said so far.
            ask: the user's turn that asks to go on; "" where the assistant's turn is just left open.
            used: about how many output tokens `said` took: the limit is lowered by them.

        Returns:
            None where the answer has a form (a schema), of which nobody could write the rest.
        """
        ...

    def read_stream(self, keep_usage: bool) -> StreamReader:
        """Return the reader of one stream; with `keep_usage` False the usage-only frame that we asked for is taken out again."""
        ...

    def read_events(self) -> EventReader:
        """Return the reader of one stream as events of its first choice."""
        ...

    def write_events(self, head: Head) -> EventWriter:
        """Return the writer of one stream for a client of this dialect."""
        ...

    def write_error_frame(self, failure: Failure, request_id: str) -> bytes:
        """Return the bytes that tell a client of this dialect, inside a stream, that it failed."""
        ...


class Codec(Protocol):
    """One wire format of one service, both directions: whole requests and whole answers.

    Attributes:
        name: as in `Request.dialect`.
        title: for people, as in "OpenAI chat completions".
        service: what it asks for; formats of one service can be written for one another (`across.py`).
        fields: its own names of `Prompt`'s fields, where they differ; losses are told to its clients in them.
        names_model: do its bodies name the model? Else the address does.
        streams: its streamed half, None where the service has no streams.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above
    @property
    def title(self) -> str: ...  # noqa: D102 - described above
    @property
    def service(self) -> Service: ...  # noqa: D102 - described above
    @property
    def fields(self) -> Mapping[str, str]: ...  # noqa: D102 - described above
    @property
    def names_model(self) -> bool: ...  # noqa: D102 - described above
    @property
    def streams(self) -> Streams | None: ...  # noqa: D102 - described above

    def path_for(self, model: str, stream: bool) -> str:
        """Return where a model is asked, relative to a provider's base URL."""
        ...

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Peek at a client's body; a body we cannot bill or route for certain is a Failure of kind CALLER.

        Args:
            raw: the body.
            id, headers, options: as in `Request`.
            call: what the address says, for the dialects whose bodies name no model.
        """
        ...

    def read_prompt(self, raw: bytes) -> Told | Failure:
        """Read a whole request, so that another dialect can write it.

        Returns:
            A Failure where the body is not of this dialect's shape (CALLER), or asks for what only its own provider can do and
            leaving it out would change what is meant: a server's tool, a stored conversation, an uploaded file (UNSUPPORTED).
        """
        ...

    def write_prompt(self, prompt: Any, target: Target, stream: bool) -> Written | Failure:
        """Write a prompt as a body.

        Returns:
            A Failure of kind UNSUPPORTED where this dialect or model can't be asked so and leaving it out would change what is
            meant: sound for a model that hears nothing, several choices, a limit that nobody knows.
        """
        ...

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Write the body for the provider: `request.raw` itself unless the model is renamed or usage must be asked for.

        Args:
            request: as read by this dialect.
            model: the provider's name of the model.
            bills: does the provider charge for tokens, so that a stream's usage is needed?
        """
        ...

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Take out of a client's own body what other providers' models thought and this one's would refuse it for.

        Returns:
            The body, itself where it has nothing of that kind, and the paths of what was taken out.
        """
        ...

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Take out all that proves a model's thoughts, for a model that has refused one of them as another's.

        Returns:
            The body, itself where it has nothing of that kind, and the paths of what was taken out.
        """
        ...

    def suits(self, prompt: Any, target: Target) -> bool:
        """May a model be asked so in this dialect? Where not, another one of its provider's is taken, if it speaks any."""
        ...

    def read_response(self, body: bytes) -> Any | None:
        """Read a whole answer: its first choice's content in order; None if it makes no sense in this dialect."""
        ...

    def write_response(self, response: Any, head: Head) -> bytes:
        """Write a whole answer for a client of this dialect."""
        ...

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer for a passthrough; None if it makes no sense in this dialect."""
        ...

    def read_answer(self, body: bytes) -> Outcome | None:
        """Do the same for whoever reads the answer next: its `response` comes along where that takes no further look."""
        ...

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body that tell a client of this dialect of a failure of ours or of another provider."""
        ...


class Dialect(Codec, Streams, Protocol):
    """One wire format in which models answer prompts, whole and as streams."""

    def read_prompt(self, raw: bytes) -> Reading | Failure:
        """Do what `Codec.read_prompt` does."""
        ...

    def read_response(self, body: bytes) -> Response | None:
        """Do what `Codec.read_response` does."""
        ...

    def write_model(self, model: ModelCard) -> bytes:
        """Return the body of one model."""
        ...

    def write_models(self, models: Sequence[ModelCard]) -> bytes:
        """Return the body of a model list."""
        ...


class Embedder(Codec, Protocol):
    """One wire format in which models turn texts into vectors.

    Attributes:
        most_inputs: how many it takes at once.
        most_tokens: how many all inputs of a request may have together, None for no limit.
    """

    @property
    def most_inputs(self) -> int: ...  # noqa: D102 - described above
    @property
    def most_tokens(self) -> int | None: ...  # noqa: D102 - described above

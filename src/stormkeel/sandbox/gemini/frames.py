"""Puts the responses of a stream on the wire: as SSE if `alt=sse` asks for it, else as one JSON array.

Never makes a response. No comment, no event name and no mark of the end stands between them: Google's client takes none.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.dialect import Frame, Mark, Spot
from stormkeel.sandbox.gemini.answers import responses, usage
from stormkeel.sandbox.gemini.errors import status
from stormkeel.sandbox.gemini.shape import Json
from stormkeel.sandbox.problem import Problem

_CLOSE = b"\r\n]"


def frames(answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
    """Write the stream."""
    made: list[Frame] = []
    for response, event in responses(answer, asked, mark):
        first = not made
        ends = event.finish is not None
        bare = _framed(_unended(response), asked.array, first=first) if ends and (first or event.tokens) else None
        final = response.get("usageMetadata") == usage(answer.tokens)
        made.append(Frame(_framed(response, asked.array, first=first), event.tokens, final, terminal=ends, unended=bare))
    return [*made, Frame(_CLOSE)] if asked.array else made


def error_frame(problem: Problem, spot: Spot, *, array: bool) -> bytes:
    """Write an error inside a stream: an event of its own, or `nested`: raw JSON over several lines, as it also comes."""
    error = status(problem)
    if array:
        return _framed(error, array, first=spot.number == 0) + _CLOSE
    if spot.nested:
        return msgspec.json.format(msgspec.json.encode(error), indent=2) + b"\n"
    return _framed(error, array, first=False)


def _framed(value: Json, array: bool, *, first: bool) -> bytes:
    data = msgspec.json.encode(value)
    if array:
        return (b"[" if first else b",\r\n") + data
    return b"data: " + data + b"\r\n\r\n"


def _unended(response: Json) -> Json:
    """Take out why the candidates ended."""
    hidden = {"finishReason", "safetyRatings"}
    kept = [{name: value for name, value in one.items() if name not in hidden} for one in response["candidates"]]
    return response | {"candidates": kept}

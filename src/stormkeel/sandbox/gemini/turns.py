"""What Gemini asks of the contents: who speaks, what a part holds, which response answers which call.

Never reads bytes. Each rule yields the complaints it has; the first one is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stormkeel.sandbox.gemini.shape import Content, FileData, FunctionCall, FunctionResponse, Part

ONE_OF = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)
_JSON_NAMES = dict(zip(Part.__struct_fields__, Part.__struct_encode_fields__, strict=True))
_SCHEMES = ("https://", "gs://")
_NUMBER = "Please ensure that the number of function response parts is equal to the number of function call parts of the "
_AFTER_USER = "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
_AFTER_CALL = "Please ensure that function response turn comes immediately after a function call turn."


def complaints(contents: Sequence[Content] | None, place: str) -> Iterator[str]:
    """Yield what Gemini would complain about; `place` is where the contents stand."""
    if not contents:
        yield f"* {place}: contents is not specified\n"
    for spot, content in enumerate(contents or ()):
        if content.role not in {None, "", "user", "model"}:
            yield "Please use a valid role: user, model."
        yield from of_parts(content, f"{place}[{spot}]")
    yield from _pairing(contents or ())


def of_parts(content: Content, place: str) -> Iterator[str]:
    """Yield what is wrong with the parts of one content."""
    if not content.parts:
        yield f"* {place}.parts: contents.parts must not be empty.\n"
    for spot, part in enumerate(content.parts or ()):
        yield from _part(part, f"{place}.parts[{spot}]")


def _part(part: Part, place: str) -> Iterator[str]:
    held = [name for name in ONE_OF if getattr(part, name) is not None]
    if not held:
        yield f"* {place}.data: required oneof field 'data' must have one initialized field\n"
    elif len(held) > 1:
        where = place.partition(".")[2]
        yield f"Invalid value at '{where}' (oneof), oneof field 'data' is already set. Cannot set '{_JSON_NAMES[held[1]]}'"
    if part.inline_data is not None and not (part.inline_data.mime_type and part.inline_data.data):
        yield f"* {place}.inline_data: mime_type and data must both be set\n"
    if part.file_data is not None:
        yield from _file(part.file_data, place)
    if part.function_call is not None and not part.function_call.name:
        yield f"* {place}.function_call.name: Name cannot be empty.\n"
    if part.function_response is not None:
        yield from _response(part.function_response, place)


def _file(file: FileData, place: str) -> Iterator[str]:
    address = file.file_uri or ""
    if not address:
        yield f"* {place}.file_data.file_uri: file_uri cannot be empty.\n"
    elif not address.startswith(_SCHEMES):
        yield f"Unsupported file URI type: {address.partition(':')[0]}. Expected https or gs."


def _response(response: FunctionResponse, place: str) -> Iterator[str]:
    if not response.name:
        yield f"* {place}.function_response.name: Name cannot be empty.\n"
    if response.response is None:
        yield f"* {place}.function_response.response: response must be a struct.\n"


def _pairing(contents: Sequence[Content]) -> Iterator[str]:
    """Every turn that calls is answered by the next one, call by call, and nothing else is answered."""
    waiting: list[FunctionCall] = []
    for place, content in enumerate(contents):
        parts = content.parts or ()
        calls = [part.function_call for part in parts if part.function_call is not None]
        responses = [part.function_response for part in parts if part.function_response is not None]
        model = content.role == "model"
        if (calls and (not model or place == 0 or contents[place - 1].role == "model")) and not waiting:
            yield _AFTER_USER
        if responses and (model or not waiting):
            yield _AFTER_CALL
        if waiting:
            yield from _unanswered(waiting, responses)
        waiting = calls
    if waiting:
        yield f"{_NUMBER}function call turn."


def _unanswered(calls: list[FunctionCall], responses: list[FunctionResponse]) -> Iterator[str]:
    if len(calls) != len(responses):
        yield f"{_NUMBER}function call turn."
    left = list(calls)
    for response in responses:
        call = next((call for call in left if _fits(call, response)), None)
        if call is None:
            yield f"Please ensure that every function response answers a function call: no call of '{response.name}' is left."
        else:
            left.remove(call)


def _fits(call: FunctionCall, response: FunctionResponse) -> bool:
    """Tell whether a response answers a call: by its name, and by its id where both have one."""
    if call.name != response.name:
        return False
    return not response.id or response.id == call.id

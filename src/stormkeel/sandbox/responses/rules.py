"""What OpenAI asks of a Responses request beyond its schema: fields that exclude each other, calls and their outputs, reasoning
and what follows it, what some models refuse.

Never reads bytes. Each rule yields the problems it finds; the first one is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stormkeel.sandbox.openai.rules import generation, reasons
from stormkeel.sandbox.openai.shape import JsonFormat
from stormkeel.sandbox.problem import Problem
from stormkeel.sandbox.responses.items import (
    CustomCall,
    CustomOutput,
    FunctionCall,
    FunctionOutput,
    InputFile,
    InputImage,
    Item,
    Reasoning,
    Said,
    Told,
)
from stormkeel.sandbox.responses.shape import Hosted, NamedChoice, ResponsesRequest
from stormkeel.sandbox.responses.talk import Placed, Talk, texts

_INVALID = "invalid_request_error"
_LEAST_OUTPUT = 16
_LONGEST_CALL_ID = 64
_PREFIX = {Told: "msg", Said: "msg", FunctionCall: "fc", CustomCall: "ctc", Reasoning: "rs"}
_ADDRESS = re.compile(r"^(https?://\S+|data:image/[\w.+-]+;base64,[A-Za-z0-9+/=_-]+)$")
_FILE = re.compile(r"^data:[\w.+/-]+;base64,[A-Za-z0-9+/=_-]*$")

Problems = Iterator[Problem]


def problems(talk: Talk, model: str, *, model_rules: bool) -> Problems:
    """Yield what OpenAI would complain about, most basic first.

    Args:
        talk: A request that fits the schema.
        model: The model's plain name.
        model_rules: Also apply the rules that depend on the model.
    """
    yield from _served(talk.request)
    yield from _given(talk.request)
    yield from _limits(talk.request)
    yield from _names(talk.items)
    yield from _twice(talk.items)
    yield from _parts(talk.items)
    yield from _choice(talk)
    yield from _pairing(talk.items)
    yield from _following(talk.items)
    yield from _json(talk)
    if model_rules:
        yield from _for_model(talk.request, model)


def _served(request: ResponsesRequest) -> Problems:
    if request.conversation is not None and request.previous_response_id is not None:
        yield bad(
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you are only providing one of: "
            "'previous_response_id' or 'conversation'.",
            "previous_response_id",
            "mutually_exclusive_parameters",
        )
    for name in ("conversation", "prompt"):
        if getattr(request, name) is not None:
            yield bad(f"'{name}' is not served here: the sandbox keeps no {name}s.", name, "unsupported_parameter")
    if request.background:
        yield bad("'background' is not served here: the sandbox answers at once.", "background", "unsupported_parameter")


def _given(request: ResponsesRequest) -> Problems:
    if not request.input and request.previous_response_id is None:
        yield bad("One of 'input' or 'previous_response_id' or 'prompt' or 'conversation' must be provided.", "input")


def _limits(request: ResponsesRequest) -> Problems:
    limit = request.max_output_tokens
    if limit is not None and limit < _LEAST_OUTPUT:
        yield bad(
            "Invalid 'max_output_tokens': integer below minimum value. "
            f"Expected a value >= {_LEAST_OUTPUT}, but got {limit} instead.",
            "max_output_tokens",
            "integer_below_min_value",
        )
    if request.stream_options is not None and not request.stream:
        yield bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")


def _names(items: tuple[Placed, ...]) -> Problems:
    for placed in items:
        prefix, id = _PREFIX.get(type(placed.item)), placed.item.id
        if placed.place and prefix and id is not None and not id.startswith(f"{prefix}_"):
            message = f"Invalid '{placed.place}.id': '{id}'. Expected an ID that begins with '{prefix}'."
            yield bad(message, f"{placed.place}.id", "invalid_value")
        yield from _call_id(placed, getattr(placed.item, "call_id", None))


def _twice(items: tuple[Placed, ...]) -> Problems:
    """An item stands once, those of the answers carried on from among them."""
    seen: set[str] = set()
    for placed in items:
        id = placed.item.id
        if id is not None and id in seen:
            yield bad(f"Duplicate item found with id {id}. Remove duplicate items from your input and try again.", "input")
        seen.add(id or "")


def _call_id(placed: Placed, call_id: str | None) -> Problems:
    where = f"{placed.place}.call_id"
    if call_id == "":
        message = "empty string. Expected a string with minimum length 1, but got an empty string instead."
        yield bad(f"Invalid '{where}': {message}", where, "empty_string")
    if call_id is not None and len(call_id) > _LONGEST_CALL_ID:
        message = f"string too long. Expected a string with maximum length {_LONGEST_CALL_ID}, but got a string with length"
        yield bad(f"Invalid '{where}': {message} {len(call_id)} instead.", where, "string_above_max_length")


def _parts(items: tuple[Placed, ...]) -> Problems:
    for placed in items:
        name = "content" if isinstance(placed.item, Told) else "output"
        content = getattr(placed.item, name, None)
        for spot, part in enumerate(content if isinstance(content, list) else ()):
            where = f"{placed.place}.{name}[{spot}]"
            if isinstance(part, InputImage):
                yield from _image(part, where)
            elif isinstance(part, InputFile):
                yield from _file(part, where)


def _image(part: InputImage, where: str) -> Problems:
    if (part.image_url is None) == (part.file_id is None):
        message = f"Invalid '{where}': exactly one of 'image_url' or 'file_id' must be provided."
        yield bad(message, where, "missing_required_parameter" if part.file_id is None else "invalid_value")
    if part.image_url is not None and not _ADDRESS.match(part.image_url):
        message = f"Invalid '{where}.image_url'. Expected a valid URL, but got a value with an invalid format."
        yield bad(message, f"{where}.image_url", "invalid_value")


def _file(part: InputFile, where: str) -> Problems:
    sources = [part.file_data, part.file_url, part.file_id]
    if sum(source is not None for source in sources) != 1:
        message = f"Invalid '{where}': exactly one of 'file_data', 'file_url' or 'file_id' must be provided."
        yield bad(message, where, "invalid_value" if any(sources) else "missing_required_parameter")
    if part.file_data is not None and not _FILE.match(part.file_data):
        message = (
            f"Invalid '{where}.file_data'. Expected a base64-encoded data URL with a MIME type "
            "(e.g. 'data:application/pdf;base64,...'), but got a value without the 'data:' prefix."
        )
        yield bad(message, f"{where}.file_data", "invalid_value")


def _choice(talk: Talk) -> Problems:
    if talk.choice == "required" and not talk.tools:
        yield bad("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice")
    named = [getattr(tool, "name", None) for tool in talk.tools]
    if isinstance(talk.choice, NamedChoice) and talk.choice.name not in named:
        yield bad(f"Tool choice '{talk.choice.name}' not found in 'tools' parameter.", "tool_choice")
    if isinstance(talk.choice, Hosted) and talk.choice.type not in {getattr(tool, "type", None) for tool in talk.tools}:
        yield bad(f"Tool choice '{talk.choice.type}' not found in 'tools' parameter.", "tool_choice")


def _pairing(items: tuple[Placed, ...]) -> Problems:
    """Every call is answered later on, and nothing else is answered."""
    waiting: dict[tuple[str, str], None] = {}
    for placed in items:
        item = placed.item
        if isinstance(item, FunctionCall | CustomCall):
            waiting[_call_kind(item), item.call_id] = None
        elif isinstance(item, FunctionOutput | CustomOutput):
            key = _call_kind(item), item.call_id
            if key not in waiting:
                yield bad(f"No tool call found for {key[0]} call output with call_id {item.call_id}.", "input")
            waiting.pop(key, None)
    for kind, call_id in waiting:
        yield bad(f"No tool output found for {kind} call {call_id}.", "input")


def _call_kind(item: FunctionCall | CustomCall | FunctionOutput | CustomOutput) -> str:
    return "function" if isinstance(item, FunctionCall | FunctionOutput) else "custom tool"


def _following(items: tuple[Placed, ...]) -> Problems:
    """Reasoning comes right before what it led to."""
    for place, placed in enumerate(items):
        after: Item | None = items[place + 1].item if place + 1 < len(items) else None
        if isinstance(placed.item, Reasoning) and (after is None or isinstance(after, Told | FunctionOutput | CustomOutput)):
            message = f"Item '{placed.item.id}' of type 'reasoning' was provided without its required following item."
            yield bad(message, "input")


def _json(talk: Talk) -> Problems:
    config = talk.request.text
    if config is None or not isinstance(config.format, JsonFormat):
        return
    said = [talk.request.instructions or "", *(text for placed in talk.items for text in texts(placed.item))]
    if not any("json" in text.lower() for text in said):
        yield bad(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
            "input",
        )


def _for_model(request: ResponsesRequest, model: str) -> Problems:
    if generation(model) is None:
        return
    if not reasons(model):
        if request.reasoning is not None and request.reasoning.effort not in {None, "none"}:
            yield _unsupported("reasoning.effort")
        if "reasoning.encrypted_content" in (request.include or ()):
            yield bad("Encrypted content is not supported with this model.", "include")
        return
    for name in ("temperature", "top_p"):
        if getattr(request, name) is not None and effort(request, model) != "none":
            yield _unsupported(name)


def effort(request: ResponsesRequest, model: str) -> str:
    """Return the effort a reasoning model works with: none by default from gpt-5.1 to 5.5, else medium."""
    told = None if request.reasoning is None else request.reasoning.effort
    quiet = model.startswith("gpt-") and (5, 1) <= (generation(model) or (0, 0)) < (5, 6)
    return told or ("none" if quiet else "medium")


def bad(message: str, param: str, code: str | None = None) -> Problem:
    """Return a 400 in OpenAI's form."""
    return Problem(400, _INVALID, message, code, param)


def _unsupported(param: str) -> Problem:
    return bad(f"Unsupported parameter: '{param}' is not supported with this model.", param, "unsupported_parameter")

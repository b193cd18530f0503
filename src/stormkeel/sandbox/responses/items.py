"""The items of a Responses conversation as OpenAI documents them: names, types, and which belongs to which `type`.

Never holds a rule that joins two items; those are in `rules`. Unknown names are refused but in the items of tools the service
itself runs, whose forms are many.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from stormkeel.sandbox.openai.schema import fit, refused
from stormkeel.sandbox.openai.shape import AudioData, Json, Strict

Status = Literal["in_progress", "completed", "incomplete"]
Phase = Literal["commentary", "final_answer"]


class Breakpoint(Strict):
    """Where a prompt cache may end."""

    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class InputText(Strict, tag_field="type", tag="input_text"):
    """Text."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class InputImage(Strict, tag_field="type", tag="input_image"):
    """An image by address (https or data:) or by id."""

    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["auto", "low", "high", "original"] | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputFile(Strict, tag_field="type", tag="input_file"):
    """A file as a data: URL, by address or by id."""

    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    detail: Literal["auto", "low", "high"] | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputAudio(Strict, tag_field="type", tag="input_audio"):
    """Sound."""

    input_audio: AudioData


class OutputText(Strict, tag_field="type", tag="output_text"):
    """Text the model wrote."""

    text: str
    annotations: list[Json] = field(default_factory=list)
    logprobs: list[Json] | None = None


class OutputRefusal(Strict, tag_field="type", tag="refusal"):
    """A refusal the model gave."""

    refusal: str


InputPart = InputText | InputImage | InputFile | InputAudio
ToolPart = InputText | InputImage | InputFile


class Told(Strict, kw_only=True):
    """A message to the model; its `type` may be left out."""

    role: Literal["user", "system", "developer"]
    content: str | list[InputPart]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Status | None = None
    phase: Phase | None = None


class Said(Strict, kw_only=True):
    """A message of the model; its `type` may be left out."""

    role: Literal["assistant"]
    content: str | list[OutputText | OutputRefusal]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Status | None = None
    phase: Phase | None = None


class FunctionCall(Strict, kw_only=True):
    """A call of a function; `arguments` is JSON text."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None
    caller: Json | None = None


class CustomCall(Strict, kw_only=True):
    """A call of a custom tool; `input` is any text."""

    type: Literal["custom_tool_call"]
    call_id: str
    name: str
    input: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None
    caller: Json | None = None


class FunctionOutput(Strict, kw_only=True):
    """The result of a function call: text, or parts with images and files."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[ToolPart]
    id: str | None = None
    status: Status | None = None
    name: str | None = None
    namespace: str | None = None
    caller: Json | None = None


class CustomOutput(Strict, kw_only=True):
    """The result of a custom tool call."""

    type: Literal["custom_tool_call_output"]
    call_id: str
    output: str | list[ToolPart]
    id: str | None = None
    status: Status | None = None
    name: str | None = None
    namespace: str | None = None
    caller: Json | None = None


class SummaryText(Strict, tag_field="type", tag="summary_text"):
    """A part of a summary."""

    text: str


class ReasoningText(Strict, tag_field="type", tag="reasoning_text"):
    """A part of the reasoning itself."""

    text: str


class Reasoning(Strict, kw_only=True):
    """Reasoning of an earlier answer, as it came."""

    type: Literal["reasoning"]
    id: str
    summary: list[SummaryText]
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None
    status: Status | None = None


class Reference(Strict, kw_only=True):
    """An item of a stored answer, by its id; `type` may be left out."""

    id: Annotated[str, Meta(min_length=1)]
    type: Literal["item_reference"] = "item_reference"


class Hosted(Struct, kw_only=True):
    """An item of a tool the service runs, or one that steers it."""

    type: str
    id: str | None = None


Item = Told | Said | FunctionCall | CustomCall | FunctionOutput | CustomOutput | Reasoning | Reference | Hosted

_KINDS: dict[str, Any] = {
    "function_call": FunctionCall,
    "custom_tool_call": CustomCall,
    "function_call_output": FunctionOutput,
    "custom_tool_call_output": CustomOutput,
    "reasoning": Reasoning,
    "item_reference": Reference,
}
# fmt: off
_HOSTED = (
    "file_search_call", "web_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
    "image_generation_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
    "apply_patch_call", "apply_patch_call_output", "tool_search_call", "tool_search_output", "additional_tools",
    "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call", "compaction", "compaction_trigger",
    "program", "program_output", "configuration_update",
)
# fmt: on


def item(value: Json, place: str) -> Item:
    """Read one item; RefusedError in OpenAI's words when it is none. `place` is e.g. "input[2]"."""
    kind = value.get("type") or ("message" if "role" in value else "item_reference" if "id" in value else None)
    if kind == "message":
        read: Item = fit(value, Said, place) if value.get("role") == "assistant" else fit(value, Told, place)
    elif kind in _KINDS:
        read = fit(value, _KINDS[kind], place)
    elif kind in _HOSTED:
        read = fit(value, Hosted, place)
    elif kind is None:
        raise refused(f"Missing required parameter: '{place}.type'.", f"{place}.type", "missing_required_parameter")
    else:
        known = ", ".join(f"'{name}'" for name in ("message", *_KINDS, *_HOSTED))
        raise refused(f"Invalid value: '{kind}'. Supported values are: {known}.", f"{place}.type", "invalid_value")
    return read

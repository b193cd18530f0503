"""The body of a Responses request as OpenAI documents it: names, types, ranges. Tools and formats are flat here.

Never holds a rule that joins two fields; those are in `rules`. The items of `input` are in `items`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from stormkeel.sandbox.openai.schema import fit, refused
from stormkeel.sandbox.openai.shape import Json, JsonFormat, MetadataKey, MetadataValue, Name, Strict, TextFormat

Callers = list[Literal["direct", "programmatic"]]


class FunctionTool(Strict, kw_only=True):
    """A function the model may call."""

    type: Literal["function"]
    name: Name
    parameters: Json | None = None
    strict: bool | None = None
    description: str | None = None
    output_schema: Json | None = None
    defer_loading: bool | None = None
    allowed_callers: Callers | None = None
    later: bool | None = field(default=None, name="async")


class TextInput(Strict, tag_field="type", tag="text"):
    """Any text."""


class GrammarInput(Strict, tag_field="type", tag="grammar"):
    """Text after a grammar."""

    syntax: Literal["lark", "regex"]
    definition: str


class CustomTool(Strict, kw_only=True):
    """A tool that takes plain text."""

    type: Literal["custom"]
    name: Name
    description: str | None = None
    format: TextInput | GrammarInput | None = None
    defer_loading: bool | None = None
    allowed_callers: Callers | None = None
    later: bool | None = field(default=None, name="async")


class Hosted(Struct):
    """A tool the service runs, or the choice of one."""

    type: str


Tool = FunctionTool | CustomTool | Hosted


class NamedChoice(Strict):
    """Call this function or custom tool."""

    type: Literal["function", "custom"]
    name: str


class AllowedChoice(Strict):
    """Call one of these."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[Json]


class SchemaFormat(Strict, tag_field="type", tag="json_schema", kw_only=True):
    """JSON after a schema; its fields stand flat."""

    name: Name
    schema: Json
    description: str | None = None
    strict: bool | None = None


class TextConfig(Strict):
    """How the text is written."""

    format: TextFormat | JsonFormat | SchemaFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningConfig(Strict):
    """How the model reasons, and what it shows of that."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: Literal["standard", "pro"] | None = None


class CountRequest(Strict, kw_only=True):
    """What decides how many tokens go in."""

    model: str
    input: str | list[Json] | None = None
    conversation: str | Json | None = None
    instructions: str | None = None
    parallel_tool_calls: bool | None = None
    personality: str | None = None
    previous_response_id: str | None = None
    reasoning: ReasoningConfig | None = None
    text: TextConfig | None = None
    tool_choice: Literal["none", "auto", "required"] | Json | None = None
    tools: Annotated[list[Json], Meta(max_length=128)] | None = None
    truncation: Literal["auto", "disabled"] | None = None


class StreamOptions(Strict):
    """What a stream carries besides the answer."""

    include_obfuscation: bool | None = None


class CacheOptions(Strict):
    """How the prompt is cached."""

    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m", "12h"] | None = None
    prewarm: bool | None = None
    comparison_response_id: str | None = None


Includable = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]


class ResponsesRequest(Strict, kw_only=True):
    """The whole body. There is no `stop`, no `n`, no `seed`."""

    model: str
    input: str | list[Json] | None = None
    access_programs: Json | None = None
    background: bool | None = None
    context_management: list[Json] | None = None
    conversation: str | Json | None = None
    image: Json | None = None
    include: list[Includable] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)] | None = None
    moderation: Json | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    prompt: Json | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: CacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning: ReasoningConfig | None = None
    safety_identifier: Annotated[str, Meta(max_length=128)] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    text: TextConfig | None = None
    tool_choice: Literal["none", "auto", "required"] | Json | None = None
    tools: Annotated[list[Json], Meta(max_length=128)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None


# fmt: off
_TOOLS = (
    "web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11", "file_search", "computer",
    "computer_use", "computer_use_preview", "mcp", "code_interpreter", "programmatic_tool_calling", "image_generation",
    "local_shell", "shell", "namespace", "tool_search", "apply_patch",
)
# fmt: on


def tool(value: Json, place: str) -> Tool:
    """Read a tool; RefusedError when it is none."""
    kind = _kind(value, place, ("function", "custom", *_TOOLS))
    if kind == "function":
        return fit(value, FunctionTool, place)
    return fit(value, CustomTool, place) if kind == "custom" else fit(value, Hosted, place)


def choice(value: Json) -> NamedChoice | AllowedChoice | Hosted:
    """Read a tool choice that is an object; RefusedError when it is none."""
    kind = _kind(value, "tool_choice", ("function", "custom", "allowed_tools", *_TOOLS))
    if kind in {"function", "custom"}:
        return fit(value, NamedChoice, "tool_choice")
    return fit(value, AllowedChoice, "tool_choice") if kind == "allowed_tools" else fit(value, Hosted, "tool_choice")


def _kind(value: Json, place: str, known: tuple[str, ...]) -> str:
    kind = value.get("type")
    if kind is None:
        raise refused(f"Missing required parameter: '{place}.type'.", f"{place}.type", "missing_required_parameter")
    if kind not in known:
        listed = ", ".join(f"'{name}'" for name in known)
        raise refused(f"Invalid value: '{kind}'. Supported values are: {listed}.", f"{place}.type", "invalid_value")
    return str(kind)

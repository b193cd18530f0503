"""The body of a Chat Completions request as OpenAI documents it: names, types, ranges.

Never holds a rule that joins two fields; those are in `rules`. Unknown names are refused at every level, as the service does.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Json = dict[str, Any]
Name = Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Positive = Annotated[int, Meta(ge=1)]


class Strict(Struct, forbid_unknown_fields=True):
    """No name but the declared ones."""


class Breakpoint(Strict):
    """Where a prompt cache may end."""

    mode: Literal["explicit"]
    ttl: str | None = None


class TextPart(Strict, tag_field="type", tag="text"):
    """Text."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class ImageUrl(Strict):
    """An address or a data: URL."""

    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Strict, tag_field="type", tag="image_url"):
    """An image."""

    image_url: ImageUrl
    prompt_cache_breakpoint: Breakpoint | None = None


class AudioData(Strict):
    """Sound in base64."""

    data: str
    format: Literal["wav", "mp3"]


class AudioPart(Strict, tag_field="type", tag="input_audio"):
    """Sound."""

    input_audio: AudioData
    prompt_cache_breakpoint: Breakpoint | None = None


class FileData(Strict):
    """A file by id or as a data: URL."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Strict, tag_field="type", tag="file"):
    """A file."""

    file: FileData
    prompt_cache_breakpoint: Breakpoint | None = None


class RefusalPart(Strict, tag_field="type", tag="refusal"):
    """A refusal the assistant gave."""

    refusal: str


TextOnly = str | list[TextPart]


class FunctionCall(Strict):
    """A call as the model wrote it; `arguments` is JSON text."""

    name: str
    arguments: str


class FunctionToolCall(Strict, tag_field="type", tag="function"):
    """A call of a function."""

    id: str
    function: FunctionCall


class CustomToolCall(Strict, tag_field="type", tag="custom"):
    """A call of a custom tool."""

    id: str
    custom: Json


class Developer(Strict, tag_field="role", tag="developer"):
    """Instructions."""

    content: TextOnly
    name: str | None = None


class System(Strict, tag_field="role", tag="system"):
    """Instructions, the older name."""

    content: TextOnly
    name: str | None = None


class User(Strict, tag_field="role", tag="user"):
    """What the user says."""

    content: str | list[TextPart | ImagePart | AudioPart | FilePart]
    name: str | None = None


class Assistant(Strict, tag_field="role", tag="assistant"):
    """What the model said; a message of an earlier answer may be sent back as it came."""

    content: str | list[TextPart | RefusalPart] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[FunctionToolCall | CustomToolCall] | None = None
    function_call: FunctionCall | None = None
    audio: Json | None = None
    annotations: list[Json] | None = None


class ToolResult(Strict, tag_field="role", tag="tool"):
    """The result of a tool call: text only."""

    content: TextOnly
    tool_call_id: str


class FunctionResult(Strict, tag_field="role", tag="function"):
    """The result of a legacy function call."""

    content: str | None
    name: str


Message = Developer | System | User | Assistant | ToolResult | FunctionResult


class Function(Strict):
    """A function the model may call."""

    name: Name
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class FunctionTool(Strict, tag_field="type", tag="function"):
    """A function tool."""

    function: Function


class CustomTool(Strict, tag_field="type", tag="custom"):
    """A custom tool."""

    custom: Json


class NamedFunction(Strict):
    """Which function."""

    name: str


class FunctionChoice(Strict, tag_field="type", tag="function"):
    """Call this function."""

    function: NamedFunction


class CustomChoice(Strict, tag_field="type", tag="custom"):
    """Call this custom tool."""

    custom: NamedFunction


class AllowedTools(Strict):
    """A subset of the tools."""

    mode: Literal["auto", "required"]
    tools: list[Json]


class AllowedChoice(Strict, tag_field="type", tag="allowed_tools"):
    """Call one of these."""

    allowed_tools: AllowedTools


class TextFormat(Strict, tag_field="type", tag="text"):
    """Plain text."""


class JsonFormat(Strict, tag_field="type", tag="json_object"):
    """Any JSON object."""


class JsonSchema(Strict):
    """A named schema; `schema` is what the answer must fit."""

    name: Name
    description: str | None = None
    schema: Json | None = None
    strict: bool | None = None


class SchemaFormat(Strict, tag_field="type", tag="json_schema"):
    """JSON after a schema."""

    json_schema: JsonSchema


class StreamOptions(Strict):
    """What a stream carries besides the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(Strict, kw_only=True):
    """The whole body."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    audio: Json | None = None
    frequency_penalty: Penalty | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    functions: Annotated[list[Function], Meta(min_length=1, max_length=128)] | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Positive | None = None
    max_tokens: Positive | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)] | None = None
    modalities: list[Literal["text", "audio"]] | None = None
    moderation: Json | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: Json | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Json | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    safety_identifier: Annotated[str, Meta(max_length=128)] | None = None
    seed: int | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    stop: str | Annotated[list[str], Meta(max_length=4)] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | CustomChoice | AllowedChoice | None = None
    tools: Annotated[list[FunctionTool | CustomTool], Meta(min_length=1, max_length=128)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    user: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    web_search_options: Json | None = None

"""The body of a Messages request as Anthropic documents it: names, types, ranges.

Never holds a rule that joins two fields; those are in `rules`. Unknown names are refused at every level but in tools and
results the service itself runs, whose forms are dated and many.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Json = dict[str, Any]
Id = Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]


class Strict(Struct, forbid_unknown_fields=True):
    """No name but the declared ones."""


class CacheControl(Strict):
    """A cache breakpoint."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Cacheable(Strict):
    """What a cache breakpoint can stand on."""

    cache_control: CacheControl | None = None


class Text(Cacheable, kw_only=True, tag_field="type", tag="text"):
    """Text."""

    text: str
    citations: list[Json] | None = None


class Base64Source(Strict, tag_field="type", tag="base64"):
    """Bytes in base64."""

    media_type: str
    data: str


class UrlSource(Strict, tag_field="type", tag="url"):
    """An address."""

    url: str


class FileSource(Strict, tag_field="type", tag="file"):
    """An uploaded file."""

    file_id: str


class TextSource(Strict, tag_field="type", tag="text"):
    """A plain text document."""

    media_type: Literal["text/plain"]
    data: str


class ContentSource(Strict, tag_field="type", tag="content"):
    """A document made of blocks."""

    content: str | list[Json]


class Image(Cacheable, kw_only=True, tag_field="type", tag="image"):
    """An image."""

    source: Base64Source | UrlSource | FileSource
    transformations: Json | None = None


class Document(Cacheable, kw_only=True, tag_field="type", tag="document"):
    """A document."""

    source: Base64Source | UrlSource | FileSource | TextSource | ContentSource
    title: str | None = None
    context: str | None = None
    citations: Json | None = None


class SearchResult(Cacheable, kw_only=True, tag_field="type", tag="search_result"):
    """A search result to cite from."""

    source: str
    title: str
    content: list[Text]
    citations: Json | None = None


class Thinking(Strict, tag_field="type", tag="thinking"):
    """Thinking of an earlier turn, as it came."""

    thinking: str
    signature: str


class RedactedThinking(Strict, tag_field="type", tag="redacted_thinking"):
    """Thinking that was hidden."""

    data: str


class ToolUse(Cacheable, kw_only=True, tag_field="type", tag="tool_use"):
    """A tool call."""

    id: Id
    name: str
    input: Json
    caller: Json | None = None
    toolset_name: str | None = None


class ToolResult(Cacheable, kw_only=True, tag_field="type", tag="tool_result"):
    """The result of a tool call."""

    tool_use_id: Id
    content: str | list[Json] | None = None
    is_error: bool | None = None


class ContainerUpload(Struct, tag_field="type", tag="container_upload"):
    """A file for the service's container."""

    file_id: str


class ServerToolUse(Struct, tag_field="type", tag="server_tool_use"):
    """A call of a tool the service runs."""

    id: str
    name: str


class WebSearchResult(Struct, tag_field="type", tag="web_search_tool_result"):
    """Its result."""

    tool_use_id: str


class WebFetchResult(Struct, tag_field="type", tag="web_fetch_tool_result"):
    """Its result."""

    tool_use_id: str


class CodeResult(Struct, tag_field="type", tag="code_execution_tool_result"):
    """Its result."""

    tool_use_id: str


class BashResult(Struct, tag_field="type", tag="bash_code_execution_tool_result"):
    """Its result."""

    tool_use_id: str


class EditorResult(Struct, tag_field="type", tag="text_editor_code_execution_tool_result"):
    """Its result."""

    tool_use_id: str


class ToolSearchResult(Struct, tag_field="type", tag="tool_search_tool_result"):
    """Its result."""

    tool_use_id: str


ServerBlock = ServerToolUse | WebSearchResult | WebFetchResult | CodeResult | BashResult | EditorResult | ToolSearchResult
UserBlock = Text | Image | Document | SearchResult | ToolResult | ContainerUpload
AssistantBlock = Text | Document | Thinking | RedactedThinking | ToolUse | ServerBlock


class User(Strict, tag_field="role", tag="user"):
    """What the user says, and what tools gave back."""

    content: str | list[UserBlock]


class Assistant(Strict, tag_field="role", tag="assistant"):
    """What the model said."""

    content: str | list[AssistantBlock]


class System(Strict, tag_field="role", tag="system"):
    """Instructions in the middle of a conversation."""

    content: str | list[Text]


Message = User | Assistant | System


class Adaptive(Strict, tag_field="type", tag="adaptive"):
    """Think as much as it takes."""

    display: Literal["summarized", "omitted"] | None = None


class Enabled(Strict, tag_field="type", tag="enabled"):
    """Think within a budget."""

    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None


class Disabled(Strict, tag_field="type", tag="disabled"):
    """Do not think."""


class BetweenTools(Strict, tag_field="type", tag="between_tools"):
    """Think between tool calls."""


class Auto(Strict, tag_field="type", tag="auto"):
    """Call tools or not."""

    disable_parallel_tool_use: bool | None = None


class AnyTool(Strict, tag_field="type", tag="any"):
    """Call some tool."""

    disable_parallel_tool_use: bool | None = None


class OneTool(Strict, tag_field="type", tag="tool"):
    """Call this tool."""

    name: str
    disable_parallel_tool_use: bool | None = None


class NoTool(Strict, tag_field="type", tag="none"):
    """Call none."""


class OutputFormat(Strict):
    """JSON after a schema."""

    type: Literal["json_schema"]
    schema: Json


class OutputConfig(Strict):
    """How the answer is made."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(Strict):
    """About the end user."""

    user_id: str | None = None


class MessagesRequest(Strict, kw_only=True):
    """The whole body; the sampling fields are refused by `rules` under the newer version."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1, max_length=100_000)]
    max_tokens: Annotated[int, Meta(ge=0)]
    cache_control: CacheControl | None = None
    container: str | Json | None = None
    diagnostics: Json | None = None
    inference_geo: str | None = None
    metadata: Metadata | None = None
    output_config: OutputConfig | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    speed: Literal["standard", "fast"] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    system: str | list[Text] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    thinking: Adaptive | Enabled | Disabled | BetweenTools | None = None
    tool_choice: Auto | AnyTool | OneTool | NoTool | None = None
    tools: list[Json] | None = None
    top_k: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    top_p: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET


class CountRequest(Strict, kw_only=True):
    """The body of a count: what goes in, and nothing of what comes out."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1, max_length=100_000)]
    cache_control: CacheControl | None = None
    output_config: OutputConfig | None = None
    speed: Literal["standard", "fast"] | None = None
    system: str | list[Text] | None = None
    thinking: Adaptive | Enabled | Disabled | BetweenTools | None = None
    tool_choice: Auto | AnyTool | OneTool | NoTool | None = None
    tools: list[Json] | None = None


BETA_FIELDS = frozenset(
    {"mcp_servers", "context_management", "compaction", "fallbacks", "fallback_credit_token", "thread", "billing_policy"}
)


class Tool(Cacheable, kw_only=True):
    """A tool the caller runs."""

    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: Json
    type: Literal["custom", ""] | None = None
    description: str | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    eager_input_streaming: bool | None = None
    input_examples: list[Json] | None = None

"""The bodies Gemini takes as it documents them: names, types, enums.

Never holds a range or a rule that joins two fields; those are in `rules` and `turns`. As protobuf has it nothing is required
here. What the service's own tools take is not looked into: their forms are many.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Json = dict[str, Any]


class Message(Struct, rename="camel", omit_defaults=True, frozen=True):
    """No name but the declared ones; `proto` takes them in snake_case too."""


class Blob(Message, frozen=True):
    """Bytes in base64."""

    mime_type: str | None = None
    data: bytes | None = None
    display_name: str | None = None


class FileData(Message, frozen=True):
    """A file by its address."""

    file_uri: str | None = None
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(Message, frozen=True):
    """A call the model made."""

    id: str | None = None
    name: str | None = None
    args: Json | None = None


class ResponsePart(Message, frozen=True):
    """A picture or a file a function gave back."""

    inline_data: Blob | None = None
    file_data: FileData | None = None
    media_processing: Json | None = None
    media_resolution: Json | None = None
    video_metadata: Json | None = None
    document_metadata: Json | None = None
    spreadsheet_metadata: Json | None = None
    audio_metadata: Json | None = None


class FunctionResponse(Message, frozen=True):
    """What a function gave back."""

    id: str | None = None
    name: str | None = None
    response: Json | None = None
    parts: list[ResponsePart] | None = None
    will_continue: bool | None = None
    scheduling: Literal["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"] | None = None


class Part(Message, frozen=True):
    """One of: text, bytes, a file, a call, its response, what the service's own tools said."""

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: Json | None = None
    code_execution_result: Json | None = None
    tool_call: Json | None = None
    tool_response: Json | None = None
    thought: bool | None = None
    thought_signature: bytes | None = None
    video_metadata: Json | None = None
    media_resolution: Json | None = None
    part_metadata: Json | None = None
    audio_transcription: Json | None = None
    media_processing: Json | None = None
    speech_metadata: Json | None = None
    document_metadata: Json | None = None
    spreadsheet_metadata: Json | None = None
    audio_metadata: Json | None = None


class Content(Message, frozen=True):
    """What one side says."""

    role: str | None = None
    parts: list[Part] | None = None


SchemaType = Literal["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"]


class Schema(Message, frozen=True):
    """Google's own subset of OpenAPI's schemas."""

    type: SchemaType | None = None
    format: str | None = None
    title: str | None = None
    description: str | None = None
    nullable: bool | None = None
    enum: list[str] | None = None
    items: Schema | None = None
    properties: dict[str, Schema] | None = None
    required: list[str] | None = None
    property_ordering: list[str] | None = None
    any_of: list[Schema] | None = None
    additional_properties: Any = None
    defs: dict[str, Schema] | None = None
    ref: str | None = None
    default: Any = None
    example: Any = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_items: int | str | None = None
    min_items: int | str | None = None
    min_length: int | str | None = None
    max_length: int | str | None = None
    min_properties: int | str | None = None
    max_properties: int | str | None = None


class FunctionDeclaration(Message, frozen=True):
    """A function the caller runs."""

    name: str | None = None
    description: str | None = None
    parameters: Schema | None = None
    parameters_json_schema: Any = None
    response: Schema | None = None
    response_json_schema: Any = None
    behavior: Literal["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"] | None = None


class Tool(Message, frozen=True):
    """Functions of the caller's, or tools the service runs itself."""

    function_declarations: list[FunctionDeclaration] | None = None
    google_search: Json | None = None
    google_search_retrieval: Json | None = None
    google_maps: Json | None = None
    code_execution: Json | None = None
    url_context: Json | None = None
    computer_use: Json | None = None
    file_search: Json | None = None
    mcp_servers: list[Json] | None = None


class FunctionCallingConfig(Message, frozen=True):
    """Whether functions are called, and which."""

    mode: Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"] | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Message, frozen=True):
    """How tools are used."""

    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: Json | None = None
    include_server_side_tool_invocations: bool | None = None


class SafetySetting(Message, frozen=True):
    """From where on one kind of harm is blocked."""

    category: (
        Literal[
            "HARM_CATEGORY_HARASSMENT",
            "HARM_CATEGORY_HATE_SPEECH",
            "HARM_CATEGORY_SEXUALLY_EXPLICIT",
            "HARM_CATEGORY_DANGEROUS_CONTENT",
            "HARM_CATEGORY_CIVIC_INTEGRITY",
            "HARM_CATEGORY_JAILBREAK",
            "HARM_CATEGORY_IMAGE_HATE",
            "HARM_CATEGORY_IMAGE_HARASSMENT",
        ]
        | None
    ) = None
    threshold: (
        Literal[
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        ]
        | None
    ) = None


class ThinkingConfig(Message, frozen=True):
    """How much the model thinks, and whether it shows that."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: Literal["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"] | None = None


class GenerationConfig(Message, frozen=True):
    """How the answer is made."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: Schema | None = None
    response_json_schema: Any = None
    response_format: list[Json] | None = None
    response_modalities: list[Literal["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"]] | None = None
    media_resolution: (
        Literal["MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"] | None
    ) = None
    speech_config: Json | None = None
    image_config: Json | None = None
    thinking_config: ThinkingConfig | None = None
    enable_enhanced_civic_answers: bool | None = None
    audio_transcription_config: Json | None = None
    translation_config: Json | None = None
    continuation_token: bytes | None = None


class GenerateRequest(Message, frozen=True):
    """The whole body of generateContent and streamGenerateContent."""

    model: str | None = None
    contents: list[Content] | None = None
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: list[SafetySetting] | None = None
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    service_tier: Literal["UNSPECIFIED", "FLEX", "STANDARD", "PRIORITY"] | None = None
    labels: dict[str, str] | None = None
    store: bool | None = None
    continuation_token: bytes | None = None


class CountRequest(Message, frozen=True):
    """The body of countTokens: contents, or a whole request."""

    model: str | None = None
    contents: list[Content] | None = None
    generate_content_request: GenerateRequest | None = None


class EmbedRequest(Message, frozen=True):
    """The body of embedContent."""

    model: str | None = None
    content: Content | None = None
    task_type: (
        Literal[
            "TASK_TYPE_UNSPECIFIED",
            "RETRIEVAL_QUERY",
            "RETRIEVAL_DOCUMENT",
            "SEMANTIC_SIMILARITY",
            "CLASSIFICATION",
            "CLUSTERING",
            "QUESTION_ANSWERING",
            "FACT_VERIFICATION",
            "CODE_RETRIEVAL_QUERY",
        ]
        | None
    ) = None
    title: str | None = None
    output_dimensionality: int | None = None


class BatchEmbedRequest(Message, frozen=True):
    """The body of batchEmbedContents."""

    requests: list[EmbedRequest] | None = None

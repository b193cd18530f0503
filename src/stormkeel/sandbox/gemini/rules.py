"""What Gemini asks beyond the schema: ranges, fields that exclude each other, what some models refuse, what is not served here.

Never reads bytes. Each rule yields the complaints it has; the first one is told.
"""

from __future__ import annotations

from collections.abc import Iterator

from stormkeel.sandbox.gemini import tools, turns
from stormkeel.sandbox.gemini.generations import generation, thinks
from stormkeel.sandbox.gemini.shape import GenerateRequest, GenerationConfig

_CONFIG = "GenerateContentRequest.generation_config"
_MOST_STOPS = 5
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (1, float("inf")),
    "candidate_count": (1, 8),
    "max_output_tokens": (1, float("inf")),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "logprobs": (0, 20),
}
_MIMES = ("text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum")
_STRUCTURED = {"application/json", "text/x.enum"}


def complaints(request: GenerateRequest, model: str, *, model_rules: bool) -> Iterator[str]:
    """Yield what Gemini would complain about, most basic first.

    Args:
        request: A body that fits the schema.
        model: The model's plain name.
        model_rules: Also apply the rules that depend on the model.
    """
    config = request.generation_config or GenerationConfig()
    yield from turns.complaints(request.contents, "GenerateContentRequest.contents")
    yield from _system(request)
    yield from tools.complaints(request)
    yield from _ranges(config)
    yield from _form(config)
    yield from _thinking(config)
    yield from _continued(request, config)
    if model_rules:
        yield from _for_model(config, model)


def misnamed(told: str | None, model: str, place: str) -> Iterator[str]:
    """Yield a complaint where the body names another model than the URL."""
    if told is not None and told.removeprefix("models/").partition("@")[0] != model:
        yield f"* {place}.model: model must be 'models/{model}', as in the URL\n"


def _system(request: GenerateRequest) -> Iterator[str]:
    system = request.system_instruction
    if system is None:
        return
    yield from turns.of_parts(system, "GenerateContentRequest.system_instruction")
    if any(part.text is None for part in system.parts or ()):
        yield "* GenerateContentRequest.system_instruction.parts: only text is supported\n"


def _ranges(config: GenerationConfig) -> Iterator[str]:
    for name, (least, most) in _RANGES.items():
        value = getattr(config, name)
        if value is not None and not least <= value <= most:
            end = "inf)" if most == float("inf") else f"{most:g}]"
            yield f"* {_CONFIG}.{name}: {name} must be in the range [{least:g}, {end}.\n"
    if len(config.stop_sequences or ()) > _MOST_STOPS:
        yield f"* {_CONFIG}.stop_sequences: at most {_MOST_STOPS} stop sequences can be set.\n"
    if any(not stop for stop in config.stop_sequences or ()):
        yield f"* {_CONFIG}.stop_sequences: a stop sequence must not be empty.\n"
    if config.logprobs is not None and not config.response_logprobs:
        yield f"* {_CONFIG}.logprobs: logprobs can only be set when response_logprobs is true.\n"


def _form(config: GenerationConfig) -> Iterator[str]:
    mime = config.response_mime_type
    if mime and mime not in _MIMES:
        yield f"* {_CONFIG}.response_mime_type: allowed mimetypes are {', '.join(f'`{one}`' for one in _MIMES)}.\n"
    schemas = [name for name in ("response_schema", "response_json_schema") if getattr(config, name) is not None]
    if len(schemas) > 1:
        yield f"* {_CONFIG}: only one of response_schema and response_json_schema can be set.\n"
    if schemas and mime not in _STRUCTURED:
        yield f"* {_CONFIG}.{schemas[0]}: a schema needs response_mime_type `application/json` or `text/x.enum`.\n"
    if config.response_schema is not None:
        yield from tools.of_schema(config.response_schema, f"{_CONFIG}.response_schema")


def _thinking(config: GenerationConfig) -> Iterator[str]:
    thinking = config.thinking_config
    if thinking is None or thinking.thinking_budget is None:
        return
    if thinking.thinking_level is not None:
        yield "You can only set only one of thinking budget and thinking level."
    if thinking.thinking_budget < -1:
        yield f"* {_CONFIG}.thinking_config.thinking_budget: thinking_budget must be -1 or more.\n"


def _continued(request: GenerateRequest, config: GenerationConfig) -> Iterator[str]:
    """No answer of the sandbox's is ever to be continued."""
    if request.continuation_token is not None or config.continuation_token is not None:
        yield "The continuation token is not valid."


def _for_model(config: GenerationConfig, model: str) -> Iterator[str]:
    version, thinking = generation(model), config.thinking_config
    other = [one for one in config.response_modalities or () if one != "TEXT"]
    if other:
        yield (
            f"The requested combination of response modalities ({', '.join(other)}) is not supported by the model. "
            f"models/{model} accepts the following combination of response modalities:\n* TEXT\n"
        )
    if version is None:
        return
    if (config.candidate_count or 1) > 1 and version >= (3, 0):
        yield "Multiple candidates is not enabled for this model"
    if thinking is not None and not thinks(model):
        yield "Thinking is not enabled for this model"
    if thinking is not None and thinking.thinking_level is not None and version < (3, 0):
        yield "Thinking level is not supported for this model."
    always = version >= (3, 0) or model.startswith("gemini-2.5-pro")
    if thinking is not None and thinking.thinking_budget == 0 and always:
        yield "Budget 0 is invalid. This model only works in thinking mode."

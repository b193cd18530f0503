"""Reads a request to Gemini as strictly as Google does, and says in its words what is wrong.

Never answers. The order is: query, JSON, schema, rules, signatures.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.ask import Asked, split_model
from stormkeel.sandbox.gemini import rules, signatures, turns
from stormkeel.sandbox.gemini.address import named
from stormkeel.sandbox.gemini.errors import not_found
from stormkeel.sandbox.gemini.generations import embeds, thinks
from stormkeel.sandbox.gemini.proto import decode, refused
from stormkeel.sandbox.gemini.shape import Content, CountRequest, GenerateRequest, GenerationConfig, Part, ThinkingConfig
from stormkeel.sandbox.gemini.tools import declared
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import RefusedError

_PER_CONTENT = 3  # tokens that frame a content
_PER_PART = 256  # tokens a picture, a sound, a film or a file stands for


def read(inbound: Inbound, verb: str, *, model_rules: bool, ownership: bool) -> Asked:
    """Read a request for an answer; RefusedError with Google's own words when it would not take it.

    Args:
        inbound: The request.
        verb: What is to be done.
        model_rules: Also apply the rules that depend on the model.
        ownership: Refuse signatures the sandbox did not make itself for this model.
    """
    request, model = decode(inbound, GenerateRequest), plain(inbound)
    if model_rules and embeds(model):
        raise RefusedError(not_found(model, verb))
    check(request, model, model_rules=model_rules, ownership=ownership)
    return _asked(request, model, stream=verb == "streamGenerateContent")


def read_count(inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
    """Read a request for the tokens of its input; nothing is generated for it."""
    request, model = decode(inbound, CountRequest), plain(inbound)
    whole = request.generate_content_request
    if whole is None:
        for complaint in turns.complaints(request.contents, "CountTokensRequest.contents"):
            raise refused(complaint)
        whole = GenerateRequest(contents=request.contents)
    elif request.contents:
        raise refused("* CountTokensRequest: only one of contents and generate_content_request can be set.\n")
    else:
        if whole.model is None:
            raise refused("* CountTokensRequest.generate_content_request.model: unexpected model name format\n")
        check(whole, model, model_rules=model_rules, ownership=ownership)
    return msgspec.structs.replace(_asked(whole, model, stream=False), count=0, tool=None)


def plain(inbound: Inbound) -> str:
    """Return the plain name of the model of the path."""
    return split_model(named(inbound) or "")[0]


def check(request: GenerateRequest, model: str, *, model_rules: bool, ownership: bool) -> None:
    """Raise RefusedError for the first thing that is wrong."""
    for complaint in rules.misnamed(request.model, model, "GenerateContentRequest"):
        raise refused(complaint)
    for complaint in rules.complaints(request, model, model_rules=model_rules):
        raise refused(complaint)
    for complaint in signatures.complaints(request.contents or (), model, model_rules=model_rules, ownership=ownership):
        raise refused(complaint)
    if request.cached_content is not None:  # none is kept here
        raise refused("CachedContent not found (or permission denied)", 403, "PERMISSION_DENIED")


def texts(contents: Sequence[Content]) -> list[str]:
    """Return all text of some contents; calls and responses count as their JSON."""
    return [text for content in contents for part in content.parts or () for text in _texts(part)]


def others(contents: Sequence[Content]) -> int:
    """Count the parts that are not text."""
    parts = [part for content in contents for part in content.parts or ()]
    return sum(not _texts(part) for part in parts)


def _texts(part: Part) -> list[str]:
    if part.text is not None:
        return [part.text]
    held = part.function_call or part.function_response
    return [] if held is None else [msgspec.json.encode(held).decode()]


def _asked(request: GenerateRequest, model: str, *, stream: bool) -> Asked:
    config = request.generation_config or GenerationConfig()
    thinking = config.thinking_config or ThinkingConfig()
    contents = request.contents or []
    system = [] if request.system_instruction is None else [request.system_instruction]
    tools = [msgspec.json.encode(tool).decode() for tool in request.tools or ()]
    users = [content for content in contents if content.role != "model"]
    return Asked(
        model=model,
        stream=stream,
        prompt=(*texts(system), *texts(contents), *tools),
        last_user="\n".join(texts(users[-1:])),
        extra_tokens=_PER_CONTENT * len(contents) + _PER_PART * others(contents),
        limit=config.max_output_tokens,
        stops=tuple(config.stop_sequences or ()),
        count=config.candidate_count or 1,
        tool=_forced(request),
        thinks=thinks(model) and thinking.thinking_budget != 0,
        shows=bool(thinking.include_thoughts),
        mute=True,
    )


def _forced(request: GenerateRequest) -> str | None:
    """Name the function that must be called, if one must be."""
    config = request.tool_config.function_calling_config if request.tool_config is not None else None
    if config is None or config.mode != "ANY":
        return None
    allowed = config.allowed_function_names or [one.name or "" for one in declared(request)]
    return allowed[0]

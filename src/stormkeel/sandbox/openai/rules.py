"""What OpenAI asks beyond the schema: fields that exclude each other, tool calls and their results, what some models refuse.

Never reads bytes. Each rule returns the problem it found, or None; the first one is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stormkeel.sandbox.openai.shape import Assistant, ChatRequest, FunctionTool, ToolResult
from stormkeel.sandbox.problem import Problem

_INVALID = "invalid_request_error"
_GPT = re.compile(r"^gpt-(\d+)(?:\.(\d+))?(?:-|$)")


def broken_rule(request: ChatRequest, model: str, *, model_rules: bool) -> Problem | None:
    """Return what OpenAI would complain about first, or None.

    Args:
        request: A body that fits the schema.
        model: The model's plain name.
        model_rules: Also apply the rules that depend on the model.
    """
    found = [_limits(request), _streaming(request), _logprobs(request), _tool_choice(request), *_pairing(request)]
    if model_rules:
        found += [_legacy_limit(request, model), _stop(request, model), _tools_and_reasoning(request, model)]
    return next((problem for problem in found if problem is not None), None)


def generation(model: str) -> tuple[int, int] | None:
    """Return (5, 4) for gpt-5.4-mini; (3, 0) for o3; None for a name that tells nothing.

    >>> generation("gpt-6-luna"), generation("o3-mini"), generation("whale-1")
    ((6, 0), (3, 0), None)
    """
    found = _GPT.match(model)
    if found:
        return int(found[1]), int(found[2] or 0)
    small = re.match(r"^o(\d+)(?:-|$)", model)
    return (int(small[1]), 0) if small else None


def reasons(model: str) -> bool:
    """Tell whether a model is of the reasoning kind: the o series, and gpt-5 and later."""
    version = generation(model)
    return version is not None and (model.startswith("o") or version >= (5, 0))


def _limits(request: ChatRequest) -> Problem | None:
    if request.max_tokens is None or request.max_completion_tokens is None:
        return None
    return _bad("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "max_tokens")


def _streaming(request: ChatRequest) -> Problem | None:
    if request.stream_options is None or request.stream:
        return None
    return _bad("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")


def _logprobs(request: ChatRequest) -> Problem | None:
    if request.top_logprobs is None or request.logprobs:
        return None
    return _bad("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "top_logprobs")


def _tool_choice(request: ChatRequest) -> Problem | None:
    if request.tool_choice is None or request.tool_choice == "none" or request.tools:
        return None
    return _bad("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")


def _pairing(request: ChatRequest) -> Iterable[Problem | None]:
    """Every call is answered before anything else is said, and nothing else is answered."""
    waiting: list[str] = []
    for place, message in enumerate(request.messages):
        if isinstance(message, ToolResult):
            if message.tool_call_id not in waiting:
                yield _bad(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                    f"messages.[{place}].role",
                )
            waiting = [call for call in waiting if call != message.tool_call_id]
            continue
        if waiting:
            yield _unanswered(waiting, place)
        waiting = [call.id for call in message.tool_calls or ()] if isinstance(message, Assistant) else []
    if waiting:
        yield _unanswered(waiting, len(request.messages))


def _unanswered(calls: list[str], place: int) -> Problem:
    return _bad(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(calls)}",
        f"messages.[{place}].role",
    )


def _legacy_limit(request: ChatRequest, model: str) -> Problem | None:
    if request.max_tokens is None or not reasons(model):
        return None
    return _unsupported("max_tokens", "Use 'max_completion_tokens' instead.")


def _stop(request: ChatRequest, model: str) -> Problem | None:
    if request.stop is None or not re.match(r"^o\d", model):
        return None
    return _unsupported("stop", "")


def _tools_and_reasoning(request: ChatRequest, model: str) -> Problem | None:
    """Refuse function tools together with reasoning from gpt-5.4 on; from 5.6 on there is a default effort."""
    version = generation(model) or (0, 0)
    if not any(isinstance(tool, FunctionTool) for tool in request.tools or ()) or version < (5, 4):
        return None
    effort = request.reasoning_effort or ("none" if version < (5, 6) else "medium")
    if effort == "none":
        return None
    return _bad(
        f"Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions. "
        "Please use /v1/responses instead, or set reasoning_effort to 'none'.",
        "reasoning_effort",
    )


def _bad(message: str, param: str) -> Problem:
    return Problem(400, _INVALID, message, None, param)


def _unsupported(param: str, mend: str) -> Problem:
    message = f"Unsupported parameter: '{param}' is not supported with this model. {mend}".rstrip()
    return Problem(400, _INVALID, message, "unsupported_parameter", param)

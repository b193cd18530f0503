"""OpenAI's usage report in the chat form, as disjoint buckets.

Never guesses: a report with a number missing or absurd is no report (S-8). `prompt_tokens` includes cached, written and audio
tokens, `completion_tokens` reasoning, audio and rejected predictions (docs/wire.md, Usage).
"""

from __future__ import annotations

import msgspec

from ...types.usage import Usage
from ..values import TOKEN_LIMIT, is_token_count


class PromptDetails(msgspec.Struct, gc=False):
    """What part of the prompt was cached, written or audio."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    """What part of the completion was reasoning or audio."""

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class ChatUsage(msgspec.Struct, gc=False):
    """The `usage` object of a chat completion."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


def write_usage(usage: Usage) -> dict[str, object]:
    """Return the report in the chat form, with its own totals; both lifetimes of a cache write are one there."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write + usage.cache_write_long,
            "audio_tokens": usage.audio_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


_NO_PROMPT_DETAILS = PromptDetails()
_NO_COMPLETION_DETAILS = CompletionDetails()


def read_usage(told: ChatUsage) -> Usage | None:
    """Return the report in disjoint buckets whose sums are the reported totals, None where it makes no sense."""
    prompt, completion = told.prompt_tokens, told.completion_tokens
    if prompt is None or completion is None or not (0 <= prompt <= TOKEN_LIMIT and 0 <= completion <= TOKEN_LIMIT):
        return None
    into = told.prompt_tokens_details or _NO_PROMPT_DETAILS
    out = told.completion_tokens_details or _NO_COMPLETION_DETAILS
    parts = (into.cached_tokens, into.cache_write_tokens, into.audio_tokens, out.reasoning_tokens, out.audio_tokens)
    if not any(parts):  # the usual report: nothing is split off
        return Usage(prompt, 0, 0, 0, 0, completion)
    if not all(is_token_count(number or 0) for number in parts):
        return None
    cached, written, heard, reasoned, spoken = (part or 0 for part in parts)
    if reasoned and told.total_tokens == prompt + completion + reasoned:
        completion += reasoned  # xAI counts reasoning beside the completion; its own total says so
    cache_read, prompt = _take(cached, prompt)
    cache_write, prompt = _take(written, prompt)
    audio_input, prompt = _take(heard, prompt)
    reasoning, completion = _take(reasoned, completion)
    audio_output, completion = _take(spoken, completion)
    return Usage(
        input=prompt, cache_read=cache_read, cache_write=cache_write, audio_input=audio_input,
        output=completion, reasoning=reasoning, audio_output=audio_output,
    )  # fmt: skip


def _take(part: int, whole: int) -> tuple[int, int]:
    """Split a part off; parts that overlap (cached audio, say) must not make more tokens than were reported."""
    part = min(part, whole)
    return part, whole - part

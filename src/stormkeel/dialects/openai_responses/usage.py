"""OpenAI's usage report in the form of responses, as disjoint buckets and back.

Never guesses: a report with a number missing or absurd is no report (S-8). `input_tokens` includes cached and written tokens,
`output_tokens` reasoning (docs/wire.md, Usage).
"""

from __future__ import annotations

import msgspec

from ...types.usage import Usage
from ..values import is_token_count


class WriteDetails(msgspec.Struct, gc=False):
    """Tokens written to the cache by lifetime."""

    ttl_12h_tokens: int | None = None


class InputDetails(msgspec.Struct, gc=False):
    """What part of the input was cached or written."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_tokens_details: WriteDetails | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """What part of the output was reasoning."""

    reasoning_tokens: int | None = None


class ResponseUsage(msgspec.Struct, gc=False):
    """The `usage` object of a response."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


_NO_INPUT_DETAILS = InputDetails()
_NO_OUTPUT_DETAILS = OutputDetails()


def read_usage(told: ResponseUsage) -> Usage | None:
    """Return the report in disjoint buckets whose sums are the reported totals, None where it makes no sense."""
    input_, output = told.input_tokens, told.output_tokens
    into = told.input_tokens_details or _NO_INPUT_DETAILS
    out = told.output_tokens_details or _NO_OUTPUT_DETAILS
    long = into.cache_write_tokens_details.ttl_12h_tokens if into.cache_write_tokens_details else None
    parts = tuple(part or 0 for part in (into.cached_tokens, into.cache_write_tokens, long, out.reasoning_tokens))
    if input_ is None or output is None or not all(map(is_token_count, (input_, output, *parts))):
        return None
    cached, written, kept, reasoned = parts
    if reasoned and told.total_tokens == input_ + output + reasoned:
        output += reasoned  # xAI counts reasoning beside the output; its own total says so
    cache_read, input_ = _take(cached, input_)
    cache_write, input_ = _take(written, input_)
    cache_write_long, cache_write = _take(kept, cache_write)
    reasoning, output = _take(reasoned, output)
    return Usage(
        input=input_, cache_read=cache_read, cache_write=cache_write, cache_write_long=cache_write_long,
        output=output, reasoning=reasoning,
    )  # fmt: skip


def _take(part: int, whole: int) -> tuple[int, int]:
    """Split a part off; parts that overlap must not make more tokens than were reported."""
    part = min(part, whole)
    return part, whole - part


def write_usage(usage: Usage) -> dict[str, object]:
    """Return the report in this form, with its own totals: sound, which it has no word for, counts as plain input and output.

    Both objects of details are always there: the SDK's type demands them (openai 3.52).
    """
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write + usage.cache_write_long,
            "cache_write_tokens_details": {"ttl_30m_tokens": usage.cache_write, "ttl_12h_tokens": usage.cache_write_long},
        },
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }

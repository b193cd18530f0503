"""OpenAI's usage in the form of responses: disjoint buckets in, its own totals out."""

from __future__ import annotations

import msgspec
import pytest

from stormkeel.dialects.openai_responses.usage import ResponseUsage, read_usage, write_usage
from stormkeel.types.usage import Usage


def read(**fields: object) -> Usage | None:
    """Read a report."""
    return read_usage(msgspec.convert(fields, ResponseUsage))


def test_buckets_are_disjoint() -> None:
    """Cached and written tokens are taken out of the input, reasoning out of the output, and the sums are the reported totals."""
    usage = read(
        input_tokens=100, output_tokens=50, total_tokens=150, output_tokens_details={"reasoning_tokens": 30},
        input_tokens_details={
            "cached_tokens": 20, "cache_write_tokens": 30, "cache_write_tokens_details": {"ttl_30m_tokens": 20, "ttl_12h_tokens": 10},
        },
    )  # fmt: skip
    assert usage == Usage(input=50, cache_read=20, cache_write=20, cache_write_long=10, output=20, reasoning=30)
    assert (usage.total_input, usage.total_output) == (100, 50)


def test_parts_never_make_more_than_the_whole() -> None:
    """Details that overlap are cut to what is left."""
    usage = read(
        input_tokens=10, output_tokens=5, output_tokens_details={"reasoning_tokens": 9},
        input_tokens_details={"cached_tokens": 8, "cache_write_tokens": 8},
    )  # fmt: skip
    assert usage == Usage(cache_read=8, cache_write=2, reasoning=5)


def test_reasoning_beside_the_output_is_added() -> None:
    """A server whose total counts reasoning beside the output is taken at its word."""
    usage = read(input_tokens=10, output_tokens=5, total_tokens=22, output_tokens_details={"reasoning_tokens": 7})
    assert usage == Usage(input=10, output=5, reasoning=7)


@pytest.mark.parametrize("fields", [{}, {"input_tokens": 1}, {"input_tokens": -1, "output_tokens": 1},
                                    {"input_tokens": 1, "output_tokens": 10**10},
                                    {"input_tokens": 1, "output_tokens": 1, "input_tokens_details": {"cached_tokens": -5}}])  # fmt: skip
def test_an_absurd_report_is_none(fields: dict) -> None:
    """A number missing or absurd makes the whole report none (S-8)."""
    assert read(**fields) is None


def test_what_is_written_is_read_back() -> None:
    """All that this form can say comes back; sound counts as plain tokens."""
    usage = Usage(input=1, cache_read=2, cache_write=3, cache_write_long=4, output=5, reasoning=6)
    assert read(**write_usage(usage)) == usage
    heard = write_usage(Usage(input=1, audio_input=2, output=3, audio_output=4))
    assert (heard["input_tokens"], heard["output_tokens"], heard["total_tokens"]) == (3, 7, 10)

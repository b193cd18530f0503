"""Anthropic's usage report in disjoint buckets."""

from __future__ import annotations

import msgspec
import pytest

from stormkeel.dialects.anthropic_messages.usage import MessageUsage, merge, read_usage, write_usage
from stormkeel.types.usage import Usage


def told(**fields: object) -> MessageUsage:
    """Return a report as it comes."""
    return msgspec.convert(fields, MessageUsage)


def test_every_bucket_once() -> None:
    """Cached tokens stand beside the input, thinking is part of the output, the long write is split off."""
    report = told(
        input_tokens=40, cache_read_input_tokens=30, cache_creation_input_tokens=25,
        cache_creation={"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 5},
        output_tokens=50, output_tokens_details={"thinking_tokens": 15},
    )  # fmt: skip
    assert read_usage(report) == Usage(input=40, cache_read=30, cache_write=20, cache_write_long=5, output=35, reasoning=15)


def test_optional_fields_may_be_null() -> None:
    """Cache fields that are null or absent are no tokens; zero is a value (S-8)."""
    report = told(input_tokens=0, output_tokens=0, cache_read_input_tokens=None, cache_creation=None)
    assert read_usage(report) == Usage()
    by_life = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}
    assert read_usage(told(input_tokens=1, output_tokens=1, cache_creation=by_life)) == Usage(
        input=1, cache_write=2, cache_write_long=3, output=1
    )


@pytest.mark.parametrize(
    "wrong", [{"input_tokens": -1}, {"output_tokens": 10**12}, {"cache_read_input_tokens": -5}, {"output_tokens": None}]
)
def test_nonsense_is_no_report(wrong: dict) -> None:
    """A missing, negative or absurd number makes the whole report none (S-8)."""
    assert read_usage(told(**({"input_tokens": 1, "output_tokens": 1} | wrong))) is None


def test_a_later_report_keeps_what_it_leaves_out() -> None:
    """The cumulative report of a stream's end overwrites the first, its nulls do not (docs/wire.md, Anthropic streams)."""
    first = told(input_tokens=10, cache_read_input_tokens=7, output_tokens=1)
    merged = merge(first, told(output_tokens=20, input_tokens=None))
    assert read_usage(merged) == Usage(input=10, cache_read=7, output=20)
    assert read_usage(merge(merged, told(input_tokens=0, output_tokens=0))) == Usage(cache_read=7)
    assert merge(None, first) is first


def test_a_written_report_is_read_as_it_was() -> None:
    """Every bucket comes back but sound, which counts as plain input and output; the totals are the same."""
    usage = Usage(input=1, cache_read=2, cache_write=4, cache_write_long=8, output=16, reasoning=32)
    assert read_usage(told(**write_usage(usage))) == usage
    heard = read_usage(told(**write_usage(Usage(input=1, audio_input=2, output=4, audio_output=8))))
    assert heard == Usage(input=3, output=12)

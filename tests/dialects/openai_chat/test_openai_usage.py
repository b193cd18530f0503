"""OpenAI's usage report in disjoint buckets."""

from __future__ import annotations

import msgspec
import pytest

from stormkeel.dialects.openai_chat.usage import ChatUsage, read_usage, write_usage
from stormkeel.types.usage import Usage


def read(told: dict) -> Usage | None:
    """Read a report as it comes."""
    return read_usage(msgspec.convert(told, ChatUsage))


def test_every_bucket_once() -> None:
    """Cached, written, audio and reasoning tokens leave the totals they are part of."""
    told = {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20, "audio_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": 5, "rejected_prediction_tokens": 4},
    }  # fmt: skip
    usage = read(told)
    assert usage == Usage(input=40, cache_read=30, cache_write=20, audio_input=10, output=30, reasoning=15, audio_output=5)


def test_zero_is_a_value() -> None:
    """A report of zero is a report of zero, with or without details (S-8)."""
    assert read({"prompt_tokens": 0, "completion_tokens": 0}) == Usage()
    nulls = {"prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": None}}
    assert read({"prompt_tokens": 7, "completion_tokens": 0, **nulls}) == Usage(input=7)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"prompt_tokens": 5},
        {"completion_tokens": 5},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": 10**12},
        {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -3}},
        {"prompt_tokens": 5, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 10**10}},
    ],
)
def test_nonsense_is_no_report(told: dict) -> None:
    """A missing, negative or absurd number makes the whole report none (S-8)."""
    assert read(told) is None


def test_overlapping_details_conserve_the_total() -> None:
    """Details that add up to more than the total, as cached audio does, do not make more tokens than were reported."""
    details = {"cached_tokens": 8, "audio_tokens": 8}
    usage = read({"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": details})
    assert usage is not None
    assert (usage.cache_read, usage.audio_input, usage.total_input, usage.total_output) == (8, 2, 10, 4)


def test_reasoning_beside_the_completion_is_added() -> None:
    """Where a provider's own total shows that reasoning is not part of the completion, it is counted."""
    told = {"prompt_tokens": 10, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 6}}
    assert read(told | {"total_tokens": 20}) == Usage(input=10, output=4, reasoning=6)
    assert read(told | {"total_tokens": 14}) == Usage(input=10, output=0, reasoning=4)


def test_a_written_report_has_this_dialects_totals() -> None:
    """A report is written with totals that include every bucket, and reads back as it was; both cache lifetimes become one."""
    usage = Usage(input=1, cache_read=2, cache_write=3, cache_write_long=4, audio_input=5, output=6, reasoning=7, audio_output=8)
    told = write_usage(usage)
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (15, 21, 36)
    assert read(told) == msgspec.structs.replace(usage, cache_write=7, cache_write_long=0)

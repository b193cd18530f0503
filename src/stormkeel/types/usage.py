"""Usage: tokens in disjoint buckets, so that each is priced once and their sum is the truth.

Never holds a dialect's own totals: OpenAI's `prompt_tokens` includes cached ones, Anthropic's `input_tokens` does not; the
dialects translate at the border (docs/wire.md, Usage).
"""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens of one attempt in disjoint buckets; each 0 or more.

    Attributes:
        input: uncached, unwritten text input.
        cache_read: input read from the provider's prompt cache.
        cache_write: input written to that cache at its default lifetime (Anthropic 5 minutes, OpenAI 30 minutes).
        cache_write_long: input written at the longer lifetime (Anthropic 1 hour, OpenAI 12 hours).
        audio_input: audio input.
        output: visible output.
        reasoning: hidden or summarised reasoning output.
        audio_output: audio output.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_long: int = 0
    audio_input: int = 0
    output: int = 0
    reasoning: int = 0
    audio_output: int = 0

    @property
    def total_input(self) -> int:
        """All input tokens, whatever their bucket."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_long + self.audio_input

    @property
    def total_output(self) -> int:
        """All output tokens, reasoning included."""
        return self.output + self.reasoning + self.audio_output

    @property
    def total(self) -> int:
        """All tokens."""
        written = self.cache_read + self.cache_write + self.cache_write_long + self.audio_input
        return self.input + written + self.output + self.reasoning + self.audio_output


NO_USAGE = Usage()


def add(one: Usage, other: Usage) -> Usage:
    """Return the tokens of both."""
    return Usage(*(getattr(one, name) + getattr(other, name) for name in Usage.__struct_fields__))

"""Other providers' thoughts in a chat's history: taken out where the provider refuses them, else nothing is touched."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import Target

STRICT = Target("m", takes_thoughts=False)
SAID = {"role": "assistant", "content": "a", "reasoning_content": "hm"}


def test_thoughts_are_taken_out() -> None:
    """Each is named by its path; everything else stays, number by number."""
    raw = (
        b'{"x": 1.50, "model": "m", "messages": [{"role": "user", "content": "reasoning_content"}, '
        + json.dumps(SAID).encode()
        + b"]}"
    )
    body, taken = OpenAIChat().without_foreign(raw, STRICT)
    assert (
        body
        == b'{"x":1.50,"model":"m","messages":[{"role":"user","content":"reasoning_content"},{"role":"assistant","content":"a"}]}'
    )
    assert taken == ("messages[1].reasoning_content",)


@pytest.mark.parametrize(("raw", "target"), [
    (json.dumps({"messages": [SAID]}).encode(), Target("m")),
    (b'{"messages":[{"role":"user","content":"\\"reasoning_content\\" and \\"x\\""}]}', STRICT),
    (b'{"messages":"\\"reasoning_content"}', STRICT),
    (b'{"messages":[{"content":"reasoning_content"}]}', STRICT),
    (b'"reasoning_content"', STRICT),
    (b'{"reasoning_content":1}', STRICT),
])  # fmt: skip
def test_nothing_else_is_touched(raw: bytes, target: Target) -> None:
    """A body without them, or for a provider that takes them, or that is none, is the very same."""
    body, taken = OpenAIChat().without_foreign(raw, target)
    assert body is raw
    assert taken == ()

"""The bodies of counts: what decides a prompt's tokens goes to the provider, and nothing else; numbers that make no sense are none."""

from __future__ import annotations

import json

import pytest

from stormkeel.assemble import COUNTING, DIALECTS
from stormkeel.dialects.values import Target
from stormkeel.types.content import Message
from stormkeel.types.failure import Failure
from stormkeel.types.prompt import Format, Prompt, Tool, ToolChoice

WHOLE = Prompt(
    (Message("system", "Be brief."), Message("user", "Hello")), 500, 0.5, 0.9, stop=("x",), tools=(Tool("look", "Look."),),
    tool_choice=ToolChoice("auto"), parallel_tools=False, format=Format({"type": "object", "properties": {}}), effort="low", user="u",
    tier="flex",
)  # fmt: skip
SHAPES = {
    "max_tokens", "max_output_tokens", "temperature", "top_p", "stop_sequences", "stop", "store", "include", "user", "metadata",
    "service_tier", "stream",
}  # fmt: skip
"""Fields that only shape an answer."""


@pytest.mark.parametrize("name", COUNTING)
def test_a_request_becomes_a_count(name: str):
    """Of a request that a codec wrote a count keeps what goes in, and whose model it is."""
    written = DIALECTS[name].write_prompt(WHOLE, Target("m", max_output=1000), False)
    assert not isinstance(written, Failure)
    body = json.loads(COUNTING[name].write_body(written.body, "m"))
    if name == "gemini":
        assert body.keys() == {"generateContentRequest"}
        inner = body["generateContentRequest"]
        assert inner["model"] == "models/m"
        assert inner.keys() >= {"contents", "systemInstruction", "tools"}
        return
    assert body["model"] == "m"
    assert not body.keys() & SHAPES
    assert body.keys() >= {"tools", "tool_choice"}
    assert json.loads(written.body).keys() & SHAPES


def test_contents_alone_stay_contents():
    """What Google's SDK sends arrives as it was: contents, and no request around them."""
    count = COUNTING["gemini"]
    body = b'{"contents":[{"parts":[{"text":"Hi"}]}]}'
    assert count.read_body(body) == body
    assert count.pass_body(body, "m") == body
    assert count.path_for("m") == "/models/m:countTokens"
    assert count.path_for("tunedModels/m") == "/tunedModels/m:countTokens"


@pytest.mark.parametrize("value", ["7", [], None, 1])
def test_a_whole_request_is_an_object(value: object):
    """Anything else in its place is refused, and named."""
    told = COUNTING["gemini"].read_body(json.dumps({"generateContentRequest": value}).encode())
    assert isinstance(told, Failure)
    assert "generateContentRequest" in told.message


@pytest.mark.parametrize("name", COUNTING)
def test_a_number_comes_back_as_it_was_told(name: str):
    """What a count writes for a client it reads from a provider."""
    assert COUNTING[name].read_tokens(COUNTING[name].write_tokens(77)) == 77


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("value", ["-1", "1e12", '"77"', "null", "7.5", "true"])
def test_nonsense_is_no_number(name: str, value: str):
    """A number of tokens is a whole number that can be one; everything else is no answer."""
    field = "totalTokens" if name == "gemini" else "input_tokens"
    for body in (f'{{"{field}": {value}}}', "{}", "[]", "", f'{{"{field}": 7'):
        assert COUNTING[name].read_tokens(body.encode()) is None

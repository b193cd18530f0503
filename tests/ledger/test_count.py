"""Counting tokens: exact where that is known, an estimate everywhere else, and never the one passed off as the other."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.catalog.families import FAMILIES, UNKNOWN, family_of
from stormkeel.ledger.calibration import MOST, Calibration
from stormkeel.ledger.count import count, encoding_of, estimate
from stormkeel.ledger.estimate import surely_exceeds, words
from stormkeel.types.attempt import Attempt
from stormkeel.types.content import Audio, File, Image, Message, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.prompt import Format, Prompt, Tool
from stormkeel.types.usage import Usage

HELLO = Prompt((Message("user", "Hello"),))


@pytest.mark.parametrize(
    ("model", "tokens", "method"),
    [
        ("gpt-4o", 8, "o200k_base"),
        ("gpt-4o-mini-2024-07-18", 8, "o200k_base"),
        ("ft:gpt-4o-mini:org::id", 8, "o200k_base"),
        ("openai/gpt-4o", 8, "o200k_base"),
        ("gpt-4", 8, "cl100k_base"),
        ("gpt-3.5-turbo", 8, "cl100k_base"),
        ("o3-mini", 7, "o200k_base"),
        ("gpt-5-mini", 7, "o200k_base"),
    ],
)
def test_exact_where_it_is_known(model: str, tokens: int, method: str):
    """ "Hello" takes what OpenAI reports for it, by recorded answers and its own cookbook."""
    counted = count(HELLO, family_of(model))
    assert (counted.tokens, counted.is_exact, counted.method) == (tokens, True, method)


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-6-sol", "gpt-4.1", "gpt-4o-search-preview", "gpt-oss-120b", "o4-mini"])
def test_an_encoding_alone_is_no_exact_count(model: str):
    """A known encoding whose framing nobody told gives a close estimate, labelled as one."""
    counted = count(HELLO, family_of(model))
    assert not counted.is_exact
    assert "o200k" in counted.method


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-sonnet-4-5", "gemini-3.6-flash", "llama-3.3-70b", "nobody"])
def test_an_estimate_elsewhere(model: str):
    """Models without a public encoding are estimated."""
    counted = count(HELLO, family_of(model))
    assert (counted.is_exact, counted.method) == (False, "estimate")
    assert 3 < counted.tokens < 50


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt((Message("user", (Text("Hi"), Image("image/png", "aGk="))),)),
        Prompt((Message("user", "Hi"),), tools=(Tool("look", "Look.", {"type": "object"}),)),
        Prompt((Message("user", "Hi"),), format=Format({"type": "object"})),
        Prompt((Message("assistant", (ToolCall("1", "look", "{}"),)), Message("user", (ToolResult("1", (Text("x"),)),)))),
        Prompt((Message("user", (File("application/pdf", "aGk="), Audio("wav", "aGk="), Thinking("hm"))),)),
        Prompt((Message("user", [{"type": "text", "text": "Hi"}]),)),
    ],
)
def test_more_than_text_is_never_exact(prompt: Prompt):
    """Tools, pictures and the like are constants, so the sum is an estimate, and larger than that of the text alone."""
    for model in ("gpt-4o", "claude-opus-5"):
        counted = count(prompt, family_of(model))
        assert not counted.is_exact
        assert counted.tokens > 8


def test_an_assistants_turn_where_nobody_has_seen_one():
    """What was seen without assistant turns is exact without them only."""
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    assert count(Prompt(turns), family_of("gpt-4o")).is_exact
    assert not count(Prompt(turns), family_of("gpt-5")).is_exact


def test_a_text_document_counts_by_its_text():
    """A document of text is read, one of pages is a constant."""
    long = base64.b64encode(b"word " * 10_000).decode()
    assert count(Prompt((Message("user", (File("text/plain", long),)),)), family_of("claude-opus-5")).tokens > 10_000


@given(st.lists(st.text(), max_size=8))
def test_estimates_add_up(texts: list[str]):
    """An estimate never fails, is never negative, and more text is never fewer tokens."""
    for family in (*FAMILIES, UNKNOWN):
        whole = estimate(texts, family)
        assert whole >= estimate(texts[:-1], family) >= 0


@settings(deadline=None)  # an encoding is loaded at its first use
@given(st.text(alphabet=st.sampled_from("abz ÄßЖ日 \n\t.,;()/*_-'\"0129{}\\🚢"), max_size=400))
def test_no_encoding_undercuts_the_words(text: str):
    """Every public encoding at hand makes at least as many tokens of a text as it has words by the lower bound."""
    for name in ("o200k_base", "cl100k_base", "o200k_harmony", "qwen3.5"):
        measure = encoding_of(name)
        assert measure is not None
        assert measure([text]) >= words(text)


CODE = "*/\n//*\n/ x\n\n) ;\n//a b\t\tc  \n d,e f;\r\ng  'h' i"


def test_the_lower_bound_holds_for_code():
    """Signs that encodings join over line ends are not counted as words."""
    for name in ("o200k_base", "cl100k_base", "qwen3.5"):
        measure = encoding_of(name)
        assert measure is not None
        assert measure([CODE]) >= words(CODE)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "a " * 200}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a " * 200}]}]},
        {"system": "a " * 100, "messages": [{"role": "user", "content": "a " * 100}]},
        {"system": [{"type": "text", "text": "a " * 200}], "messages": []},
    ],
)
def test_surely_too_long(body):
    """The text of either dialect is found wherever it stands, and the bound is told."""
    assert surely_exceeds(json.dumps(body).encode(), 100) == 200
    assert surely_exceeds(json.dumps(body).encode(), 190) == 0, "windows are rounded by a sixteenth"


def test_counted_where_words_are_few():
    """With a public encoding a text of long words is counted, and told exactly."""
    raw = json.dumps({"messages": [{"role": "user", "content": "antidisestablishmentarianism " * 80}]}).encode()
    assert surely_exceeds(raw, 200) == 0
    assert surely_exceeds(raw, 200, "o200k_base") > 400


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON " * 500,
        b"[" * 5000,
        json.dumps({"messages": [{"role": "user", "content": [{"type": "image", "data": "a b " * 500}]}]}).encode(),
        json.dumps({"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "a b " * 500}]}]}).encode(),
        json.dumps({"messages": [{"role": "user", "content": "x"}], "metadata": {"note": "a b " * 500}}).encode(),
        json.dumps({"messages": [{"role": "user", "content": 7}]}).encode(),
    ],
)
def test_never_sure_of_what_is_no_text(body: bytes):
    """What is no text of the conversation, or no conversation at all, is nobody's business here."""
    assert surely_exceeds(body, 100) == 0


def attempt(tokens: int, model: str = "claude-opus-5", source: str = "provider") -> Attempt:
    """An answered attempt with so many input tokens."""
    return Attempt("r.1", "a/m", "anthropic", model, 0, usage=Usage(input=tokens), usage_source=source)


def test_answers_calibrate_the_estimate():
    """What providers report moves the estimate of that model towards it, and of no other."""
    calibration, prompt = Calibration(), Prompt((Message("user", "word " * 1000),))
    before = calibration.count(prompt, "anthropic", "claude-opus-5").tokens
    for _ in range(8):
        calibration.note(prompt, attempt(2 * before))
    after = calibration.count(prompt, "anthropic", "claude-opus-5")
    assert after.tokens == pytest.approx(2 * before, rel=0.01)
    assert after.method == "estimate, calibrated by 8 answers"
    assert calibration.count(prompt, "anthropic", "claude-fable-5").tokens == before


def test_ratios_are_kept_of_so_many_models():
    """Of more models than that the oldest ratio is forgotten: some servers answer by any name that callers think of."""
    calibration, prompt = Calibration(), Prompt((Message("user", "word " * 1000),))
    plain = calibration.count(prompt, "anthropic", "claude-0").tokens
    for number in range(MOST + 1):
        calibration.note(prompt, attempt(2 * plain, f"claude-{number}"))
    counted = [calibration.count(prompt, "anthropic", f"claude-{number}").tokens for number in (0, 1, MOST)]
    assert counted == [plain, pytest.approx(2 * plain, rel=0.01), pytest.approx(2 * plain, rel=0.01)]


def test_nonsense_does_not_calibrate():
    """Usage that is our own estimate, far out of bounds, or of more than text teaches nothing."""
    calibration, prompt = Calibration(), Prompt((Message("user", "word " * 1000),))
    before = calibration.count(prompt, "anthropic", "claude-opus-5")
    calibration.note(prompt, attempt(2 * before.tokens, source="estimated"))
    calibration.note(prompt, attempt(100 * before.tokens))
    calibration.note(Prompt(prompt.messages, tools=(Tool("look"),)), attempt(2 * before.tokens))
    assert calibration.count(prompt, "anthropic", "claude-opus-5") == before


def test_an_answer_loads_no_encoding():
    """Calibrating is done beside every call, so it never loads an encoding, which takes half a second."""
    code = """
import sys
from stormkeel.ledger.calibration import Calibration
from stormkeel.types.attempt import Attempt
from stormkeel.types.content import Message
from stormkeel.types.prompt import Prompt
from stormkeel.types.usage import Usage
last = Attempt("r.1", "a/m", "openai", "gpt-4o", 0, usage=Usage(input=9), usage_source="provider")
Calibration().note(Prompt((Message("user", "Hello"),)), last)
print("toktok" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

"""What the comparison says of the SDKs is what these versions of them do."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import anthropic
import openai
import pytest
from anthropic import _constants as of_anthropic
from openai import _constants as of_openai

from stormkeel.sandbox import Sandbox, SandboxSettings, start

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
MEASURED = json.loads((ROOT / "docs" / "measured" / "demo.json").read_text(encoding="utf-8"))
Ask = Callable[[Sandbox, str], Awaitable[str]]


def test_the_versions_are_the_ones_compared() -> None:
    """The page, the measured figures and what is installed are of the same versions of the SDKs."""
    installed = {name: version(name) for name in ("openai", "anthropic")}
    assert re.search(r"`openai`\s+([\d.]+) and `anthropic` ([\d.]+);", PAGE).groups() == tuple(installed.values())  # type: ignore[union-attr]
    assert MEASURED["versions"] == installed


def test_the_figures_are_their_own() -> None:
    """Tries, backoff, patience with a Retry-After and timeouts are those of the SDKs' own constants."""
    for known in (of_openai, of_anthropic):
        assert (known.DEFAULT_MAX_RETRIES, known.INITIAL_RETRY_DELAY, known.MAX_RETRY_DELAY) == (2, 0.5, 8.0)
        assert (known.DEFAULT_TIMEOUT.read, known.DEFAULT_TIMEOUT.connect) == (600, 5.0)
    assert of_openai.MAX_RETRY_AFTER_DELAY == 120
    assert not hasattr(of_anthropic, "MAX_RETRY_AFTER_DELAY")


def question(fault: str) -> list[dict[str, str]]:
    """Return a question that the sandbox answers with a fault."""
    return [{"role": "user", "content": f"Hello\nsandbox: {json.dumps({'fault': fault})}"}]


async def by_openai(sandbox: Sandbox, fault: str) -> str:
    """Stream by OpenAI's SDK, and return how it ended."""
    async with openai.AsyncOpenAI(base_url=f"{sandbox.url}/v1", api_key="sk-any", max_retries=0) as client:
        stream = await client.chat.completions.create(model="gpt-5.4-mini", messages=question(fault), stream=True)  # type: ignore[arg-type]
        events = [event async for event in stream]
        return str(events[-1].choices[0].finish_reason)


async def by_anthropic(sandbox: Sandbox, fault: str) -> str:
    """Stream by Anthropic's SDK, and return how it ended."""
    async with (
        anthropic.AsyncAnthropic(base_url=sandbox.url, api_key="sk-any", max_retries=0) as client,
        client.messages.stream(model="claude-haiku-4-5", max_tokens=99, messages=question(fault)) as stream,  # type: ignore[arg-type]
    ):
        return str((await stream.get_final_message()).stop_reason)


def ended(ask: Ask, fault: str) -> str:
    """Ask a sandbox, and return how it ended."""

    async def main() -> str:
        async with asyncio.timeout(30), await start(SandboxSettings()) as sandbox:
            return await ask(sandbox, fault)

    return asyncio.run(main())


@pytest.mark.parametrize("ask", [by_openai, by_anthropic])
def test_a_stream_that_ends_early_in_order_is_taken_for_whole(ask: Ask) -> None:
    """Neither SDK says a word of a stream whose HTTP ends in order before its terminal event."""
    assert ended(ask, "cut_clean:at=0.5") == "None"


@pytest.mark.parametrize("ask", [by_openai, by_anthropic])
def test_broken_json_is_no_error_of_the_sdk(ask: Ask) -> None:
    """Broken JSON under a 200 is raised as the JSON reader's own error."""
    with pytest.raises(json.JSONDecodeError):
        ended(ask, "malformed")


def test_an_error_inside_a_stream_has_no_status_that_tells() -> None:
    """OpenAI's SDK raises a plain APIError, Anthropic's an APIStatusError of status 200."""
    with pytest.raises(openai.APIError) as plain:
        ended(by_openai, "stream_error:after=3")
    assert not hasattr(plain.value, "status_code")
    with pytest.raises(anthropic.APIStatusError) as odd:
        ended(by_anthropic, "stream_error:after=3")
    assert odd.value.status_code == 200


def test_every_claim_of_the_measured_run_held() -> None:
    """The figures on the page are of a run that passed."""
    assert MEASURED["claims"]
    assert [claim for claim in MEASURED["claims"] if not claim["holds"]] == []

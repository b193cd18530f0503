"""The examples of the library's guide are run, in their order, as one program against the sandbox.

A comment before an example says what the sandbox is to answer; that is added to the example's first prompt, and nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from client_stage import PATIENT, provided, written

GUIDE = Path(__file__).parents[2] / "docs" / "library.md"
EXAMPLE = re.compile(r"<!-- example: (.*?) -->\n```python\n(.*?)```", re.DOTALL)
PROMPT = re.compile(r'(client\.\w+\(\s*)"([^"]*)"')


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Every example of the guide runs, and prints what it says it prints."""
    examples = EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(examples) >= 6
    (tmp_path / "lighthouse.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (tmp_path / "report.txt").write_text("It stands.")
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "example"}
    with provided() as provider:
        (tmp_path / "stormkeel.toml").write_text(written(provider.url, tmp_path, PATIENT))
        for wish, code in examples:
            told = PROMPT.sub(lambda found, wish=wish: f"{found[1]}{found[2] + chr(10) + 'sandbox: ' + wish!r}", code, count=1)
            exec(compile(told, str(GUIDE), "exec", dont_inherit=True), space)
        space["client"].close()
    printed = capsys.readouterr().out
    assert "weather {\"place\":\"Bergen\"} {'place': 'Bergen', 'days': 1}" in printed.replace('": "', '":"')
    assert "\n4\n" in printed
    assert "openai/gpt-5.4-mini 400000 128000 0.75 4.5" in printed

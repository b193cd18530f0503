"""The guide to guards does what it says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "resilience.md"


def test_the_examples_of_the_guide_run():
    """Each example of docs/resilience.md runs, one after the other, and what it claims holds."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert len(blocks) >= 7
    space = {"__name__": "guide"}
    for block in blocks:
        line = text[: block.start()].count("\n") + 1
        exec(compile("\n" * line + block[1], str(PAGE), "exec"), space)

"""Each how-to works as it is written."""

import re
from pathlib import Path

import pytest
import yaml
from page_stage import blocks, run_page

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
PAGES = sorted(page for page in HOWTO.glob("*.md") if page.name != "index.md")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_how_to_runs(page: Path, tmp_path: Path) -> None:
    """Each command of the page succeeds and prints what the page shows, in an empty folder and environment."""
    folder = tmp_path / "page"
    folder.mkdir()
    assert run_page(page, folder) > 0


def test_every_how_to_is_in_the_index() -> None:
    """The index links each page once, and each page asks its question in its title."""
    index = (HOWTO / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", index)) == [page.name for page in PAGES]
    assert [page.name for page in PAGES if not re.match(r"# .*\?\n", page.read_text(encoding="utf-8"))] == []


def test_the_alerts_are_rules_over_metrics_that_exist() -> None:
    """The alert rules are YAML of Prometheus' shape, and each metric in them is one that the gateway shows."""
    text = next(block.text for block in blocks((HOWTO / "observe.md").read_text(encoding="utf-8")) if block.language == "yaml")
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    told = re.findall(
        r"^\| `(stormkeel_\w+)`", (HOWTO.parent / "reference" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    shown = {*told, *(f"{name}_bucket" for name in told)}  # that these are all is test_docs.py's to see
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        used = re.findall(r"stormkeel_\w+", rule["expr"])
        assert used, rule["alert"]
        assert [name for name in used if name not in shown] == [], rule["alert"]

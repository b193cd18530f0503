"""The first half hour goes as it is told."""

import re
from pathlib import Path

import pytest
from page_stage import Shell, blocks, free_ports, pattern, run_page, script_of

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_the_half_hour_runs_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    """Each command of the tutorial succeeds and prints what the page shows, in an empty folder and environment."""
    folder = tmp_path / "page"
    folder.mkdir()
    assert run_page(TUTORIAL, folder) > 20


def test_the_sixty_seconds_work(tmp_path: Path) -> None:
    """What the README does with a key in the environment works, with a sandbox where the key leads."""
    ports, folder = free_ports(), tmp_path / "page"
    folder.mkdir()
    places = {"OPENAI_API_KEY": "sk-any-0123456789", "OPENAI_BASE_URL": f"http://127.0.0.1:{ports['8400']}/v1"}
    with Shell(folder, {**places, "STORMKEEL_SERVER__PORT": ports["8787"]}) as shell:
        shell.run(f"stormkeel sandbox --port {ports['8400']} &", pattern("sandbox ready at ..."))
        scripts = [script_of(block, folder) for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"))]
        assert "make demo" in scripts[0]  # has a test of its own
        printed = [shell.run(script) for script in scripts[1:3]]
        assert "Decimal" not in printed[0] and printed[0].endswith(" 1\n")
        assert "gpt-5.4-mini" in printed[1]
        shell.run(scripts[3].replace("8787", ports["8787"]), pattern("gateway ready at ..."))


def test_what_a_page_shows_is_compared_word_by_word() -> None:
    """A shown output stands for itself but for ids, times and what the page leaves out by `...`."""
    shown = pattern("req_1 took 0.21 s, cost $0.21\nleft out: ...\n...\nend")
    assert shown.fullmatch("req_ab9 took 1.5 s,   cost $0.21\nleft out: a b\nmore\nand more\nend\n")
    for wrong in ("req_1 took 0.21 s, cost $0.22\nleft out: a\nend\n", "req_1 took 0.21 s, cost $0.21\nend\n"):
        assert not shown.fullmatch(wrong)


def test_an_output_belongs_to_the_block_right_before_it() -> None:
    """Only a text block with no words between is what a block prints; drawings are no outputs."""
    page = "```sh\na\n```\n\n```text\nA\n```\n\n```python\nb\n```\nwords\n```text\nB\n```\n"
    assert [(block.text, block.shown, block.line) for block in blocks(page)] == [("a\n", "A\n", 2), ("b\n", None, 10)]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("```sh\nfalse\necho on\n```\n", "failed: false"),
        ("```sh\nls nowhere | cat\n```\n", "failed: "),
        ("```sh\necho one\n```\n```text\ntwo\n```\n", "it printed\none"),
        ("```python\nraise SystemExit(3)\n```\n", "failed: python block.py"),
    ],
)
def test_a_page_that_does_not_do_what_it_says_fails(tmp_path: Path, block: str, why: str) -> None:
    """A command that fails, anywhere in a block or a pipe, and an output that differs, each fail the page with its line."""
    folder, page = tmp_path / "page", tmp_path / "page.md"
    folder.mkdir()
    page.write_text(block, encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(why)) as failed:
        run_page(page, folder)
    assert str(failed.value).startswith("page.md:2: ")

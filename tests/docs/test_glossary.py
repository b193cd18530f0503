"""The code speaks by the glossary."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "stormkeel"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ALLOWED = {
    "chunk": ("dialects/openai_chat/", "sandbox/openai/", "runtime/http1", "runtime/serve/"),  # OpenAI's type, HTTP's coding
    "container": ("sandbox/anthropic/",),  # a field of Anthropic's wire format
    "transformation": ("sandbox/anthropic/",),  # likewise
}
"""Where a word is somebody else's and means something else."""


def unwanted() -> set[str]:
    """Return the words the glossary does not want: those in code of its last column, and of its last sentence."""
    rows = re.findall(r"^\| \*\*.*\| ([^|]*) \|$", GLOSSARY, re.MULTILINE)
    return {word for text in [*rows, GLOSSARY.rpartition("There is no")[2]] for word in re.findall(r"`(\w+)`", text)}


def names(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module gives to things."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def words(name: str) -> set[str]:
    """Return the words of a name in either case, a plural also without its s."""
    found = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return found | {word.removesuffix("s") for word in found}


def test_words_are_taken_apart() -> None:
    """Names of either case, private and plural ones too, are seen as their words."""
    assert words("_ReadChunks") == {"read", "chunks", "chunk"}
    assert words("on_chunk2") | words("CHUNK_SIZE") == {"on", "chunk", "size"}


def test_no_name_is_a_word_the_glossary_does_not_want() -> None:
    """No module, class, function, argument or variable is called by a word that the glossary replaces."""
    barred = unwanted()
    assert {"chunk", "hook", "util"} <= barred
    wrong = []
    for path in SOURCES.rglob("*.py"):
        place = str(path.relative_to(SOURCES))
        for name in {path.stem, *names(ast.parse(path.read_text(encoding="utf-8")))}:
            for word in words(name) & barred:
                if not place.startswith(ALLOWED.get(word, ("no such place",))):
                    wrong.append(f"{place}: {name}")
    assert wrong == []

"""The embeddings' part of the run: OpenAI's SDK and Google's, against both providers of vectors, beside what each provider itself gives.

Never compares a vector with one of another run: the provider is asked for it directly, by its own SDK, in the same breath.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import by_chat
import by_gemini
import openai
from google import genai
from google.genai import types
from judge import RED, TELLS, WORKS, Verdict
from matrix import Cell, Room, lost_of, rooms

MODELS = {"chat": "text-embedding-3-small", "gemini": "gemini-embedding-001"}
"""The model that makes vectors, by the provider."""
CASES: dict[str, tuple[list[str], int | None]] = {
    "one text": (["A reef."], None),
    "two texts": (["A reef.", "No bottom."], None),
    "vectors of 64 numbers": (["A reef.", "No bottom."], 64),
}
"""What is asked for: texts, and how many numbers each vector is to have."""
PAIRS = [(client, upstream) for client in MODELS for upstream in MODELS]
Vectors = list[list[float]]


def cells() -> list[Cell]:
    """Return the cells, of async and of blocking clients; vectors have no streams."""
    return [Cell(client, upstream, case, sync=sync) for client, upstream in PAIRS for case in CASES for sync in (False, True)]


def _given(client: str, model: str, case: str) -> dict[str, Any]:
    texts, length = CASES[case]
    if client == "chat":
        return {"model": model, "input": texts} | ({"dimensions": length} if length else {})
    return {"model": model, "contents": texts, "config": types.EmbedContentConfig(output_dimensionality=length)}


def _method(client: str, sdk: Any) -> Callable[..., Any]:
    return sdk.embeddings.create if client == "chat" else sdk.models.embed_content


def _vectors(client: str, done: Any) -> Vectors:
    """The numbers; OpenAI's SDK asks for them in base64 and unpacks them."""
    if client == "gemini":
        return [one.values for one in done.embeddings]
    assert [one.index for one in done.data] == list(range(len(done.data)))
    return [one.embedding for one in done.data]


def _direct(upstream: str, url: str) -> Any:
    """The provider's own SDK, at the provider."""
    if upstream == "chat":
        return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-any", max_retries=0)
    return genai.Client(api_key="sk-any", http_options=types.HttpOptions(base_url=url))


async def _find(room: Room, cell: Cell) -> Verdict:
    try:
        given = _given(
            cell.client, f"{'openai' if cell.upstream == 'chat' else cell.upstream}/{MODELS[cell.upstream]}", cell.case
        )
        done, heard = await room.call(lambda sdk: _method(cell.client, sdk), given, sync=cell.sync)
        own = _given(cell.upstream, MODELS[cell.upstream], cell.case)
        direct = _direct(cell.upstream, room.stage.sandbox.url)  # held, for Google's closes itself when nobody does
        wanted = _vectors(cell.upstream, await asyncio.to_thread(_method(cell.upstream, direct), **own))
        direct.close()
    except Exception as error:
        return Verdict(cell, RED, why=f"{type(error).__name__}: {error}"[:600])
    if (got := _vectors(cell.client, done)) != wanted:
        return Verdict(cell, RED, why=f"{[len(one) for one in got]} numbers, not the provider's {[len(one) for one in wanted]}")
    lost = lost_of(heard)
    return Verdict(cell, TELLS if lost else WORKS, lost)


async def run(folder: Path, told: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
    """Play all cells, one after the other; each verdict is told as it comes."""
    found = []
    async with rooms(folder, tuple(MODELS)) as opened:
        for cell in cells():
            found.append(await _find(opened[cell.client], cell))
            told(found[-1])
    return found


TITLES = {"chat": (by_chat.SDK, "OpenAI"), "gemini": (by_gemini.SDK, by_gemini.TITLE)}


def section(verdicts: list[Verdict], shown: Callable[[Verdict], str]) -> str:
    """Return the embeddings' part of the page."""
    found = {(one.cell.client, one.cell.upstream, one.cell.case): one for one in verdicts if not one.cell.sync}
    heads = [f"`{TITLES[client][0]}`, from {TITLES[upstream][1]}" for client, upstream in PAIRS]
    lines = [
        "## Embeddings", "", "The vectors are the provider's own, number by number. Anthropic has none.", "",
        f"| asked for | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}",
    ]  # fmt: skip
    lines += [f"| {case} | {' | '.join(shown(found[client, upstream, case]) for client, upstream in PAIRS)} |" for case in CASES]
    return "\n".join(lines) + "\n"

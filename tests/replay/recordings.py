"""Recorded provider traffic: where it lies, and how it is read.

Never copies a recording into the project, and never passes over its absence in silence: `ABSENT` is told in the run's last lines.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("STORMKEEL_RECORDINGS") or ROOT.parent / "shared" / "recordings")
ABSENT: set[str] = set()
"""Files that were asked for and are not there."""


@cache
def recordings(dialect: str) -> tuple[dict[str, Any], ...]:
    """Return the recorded exchanges of a dialect, oldest first, none where the file is absent."""
    path = FOLDER / f"{dialect}.jsonl"
    if not path.is_file():
        ABSENT.add(str(path))
        return ()
    return tuple(json.loads(line) for line in path.read_text("utf-8").split("\n") if line)


def requests(dialect: str) -> list[bytes]:
    """Return the recorded request bodies, written as the SDKs write them: compact UTF-8."""
    return [json.dumps(row["request"], ensure_ascii=False, separators=(",", ":")).encode() for row in recordings(dialect)]


def answers(dialect: str) -> list[tuple[int, dict[str, Any]]]:
    """Return (status, body) of the recorded exchanges that were not streamed."""
    return [(row["status"], row["response"]) for row in recordings(dialect) if isinstance(row["response"], dict)]


def streams(dialect: str) -> list[bytes]:
    """Return the bytes of the recorded streams, each once, without the damaged ones."""
    return [stream for stream in _streams(dialect) if damage(stream) is None]


def damaged_streams(dialect: str) -> list[bytes]:
    """Return the streams with an event that is no JSON: mail addresses were replaced, in one stream an escape went with them."""
    return [stream for stream in _streams(dialect) if damage(stream) is not None]


def damage(stream: bytes) -> int | None:
    """Return where the first event that is no JSON stands, None where there is none."""
    position = 0
    for line in stream.split(b"\n"):
        if line.startswith(b"data: {"):
            try:
                json.loads(line[6:])
            except ValueError:
                return position
        position += len(line) + 1
    return None


def _streams(dialect: str) -> list[bytes]:
    texts = (row["response_text"] for row in recordings(dialect) if row["response_text"])
    return list(dict.fromkeys(text.encode() for text in texts if "data:" in text[:2000]))

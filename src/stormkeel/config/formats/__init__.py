"""The formats a configuration may be written in, by the suffix of its file: bytes in, a document with places out.

Never reads a file and never knows what a setting means.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath

from .document import Document, Unreadable, text_of

FORMATS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
"""The module that reads a suffix; each is imported when a file of it is read."""
USUAL = tuple(f"stormkeel{suffix}" for suffix in FORMATS)
"""What a configuration in the working directory is called."""


def parse(raw: bytes, name: str) -> Document:
    """Read a file's bytes by the suffix of its name.

    Raises:
        Unreadable: it is none of its format, or nobody knows the suffix.
    """
    suffix = PurePath(name).suffix
    if suffix.lower() not in FORMATS:
        shown = f'the suffix "{suffix}" names no format' if suffix else "its name has no suffix to tell the format by"
        raise Unreadable(None, f"{shown}; use one of {', '.join(FORMATS)}")
    read: Callable[[str], Document] = import_module(f".{FORMATS[suffix.lower()]}", __name__).parse
    return read(text_of(raw))

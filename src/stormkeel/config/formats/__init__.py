"""The formats a configuration may be written in, by the suffix of its file: bytes in, a document with places out.

Never reads a file and never knows what a setting means.
"""

from __future__ import annotations

from pathlib import PurePath

from .document import Document, Unreadable, text_of


def parse(raw: bytes, name: str) -> Document:
    """Read a file's bytes by the suffix of its name; TOML where it has none.

    Raises:
        Unreadable: it is none of its format, or nobody knows the suffix.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in {".toml", ""}:
        raise Unreadable(None, f'nobody knows the format "{suffix}"; name the file .toml')
    from .toml import parse as read

    return read(text_of(raw))

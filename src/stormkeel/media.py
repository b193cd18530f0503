"""Media: pictures, documents and sound for a message, from files, bytes or addresses, their kind known by their first bytes.

Never fetches an address (the provider does) and never changes or shrinks what it is given.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import TypeAlias

from .errors import InvalidRequestError
from .types.content import Audio, CacheLife, File, Image

Source: TypeAlias = str | Path | bytes | bytearray | memoryview
"""A path, an http(s) address, a data: URL, or the bytes themselves."""

MOST = 24 * 1024 * 1024
"""Bytes of one picture, document or sound: in base64 they are a third more, and the smallest limit of a whole body is 32 MB
(docs/wire.md, Anthropic messages)."""

IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF87a": "image/gif", b"GIF89a": "image/gif"}
SOUNDS = {b"ID3": "mp3", b"\xff\xfb": "mp3", b"\xff\xf3": "mp3", b"\xff\xf2": "mp3", b"fLaC": "flac", b"OggS": "ogg"}
"""What files of each kind begin with; WebP and WAV are told by their place in a RIFF file."""


def image(source: Source, *, detail: str = "", cache: CacheLife = "") -> Image:
    """Return a picture: PNG, JPEG, GIF or WebP, which every provider takes; or an address the provider is to fetch.

    Args:
        source: a path, an http(s) address, a data: URL, or bytes.
        detail: how closely it is looked at: "low", "high", "auto" or "original"; "" leaves it to the provider.
        cache: mark the prompt up to here for the provider's cache.

    Raises:
        InvalidRequestError: it can't be read, is empty, too large, or no such picture.
    """
    if _is_address(source):
        return Image(url=str(source), detail=detail, cache=cache)
    name, raw = _read(source)
    media = _find(raw, IMAGES) or ("image/webp" if _riff(raw) == b"WEBP" else "")
    if not media:
        raise InvalidRequestError(f'"{name}" is no PNG, JPEG, GIF or WebP picture, by its first bytes')
    return Image(media, _text(raw), detail=detail, cache=cache)


def file(source: Source, *, name: str = "", cache: CacheLife = "") -> File:
    """Return a document: PDF, or text in UTF-8; or an address the provider is to fetch.

    Args:
        source, cache: as for `image`.
        name: what the model knows it by; the file's own where it has one.

    Raises:
        InvalidRequestError: it can't be read, is empty, too large, or neither.
    """
    if _is_address(source):
        return File(url=str(source), name=name, cache=cache)
    told, raw = _read(source)
    called = name or (Path(told).name if isinstance(source, str | Path) and not told.startswith("data:") else "")
    if b"%PDF-" in raw[:1024]:
        return File("application/pdf", _text(raw), name=called, cache=cache)
    if not _is_utf8(raw):
        raise InvalidRequestError(f'"{told}" is neither a PDF nor text in UTF-8, which is what models take as a document')
    return File("text/plain", _text(raw), name=called, cache=cache)


def audio(source: Source) -> Audio:
    """Return sound: WAV, MP3, FLAC or Ogg.

    Args:
        source: a path, a data: URL, or bytes.

    Raises:
        InvalidRequestError: it can't be read, is empty, too large, or no such sound.
    """
    if _is_address(source):
        raise InvalidRequestError(f'"{source!s}" is an address, and no provider fetches sound: give a file or bytes')
    name, raw = _read(source)
    kind = "wav" if _riff(raw) == b"WAVE" else _find(raw, SOUNDS)
    if not kind:
        raise InvalidRequestError(f'"{name}" is no WAV, MP3, FLAC or Ogg sound, by its first bytes')
    return Audio(kind, _text(raw))


def _is_address(source: Source) -> bool:
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def _read(source: Source) -> tuple[str, bytes]:
    """Return what to call it, and its bytes."""
    if isinstance(source, bytes | bytearray | memoryview):
        name, raw = f"{len(source)} bytes", bytes(source)
    elif isinstance(source, str) and source.startswith("data:"):
        name, raw = "data: URL", _decoded(source)
    else:
        name, raw = str(source), _opened(Path(source).expanduser())
    if not raw:
        raise InvalidRequestError(f'"{name}" is empty')
    if len(raw) > MOST:
        raise InvalidRequestError(f'"{name}" is larger than {MOST:,} bytes, the most that fits into a request')
    return name, raw


def _opened(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(MOST + 1)
    except OSError as error:
        raise InvalidRequestError(f'"{path}" can\'t be read: {error.strerror or error}') from None


def _decoded(url: str) -> bytes:
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise InvalidRequestError("a data: URL must hold base64, as in data:image/png;base64,...")
    try:
        return b64decode(data, validate=True)
    except Base64Error:
        raise InvalidRequestError("the base64 of the data: URL is broken") from None


def _find(raw: bytes, known: dict[bytes, str]) -> str:
    return next((kind for mark, kind in known.items() if raw.startswith(mark)), "")


def _riff(raw: bytes) -> bytes:
    return raw[8:12] if raw.startswith(b"RIFF") else b""


def _is_utf8(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()

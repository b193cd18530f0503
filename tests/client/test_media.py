"""Pictures, documents and sound: known by their first bytes, refused with the reason."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from stormkeel import media
from stormkeel.errors import InvalidRequestError
from stormkeel.media import audio, file, image
from stormkeel.types.content import File, Image

REST = bytes(range(32))


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_pictures(begins: bytes, kind: str, tmp_path: Path):
    """A picture is the same from bytes, a path, a name and a data: URL, whatever its name says."""
    raw = begins + REST
    (tmp_path / "picture.txt").write_bytes(raw)
    url = f"data:image/unknown;base64,{b64encode(raw).decode()}"
    for source in (raw, bytearray(raw), memoryview(raw), tmp_path / "picture.txt", str(tmp_path / "picture.txt"), url):
        made = image(source, detail="low", cache="short")
        assert (made.media_type, b64decode(made.data), made.detail, made.cache) == (kind, raw, "low", "short")


@pytest.mark.parametrize(
    ("begins", "kind"),
    [(b"RIFF\x10\0\0\0WAVE", "wav"), (b"ID3\x04", "mp3"), (b"\xff\xfb\x90", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg")],
)
def test_sounds(begins: bytes, kind: str):
    """Sound is known by its first bytes."""
    assert audio(begins + REST).format == kind


def test_documents(tmp_path: Path):
    """A PDF and a text keep their names."""
    (tmp_path / "a.bin").write_bytes(b"%PDF-1.7" + REST)
    assert file(tmp_path / "a.bin") == File("application/pdf", b64encode(b"%PDF-1.7" + REST).decode(), name="a.bin")
    assert file("grüße".encode(), name="b.txt").media_type == "text/plain"


def test_addresses():
    """An address is left to the provider, where it fetches any."""
    assert image("https://example.com/a.png") == Image(url="https://example.com/a.png")
    assert file("HTTP://example.com/a.pdf").url == "HTTP://example.com/a.pdf"
    with pytest.raises(InvalidRequestError, match="no provider fetches sound"):
        audio("https://example.com/a.wav")


@pytest.mark.parametrize(
    ("make", "source", "words"),
    [
        (image, b"BM" + REST, "no PNG"),
        (image, b"", "empty"),
        (image, "/nowhere/a.png", "No such file"),
        (image, "data:image/png,abc", "base64"),
        (image, "data:image/png;base64,a?b", "broken"),
        (file, b"\0\1\2\xff", "neither a PDF"),
        (file, "/", "can't be read"),
        (audio, b"%PDF-1.7" + REST, "no WAV"),
    ],
)
def test_what_it_is_not(make, source, words: str):
    """What can't be taken says what it is, and no byte of it."""
    with pytest.raises(InvalidRequestError, match=words):
        make(source)


def test_too_large(tmp_path: Path):
    """What could never fit into a request is refused by size, without reading all of a file."""
    with pytest.raises(InvalidRequestError, match="larger"):
        image(bytes(media.MOST + 1))
    with (tmp_path / "huge.png").open("wb") as huge:
        huge.truncate(1 << 33)
    with pytest.raises(InvalidRequestError, match="larger"):
        image(tmp_path / "huge.png")

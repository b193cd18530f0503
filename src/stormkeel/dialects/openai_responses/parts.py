"""The parts of a request's items, read: texts, pictures, files, sound.

Never reads an item. What lies with OpenAI alone (an uploaded file) is refused by its path.
"""

from __future__ import annotations

from collections.abc import Callable

from ...types.content import Audio, CacheLife, File, Image, Part, Refusal, Text
from ..fields import Fields, Kinds, bound, data_at, read_part, wrong

DETAILS = ("auto", "low", "high", "original")
LONG = "12h"  # the lifetime of a cache mark beyond the default one

SUFFIXES = {".pdf": "application/pdf", ".txt": "text/plain"}
"""Media types of files that came as bare base64, by their names."""

INPUTS = ("input_text", "input_image", "input_file", "input_audio")
HEARD = (*INPUTS, "output_text")
TOLD = ("input_text", "output_text")
ANSWERED = ("output_text", "refusal", "input_text")
SHOWN = ("input_text", "input_image", "input_file", "output_text")
"""What may stand in whose content: a user's, an instruction's, an answer's, a tool's."""


def read_content(item: Fields, name: str, kinds: tuple[str, ...]) -> str | tuple[Part, ...]:
    """Return a content: a text, or its parts."""
    told = item.look(name)
    if isinstance(told, str):
        return item.need(name, str)
    if told is None:
        raise wrong(item.at(name), 'it is missing: add a text or a list of parts; "" stands for nothing', "missing_field")
    if not isinstance(told, list):
        raise wrong(item.at(name), "expected a text or a list of parts", "invalid_type")
    return tuple(read_part(part, kinds, _PARTS) for part in item.inners(name))


def parts_of(content: str | tuple[Part, ...]) -> tuple[Part, ...]:
    """Return a content as parts, none for no text."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return content


def _text(part: Fields) -> Part:
    return Text(part.need("text", str), _cache(part))


def _refusal(part: Fields) -> Part:
    return Refusal(part.need("refusal", str))


def _image(part: Fields) -> Part:
    _refuse_upload(part, "image_url")
    url, detail, cache = part.need("image_url", str), part.choose("detail", DETAILS), _cache(part)
    if is_address(url):
        return Image(url=url, detail=detail, cache=cache)
    media_type, data = _split(url, part.at("image_url"))
    return Image(media_type, data, detail=detail, cache=cache)


def _file(part: Fields) -> Part:
    _refuse_upload(part, "file_data")
    name, cache = part.take("filename", str) or "", _cache(part)
    if part.look("detail") == "auto":
        part.skip("detail")
    if part.has("file_url"):
        return File(url=part.need("file_url", str), name=name, cache=cache)
    data = part.need("file_data", str)
    known = next((kind for suffix, kind in SUFFIXES.items() if name.lower().endswith(suffix)), "")
    if known and data[:5].lower() != "data:":
        return File(known, data_at(part.at("file_data"), data), name=name, cache=cache)
    media_type, data = _split(data, part.at("file_data"))
    return File(media_type, data, name=name, cache=cache)


def _audio(part: Fields) -> Part:
    audio = part.need_inner("input_audio")
    made = Audio(audio.need("format", str), data_at(audio.at("data"), audio.need("data", str)))
    audio.close()
    return made


_READERS: dict[str, Callable[[Fields], Part]] = {
    "input_text": _text, "output_text": _text, "refusal": _refusal, "input_image": _image, "input_file": _file,
    "input_audio": _audio,
}  # fmt: skip
_PARTS = Kinds(_READERS, frozenset({"computer_screenshot", "input_video", "reasoning_text", "summary_text", "text"}))


def _cache(fields: Fields) -> CacheLife:
    mark = fields.inner("prompt_cache_breakpoint")
    if mark is None:
        return ""
    mark.take("mode", str)
    ttl = mark.take("ttl", str)
    mark.close()
    return "long" if ttl == LONG else "short"


def _refuse_upload(part: Fields, instead: str) -> None:
    if part.has("file_id"):
        raise bound(part.at("file_id"), f'the file lies with its provider only; send its data as "{instead}"')


def is_address(url: str) -> bool:
    """Is it an address on the web, not the data itself?"""
    return url[:8].lower().startswith(("http://", "https://"))


def _split(url: str, path: str) -> tuple[str, str]:
    """Return media type and base64 text of a data: URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    scheme, _, rest = head.lower().partition(":")  # the case of none of it means anything
    media_type, *options = rest.split(";")
    if not (scheme == "data" and comma and options and options[-1].strip() == "base64" and media_type and data):
        raise wrong(path, 'expected an address, or data as in "data:image/png;base64,..."')
    return media_type, data_at(path, data)

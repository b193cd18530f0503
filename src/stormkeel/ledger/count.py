"""Counting a prompt's tokens before anybody is asked: by its model's public encoding where there is one, else by bytes.

Never passes an estimate off as a count: `TokenCount.is_exact` says which, `method` says how. The encodings are in the package
`toktok-rs` (the extra `tokens`), which holds its vocabularies and asks no network; without it everything is an estimate.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ..catalog.families import Family
from ..types.content import Audio, File, Image, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from ..types.embedding import Texts
from ..types.prompt import Prompt

DOCUMENT = 3_000
"""Tokens of a document whose pages nobody has counted: two pages of text with their pictures (Anthropic names 1,500 to 3,000 a
page, in its guide to PDF support)."""
SOUND_BYTES = 3_200
"""Bytes of sound a token stands for: ten tokens a second of 16-bit sound at 16 kHz (OpenAI, guide to audio)."""
TOOL = 8  # tokens around a tool's own text

BY_BYTES = "estimate"  # the methods' names
BY_PROVIDER = "provider"

Measure = Callable[[Sequence[str]], float]


class TokenCount(msgspec.Struct, frozen=True):
    """How many input tokens a prompt has.

    Attributes:
        tokens: the number.
        is_exact: is it what the provider will count, to the token?
        method: how it was found: "provider" by the provider's own count, an encoding's name, or "estimate" with how many answers
            calibrated it; where the provider was to count and did not, why not, before that.
    """

    tokens: int
    is_exact: bool
    method: str


class _Found(msgspec.Struct):
    """What of a prompt counts: its texts, and tokens for what is no text."""

    texts: list[str]
    beside: float = 0.0
    is_plain: bool = True


def count(prompt: Prompt, family: Family, ratio: float = 1.0) -> TokenCount:
    """Count a prompt's input tokens.

    Args:
        prompt: what is asked.
        family: of the model that will be asked.
        ratio: what providers reported so far, to what was estimated by bytes; not used where an encoding counts.
    """
    measure = encoding_of(family.encoding)
    if measure is None:
        return TokenCount(round(ratio * by_bytes(prompt, family)), False, BY_BYTES)
    found = _find(prompt, family)
    framing = family.base + family.turn * len(prompt.messages)
    roles = {message.role for message in prompt.messages}
    if found.is_plain and family.is_exact and roles <= family.exact_roles:
        spoken = measure([*found.texts, *(message.role for message in prompt.messages)])
        return TokenCount(int(spoken) + framing, True, family.encoding)
    spoken = measure(found.texts) + len(prompt.messages)
    return TokenCount(round(framing + found.beside + spoken), False, f"estimate by {family.encoding}")


def by_bytes(prompt: Prompt | Texts, family: Family) -> float:
    """Return about how many tokens a prompt has, by its bytes alone: cheap, and no encoding is loaded."""
    if isinstance(prompt, Texts):
        texts = [source for source in prompt.inputs if isinstance(source, str)]
        return estimate(texts, family) + sum(len(source) for source in prompt.inputs if not isinstance(source, str))
    found = _find(prompt, family)
    return family.base + family.turn * len(prompt.messages) + found.beside + estimate(found.texts, family)


def estimate(texts: Iterable[str], family: Family) -> float:
    """Return about how many tokens some texts have, by their bytes."""
    ascii_bytes = other_bytes = 0
    for text in texts:
        if text.isascii():
            ascii_bytes += len(text)
        else:
            plain = len(text.encode("ascii", "ignore"))
            ascii_bytes += plain
            other_bytes += len(text.encode("utf-8", "replace")) - plain
    return ascii_bytes / family.ascii + other_bytes / family.other


def encoding_of(name: str) -> Measure | None:
    """Return what counts by a public encoding, None where there is none or the extra is not installed."""
    if not name:
        return None
    try:
        import toktok  # type: ignore[import-untyped]  # it comes without types
    except ImportError:
        return None
    return lambda texts: float(sum(toktok.batch_count(list(texts), name, threads=1)))


def is_plain(prompt: Prompt) -> bool:
    """Tell whether a prompt is a conversation of texts and nothing else."""
    return not prompt.tools and prompt.format is None and all(_is_text(message) for message in prompt.messages)


def _is_text(message: Message) -> bool:
    return isinstance(message.content, str) or all(isinstance(part, Text) for part in message.content)


def _find(prompt: Prompt, family: Family) -> _Found:
    found = _Found([], is_plain=is_plain(prompt))
    for message in prompt.messages:
        if isinstance(message.content, str):
            found.texts.append(message.content)
        else:
            for part in message.content:
                _add(part, found, family)
    if prompt.tools:
        found.beside += family.tools
    for tool in prompt.tools:
        found.texts += [tool.name, tool.description, _json(tool.parameters)]
        found.beside += TOOL
    if prompt.format is not None:
        found.texts.append(_json(prompt.format.schema))
    return found


def _add(part: Part | dict[str, Any], found: _Found, family: Family) -> None:
    match part:
        case Text(text=text) | Refusal(text=text) | Thinking(text=text):
            found.texts.append(text)
        case ToolCall(name=name, arguments=arguments):
            found.texts += [name, arguments]
            found.beside += TOOL
        case ToolResult(content=content):
            found.beside += TOOL
            for inside in content:
                _add(inside, found, family)
        case Image():
            found.beside += family.image
        case File():
            _add_file(part, found)
        case Audio(data=data):
            found.beside += len(data) * 3 / 4 / SOUND_BYTES
        case _:
            found.texts.append(_json(part))


def _add_file(part: File, found: _Found) -> None:
    if not part.media_type.startswith("text/"):
        found.beside += DOCUMENT
        return
    try:
        found.texts.append(b64decode(part.data).decode("utf-8", "replace"))
    except ValueError:  # no base64: its provider will say so
        found.texts.append(part.data)


def _json(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()

"""The messages of a chat completion, read as turns (docs/wire.md, Across dialects).

Never reads a setting. `tool` messages become results in the user's turn that follows the calls, in front of what the user says:

    assistant(tool_calls), tool, tool, user    ->    assistant(ToolCall, ToolCall), user(ToolResult, ToolResult, Text)
"""

from __future__ import annotations

from collections.abc import Callable

from ...types.content import Audio, CacheLife, File, Image, Message, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from ..fields import Fields, Kinds, bound, data_at, read_part, wrong

DETAILS = ("auto", "low", "high", "original")
LONG = frozenset({"12h", "24h", "1h"})
"""Lifetimes of a cache mark beyond the default one: OpenAI's, and Anthropic's where a client wrote `cache_control`."""

THOUGHTS = ("reasoning_content", "reasoning")
"""Names of an answer's reasoning at servers other than OpenAI's."""

SUFFIXES = {".pdf": "application/pdf", ".txt": "text/plain"}
"""Media types of files that came as bare base64, by their names."""

_ROLES = '"developer", "system", "user", "assistant", "tool"'
_NOTHING = {"prefix": (False,)}  # Mistral's word for a beginning of the answer


def read_turns(fields: Fields) -> tuple[Message, ...]:
    """Read the `messages` of a body."""
    told = fields.inners("messages")
    if not told:
        raise wrong(fields.at("messages"), "it is missing or empty: add a message", "missing_field")
    turns = _Turns()
    for message in told:
        turns.add(message)
    return turns.done()


class _Turns:
    """The turns so far, and the results that wait for what the user says."""

    def __init__(self) -> None:
        self._turns: list[Message] = []
        self._results: list[Part] = []
        self._legacy: dict[str, str] = {}  # function names to the ids that we gave their calls

    def add(self, message: Fields) -> None:
        role = message.need("role", str)
        match role:
            case "tool" | "function":
                self._results.append(self._result(message, role))
            case "user":
                self._hear(_content(message, ("text", "image_url", "input_audio", "file")))
            case "assistant":
                self._flush()
                self._turns.append(Message("assistant", self._answer(message)))
            case "system" | "developer":
                self._flush()
                self._turns.append(Message("system", _content(message, ("text",))))
            case _:
                raise wrong(message.at("role"), f'"{role[:100]}" is no role: send one of {_ROLES}')
        message.close(_NOTHING)

    def done(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self._turns)

    def _flush(self) -> None:
        if self._results:
            self._turns.append(Message("user", tuple(self._results)))
            self._results = []

    def _hear(self, content: str | tuple[Part, ...]) -> None:
        if not self._results:
            self._turns.append(Message("user", content))
            return
        self._results += _parts(content)
        self._flush()

    def _result(self, message: Fields, role: str) -> ToolResult:
        if role == "tool":
            call_id = message.need("tool_call_id", str)
            message.skip("name")  # the call has it
        else:
            name = message.need("name", str)
            call_id = self._legacy.get(name, f"call_{name}")
        content = _parts(_content(message, ("text", "image_url", "file"), may_lack=role == "function"))
        kept = tuple(part for part in content if isinstance(part, Text | Image | File))
        return ToolResult(call_id, kept)

    def _answer(self, message: Fields) -> str | tuple[Part, ...]:
        if message.has("audio"):
            raise bound(message.at("audio"), "the sound is known to its provider only; send its transcript as text")
        content = _content(message, ("text", "refusal", "thinking"), may_lack=True)
        others = [*_thoughts(message), *_parts(content), *_refusals(message), *_calls(message), *self._legacy_call(message)]
        return content if isinstance(content, str) and len(others) <= bool(content) else tuple(others)

    def _legacy_call(self, message: Fields) -> list[Part]:
        call = message.inner("function_call")
        if call is None:
            return []
        name = call.need("name", str)
        self._legacy[name] = id_ = f"call_{len(self._turns)}_{name}"
        made = ToolCall(id_, name, call.need("arguments", str))
        call.close()
        return [made]


def _parts(content: str | tuple[Part, ...]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return content


def _thoughts(message: Fields) -> list[Part]:
    """Read what other servers than OpenAI's answer with, and their clients send back."""
    told = [message.take(name, str) for name in THOUGHTS if isinstance(message.look(name), str)]
    thought = next((text for text in told if text), "")  # some repeat it under both names
    return [Thinking(thought)] if thought else []


def _refusals(message: Fields) -> list[Part]:
    refusal = message.take("refusal", str)
    return [Refusal(refusal)] if refusal else []


def _calls(message: Fields) -> list[Part]:
    calls: list[Part] = []
    for told in message.inners("tool_calls"):
        id_ = told.need("id", str)
        custom = told.choose("type", ("function", "custom")) == "custom"
        inner = told.need_inner("custom" if custom else "function")
        name, arguments = inner.need("name", str), inner.need("input" if custom else "arguments", str)
        calls.append(ToolCall(id_, name, arguments, custom, read_cache(told)))
        inner.close()
        told.skip("index")  # of a stream, kept by clients that add its steps up
        told.close()
    return calls


def _content(message: Fields, kinds: tuple[str, ...], may_lack: bool = False) -> str | tuple[Part, ...]:
    told = message.look("content")
    if told is None and not may_lack:
        raise wrong(message.at("content"), 'it is missing: add a text or a list of parts; "" stands for nothing', "missing_field")
    if told is None or isinstance(told, str):
        return message.take("content", str) or ""
    if not isinstance(told, list):
        raise wrong(message.at("content"), "expected a text or a list of parts", "invalid_type")
    return tuple(read_part(part, kinds, _PARTS) for part in message.inners("content"))


def _text(part: Fields) -> Part:
    return Text(part.need("text", str), read_cache(part))


def _refusal(part: Fields) -> Part:
    return Refusal(part.need("refusal", str))


def _thinking(part: Fields) -> Part:
    """Read a thought as Mistral writes it: a list of text parts."""
    if isinstance(part.look("thinking"), str):
        return Thinking(part.need("thinking", str))
    return Thinking("".join(piece.take("text", str) or "" for piece in part.inners("thinking")))


def _image(part: Fields) -> Part:
    image = part.need_inner("image_url")
    url, detail = image.need("url", str), image.choose("detail", DETAILS)
    image.close()
    cache = read_cache(part)
    if url[:8].lower().startswith(("http://", "https://")):
        return Image(url=url, detail=detail, cache=cache)
    media_type, data = _split(url, image.at("url"))
    return Image(media_type, data, detail=detail, cache=cache)


def _audio(part: Fields) -> Part:
    audio = part.need_inner("input_audio")
    made = Audio(audio.need("format", str), data_at(audio.at("data"), audio.need("data", str)))
    audio.close()
    return made


def _file(part: Fields) -> Part:
    file = part.need_inner("file")
    if file.has("file_id"):
        raise bound(file.at("file_id"), 'the file lies with its provider only; send its data as "file_data"')
    data, name = file.need("file_data", str), file.take("filename", str) or ""
    file.close()
    known = next((kind for suffix, kind in SUFFIXES.items() if name.lower().endswith(suffix)), "")
    if known and data[:5].lower() != "data:":
        return File(known, data_at(file.at("file_data"), data), name=name, cache=read_cache(part))
    media_type, data = _split(data, file.at("file_data"))
    return File(media_type, data, name=name, cache=read_cache(part))


_READERS: dict[str, Callable[[Fields], Part]] = {
    "text": _text, "image_url": _image, "input_audio": _audio, "file": _file, "refusal": _refusal, "thinking": _thinking,
}  # fmt: skip
_BOUND = frozenset({
    "video_url", "input_video", "audio_url", "document_url", "reference", "image_embeds", "audio_embeds",
})  # fmt: skip
"""Types that other servers than OpenAI's have: Mistral's, vLLM's, OpenRouter's."""
_PARTS = Kinds(_READERS, _BOUND)


def read_cache(fields: Fields) -> CacheLife:
    """Read the cache mark of a part or a tool: OpenAI's, or Anthropic's, which clients of several providers write."""
    marks = [_mark(fields, name, kind) for name, kind in (("prompt_cache_breakpoint", "mode"), ("cache_control", "type"))]
    return next((mark for mark in marks if mark), "")


def _mark(fields: Fields, name: str, kind: str) -> CacheLife:
    told = fields.inner(name)
    if told is None:
        return ""
    told.take(kind, str)
    ttl = told.take("ttl", str)
    told.close()
    return "long" if ttl in LONG else "short"


def _split(url: str, path: str) -> tuple[str, str]:
    """Return media type and base64 text of a data: URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    scheme, _, rest = head.lower().partition(":")  # the case of none of it means anything
    media_type, *options = rest.split(";")
    if not (scheme == "data" and comma and options and options[-1].strip() == "base64" and media_type and data):
        raise wrong(path, 'expected an address, or data as in "data:image/png;base64,..."')
    return media_type, data_at(path, data)

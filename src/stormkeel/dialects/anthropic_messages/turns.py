"""The conversation in a messages body, read: system text, turns and their blocks.

Never asks whether the turns are in an order that the API takes: whoever writes them puts them in his own. What only Anthropic can
carry on (blocks of its own tools, uploaded files) is refused by its path; what is said beyond the canonical content is noted as
lost.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...types.content import CacheLife, File, Image, Message, Part, Role, Text, Thinking, ToolCall, ToolResult
from ..encoded import BROKEN, base64_of
from ..uncrossed import give_up, refuse
from .fields import FLAG, RAW, TEXT, Fields
from .usual import Turn, read_messages
from .wire import PLAIN

ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
A_TURN = "a turn of role "
BOUND = frozenset({
    "server_tool_use", "container_upload", "tool_reference", "browser_state", "mcp_tool_use", "mcp_tool_result",
    "mcp_tool_listing", "compaction", "fallback", "tool_addition", "tool_removal",
})  # fmt: skip
"""Blocks that only Anthropic's models can be told (anthropic 2.11)."""
_FAMILIES = ("_tool_result", "_tool_use")
"""How the names of its tools' blocks end, those that are newer than this list among them."""
_LIVES: Mapping[str | None, CacheLife] = {None: "short", "5m": "short", "1h": "long"}


def read_turns(body: Fields) -> tuple[Message, ...]:
    """Return the turns: `system` first, then `messages`; neighbours of one role are one, as the API takes them."""
    system = body.content("system")
    told = read_messages(body, "messages")
    if not told:
        refuse('the body has no "messages": send at least one', "missing_field")
    turns: list[Turn] = [("system", _parts(system, "system"))] if system else []
    for one in told:
        role, parts = _turn(one) if isinstance(one, Fields) else one
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, parts))
    return tuple(Message(role, _content(parts)) for role, parts in turns)


def _turn(told: Fields) -> Turn:
    role = _role(told)
    if not told.is_said("content"):
        refuse(f'the body has no "{told.at("content")}": add a text or a list of blocks', "missing_field")
    parts = _parts(told.content(), role)
    told.close()
    return role, parts


def read_cache(fields: Fields) -> CacheLife:
    """Return the cache mark of a block or a tool."""
    mark = fields.child("cache_control")
    if mark is None:
        return ""
    life = _LIVES.get(mark.take("ttl", TEXT))
    if mark.take("type", TEXT) != "ephemeral" or life is None:
        fields.note("cache_control")
    mark.close()
    return life or ""


def _role(message: Fields) -> Role:
    role = ROLES.get(message.need("role", TEXT))
    if role is None:
        refuse(f'the field "{message.at("role")}" of the body is wrong: say "user", "assistant" or "system"', "invalid_value")
    return role


def _content(parts: list[Part]) -> str | tuple[Part, ...]:
    match parts:
        case []:
            return ""
        case [Text(text=text, cache="")]:
            return text
    return tuple(parts)


def _parts(content: str | list[Fields], role: Role) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return list(_read(content, BLOCKS[role], A_TURN + role))


def _read(blocks: Iterable[Fields], readers: Mapping[str, Callable[[Fields], Any]], where: str) -> Iterable[Any]:
    for block in blocks:
        type_ = block.need("type", TEXT)
        reader = readers.get(type_)
        if reader is None:
            _check_type(block, type_, readers, where)
            give_up(
                f'"{block.path}" is a block of type "{type_}" in {where}, which only an Anthropic model can be told: '
                "leave it out, or ask a model whose provider speaks this dialect"
            )
        yield reader(block)
        block.close()


def _check_type(block: Fields, type_: str, readers: Mapping[str, Any], where: str) -> None:
    """Refuse a type that there is not, or that can't stand in a turn of its role; all others are Anthropic's own affair."""
    is_known = any(type_ in known for known in BLOCKS.values())
    if type_ in BOUND or type_.endswith(_FAMILIES) or (is_known and not where.startswith(A_TURN)):
        return
    what = "can't stand in" if is_known else "is no type of a block in"
    names = ", ".join(f'"{name}"' for name in readers)
    at = f'the field "{block.at("type")}" of the body is wrong'
    refuse(f'{at}: "{type_[:100]}" {what} {where}: send one of {names}', "invalid_value")


def _text(block: Fields) -> Text:
    return Text(block.need("text", TEXT), read_cache(block))


def _image(block: Fields) -> Image:
    source = _source(block)
    type_ = source.need("type", TEXT)
    if type_ == "base64":
        image = Image(source.need("media_type", TEXT), _data(source), cache=read_cache(block))
    elif type_ == "url":
        image = Image(url=_address(source), cache=read_cache(block))
    else:
        _refuse_source(source, type_)
    source.close()
    return image


def _document(block: Fields) -> File:
    source = _source(block)
    type_ = source.need("type", TEXT)
    media, data, url = "", "", ""
    if type_ == "base64":
        media, data = source.need("media_type", TEXT), _data(source)
    elif type_ == "text":
        source.take("media_type", TEXT)
        media, data = PLAIN, _base64(source.need("data", TEXT))
    elif type_ == "url":
        url = _address(source)
    elif type_ == "content":
        media, data = PLAIN, _base64(_inner_text(source))
    else:
        _refuse_source(source, type_)
    source.close()
    _note_citations(block)
    return File(media, data, url, block.take("title", TEXT) or "", read_cache(block))


def _search_result(block: Fields) -> Text:
    block.note_all()  # it is text elsewhere, and nobody can cite it
    title, source = block.need("title", TEXT), block.need("source", TEXT)
    text = "\n\n".join(part.text for part in _read(block.children("content"), {"text": _text}, "a search result"))
    block.take("citations", RAW)
    return Text(f"{title}\n{source}\n\n{text}", read_cache(block))


def _thinking(block: Fields) -> Thinking:
    return Thinking(block.need("thinking", TEXT), block.take("signature", TEXT) or "")


def _redacted_thinking(block: Fields) -> Thinking:
    return Thinking(redacted=block.need("data", TEXT))


def _tool_use(block: Fields) -> ToolCall:
    caller = block.child("caller")
    if caller is not None and caller.take("type", TEXT) != "direct":
        block.note("caller")
    raw = bytes(block.need("input", RAW)).strip()
    if not raw.startswith(b"{"):
        refuse(f'the field "{block.at("input")}" of the body is wrong: expected object', "invalid_type")
    return ToolCall(block.need("id", TEXT), block.need("name", TEXT), raw.decode(), cache=read_cache(block))


def _tool_result(block: Fields) -> ToolResult:
    content = block.content()
    if isinstance(content, str):
        parts: tuple[Text | Image | File, ...] = (Text(content),) if content else ()
    else:
        parts = tuple(_read(content, RESULTS, "a tool's result"))
    return ToolResult(block.need("tool_use_id", TEXT), parts, block.take("is_error", FLAG) or False, read_cache(block))


def _source(block: Fields) -> Fields:
    source = block.child("source")
    if source is None:
        refuse(f'the body has no "{block.at("source")}": add it', "missing_field")
    return source


def _data(source: Fields) -> str:
    data = base64_of(source.need("data", TEXT))
    if data is None:
        refuse(f'the field "{source.at("data")}" of the body is wrong: {BROKEN}', "invalid_value")
    return data


def _address(source: Fields) -> str:
    url = source.need("url", TEXT)
    if not url[:8].lower().startswith(("http://", "https://")):
        refuse(f'the field "{source.at("url")}" of the body is wrong: expected an address, as in "https://..."', "invalid_value")
    return url


def _refuse_source(source: Fields, type_: str) -> Any:
    give_up(
        f'"{source.path}" is of type "{type_}", and a file uploaded to Anthropic can be read nowhere else: '
        'send the file itself (type "base64") or its address (type "url")'
    )


def _inner_text(source: Fields) -> str:
    content = source.content()
    if isinstance(content, str):
        return content
    if len(content) > 1:
        source.note("content")  # where a block ends is known to citations alone
    return "\n\n".join(part.text for part in _read(content, {"text": _text}, "a document of blocks"))


def _note_citations(block: Fields) -> None:
    if not block.has("citations"):
        return
    citations = block.child("citations")
    if citations is not None and citations.take("enabled", FLAG):
        block.note("citations")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


RESULTS: Mapping[str, Callable[[Fields], Text | Image | File]] = {
    "text": _text, "image": _image, "document": _document, "search_result": _search_result,
}  # fmt: skip
BLOCKS: Mapping[Role, Mapping[str, Callable[[Fields], Part]]] = {
    "system": {"text": _text},
    "user": {**RESULTS, "tool_result": _tool_result},
    "assistant": {
        "text": _text, "thinking": _thinking, "redacted_thinking": _redacted_thinking, "tool_use": _tool_use,
    },
}  # fmt: skip
"""What may stand in whose turn; all else only Anthropic can be told."""

"""The `input` of a request, read as turns (docs/wire.md, Across dialects).

Never reads a setting. Items are flat; what the model said between two user turns is one turn of its, and results go into the
user's turn that follows the calls, in front of what the user says:

    reasoning, message, function_call, function_call_output, message(user)
      ->  assistant(Thinking, Text, ToolCall), user(ToolResult, Text)
"""

from __future__ import annotations

from ...types.content import File, Image, Message, Part, Refusal, Text, ToolCall, ToolResult
from ..fields import Fields, bound, wrong
from ..seal import carried
from .parts import ANSWERED, HEARD, SHOWN, TOLD, parts_of, read_content

SEPARATOR = "\n\n"
_ROLES = '"user", "assistant", "system", "developer"'
_TYPES = '"message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"'
BOUND = frozenset({
    "item_reference", "compaction", "compaction_trigger", "additional_tools", "configuration_update", "mcp_list_tools",
    "mcp_approval_request", "mcp_approval_response", "program", "program_output", "response.steer",
})  # fmt: skip
"""Items that only OpenAI's models can be told (openai 3.52, ResponseInputItemParam)."""
_FAMILIES = ("_call", "_call_output", "_search_output")
"""How the names of its tools' items end, those that are newer than this list among them."""
_NOTHING: dict[str, tuple[object, ...]] = {"caller": ({"type": "direct"},), "async": (False,)}


def read_items(body: Fields) -> list[Message]:
    """Read the `input` of a body."""
    told = body.look("input")
    if isinstance(told, str):
        return [Message("user", body.need("input", str))]
    turns = _Turns()
    for item in body.inners("input"):
        turns.add(item)
    return turns.done()


class _Turns:
    """The turns so far, and the one that is being put together."""

    def __init__(self) -> None:
        self._turns: list[Message] = []
        self._results: list[Part] = []  # wait for what the user says
        self._answer: list[Part] = []
        self._is_plain = False  # is the answer one easy message?

    def add(self, item: Fields) -> None:
        kind = item.take("type", str) or ("message" if item.has("role") else "item_reference")
        match kind:
            case "message":
                self._message(item)
            case "reasoning":
                self._think(item)
            case "function_call":
                self._call(item, "arguments")
            case "custom_tool_call":
                self._call(item, "input")
            case "function_call_output" | "custom_tool_call_output":
                self._result(item)
            case _ if kind in BOUND or kind.endswith(_FAMILIES):
                raise bound(item.path, f'an item of type "{kind[:100]}" means something to its provider alone: leave it out')
            case _:
                raise wrong(item.at("type"), f'"{kind[:100]}" is no type of an item: send one of {_TYPES}')
        item.skip("id", "status")
        item.close(_NOTHING)

    def done(self) -> list[Message]:
        self._flush()
        return self._turns

    def _message(self, item: Fields) -> None:
        role = item.need("role", str)
        match role:
            case "user":
                self._hear(read_content(item, "content", HEARD))
            case "assistant":
                self._say(read_content(item, "content", ANSWERED))
            case "system" | "developer":
                self._flush()
                self._turns.append(Message("system", read_content(item, "content", TOLD)))
            case _:
                raise wrong(item.at("role"), f'"{role[:100]}" is no role: send one of {_ROLES}')

    def _hear(self, content: str | tuple[Part, ...]) -> None:
        self._end_answer()
        if not self._results:
            self._turns.append(Message("user", content))
            return
        self._results += parts_of(content)
        self._flush()

    def _say(self, content: str | tuple[Part, ...]) -> None:
        if self._results or self._is_plain or (self._answer and isinstance(self._answer[-1], Text | Refusal)):
            self._flush()  # a message behind a message is one of its own
        self._is_plain = isinstance(content, str) and not self._answer
        self._answer += (Text(content),) if self._is_plain and isinstance(content, str) else parts_of(content)

    def _go_on(self, part: Part) -> None:
        if self._results:
            self._flush()
        if self._is_plain:
            self._answer, self._is_plain = [said for said in self._answer if said != Text("")], False
        self._answer.append(part)

    def _think(self, item: Fields) -> None:
        shown = [part for name in ("content", "summary") for part in item.inners(name)]
        text = SEPARATOR.join(filter(None, (part.take("text", str) for part in shown)))
        for part in shown:
            part.take("type", str)
            part.close()
        thinking = carried(item.take("encrypted_content", str) or "", item.take("id", str) or "", text)
        if thinking.text or thinking.signature or thinking.redacted:
            self._go_on(thinking)
        else:
            item.lose_all()  # what is told of it by its id lies with OpenAI

    def _call(self, item: Fields, field: str) -> None:
        name, told = item.need("name", str), item.need(field, str)
        self._go_on(ToolCall(item.need("call_id", str), name, told, custom=field == "input"))

    def _result(self, item: Fields) -> None:
        self._end_answer()
        item.skip("name")  # the call has it
        content = parts_of(read_content(item, "output", SHOWN))
        kept = tuple(part for part in content if isinstance(part, Text | Image | File))
        self._results.append(ToolResult(item.need("call_id", str), kept))

    def _flush(self) -> None:
        self._end_answer()
        if self._results:
            self._turns.append(Message("user", tuple(self._results)))
            self._results = []

    def _end_answer(self) -> None:
        if self._answer:
            first = self._answer[0]
            text = first.text if self._is_plain and isinstance(first, Text) else None
            self._turns.append(Message("assistant", tuple(self._answer) if text is None else text))
        self._answer, self._is_plain = [], False

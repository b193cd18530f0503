"""Losses are told: whatever a body says either changes what the provider is told, or is among the losses, or means nothing."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.assemble import DIALECTS, abilities, catalog
from stormkeel.dialects.values import Target
from stormkeel.types.failure import Failure

PNG = "iVBORw0KGgo="
CHAT, MESSAGES = "openai_chat", "anthropic_messages"
Path = tuple[str | int, ...]

# fmt: off
CHAT_BODY: Any = {"model":"m","messages":[
 {"role":"developer","content":[{"type":"text","text":"Be","cache_control":{"type":"ephemeral","ttl":"1h"}}],"name":"dev"},
 {"role":"user","content":[{"type":"text","text":"x","prompt_cache_breakpoint":{"mode":"explicit","ttl":"30m"}},{"type":"image_url","image_url":{"url":"data:image/png;base64," + PNG,"detail":"high"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"}}],"name":"bob"},
 {"role":"assistant","content":"y","reasoning_content":"hm","refusal":"no","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"index":0},{"id":"c2","type":"custom","custom":{"name":"g","input":"free"}}],"annotations":[{"type":"url_citation"}],"name":"ass"},
 {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"r"}],"name":"f"},
 {"role":"tool","tool_call_id":"c2","content":"r2"},
 {"role":"system","content":"late"},
 {"role":"user","content":"go"}],
 "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer"}}},"strict":True},"cache_control":{"type":"ephemeral"},"extra":1},{"type":"custom","custom":{"name":"g","description":"dd","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}],
 "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}]}},
 "parallel_tool_calls":False,"max_completion_tokens":5000,"max_tokens":4000,"temperature":0.3,"top_p":0.7,"top_k":3,"stop":["a","b"],"n":1,
 "response_format":{"type":"json_schema","json_schema":{"name":"nm","description":"ds","schema":{"type":"object","properties":{},"additionalProperties":False},"strict":True}},
 "reasoning_effort":"high","user":"u1","safety_identifier":"u2","service_tier":"flex","seed":7,"logit_bias":{"1":2},"logprobs":True,"top_logprobs":3,"presence_penalty":0.5,"frequency_penalty":0.5,
 "metadata":{"a":"b"},"store":True,"prompt_cache_key":"k","verbosity":"low","prediction":{"type":"content","content":"x"},"stream":True,"stream_options":{"include_usage":True,"include_obfuscation":False},"unknown":{"x":[1]},"prompt_cache_retention":"24h"}
MESSAGES_BODY: Any = {"model":"m","max_tokens":5000,"system":[{"type":"text","text":"Be","cache_control":{"type":"ephemeral","ttl":"1h"}}],
 "messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"},"citations":[{"a":1}]},{"type":"image","source":{"type":"base64","media_type":"image/png","data":PNG},"transformations":{"x":1}},
   {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"title":"t","context":"c","citations":{"enabled":True}},
   {"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"title":"t2"},
   {"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"found"}],"citations":{"enabled":True}}]},
  {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"y"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1},"cache_control":{"type":"ephemeral"},"caller":{"type":"direct"}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":True,"content":[{"type":"text","text":"r"},{"type":"image","source":{"type":"url","url":"http://x/y"}}],"cache_control":{"type":"ephemeral"}},{"type":"text","text":"go"}]}],
 "tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"integer"}}},"strict":True,"type":"custom","cache_control":{"type":"ephemeral"},"defer_loading":True,"input_examples":[{}],"eager_input_streaming":True,"allowed_callers":["x"]}],
 "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":True},"temperature":0.3,"top_p":0.7,"top_k":3,"stop_sequences":["a"],
 "thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"},"output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}},"task_budget":{"a":1}},
 "metadata":{"user_id":"u","x":"y"},"service_tier":"standard_only","speed":"fast","inference_geo":"eu","stream":True,"unknown":[1],"cache_control":{"type":"ephemeral"},"context_management":{"edits":[1]}}
# fmt: on
BODIES = {CHAT: CHAT_BODY, MESSAGES: MESSAGES_BODY}
SELLERS = {CHAT: "anthropic", MESSAGES: "openai"}
MODELS = {
    CHAT: ("claude-sonnet-4-6", "claude-opus-5", "claude-haiku-4-5", "claude-3-5-haiku", "claude-opus-5-5"),
    MESSAGES: ("gpt-4.1", "gpt-5.4-mini", "o3", "gpt-5", "gpt-6-luna"),
}
MEANS_NOTHING = {
    CHAT: (
        r"model", r"n", r"stream_options.*", r"max_tokens", r".*\.type", r".*\.(mode|ttl)", r".*\.index", r"messages\[3\]\.name",
        r"tool_choice\.allowed_tools\.tools.*",  # all of them are named
        r"response_format\.json_schema\.(description|strict)",  # no word for the one, and always the other
        r"parallel_tool_calls", r"tool_choice.*",  # where the body has no tools
    ),
    MESSAGES: (r"model", r".*\.(type|ttl|media_type)", r".*\.(cache_control|caller|signature)", r"messages\[1\]\.content\[[01]\]",
               r"tool_choice.*"),
}  # fmt: skip
"""Paths that say what would be so anyway, or what is told as lost under one name for all of its kind ("cache_control", "thinking")."""


def paths(told: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where anything stands in a body."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from paths(value, (*path, name))


def written(path: Path) -> str:
    """A path as losses are told."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def without(body: Any, path: Path) -> Any:
    """A body without what stands at a path."""
    left = copy.deepcopy(body)
    at = left
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return left


def crossed(dialect: str, model: str, body: Any) -> tuple[Any, ...] | str:
    """What the provider is told and what is lost; why not, where it is refused."""
    provider = DIALECTS[MESSAGES if dialect == CHAT else CHAT]
    reading = DIALECTS[dialect].read_prompt(json.dumps(body).encode())
    if isinstance(reading, Failure):
        return reading.message
    facts = catalog().find(SELLERS[dialect], model)
    target = Target(model, abilities().find(SELLERS[dialect], model), facts.max_output if facts else 64_000)
    made = provider.write_prompt(reading.prompt, target, bool(body.get("stream")))
    return made.message if isinstance(made, Failure) else (made.body, reading.lost, made.lost)


def silent(dialect: str, model: str, body: Any) -> list[str]:
    """The paths whose absence nobody would notice."""
    told = crossed(dialect, model, body)
    if isinstance(told, str):
        return []
    found = []
    lost = {*told[1], *(DIALECTS[dialect].fields.get(name, name) for name in told[2])}
    for path in paths(body):
        name = written(path)
        if any(name == loss or name.startswith((f"{loss}.", f"{loss}[")) for loss in lost):
            continue
        if (
            not any(re.fullmatch(pattern, name) for pattern in MEANS_NOTHING[dialect])
            and crossed(dialect, model, without(body, path)) == told
        ):
            found.append(name)
    return found


@pytest.mark.parametrize(("dialect", "model"), [(dialect, model) for dialect in BODIES for model in MODELS[dialect]])
def test_nothing_of_a_full_body_is_lost_in_silence(dialect: str, model: str) -> None:
    """Of a body that says all there is to say, each field is told to the provider or told as lost."""
    assert not isinstance(crossed(dialect, model, BODIES[dialect]), str)
    assert silent(dialect, model, BODIES[dialect]) == []


@given(st.data(), st.sampled_from([CHAT, MESSAGES]))
@settings(max_examples=40, deadline=None)
def test_nothing_of_any_body_is_lost_in_silence(data: st.DataObject, dialect: str) -> None:
    """The same of bodies that say less: what one field hides behind another is not lost either."""
    body = copy.deepcopy(BODIES[dialect])
    for name in data.draw(st.sets(st.sampled_from(sorted(set(body) - {"model", "messages", "max_tokens"})), max_size=8)):
        del body[name]
    assert silent(dialect, data.draw(st.sampled_from(MODELS[dialect])), body) == []

"""The peek at a request's body: what it finds, what it refuses, and in which words."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.dialects.peek import Peek, peek, replace
from stormkeel.ledger.estimate import is_plain
from stormkeel.types.failure import Failure, FailureKind


def seen(raw: bytes) -> Peek:
    """Return what a good body says."""
    found = peek(raw)
    assert isinstance(found, Peek), found
    return found


def refused(raw: bytes) -> Failure:
    """Return why a bad body is refused."""
    found = peek(raw)
    assert isinstance(found, Failure), found
    assert (found.kind, found.status) == (FailureKind.CALLER, 400)
    return found


def test_fields_and_spans() -> None:
    """Every field of ours is read from the top level, and two of them are located."""
    raw = b'{"messages":[],"model" : "gpt-x", "stream":true,"max_tokens":5,"n":2,"stream_options": {"include_usage":true}}'
    found = seen(raw)
    assert (found.model, found.stream, found.max_tokens, found.max_completion_tokens, found.n) == ("gpt-x", True, 5, None, 2)
    assert found.include_usage
    assert found.stream_options_span is not None
    assert raw[slice(*found.model_span)] == b'"gpt-x"'
    assert raw[slice(*found.stream_options_span)] == b'{"include_usage":true}'


def test_absent_and_null_are_the_same() -> None:
    """A field that is null counts as absent."""
    nulls = (
        b'"stream":null,"max_tokens":null,"max_completion_tokens":null,"max_output_tokens":null,"n":null,"stream_options":null'
    )
    found, bare = seen(b'{"model":"m",' + nulls + b"}"), seen(b'{"model":"m"}')
    assert (found.stream, found.max_output, found.n, found.include_usage) == (False, None, 1, False)
    assert (bare.stream, bare.max_output, bare.n, bare.include_usage) == (False, None, 1, False)
    assert found.stream_options_span is not None
    assert bare.stream_options_span is None


def test_output_bound_is_the_larger() -> None:
    """Of two output limits the larger is the bound that must be reserved; zero is a limit."""
    assert seen(b'{"model":"m","max_tokens":5,"max_completion_tokens":9}').max_output == 9
    assert seen(b'{"model":"m","max_tokens":0}').max_output == 0
    assert seen(b'{"model":"m","max_completion_tokens":7}').max_output == 7


def test_the_limit_of_a_response_is_its_own() -> None:
    """The limit of a response is told beside those of a chat, and is no limit of a chat."""
    found = seen(b'{"model":"m","max_output_tokens":7,"max_tokens":5}')
    assert (found.max_output_tokens, found.max_output) == (7, 5)
    assert seen(b'{"model":"m","max_output_tokens":null}').max_output_tokens is None


@pytest.mark.parametrize(
    "name", ["model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stream_options"]
)
def test_a_field_twice_is_refused(name: str) -> None:
    """A body that names one of our fields twice is refused by name, also where the values agree or an escape hides one."""
    value = {"model": b'"a"', "stream": b"true", "stream_options": b"{}"}.get(name, b"1")
    rest = b"" if name == "model" else b'"model":"m",'
    escaped = f"\\u{ord(name[0]):04X}{name[1:]}".encode()
    for second in (name.encode(), escaped):
        raw = b'{%b"%b":%b,"messages":[{"n":[]}],"%b":%b}' % (rest, name.encode(), value, second, value)
        failure = refused(raw)
        assert failure.code == "duplicate_field"
        assert f'"{name}" twice' in failure.message


def test_nested_names_are_not_ours() -> None:
    """Names inside other values, as in a tool's schema, neither count nor confuse the spans."""
    schema = b'{"properties":{"model":{"type":"string"},"n":{"type":"integer"},"stream_options":{"a":[{}]}}}'
    raw = b'{"tools":[' + schema + b'],"metadata":{"model":"inner"},"model":"outer","stream_options":{"x":["}"]},"n":3}'
    found = seen(raw)
    assert (found.model, found.n) == ("outer", 3)
    assert raw[slice(*found.model_span)] == b'"outer"'
    assert found.stream_options_span is not None
    assert raw[slice(*found.stream_options_span)] == b'{"x":["}"]}'


@pytest.mark.parametrize(
    "text", ['say "model": "x"', "\\", '\\"model\\":', "]}", '{"model":"z"}', '"', "model", "\u2028é😀"], ids=range(8)
)
def test_text_is_not_structure(text: str) -> None:
    """Whatever stands inside a string is text."""
    for order in (("text", "model"), ("model", "text")):
        told = {"model": "m", "text": [text, {"model": text}]}
        for ascii_only in (True, False):
            raw = json.dumps({name: told[name] for name in order}, ensure_ascii=ascii_only).encode()
            assert raw[slice(*seen(raw).model_span)] == b'"m"'


@pytest.mark.parametrize("name", ["v", "value", "\\u0076", "stormkeel"])
def test_a_field_after_a_nested_one_may_have_any_name(name: str) -> None:
    """Where a nested value ends is found whatever the fields behind it are called."""
    raw = b'{"a":[null,[]],"\\u006dodel":"x","%b":null}' % name.encode()
    assert raw[slice(*seen(raw).model_span)] == b'"x"'


@pytest.mark.parametrize("name", ["stormkeel.value", "stormkeel\\u002evalue"])
def test_the_one_name_that_is_ours_is_refused(name: str) -> None:
    """A field by the name that the walk itself puts in could pass one value for another: it is refused, however it is spelled."""
    said = refused(b'{"a":[null,[]],"\\u006dodel":"x","%b":null}' % name.encode())
    assert (said.code, "stormkeel.value" in said.message) == ("invalid_field", True)


def test_an_escaped_name_is_the_name() -> None:
    """A field spelled with escapes is found where it stands."""
    raw = b'{"mod\\u0065l":"gpt-\\u0078"}'
    found = seen(raw)
    assert found.model == "gpt-x"
    assert raw[slice(*found.model_span)] == b'"gpt-\\u0078"'


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"", "empty_body", "empty"),
        (b" \n", "empty_body", "empty"),
        (b"[]", "invalid_type", "JSON object"),
        (b"null", "invalid_type", "JSON object"),
        (b"{}", "missing_model", '"model"'),
        (b'{"model":7}', "invalid_type", '"model"'),
        (b'{"model":null}', "invalid_type", '"model"'),
        (b'{"model":""}', "invalid_type", '"model"'),
        (b'{"model":"m","stream":"yes"}', "invalid_type", '"stream"'),
        (b'{"model":"m","max_tokens":-1}', "invalid_type", '"max_tokens"'),
        (b'{"model":"m","max_tokens":1.5}', "invalid_type", '"max_tokens"'),
        (b'{"model":"m","max_tokens":' + b"9" * 100_000 + b"}", "invalid_type", '"max_tokens"'),
        (b'{"model":"m","n":0}', "invalid_type", '"n"'),
        (b'{"model":"m","n":true}', "invalid_type", '"n"'),
        (b'{"model":"m","stream_options":{"include_usage":1}}', "invalid_type", '"stream_options.include_usage"'),
        (b'{"model":"m","stream_options":{},"stream_options":7}', "invalid_type", '"stream_options"'),
        (b'\xef\xbb\xbf{"model":"m"}', "invalid_json", "byte order mark"),
        (b'{"model":"m"} x', "invalid_json", "byte"),
        (b'{"model":"m","x":NaN}', "invalid_json", "byte 17"),
        (b'{"model":"m"', "invalid_json", "byte 12"),
        (b'{"model":"m\xff"}', "invalid_utf8", "UTF-8"),
        (b'{"model":"m","x":"\xff"}', "invalid_utf8", "UTF-8"),
        (b'{"model":"m","x":"' + b"a" * 65_518 + "é".encode() + b'\xc3"}', "invalid_utf8", "UTF-8"),
        (b'{"model":"m","x":' + b"[" * 100_000, "too_deep", "nested"),
        (b'{"model":"m","x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "too_deep", "nested"),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_refusals_name_the_thing(raw: bytes, code: str, words: str) -> None:
    """A body that makes no sense is refused with a code and words that name what is wrong."""
    failure = refused(raw)
    assert failure.code == code
    assert words in failure.message


def test_depth_is_read_or_refused() -> None:
    """At every depth, just below and just above what can be read, a body with doubtful names is read or refused."""
    codes = set()
    low, high = 1, 100_000  # the limit is the interpreter's, and no two versions have the same
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if isinstance(nested(middle), Failure) else (middle + 1, high)
    for depth in range(max(1, low - 200), low + 200):
        found = nested(depth)
        codes.add(found.code if isinstance(found, Failure) else found.model)
    assert codes == {"m", "too_deep"}


def nested(depth: int) -> Peek | Failure:
    """Peek at a body whose doubtful name stands beside brackets so deep."""
    return peek(b'{"model":"m","x":["model",' + b"[" * depth + b"]" * depth + b"]}")


def test_hostile_sizes_are_borne() -> None:
    """A million fields, a long number and text over a slice's edge are read, or refused where they make the fields doubtful."""
    million = b",".join(b'"k%d":1' % i for i in range(10**6))
    assert seen(b'{"model":"m",' + million + b"}").model == "m"
    assert refused(b'{"model":"m","x":["model"],' + million + b"}").code == "too_many_fields"
    nested = b",".join(b'"k%d":[[]]' % i for i in range(20))
    assert refused(b'{"model":"m","x":["model"],' + nested + b"}").code == "too_many_fields"
    assert seen(b'{"model":"m","x":' + b"1" * 100_000 + b"}").model == "m"
    assert seen(b'{"model":"m","x":"' + b"a" * 65_517 + "é".encode() + b'"}').model == "m"


def test_replace_touches_the_span_only() -> None:
    """A replaced span leaves the bytes on both sides as they were."""
    assert replace(b"abcdef", (2, 4), b"XYZ") == b"abXYZef"
    assert replace(b"abc", (3, 3), b"!") == b"abc!"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
        b'{"model":"m","tools":[]}',
        b'{"model":"m","functions":[]}',
        b'{"model":"m","service_tier":"flex"}',
        b'{"model":"m","previous_response_id":"r"}',
        b'{"model":"m","messages":[{"content":"\\u0041"}]}',
        b'{"model":"m","file_id":"f"}',
    ],
)
def test_what_costs_more_than_its_bytes_is_seen_at_the_first_look(body: bytes) -> None:
    """One look says whether a body is text alone: exactly what the estimate of its tokens says (INV-4)."""
    assert not seen(body).is_text
    assert not is_plain(body)


@given(st.binary(max_size=60), st.sampled_from([b"", b"image", b"tools", b"speed", b"video/", b"web_", b"\\u00e9", b"\\\\"]))
def test_the_look_and_the_estimate_agree(noise: bytes, word: bytes) -> None:
    """Whatever stands in a body, both say the same of it."""
    text = msgspec.json.encode(noise.decode("utf-8", "replace"))
    body = b'{"model":"m","x":' + text + b',"y":"' + word + b'","' + word + b'":1}'
    found = peek(body)
    if isinstance(found, Peek):
        assert found.is_text is is_plain(body)

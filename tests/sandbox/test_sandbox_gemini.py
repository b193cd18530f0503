"""Google's own client, unmodified, sync and async, gets from the sandbox's Gemini what was asked of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from sandbox_client import ask, body_for, send, with_sandbox

from stormkeel.sandbox import Record, Row, Sandbox, Tokens, cost

NEW, OLD, VECTORS = "gemini-3.8-flash", "gemini-2.5-flash", "gemini-embedding-001"
KEY = {"x-goog-api-key": "sk-test", "content-type": "application/json"}
USAGE = {"input": 10, "cached": 200, "output": 50, "reasoning": 20}
LOOK: Any = {"function_declarations": [{"name": "look", "parameters": {"type": "OBJECT", "properties": {}}}]}
TWO = [{"name": "look", "arguments": {"where": "the bow", "far": True}}, {"name": "wait"}]


def client_of(sandbox: Sandbox, version: str = "v1") -> genai.Client:
    """A client that asks once."""
    return genai.Client(api_key="sk-test", http_options=types.HttpOptions(base_url=sandbox.url, api_version=version))


class Seen:
    """What a sandbox saw, for a thread beside its own: nothing is being answered any more when it is looked at."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._loop = sandbox, asyncio.get_running_loop()

    def bill(self) -> list[Row]:
        self._settle()
        return self._sandbox.bill()

    @property
    def requests(self) -> list[Record]:
        self._settle()
        return self._sandbox.requests

    def _settle(self) -> None:
        asyncio.run_coroutine_threadsafe(self._sandbox.quiet(), self._loop).result()


def told(story: Callable[[genai.Client, Seen], None], version: str = "v1") -> None:
    """Tell a story with the blocking client against a fresh sandbox."""

    async def within(sandbox: Sandbox) -> None:
        await asyncio.to_thread(story, client_of(sandbox, version), Seen(sandbox))

    with_sandbox(within)


def wished(**wish: Any) -> str:
    """A text that says what to answer."""
    return f"Hello\nsandbox: {json.dumps(wish)}\nBye"


def joined(stream: Any) -> tuple[str, list[types.Part], list[Any]]:
    """Return the text, the parts and the reasons to end of a stream."""
    got = list(stream)
    candidates = [candidate for one in got for candidate in one.candidates or ()]
    parts = [part for one in candidates if one.content for part in one.content.parts or ()]
    text = "".join(part.text or "" for part in parts if not part.thought)
    return text, parts, [one.finish_reason for one in candidates if one.finish_reason]


@pytest.mark.parametrize("model", [NEW, OLD])
@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_whole_and_streamed_are_the_same(model: str, version: str) -> None:
    """The client gets the text and the usage that were asked for, whole and streamed, under both versions of the path."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        contents = wished(answer="Land, at last: ahoy — 42!", usage=USAGE)
        whole = client.models.generate_content(model=model, contents=contents)
        streamed = list(client.models.generate_content_stream(model=model, contents=contents))
        assert whole.text == "Land, at last: ahoy — 42!" == "".join(one.text or "" for one in streamed)
        assert {one.response_id for one in streamed} == {sandbox.bill()[1].id}
        assert whole.model_version == model
        for got in (whole, streamed[-1]):
            assert got.candidates is not None
            assert got.candidates[0].finish_reason == types.FinishReason.STOP
            usage = got.usage_metadata
            assert usage is not None
            assert (usage.prompt_token_count, usage.cached_content_token_count) == (210, 200)
            assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (30, 20, 260)
        assert [row.tokens for row in sandbox.bill()] == [Tokens(10, 200, 0, 0, 50, 20)] * 2
        assert [row.usage_reported for row in sandbox.bill()] == [True, True]
        assert sandbox.requests[0].violations == []

    told(story, version)


def test_the_async_client_too() -> None:
    """Whole, streamed, counted and embedded: the async client gets the same."""

    async def story(sandbox: Sandbox) -> None:
        client = client_of(sandbox).aio
        whole = await client.models.generate_content(model=NEW, contents=wished(tokens=5))
        stream = await client.models.generate_content_stream(model=NEW, contents=wished(tokens=5))
        assert "".join([one.text or "" async for one in stream]) == whole.text
        counted = await client.models.count_tokens(model=NEW, contents=wished(tokens=5))
        assert whole.usage_metadata is not None
        assert counted.total_tokens == whole.usage_metadata.prompt_token_count
        made = await client.models.embed_content(model=VECTORS, contents=["a", "b"])
        assert [len(one.values or ()) for one in made.embeddings or ()] == [3072, 3072]
        await client.aclose()

    with_sandbox(story)


def test_usage_grows_with_the_stream() -> None:
    """Every event has the usage so far: the thoughts first, then the words, and in the last one all of it."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        stream = client.models.generate_content_stream(model=NEW, contents=wished(answer="one two", reasoning_text="a b c"))
        usages = [one.usage_metadata for one in stream]
        counts = [(one.candidates_token_count or 0, one.thoughts_token_count) for one in usages if one is not None]
        assert counts == [(1, 3), (2, 3), (2, 3)]
        assert sandbox.bill()[0].tokens.output == 5

    told(story)


def test_thoughts_are_shown_if_asked_for_and_signed() -> None:
    """Thoughts are parts of their own if they are to be shown, and are counted anyway; the last part of the words is signed."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        contents = wished(answer="Ahoy", reasoning_text="Let me think")
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
        shown = client.models.generate_content(model=NEW, contents=contents, config=config)
        parts = shown.parts or []
        assert [(part.text, part.thought, bool(part.thought_signature)) for part in parts] == [
            ("Let me think", True, False),
            ("Ahoy", None, True),
        ]
        text, streamed, _ = joined(client.models.generate_content_stream(model=NEW, contents=contents, config=config))
        assert (text, streamed[-1].text, streamed[-1].thought_signature) == ("Ahoy", "", parts[1].thought_signature)
        hidden = client.models.generate_content(model=NEW, contents=contents)
        assert [part.text for part in hidden.parts or ()] == ["Ahoy"]
        old = client.models.generate_content(model=OLD, contents=contents)
        assert [part.thought_signature for part in old.parts or ()] == [None]
        assert {row.tokens.reasoning for row in sandbox.bill()} == {3}

    told(story)


def test_a_model_does_not_think_when_it_may_not() -> None:
    """A budget of 0 leaves no thoughts, and no tokens of them."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(thinking_budget=0))
        client.models.generate_content(model=OLD, contents=wished(answer="Ahoy", reasoning_text="Hm"), config=config)
        client.models.generate_content(model="gemini-2.0-flash", contents=wished(answer="Ahoy", reasoning_text="Hm"))
        assert [(row.tokens.output, row.tokens.reasoning) for row in sandbox.bill()] == [(1, 0), (1, 0)]

    told(story)


def test_parallel_calls_come_event_by_event_and_go_back() -> None:
    """From Gemini 3 on each call has its event and id, the first its signature, STOP an event of its own; the answer is taken."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        config = types.GenerateContentConfig(tools=[LOOK])
        got = list(client.models.generate_content_stream(model=NEW, contents=wished(tools=TWO), config=config))
        parts = [part for one in got for part in one.parts or ()]
        calls = [part.function_call for part in parts if part.function_call]
        assert [(call.name, call.args) for call in calls] == [("look", {"where": "the bow", "far": True}), ("wait", {})]
        assert len({call.id for call in calls}) == 2
        assert [bool(part.thought_signature) for part in parts] == [True, False, False]
        assert [len(one.parts or ()) for one in got] == [1, 1, 1]
        assert [bool(one.candidates and one.candidates[0].finish_reason) for one in got] == [False, False, True]
        answers = [types.Part.from_function_response(name=call.name or "", response={"output": 1}) for call in calls]
        turns = [types.UserContent(wished(tools=TWO)), types.ModelContent(parts[:2]), types.UserContent(answers)]
        assert client.models.generate_content(model=NEW, contents=turns, config=config).text
        assert sandbox.requests[-1].violations == []

    told(story)


def test_older_models_make_all_calls_at_once() -> None:
    """Before Gemini 3 calls have neither ids nor signatures, and the event that has them has the finish."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        got = list(client.models.generate_content_stream(model=OLD, contents=wished(answer="Aye", tools=TWO)))
        assert [[bool(part.function_call) for part in one.parts or ()] for one in got] == [[False], [True, True]]
        assert got[-1].candidates is not None
        assert got[-1].candidates[0].finish_reason == types.FinishReason.STOP
        calls = [part for part in got[-1].parts or () if part.function_call]
        assert {(part.thought_signature, part.function_call.id) for part in calls if part.function_call} == {(None, None)}

    told(story)


def test_the_clients_own_loop_of_calls_runs() -> None:
    """Python functions as tools: the client calls one, gives the signature back by itself, and gets its answer."""

    def look(where: str) -> str:
        """Look somewhere."""
        return f"seen: {where}"

    def story(client: genai.Client, sandbox: Seen) -> None:
        contents = wished(tools=[{"name": "look", "arguments": {"where": "bow"}}])
        calling = types.AutomaticFunctionCallingConfig(maximum_remote_calls=2)
        config = types.GenerateContentConfig(tools=[look], automatic_function_calling=calling)
        got = client.models.generate_content(model=NEW, contents=contents, config=config)
        assert "seen: bow" in sandbox.requests[-1].body.decode()
        assert [record.violations for record in sandbox.requests] == [[], []]
        assert got.usage_metadata is not None

    told(story)


def test_a_forced_call_is_made() -> None:
    """Mode ANY leaves no choice: the first function that is allowed is called without arguments."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        del sandbox
        calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["look"])
        config = types.GenerateContentConfig(tools=[LOOK], tool_config=types.ToolConfig(function_calling_config=calling))
        got = client.models.generate_content(model=NEW, contents="Hello", config=config)
        assert [(call.name, call.args) for call in got.function_calls or ()] == [("look", {})]

    told(story)


@pytest.mark.parametrize("model", [NEW, OLD])
def test_refusals_have_no_words(model: str) -> None:
    """Alone a refusal blocks the prompt and gives no candidate; after words it is finishReason SAFETY."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        for got in [
            client.models.generate_content(model=model, contents=wished(refusal="No.")),
            *client.models.generate_content_stream(model=model, contents=wished(refusal="No.")),
        ]:
            assert got.candidates is None
            assert got.prompt_feedback is not None
            assert got.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
        assert [row.tokens.output for row in sandbox.bill()] == [0, 0]
        said = wished(answer="I was", refusal="No.")
        text, _, reasons = joined(client.models.generate_content_stream(model=model, contents=said))
        assert (text, reasons) == ("I was", [types.FinishReason.SAFETY])

    told(story)


def test_limits_and_stop_sequences() -> None:
    """An answer ends at its limit with MAX_TOKENS, before a stop sequence with STOP; thoughts count towards the limit."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        limited = types.GenerateContentConfig(max_output_tokens=3)
        contents = wished(answer="one two three four", reasoning_text="hm")
        text, _, reasons = joined(client.models.generate_content_stream(model=NEW, contents=contents, config=limited))
        assert (text, reasons) == ("one two", [types.FinishReason.MAX_TOKENS])
        stopping = types.GenerateContentConfig(stop_sequences=[" three"])
        whole = client.models.generate_content(model=NEW, contents=contents, config=stopping)
        assert (whole.text, whole.candidates and whole.candidates[0].finish_reason) == ("one two", types.FinishReason.STOP)
        assert [row.tokens.output for row in sandbox.bill()] == [3, 3]

    told(story)


def test_structured_output_is_parsed() -> None:
    """A schema is taken in either form, and the client parses what was wished for."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        del sandbox
        schema: Any = {"type": "OBJECT", "properties": {"port": {"type": "STRING"}}, "required": ["port"]}
        json_schema = {"type": "object", "properties": {"port": {"type": "string"}}, "additionalProperties": False}
        for form in ({"response_schema": schema}, {"response_json_schema": json_schema}):
            config: Any = {"response_mime_type": "application/json", **form}
            got = client.models.generate_content(model=NEW, contents=wished(answer='{"port": "Kiel"}'), config=config)
            assert got.parsed == {"port": "Kiel"}

    told(story)


def test_several_candidates() -> None:
    """Older models make several candidates, each with its index, whole and streamed."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        del sandbox
        config = types.GenerateContentConfig(candidate_count=2)
        whole = client.models.generate_content(model=OLD, contents=wished(tokens=3), config=config)
        candidates = whole.candidates or []
        assert [one.index for one in candidates] == [0, 1]
        assert candidates[0].content != candidates[1].content
        streamed = list(client.models.generate_content_stream(model=OLD, contents=wished(tokens=3), config=config))
        places = [one.candidates[0].index for one in streamed if one.candidates]
        assert places == [0, 0, 0, 1, 1, 1]

    told(story)


@pytest.mark.parametrize(
    ("fault", "kind", "code", "status"),
    [
        ("rate_limit", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("insufficient_quota", errors.ClientError, 402, "RESOURCE_EXHAUSTED"),
        ("overloaded", errors.ServerError, 503, "UNAVAILABLE"),
        ("stream_error:after=2", errors.ServerError, 503, "UNAVAILABLE"),
        ("stream_error:after=2:nested=1", errors.ServerError, 503, "UNAVAILABLE"),
        ("html_error", errors.ServerError, 502, ""),
    ],
)
def test_the_client_raises_what_it_should(fault: str, kind: type[errors.APIError], code: int, status: str) -> None:
    """Errors, also in a stream and in either form, come as the client's own exceptions; the model's name may wish for them."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        with pytest.raises(kind) as raised:
            list(client.models.generate_content_stream(model=f"{NEW}@fault={fault}", contents="Hello"))
        assert (raised.value.code, raised.value.status) == (code, status)
        assert (sandbox.bill()[0].model, sandbox.bill()[0].fault) == (NEW, fault)

    told(story)


def test_the_fault_of_a_header_reaches_gemini() -> None:
    """The x-sandbox headers work as they do elsewhere."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        del sandbox
        options = types.HttpOptions(headers={"x-sandbox-answer": "Ahoy"})
        config = types.GenerateContentConfig(http_options=options)
        assert client.models.generate_content(model=NEW, contents="Hello", config=config).text == "Ahoy"

    told(story)


def test_counts_are_free_and_what_an_answer_reports() -> None:
    """A count is what an answer would report, of contents and of a whole request; it stands on no bill."""

    async def story(sandbox: Sandbox) -> None:
        body = body_for("gemini") | {"systemInstruction": {"parts": [{"text": "Be brief."}]}}
        whole = (await ask(sandbox, "gemini", body)).json["usageMetadata"]["promptTokenCount"]
        request = {key: value for key, value in body.items() if key != "model"} | {"model": f"models/{NEW}"}
        sent = json.dumps({"generateContentRequest": request}).encode()
        got = await send(sandbox, "POST", f"/v1beta/models/{NEW}:countTokens", sent, KEY)
        assert got.json["totalTokens"] == whole
        plain = json.dumps({"contents": body["contents"]}).encode()
        less = await send(sandbox, "POST", f"/v1/models/{NEW}:countTokens", plain, KEY)
        assert less.json["totalTokens"] == whole - 3  # "Be", " brief", "."
        assert len(sandbox.bill()) == 1
        assert sandbox.requests[-1].dialect == "gemini_count_tokens"

    with_sandbox(story)


def test_embeddings_are_units_in_order_and_billed() -> None:
    """Each content has its vector of the length asked for, in order, and the tokens are charged."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        made = client.models.embed_content(model=VECTORS, contents=["one", "two", "one"], config={"output_dimensionality": 8})
        one, two, again = [embedding.values or [] for embedding in made.embeddings or ()]
        assert one == again != two
        assert (len(one), sum(number**2 for number in one)) == (8, pytest.approx(1, abs=1e-5))
        row = sandbox.bill()[0]
        # 3 tokens x 0.15
        assert (row.dialect, row.tokens, row.cost) == ("gemini_embeddings", Tokens(input=3), Fraction(45, 100_000_000))

    told(story)


def test_one_embedding_alone() -> None:
    """embedContent gives one vector, the same one as a batch."""

    async def story(sandbox: Sandbox) -> None:
        content = {"parts": [{"text": "one"}]}
        alone = json.dumps({"model": f"models/{VECTORS}", "content": content, "task_type": "RETRIEVAL_QUERY"}).encode()
        batch = json.dumps({"requests": [{"model": f"models/{VECTORS}", "content": content}]}).encode()
        one = await send(sandbox, "POST", f"/v1beta/models/{VECTORS}:embedContent", alone, KEY)
        many = await send(sandbox, "POST", f"/v1beta/models/{VECTORS}:batchEmbedContents", batch, KEY)
        assert one.json["embedding"] == many.json["embeddings"][0]
        assert one.json["usageMetadata"] == {"promptTokenCount": 1, "totalTokenCount": 1}

    with_sandbox(story)


def test_models_are_listed_page_by_page() -> None:
    """The client lists Gemini's models over as many pages as it takes, and gets one by its name."""

    def story(client: genai.Client, sandbox: Seen) -> None:
        names = [one.name or "" for one in client.models.list(config={"page_size": 3})]
        assert f"models/{NEW}" in names
        assert f"models/{VECTORS}" in names
        assert len(names) == len(set(names)) > 3
        assert all(name.startswith("models/gemini-") for name in names)
        assert sandbox.bill() == []
        one = client.models.get(model=VECTORS)
        assert (one.input_token_limit, one.supported_actions) == (2048, ["embedContent", "batchEmbedContents", "countTokens"])
        with pytest.raises(errors.ClientError, match="models/whale-1 is not found"):
            client.models.get(model="whale-1")

    told(story)


@pytest.mark.parametrize(
    ("path", "headers", "first"),
    [
        ("/v1/models", {"authorization": "Bearer sk-1"}, "object"),
        ("/v1/models", {"x-goog-api-key": "sk-1"}, "models"),
        ("/v1/models?key=sk-1", {}, "models"),
        ("/v1beta/models", {"authorization": "Bearer sk-1"}, "models"),
        ("/v1/models", {"x-api-key": "sk-1", "anthropic-version": "2026-10-21"}, "data"),
    ],
)
def test_the_list_of_models_suits_the_client(path: str, headers: dict[str, str], first: str) -> None:
    """Whoever shows a key of Google's, or asks under its own version, gets Google's list."""

    async def story(sandbox: Sandbox) -> None:
        got = await send(sandbox, "GET", path, b"", headers)
        assert (got.status, next(iter(got.json))) == (200, first)

    with_sandbox(story)


def test_keys_in_the_query_are_kept_as_fingerprints() -> None:
    """A key may stand in the query, and is shown no more than one in a header is."""

    async def story(sandbox: Sandbox) -> None:
        body = json.dumps({"contents": [{"parts": [{"text": "Hello"}]}]}).encode()
        path = f"/v1/models/{NEW}:generateContent?key=sk-secret&prettyPrint=false"
        got = await send(sandbox, "POST", path, body, {"content-type": "application/json"})
        assert got.status == 200
        await sandbox.quiet()
        assert "secret" not in repr(sandbox.requests)
        assert sandbox.requests[0].query.startswith("key=sha256:")
        assert sandbox.bill()[0].credential == sandbox.requests[0].query.removeprefix("key=").removesuffix("&prettyPrint=false")

    with_sandbox(story)


async def array_of(sandbox: Sandbox, fault: str, model: str = NEW) -> Any:
    """Ask for a stream without alt=sse under a fault."""
    body = json.dumps({"contents": [{"parts": [{"text": "Hello"}]}]}).encode()
    headers = KEY | {"x-sandbox-fault": fault, "x-sandbox-tokens": "3"}
    return await send(sandbox, "POST", f"/v1/models/{model}:streamGenerateContent", body, headers)


def test_without_sse_a_stream_is_one_array() -> None:
    """Without alt=sse the same responses are the elements of one JSON array, and so is an error."""

    async def story(sandbox: Sandbox) -> None:
        got = await array_of(sandbox, "ok")
        assert got.headers["content-type"] == "application/json"
        assert [one["candidates"][0].get("finishReason") for one in got.json] == [None, None, None, "STOP"]
        refused = await array_of(sandbox, "rate_limit")
        assert (refused.status, refused.json[0]["error"]["code"]) == (429, 429)
        late = await array_of(sandbox, "stream_error:after=2")
        assert [next(iter(one)) for one in late.json] == ["candidates", "candidates", "error"]
        first = await array_of(sandbox, "stream_error")
        assert [next(iter(one)) for one in first.json] == ["error"]
        for fault in ("cut", "cut_clean", "malformed:after=1"):
            broken = await array_of(sandbox, fault)
            with pytest.raises(json.JSONDecodeError):
                json.loads(broken.body)

    with_sandbox(story)


@pytest.mark.parametrize("model", [NEW, OLD])
def test_no_terminal_keeps_all_content(model: str) -> None:
    """Without its finishReason a stream still has every word, whichever event that stood in; the array is still closed."""

    async def story(sandbox: Sandbox) -> None:
        full, bare = await array_of(sandbox, "ok", model), await array_of(sandbox, "no_terminal", model)
        said = [
            "".join(part["text"] for one in got.json for part in one["candidates"][0]["content"]["parts"]) for got in (full, bare)
        ]
        assert said[0] == said[1] != ""
        assert "finishReason" in full.json[-1]["candidates"][0]
        assert all("finishReason" not in one["candidates"][0] for one in bare.json)
        await sandbox.quiet()
        assert [row.tokens.output for row in sandbox.bill()] == [3, 3]

    with_sandbox(story)


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        # 10 x 0.75 + 200 x 0.075 + 50 x 3.75 = 7.5 + 15 + 187.5 = 210
        (NEW, Tokens(10, 200, 0, 0, 50, 20), Fraction(210, 1_000_000)),
        # 200,000 x 1.25 + 10 x 10 = 250,100: just under the cliff
        ("gemini-2.5-pro", Tokens(input=200_000, output=10), Fraction(250_100, 1_000_000)),
        # 1 x 4 + 200,000 x 0.4 + 10 x 18 = 80,184: the whole prompt counts, and every token is repriced
        ("gemini-3.1-pro-preview", Tokens(input=1, cached=200_000, output=10), Fraction(80_184, 1_000_000)),
        # 7 x 0.2
        ("gemini-embedding-2", Tokens(input=7), Fraction(14, 10_000_000)),
    ],
)
def test_gemini_costs_by_hand(model: str, tokens: Tokens, dollars: Fraction) -> None:
    """The bill has Gemini's own prices and cliffs."""
    assert cost(model, tokens) == dollars

"""Where a request goes on that was itself the reason of a failure, and what a route tries last."""

from __future__ import annotations

import asyncio
import json

import pytest
from asking_stage import answered, client_of
from msgspec.structs import replace
from story_stage import WHOLE_STREAM, Bench, Taken, play, refused, streamed, whole

from stormkeel.dialects.values import Call
from stormkeel.testing import Reply
from stormkeel.types.content import Message
from stormkeel.types.failure import FailureKind
from stormkeel.types.wire import HttpRequest

K = FailureKind
WINDOWS = {"small": 8_000, "twin": 8_000, "middle": 32_000, "large": 128_000}
PRICED = '[models."gpu/{}"]\nwindow = {}\ninput_price = "1"\noutput_price = "2"\n'
HOUSE = """
[providers.gpu]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
""" + "".join(PRICED.format(name, window) for name, window in WINDOWS.items())
"""A provider of models with windows of these sizes, a dollar a million tokens in, and of others that nobody knows."""
OPENAI = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[models."openai/gpt-5.4-mini"]
window = 8000
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
last_resort.trim = true
"""
"""One that reports usage in its streams where it is asked to."""
TOO_LONG = refused(400, "context_length_exceeded", "invalid_request_error")
FILTERED = refused(400, "content_filter")


def house(groups: str, more: str = "") -> bytes:
    """Settings with one route."""
    return f"{HOUSE}\n[routes.fast]\ngroups = {groups}\n{more}".encode()


def asked_of(bench: Bench) -> list[str]:
    """The models that were asked, in order."""
    return [json.loads(sent.request.body)["model"] for sent in bench.transport.sent]


def by_model(**replies):
    """A script that answers each model in its own way; whoever is not named answers well."""
    return lambda request: replies.get(json.loads(request.body)["model"], whole())


def fits(limit: int):
    """A script of models that count: whoever is sent more bytes of text than so many refuses it as too long."""

    def choose(request: HttpRequest):
        return TOO_LONG if len(request.body) > limit else whole("yes")

    return choose


# -- too long -----------------------------------------------------------------------------------------------------------


def test_too_long_goes_to_larger_windows_alone():
    """An equal or a smaller window is never asked, a larger one is, and one that nobody knows comes last."""

    async def story():
        bench = Bench(by_model(small=TOO_LONG, large=TOO_LONG), house('[["gpu/small"], ["gpu/twin"], ["gpu/strange"], ["gpu/large"], ["gpu/middle"]]'))
        answer = await bench.ask()
        assert answer.failure is None
        assert asked_of(bench) == ["small", "large", "strange"]

    play(story)


def test_no_larger_window_is_told_at_once():
    """Where nobody has a larger window the provider's own words come back after one attempt."""

    async def story():
        bench = Bench(by_model(small=TOO_LONG), house('[["gpu/small"], ["gpu/twin"]]'))
        answer = await bench.ask()
        assert (answer.failure.kind, asked_of(bench)) == (K.CONTEXT_LENGTH, ["small"])
        assert answer.failure.body

    play(story)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("way", "asked"),
    [
        ('"none"', ["small"]),
        ("[]", ["small"]),
        ('["gpu/middle"]', ["small", "middle"]),
        ('"long"', ["small", "middle"]),
        ('["gpu/twin", "next"]', ["small", "large"]),
        ('["gpu/strange", "next"]', ["small", "strange"]),
        ('{ to = ["next"], max_cost = "0.5" }', ["small", "large"]),
        ('{ to = ["next"], max_cost = "0.002" }', ["small"]),
    ],
)
def test_a_route_says_where_it_goes_on(way: str, asked: list[str], stream: bool):
    """A route names who is asked instead, or nobody, within what it may cost; named ones with too small a window are left out."""

    async def story():
        more = f'fallback.context_length = {way}\n[routes.long]\ngroups = [["gpu/middle"]]\n'
        answers = {name: streamed(*WHOLE_STREAM) for name in ("middle", "large", "strange")} if stream else {}
        bench = Bench(by_model(small=TOO_LONG, **answers), house('[["gpu/small"], ["gpu/large"]]', more))
        out = Taken() if stream else None
        answer = await bench.house.answer(bench.request("fast", stream=stream), out)
        assert asked_of(bench) == asked
        assert (answer.failure is None) is (len(asked) > 1)

    play(story)


BUSY = '{{ provider = "gpu", model = "{}", concurrency = 1 }}'
"""A target with one place."""
SLOW = Reply(200, whole().body, delay=2.0)


@pytest.mark.parametrize("cap", ["", 'fallback.context_length = { to = ["next"], max_cost = "1" }\n'])
def test_a_larger_window_that_is_full_is_waited_for(cap: str):
    """Where the only larger window has no place free, the request's turn there is worth a wait, as after any other failure."""

    async def story():
        groups = f'[[{BUSY.format("large")}], ["gpu/small"]]'
        bench = Bench(by_model(small=TOO_LONG, large=SLOW), house(groups, cap + "queue_wait = 5.0"))
        first, second = await asyncio.gather(bench.ask(), bench.ask())
        assert (first.failure, second.failure) == (None, None)
        assert asked_of(bench) == ["large", "small", "large"]

    play(story)


@pytest.mark.parametrize(("failure", "then"), [(TOO_LONG, ["twin", "small", "large"]), (FILTERED, ["twin", "small"])])
def test_a_full_one_that_may_not_be_asked_is_not_waited_for(failure, then):
    """Whoever was full is not come back to where its window is too small, nor where the route sends what was refused to nobody."""

    async def story():
        groups = f'[[{BUSY.format("twin")}], ["gpu/small"], ["gpu/large"]]'
        script = by_model(small=failure, twin=SLOW, large=refused(404, "model_not_found"))
        bench = Bench(script, house(groups, "queue_wait = 5.0"))
        _, second = await asyncio.gather(bench.ask(), bench.ask())
        assert second.failure is not None
        assert asked_of(bench) == then

    play(story)


@pytest.mark.parametrize(
    ("first", "asked"), [("large", ["large", "small", "large", "middle"]), ("twin", ["twin", "small", "middle"])]
)
def test_what_a_hedge_found_too_long_is_too_long(first: str, asked: list[str]):
    """INV-32: where a second attempt finds the request too long, nobody with no larger window is asked when the first one fails."""

    async def story():
        replies = {}

        def choose(request: HttpRequest):
            return replies.get(json.loads(request.body)["model"], whole())

        rest = [name for name in ("twin", "middle") if name != first]
        names = ", ".join(f'"gpu/{name}"' for name in (first, "small", *rest))
        more = 'strategy = "priority"\nhedge = { after = 0.5, share = 0.5 }\n[policies.retry]\nattempts = 2\n'
        bench = Bench(choose, house(f"[[{names}]]", more))
        for _ in range(4):  # they pay for a hedge
            await bench.ask()
        replies.update({first: Reply(500, (b"{}",), delay=2.0), "small": TOO_LONG})
        assert (await bench.ask()).failure is None
        assert asked_of(bench)[4:] == asked

    play(story)


def test_a_hedge_that_finds_a_request_too_long_takes_no_answer_away():
    """INV-9: who answers after all is the answer, and no failure is told behind it, whatever the second attempt heard before."""

    async def story():
        replies = {}
        bench = Bench(
            lambda request: replies.get(json.loads(request.body)["model"], whole()),
            house('[["gpu/twin", "gpu/small"]]', 'strategy = "priority"\nhedge = { after = 0.5, share = 0.5 }\n'),
        )
        for _ in range(4):  # they pay for a hedge
            await bench.ask()
        replies.update({"twin": SLOW, "small": TOO_LONG})
        answer = await bench.ask()
        assert asked_of(bench)[4:] == ["twin", "small"]
        assert answer.failure is None and answer.response is not None
        assert [attempt.failure is None for attempt in answer.story.attempts] == [False, True]

    play(story)


def test_failing_over_after_a_detour_stays_on_it():
    """Whoever was too small is not asked again when a larger one is down."""

    async def story():
        groups = '[["gpu/small"], ["gpu/twin"], ["gpu/middle"], ["gpu/large"]]'
        bench = Bench(by_model(small=TOO_LONG, middle=refused(529)), house(groups))
        assert (await bench.ask()).failure is None
        assert asked_of(bench) == ["small", "middle", "large"]

    play(story)


# -- refused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ("", ["small"]),
        ('fallback.content_refused = "next"', ["small", "large"]),
        ('fallback.content_refused = ["gpu/middle"]', ["small", "middle"]),
    ],
)
def test_what_a_filter_refused_goes_elsewhere_only_where_allowed(more: str, asked: list[str]):
    """A refusal for its content is the caller's to know, unless the route says who is asked instead."""

    async def story():
        bench = Bench(by_model(small=FILTERED), house('[["gpu/small"], ["gpu/large"]]', more))
        answer = await bench.ask()
        assert asked_of(bench) == asked
        assert (answer.failure is None) is (len(asked) > 1)
        assert len(asked) > 1 or answer.failure.kind is K.CONTENT_REFUSED

    play(story)


# -- the last resort ------------------------------------------------------------------------------------------------------

TURNS = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "old " * 5_000},
    {"role": "assistant", "content": "answer " * 2_000},
    {"role": "user", "content": "middle " * 1_000},
    {"role": "assistant", "content": "another"},
    {"role": "user", "content": "the question"},
]


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_is_trimmed_last(stream: bool):
    """When all windows are too small the oldest turns go, the largest window is asked, and header and ledger tell which."""

    async def story():
        def choose(request):
            body = json.loads(request.body)
            if len(request.body) > 20_000:
                return TOO_LONG
            return streamed(*WHOLE_STREAM) if body.get("stream") else whole("yes")

        bench = Bench(choose, house('[["gpu/twin"], ["gpu/small"]]', "last_resort.trim = true"))
        out = Taken() if stream else None
        answer = await bench.house.answer(bench.request("fast", messages=TURNS, stream=stream), out)
        assert answer.failure is None
        sent = json.loads(bench.transport.sent[-1].request.body)["messages"]
        assert [turn["content"] for turn in sent] == ["be brief", "middle " * 1_000, "another", "the question"]
        headers = out.heads[0] if stream else answer.headers
        assert ("x-stormkeel-lossy", "messages[1..2]") in headers
        assert bench.settled[-1].lost == ("messages[]",)
        assert asked_of(bench) == ["twin", "twin"]

    play(story)


@pytest.mark.parametrize("asks", [False, True])
def test_a_trimmed_stream_reports_usage_to_whom_it_would_have(asks: bool):
    """A client that did not ask for the usage frame gets none, though the provider is asked for it to book by; one that did does."""

    async def story():
        def choose(request):
            return TOO_LONG if len(request.body) > 20_000 else streamed(*WHOLE_STREAM)

        bench = Bench(choose, OPENAI)
        more = {"stream_options": {"include_usage": True}} if asks else {}
        answer, taken = await bench.stream(messages=TURNS, **more)
        assert answer.failure is None
        assert taken.text == "one two three"
        assert json.loads(bench.transport.sent[-1].request.body)["stream_options"] == {"include_usage": True}
        assert (b'"prompt_tokens"' in taken.body, bench.outcomes[-1]) == (asks, ("ok", "provider"))

    play(story)


def test_what_the_smaller_body_can_not_say_is_told_by_the_clients_names():
    """A limit that the model can't reach, lowered as the body is written anew, is a loss beside the turns; header and ledger say so."""

    async def story():
        more = 'last_resort.trim = true\n[models."gpu/terse"]\nwindow = 8000\nmax_output = 500\n'
        bench = Bench(fits(20_000), house('[["gpu/terse"]]', more))
        answer = await bench.ask(messages=TURNS, max_tokens=900)
        assert answer.failure is None
        assert json.loads(bench.transport.sent[-1].request.body)["max_tokens"] == 500
        assert dict(answer.headers)["x-stormkeel-lossy"] == "messages[1..2], max_completion_tokens"
        assert bench.settled[-1].lost == ("messages[]", "max_completion_tokens")

    play(story)


@pytest.mark.parametrize("is_read", [False, True])
def test_a_trimmed_request_is_read_for_whom_it_would_have_been(is_read: bool):
    """Who reads the answer, as the library does, has it read after a last resort too; nobody else pays for that."""

    async def story():
        bench = Bench(fits(20_000), house('[["gpu/small"]]', "last_resort.trim = true"))
        request = replace(bench.request("fast", messages=TURNS), is_read=is_read)
        answer = await bench.house.answer(request)
        assert answer.failure is None
        assert (answer.read is not None, len(bench.transport.sent)) == (is_read, 2)

    play(story)


LONG, SHORT = "old " * 6_000, "the question"
SPOKEN = {
    "anthropic_messages": (
        {"max_tokens": 50, "system": "be brief", "messages": [{"role": "user", "content": LONG}, {"role": "assistant", "content": "so"},
                                                              {"role": "user", "content": SHORT}]}, "messages[0..1]"),
    "openai_responses": (
        {"store": False, "instructions": "be brief", "input": [{"role": "user", "content": LONG}, {"role": "assistant", "content": "so"},
                                                               {"role": "user", "content": SHORT}]}, "input[0..1]"),
    "gemini": (
        {"systemInstruction": {"parts": [{"text": "be brief"}]}, "contents": [
            {"role": "user", "parts": [{"text": LONG}]}, {"role": "model", "parts": [{"text": "so"}]},
            {"role": "user", "parts": [{"text": SHORT}]}]}, "contents[0..1]"),
    "openai_chat": (
        {"messages": [{"role": "user", "content": LONG},
                      {"role": "assistant", "tool_calls": [{"id": f"c{n}", "type": "function",
                                                            "function": {"name": "f", "arguments": "{}"}} for n in range(2)]},
                      *({"role": "tool", "tool_call_id": f"c{n}", "content": "x"} for n in range(2)),
                      {"role": "assistant", "content": "so"}, {"role": "user", "content": SHORT}]}, "messages (4 of 5 turns)"),
}  # fmt: skip
"""A conversation too long in each dialect, and how its oldest turns are told: by their places, or by their number."""


@pytest.mark.parametrize("dialect", SPOKEN)
def test_turns_are_named_by_their_places_in_the_clients_body(dialect: str):
    """What was left out is told in the client's own words, whichever dialect it and its provider speak."""

    async def story():
        body, told = SPOKEN[dialect]
        bench = Bench(fits(4_000), house('[["gpu/small"]]', "last_resort.trim = true"))
        call = Call("fast") if dialect == "gemini" else None
        raw = json.dumps(body if call else {"model": "fast", **body}).encode()
        answer = await bench.house.answer(bench.house.dialect(dialect).read_request(raw, "r1", call=call))
        assert answer.failure is None
        assert told in dict(answer.headers)["x-stormkeel-lossy"]
        assert LONG not in bench.transport.sent[-1].request.body.decode()
        assert SHORT in bench.transport.sent[-1].request.body.decode()

    play(story)


def test_trimmed_once_more_where_that_was_too_much():
    """Where the estimate was wrong it is trimmed harder once, counted from the conversation as it came, and then given up."""

    async def story():
        turns = [{"role": role, "content": "w" * 2_000} for _ in range(10) for role in ("user", "assistant")]
        for limit, is_answered, sent in ((15_000, True, [21, 7]), (10_000, True, [21, 7, 5]), (2_000, False, [21, 7, 5])):
            bench = Bench(fits(limit), house('[["gpu/small"]]', "last_resort.trim = true"))
            answer = await bench.ask(messages=[*turns, {"role": "user", "content": "the question"}])
            assert [len(json.loads(one.request.body)["messages"]) for one in bench.transport.sent] == sent
            assert (answer.failure is None) is is_answered
        assert answer.failure.kind is K.CONTEXT_LENGTH

    play(story)


@pytest.mark.parametrize(
    ("more", "contents", "told"),
    [
        ('last_resort = { system = "short" }', ["short", "the question"], "system"),
        ('last_resort = { prompt = "Say that it was too long." }', ["Say that it was too long."], "messages"),
        ('last_resort = { prompt = "Say so.", system = "short", to = ["gpu/large"] }', ["short", "Say so."], "messages, system"),
    ],
)
def test_another_prompt_instead(more: str, contents: list[str], told: str):
    """A shorter instruction or a fixed prompt is asked when nothing else is left, of whom the route names, and told."""

    async def story():
        bench = Bench(fits(2_000), house('[["gpu/small"]]', more))
        turns = [{"role": "system", "content": "long " * 2_000}, {"role": "user", "content": "the question"}]
        answer = await bench.ask(messages=turns)
        assert answer.failure is None
        assert [turn["content"] for turn in json.loads(bench.transport.sent[-1].request.body)["messages"]] == contents
        assert ("x-stormkeel-lossy", told) in answer.headers
        assert asked_of(bench)[-1] == ("large" if "gpu/large" in more else "small")

    play(story)


def test_another_prompt_says_that_the_instructions_went_too():
    """INV-33: where a dialect has its instructions apart from its turns, both are named that another prompt took the place of."""

    async def story():
        bench = Bench(fits(2_000), house('[["gpu/small"]]', 'last_resort = { prompt = "Say so." }'))
        body = {"model": "fast", "max_tokens": 9, "system": "be brief", "messages": [{"role": "user", "content": "long " * 2_000}]}
        codec = bench.house.dialect("anthropic_messages")
        answer = await bench.house.answer(codec.read_request(json.dumps(body).encode(), "r1"))
        assert answer.failure is None
        assert dict(answer.headers)["x-stormkeel-lossy"].startswith("messages, system")

    play(story)


TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
CALLED = [
    {"role": "user", "content": "long " * 2_000},
    {"role": "assistant", "tool_calls": [{"id": f"c{n}", "type": "function", "function": {"name": "look", "arguments": "{}"}} for n in range(2)]},
    *({"role": "tool", "tool_call_id": f"c{n}", "content": "x"} for n in range(2)),
    {"role": "user", "content": "the question"},
]  # fmt: skip
"""A conversation whose entries are more than its turns: two results are one."""


@pytest.mark.parametrize(
    ("more", "has_tools", "told"),
    [('prompt = "Say so."', False, "messages"), ('system = "short"', True, "system"), ('prompt = "Say so.", system = "short"', False, "messages, system")],
)  # fmt: skip
def test_another_prompt_has_no_tools_and_other_instructions_have(more: str, has_tools: bool, told: str):
    """What is said instead of all calls nothing; and no instructions are named as gone where there were none."""

    async def story():
        def choose(request):
            return whole("yes") if b"Say so." in request.body or b"short" in request.body else TOO_LONG

        bench = Bench(choose, house('[["gpu/small"]]', f"last_resort = {{ {more} }}"))
        answer = await bench.ask(messages=CALLED, tools=TOOLS, tool_choice="auto")
        assert answer.failure is None
        sent = json.loads(bench.transport.sent[-1].request.body)
        assert ("tools" in sent, "tool_choice" in sent) == (has_tools, has_tools)
        assert ("x-stormkeel-lossy", told) in answer.headers

    play(story)


@pytest.mark.parametrize(
    ("failed", "messages", "more"),
    [
        (FILTERED, TURNS, {}),
        (TOO_LONG, [{"role": "user", "content": "only " * 9_000}], {}),
        (TOO_LONG, TURNS, {"web_search_options": {}}),
    ],
    ids=["not for being too long", "nothing may go", "we can not read it"],
)
def test_where_nothing_may_be_left_out_it_is_not_asked_again(failed, messages, more):
    """The provider's own word stands, after one attempt."""

    async def story():
        bench = Bench([failed], OPENAI.replace(b"8000", b"9000000"))
        answer = await bench.ask(messages=messages, **more)
        assert answer.failure is not None
        assert answer.failure.kind is (K.CONTENT_REFUSED if failed is FILTERED else K.CONTEXT_LENGTH)
        assert len(bench.transport.sent) == 1

    play(story)


def test_other_instructions_that_are_the_same_are_not_asked_again():
    """A body that would be what it was has been refused already."""

    async def story():
        bench = Bench([FILTERED], house('[["gpu/small"]]', 'last_resort.system = "careful"'))
        turns = [{"role": "system", "content": "careful"}, {"role": "user", "content": "hello"}]
        raw = json.dumps({"model": "fast", "messages": turns}, separators=(",", ":")).encode()
        answer = await bench.house.answer(bench.house.dialect("openai_chat").read_request(raw, "r1"))
        assert answer.failure is not None
        assert (answer.failure.kind, len(bench.transport.sent)) == (K.CONTENT_REFUSED, 1)

    play(story)


def test_other_instructions_leave_a_long_conversation_whole():
    """Only a route that trims does."""

    async def story():
        bench = Bench([TOO_LONG, whole()], house('[["gpu/large"]]', 'last_resort.system = "short"'))
        assert (await bench.ask(messages=TURNS)).failure is None
        assert len(json.loads(bench.transport.sent[-1].request.body)["messages"]) == len(TURNS)

    play(story)


@pytest.mark.parametrize("asked", ["long " * 2_000, [{"role": "user", "content": "long " * 2_000}]], ids=["a text", "turns"])
def test_another_prompt_takes_the_place_of_a_text_too(asked):
    """Where a dialect lets a whole conversation be one text it is named by its field."""

    async def story():
        bench = Bench(fits(2_000), house('[["gpu/small"]]', 'last_resort = { prompt = "Say so." }'))
        raw = json.dumps({"model": "fast", "store": False, "input": asked}).encode()
        answer = await bench.house.answer(bench.house.dialect("openai_responses").read_request(raw, "r1"))
        assert answer.failure is None
        assert dict(answer.headers)["x-stormkeel-lossy"] == "input"

    play(story)


def test_a_last_resort_after_a_detour_is_of_the_route_too():
    """Who went on elsewhere and was refused there as well is asked for the last time of the route's own, and of whom it went on to."""

    async def story():
        def choose(request):
            return whole() if b"careful" in request.body and b"small" in request.body else FILTERED

        more = 'fallback.content_refused = ["gpu/middle"]\nlast_resort.system = "careful"'
        bench = Bench(choose, house('[["gpu/small"]]', more))
        assert (await bench.ask()).failure is None
        assert asked_of(bench) == ["small", "middle", "middle", "small"]

    play(story)


def test_a_conversation_is_trimmed_for_whoever_is_there():
    """INV-32: where the largest window is down, what was too long for the next one is trimmed for that, and not sent again as it was."""

    async def story():
        def choose(request):
            large = json.loads(request.body)["model"] == "large"
            return refused(529) if large else fits(15_000)(request)

        more = 'fallback.context_length = "none"\nlast_resort = { system = "be brief", trim = true }'
        bench = Bench(choose, house('[["gpu/small"], ["gpu/large"]]', more))
        turns = [{"role": role, "content": "w" * 2_000} for _ in range(10) for role in ("user", "assistant")]
        answer = await bench.ask(messages=[*turns, {"role": "user", "content": "the question"}])
        assert answer.failure is None
        sent = [json.loads(one.request.body) for one in bench.transport.sent]
        told = [(one["model"], len(one["messages"])) for one in sent]
        assert told == [("small", 21), ("large", 22), ("small", 22), ("large", 6), ("small", 6)]

    play(story)


def test_a_safer_instruction_for_what_was_refused():
    """What a filter refused is asked once with the instruction that the route has for that."""

    async def story():
        def choose(request):
            return whole() if b"careful" in request.body else FILTERED

        bench = Bench(choose, house('[["gpu/small"]]', 'last_resort = { system = "careful", trim = true }'))
        assert (await bench.ask()).failure is None
        assert len(bench.transport.sent) == 2

    play(story)


def test_a_strict_request_is_never_trimmed():
    """Who would rather have no answer than one to less gets none."""

    async def story():
        bench = Bench([TOO_LONG], house('[["gpu/small"]]', "last_resort.trim = true"))
        answer = await bench.ask(messages=TURNS, strict=True)
        assert (answer.failure.kind, len(bench.transport.sent)) == (K.CONTEXT_LENGTH, 1)

    play(story)


def test_the_library_has_a_last_resort_too():
    """What the library would refuse unsent, as nobody has room for it, is trimmed where the route says so."""

    async def story():
        bench = Bench([answered("yes")], house('[["gpu/small"]]', "last_resort.trim = true"))
        turns = [Message("user", "old " * 9_000), Message("assistant", "so"), Message("user", "the question")]
        done = await client_of(bench).complete(messages=turns)
        assert (done.text, [attempt.made for attempt in done.attempts]) == ("yes", [False, True])

    play(story)


def test_explain_says_where_it_would_go_on():
    """An explanation has a line for each reason to go on, and one for the last resort."""

    async def story():
        more = 'fallback.content_refused = "next"\nfallback.context_length = ["gpu/large"]\nlast_resort.trim = true'
        bench = Bench([whole()], house('[["gpu/small"]]', more))
        assert bench.house.explain(bench.request("fast")).onwards == [
            "too long: gpu/large",
            "refused by a filter: what is left of the route",
            "last resort: the oldest turns left out, at the largest windows of the route",
        ]

    play(story)


def test_a_resort_keeps_to_the_cap_and_the_border():
    """Whoever was too dear for the whole request, or is outside, is not asked for a part of it either."""

    async def story():
        more = 'fallback.context_length = { to = ["next"], max_cost = "0.002" }\nlast_resort.trim = true'
        bench = Bench(fits(20_000), house('[["gpu/small"], ["gpu/large"]]', more))
        assert (await bench.ask(messages=TURNS)).failure is None
        assert set(asked_of(bench)) == {"small"}

    play(story)

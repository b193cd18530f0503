"""`stormkeel explain`: from a file, from standard input, of a configuration and of a running gateway."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result
from gateway_stage import CHAT, MESSAGES, MODELS, QUICK, ask, asking, body_of_asking, play, posted, route, staged

from stormkeel.assemble.known import CODECS
from stormkeel.cli.explain import FORMATS, IN_ADDRESS, command
from stormkeel.engine.gates import GATES

CONFIG = """
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.local]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[routes.fast]
groups = [[{ provider = "openai", model = "gpt-5.4-mini", rpm = 50, tpm = 40000 }], ["local/llama"]]
"""
BODY = {"model": "fast", "stream": True, "max_tokens": 200, "messages": [{"role": "user", "content": "CANARY"}]}


def run(*words: str, stdin: bytes = b"", **environ: str) -> Result:
    """Run the command."""
    return CliRunner(env={"STORMKEEL_URL": "", "STORMKEEL_KEY": "", **environ}).invoke(command, list(words), input=stdin)


def test_a_request_of_a_configuration(tmp_path: Path) -> None:
    """Without a gateway the configuration is built with nothing in its memory: order, gates, edits, price and limits are told."""
    (tmp_path / "s.toml").write_text(CONFIG + f'[telemetry]\nlog = "{tmp_path}/log"\n')
    (tmp_path / "r.json").write_text(json.dumps(BODY))
    data = tmp_path / "data"
    environ = {"OPENAI_API_KEY": "sk-proj-0123456789abcdef", "STORMKEEL_DATA": str(data)}
    told = run(str(tmp_path / "r.json"), "--config", str(tmp_path / "s.toml"), **environ)
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == '"fast" (openai_chat, a stream): by route "fast", first openai/gpt-5.4-mini#main'
    assert lines[2].split() == ["candidate", *(name for name, _ in GATES), "now", "held"]
    assert lines[3].split()[-6:-1] == ["yes", "yes", "yes", "yes", "tried"]
    assert '   edits        model: "fast" becomes "gpt-5.4-mini"; stream_options: {"include_usage":true} added' in lines
    assert any("50 requests, 40,000 tokens left; 49 requests" in line for line in lines)
    assert any("nano-dollars) would be held" in line for line in lines)
    assert any("? would be held" in line for line in lines), "an unknown price is never 0"
    assert "CANARY" not in told.output
    assert not data.exists(), "nothing is written, and no journal is locked"
    assert not (tmp_path / "log").exists()
    said = json.loads(run("-", "--config", str(tmp_path / "s.toml"), "--json", stdin=json.dumps(BODY).encode(), **environ).stdout)
    assert [one["standing"]["name"] for one in said["candidates"]] == ["openai/gpt-5.4-mini#main", "local/llama"]
    price = said["candidates"][0]["price"]
    assert price["most_usd"] == f"0.{price['most']:09d}"
    (tmp_path / "s.toml").write_text(CONFIG + '[models."local/*"]\ninput_price = "1"\noutput_price = "2"\nmax_output = 200\n')
    told = run(str(tmp_path / "r.json"), "--config", str(tmp_path / "s.toml"), **environ)
    assert [line.endswith("would be held, by prices of your own") for line in told.stdout.splitlines() if "price  " in line] == [
        False,
        True,
    ]


def test_a_sticky_route_is_explained_with_what_the_request_would_say(tmp_path: Path) -> None:
    """`--session` and `--user` stand for the headers: the same name leads to the same deployment, whatever is asked."""
    groups = 'groups = [["openai/gpt-5.4", "openai/gpt-5.4-nano", "local/llama"]]'
    routes = (
        f'[routes.{name}]\n{groups}\nsticky = "{sticky}"\n' for name, sticky in (("kept", "conversation"), ("owned", "user"))
    )
    (tmp_path / "s.toml").write_text(CONFIG + "".join(routes))

    def chosen(model: str, text: str, *words: str) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        told = run(
            "-", "--config", str(tmp_path / "s.toml"), "--json", *words, stdin=json.dumps(body).encode(),
            OPENAI_API_KEY="sk-proj-0123456789abcdef",
        )  # fmt: skip
        assert told.exit_code == 0, told.output
        first = json.loads(told.stdout)["candidates"][0]
        assert first["choice"].startswith("sticky by ")
        return str(first["standing"]["name"])

    for model, option in (("kept", "--session"), ("owned", "--user")):
        assert len({chosen(model, str(number), option, "mine") for number in range(6)}) == 1
        assert len({chosen(model, "the same", option, str(number)) for number in range(12)}) > 1


def test_a_profile_counts(tmp_path: Path) -> None:
    """`--profile` explains by that profile of the configuration."""
    other = '[profiles.prod.routes.fast]\ngroups = [["local/llama"]]\n[profiles.dev]\n'
    (tmp_path / "s.toml").write_text(CONFIG + other)
    words = ("-", "--config", str(tmp_path / "s.toml"), "--json", "--profile")
    said = {
        profile: json.loads(
            run(*words, profile, stdin=json.dumps(BODY).encode(), OPENAI_API_KEY="sk-proj-0123456789abcdef").stdout
        )["first"]
        for profile in ("dev", "prod")
    }
    assert said == {"dev": "openai/gpt-5.4-mini#main", "prod": "local/llama"}


def test_what_a_running_gateway_would_do_now(tmp_path: Path) -> None:
    """With `--url` the gateway's live state counts: who is set aside is told so, and nothing more was sent for it."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "fault=insufficient_quota", "")) as stage:
            await ask(stage, asking(CHAT, model="r"))
            sent = len(stage.sandbox.requests)
            (tmp_path / "r.json").write_bytes(body_of_asking(asking(CHAT, model="r")))
            told = await asyncio.to_thread(run, str(tmp_path / "r.json"), "--url", stage.url)
            assert told.exit_code == 0, told.output
            assert "first spare-openai/" in told.stdout
            assert "is set aside for" in told.stdout
            assert len(stage.sandbox.requests) == sent

    play(story)


def test_the_dialect_is_asked_for_by_query_path_and_header(tmp_path: Path) -> None:
    """`POST /admin/explain` takes a body as it would be sent, and headers as well: labels, patience, dialect."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            chat, messages = (body_of_asking(asking(dialect)) for dialect in (CHAT, MESSAGES))
            cases = [
                ("/admin/explain", {}, chat, "openai_chat"),
                ("/admin/explain?dialect=anthropic_messages", {}, messages, "anthropic_messages"),
                ("/admin/explain", {"anthropic-version": "2023-06-01"}, messages, "anthropic_messages"),
                ("/anthropic/admin/explain", {}, messages, "anthropic_messages"),
                ("/openai/admin/explain", {"anthropic-version": "2023-06-01"}, chat, "openai_chat"),
            ]
            for path, headers, body, dialect in cases:
                labels = {"x-stormkeel-task": "a-task", "x-stormkeel-timeout": "3"}
                got = await ask(stage, posted(path, body, headers | labels))
                assert [got.status, got.json["dialect"]] == [200, dialect], path
                assert [got.json["task"], got.json["deadline_s"]] == ["a-task", 3.0]
                assert got.json["first"].endswith(MODELS[CHAT if dialect == "openai_chat" else MESSAGES] + "#main")
                assert got.headers["cache-control"] == "no-store"
            wrong = [
                (posted("/admin/explain?dialect=klingon", chat), 400, "unknown_dialect"),
                (posted("/admin/explain", b"[]"), 400, ""),
                (posted("/admin/explain", chat, {"content-length": "99999999"}), 413, "request_too_large"),
            ]
            for request, status, kind in wrong:
                got = await ask(stage, request)
                assert got.status == status
                assert got.json.keys() == {"error"}
                assert not kind or got.json["error"]["type"] == kind
            assert stage.sandbox.requests == []
            assert stage.reserved == []

    play(story)


def test_mistakes_are_told_with_their_mend(tmp_path: Path) -> None:
    """A file that is not there, one that is no request, and a gateway with a configuration: one line each."""
    (tmp_path / "s.toml").write_text(CONFIG)
    config = ["--config", str(tmp_path / "s.toml")]
    cases = [
        (["nowhere.json", *config], b"", "nowhere.json"),
        (["-", *config], b"[]", "openai_chat"),
        (["-", *config, "--url", "http://127.0.0.1:9"], b"{}", "--config"),
    ]
    for words, stdin, said in cases:
        told = run(*words, stdin=stdin, OPENAI_API_KEY="sk-proj-0123456789abcdef")
        assert told.exit_code in {1, 2}, words
        assert said in told.stderr
        assert "Traceback" not in told.stderr


PLAIN = CONFIG.replace('{ provider = "openai", model = "gpt-5.4-mini", rpm = 50, tpm = 40000 }', '"openai/gpt-5.4-mini"')
ACROSS = (
    PLAIN
    + """
[providers.anthropic]
credentials = { main = "env:ANTHROPIC_API_KEY" }
[routes.both]
groups = [["anthropic/claude-sonnet-5"], ["openai/gpt-5.4-mini"]]
[routes.whole]
strict = true
groups = [["anthropic/claude-sonnet-5"], ["openai/gpt-5.4-mini"]]
"""
)
SECRETS = {"OPENAI_API_KEY": "sk-proj-0123456789abcdef", "ANTHROPIC_API_KEY": "sk-ant-api03-0123456789abcdef"}


def test_a_strict_request_passes_over_who_cant_be_told_all_of_it(tmp_path: Path) -> None:
    """By `--strict` or by its route: who would lose something of it is refused with the names, and is still in the list."""
    (tmp_path / "s.toml").write_text(ACROSS)
    for words, model, strict in (((), "both", False), (("--strict",), "both", True), ((), "whole", True)):
        body = {**BODY, "model": model, "seed": 1}
        told = run("-", "--config", str(tmp_path / "s.toml"), "--json", *words, stdin=json.dumps(body).encode(), **SECRETS)
        said = json.loads(told.stdout)
        claude, gpt = said["candidates"]
        assert said["strict"] is strict
        assert claude["losses"] == ["seed"]
        assert [claude["would_try"], gpt["would_try"]] == [not strict, True]
        assert said["first"] == (gpt if strict else claude)["standing"]["name"]
        assert ("can't be told seed" in claude["why"]) is strict
    plain = run("-", "--config", str(tmp_path / "s.toml"), stdin=json.dumps(body).encode(), **SECRETS).stdout
    assert plain.startswith('"whole" (openai_chat, a stream, strict): by route "whole", first openai/')
    assert "   losses       seed" in plain.splitlines()


def test_every_dialect_can_be_explained(tmp_path: Path) -> None:
    """A Gemini body names no model, as its address does: `--model` and `--stream` say it, and are refused for the others."""
    assert [name for name, codec in CODECS.items() if not codec.names_model] == list(IN_ADDRESS)
    assert list(CODECS) == list(FORMATS)
    (tmp_path / "s.toml").write_text(ACROSS)
    bodies = {
        "openai_chat": BODY, "openai_responses": {"model": "fast", "input": "hi"},
        "anthropic_messages": {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        "openai_embeddings": {"model": "fast", "input": "hi"},
        "gemini_embeddings": {"requests": [{"content": {"parts": [{"text": "hi"}]}}]},
        "gemini_embedding": {"content": {"parts": [{"text": "hi"}]}},
    }  # fmt: skip
    assert bodies.keys() == set(FORMATS)
    words = ("-", "--config", str(tmp_path / "s.toml"), "--json", "--dialect")
    for dialect, body in bodies.items():
        more = ("--model", "fast", *(("--stream",) if dialect == "gemini" else ())) if dialect in IN_ADDRESS else ()
        told = run(*words, dialect, *more, stdin=json.dumps(body).encode(), **SECRETS)
        assert told.exit_code == 0, told.output
        said = json.loads(told.stdout)
        assert [said["model"], said["dialect"], said["first"]] == ["fast", dialect, "openai/gpt-5.4-mini#main"]
        assert said["stream"] is (dialect == "gemini" or body is BODY)
    lacking = run(*words, "gemini", stdin=b"{}", **SECRETS)
    assert [lacking.exit_code, "give it by --model" in lacking.output] == [2, True]
    surplus = run(*words, "openai_chat", "--model", "fast", stdin=b"{}", **SECRETS)
    assert [surplus.exit_code, "says it itself" in surplus.output] == [2, True]


def test_a_running_gateway_explains_a_gemini_request(tmp_path: Path) -> None:
    """What an address and a header would say goes along by query and header."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "")) as stage:
            (tmp_path / "r.json").write_text('{"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "labels": {"a": "b"}}')
            words = (str(tmp_path / "r.json"), "--url", stage.url, "--dialect", "gemini", "--model", "r", "--stream", "--json")
            said = json.loads((await asyncio.to_thread(run, *words)).stdout)
            assert [said["model"], said["stream"], said["strict"], said["why"]] == ["r", True, False, ""]
            said = json.loads((await asyncio.to_thread(run, *words, "--strict")).stdout)
            assert [said["strict"], said["first"], said["candidates"][0]["losses"]] == [True, None, ["labels"]]

    play(story)

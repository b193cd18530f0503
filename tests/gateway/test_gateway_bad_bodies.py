"""Bodies that make no sense, from each dialect to each: told in the client's dialect by where they are wrong, and never sent."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from bad_bodies import BODIES, CARRIED, FLAT, Bad, raw, written
from gateway_stage import Got, play
from raw_stage import CHAT, GEMINI, MESSAGES, PATHS, RESPONSES, Answer, Stage, staged

NAMES = {CHAT: "gpt-4o", RESPONSES: "gpt-4o", MESSAGES: "claude-sonnet-4-6", GEMINI: "gemini-2.5-flash"}
PASSED = {"a huge number", "a tiny number"}
"""Raw bodies that are JSON, and of which nobody asks us to judge the numbers: a provider may."""
pytestmark = pytest.mark.usefixtures("silent_log")
each_pair = pytest.mark.parametrize(("client", "upstream"), [(client, upstream) for client in NAMES for upstream in NAMES])


@pytest.fixture
def silent_log(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing may be logged as an error, least of all a traceback."""
    yield caplog
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def path_of(client: str, model: str, *, streamed: bool = False) -> str:
    """Where a model is asked."""
    method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    return f"/v1beta/models/{model}:{method}" if client == GEMINI else PATHS[client]


def told(client: str, got: Got) -> str:
    """The message of an error in a client's own shape."""
    said = got.json
    if client == MESSAGES:
        assert (said["type"], said["error"]["type"]) == ("error", "invalid_request_error")
    elif client == GEMINI:
        assert (said["error"]["code"], said["error"]["status"]) == (got.status, "INVALID_ARGUMENT")
    else:
        assert said["error"]["type"] == "invalid_request_error"
    assert "Traceback" not in got.body.decode()
    message: str = said["error"]["message"]
    return message


def was_refused(stage: Stage, client: str, got: Got, bad: Bad) -> None:
    """It says what is wrong and where; nothing was sent, nothing booked."""
    assert (got.status, got.end) == (bad.status, "whole"), (bad.name, got.body)
    assert bad.path in told(client, got), bad.name
    assert (stage.provider.asked, list(stage.journal.entries)) == ([], []), bad.name


@each_pair
def test_bad_bodies(client: str, upstream: str) -> None:
    """Across dialects a bad body is refused by the path of what is wrong with it, streamed or not; in its own dialect its provider
    judges it, and is heard."""
    model = f"p/{NAMES[upstream]}"

    async def story() -> None:
        async with staged(upstream) as stage:
            stage.provider.answer = Answer(400, b'{"error":{"message":"No."}}', streamed=False)
            for bad in BODIES[client]:
                for streamed in (False, True):
                    body = written(client, bad, model, streamed=streamed)
                    got = await stage.ask(path_of(client, model, streamed=streamed), body)
                    if client != upstream:
                        was_refused(stage, client, got, bad)
                    else:
                        assert (got.status, bool(told(client, got) if not stage.provider.asked else got.body)) == (400, True), (
                            bad.name
                        )

    play(story)


@each_pair
def test_bad_bytes(client: str, upstream: str) -> None:
    """What is no JSON, or nested without end, is refused wherever it would go, streamed or not."""
    model = f"p/{NAMES[upstream]}"

    async def story() -> None:
        async with staged(upstream) as stage:
            stage.provider.answer = Answer(400, b'{"error":{"message":"No."}}', streamed=False)
            for name, body in raw(client, model):
                got = await stage.ask(path_of(client, model), body)
                if name in PASSED:
                    assert got.status == 400, name
                else:
                    was_refused(stage, client, got, Bad(name, None, ""))

    play(story)


@each_pair
def test_what_a_provider_may_judge(client: str, upstream: str) -> None:
    """What is not for us to judge reaches the provider, and comes back as its no in the client's dialect, or is refused in order."""
    model = f"p/{NAMES[upstream]}"

    async def story() -> None:
        async with staged(upstream) as stage:
            stage.provider.answer = Answer(400, json.dumps({"error": {"message": "No."}}).encode(), streamed=False)
            for bad in CARRIED[client]:
                got = await stage.ask(path_of(client, model), written(client, bad, model))
                assert got.status in (400, 422), (bad.name, got.body)
                assert all(json.loads(body) for body in stage.provider.asked)
                if client != upstream and stage.provider.asked:
                    assert "No." in told(client, got)

    play(story)


@pytest.mark.parametrize("upstream", NAMES)
def test_what_is_peeked_at_in_a_response(upstream: str) -> None:
    """Model, stream and limit of a responses' body must be one each, and make sense, wherever it goes."""

    async def story() -> None:
        async with staged(upstream) as stage:
            model = f"p/{NAMES[upstream]}".encode()
            for name, (body, status, names) in FLAT.items():
                told_body = body.replace(b"gpt-5.4-mini", model).replace(b"max_tokens", b"max_output_tokens")
                got = await stage.ask(PATHS[RESPONSES], told_body)
                path = names.replace("gpt-5.4-mini", model.decode()).replace("max_tokens", "max_output_tokens")
                was_refused(stage, RESPONSES, got, Bad(name, None, path, status))

    play(story)


TURN = '"contents": [{"parts": [{"text": "Hi"}]}]'
ADDRESSED: dict[str, tuple[str, str, int, str]] = {
    "unknown model": ("nobody:generateContent", "{" + TURN + "}", 404, "nobody"),
    "unknown method": ("MODEL:dream", "{" + TURN + "}", 404, "dream"),
    "no method": ("MODEL", "{" + TURN + "}", 404, "is served"),
    "two limits": ("MODEL:generateContent", '{"generationConfig": {"maxOutputTokens": 1, "maxOutputTokens": 9}}', 400, "maxOutputTokens"),
    "two spellings": ("MODEL:generateContent", '{"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 9}}', 400, "max_output_tokens"),
    "two configs": ("MODEL:generateContent", '{"generationConfig": {"maxOutputTokens": 1}, "generation_config": {}}', 400, "generation_config"),
    "negative limit": ("MODEL:generateContent", '{"generationConfig": {"maxOutputTokens": -1}}', 400, "maxOutputTokens"),
    "limit in words": ("MODEL:generateContent", '{"generationConfig": {"maxOutputTokens": "many"}}', 400, "maxOutputTokens"),
    "config is a list": ("MODEL:generateContent", '{"generationConfig": []}', 400, "generationConfig"),
    "no body": ("MODEL:generateContent", "", 400, "empty"),
    "a stream that is no SSE": ("MODEL:streamGenerateContent", "{" + TURN + "}", 400, "alt=sse"),
}  # fmt: skip


@pytest.mark.parametrize("upstream", NAMES)
def test_what_is_peeked_at_in_a_gemini_request(upstream: str) -> None:
    """The address must name a model and a method that are there, and a limit must be one, wherever it goes."""

    async def story() -> None:
        async with staged(upstream) as stage:
            for name, (address, body, status, names) in ADDRESSED.items():
                path = f"/v1beta/models/{address.replace('MODEL', f'p/{NAMES[upstream]}')}"
                got = await stage.ask(path, body.encode())
                assert (got.status, got.end) == (status, "whole"), (name, got.body)
                assert got.json["error"]["code"] == status, name
                assert names in got.json["error"]["message"], name
                assert (stage.provider.asked, list(stage.journal.entries)) == ([], []), name

    play(story)

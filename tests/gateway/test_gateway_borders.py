"""`x-stormkeel-within` and `-requires`: a request says where it may go, in whichever dialect and on whichever path, and is refused unsent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gateway_stage import CHAT, MODELS, ask, play, posted, staged
from passing_stage import always, passing, told

GPT = MODELS[CHAT]
DOORS = {
    "chat": ("/v1/chat/completions", {"model": GPT, "messages": [{"role": "user", "content": "hi"}]}),
    "stream": ("/v1/chat/completions", {"model": GPT, "stream": True, "messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"model": GPT, "input": "hi"}),
    "messages": ("/v1/messages", {"model": GPT, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}),
    "count": ("/v1/messages/count_tokens", {"model": GPT, "messages": [{"role": "user", "content": "hi"}]}),
}
"""Each way to a provider for a prompt."""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("header", ["x-stormkeel-within", "x-stormkeel-requires"])
def test_a_request_that_may_go_nowhere(door: str, header: str, tmp_path: Path) -> None:
    """403 in the client's dialect with the border in words, and nothing is sent or reserved; without the header it is answered."""
    path, body = DOORS[door]

    async def story() -> None:
        async with staged(tmp_path) as stage:
            refused = await ask(stage, posted(path, json.dumps(body).encode(), {header: "moon"}))
            assert refused.status == 403
            assert '"moon"' in refused.json["error"]["message"]
            assert refused.headers["x-should-retry"] == "false"
            assert [len(stage.sandbox.requests), stage.reserved] == [0, []]
            assert (await ask(stage, posted(path, json.dumps(body).encode()))).status == 200

    play(story)


@pytest.mark.parametrize("header", ["x-stormkeel-within", "x-stormkeel-requires"])
@pytest.mark.parametrize("value", ["", " , "])
def test_an_empty_border_lets_nobody_through(tmp_path: Path, header: str, value: str) -> None:
    """A header that was to be filled in and was not opens nothing: refused, and nothing is sent."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            refused = await ask(stage, posted("/v1/chat/completions", json.dumps(DOORS["chat"][1]).encode(), {header: value}))
            assert refused.status == 403
            assert refused.json["error"]["code"] == "no_deployment_within"

    play(story)


def test_a_list_counts_whole_however_often_its_header_comes(tmp_path: Path) -> None:
    """A requirement in a second header, or beyond any label's length, is not lost: that would open what it closes."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            raw = json.dumps(DOORS["chat"][1]).encode()
            long = ", ".join(["moon"] * 200)
            refused = await ask(
                stage, posted("/v1/chat/completions", raw, {"x-stormkeel-requires": f"{long}\r\nx-stormkeel-requires: Mars"})
            )
            assert refused.status == 403
            assert '"mars"' in refused.json["error"]["message"]

    play(story)


def test_other_paths_keep_inside(tmp_path: Path) -> None:
    """A provider's other paths are closed to a request that may not go there, and nothing reaches the provider."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            refused = await ask(stage, posted("/raw/up/files", b"{}", {"x-stormkeel-within": "moon"}))
            assert (refused.status, upstream.seen, stage.reserved) == (403, [], [])
            assert 'provider "up" is untagged, and the request asks to stay within "moon"' in refused.json["error"]["message"]

    play(story)

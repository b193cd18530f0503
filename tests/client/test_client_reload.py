"""A library client that reads its configuration again when it is told to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from client_stage import QUICK, configured, provided, run, written

from stormkeel import AsyncClient, Client
from stormkeel.errors import CredentialError, SettingsError
from stormkeel.sandbox import SandboxSettings

LIMITED = (
    QUICK
    + """
[routes.r]
groups = [[{ provider = "openai", model = "gpt-5.4-mini", rpm = 2 }]]
"""
)


def test_a_client_takes_what_stands_in_its_file_now(tmp_path: Path) -> None:
    """New routes count from the reload on; a file with a mistake raises and changes nothing; the same file changes nothing."""
    path = tmp_path / "stormkeel.toml"
    with provided() as provider:
        path.write_text(written(provider.url, tmp_path))

        async def story() -> None:
            async with AsyncClient(path, data="memory") as client:
                assert (await client.complete("hi")).model
                path.write_text(written(provider.url, tmp_path, LIMITED))
                done = await client.reload()
                assert (done.outcome, done.version != done.before) == ("applied", True)
                assert (await client.complete("hi", model="r")).attempts
                path.write_text(written(provider.url, tmp_path, LIMITED.replace("rpm", "rmp")))
                with pytest.raises(SettingsError, match=r'unknown setting "rmp".*did you mean "rpm"'):
                    await client.reload()
                assert (await client.complete("hi", model="r")).attempts
                path.write_text(written(provider.url, tmp_path, LIMITED))
                assert (await client.reload()).outcome == "unchanged"

        run(story)


def test_a_stream_goes_on_over_a_reload(tmp_path: Path) -> None:
    """A stream that is being read ends whole, with the credential it began with."""
    with provided() as provider:

        async def story() -> None:
            async with AsyncClient(configured(provider.url, tmp_path, QUICK.replace("0.4", "30")), data="memory") as client:
                stream = client.stream("hi")
                pieces = aiter(stream)
                first = await anext(pieces)
                (tmp_path / "key").write_text("sk-CANARY-the-next-0123456789")
                assert (await client.reload()).changed == ("credentials",)
                assert first + "".join([piece async for piece in pieces]) == stream.completion.text
                assert (await client.complete("hi")).text
                fingerprints = [record.headers["authorization"] for record in provider.sandbox.requests]
                assert len(set(fingerprints)) == 2

        run(story)


def test_a_dead_credential_is_mended_by_a_reload(tmp_path: Path) -> None:
    """A key the provider refuses is set aside at once; the one put in its place serves from the reload on."""
    good = "sk-proj-good0123456789abcdefgh"
    with provided(SandboxSettings(keys=(good,))) as provider, Client(configured(provider.url, tmp_path), data="memory") as client:
        for _ in range(2):
            with pytest.raises(CredentialError):
                client.complete("hi")
        assert len(provider.sandbox.requests) == 1
        (tmp_path / "key").write_text(good + "\n")
        assert client.reload().outcome == "applied"
        assert client.complete("hi").text


def test_many_reloads_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    """Reloads that are asked for together neither fail nor hinder calls."""
    path = tmp_path / "stormkeel.toml"
    with provided() as provider:
        path.write_text(written(provider.url, tmp_path))

        async def story() -> None:
            async with AsyncClient(path, data="memory") as client:
                await client.complete("hi")
                path.write_text(written(provider.url, tmp_path, LIMITED))
                outcomes = await asyncio.gather(*(client.reload() for _ in range(5)), client.complete("hi"))
                assert sorted(done.outcome for done in outcomes[:5]) == ["applied", *["unchanged"] * 4]

        run(story)

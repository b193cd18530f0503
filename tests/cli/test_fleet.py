"""`stormkeel fleet`: what a running gateway says of its deployments, once, as JSON, and live on a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from click.testing import CliRunner, Result
from gateway_stage import CHAT, QUICK, ask, asking, play, route, staged

from stormkeel.cli.fleet import command, lines_of

KEY = "sk-mine-0123456789abcdef"
SOURCE = Path(__file__).parents[2] / "src"


async def run(*words: str, **environ: str) -> Result:
    """Run the command beside the loop that serves the gateway."""
    return await asyncio.to_thread(lambda: CliRunner(env={"STORMKEEL_KEY": "", **environ}).invoke(command, list(words)))


def test_a_picture_in_a_pipe_and_as_json(tmp_path: Path) -> None:
    """Into a pipe it prints plain tables once: states, reasons, errors by kind; `--json` prints what the gateway says."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "fault=insufficient_quota", "")) as stage:
            assert (await ask(stage, asking(CHAT, model="r"))).status == 200
            told = await run("--url", stage.url)
            assert told.exit_code == 0, told.output
            lines = told.stdout.splitlines()
            assert lines[0].startswith("degraded, 0 requests under way, stormkeel ")
            first = next(line for line in lines if line.startswith("openai/"))
            assert "cooling" in first
            assert "quota 1" in first
            assert "50 at once" in first
            assert "probe in s" not in told.stdout, "a column in which nothing stands is left out"
            said = json.loads((await run("--url", stage.url, "--json")).stdout)
            rows = {row["name"].split("/")[0]: row for row in said["fleet"]["deployments"]}
            assert [rows["openai"]["state"], rows["spare-openai"]["state"]] == ["cooling", "healthy"]
            assert rows["spare-openai"]["success"] == 1.0
            assert rows["spare-openai"]["latency_s"] is not None
            assert rows["openai"]["last_error"]["kind"] == "quota"
            assert {row["provider"] for row in said["fleet"]["credentials"]} >= {"openai", "spare-openai"}
            assert len({row["quota"] for row in rows.values()}) == len(rows)
            assert "shared in" not in told.stdout
            for row in rows.values():
                row["quota"] = "ours:all"
            assert next(line for line in lines_of(said) if line.startswith("openai/")).count("ours:all") == 1

    play(story)


def test_keys_and_what_may_go_wrong(tmp_path: Path) -> None:
    """No key, one that may not, one written out, nobody there, no gateway there: one line each, with its mend."""

    async def story() -> None:
        (tmp_path / "boss.key").write_text(KEY)
        (tmp_path / "team.key").write_text(KEY + "team")
        keys = "".join(
            f'[[keys]]\nname = "{name}"\nkey = "file:{tmp_path}/{name}.key"\nadmin = {is_admin}\n'
            for name, is_admin in (("boss", "true"), ("team", "false"))
        )
        async with staged(tmp_path, QUICK + keys) as stage:
            told = await run("--url", stage.url, "--key", f"file:{tmp_path}/boss.key")
            assert told.exit_code == 0, told.output
            assert (await run("--url", stage.url, STORMKEEL_KEY=KEY)).exit_code == 0
            cases = [
                (["--url", stage.url], "401", "STORMKEEL_KEY"),
                (["--url", stage.url, "--key", f"file:{tmp_path}/team.key"], "403", "admin = true"),
                (["--url", stage.url, "--key", KEY], "env:NAME", "file:PATH"),
                (["--url", stage.url, "--key", "env:NOT_THERE"], "NOT_THERE", "set"),
                (["--url", "http://127.0.0.1:9"], "http://127.0.0.1:9", "stormkeel serve"),
                (["--url", stage.url + "/nothing"], "404", "gateway"),
                (["--url", "nonsense"], "nonsense", "address"),
                (["--url", stage.url, "--json", "--watch"], "--json", "--watch"),
            ]
            for words, what, mend in cases:
                told = await run(*words, **({"STORMKEEL_KEY": KEY} if "--watch" in words else {}))
                assert told.exit_code in {1, 2}, words
                assert what in told.stderr, words
                assert mend in told.stderr, words
                assert KEY not in told.stderr.replace("--key", ""), words
                assert told.stdout == ""

    play(story)


def test_it_follows_on_a_terminal_until_ctrl_c(tmp_path: Path) -> None:
    """On a terminal the picture is drawn again and again, and Ctrl-C ends it in good order."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "")) as stage:
            ours, theirs = os.openpty()
            environ = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm", "COLUMNS": "200", "STORMKEEL_KEY": ""}
            words = (sys.executable, "-m", "stormkeel", "fleet", "--url", stage.url)
            process = await asyncio.create_subprocess_exec(*words, stdout=theirs, stderr=theirs, stdin=theirs, env=environ)
            os.close(theirs)
            seen = b""
            while seen.count(b"requests under way") < 2:
                seen += await asyncio.to_thread(os.read, ours, 65_536)
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
            os.close(ours)
            assert b"openai/" in seen
            assert b"Traceback" not in seen

    play(story)

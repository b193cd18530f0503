"""Reloads under load, over real sockets: nothing invalid is applied, nobody sees two versions at once, nothing is left over (S-48)."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import weakref
from pathlib import Path

import pytest
from gateway_stage import CHAT, Caller, Stage, ask, asking, heard, our_tasks, play, posted, staged

from stormkeel.assemble import reload_house
from stormkeel.assemble.setup import Setup
from stormkeel.config.settings import Settings
from stormkeel.engine.fleet import Member
from stormkeel.engine.heritage import MOST
from stormkeel.engine.world import World
from stormkeel.errors import SettingsError
from stormkeel.sandbox.book import fingerprint

KEY = "team-key-0123456789abcdef"
RELOADS = 1000
FILE = "gateway.toml"


def secret(number: int) -> str:
    """The provider's credential of a version."""
    return f"sk-proj-version{number}x0123456789abcdef"


def text(url: str, folder: Path, number: int) -> str:
    """A configuration in which key's owner, model and credential all tell its number."""
    (folder / f"{number}.key").write_text(secret(number))
    return f"""
[providers.openai]
base_url = "{url}/v1"
credentials = {{ main = "file:{folder}/{number}.key" }}
[routes.r]
groups = [["openai/gpt-v{number}"]]
[[keys]]
name = "v{number}"
key = "file:{folder}/caller.key"
"""


def spoilt(good: str, number: int, folder: Path) -> str:
    """The same with one of five faults in it."""
    (folder / f"{number}.key").write_text("sk-proj two words")
    return (
        good + "\nx = [",
        good.replace("[routes.r]", "[rotues.r]"),
        good.replace("openai/gpt", "opneai/gpt"),
        good.replace(f"{number}.key", "nowhere.key"),
        good,  # the credential itself can be none
    )[number // 20 % 5]


def put(path: Path, content: str) -> Path:
    """Replace a file in one step, as good editors do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(content)
    return fresh.rename(path)


def first(folder: Path):
    """Write version 0 for a sandbox's URL."""

    def written(url: str) -> Path:
        (folder / "caller.key").write_text(KEY)
        return put(folder / FILE, text(url, folder, 0))

    return written


def wanted(*, stream: bool) -> bytes:
    """One request of the caller's for the route."""
    return asking(CHAT, model="r", headers={"authorization": f"Bearer {KEY}"}, stream=stream)


async def keep_asking(stage: Stage, done: asyncio.Event, seen: list[int]) -> None:
    """Ask again and again, whole and streamed; every answer must be a good one."""
    while not done.is_set():
        stream = len(seen) % 2 == 0
        got = await ask(stage, wanted(stream=stream))
        assert (got.status, got.end) == (200, "whole"), got
        assert not stream or heard(CHAT, got.body).is_complete
        seen.append(got.status)


def living() -> int:
    """How many setups, worlds and deployments there are in this process."""
    gc.collect()
    return sum(isinstance(one, World | Setup | Member) for one in gc.get_objects())


def test_a_thousand_reloads_under_load(tmp_path: Path) -> None:
    """Of 1,000 reloads with requests under way 5 % are invalid: none of those is applied, each request runs on one version, none
    fails, and at the end neither a world nor a task nor a socket is left over (S-48, INV-30)."""

    async def story() -> None:
        others = living()  # of other tests in this process
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            house, versions, refused, worlds = stage.house, {stage.house.setup.version: 0}, [], []
            done, seen = asyncio.Event(), []
            await ask(stage, wanted(stream=False))
            sockets, tasks = len(os.listdir("/proc/self/fd")), len(our_tasks())
            askers = [asyncio.ensure_future(keep_asking(stage, done, seen)) for _ in range(6)]
            for number in range(1, RELOADS + 1):
                good = text(stage.sandbox.url, tmp_path, number)
                is_bad = number % 20 == 0
                put(tmp_path / FILE, spoilt(good, number, tmp_path) if is_bad else good)
                worlds.append(weakref.ref(house.world))
                before = house.setup
                try:
                    versions[(await reload_house(house)).version] = number
                except SettingsError:
                    refused.append(number)
                    assert house.setup is before
            done.set()
            await asyncio.gather(*askers)
            assert refused == list(range(20, RELOADS + 1, 20))
            assert len(versions) == 1 + RELOADS - len(refused)
            judge(stage, versions)
            assert house.metrics.reloads == {"applied": RELOADS - len(refused), "invalid": len(refused)}
            del before
            await stage.calm()
            gc.collect()
            assert [one() for one in worlds if one() not in {None, house.world}] == []
            assert living() - others <= 2 + 1 + MOST, "the present setup and world, and the deployments kept for their limits"
            assert len(our_tasks()) <= tasks
            assert len(os.listdir("/proc/self/fd")) <= sockets + 2 * len(askers)

    play(story, deadline=100.0)


def judge(stage: Stage, versions: dict[str, int]) -> None:
    """See that everything about a request is of one version: its ledger row, what the provider was sent, and by whose key."""
    arrived = {record.headers["x-client-request-id"]: record for record in stage.sandbox.requests}
    assert len(stage.reserved) > 200
    for entry in stage.reserved:
        number = versions[entry.config]
        record = arrived[entry.attempt]
        told = (entry.model, entry.key, json.loads(record.body)["model"], record.headers["authorization"])
        assert told == (f"gpt-v{number}", f"v{number}", f"gpt-v{number}", fingerprint(secret(number)))
    assert len({entry.config for entry in stage.reserved}) > 50
    assert {entry.outcome for entry in stage.settled} == {"ok"}


def test_a_key_taken_out_is_refused_at_once(tmp_path: Path) -> None:
    """The caller's key works up to the swap and not after it, on a connection that stands; its request under way is answered."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            caller = await Caller.at(stage.port)
            slow = await Caller.at(stage.port)
            slow.writer.write(
                asking(
                    CHAT, model="r", headers={"authorization": f"Bearer {KEY}"},
                    messages=[{"role": "user", "content": 'x\nsandbox: {"fault": "slow_first_token:seconds=0.3"}'}], stream=True,
                )
            )  # fmt: skip
            caller.writer.write(wanted(stream=False))
            assert (await caller.get()).status == 200
            await stage.sandbox.arrived(1)
            (tmp_path / "caller.key").write_text("another-key-0123456789abcdef")
            assert (await reload_house(stage.house)).changed == ("keys",)
            caller.writer.write(wanted(stream=False))
            assert (await caller.get()).status == 401
            got = await slow.get()
            assert (got.status, heard(CHAT, got.body).is_complete) == (200, True)
            for one in (caller, slow):
                one.leave()

    play(story)


def test_a_stream_under_way_keeps_its_connection_over_reloads(tmp_path: Path) -> None:
    """A reload that moves a provider to another address, and one that takes it out, close no connection that is in use."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            slow, long = await Caller.at(stage.port), 'x\nsandbox: {"tokens": 40, "pace_ms": 5}'
            said = [{"role": "user", "content": long}]
            headers = {"authorization": f"Bearer {KEY}"}
            slow.writer.write(asking(CHAT, model="r", headers=headers, messages=said, stream=True))
            await stage.sandbox.arrived(1)
            for address, name in ((stage.sandbox.url.replace("127.0.0.1", "localhost"), "openai"), (stage.sandbox.url, "other")):
                moved = text(address, tmp_path, 0).replace("[providers.openai]", f'[providers.{name}]\nkind = "openai"')
                put(tmp_path / FILE, moved.replace('"openai/', f'"{name}/'))
                assert (await reload_house(stage.house)).outcome == "applied"
            got = await slow.get()
            assert (got.status, heard(CHAT, got.body).is_complete) == (200, True)
            assert (await ask(stage, wanted(stream=False))).status == 200
            slow.leave()

    play(story)


def test_a_request_whose_body_comes_late_stays_with_its_first_version(tmp_path: Path) -> None:
    """A reload between a request's head and its body: key, route and credential are still all of the version it began with."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            caller = await Caller.at(stage.port)
            request = wanted(stream=False)
            caller.writer.write(request[:-20])
            for _ in range(100):
                await asyncio.sleep(0)
            before = stage.house.setup.version
            put(tmp_path / FILE, text(stage.sandbox.url, tmp_path, 1))
            await reload_house(stage.house)
            caller.writer.write(request[-20:])
            assert (await caller.get()).status == 200
            caller.leave()
            assert [(entry.config, entry.key, entry.model) for entry in stage.reserved] == [(before, "v0", "gpt-v0")]

    play(story)


def test_an_unchanged_configuration_is_left_as_it_is(tmp_path: Path) -> None:
    """Reading the same again builds nothing; a comment is no change either."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            before = stage.house.setup
            with (tmp_path / FILE).open("a") as file:
                file.write("# nothing\n")
            done = await reload_house(stage.house)
            assert (done.outcome, done.version, stage.house.setup is before) == ("unchanged", before.version, True)

    play(story)


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ('[server]\nport = 1\nhost = "localhost"\n', ("server.host", "server.port")),
        ("[server]\ngrace = 1\n", ("server.grace",)),
        ('[ledger]\ndata = "elsewhere"\n', ("ledger.data",)),
        ('[telemetry]\nlog = "elsewhere.log"\n', ("telemetry.log",)),
    ],
)
def test_what_needs_a_restart_is_told_and_the_rest_applied(more: str, names: tuple[str, ...], tmp_path: Path) -> None:
    """Settings that can't change while the process runs keep their value and are named; others of the same file hold."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            server = stage.house.settings.server
            put(tmp_path / FILE, text(stage.sandbox.url, tmp_path, 1) + more)
            done = await reload_house(stage.house)
            assert (done.outcome, done.restart) == ("applied", names)
            assert stage.house.settings.server == server
            assert (await ask(stage, wanted(stream=False))).status == 200
            assert stage.reserved[0].model == "gpt-v1"

    play(story)


def test_another_profile_is_refused(tmp_path: Path) -> None:
    """A profile has a data folder of its own: another one is not applied while the process runs."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            before = stage.house.setup
            put(tmp_path / FILE, 'profile = "dev"\n' + text(stage.sandbox.url, tmp_path, 1) + "[profiles.dev]\n")
            with pytest.raises(SettingsError, match='the profile is "dev" now'):
                await reload_house(stage.house)
            assert stage.house.setup is before

    play(story)


class Broken:
    """Somebody who follows the configuration and has a fault of ours in it."""

    def check(self, _settings: Settings) -> None:
        """Fail as no check should."""
        raise RuntimeError("a fault of ours")

    def follow(self, _settings: Settings) -> str:
        """Never come here."""
        raise AssertionError


def test_a_fault_of_ours_changes_nothing(tmp_path: Path) -> None:
    """A reload that breaks off leaves the present configuration as it is, is counted, and the next one works."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            stage.house.followers.append(Broken())
            put(tmp_path / FILE, text(stage.sandbox.url, tmp_path, 1))
            with pytest.raises(RuntimeError):
                await reload_house(stage.house)
            assert (await ask(stage, wanted(stream=False))).status == 200
            assert stage.reserved[0].model == "gpt-v0"
            stage.house.followers.clear()
            assert (await reload_house(stage.house)).outcome == "applied"
            assert stage.house.metrics.reloads == {"failed": 1, "applied": 1}

    play(story)


def test_the_door_is_not_opened_by_a_reload(tmp_path: Path) -> None:
    """A gateway that listens to others refuses a configuration without keys, also one that names another address meanwhile."""

    async def story() -> None:
        def written(url: str) -> Path:
            path = first(tmp_path)(url)
            return put(path, path.read_text() + '[server]\nhost = "0.0.0.0"\n')

        async with staged(tmp_path, written=written) as stage:
            open_to_all = text(stage.sandbox.url, tmp_path, 1).partition("[[keys]]")[0] + '[server]\nhost = "127.0.0.1"\n'
            put(tmp_path / FILE, open_to_all)
            with pytest.raises(SettingsError, match="anybody who reaches it"):
                await reload_house(stage.house)
            refused = await ask(stage, posted("/v1/chat/completions", b"{}"))
            assert refused.status == 401

    play(story)


def test_a_body_s_limit_holds_from_the_swap_on(tmp_path: Path) -> None:
    """`server.max_body` is taken from the request's own version."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            large = asking(CHAT, model="r", headers={"authorization": f"Bearer {KEY}"}, user="x" * 5000)
            assert (await ask(stage, large)).status == 200
            put(tmp_path / FILE, text(stage.sandbox.url, tmp_path, 1) + "[server]\nmax_body = 2048\n")
            await reload_house(stage.house)
            assert (await ask(stage, large)).status == 413

    play(story)


def test_a_key_taken_out_is_refused_on_its_open_connection(tmp_path: Path) -> None:
    """Requests whose head a connection knows are let in by the keys of the moment: a key taken out is refused on its next one."""

    async def story() -> None:
        async with staged(tmp_path, written=first(tmp_path)) as stage:
            caller = await Caller.at(stage.port)
            for _ in range(3):
                caller.writer.write(wanted(stream=False))
                assert (await caller.get()).status == 200
            (tmp_path / "other.key").write_text("another-key-0123456789abcdef")
            text_now = (tmp_path / FILE).read_text().replace("caller.key", "other.key")
            put(tmp_path / FILE, text_now)
            await reload_house(stage.house)
            caller.writer.write(wanted(stream=False))
            assert (await caller.get()).status == 401
            caller.leave()

    play(story)

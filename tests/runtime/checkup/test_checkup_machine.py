"""Looking at the machine, the installation, the disk and the door: values in, findings out."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import resource
import socket
import sqlite3
from contextlib import closing
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest
from raw_server import Connection, RawServer

from stormkeel.config.settings import CredentialSettings, KeySettings, NetworkSettings, ProviderSettings, ServerSettings, Settings
from stormkeel.ledger.entry import Reserved
from stormkeel.ledger.lines import write_line
from stormkeel.runtime.checkup.door import look_at_door
from stormkeel.runtime.checkup.finding import Finding, State, size_words
from stormkeel.runtime.checkup.machine import (
    judge_clock,
    judge_descriptors,
    judge_memory,
    judge_proxies,
    look_at_machine,
    read_memory_limit,
)
from stormkeel.runtime.checkup.package import judge_files, judge_packages, judge_python, look_at_package, needed
from stormkeel.runtime.checkup.secrets import Secrets, look_at_secrets
from stormkeel.runtime.checkup.storage import (
    _kind_of,
    has_wal_fault,
    judge_backlog,
    judge_disk,
    judge_space,
    judge_sqlite,
    look_at_storage,
)
from stormkeel.runtime.ledger import DATABASE, JOURNALS, LOCK
from stormkeel.runtime.stores.sqlite import LedgerFile

DEADLINE = 5.0
NOW = 1_790_000_000.0  # in 2026


def states(findings: list[Finding]) -> dict[str, str]:
    """How each subject stands."""
    return {finding.subject: finding.state.value for finding in findings}


@pytest.mark.parametrize(
    ("wall", "step", "resolution", "state"),
    [
        (NOW, 1e-7, 1e-9, "ok"),
        (0.0, 0.0, 1e-9, "fail"),
        (5e9, 0.0, 1e-9, "fail"),
        (NOW, -1.0, 1e-9, "fail"),
        (NOW, 0.0, 1.0, "fail"),
    ],
)
def test_clocks(wall: float, step: float, resolution: float, state: str) -> None:
    """An absurd year, a monotonic clock that goes back, and one that is too coarse are faults."""
    assert judge_clock(wall, step, resolution).state.value == state


def test_descriptors() -> None:
    """A thousand streams need two connections each; where the hard limit is too low an administrator must raise it."""
    assert judge_descriptors(2_100, 2_100).state is State.OK
    assert judge_descriptors(resource.RLIM_INFINITY, resource.RLIM_INFINITY).state is State.OK
    low = judge_descriptors(1_024, 4_096)
    assert (low.state, "about 462 streams" in low.found, "ulimit -n 2100" in low.mend) == (State.WARN, True, True)
    assert "LimitNOFILE" in judge_descriptors(256, 1_024).mend


def test_memory(tmp_path: Path) -> None:
    """The container's limit is read of either version of control groups; "max" is none."""
    assert read_memory_limit(tmp_path) is None
    second = tmp_path / "sys/fs/cgroup/memory.max"
    second.parent.mkdir(parents=True)
    second.write_text("max\n")
    assert read_memory_limit(tmp_path) is None
    second.write_text(f"{128 << 20}\n")
    assert judge_memory(read_memory_limit(tmp_path)).state is State.WARN
    assert [judge_memory(limit).state for limit in (None, 1 << 30)] == [State.OK, State.OK]


def test_proxy_variables() -> None:
    """A variable that is not honoured is told, in either spelling, without its address, which may hold a password."""
    environ = {"https_proxy": "http://me:secret@proxy:3128", "NO_PROXY": "x"}
    (told,) = judge_proxies(environ, NetworkSettings())
    assert told.state is State.WARN and "HTTPS_PROXY" in told.found and "secret" not in told.found + told.mend
    honoured = NetworkSettings(proxy="env")
    others = [
        ({"NO_PROXY": "x"}, NetworkSettings()),
        (environ, honoured),
        ({}, honoured),
        (environ, NetworkSettings(proxy="http://p:1")),
    ]
    for given, network in others:
        assert [one.state for one in judge_proxies(given, network)] == [State.OK]


def test_this_machine() -> None:
    """This machine is well enough to run its own tests."""
    assert "fail" not in states([*look_at_machine({}, NetworkSettings()), *look_at_package()]).values()


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ("3.6.9", 0),
        ("3.7.0", 1),
        ("3.40.1", 1),
        ("3.44.5", 1),
        ("3.44.6", 0),
        ("3.50.6", 1),
        ("3.50.7", 0),
        ("3.51.2", 1),
        ("3.51.3", 0),
        ("4.0.0", 0),
    ],
)
def test_the_wal_fault(version: str, faulty: int) -> None:
    """The WAL-reset fault is in 3.7.0 to 3.51.2, but for two back-ports; it is told, and is no fault of ours (decision 0005)."""
    numbers = tuple(map(int, version.split(".")))
    assert has_wal_fault(numbers) == bool(faulty)
    if numbers >= (3, 37):
        assert judge_sqlite(numbers).state is State.OK
        assert ("rollback journal" in judge_sqlite(numbers).found) == bool(faulty)
    else:
        assert judge_sqlite(numbers).state is State.FAIL


def test_space_and_backlog() -> None:
    """Little space is a warning, next to none a fault; so much of a journal that nobody folds is a warning."""
    assert [judge_space(free).state.value for free in (5 << 30, 500 << 20, 1 << 20)] == ["ok", "warn", "fail"]
    assert [judge_backlog(size).state.value for size in (0, 1 << 30)] == ["ok", "warn"]


MOUNTS = """22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/a\\040b rw shared:1 - nfs4 server:/x rw
31 22 0:41 / /tmp rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "state"),
    [("/var/x", "ext4", "ok"), ("/mnt/a b/data", "nfs4", "warn"), ("/tmp/x", "tmpfs", "warn"), ("/tmpx", "ext4", "ok")],
)
def test_file_systems(path: str, kind: str, state: str) -> None:
    """The nearest mount counts; one over the network, or one that is gone tomorrow, is a warning."""
    assert _kind_of(Path(path), MOUNTS) == kind
    assert judge_disk(kind).state.value == state


def reserved(attempt: str) -> Reserved:
    """A reservation."""
    return Reserved(attempt, attempt, 1, "r", "d", "p", "m", "x", "k", "t", "u", (), 5, 6, 100, "s")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database and a journal."""
    folder = tmp_path / "data"
    (folder / JOURNALS).mkdir(parents=True)
    folder.chmod(0o700)
    LedgerFile(folder / DATABASE).close()
    (folder / JOURNALS / "1-1.000000.journal").write_bytes(write_line(reserved("a.1")))
    return folder


def test_a_data_folder(data: Path) -> None:
    """A folder in order, looked at without a change to it."""
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    found = {finding.subject: finding for finding in look_at_storage(data)}
    assert {found[name].state.value for name in ("sqlite", "data folder", "owner", "ledger", "backlog")} == {"ok"}
    assert "whole" in found["ledger"].found
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_no_data_folder_yet(tmp_path: Path) -> None:
    """A folder that is still to be made is no fault, one that can't be made is."""
    assert states(list(look_at_storage(tmp_path / "a" / "b")))["data folder"] == "ok"
    (tmp_path / "file").write_text("")
    assert states(list(look_at_storage(tmp_path / "file" / "data")))["data folder"] == "fail"


def test_others_may_look(data: Path) -> None:
    """A folder others can look into is a warning."""
    data.chmod(0o755)
    assert states(list(look_at_storage(data)))["data folder"] == "warn"


def test_an_owner(data: Path) -> None:
    """Who holds the lock is named."""
    with (data / LOCK).open("w+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4194305\n")
        file.flush()
        found = {finding.subject: finding.found for finding in look_at_storage(data)}
    assert "process 4194305 owns the data folder" in found["owner"]


def test_a_damaged_database(data: Path) -> None:
    """A page gone bad is a fault, with what to do."""
    with closing(sqlite3.connect(data / DATABASE)) as base:
        base.execute("INSERT INTO attempt (id, writer, at) VALUES ('a.1', 'w', 1)")
        base.commit()
    whole = bytearray((data / DATABASE).read_bytes())
    whole[4_096:8_192] = b"x" * 4_096
    (data / DATABASE).write_bytes(whole)
    assert states(list(look_at_storage(data)))["ledger"] == "fail"


def test_somebody_turned_the_wal_on(data: Path) -> None:
    """A database in WAL mode is a fault: the mode is what keeps SQLite's own fault away."""
    with closing(sqlite3.connect(data / DATABASE)) as base:
        base.execute("PRAGMA journal_mode=WAL")
    assert states(list(look_at_storage(data)))["ledger"] == "fail"


def test_damages_are_told(data: Path) -> None:
    """Places that were no entries are a warning, and the file that holds them is named."""
    (data / JOURNALS / "2-2.000000.damaged").write_bytes(b"?")
    found = [finding for finding in look_at_storage(data) if finding.subject == "journal"]
    assert [finding.state for finding in found] == [State.WARN] and "2-2.000000.damaged" in found[0].found


def test_a_free_port() -> None:
    """A port that can be had is free, and let go again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for _ in range(2):
        assert asyncio.run(look_at_door(ServerSettings(port=port))).state is State.OK


@pytest.mark.parametrize(
    ("body", "state"), [(b'{"status": "degraded"}', "ok"), (b'{"status": "up"}', "fail"), (b"<html>", "fail"), (b"[]", "fail")]
)
def test_a_taken_port(body: bytes, state: str) -> None:
    """A port that our own gateway has is no fault; anybody else's is."""

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async def ask() -> Finding:
        async with asyncio.timeout(DEADLINE), RawServer(script) as server:
            return await look_at_door(ServerSettings(port=int(server.url.rpartition(":")[2])))

    assert asyncio.run(ask()).state.value == state


def test_a_host_of_another_machine() -> None:
    """An address that is not this machine's is a fault."""
    told = asyncio.run(look_at_door(ServerSettings(host="192.0.2.1")))
    assert told.state is State.FAIL and "server.host" in told.mend


def installed(
    folder: Path, files: dict[str, bytes], *, record: dict[str, bytes] | None = None, editable: bool = False
) -> Distribution:
    """A package as pip leaves it; `record` is what was written down, where that differs from what is there."""
    info = folder / "stormkeel-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: stormkeel\nVersion: 1\nRequires-Dist: click>=8.2\nRequires-Dist: x; extra == 'y'\n"
    )
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": editable}}))
    lines = []
    for name, body in files.items():
        (folder / name).write_bytes(body)
        digest = base64.urlsafe_b64encode(hashlib.sha256((record or files).get(name, body)).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(body)}")
    (info / "RECORD").write_text("\n".join(lines))
    return PathDistribution(info)


def test_files_as_installed(tmp_path: Path) -> None:
    """Files that are what their record says are well."""
    assert judge_files(installed(tmp_path, {"a.py": b"1", "b.py": b"2"})).state is State.OK


def test_a_file_that_was_changed(tmp_path: Path) -> None:
    """A file that is not what its record says is a fault, and named."""
    told = judge_files(installed(tmp_path, {"a.py": b"1", "b.py": b"2"}, record={"a.py": b"1", "b.py": b"3"}))
    assert told.state is State.FAIL and "b.py" in told.found and "a.py" not in told.found


def test_a_file_that_runs_by_itself(tmp_path: Path) -> None:
    """A .pth file in our package runs at every start of Python: none is ours."""
    assert judge_files(installed(tmp_path, {"a.py": b"1", "stormkeel.pth": b"import os"})).state is State.FAIL


def test_an_editable_install(tmp_path: Path) -> None:
    """An editable install has a .pth by its nature."""
    assert judge_files(installed(tmp_path, {"_stormkeel.pth": b"/src"}, editable=True)).state is State.OK


def test_what_is_needed(tmp_path: Path) -> None:
    """Packages that are missing or too old are a fault; those of extras are not needed."""
    assert needed(installed(tmp_path, {})) == {"click": "8.2"}
    assert judge_packages({"click": "8.2"}, lambda name: "8.10.1").state is State.OK
    assert judge_packages({"click": "8.2"}, lambda name: "8.1.9").state is State.FAIL
    assert "is missing" in judge_packages({"click": "8.2"}, lambda name: "").found


def test_pythons() -> None:
    """An old Python is a fault, one without uvloop a warning."""
    assert judge_python((3, 10, 1), has_uvloop=True).state is State.FAIL
    assert judge_python((3, 12, 1), has_uvloop=False).state is State.WARN


def test_secrets(tmp_path: Path) -> None:
    """Each credential by itself: one that is good, one that is missing, another provider's, and one that others may read."""
    path = tmp_path / "key"
    path.write_text("sk-proj-abcdefghijkl")
    path.chmod(0o644)
    refs = {"good": "env:GOOD", "gone": "env:GONE", "other": "env:OTHER", "open": f"file:{path}"}
    provider = ProviderSettings(
        "openai", "https://api.openai.com/v1", credentials={name: CredentialSettings(ref) for name, ref in refs.items()}
    )
    settings = Settings(providers={"openai": provider}, keys=(KeySettings("me", key="env:SHORT"),))
    environ = {"GOOD": "sk-proj-abcdefghijkl", "OTHER": "sk-ant-abcdefghijkl", "SHORT": "x"}
    secrets: Secrets = {}
    found = list(look_at_secrets(settings, environ, secrets))
    assert states(found) == {
        "openai: key good": "ok",
        "openai: key gone": "fail",
        "openai: key other": "fail",
        "openai: key open": "warn",
        "callers' keys": "fail",
    }
    assert set(secrets) == {("openai", "good"), ("openai", "open")}
    assert all(finding.mend for finding in found if finding.state is not State.OK)
    assert "abcdefghijkl" not in str(found)


def test_sizes() -> None:
    """Bytes as people write them."""
    assert [size_words(size) for size in (0, 1024, 5 << 30, 3 << 40)] == ["0 B", "1.0 kB", "5.0 GB", "3.0 TB"]

"""`make bench`: what a request costs, as ratios in one run.

Every server under test has one core, the client and the upstream share another.

Figures are CPU time by the kernel's accounting, so another program on the machine disturbs them less than it disturbs the clock;
ratios are of medians over rounds in which all contestants take turns.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
import uvloop

from . import translation
from .load import post, press

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
KEY = "sk-storm-benchkey-of-our-own-making-0123456789"
CONNECTIONS = 32
EVENTS = 200
CONFIG = """
[providers.openai]
base_url = "http://127.0.0.1:{port}/v1"
[providers.openai.credentials]
a = "env:BENCH_KEY_A"
b = "env:BENCH_KEY_B"
[routes.fast]
strategy = "two_choices"
groups = [[{{ provider = "openai", model = "gpt-5.4-mini", rpm = 100000000, tpm = 1000000000000, concurrency = 1000 }}]]
[[keys]]
name = "bench"
key = "env:BENCH_CALLER"
[telemetry]
log = "{folder}/log.jsonl"
[server]
port = 0
"""


class Child:
    """A process under test, pinned to a core, with the port it printed."""

    def __init__(self, command: list[str], core: int, environ: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environ or {})},
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, {core})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise click.ClickException(f"{' '.join(command)} did not start")
        self.port = int(json.loads(line)["url"].rsplit(":", 1)[1]) if line.startswith("{") else int(line)

    def cpu(self) -> float:
        """CPU seconds so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> float:
        """Resident megabytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Figures(msgspec.Struct):
    """What a run found; a None was not measured."""

    requests_per_cpu_second: dict[str, float] = {}
    events_per_cpu_second: dict[str, float] = {}
    upstream_per_second: float | None = None
    gateway_latency_ms: dict[str, float] = {}
    library_us: float | None = None
    import_ms: float | None = None
    rss_mb: dict[str, float] = {}
    translation: dict[str, dict[str, tuple[float, float, float]]] = {}


def question(stream: bool) -> bytes:
    """A body of about 1 KB."""
    body = {
        "model": "fast",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant who answers in one sentence. " * 8},
            {"role": "user", "content": "Explain the border gateway protocol in one sentence. " * 8},
        ],
        "temperature": 0.3, "stream": stream,
    }  # fmt: skip
    return json.dumps(body).encode()


def asked_across() -> bytes:
    """The same question as a client of Anthropic's dialect asks it, for a stream."""
    said = "Explain the border gateway protocol in one sentence. " * 8
    return json.dumps(
        {"model": "fast", "max_tokens": 500, "messages": [{"role": "user", "content": said}], "stream": True}
    ).encode()


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Arena:
    """An upstream, two bare proxies and the gateway, side by side."""

    def __init__(self, folder: Path, events: int) -> None:
        server, other = CORES[0], CORES[-1]
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {other})
        self.upstream = Child(["-m", "bench.upstream", str(events)], other)
        config = folder / "stormkeel.toml"
        config.write_text(CONFIG.format(port=self.upstream.port, folder=folder))
        environ = {"BENCH_KEY_A": "sk-bench-aaaaaaaaaaaaaaaa", "BENCH_KEY_B": "sk-bench-bbbbbbbbbbbbbbbb", "BENCH_CALLER": KEY}
        proxy = ["-m", "bench.proxy"]
        self.servers = {
            "bare, granian and pyreqwest": Child([*proxy, "borrowed", str(self.upstream.port), str(free_port())], server),
            "bare, our server and client": Child([*proxy, "own", str(self.upstream.port), "0"], server),
            "stormkeel, every policy on": Child(
                ["-m", "stormkeel", "serve", "--config", str(config), "--data", str(folder / "data"), "--json"], server, environ
            ),
        }
        self.request = post("/v1/chat/completions", question(events > 0), KEY)
        self.across = post("/v1/messages", asked_across(), KEY)

    async def round(self, name: str, requests: int) -> tuple[float, list[float]]:
        """Press one server; return requests per CPU second and latencies."""
        child = self.servers[GATEWAY if name == ACROSS else name]
        before = child.cpu()
        load = await press(child.port, self.across if name == ACROSS else self.request, CONNECTIONS, requests)
        if load.bad:
            raise click.ClickException(f"{name}: {load.bad} of {load.requests} answers were not 200")
        return load.requests / (child.cpu() - before), load.latencies

    def stop(self) -> None:
        """End every process."""
        for child in (*self.servers.values(), self.upstream):
            child.stop()


GATEWAY = "stormkeel, every policy on"
ACROSS = "stormkeel, to a client of Anthropic's"
"""The gateway again: the upstream speaks chat, the client messages."""


async def whole(figures: Figures, folder: Path, requests: int, rounds: int) -> None:
    """Answers in one piece, then the same to 100,000 for memory."""
    arena = Arena(folder, 0)
    try:
        load = await press(arena.upstream.port, arena.request, CONNECTIONS, requests)
        figures.upstream_per_second = load.requests / load.seconds
        seen: dict[str, list[float]] = {name: [] for name in arena.servers}
        latencies: list[float] = []
        for name in arena.servers:
            await arena.round(name, max(requests // 5, CONNECTIONS))
        for _ in range(rounds):
            for name, rates in seen.items():
                rate, took = await arena.round(name, requests)
                rates.append(rate)
                if name == GATEWAY:
                    latencies += took
        figures.requests_per_cpu_second = {name: statistics.median(rates) for name, rates in seen.items()}
        latencies.sort()
        figures.gateway_latency_ms = {f"p{share}": latencies[len(latencies) * share // 100] * 1e3 for share in (50, 95, 99)}
        figures.library_us = await library(arena.upstream.port, folder, requests)
        gateway = arena.servers[GATEWAY]
        figures.rss_mb["early"] = gateway.rss()
        await arena.round(GATEWAY, requests * 100_000 // 20_000)
        figures.rss_mb["late"] = gateway.rss()
    finally:
        arena.stop()


async def library(port: int, folder: Path, calls: int) -> float:
    """CPU microseconds of one library call, in a process of its own on the servers' core."""
    command = ["-m", "bench.library", str(port), str(calls), str(folder / "library")]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=subprocess.PIPE)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {CORES[0]})
    out, _ = await process.communicate()
    return float(out)


async def streams(figures: Figures, folder: Path, count: int, rounds: int) -> None:
    """Streams of many small events."""
    arena = Arena(folder, EVENTS)
    try:
        seen: dict[str, list[float]] = {name: [] for name in (*arena.servers, ACROSS)}
        for name in seen:
            await arena.round(name, CONNECTIONS)
        for _ in range(rounds):
            for name, rates in seen.items():
                rate, _ = await arena.round(name, count)
                rates.append(rate * (EVENTS + 3))
        figures.events_per_cpu_second = {name: statistics.median(rates) for name, rates in seen.items()}
    finally:
        arena.stop()


def import_time() -> float:
    """Milliseconds that `import stormkeel` adds to a bare interpreter, the least of seven pairs."""

    def run(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    return min(run("import stormkeel; stormkeel.Client") - run("pass") for _ in range(7)) * 1e3


def show(figures: Figures) -> None:
    """Print figures and ratios."""
    print(f"upstream: {figures.upstream_per_second:,.0f} answers/s\n")
    for title, table in (
        ("requests per CPU second", figures.requests_per_cpu_second),
        ("stream events per CPU second", figures.events_per_cpu_second),
    ):  # fmt: skip
        print(title)
        for name, rate in table.items():
            print(f"  {name:38} {rate:10,.0f}   stormkeel is {table[GATEWAY] / rate:5.0%} of it")
        print()
    took = figures.gateway_latency_ms
    print(f"gateway latency at full load: p50 {took['p50']:.1f} ms, p95 {took['p95']:.1f} ms, p99 {took['p99']:.1f} ms")
    print(f"library call: {figures.library_us:.0f} µs of CPU")
    print(f"import: {figures.import_ms:.0f} ms")
    print(
        f"gateway memory: {figures.rss_mb['early']:.0f} MB early, {figures.rss_mb['late']:.0f} MB after the last 100,000 requests"
    )
    print()
    translation.show(figures.translation)


@click.command()
@click.option(
    "--requests", default=20_000, show_default=True, help="Requests a round; memory is looked at after five times as many more."
)
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(requests: int, rounds: int, as_json: bool) -> None:
    """Measure what a request, a stream event, a library call and an import cost."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="stormkeel-bench-") as folder:
        for name in ("whole", "streams"):
            (Path(folder) / name).mkdir()
        uvloop.run(whole(figures, Path(folder) / "whole", requests, rounds))
        uvloop.run(streams(figures, Path(folder) / "streams", max(requests // 50, CONNECTIONS * 2), rounds))
    figures.import_ms = import_time()
    figures.translation = translation.table()
    if as_json:
        print(json.dumps(msgspec.to_builtins(figures)))
    else:
        show(figures)


if __name__ == "__main__":
    main()

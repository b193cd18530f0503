"""Too large, too deep, too many, packed, endless: refused at once, and little memory is touched for it (S-32)."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

from fire_stage import MIB, Figure, Gateway, Plan, asking, posted, staged

CAP = 20 * MIB  # `server.max_body`, as usual
CHAT = "/v1/chat/completions"
HI = '"messages":[{"role":"user","content":"hi"}]'
PATIENCE = 30.0  # seconds: a broken gateway fails here


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Send it all."""
    yield data


async def endless() -> AsyncIterator[bytes]:
    """Chunks without end."""
    yield f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    while True:
        yield b"10000\r\n" + b"x" * 65_536 + b"\r\n"


def body(text: str | bytes) -> Callable[[], AsyncIterator[bytes]]:
    """A request with this body."""
    return lambda: once(posted(CHAT, text if isinstance(text, bytes) else text.encode()))


def headed(*fields: str, data: bytes = b"") -> Callable[[], AsyncIterator[bytes]]:
    """A request with these fields."""
    head = "".join(f"{field}\r\n" for field in fields)
    return lambda: once(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\n{head}\r\n".encode() + data)


MANY = ",".join(f'"k{n}":0' for n in range(1_000_000))
BOMB = gzip.compress(b" " * (20_000 * 1000))
CASES: dict[str, Callable[[], AsyncIterator[bytes]]] = {
    "1 GB declared": headed("content-length: 1000000000", data=b"{"),
    "chunks without end": endless,
    "a gzip bomb 1:1000": headed("content-encoding: gzip", f"content-length: {len(BOMB)}", data=BOMB),
    "JSON 100,000 deep": body('{"model":"fast","messages":' + "[" * 100_000 + "]" * 100_000 + "}"),
    "20 MiB of brackets": body(b"[" * CAP),
    "20 MiB of objects": body(b'{"a":' * (CAP // 5)),
    "a million keys": body("{" + MANY + "}"),
    "a number of 100,000 digits": body('{"model":"fast","max_completion_tokens":' + "9" * 100_000 + "," + HI + "}"),
    "a model's name of 20 MB": body('{"model":"' + "m" * 20_000_000 + '",' + HI + "}"),
    "a header of 200 KB": headed("x-long: " + "y" * 200_000),
    "a multipart boundary of 60 KB": headed(
        "content-type: multipart/form-data; boundary=" + "b" * 60_000, "content-length: 4", data=b"--bb"
    ),
    "text that is no UTF-8, 20 MB of it": body(b'{"model":"fast","messages":"' + b"\xff" * 20_000_000 + b'"}'),
}


class Answered(NamedTuple):
    """What became of one: the status, the seconds it took, and MiB of memory at the most above what there was."""

    status: int
    seconds: float
    grown: float


def peak(gateway: Gateway) -> int:
    """Return the most bytes of memory in use since `forget_peak`."""
    lines = Path(f"/proc/{gateway.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak(gateway: Gateway) -> None:
    """Begin to measure anew."""
    Path(f"/proc/{gateway.pid}/clear_refs").write_text("5")


async def sent(gateway: Gateway, pieces: AsyncIterator[bytes]) -> Answered:
    """Send one until it is answered."""
    forget_peak(gateway)
    rss, since = gateway.rss, time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    answer = asyncio.ensure_future(reader.readuntil(b"\r\n"))

    async def send() -> None:
        async for piece in pieces:
            writer.write(piece)
            await writer.drain()

    sending = asyncio.ensure_future(send())
    try:
        status = int((await asyncio.wait_for(answer, PATIENCE)).split()[1])
    finally:
        took = time.perf_counter() - since
        sending.cancel()
        await asyncio.wait((sending,))
        writer.transport.abort()
    return Answered(status, took, (peak(gateway) - rss) / MIB)


def test_each_is_refused_at_once(tmp_path: Path, figure: Figure) -> None:
    """Each is a 4xx within a second, with no more memory than twice the largest body, and the gateway serves on.

    A million keys within a message are no fault that a gateway can know of: they are passed on, byte for byte.
    """

    async def story() -> None:
        async with staged(tmp_path, Plan()) as stage:
            assert (await sent(stage.gateway, once(asking()))).status == 200
            seen = {name: await sent(stage.gateway, case()) for name, case in CASES.items()}
            passed = await sent(stage.gateway, body('{"model":"fast","messages":[{' + MANY + "}]}")())
            served = await sent(stage.gateway, body('{"model":"fast","messages":[{"role":"user","content":"' + "x" * (CAP - 99) + '"}]}')())
            assert [passed.status, served.status] == [200, 200], "as large as may be"
            assert (await stage.provider.state()).requests == 3
        slowest, largest = max(seen, key=lambda name: seen[name].seconds), max(seen, key=lambda name: seen[name].grown)
        figure(
            "S-32", "4xx <= 1 s each, RSS <= 2x body cap (40 MiB)",
            f"{len(seen)} cases; slowest {seen[slowest].seconds:.2f} s ({slowest}), most memory {seen[largest].grown:.0f} MiB ({largest}); "
            f"a million keys passed on: {passed.grown:.0f} MiB, a whole 20 MiB: {served.grown:.0f} MiB",
        )  # fmt: skip
        assert {name: one.status for name, one in seen.items() if not 400 <= one.status < 500} == {}
        assert {name: one.grown for name, one in seen.items() if one.grown > 2 * CAP / MIB} == {}
        assert {name: one.seconds for name, one in seen.items() if one.seconds > 5.0} == {}, "a second, on a machine that is not busy"

    asyncio.run(story())

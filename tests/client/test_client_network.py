"""A library client behind a company's proxy and authority: a real CONNECT proxy and real TLS, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from client_stage import provided, run

from stormkeel import AsyncClient
from stormkeel.errors import ConnectError

AUTHORITY = trustme.CA()
BASIC = "Basic bWU6cEBzcw=="  # me:p@ss


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


@asynccontextmanager
async def listening(serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen on loopback; yields the port."""
    tasks = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Company:
    """A proxy that wants to know who we are, and leads every name to the sandbox, by TLS where CONNECT asks for it.

    Attributes:
        asked: the first lines of what it was sent.
    """

    def __init__(self, sandbox: str) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._sandbox = urlsplit(sandbox)
        self._front = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Company]:
        """Be there."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        AUTHORITY.issue_cert("llm.example").configure_cert(tls)
        async with listening(self._inside, tls) as self._front, listening(self._serve) as self.port:
            yield self

    async def _inside(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, out = await asyncio.open_connection(self._sandbox.hostname, self._sandbox.port)
        await asyncio.gather(pump(reader, out), pump(behind, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line = head.partition("\r\n")[0]
        self.asked.append(line)
        if f"proxy-authorization: {BASIC}\r\n" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            await pump(reader, writer)
        elif line.startswith("CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            behind, out = await asyncio.open_connection("127.0.0.1", self._front)
            await asyncio.gather(pump(reader, out), pump(behind, writer))
        else:
            behind, out = await asyncio.open_connection(self._sandbox.hostname, self._sandbox.port)
            await asyncio.gather(self._forward(head, reader, out), pump(behind, writer))

    async def _forward(self, head: str, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        """Pass requests on as an origin wants them, one after the other."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                out.write(head.replace("http://llm.internal", "").replace(f"proxy-authorization: {BASIC}\r\n", "").encode())
                out.write(await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1])))
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.asked.append(head.partition("\r\n")[0])


def written(folder: Path, company: Company, base_url: str, network: str = "") -> Path:
    """A configuration that goes by the company's proxy."""
    (folder / "key").write_text("sk-CANARY0123456789abcdef")
    (folder / "proxy").write_text("me:p@ss\n")
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    path = folder / "stormkeel.toml"
    path.write_text(f"""
[providers.openai]
base_url = "{base_url}"
credentials = {{ main = "file:{folder}/key" }}
[policies.retry]
attempts = 1
[network]
proxy = "http://127.0.0.1:{company.port}"
proxy_credential = "file:{folder}/proxy"
{network or f'ca_file = "{folder}/ca.pem"'}
""")
    return path


@pytest.mark.parametrize(
    ("base_url", "asked"),
    [
        ("https://llm.example/v1", "CONNECT llm.example:443 HTTP/1.1"),
        ("http://llm.internal/v1", "POST http://llm.internal/v1/chat/completions HTTP/1.1"),
    ],
)
def test_a_provider_behind_the_company_s_proxy(base_url: str, asked: str, tmp_path: Path) -> None:
    """Whole and streamed answers come through a tunnel or an absolute URL; the proxy's credential stops there."""
    with provided() as provider:

        async def story() -> None:
            async with (
                Company(provider.url).open() as company,
                AsyncClient(written(tmp_path, company, base_url), data="memory") as client,
            ):
                assert (await client.complete("hi", model="openai/gpt-5.4-mini")).text
                assert (await client.stream("hi", model="openai/gpt-5.4-mini").until_done()).text
                assert set(company.asked) == {asked}
                assert all("proxy-authorization" not in record.headers for record in provider.sandbox.requests)

        run(story)


def test_a_wrong_authority_a_wrong_password_and_their_mend_by_reload(tmp_path: Path) -> None:
    """Each is told clearly, nothing reaches the provider, and a reload with the right ones serves at once."""
    with provided() as provider:

        async def story() -> None:
            async with Company(provider.url).open() as company:
                path = written(tmp_path, company, "https://llm.example/v1", "no_proxy = []")
                (tmp_path / "proxy").write_text("me:wrong")
                async with AsyncClient(path, data="memory") as client:
                    with pytest.raises(ConnectError, match=r"proxy .* refused our user and password \(407\)") as caught:
                        await client.complete("hi", model="openai/gpt-5.4-mini")
                    assert (caught.value.attempts[0].sent, caught.value.attempts[0].cost) == (False, 0)
                    (tmp_path / "proxy").write_text("me:p@ss")
                    await client.reload()
                    with pytest.raises(ConnectError, match=r'certificate of "llm\.example" is not accepted .*`ca_file`'):
                        await client.complete("hi", model="openai/gpt-5.4-mini")
                    assert provider.sandbox.requests == []
                    written(tmp_path, company, "https://llm.example/v1")
                    await client.reload()
                    assert (await client.complete("hi", model="openai/gpt-5.4-mini")).text

        run(story)

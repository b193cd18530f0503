"""Ask a running gateway: one HTTP call with a caller's key, and every way it can fail told with its mend.

Never follows a redirect and never sends the key anywhere but to the address given; asks no proxy of the environment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

URL, KEY = "STORMKEEL_URL", "STORMKEEL_KEY"
HERE = "http://127.0.0.1:8787"
PATIENCE = 10.0  # seconds for the whole call
Function = TypeVar("Function", bound=Callable[..., object])


class Place(msgspec.Struct, frozen=True):
    """Where a gateway is, and the key to ask with.

    Attributes:
        url: its address, as in "http://127.0.0.1:8787".
        key: the key itself, "" for none; never shown.
    """

    url: str
    key: str = ""

    def __repr__(self) -> str:
        return f"Place({self.url!r})"


def key_option(command: Function) -> Function:
    """Give a command `--key`."""
    told = f"A caller's key, as env:NAME or file:PATH; {KEY} holds the key itself."
    return click.option("--key", "key", default="", help=told)(command)


def place_of(url: str, key: str) -> Place:
    """Return the place of two options: a key is a reference, so that none stands in the list of processes.

    Raises:
        click.UsageError: the key is written out, or its reference leads nowhere.
    """
    from ..errors import SettingsError
    from ..runtime.credentials.sources import read_environment, resolve

    environ = read_environment()
    if not key:
        return Place(url.rstrip("/"), environ.get(KEY, ""))
    if not key.startswith(("env:", "file:")):
        raise click.UsageError("--key takes env:NAME or file:PATH, not the key itself: others see a command's words")
    try:
        return Place(url.rstrip("/"), resolve(key, environ, "key of --key").reveal())
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def ask(place: Place, method: str, path: str, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Call a gateway and return the body of its answer.

    Raises:
        click.ClickException: nobody answered, or not with what was asked for; says what to do.
    """
    return asyncio.run(_ask(place, method, path, body, headers))


async def _ask(place: Place, method: str, path: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
    from ..engine.ports import WireFault
    from ..runtime.http import HttpTransport
    from ..types.wire import HttpRequest

    fields = (*headers, ("accept", "application/json"))
    if place.key:
        fields = (*fields, ("x-api-key", place.key))
    if body:
        fields = (*fields, ("content-type", "application/json"))
    transport = HttpTransport()
    try:
        async with asyncio.timeout(PATIENCE):
            response = await transport.send(HttpRequest(method, place.url + path, fields, body))
    except WireFault as fault:
        mend = "is it running (`stormkeel serve`), and is this its address?"
        if "certificate" in fault.detail:
            mend = "for this command that file is what SSL_CERT_FILE names"
        raise click.ClickException(f"no gateway answers at {place.url}: {fault.detail}; {mend}") from None
    except TimeoutError:
        raise click.ClickException(f"the gateway at {place.url} did not answer within {PATIENCE:g} s") from None
    finally:
        await transport.close()
    if response.status != 200:
        raise click.ClickException(_why(place, response.status, response.body))
    return response.body


def _why(place: Place, status: int, body: bytes) -> str:
    mends = {
        401: f"give a key with --key env:NAME, or set {KEY}",
        403: "use a key with `admin = true`",
        404: "is it a gateway, and of this version?",
    }
    try:
        said = str(_told(msgspec.json.decode(body)))
    except (msgspec.DecodeError, KeyError, TypeError):
        said = "not with what a gateway says"
    mend = f"; {mends[status]}" if status in mends else ""
    return f"{place.url} answered {status}: {said[:500]}{mend}"


def _told(answer: Any) -> object:
    return answer["error"]["message"]

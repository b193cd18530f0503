"""A sandbox for the library: in a loop of its own on a thread, so that blocking and asynchronous clients can be tried alike.

Never asserts anything.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from stormkeel.config.load import load
from stormkeel.config.settings import Settings
from stormkeel.providers import KINDS
from stormkeel.sandbox import Sandbox, SandboxSettings, start

T = TypeVar("T")

DEADLINE = 10.0  # seconds: a broken client fails here instead of hanging
TEXT = "The sea is calm today, and so are we."
QUICK = """
[policies.clocks]
first_content = 0.4
idle = 0.4
answer = 0.4
[policies.retry]
attempts = 1
"""
PATIENT = QUICK.replace("0.4", "30")


class Provider:
    """A sandbox on its own thread."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self.sandbox = sandbox
        self.url = sandbox.url
        self._loop = loop

    def wait(self, work: Callable[[Sandbox], Coroutine[Any, Any, T]], seconds: float = 3.0) -> T:
        """Run something on the sandbox's loop and wait for it, under a deadline."""
        return asyncio.run_coroutine_threadsafe(work(self.sandbox), self._loop).result(seconds)

    def quiet(self) -> None:
        """Wait until nothing is being answered; within a second, as after a client's leaving."""
        self.wait(Sandbox.quiet, 1.0)

    def arrived(self, count: int = 1) -> None:
        """Wait until so many requests have come."""
        self.wait(lambda sandbox: sandbox.arrived(count))


@contextmanager
def provided(settings: SandboxSettings | None = None) -> Iterator[Provider]:
    """Start a sandbox on a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(DEADLINE)

    sandbox = do(start(settings or SandboxSettings(seed=7, close_grace_s=0.05)))
    try:
        yield Provider(sandbox, loop)
    finally:
        do(sandbox.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def configured(url: str, folder: Path, more: str = QUICK) -> Settings:
    """Settings with OpenAI and Anthropic at the sandbox; credentials in files."""
    return load(written(url, folder, more).encode(), {}, KINDS)


def written(url: str, folder: Path, more: str = QUICK) -> str:
    """The same as the text of a configuration file."""
    (folder / "key").write_text("sk-CANARY0123456789abcdef")
    return f"""
default_model = "openai/gpt-5.4-mini"
[providers.openai]
base_url = "{url}/v1"
credentials = {{ main = "file:{folder / "key"}" }}
[providers.anthropic]
base_url = "{url}"
credentials = {{ main = "file:{folder / "key"}" }}
{more}
"""


def wish(**wishes: Any) -> str:
    """A prompt that tells the sandbox what to answer."""
    return "Hello\nsandbox: " + json.dumps(wishes)


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story in a loop of its own, under a deadline."""

    async def told() -> None:
        async with asyncio.timeout(DEADLINE):
            await story()

    asyncio.run(told())

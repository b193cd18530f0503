"""Fixtures of the runtime's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from http_stage import Act, meet
from raw_server import Script

from stormkeel.runtime.http import HttpSettings

Play = Callable[..., None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def play(request) -> Play:
    """Run a script and a client against it, under the deadline, on the loop of either make."""

    def run(script: Script, act: Act, settings: HttpSettings | None = None, tls: bool = False) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(meet(script, act, settings, tls))

    return run

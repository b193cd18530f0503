"""What a sandbox is told before it starts.

Never reads a file, the environment or a command line: callers fill it in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stormkeel.sandbox.storm import Storm
from stormkeel.sandbox.wire import Limits


@dataclass(frozen=True)
class SandboxSettings:
    """Where to listen, whom to answer, and how.

    Attributes:
        host, port: Address to listen on; port 0 lets the system choose.
        seed: Answers, ids and storms follow from it.
        pace_s: Seconds between two stream events, and before a whole answer.
        models: The only models served; others get the provider's 404. Empty: any name is served.
        keys: The only credentials accepted. Empty: any that starts with "sk-".
        storm: Faults by schedule; None for none.
        model_rules: Apply what the provider refuses for some models only, e.g. `max_tokens` on gpt-5 and later.
        ownership: Refuse reasoning and signatures that the sandbox did not make itself for the same model.
        hold_s: The longest a silent or stalled request is held open, in seconds.
        close_grace_s: What running answers are given on close, in seconds.
        keep_requests: How many requests, and how many answers to carry on from, are remembered; the bill forgets none.
        limits: Deadlines and sizes of the HTTP server.
        clock: The time of day in Unix seconds: for dates that are told, and for outages.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    pace_s: float = 0.0
    models: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    storm: Storm | None = None
    model_rules: bool = True
    ownership: bool = True
    hold_s: float = 600.0
    close_grace_s: float = 1.0
    keep_requests: int = 10_000
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.time

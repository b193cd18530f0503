"""A provider that misbehaves on command: a real HTTP server that speaks OpenAI (chat, Responses, embeddings), Anthropic and
Gemini, keeps a strict eye and its own bill.

Never imports anything of the rest of the library: its strictness and its bill are evidence only because they are made apart.

    async with await start(SandboxSettings(seed=7)) as sandbox:
        client = openai.AsyncOpenAI(base_url=sandbox.url + "/v1", api_key="sk-anything")
"""

from __future__ import annotations

from stormkeel.sandbox.bill import PRICES, Row, Tokens, cost, nano_dollars
from stormkeel.sandbox.book import Record
from stormkeel.sandbox.faults import FAULTS
from stormkeel.sandbox.server import Sandbox, run, start
from stormkeel.sandbox.settings import SandboxSettings
from stormkeel.sandbox.storm import Storm
from stormkeel.sandbox.storm import read as read_storm
from stormkeel.sandbox.wire import Limits

__all__ = [
    "FAULTS",
    "Limits",
    "PRICES",
    "Record",
    "Row",
    "Sandbox",
    "SandboxSettings",
    "Storm",
    "Tokens",
    "cost",
    "nano_dollars",
    "read_storm",
    "run",
    "start",
]

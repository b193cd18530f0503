"""The user's guide says what the code does."""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import shlex
from itertools import pairwise

import pytest
from sandbox_client import send, with_sandbox

from stormkeel.cli.sandbox import command
from stormkeel.sandbox import Sandbox, Storm
from stormkeel.sandbox.app import CONTROL, ROUTES
from stormkeel.sandbox.ask import Wish
from stormkeel.sandbox.faults import markdown

GUIDE = (pathlib.Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
CURLS = [
    line[2:].replace("\\\n", " ")
    for block in BLOCKS
    for line in re.findall(r"^\$ curl.*?[^\\]$", block, re.MULTILINE | re.DOTALL)
]


def test_the_table_of_faults_is_the_one_in_the_code() -> None:
    """The guide's table of faults is written from the code's."""
    found = re.search(r"<!-- faults -->\n(.*?)\n<!-- /faults -->", GUIDE, re.DOTALL)
    assert found is not None
    assert found[1] == markdown()


def test_every_option_route_and_field_is_told() -> None:
    """No option, endpoint, wish or field of a storm is missing from the guide."""
    told = [option for parameter in command.params for option in parameter.opts]
    told += [f"{method} {path}" for method, path in [*ROUTES, *CONTROL]]
    told += [*Wish.__struct_fields__, *Storm.__struct_fields__]
    assert [name for name in told if f"`{name}" not in GUIDE] == []


@pytest.mark.parametrize("line", [line for line in CURLS if "silence" not in line])
def test_the_examples_work(line: str) -> None:
    """Each curl line of the guide is taken by the sandbox without a violation."""
    words = shlex.split(line)[1:]
    values = dict(pairwise(words))
    headers = dict(word.split(": ", 1) for flag, word in pairwise(words) if flag == "-H")
    url = next(word for word in words if word.startswith("http"))
    body = values.get("-d", "").encode()
    method = values.get("-X", "POST" if body else "GET")

    async def story(sandbox: Sandbox) -> None:
        got = await asyncio.wait_for(send(sandbox, method, url.partition(":8400")[2], body, headers), 10)
        assert got.status in {200, 429}
        assert all(record.violations == [] for record in sandbox.requests)
        if "storm" in url and body:
            assert got.json == json.loads(body)

    with_sandbox(story)

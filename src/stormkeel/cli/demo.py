"""`stormkeel demo`: go through a storm of failures over real sockets, with and without us, and check what is promised.

Never needs a key or the network, and leaves nothing behind but what `--keep` asks for.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..demo.report import Result

SDKS = ("openai", "anthropic")
REQUESTS = 600
ARMS = 3


@click.command("demo", short_help="watch Stormkeel go through a storm")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option(
    "--requests",
    type=click.IntRange(10, 5000),
    default=REQUESTS,
    show_default=True,
    help="In each of the three arms; fewer than 300 are too few to pass.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The workload and the storm follow from it.")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep configuration, ledger and logs in this folder."
)
def command(as_json: bool, requests: int, seed: int, keep: Path | None) -> None:
    """Ask two providers that misbehave (sandboxes on this machine) by the official SDKs: bare, with their own retries, and
    through a gateway. Exit code 0 only if every claim at the end holds.
    """
    missing = [name for name in SDKS if find_spec(name) is None]
    if missing:
        click.echo(f'error: the demo needs the SDK "{missing[0]}"; install it with: pip install "stormkeel[demo]"', err=True)
        sys.exit(2)
    from ..demo.report import as_data, as_text
    from ..demo.stage import StageError

    with ExitStack() as held:
        folder = keep or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="stormkeel-demo-")))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            result = _run(folder, requests, seed, as_json)
        except (StageError, OSError) as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)
    click.echo(json.dumps(as_data(result)) if as_json else as_text(result))
    sys.exit(0 if result.ok else 1)


def _run(folder: Path, requests: int, seed: int, as_json: bool) -> Result:
    from ..demo.run import Plan, run

    bar = click.progressbar(
        length=ARMS * requests,
        label="through the storm, three times",
        file=sys.stderr,
        hidden=as_json and not sys.stderr.isatty(),
    )
    with bar, suppress(asyncio.CancelledError):
        return asyncio.run(_guarded(run(Plan(requests, seed, folder.resolve()), lambda: bar.update(1))))
    raise click.Abort


async def _guarded(running: Coroutine[None, None, Result]) -> Result:
    """Let SIGTERM stop the demo as Ctrl-C does, so that no process is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await running

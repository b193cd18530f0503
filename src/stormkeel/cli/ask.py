"""`stormkeel ask`: ask a model one question; the answer streams to the terminal."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .choice import chosen, config_options
from .finite import Finite

if TYPE_CHECKING:
    from ..client.completion import Completion


@click.command("ask", short_help="ask a model one question")
@click.argument("prompt", nargs=-1, required=True)
@click.option("--model", "-m", help='As in "openai/gpt-5.4-mini", or a route; the configured default where it is left out.')
@click.option("--system", "-s", help="An instruction put before the question.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The most output tokens.")
@click.option("--temperature", type=Finite(0, 2), help="Sent only where it is given.")
@click.option("--timeout", type=Finite(0, min_open=True), help="Seconds for everything.")
@config_options
@click.option("--data", help='The ledger\'s folder; "memory" keeps nothing.')
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the text.")
def command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    prompt: tuple[str, ...],
    model: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    timeout: float | None,
    config: Path | None,
    profile: str,
    data: str | None,
    as_json: bool,
) -> None:
    """Ask a model one question and print its answer as it comes. PROMPT "-" reads the question from standard input."""
    from ..assemble import read_settings
    from ..client.blocking import Client
    from ..runtime.credentials.sources import read_environment

    text = _question(prompt)
    settings = read_settings(config, read_environment(), chosen(profile, {"data": data}))
    signal.signal(signal.SIGTERM, _leave)
    with Client(settings) as client:
        stream = client.stream(
            text, model=model, system=system, max_tokens=max_tokens, temperature=temperature, timeout=timeout, task="ask"
        )
        try:
            for piece in stream:
                if not as_json:
                    click.echo(piece, nl=False)
        finally:
            if stream.text and not as_json:
                click.echo()  # what is said next, an error too, begins a line of its own
        answer = stream.completion
    if as_json:
        click.echo(json.dumps(_shown(answer)))
    else:
        cost = "price unknown" if answer.cost is None else f"${answer.cost.normalize():f}"
        click.echo(f"{answer.model} by {answer.provider}, {answer.usage.total} tokens, {cost}, {answer.latency:.2f} s", err=True)


def _leave(number: int, _: object) -> None:
    """Go when told to, as with Ctrl-C: by way of the client's closing, which settles what was asked."""
    raise SystemExit(128 + number)


def _question(prompt: tuple[str, ...]) -> str:
    """Return the question; one that is empty or no text is the user's mistake."""
    try:
        text = " ".join(prompt)
        if prompt == ("-",):
            text = sys.stdin.read() if sys.stdin else ""
        text.encode()
    except UnicodeError:
        raise click.UsageError("the question is not UTF-8: convert it first") from None
    if not text.strip():
        raise click.UsageError("the question is empty: write it behind `ask`, or pipe it in with `ask -`")
    return text


def _shown(answer: Completion) -> dict[str, object]:
    return {
        "text": answer.text, "model": answer.model, "provider": answer.provider, "finish": answer.finish and answer.finish.value,
        "input_tokens": answer.usage.total_input, "output_tokens": answer.usage.total_output,
        "cost_usd": None if answer.cost is None else f"{answer.cost:f}", "latency_s": round(answer.latency, 4),
        "ttft_s": None if answer.ttft is None else round(answer.ttft, 4), "attempts": len(answer.attempts),
        "request_id": answer.request_id,
    }  # fmt: skip

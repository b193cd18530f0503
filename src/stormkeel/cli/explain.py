"""`stormkeel explain`: what would happen to a request, without sending it.

Never sends the request anywhere but to the gateway it is told of, and there nothing is sent on. Without a gateway it builds the
configuration anew, with nothing in its memory: then every deployment is well.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click
import msgspec

from ..config.settings import DIALECTS
from ..types.money import format_dollars
from .choice import chosen, config_options
from .gateway import URL, ask, key_option, place_of
from .show import Column, Row, aligned, printable, show_json, text

if TYPE_CHECKING:
    from ..assemble import Draft
    from ..engine.explain import Candidate, Explanation
    from ..engine.standing import Room

FORMATS = (*DIALECTS, "openai_embeddings", "gemini_embeddings", "gemini_embedding")
IN_ADDRESS = ("gemini", "gemini_embeddings", "gemini_embedding")
"""Dialects whose addresses, and not their bodies, say which model is asked and whether as a stream."""


class Asked(msgspec.Struct, frozen=True):
    """What is to be explained.

    Attributes:
        body: the request.
        dialect: its wire format.
        model, stream: what its address says, in a dialect of `IN_ADDRESS`.
        strict: was it sent with `x-stormkeel-strict: 1`?
        session, user: what it was sent in `x-stormkeel-session` and `x-stormkeel-user`.
        within, requires: what it was sent in the headers of those names, as they are written.
    """

    body: bytes
    dialect: str
    model: str = ""
    stream: bool = False
    strict: bool = False
    session: str = ""
    user: str = ""
    within: str = ""
    requires: str = ""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What it was sent with."""
        said = (
            ("strict", "1" if self.strict else ""), ("session", self.session), ("user", self.user), ("within", self.within),
            ("requires", self.requires),
        )  # fmt: skip
        return tuple((f"x-stormkeel-{name}", value) for name, value in said if value)


@click.command("explain", short_help="what would happen to a request, without sending it")
@click.argument("file", metavar="REQUEST.json")
@click.option("--dialect", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="The request's wire format.")
@click.option("--model", default="", help="The model in the address, where the bodies of a dialect name none (Gemini's).")
@click.option("--stream", is_flag=True, help="The address asks for a stream (gemini).")
@click.option("--strict", is_flag=True, help="The request has the header x-stormkeel-strict: 1.")
@click.option("--session", default="", help="The request has this header x-stormkeel-session.")
@click.option("--user", default="", help="The request has this header x-stormkeel-user.")
@click.option("--within", default="", help="The request has this header x-stormkeel-within: tags by commas.")
@click.option("--requires", default="", help="The request has this header x-stormkeel-requires: tags by commas.")
@config_options
@click.option("--url", default="", envvar=URL, help=f"Ask a running gateway, whose state of now counts; {URL} as well.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    file: str,
    dialect: str,
    model: str,
    stream: bool,
    strict: bool,
    session: str,
    user: str,
    within: str,
    requires: str,
    config: Path | None,
    profile: str,
    url: str,
    key: str,
    as_json: bool,
) -> None:
    """Say which deployments the request in REQUEST.json ("-" for standard input) would be sent to, in which order, and why.

    It prints the gates in the order they are asked, each candidate's answers, what of the body would be changed or lost, the
    price, and what would be left of the limits. Nothing is sent to a provider, nothing is debited.
    """
    if dialect in IN_ADDRESS and not model:
        raise click.UsageError(f"a body of {dialect} names no model: give it by --model")
    if model and dialect not in IN_ADDRESS:
        raise click.UsageError(f"--model is for {', '.join(IN_ADDRESS)}: a body of {dialect} says it itself")
    if stream and dialect != IN_ADDRESS[0]:
        raise click.UsageError(f"--stream is for {IN_ADDRESS[0]}: no other address asks for a stream")
    asked = Asked(_read(file), dialect, model, stream, strict, session, user, within, requires)
    if url and (config or profile):
        raise click.UsageError("--url and --config or --profile exclude each other: a running gateway has its own configuration")
    if url:
        from ..engine.explain import Explanation

        said = {"dialect": dialect, **({"model": model} if model else {}), **({"stream": "1"} if stream else {})}
        raw = ask(place_of(url, key), "POST", f"/admin/explain?{urlencode(said)}", asked.body, asked.headers)
        told = msgspec.json.decode(raw, type=Explanation)
    else:
        told = asyncio.run(_explain(asked, _draft(config, profile)))
    if as_json:
        show_json(told)
    else:
        click.echo("\n".join(lines_of(told)))


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f'"{file}" can\'t be read: {error.strerror}') from None


def _draft(config: Path | None, profile: str) -> Draft:
    """Read the configuration, but for its log: not even an empty file is left behind."""
    from ..assemble import Origin, checked_draft

    draft = checked_draft(Origin(config, chosen(profile, {})))
    telemetry = msgspec.structs.replace(draft.settings.telemetry, log="")
    return msgspec.structs.replace(draft, settings=msgspec.structs.replace(draft.settings, telemetry=telemetry))


async def _explain(asked: Asked, draft: Draft) -> Explanation:
    from ..assemble import MEMORY, open_house
    from ..dialects.values import Call
    from ..types.border import border_of, listed
    from ..types.failure import Failure
    from ..types.request import Options

    house = open_house(draft, MEMORY)
    try:
        call = Call(asked.model, asked.stream) if asked.model else None
        border = border_of(listed(asked.within), listed(asked.requires))
        options = Options(strict=asked.strict, session=asked.session, user=asked.user, border=border)
        request = house.codec(asked.dialect).read_request(asked.body, house.new_id(), options=options, call=call)
        if isinstance(request, Failure):
            raise click.ClickException(f"the request can't be read as {asked.dialect}: {request.message}")
        return house.explain(request)
    finally:
        await house.close()


# -- for people --------------------------------------------------------------------------------------------------------


def lines_of(told: Explanation) -> list[str]:
    """Return an explanation as plain text, a line each."""
    table = ["", *aligned(*table_of(told)), ""] if told.candidates else []
    return [headline(told), *table, *details(told)]


def headline(told: Explanation) -> str:
    """Say the whole in one line."""
    kind = f"{told.dialect}, {'a stream' if told.stream else 'one answer'}{', strict' if told.strict else ''}"
    asked = printable(told.model)
    if told.first is None:
        return f'"{asked}" ({kind}): nobody would be asked: {printable(told.why)}'
    return f'"{asked}" ({kind}): by route "{printable(told.route)}", first {printable(told.first)}'


def table_of(told: Explanation) -> tuple[list[Row], list[Column]]:
    """Return the candidates in their order, and what each gate says, in the order of the gates."""
    rows: list[Row] = []
    for number, one in enumerate(told.candidates, 1):
        now, held = "tried" if one.would_try else "refused", format_dollars(one.price.most) if one.price else ""
        answers = {gate.gate: "yes" if gate.passes else "NO" for gate in one.gates}
        rows.append({"candidate": f"{number}. {one.standing.name}", "now": now, "held": held, **answers})
    return rows, [text(name) for name in ("candidate", *told.gates, "now", "held")]


def details(told: Explanation) -> list[str]:
    """Tell each candidate, and the request's time."""
    lines = [line for number, one in enumerate(told.candidates, 1) for line in (*_candidate(number, one), "")]
    lines += [printable(line) for line in told.onwards]
    lines += [f"not asked: {printable(one.name)}, {printable(one.why)}" for one in told.outside]
    if told.candidates:
        lines.append(
            f"time: {told.deadline_s:g} s in all; at most {told.attempts} tries of one deployment, {told.request_attempts} of all"
        )
    if told.stream and told.commit:
        lines.append(f"stream: the client is sent the first of it at {told.commit}; where it breaks off then: {told.recovery}")
    return lines


def _candidate(number: int, one: Candidate) -> list[str]:
    clocks = one.clocks
    facts = [
        ("now", "would be tried" if one.would_try else one.why),
        ("chosen", f"{one.choice} (group {one.group}, {one.strategy})"),
        ("state", one.standing.state + (f": {one.standing.why}" if one.standing.why else "")),
        *((gate.gate, gate.says) for gate in one.gates if gate.says and gate.says != one.why),
        ("limits", _limits(one)),
        ("edits", "; ".join(one.edits) or "none: the body goes as it came"),
        ("losses", "; ".join(one.losses) or "none"),
        ("price", _price(one)),
        ("clocks", f"{clocks.connect:g} s to connect, {clocks.first_content:g} s to the first content, {clocks.answer:g} s to a"
                   f" whole answer, {clocks.idle:g} s between pieces"),
    ]  # fmt: skip
    return [f"{number}. {printable(one.standing.name)}", *(f"   {name:<12} {printable(said)}" for name, said in facts)]


def _limits(one: Candidate) -> str:
    def shown(left: Room) -> str:
        amounts = ((left.requests, "requests"), (left.tokens, "tokens"), (left.places, "at once"))
        return ", ".join(f"{amount:,} {name}" for amount, name in amounts if amount is not None)

    now = shown(one.standing.left)
    return f"{now} left; {shown(one.left)} after it" if now else "none are set"


def _price(one: Candidate) -> str:
    price = one.price
    if price is None:
        return "none: it would not be sent"
    about = f"{price.input_tokens:,} tokens of input cost about {format_dollars(price.input)}"
    bounds = f"at most {price.most_input_tokens:,} tokens in and {price.most_output_tokens:,} out"
    exact = "" if price.most is None else f" ({price.most:,} nano-dollars)"
    source = ", by prices of your own" if price.own else ""
    return f"{about}; for {bounds}, {format_dollars(price.most)}{exact} would be held{source}"

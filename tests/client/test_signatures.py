"""The faces agree: each argument has one name, one type and one default wherever it stands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from stormkeel import Ask, AsyncClient, Client

OWN = {"on_token", "max_rounds", "prompts", "concurrency", "progress", "on_error", "self"}
LEFT_OUT = {
    "complete": set(), "stream": {"repair", "fallback"}, "run_tools": {"fallback"}, "complete_many": {"messages", "prompt"},
}  # fmt: skip


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters by name."""
    return dict(inspect.signature(function).parameters)


@pytest.mark.parametrize("client", [AsyncClient, Client])
@pytest.mark.parametrize("method", LEFT_OUT)
def test_each_argument_is_a_wish(client: type, method: str):
    """A method takes every wish of `Ask` that makes sense for it, with the same type and default, and nothing else of that
    sort."""
    taken = parameters(getattr(client, method))
    wishes = parameters(Ask)
    assert taken.keys() - OWN == wishes.keys() - LEFT_OUT[method]
    for name in taken.keys() - OWN:
        default = wishes[name].default
        assert (taken[name].annotation, taken[name].default) == (Ask.__annotations__[name], default)


@pytest.mark.parametrize("method", [*LEFT_OUT, "count_tokens", "embed", "models"])
def test_both_clients_take_the_same(method: str):
    """Blocking and asynchronous methods have the same parameters in the same order; prompts may come asynchronously, too."""
    one, other = parameters(getattr(AsyncClient, method)), parameters(getattr(Client, method))
    assert list(one) == list(other)
    differing = {name for name in one if one[name].annotation != other[name].annotation}
    assert differing - {"self"} <= {"prompts"}


def test_a_wish_reaches_the_request_under_its_name():
    """Each argument of `complete` lands in the wish of its own name: none is passed in another's place."""
    values = {name: object() for name in Ask.__struct_fields__}
    seen = []

    class Watched(AsyncClient):
        async def _ask(self, ask: Ask) -> Any:
            seen.append(ask)

    values |= {
        "prompt": "p",
        "system": "s",
        "messages": ("m",),
        "stop": ("x",),
        "timeout": 1.0,
        "temperature": 0.5,
        "model": "m",
        "tags": ("t",),
        "strict": True,
        "priority": "low",
    }
    prompt = values.pop("prompt")
    work = Watched().complete(prompt, **values)  # type: ignore[arg-type]  # only their places matter
    with pytest.raises(StopIteration):
        work.send(None)
    assert {name: getattr(seen[0], name) for name in values} == values

"""Models that stand for others: the default model and the fallback route, as a caller sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_stage import CHAT, MESSAGES, MODELS, QUICK, ask, asking, configuration, play, staged, wish

HEAD = """
[routes."fast lane"]
groups = [["{name}/{model}"]]
"""
DIALECTS = [CHAT, MESSAGES]


def more(dialect: str) -> str:
    """A route with an odd name in a dialect, and everything else as usual."""
    return QUICK + HEAD.format(name=dialect, model=MODELS[dialect])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_served_another_name_is_told(dialect: str, stream: bool, tmp_path: Path) -> None:
    """An unknown model goes to the fallback route, "default" to the default model; the answer's head and the ledger name it."""

    def written(url: str) -> Path:
        top = f'fallback_route = "fast lane"\ndefault_model = "{dialect}/{MODELS[dialect]}"\n'
        path = tmp_path / "stormkeel.toml"
        path.write_text(top + configuration(url, tmp_path, more(dialect)))
        return path

    async def story() -> None:
        async with staged(tmp_path, written=written) as stage:
            told = {}
            for model in ("never-heard-of", "default", "fast lane", f"{dialect}/{MODELS[dialect]}"):
                got = await ask(stage, asking(dialect, model=model, messages=wish(answer="ok"), stream=stream))
                assert got.status == 200
                told[model] = got.headers.get("x-stormkeel-route")
            assert told == {
                "never-heard-of": "fast lane", "default": f"{dialect}/{MODELS[dialect]}", "fast lane": None,
                f"{dialect}/{MODELS[dialect]}": None,
            }  # fmt: skip
            assert [entry.route for entry in stage.reserved] == ["fast lane", told["default"], "fast lane", told["default"]]

    play(story)

"""Laws of configurations: whatever is written, wherever."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stormkeel.config.doubts import doubts_of
from stormkeel.config.load import load
from stormkeel.config.loaded import Choice, Inputs, load_all
from stormkeel.config.tree import toml_of, tree_of
from stormkeel.providers import KINDS

CANARY = "canary9f2b7d61e84a4c0b"
NAMES = st.sampled_from([
    "server", "port", "providers", "openai", "credentials", "main", "routes", "fast", "groups", "keys", "name", "key", "policies", "retry",
    "attempts", "profiles", "dev", "profile", "include", "default_model", "fallback_route", "ledger", "data", "telemetry", "level", "strategy",
    "headers", "base_url", "kind", "ref", "x-a", "network", "no_proxy", "proxy", "hash", "id", "permits", "breaker",
    "models", "openai/x", "openai/*", "input_price", "output_price", "cached_price", "window", "max_output", "abilities", "efforts", "stop",
])  # fmt: skip
VALUES = (
    st.sampled_from(["env:A", "openai/x", "dev", "compatible", "", "b.json", "*.json", "http://x/v1", "fast", f"sk-{CANARY}", "a\n", "\x00", "é", "0.25", "0", "high"])
    | st.integers(-5, 10**25) | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
TREES = st.dictionaries(
    NAMES,
    st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12),
    max_size=5,
)
VARIABLES = st.dictionaries(
    st.sampled_from([
        "STORMKEEL_PROFILE", "STORMKEEL_DATA", "STORMKEEL_SERVER__PORT", "STORMKEEL_ROUTES__FAST__GROUPS", "STORMKEEL_PROVIDERS__OPENAI",
        "STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN", "STORMKEEL_X__Y", "STORMKEEL___", "STORMKEEL_DEFAULT_MODEL", "OPENAI_API_KEY",
        "OPENAI_BASE_URL", "STORMKEEL_KEYS__0", "STORMKEEL_POLICIES__BREAKER__PERMITS",
    ]),
    st.sampled_from(["dev", "9", "[]", "{}", "[[1]]", "true", "env:A", '[["openai/x"]]', f"sk-{CANARY}", '{"base_url": 1}', "null", "1e999"]),
    max_size=5,
)  # fmt: skip


class Two:
    """Two files in memory."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = {name: json.dumps(tree).encode() for name, tree in files.items()}

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        if name not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[name]

    def find(self, pattern: str) -> list[str]:
        """Every pattern matches both."""
        return sorted(self.files)


@given(TREES, TREES, VARIABLES, st.sampled_from(["", "dev"]))
def test_whatever_is_written_is_settings_or_faults(tree: dict, other: dict, environ: dict, profile: str):
    """S-37: files, included files, profiles and variables that say anything at all end in settings or in faults with words, no secret
    in them; settings without faults are read back from what they are written as."""
    loaded = load_all("a.json", Two({"a.json": tree, "b.json": other}), Inputs(environ, KINDS, Choice(profile)))
    assert CANARY not in "".join(map(str, loaded.faults))
    assert all(fault.text for fault in loaded.faults)
    if loaded.faults or not loaded.settings.providers:
        return
    settings = loaded.checked()
    list(doubts_of(settings, loaded.origins, KINDS))
    assert load(toml_of(tree_of(settings)).encode(), {}, KINDS) == replace(settings, profile="")

"""Configuration files: what a good one means, and what each broken one says, exactly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.load import fault_of_nothing, from_environment, load
from stormkeel.config.settings import CredentialSettings, ProviderSettings, RouteSettings, Settings, TargetSettings
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS

CANARY = "canary9f2b7d61e84a4c0b"
GOOD = """\
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
"""
ROUTE = GOOD + "\n[routes.fast]\n"

BROKEN = [
    # the file itself
    ("a = \n", "1:5: this is not TOML: invalid value; mend the syntax here"),
    ("[a]\nb = 1\nb = 2\n", "3:6: this is not TOML: cannot overwrite a value; rename or merge them"),
    (GOOD + GOOD, "3:18: this is not TOML: cannot declare ('providers', 'openai') twice; rename or merge them"),
    # names nobody knows
    ("[clock]\n",
     '1:2: unknown setting "clock"; known: '
     '"alerts", "credentials", "default_model", "fallback_route", "include", "keys", "ledger", "models", "network", "policies", "probes", "profile", ...'),
    ("[servr]\nport = 1\n", '1:2: unknown setting "servr"; did you mean "server"?'),
    ("[server]\n# the door\nprot = 1\n", '3:1: unknown setting "prot" in [server]; did you mean "port"?'),
    ("[policies.retry]\nattemps = 3\n", '2:1: unknown setting "attemps" in [policies.retry]; did you mean "attempts"?'),
    (GOOD + 'planet = "x"\n',
     '3:1: unknown setting "planet" in [providers.openai]; known: "auth", "base_url", "ca_file", "catalog", "credentials", "dialects", "headers", "kind", "limits", "models", "models_path", "output_limit", ...'),
    # types
    ("server = 1\n", '1:1: "server" must be a table, not a whole number'),
    ('[server]\nport = "8787"\n', '2:1: "port" must be a whole number, not text'),
    ("[server]\nport = 1.5\n", '2:1: "port" must be a whole number, not a fraction'),
    ("[server]\nport = true\n", '2:1: "port" must be a whole number, not a boolean'),
    ("default_model = 5\n", '1:1: "default_model" must be text in quotes, not a whole number'),
    ("[telemetry]\nlog = 2026-11-21\n", '2:1: "log" must be text in quotes, not a date or time'),
    ('[policies.clocks]\nidle = "30s"\n', '2:1: "idle" must be a number, not text'),
    ('[telemetry]\nlevel = "loud"\n', '2:1: "level" is "loud"; give one of "info", "warning"'),
    (ROUTE + 'groups = "openai/gpt-5.4"\n', '5:1: "groups" must be a list, not text'),
    (ROUTE + 'groups = ["openai/gpt-5.4"]\n', '5:11: number 1 of "groups" must be a list, not text'),
    (ROUTE + "groups = [[7]]\n", '5:12: number 1 of number 1 of "groups" must be a table, not a whole number'),
    # ranges
    ("[server]\nport = 70000\n", '2:1: "port" is 70000: give a number from 0 to 65535'),
    ("[policies.retry]\nattempts = 0\n", '2:1: "attempts" is 0: give a number from 1 to 20'),
    ("[policies.retry]\nbase = 0.1\ncap = 0.01\n", '3:1: "cap" is 0.01: give a number from 1 to 3600 seconds'),
    ("[policies.clocks]\n\nconnect = -1\n", '3:1: "connect" is -1: give a number from 0.001 to 86400 seconds'),
    ("[policies.breaker]\nshare = nan\n", '2:1: "share" is nan: give a number from 0.01 to 1'),
    ('[server]\ntls_cert = "a.pem"\n', '2:1: "tls_cert" and "tls_key" belong together: give both, or neither'),
    # providers
    ("[providers.opanai]\n",
     '1:12: nothing is known of a provider "opanai"; did you mean "openai"? (or add kind = "compatible" and its base_url)'),
    ('[providers.x]\nkind = "antropic"\n', '2:1: nothing is known of a provider "antropic"; did you mean "anthropic"?'),
    ("[providers.openai]\n", '1:12: provider "openai" has no credential; add credentials = { main = "env:OPENAI_API_KEY" }'),
    ('[providers.gpu]\nkind = "compatible"\n',
     '1:12: provider "gpu" has no "base_url"; add it, as in base_url = "https://api.example.com/v1"'),
    ('[providers.gpu]\nkind = "compatible"\nbase_url = "gpu:8000"\n',
     '3:1: "base_url" is no http or https URL; write it as in https://api.example.com/v1'),
    (GOOD + 'base_url = "http://api.openai.com/v1"\n',
     '3:1: "base_url" would send the credential unencrypted to api.openai.com; write https:// instead of http://'),
    (GOOD + f'base_url = "https://u:{CANARY}@x.org"\n',
     '3:1: "base_url" has a user name or password in it; take them out and use a credential'),
    (f'[providers.openai.credentials]\nmain = "sk-{CANARY}"\n',
     '2:1: credential "main" must be a reference, never the secret itself; put the secret in the environment and write '
     '"env:OPENAI_API_KEY", or in a file of its own and write "file:PATH"'),
    (f'[providers.openai.credentials.main]\nref = "{CANARY}"\n',
     '1:31: credential "main" must be a reference, never the secret itself; put the secret in the environment and write '
     '"env:OPENAI_API_KEY", or in a file of its own and write "file:PATH"'),
    ('[providers.openai.credentials]\n\nmain = "env:OPENAI-KEY"\n',
     '3:1: credential "main" names no environment variable; write it as in "env:OPENAI_API_KEY"'),
    ("[providers.openai.credentials.main]\n", '1:31: "ref" is missing in [providers.openai.credentials.main]; add it'),
    (GOOD + f'headers = {{ authorization = "Bearer {CANARY}" }}\n', '3:13: header "authorization" is written by us; take it out'),
    (GOOD + 'headers = { X-Team = "a" }\n', '3:13: header "X-Team" is no header name in lower case; mend it'),
    (GOOD + 'headers = { x-team = "a\\nb" }\n', '3:13: header "x-team" has a value that no header may have; use plain ASCII text'),
    (f'[providers."sk-{CANARY}"]\n', "1:12: nothing is known of a provider a text of 25 characters; "
     'known: "anthropic", "azure", "cerebras", "cohere", "compatible", "deepseek", "fireworks", "gemini", "groq", "huggingface", "llamacpp", '
     '"lmstudio", ... (or add kind = "compatible" and its base_url)'),
    ('[providers.gpu]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\ndialects = { openai_chats = "" }\n',
     '4:14: nothing is known of a dialect "openai_chats"; did you mean "openai_chat"?'),
    ('[providers.gpu]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\ndialects = { openai_chat = "nowhere" }\n',
     '4:14: the base URL of "openai_chat" is no http or https URL; write it as in https://api.example.com/v1'),
    # routes
    (ROUTE, '4:9: "groups" is missing in [routes.fast]; add it'),
    (ROUTE + "groups = []\n", '4:9: route "fast" has no group; give it one, as in groups = [["openai/gpt-5.4-mini"]]'),
    (ROUTE + 'groups = [["openai/gpt-5.4"],\n\n []]\n', '7:2: group 2 of route "fast" is empty; give it a target, or take it out'),
    (ROUTE + 'groups = [\n  ["openai/gpt-5.4"],\n  ["opneai/gpt-5.4"],\n]\n',
     '7:4: there is no provider "opneai"; did you mean "openai"? (or add [providers.NAME])'),
    (ROUTE + 'groups = [["gpt-5.4"]]\n', '5:12: there is no provider "gpt-5.4"; known: "openai" (or add [providers.NAME])'),
    (ROUTE + 'groups = [["openai/"]]\n', '5:12: a target at provider "openai" names no model; write it as "openai/MODEL"'),
    (ROUTE + 'groups = [["openai/gpt-5.4#mian"]]\n', '5:12: provider "openai" has no credential "mian"; did you mean "main"?'),
    (ROUTE + 'groups = [["openai/gpt-5.4"], ["openai/gpt-5.4#main"]]\n',
     '5:32: "openai/gpt-5.4" stands in this route already; take one out'),
    (ROUTE + 'groups = [["openai/gpt-5.4#main"], ["openai/gpt-5.4"]]\n',
     '5:37: "openai/gpt-5.4" stands in this route already; take one out'),
    (ROUTE + 'groups = [["openai/a"]]\nstrategy = "fastest"\n',
     '6:1: "strategy" is "fastest"; give one of "weighted", "round_robin", "two_choices", "random", "priority", "least_latency", "cheapest"'),
    (ROUTE + 'groups = [[\n{ provider = "openai", model = "a", weight = 0 }]]\n',
     '6:37: "weight" is 0: give a number from 0.0001 to 1e+06'),
    (ROUTE + 'groups = [[{ provider = "openai", model = "a", rpm = 60 }]]\n[routes.slow]\ngroups = [["openai/a#main"]]\n',
     '7:12: "openai/a" has other limits in another place of quota group "openai#main"; give it the same limits everywhere'),
    ('[providers.openai]\nregion = "eu west"\n' + "credentials.main = 'env:A'\n",
     '2:1: "region" is "eu west"; use letters, digits, dots, dashes and underscores'),
    (ROUTE + 'groups = [[{ provider = "openai", model = "a", region = "eu" }]]\n[routes.slow]\ngroups = [["openai/a#main"]]\n',
     '7:12: "openai/a" is in another region in another route; give it the same region everywhere'),
    # keys and the door
    ('[[keys]]\nkey = "env:A"\n', '1:3: "name" is missing in [keys]; add it'),
    ('[[keys]]\nname = "a"\nkey = "env:A"\n[[keys]]\nname = "a"\nkey = "env:B"\n',
     '5:1: there are two keys with name "a"; rename one'),
    ('[[keys]]\nname = "a b"\nkey = "env:A"\n', '1:3: a key\'s "name" is "a b"; use letters, digits, dots, dashes and underscores'),
    ('[[keys]]\nname = "a"\n', '1:3: key "a" needs either "hash" and "id", or "key"; give one of the two'),
    ('\n[[keys]]\nname = "a"\nid = "AAAAAAAA"\nhash = "12"\n',
     '2:3: the "hash" of key "a" is no SHA-256 in 64 hex digits; make one with `stormkeel key`'),
    (f'[[keys]]\nname = "a"\nid = "A"\nhash = "{"0" * 64}"\n',
     '1:3: the "id" of key "a" is not the 8 characters of its public id; make one with `stormkeel key`'),
    (f'[[keys]]\nname = "a"\nkey = "sk-storm-{CANARY}"\n',
     '1:3: the "key" of "a" must be a reference, never the secret itself; put the secret in the environment and write '
     '"env:STORMKEEL_KEY", or in a file of its own and write "file:PATH"'),
    ('[server]\nhost = "0.0.0.0"\n',
     '2:1: "host" is "0.0.0.0", and anybody who reaches it could spend your money; add [[keys]], or listen on "127.0.0.1"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_each_broken_file_says_where_what_and_the_mend(text: str, message: str):
    """A broken file is refused with its line, what is wrong and how to mend it; S-37: no secret it holds is shown."""
    with pytest.raises(SettingsError) as caught:
        load(text.encode(), {}, KINDS)
    assert str(caught.value).split("\n")[0] == f"stormkeel.toml:{message}"
    assert CANARY not in "".join(map(str, (caught.value, repr(caught.value), caught.value.__cause__)))


def test_a_file_that_is_no_utf8_is_refused_with_its_line():
    """Bytes that are no UTF-8 are named by their line."""
    with pytest.raises(SettingsError, match=r"x\.toml:2:3: this is not UTF-8; save the file as UTF-8"):
        load(b"# fine\n# \xff\n", {}, KINDS, "x.toml")


def test_a_file_nested_too_deep_is_refused():
    """A hostile depth is an error, not a crash."""
    with pytest.raises(SettingsError, match="nested too deep"):
        load(b"a = " + b"[" * 100_000 + b"]" * 100_000, {}, KINDS)


def test_a_whole_file_means_what_it_says():
    """Short and long forms, defaults and what a known provider implies all end in plain settings."""
    settings = load(
        b"""\xef\xbb\xbf
default_model = "fast"
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY", team = { ref = "file:/run/key", quota = "team-org" } }
[providers.gpu]
kind = "compatible"
base_url = "http://10.0.0.4:8000/v1/"
[routes.fast]
strategy = "two_choices"
groups = [
  ["openai/gpt-5.4-mini#team", { provider = "gpu", model = "org/llama", weight = 2, rpm = 60 }],
]
""".replace(b"\n", b"\r\n"),
        {"GROQ_API_KEY": "x"},
        KINDS,
    )
    assert settings == Settings(
        providers={
            "openai": ProviderSettings(
                "openai", "https://api.openai.com/v1", "bearer",
                {"main": CredentialSettings("env:OPENAI_API_KEY"), "team": CredentialSettings("file:/run/key", "team-org")},
                dialects={"openai_chat": "", "openai_responses": ""},
            ),
            "gpu": ProviderSettings("compatible", "http://10.0.0.4:8000/v1", "none", dialects={"openai_chat": ""}),
        },
        routes={
            "fast": RouteSettings(
                ((TargetSettings("openai", "gpt-5.4-mini", "team"), TargetSettings("gpu", "org/llama", weight=2.0, rpm=60)),),
                "two_choices",
            )
        },
        default_model="fast",
    )  # fmt: skip


def test_a_file_without_providers_uses_those_of_the_environment():
    """Routes and policies may be written down while providers still come from the environment."""
    settings = load(b'[routes.fast]\ngroups = [["openai/gpt-5.4-mini"]]\n', {"OPENAI_API_KEY": "x"}, KINDS)
    assert list(settings.providers) == ["openai"]


def test_the_environment_alone_is_enough():
    """Each key or address found sets up its provider: numbered keys, tokens, other addresses, organisations, local servers."""
    settings = from_environment(
        {
            "OPENAI_API_KEY": "a", "OPENAI_API_KEY_2": "b", "OPENAI_API_KEY_4": "c", "OPENAI_ORG_ID": "org-1",
            "OPENAI_PROJECT_ID": " ", "ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_BASE_URL": "https://relay.example.com/",
            "PPLX_API_KEY": "p", "GROQ_API_KEY": " ",
            "OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1", "VLLM_API_KEY": "v", "MISTRAL_BASE_URL": "https://m.example.com",
        },
        KINDS,
    )  # fmt: skip
    assert {name: (provider.base_url, provider.auth) for name, provider in settings.providers.items()} == {
        "openai": ("https://api.openai.com/v1", "bearer"),
        "anthropic": ("https://relay.example.com", "bearer"),
        "perplexity": ("https://api.perplexity.ai/v1", "bearer"),
        "ollama": ("http://127.0.0.1:11434/v1", "none"),
        "vllm": ("http://127.0.0.1:8000/v1", "bearer"),
    }
    openai = settings.providers["openai"]
    assert {name: one.ref for name, one in openai.credentials.items()} == {
        "main": "env:OPENAI_API_KEY", "2": "env:OPENAI_API_KEY_2", "4": "env:OPENAI_API_KEY_4",
    }  # fmt: skip
    assert openai.headers == {"openai-organization": "org-1"}


def test_a_key_wins_over_a_token():
    """As in Anthropic's own SDK, an API key hides a token, and goes in the key's header."""
    settings = from_environment({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_AUTH_TOKEN": "t"}, KINDS)
    assert settings.providers["anthropic"].auth == "x-api-key"
    assert settings.providers["anthropic"].credentials == {"main": CredentialSettings("env:ANTHROPIC_API_KEY")}


def test_a_bad_address_in_the_environment_names_its_variable():
    """An address from the environment that can't be one is refused by its variable's name, without what it holds."""
    with pytest.raises(SettingsError) as caught:
        from_environment({"OPENAI_API_KEY": "a", "OPENAI_BASE_URL": f"https://u:{CANARY}@x"}, KINDS)
    assert str(caught.value) == (
        "environment variable OPENAI_BASE_URL: the address has a user name or password in it; take them out and use a credential"
    )


def test_nothing_set_up_has_its_mend():
    """An empty environment makes settings without providers, and one sentence that says how to begin."""
    fault = fault_of_nothing(from_environment({}, KINDS))
    assert fault is not None
    assert "set OPENAI_API_KEY, ANTHROPIC_API_KEY" in fault
    assert fault_of_nothing(from_environment({"OPENAI_API_KEY": "x"}, KINDS)) is None


def _inline(items: dict[str, object]) -> str:
    return "{" + ", ".join(f"{name} = {_toml(value)}" for name, value in items.items()) + "}"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


WORDS = st.sampled_from(
    ["server", "port", "providers", "openai", "credentials", "main", "routes", "groups", "keys", "name", "policies", "retry"]
)
TREE = st.recursive(
    st.integers(-5, 5) | st.booleans() | st.sampled_from(['"env:A"', '"openai/x"', "[]", "{}", "1.5", "nan", f'"{CANARY}"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(map(_toml, items)) + "]")
        | st.dictionaries(WORDS, inner, max_size=3).map(_inline)
    ),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, TREE, max_size=3))
def test_any_document_is_settings_or_an_error_with_a_line(tree: dict[str, object]):
    """Whatever a document says, it is read or refused with a place, and no text that looks like a key is shown."""
    text = "".join(f"{name} = {_toml(value)}\n" for name, value in tree.items())
    said = ""
    try:
        load(text.encode(), {}, KINDS)
    except SettingsError as error:
        said = str(error)
    assert re.match(r"stormkeel\.toml:\d+:\d+: |$", said)
    assert CANARY not in said

"""Everything that makes a configuration, laid together, and all that is wrong with it."""

from __future__ import annotations

import pytest

from stormkeel.config.loaded import Choice, Files, Inputs, Loaded, load_all
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS


class Shelf:
    """Files in memory."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        if name not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[name].encode()

    def find(self, pattern: str) -> list[str]:
        """Return the files a pattern matches."""
        from fnmatch import fnmatch

        return sorted(name for name in self.files if fnmatch(name, pattern))


def loaded(files: dict[str, str], environ: dict[str, str] | None = None, choice: Choice | None = None) -> Loaded:
    """Load the first of some files."""
    shelf: Files = Shelf(files)
    return load_all(next(iter(files), ""), shelf, Inputs(environ or {}, KINDS, choice or Choice()))


def told(*args, **kwargs) -> list[str]:
    """Load, and return the faults as they are told."""
    return [str(fault) for fault in loaded(*args, **kwargs).faults]


def test_every_mistake_is_told_at_once():
    """All mistakes of a file are collected, in the order in which they stand, and what only follows from another is left out."""
    text = """\
[server]
prot = 1
max_body = 7
[providers.openai]
credentails = { main = "env:A" }
[providers.gpu]
kind = "compatible"
base_url = 5
[routes.fast]
groups = [["openai/a", 7, "gpu/"], [], ["opneai/a", "gpu/b#main"]]
[policies.retry]
attempts = 0
cap = -1
[[keys]]
name = "a b"
key = "env:A"
[[keys]]
nam = "c"
"""
    assert told({"a.toml": text}) == [
        'a.toml:2:1: unknown setting "prot" in [server]; did you mean "port"?',
        'a.toml:3:1: "max_body" is 7: give a number from 1024 to 1.07374e+09 bytes',
        'a.toml:5:1: unknown setting "credentails" in [providers.openai]; did you mean "credentials"?',
        'a.toml:8:1: "base_url" must be text in quotes, not a whole number',
        'a.toml:10:24: number 2 of number 1 of "groups" must be a table, not a whole number',
        'a.toml:10:27: a target at provider "gpu" names no model; write it as "gpu/MODEL"',
        'a.toml:10:36: group 2 of route "fast" is empty; give it a target, or take it out',
        'a.toml:10:41: there is no provider "opneai"; did you mean "openai"? (or add [providers.NAME])',
        'a.toml:10:53: provider "gpu" has no credential "main"; there is none yet',
        'a.toml:12:1: "attempts" is 0: give a number from 1 to 20',
        'a.toml:13:1: "cap" is -1: give a number from 1 to 3600 seconds',
        'a.toml:14:3: a key\'s "name" is "a b"; use letters, digits, dots, dashes and underscores',
        'a.toml:18:1: unknown setting "nam" in [keys]; did you mean "name"?',
    ]


def test_a_start_names_the_first_mistake_and_counts_the_others():
    """Who only starts up is told the first mistake, how many others there are, and how to see them."""
    with pytest.raises(SettingsError) as caught:
        loaded({"a.toml": "[server]\nport = -1\nprot = 2\n"}).checked()
    assert str(caught.value) == (
        'a.toml:2:1: "port" is -1: give a number from 0 to 65535 (and 1 more mistake: run `stormkeel check`)'
    )


def test_where_each_setting_comes_from_is_known():
    """A setting of the file has its line and column there, a provider of the environment its variables; defaults have none."""
    found = loaded({"a.toml": "[server]\nport = 1\n"}, {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "https://a.example.com/v1"})
    assert {path: str(origin) for path, origin in found.origins.items()} == {
        ("server",): "a.toml:1:2",
        ("server", "port"): "a.toml:2:1",
        ("providers",): "environment variable OPENAI_API_KEY",
        ("providers", "openai"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "kind"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "base_url"): "environment variable OPENAI_BASE_URL",
        ("providers", "openai", "credentials"): "environment variable OPENAI_API_KEY",
        ("providers", "openai", "credentials", "main"): "environment variable OPENAI_API_KEY",
    }
    assert found.checked().server.port == 1


def test_a_file_that_is_not_there_is_a_fault():
    """A configuration that can't be read is told with the reason, and still counts among the files to watch."""
    found = load_all("b.toml", Shelf({}), Inputs({}, KINDS))
    assert [str(fault) for fault in found.faults] == [
        'the configuration "b.toml" can\'t be read: No such file or directory; name another, or mend its rights'
    ]
    assert found.files == ("b.toml",)


# --- included files

PROVIDER = '[providers.openai]\ncredentials = { main = "env:A" }\n'


def test_included_files_are_laid_over_one_another():
    """Later files win leaf by leaf, the including file over all; lists are replaced; each place is in its own file."""
    found = loaded({
        "conf/main.toml": 'include = ["base.yaml", "more/*.json"]\n[server]\nport = 3\n' + PROVIDER,
        "conf/base.yaml": 'server: {port: 1, grace: 1, max_body: 2000}\nroutes:\n  fast: {groups: [["openai/a"], ["openai/b"]]}\n',
        "conf/more/2.json": '{"server": {"grace": 2}}',
        "conf/more/10.json": '{"server": {"grace": 10}, "routes": {"fast": {"groups": [["openai/c"]]}}}',
    })  # fmt: skip
    settings = found.checked()
    assert (settings.server.port, settings.server.grace, settings.server.max_body) == (3, 2.0, 2000)
    assert [[target.model for target in group] for group in settings.routes["fast"].groups] == [["c"]]
    places = {".".join(map(str, path)): str(origin) for path, origin in found.origins.items()}
    assert places["server.port"] == "conf/main.toml:3:1"
    assert places["server.grace"] == "conf/more/2.json:1:13"
    assert places["server.max_body"] == "conf/base.yaml:1:29"
    assert places["routes.fast.groups.0.0"] == "conf/more/10.json:1:59"
    assert "routes.fast.groups.1" not in places
    assert found.files == ("conf/main.toml", "conf/base.yaml", "conf/more/10.json", "conf/more/2.json")
    assert found.folders == ("conf/more",)


def test_keys_of_all_files_count():
    """Callers' keys may stand in files of their own: none replaces another, and a fault in one has its own place."""
    files = {
        "a.toml": 'include = ["keys/*.yaml"]\n[[keys]]\nname = "c"\nkey = "env:C"\n' + PROVIDER,
        "keys/1.yaml": "keys: [{name: a, key: 'env:A'}]",
        "keys/2.yaml": "keys: [{name: b, key: 'env:B'}]",
    }
    assert [key.name for key in loaded(files).checked().keys] == ["a", "b", "c"]
    assert told({**files, "keys/2.yaml": "keys:\n- {name: b, key: 'env:B'}\n- {name: a, key: 'env:D'}"}) == [
        'keys/2.yaml:3:4: there are two keys with name "a"; rename one'
    ]


def test_a_file_may_be_included_twice_but_never_by_itself():
    """Two files may share a third; a circle, however it is written, and a depth without end are refused where they are asked for."""
    shared = {"a.toml": 'include = ["b.toml", "c.toml"]\n' + PROVIDER, "b.toml": 'include = ["d.toml"]', "c.toml": 'include = ["d.toml"]',
              "d.toml": "[server]\nport = 4\n"}  # fmt: skip
    assert loaded(shared).checked().server.port == 4
    assert told({"x/a.toml": 'include = ["../x/./a.toml"]'}) == [
        "x/a.toml:1:12: these files include one another: x/a.toml -> x/../x/a.toml; take one include out"
    ]
    deep = {f"{n}.toml": f'include = ["{n + 1}.toml"]' for n in range(12)}
    assert told(deep) == ["7.toml:1:12: files include one another more than 8 deep; include them from one file"]


def test_a_pattern_never_includes_the_file_it_stands_in():
    """A pattern that matches its own file steps over it, and one that matches nothing is no mistake."""
    found = loaded({"a.toml": 'include = ["*.toml", "no/*.yaml"]\n' + PROVIDER, "b.toml": "[server]\nport = 4\n"})
    assert found.checked().server.port == 4


def test_too_many_files_are_refused():
    """Included files are bounded, however they are asked for."""
    many = {"a.toml": 'include = ["many/*.toml"]', **{f"many/{n:03}.toml": "" for n in range(300)}}
    assert told(many) == ["a.toml:1:12: more than 200 files are included; put some together"]


# --- profiles

PROFILES = """\
default_model = "openai/a"
[providers.openai]
credentials = { prod = "env:PROD", second = "env:PROD_2" }
headers = { x-a = "1", x-b = "1" }
[server]
port = 1
[profiles.dev]
default_model = "openai/b"
providers.openai.credentials = { dev = "env:DEV" }
providers.openai.headers = { x-b = "2" }
[profiles.prod.server]
port = 80
"""


def test_a_profile_is_laid_over_the_file():
    """A profile changes what it names and leaves the rest; its credentials take the place of the provider's, so that none leaks."""
    base = loaded({"a.toml": PROFILES}).checked()
    dev = loaded({"a.toml": PROFILES}, choice=Choice("dev")).checked()
    prod = loaded({"a.toml": PROFILES}, {"STORMKEEL_PROFILE": "prod"}).checked()
    assert [one.profile for one in (base, dev, prod)] == ["", "dev", "prod"]
    assert [one.default_model for one in (base, dev, prod)] == ["openai/a", "openai/b", "openai/a"]
    assert [one.server.port for one in (base, dev, prod)] == [1, 1, 80]
    assert [list(one.providers["openai"].credentials) for one in (base, dev)] == [["prod", "second"], ["dev"]]
    assert dev.providers["openai"].headers == {"x-a": "1", "x-b": "2"}


def test_the_argument_chooses_before_the_environment_and_that_before_the_file():
    """Which profile counts: --profile, then STORMKEEL_PROFILE, then what the file says; its origin is told."""
    said = {"a.toml": 'profile = "prod"\n' + PROFILES}
    env = {"STORMKEEL_PROFILE": "dev"}
    found = [loaded(said), loaded(said, env), loaded(said, env, Choice("prod"))]
    assert [one.settings.profile for one in found] == ["prod", "dev", "prod"]
    assert [str(one.origins["profile",]) for one in found] == [
        "a.toml:1:1", "environment variable STORMKEEL_PROFILE", "argument --profile",
    ]  # fmt: skip


def test_an_unknown_profile_is_refused_where_it_is_named():
    """A profile nobody wrote names the nearest one, and the argument, variable or line that asked for it."""
    near = 'there is no profile "prdo"; did you mean "prod"? (or add [profiles.NAME])'
    assert told({"a.toml": PROFILES}, choice=Choice("prdo")) == [f"argument --profile: {near}"]
    assert told({"a.toml": PROFILES}, {"STORMKEEL_PROFILE": "prdo"}) == [f"environment variable STORMKEEL_PROFILE: {near}"]
    assert told({"a.toml": PROVIDER}, choice=Choice("dev")) == [
        'argument --profile: there is no profile "dev"; there is none yet (or add [profiles.NAME])'
    ]
    assert told({}, {"OPENAI_API_KEY": "x"}, Choice("dev"))[0].startswith('argument --profile: there is no profile "dev"')


def test_a_profile_nobody_chose_is_checked_as_well():
    """A name misspelt in prod is told in dev, too, and once."""
    wrong = PROFILES + "grase = 1\n"
    said = ['a.toml:13:1: unknown setting "grase" in [server]; did you mean "grace"?']
    assert told({"a.toml": wrong}) == told({"a.toml": wrong}, choice=Choice("dev")) == said
    assert told({"a.toml": wrong}, choice=Choice("prod")) == said


def test_included_files_may_hold_profiles():
    """Profiles of several files are merged like everything else."""
    files = {"a.toml": 'include = ["dev.yaml"]\n' + PROFILES, "dev.yaml": "profiles: {dev: {server: {port: 9}}}"}
    assert loaded(files, choice=Choice("dev")).checked().server.port == 9


# --- the environment and arguments


def test_argument_over_environment_over_file_over_default():
    """One precedence: argument > environment > file > default; each setting knows which one it has."""
    files = {
        "a.toml": PROVIDER + "[server]\nport = 1\ngrace = 1\nmax_body = 2000\n[profiles.dev.server]\ngrace = 2\nmax_body = 3000\n"
    }
    env = {"STORMKEEL_SERVER__PORT": "2", "STORMKEEL_SERVER__MAX_BODY": "4000", "STORMKEEL_PROFILE": "dev"}
    found = loaded(files, env, Choice("", {"--port": (("server", "port"), 3)}))
    server = found.checked().server
    assert (server.port, server.max_body, server.grace, server.drain_delay) == (3, 4000, 2.0, 5.0)
    origins = [str(found.origins.get(("server", name), "default")) for name in ("port", "max_body", "grace", "drain_delay")]
    assert origins == ["argument --port", "environment variable STORMKEEL_SERVER__MAX_BODY", "a.toml:8:1", "default"]


def test_every_kind_of_setting_can_be_a_variable():
    """Text, numbers, truths, words, lists and tables; names written as a variable can; credentials in their short form."""
    files = {
        "a.toml": '[providers.gpu-box]\nkind = "compatible"\nbase_url = "http://gpu:1/v1"\n[[keys]]\nname = "a"\nkey = "env:STORMKEEL_KEY__A"'
    }
    settings = loaded(files, {
        "STORMKEEL_DEFAULT_MODEL": "123", "STORMKEEL_SERVER__GRACE": "1.5", "STORMKEEL_TELEMETRY__LEVEL": "warning",
        "STORMKEEL_PROVIDERS__GPU_BOX__BASE_URL": "http://gpu:2/v1", "STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN": "env:X",
        "STORMKEEL_PROVIDERS__GROQ__CREDENTIALS": '{"a": {"ref": "env:G", "quota": "org"}}',
        "STORMKEEL_ROUTES__FAST__GROUPS": '[["gpu-box/m", {"provider": "openai", "model": "n"}]]',
        "STORMKEEL_POLICIES__BREAKER__PERMITS": "[1, 2]", "STORMKEEL_DATA": "/data", "STORMKEEL_CONFIG": "x", "STORMKEEL_KEY": "y",
        "STORMKEEL_KEY__A": "a-key-of-my-own", "STORMKEEL_RECORDINGS": "z", "OTHER__NAME": "1",
    }).checked()  # fmt: skip
    assert settings.default_model == "123"
    assert settings.server.grace == 1.5
    assert settings.telemetry.level == "warning"
    assert settings.ledger.data == "/data"
    assert settings.providers["gpu-box"].base_url == "http://gpu:2/v1"
    assert settings.providers["openai"].credentials["main"].ref == "env:X"
    assert settings.providers["groq"].credentials["a"].quota == "org"
    assert [target.model for target in settings.routes["fast"].groups[0]] == ["m", "n"]
    assert settings.policies.breaker.permits == (1, 2)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SERVER__PROT", "1", 'unknown setting "prot" in [server]; did you mean STORMKEEL_SERVER__PORT?'),
        ("SERVR__PORT", "1", 'unknown setting "servr"; did you mean STORMKEEL_SERVER__PORT?'),
        ("POLICIES__RETRY__ATTEMPS", "1", 'unknown setting "attemps" in [policies.retry]; did you mean STORMKEEL_POLICIES__RETRY__ATTEMPTS?'),
        ("SERVER__PORT", "many", '"port" must be a whole number, not text'),
        ("SERVER__PORT", "70000", '"port" is 70000: give a number from 0 to 65535'),
        ("SERVER__PORT__X", "1", '"port" has no settings inside that a variable could name; set it whole, or in the file'),
        ("KEYS__0__NAME", "a", '"keys" has no settings inside that a variable could name; set it whole, or in the file'),
        ("SERVER____PORT", "1",
         'unknown setting "" in [server]; known: "admission", "drain_delay", "grace", "host", "max_body", "port", "tls_cert", "tls_key"'),
        ("PROVIDERS____BASE_URL", "1", "a name between the underscores is empty; write two of them between two levels"),
        ("ROUTES__FAST__GROUPS", "[[", "a list or table must be JSON here; mend its syntax"),
        ("ROUTES__FAST__GROUPS", "7", '"groups" must be a list, not a whole number'),
        ("PROFILES__DEV__SERVER", "{}", '"profiles" can only stand in a file; write it there'),
        ("PROVIDERS__A_B__KIND", "openai", 'this could be "a-b" or "a.b"; set it in the file'),
    ],
)  # fmt: skip
def test_a_variable_that_makes_no_sense_is_refused_by_its_name(name: str, value: str, fault: str):
    """A variable that names no setting, or gives it what it can't have, is told with the mend."""
    gpu = 'kind = "compatible"\nbase_url = "http://gpu:1/v1"\n'
    files = {"a.toml": PROVIDER + f'[providers.a-b]\n{gpu}[providers."a.b"]\n{gpu}'}
    assert told(files, {f"STORMKEEL_{name}": value}) == [f"environment variable STORMKEEL_{name}: {fault}"]


def test_two_variables_may_not_set_the_same():
    """A variable inside of what another has set to text is refused by name; inside of a table it adds to it."""
    env = {
        "STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN": "env:B",
        "STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN__QUOTA": "q",
    }
    assert told({"a.toml": PROVIDER}, env) == [
        "environment variable STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN__QUOTA: environment variable "
        "STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN sets all of it already, and to no table; set one of the two"
    ]
    env["STORMKEEL_PROVIDERS__OPENAI__CREDENTIALS__MAIN"] = '{"ref": "env:B"}'
    main = loaded({"a.toml": PROVIDER}, env).checked().providers["openai"].credentials["main"]
    assert (main.ref, main.quota) == ("env:B", "q")


def test_variables_add_to_the_providers_of_the_environment():
    """Without a file, the providers the environment offers stay, and a variable changes one of them."""
    env = {"OPENAI_API_KEY": "a", "GROQ_API_KEY": "b", "STORMKEEL_PROVIDERS__OPENAI__BASE_URL": "https://relay.example.com/v1"}
    providers = loaded({}, env).checked().providers
    assert {name: one.base_url for name, one in providers.items()} == {
        "openai": "https://relay.example.com/v1", "groq": "https://api.groq.com/openai/v1",
    }  # fmt: skip

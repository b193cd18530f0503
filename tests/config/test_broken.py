"""Broken configurations of every format and kind of mistake, and what each says, exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormkeel.config.loaded import Inputs, load_all
from stormkeel.providers import KINDS

FOLDER = Path(__file__).parent / "broken"
CANARY = "canary9f2b7d61e84a4c0b"

SAID: dict[str, list[str]] = {
    "alias.yaml": [
        "alias.yaml:1:16: this is not YAML: found undefined alias; mend the syntax here, or put the text in quotes",
    ],
    "borders.toml": [
        'borders.toml:2:9: "eu zone" is no tag; use letters, digits, dots, dashes and underscores',
        'borders.toml:10:11: nobody has the tag "ue"; known: "eu", "us", "zdr" (or give it to somebody, as in tags = ["ue"])',
        'borders.toml:13:1: no target of route "slow" is with "zdr" and "us"; add one that is, or tag those that are',
        'borders.toml:15:12: "other/gpt-5.4" has other tags in another route; give it the same everywhere',
        'borders.toml:19:13: nobody has the tag "zdrr"; did you mean "zdr"? (or give it to somebody, as in tags = ["zdrr"])',
    ],
    "circle.toml": [
        "parts/circle.yaml:1:11: these files include one another: circle.toml -> parts/circle.yaml -> parts/../circle.toml; take one include out",
    ],
    "digits.json": [
        'digits.json:1:15: "port" has too many digits; shorten it',
    ],
    "documents.yaml": [
        "documents.yaml:3:1: a second document begins here; put it into a file of its own, and include that",
    ],
    "door.toml": [
        'door.toml:2:1: "host" is "0.0.0.0", and anybody who reaches it could spend your money; add [[keys]], or listen on "127.0.0.1"',
        'door.toml:3:1: "tls_cert" and "tls_key" belong together: give both, or neither',
    ],
    "empty.yaml": [
        'empty.yaml:2:3: "port" must be a whole number, not nothing',
    ],
    "include.toml": [
        'include.toml:1:33: number 2 of "include" must be text in quotes, not a whole number',
    ],
    "include.yaml": [
        'include.yaml:1:1: "include" must be a list, not text',
    ],
    "inside.json": [
        'parts/wrong.yaml:2:3: unknown setting "prot" in [server]; did you mean "port"?',
        'parts/server.toml:2:1: "max_body" is 1: give a number from 1024 to 1.07374e+09 bytes',
    ],
    "keys.json": [
        'keys.json:4:5: the "key" of "a" must be a reference, never the secret itself; put the secret in the environment and write "env:STORMKEEL_KEY", or in a file of its own and write "file:PATH"',
        'keys.json:4:7: there are two keys with name "a"; rename one',
        'keys.json:5:5: the "hash" of key "b" is no SHA-256 in 64 hex digits; make one with `stormkeel key`',
        'keys.json:6:5: "name" is missing in [keys]; add it',
    ],
    "latin1.toml": [
        "latin1.toml:1:4: this is not UTF-8; save the file as UTF-8",
    ],
    "list.yaml": [
        "list.yaml:1:1: a configuration must be a table of settings, not a list; write name and value",
    ],
    "merge.yaml": [
        "merge.yaml:1:14: << merges tables; give it the alias of one, or a list of them",
    ],
    "missing.toml": [
        'missing.toml:3:3: the included file "parts/nothing.toml" can\'t be read: No such file or directory; name another, or mend its rights',
    ],
    "norway.yaml": [
        'norway.yaml:2:10: "no" without quotes is a truth in YAML 1.1 and a text in 1.2; write true or false, or put it in quotes',
    ],
    "models.toml": [
        'models.toml:5:1: "input_price" must be text in quotes, not a fraction',
        'models.toml:6:1: "output_price" is "-1": give US dollars a million tokens, as in "0.25": from 0 to 1000000, with at most 9 decimals',
        'models.toml:8:1: "input_price" is "0.0000000001": give US dollars a million tokens, as in "0.25": from 0 to 1000000, with at most 9 decimals',
        'models.toml:9:1: "output_price" is "1e3": give US dollars a million tokens, as in "0.25": from 0 to 1000000, with at most 9 decimals',
        'models.toml:10:1: "cached_price" is a text of 25 characters: give US dollars a million tokens, as in "0.25": from 0 to 1000000, with at most 9 decimals',
        'models.toml:12:1: "output_price" of "gpu/c" needs "input_price" beside it; add that, "0" where nothing is charged',
        'models.toml:14:1: "cached_price" of "gpu/d" needs "input_price" and "output_price" beside it; add that, "0" where nothing is charged',
        'models.toml:17:1: "max_output" is 16384: give a number from 1 to 8192 tokens',
        'models.toml:18:26: number 1 of "efforts" is "hihg"; give one of "none", "minimal", "low", "medium", "high", "xhigh", "max"',
        'models.toml:18:35: unknown setting "stp" in [models.gpu/e.abilities]; did you mean "stop"?',
        'models.toml:19:9: there is no provider "gup"; did you mean "gpu"? (or add [providers.NAME])',
        'models.toml:20:9: "gpu" names no model; write it as "PROVIDER/MODEL", or with a single * at its end',
        'models.toml:22:9: "gpu/*a*" names no model; write it as "PROVIDER/MODEL", or with a single * at its end',
        'models.toml:24:1: unknown setting "widnow" in [models.gpu/*]; did you mean "window"?',
        'models.toml:25:9: "gpu/A" stands here already, in other capitals; take one out',
    ],
    "null.json": [
        'null.json:1:15: "host" must be text in quotes, not nothing',
    ],
    "octal.yaml": [
        'octal.yaml:2:9: "08787" without quotes is octal in YAML 1.1 and decimal in 1.2; write it without the leading 0, or put it in quotes',
    ],
    "profile.toml": [
        'profile.toml:1:1: there is no profile "prdo"; did you mean "prod"? (or add [profiles.NAME])',
    ],
    "profiles.json": [
        'profiles.json:1:3: "profiles" must be a table, not a list',
    ],
    "profiles.yaml": [
        'profiles.yaml:4:15: "port" is -1: give a number from 0 to 65535',
        'profiles.yaml:5:5: "profile" can\'t stand in a profile; take it out',
        'profiles.yaml:7:15: unknown setting "prot" in [server]; did you mean "port"?',
        'profiles.yaml:8:5: "include" can\'t stand in a profile; take it out',
        'profiles.yaml:9:3: a profile is named "../up"; use letters, digits, dots, dashes and underscores',
        'profiles.yaml:10:3: the profile "test" must be a table, as in [profiles.test]',
    ],
    "providers.toml": [
        'providers.toml:1:12: nothing is known of a provider "opanai"; did you mean "openai"? (or add kind = "compatible" and its base_url)',
        'providers.toml:3:12: provider "openai" has no credential; add credentials = { main = "env:OPENAI_API_KEY" }',
        'providers.toml:5:12: provider "gpu" has no "base_url"; add it, as in base_url = "https://api.example.com/v1"',
        'providers.toml:9:1: "base_url" would send the credential unencrypted to api.anthropic.com; write https:// instead of http://',
        'providers.toml:10:17: credential "main" must be a reference, never the secret itself; put the secret in the environment and write "env:ANTHROPIC_API_KEY", or in a file of its own and write "file:PATH"',
        'providers.toml:11:13: header "host" is written by us; take it out',
        'providers.toml:11:25: header "X-Team" is no header name in lower case; mend it',
    ],
    "ranges.toml": [
        'ranges.toml:2:1: "port" is 70000: give a number from 0 to 65535',
        'ranges.toml:3:1: "grace" is -1: give a number from 0 to 86400 seconds',
        'ranges.toml:6:1: "connect" is 0: give a number from 0.001 to 86400 seconds',
        'ranges.toml:9:1: "share" is nan: give a number from 0.01 to 1',
        'ranges.toml:10:1: "permits" is 0: give a number from 1 to 1000 probes a step',
    ],
    "ranges.yaml": [
        'ranges.yaml:2:12: "attempts" is 0: give a number from 1 to 20',
        'ranges.yaml:2:25: "cap" is -inf: give a number from 1 to 3600 seconds',
    ],
    "routes.yaml": [
        'routes.yaml:5:3: route "none" has no group; give it one, as in groups = [["openai/gpt-5.4-mini"]]',
        'routes.yaml:8:9: group 1 of route "empty" is empty; give it a target, or take it out',
        'routes.yaml:11:10: there is no provider "opneai"; did you mean "openai"? (or add [providers.NAME])',
        'routes.yaml:11:26: a target at provider "openai" names no model; write it as "openai/MODEL"',
        'routes.yaml:12:10: provider "openai" has no credential "mian"; did you mean "main"?',
        'routes.yaml:12:49: "openai/gpt-5.4" stands in this route already; take one out',
        'routes.yaml:14:15: "openai/gpt-5.4" has other limits in another place of quota group "openai#main"; give it the same limits everywhere',
        'routes.yaml:15:1: "fallback_route" names no route: "non"; did you mean "none"? (or add [routes.NAME])',
    ],
    "sixty.yaml": [
        'sixty.yaml:1:16: "22:22" without quotes is a number to the base of 60 in YAML 1.1 and a text in 1.2; put it in quotes',
    ],
    "suffix.ini": [
        'suffix.ini: the suffix ".ini" names no format; use one of .toml, .yaml, .yml, .json',
    ],
    "syntax.json": [
        "syntax.json:2:22: this is not JSON: expecting ':' delimiter; mend the syntax here",
    ],
    "syntax.toml": [
        "syntax.toml:2:8: this is not TOML: invalid value; mend the syntax here",
    ],
    "syntax.yaml": [
        "syntax.yaml:2:1: this is not YAML: found character '\\t' that cannot start any token; mend the syntax here, or put the text in quotes",
    ],
    "tag.yaml": [
        "tag.yaml:1:9: this has a tag (!), which no setting needs; take it out",
    ],
    "twice.json": [
        "twice.json:4:5: this name stands in line 3 already; rename or merge them",
    ],
    "twice.toml": [
        "twice.toml:4:8: this is not TOML: cannot declare ('server',) twice; rename or merge them",
    ],
    "twice.yaml": [
        "twice.yaml:4:3: this name stands in line 2 already; rename or merge them",
    ],
    "types.json": [
        'types.json:2:25: "groups" must be a list, not text',
        'types.json:2:53: "strategy" is 7; give one of "weighted", "round_robin", "two_choices", "random", "priority", "least_latency", "cheapest"',
        'types.json:3:17: "retry" must be a table, not a list',
    ],
    "types.toml": [
        'types.toml:2:1: "port" must be a whole number, not text',
        'types.toml:3:1: "max_body" must be a whole number, not a fraction',
        'types.toml:6:1: "log" must be text in quotes, not a date or time',
        'types.toml:7:1: "level" is "loud"; give one of "info", "warning"',
        'types.toml:10:1: "fast" must be a table, not a list',
    ],
    "types.yaml": [
        'types.yaml:2:3: "port" must be a whole number, not text',
        'types.yaml:3:3: "grace" must be a number, not text',
        'types.yaml:4:1: "telemetry" must be a table, not text',
        'types.yaml:5:1: "keys" must be a list, not a table',
    ],
    "underscore.yaml": [
        'underscore.yaml:2:13: "20_971_520" without quotes is a number in YAML 1.1 and a text in 1.2; write it in plain digits, or put it in quotes',
    ],
    "unknown.json": [
        'unknown.json:2:3: unknown setting "default_mode"; did you mean "default_model"?',
        'unknown.json:3:18: unknown setting "levle" in [telemetry]; did you mean "level"?',
    ],
    "unknown.toml": [
        'unknown.toml:1:2: unknown setting "servr"; did you mean "server"?',
        'unknown.toml:5:1: unknown setting "attemps" in [policies.retry]; did you mean "attempts"?',
        'unknown.toml:8:1: unknown setting "base" in [server]; known: "admission", "drain_delay", "grace", "host", "max_body", "port", "tls_cert", "tls_key"',
    ],
    "unknown.yaml": [
        'unknown.yaml:4:5: unknown setting "regoin" in [providers.openai]; did you mean "region"?',
        'unknown.yaml:5:5: unknown setting "header" in [providers.openai]; did you mean "headers"?',
    ],
    "unread.toml": [
        'unread.toml:2:1: "openai" must be a table, not a whole number',
    ],
    "ways.toml": [
        'ways.toml:6:1: "next" is not the last of its list; put it at the end',
        'ways.toml:7:1: there is no route and no target "lnog"; did you mean "long"?',
        'ways.toml:10:10: "long" is the route itself; say "next" for what is left of it',
        'ways.toml:10:10: provider "openai" has no credential "second"; known: "main"',
        'ways.toml:10:67: "max_cost" must be text in quotes, not a fraction',
        'ways.toml:11:30: "to" must be a list, not text',
        'ways.toml:11:43: "max_cost" is no amount: give US dollars, as in "0.50", with at most 9 decimals',
        'ways.toml:12:1: a last resort changes nothing of a request; give it "trim", "system" or "prompt"',
        'ways.toml:12:1: "next" says nothing in a last resort: leave "to" out for the route\'s own',
        'ways.toml:15:30: "prompt" takes the place of all turns, so that "trim" has nothing to do; give one of the two',
        'ways.toml:18:10: "max_cost" is for nobody, as no "to" is given; add to = ["next"] for what is left of the route',
    ],
}


class Folder:
    """The folder of broken files."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return (FOLDER / name).read_bytes()

    def find(self, pattern: str) -> list[str]:
        """Return the files a pattern matches."""
        return sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob(pattern))


@pytest.mark.parametrize("name", SAID)
def test_a_broken_file_says_all_that_is_wrong(name: str) -> None:
    """S-37: every mistake is told with file, line, column, what is wrong and the mend, in order, and no secret is shown."""
    faults = [str(fault) for fault in load_all(name, Folder(), Inputs({"OPENAI_API_KEY": "x"}, KINDS)).faults]
    assert faults == SAID[name]
    assert CANARY not in "".join(faults)


def test_every_broken_file_is_in_the_table() -> None:
    """No file lies in the folder unasked, and there are at least thirty."""
    assert sorted(SAID) == sorted(path.name for path in FOLDER.iterdir() if path.is_file())
    assert len(SAID) >= 30

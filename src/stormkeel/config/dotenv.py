"""`.env` files: bytes in, names and values out.

Never reads the file and never runs anything: no commands, no expansion of `$NAME`. The process's own environment wins over a
`.env`.

    NAME=value            to the end of the line or to ` #`
    export NAME=value
    NAME="a\\nb"           \\n \\t \\r \\" \\\\ are understood, may span lines
    NAME='as it stands'
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import SettingsError

_LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*
    (?: (?: "(?P<double>(?:[^"\\]|\\[\s\S])*)" | '(?P<single>[^']*)' ) [ \t]*(?:[#][^\r\n]*)?
      | (?P<bare>(?!["'])[^\r\n]*) )
    (?:\r\n|\r|\n|\Z)""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_IGNORED = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_ESCAPE = re.compile(r"\\([\s\S])")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def read_dotenv(raw: bytes, name: str = ".env") -> dict[str, str]:
    """Read a `.env` file's bytes; a name that comes twice has its last value.

    Raises:
        SettingsError: a line is none of the forms above; names the line, never shows it.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}:{line}: this is not UTF-8; save the file as UTF-8") from None
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        ignored = _IGNORED.match(text, at)
        if ignored and ignored.end() > at:
            at = ignored.end()
            continue
        found = _LINE.match(text, at)
        if found is None:
            line = text.count("\n", 0, at) + 1
            raise SettingsError(f"{name}:{line}: this is no NAME=value; mend its quotes or its name, or put # before it")
        values[found["name"]] = _value(found)
        at = found.end()
    return values


def merge(environ: Mapping[str, str], dotenv: Mapping[str, str]) -> dict[str, str]:
    """Return the environment completed by a `.env`: what the process has set wins, empty or not."""
    return {**dotenv, **environ}


def _value(found: re.Match[str]) -> str:
    double, single = found["double"], found["single"]
    if double is not None:
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), double)
    if single is not None:
        return single
    return _COMMENT.sub("", found["bare"]).strip()

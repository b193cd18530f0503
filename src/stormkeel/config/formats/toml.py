"""TOML, by the standard library, with the spot of every key.

Never knows what a setting means.
"""

from __future__ import annotations

import re
import tomllib

from .document import TOO_DEEP, Document, Lines, Spot, Unreadable
from .toml_spots import find_spots

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def parse(text: str) -> Document:
    """Read a TOML document.

    Raises:
        Unreadable: it is none.
    """
    try:
        return Document(tomllib.loads(text), find_spots(text))
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(str(error), text) from None
    except RecursionError:
        raise Unreadable(None, TOO_DEEP) from None
    except ValueError:
        raise Unreadable(None, "this is not TOML: a number has too many digits; shorten it") from None


def _not_toml(said: str, text: str) -> Unreadable:
    at = _AT.search(said)
    spot: Spot = (int(at[1]), int(at[2])) if at and at[1] else Lines(text).spot(len(text))
    what = _AT.sub("", said)
    mend = "rename or merge them" if "overwrite" in what or "twice" in what else "mend the syntax here"
    return Unreadable(spot, f"this is not TOML: {what[:1].lower()}{what[1:]}; {mend}")

"""Where a setting comes from, and what is said of it there.

Never judges: it only remembers places.

    default  <  file:line:column  <  environment variable NAME  <  argument --name
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Path = tuple[str | int, ...]
"""Where in the settings: ("providers", "openai", "base_url"), ("routes", "fast", "groups", 0, 1)."""
OriginKind = Literal["default", "file", "environment", "argument"]


class Origin(msgspec.Struct, frozen=True):
    """Where one setting comes from.

    Attributes:
        kind: which level of the precedence.
        name: the file's, the variable's, the option's; "" for a default.
        line, column: in a file, from 1; 0 where nobody knows.
        profile: the profile whose table it stands in, "" for none.
    """

    kind: OriginKind
    name: str = ""
    line: int = 0
    column: int = 0
    profile: str = ""

    def __str__(self) -> str:
        if self.kind == "file":
            return ":".join(str(part) for part in (self.name, self.line, self.column) if part)
        return f"{self.kind} variable {self.name}" if self.kind == "environment" else f"{self.kind} {self.name}".rstrip()


DEFAULT = Origin("default")
Origins = Mapping[Path, Origin]


class Fault(msgspec.Struct, frozen=True):
    """One mistake of a configuration.

    Attributes:
        origin: where it stands; a default one where it stands nowhere.
        text: what is wrong and the mend, without any secret.
    """

    origin: Origin
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" if self.origin.name else self.text


def origin_of(origins: Origins, path: Path) -> Origin | None:
    """Return the origin of a path, or of the nearest table around it that has one."""
    return next((origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), None)

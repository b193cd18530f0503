"""What the environment alone offers: every known provider for which a credential or an address is set.

Never looks at the credentials themselves: a variable that is set to anything but blanks counts.

    OPENAI_API_KEY, OPENAI_API_KEY_2, ..., OPENAI_BASE_URL      ANTHROPIC_API_KEY, else ANTHROPIC_AUTH_TOKEN
    GROQ_API_KEY, ...                                           OLLAMA_BASE_URL, ...
    AZURE_OPENAI_API_KEY with AZURE_OPENAI_ENDPOINT
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .layers import Layer, layer_of_leaves
from .origins import Fault, Origin, Path
from .references import fault_of_url
from .settings import Kinds, Known
from .source import Source

MORE = 100  # NAME_2 up to NAME_99
Leaf = tuple[Path, object, Origin]
_VERSIONED = re.compile(r"/v[0-9][0-9a-z]*$").search


def offered(environ: Mapping[str, str], kinds: Kinds, source: Source) -> Layer:
    """Return the providers the environment offers, as if they were written down.

    Args:
        environ: names and values; a `.env` is already merged in.
        kinds: what is known of providers (`providers.KINDS`).
        source: notes a base URL that makes no sense, by its variable's name.
    """
    return layer_of_leaves(leaf for known in kinds.values() for leaf in _provider(environ, known, source))


def _provider(environ: Mapping[str, str], known: Known, source: Source) -> Iterator[Leaf]:
    keys = _credentials(environ, known.key_names)
    tokens = {} if keys else _credentials(environ, known.token_names)
    found = keys or tokens
    url_name = next((name for name in known.url_names if environ.get(name, "").strip()), "")
    if not found and (known.needs_key or not url_name):
        return
    if not known.base_url and not url_name:  # a key alone says nothing: its address is the user's own
        return
    path: Path = ("providers", known.name)
    first = Origin("environment", next(iter(found.values()), url_name))
    yield (*path, "kind"), known.name, first
    if url_name:
        url = with_path(environ[url_name].strip(), known.url_path)
        yield from _base_url(url, bool(found), Origin("environment", url_name), path, source)
    if tokens:
        yield (*path, "auth"), "bearer", first
    for label, name in found.items():
        yield (*path, "credentials", label), f"env:{name}", Origin("environment", name)
    for name, header in known.header_names:
        if value := environ.get(name, "").strip():
            yield (*path, "headers", header), value, Origin("environment", name)


def with_path(url: str, path: str) -> str:
    """Put a path behind an address, unless the address ends in a version already.

    >>> with_path("https://gateway.example.com/gemini/", "/v1beta"), with_path("https://gateway.example.com/v1", "/v1beta")
    ('https://gateway.example.com/gemini/v1beta', 'https://gateway.example.com/v1')
    """
    bare = url.rstrip("/")
    return url if not path or _VERSIONED(bare) else bare + path


def _base_url(url: str, has_credential: bool, origin: Origin, path: Path, source: Source) -> Iterator[Leaf]:
    fault = fault_of_url(url, has_credential)
    if fault is not None:
        source.note(Fault(origin, f"the address {fault}"), (*path, "base_url"))
    else:
        yield (*path, "base_url"), url, origin


def _credentials(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables of the first name that is set, by the credentials' names: "main", then "2", "3" ... by its numbered names."""
    for name in names:
        numbered = {"main": name, **{str(number): f"{name}_{number}" for number in range(2, MORE)}}
        found = {label: one for label, one in numbered.items() if environ.get(one, "").strip()}
        if found:
            return found
    return {}

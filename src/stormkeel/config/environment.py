"""What the environment alone offers: every known provider for which a credential or an address is set.

Never looks at the credentials themselves: a variable that is set to anything but blanks counts.

    OPENAI_API_KEY, OPENAI_API_KEY_2, ..., OPENAI_BASE_URL      ANTHROPIC_API_KEY, else ANTHROPIC_AUTH_TOKEN
    GROQ_API_KEY, ...                                           OLLAMA_BASE_URL, ...
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SettingsError
from .references import fault_of_url
from .settings import CredentialSettings, Kinds, Known, ProviderSettings

MORE = 100  # NAME_2 up to NAME_99


def offered(environ: Mapping[str, str], kinds: Kinds) -> dict[str, ProviderSettings]:
    """Return the providers the environment offers, by name.

    Args:
        environ: names and values; a `.env` is already merged in.
        kinds: what is known of providers (`providers.KINDS`).

    Raises:
        SettingsError: a base URL makes no sense; names its variable.
    """
    found = {known.name: _provider(environ, known) for known in kinds.values()}
    return {name: provider for name, provider in found.items() if provider is not None}


def _provider(environ: Mapping[str, str], known: Known) -> ProviderSettings | None:
    keys = _credentials(environ, known.key_names)
    tokens = {} if keys else _credentials(environ, known.token_names)
    base_url = _base_url(environ, known, bool(keys or tokens))
    if not keys and not tokens and (known.needs_key or not base_url):
        return None
    headers = {header: environ[name].strip() for name, header in known.header_names if environ.get(name, "").strip()}
    return ProviderSettings(known.name, base_url, "bearer" if tokens else None, keys or tokens, headers)


def _base_url(environ: Mapping[str, str], known: Known, has_credential: bool) -> str:
    for name in known.url_names:
        url = environ.get(name, "").strip()
        if url:
            fault = fault_of_url(url, has_credential)
            if fault is not None:
                raise SettingsError(f"the environment variable {name} {fault}")
            return url
    return ""


def _credentials(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, CredentialSettings]:
    """The credentials of the first name that is set: "main", then "2", "3" ... by its numbered names."""
    for name in names:
        numbered = {"main": name, **{str(number): f"{name}_{number}" for number in range(2, MORE)}}
        found = {label: CredentialSettings(f"env:{one}") for label, one in numbered.items() if environ.get(one, "").strip()}
        if found:
            return found
    return {}

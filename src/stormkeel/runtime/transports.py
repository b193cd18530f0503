"""One HTTP client for each way out: providers that are reached alike share its pool, and a reload keeps it where nothing changed.

Never decides which way a provider is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..types.wire import HttpRequest, HttpResponse
from .http import HttpExchange, HttpSettings, HttpTransport


class Transports:
    """The clients by their settings; itself a Transport that goes the usual way."""

    def __init__(self) -> None:
        self._known: dict[HttpSettings, HttpTransport] = {}
        self._usual = HttpSettings()

    def of(self, ways: Mapping[str, HttpSettings]) -> dict[str, HttpTransport]:
        """Return the client of each provider, made where there is none of its settings yet."""
        return {name: self._of(settings) for name, settings in ways.items()}

    def _of(self, settings: HttpSettings) -> HttpTransport:
        known = self._known.get(settings)
        if known is None:
            known = self._known[settings] = HttpTransport(settings)
        return known

    async def keep(self, wanted: Iterable[object]) -> None:
        """Close all clients but these; exchanges under way go on, and close their connections at their end."""
        kept = {id(one) for one in wanted}
        for settings, transport in tuple(self._known.items()):
            if id(transport) not in kept:
                del self._known[settings]
                await transport.close()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole response, the usual way."""
        return await self._of(self._usual).send(request)

    async def open(self, request: HttpRequest) -> HttpExchange:
        """Send and return once the response's head has arrived, the usual way."""
        return await self._of(self._usual).open(request)

    async def close(self) -> None:
        """Close every idle connection of every client."""
        for transport in self._known.values():
            await transport.close()

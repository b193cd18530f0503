"""Who made what: ids that providers gave, and the account where each is found again.

Never grows beyond its bound: what was noted or asked for longest ago goes first.
"""

from __future__ import annotations

MOST = 100_000
LONGEST = 256  # characters of an id; a longer one is not remembered

Account = tuple[str, str]
"""A provider's name and its credential's."""


class Makers:
    """The accounts that made the latest answers, by the answers' ids."""

    __slots__ = ("_accounts", "_known", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[str, Account] = {}
        self._accounts: dict[Account, Account] = {}  # one tuple for all answers of an account

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._known)

    def note(self, id: str, account: Account) -> None:
        """Remember who made something; the latest word counts."""
        if not 0 < len(id) <= LONGEST:
            return
        known = self._known
        known.pop(id, None)
        known[id] = self._accounts.setdefault(account, account)
        if len(known) > self._most:
            del known[next(iter(known))]

    def look(self, id: str) -> Account | None:
        """Return what `of` would. Changes nothing."""
        return self._known.get(id)

    def of(self, id: str) -> Account | None:
        """Return who made something, None where that is not known (any more)."""
        account = self._known.pop(id, None)
        if account is not None:
            self._known[id] = account
        return account

"""The story of a call that failed: what was tried, a line an attempt, for people.

Never says what an exception said: types, kinds and seconds only (INV-17). On the function's own exception it is a note; an
exception object that is raised again and again keeps one.
"""

from __future__ import annotations

from ..types.failure import Failure

MARK = "stormkeel: "
SHOWN = 30  # lines; nobody reads more


class Story:
    """What happened in one call."""

    __slots__ = ("_lines", "_name", "_started")

    def __init__(self, name: str, started: float) -> None:
        self._name = name
        self._started = started
        self._lines: list[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, what: str, took: float) -> None:
        """Note an attempt, a refusal or a fallback that failed, and how long it took in seconds."""
        self._lines.append(f"{what}, {took:.2f} s")

    def wait(self, seconds: float) -> None:
        """Note the wait after what was noted last."""
        self._lines[-1] += f"; waited {seconds:.2f} s"

    def text(self, why: str, tries: int, now: float) -> str:
        """Write it: why nothing more was tried, then what was, oldest first."""
        because = f": {why}" if why else ""
        attempts = "1 attempt" if tries == 1 else f"{tries} attempts"
        head = f'{MARK}"{self._name}" gave up after {attempts} in {now - self._started:.2f} s{because}'
        return "\n".join([head, *(f"  {number}. {line}" for number, line in enumerate(self._lines[-SHOWN:], 1))])


def said(error: Exception, failure: Failure) -> str:
    """Name an exception without its words: type, status and kind."""
    status = f" {failure.status}" if failure.status else ""
    return f"{type(error).__name__}{status} ({failure.kind.value})"


def attach(error: Exception, text: str) -> None:
    """Put a story on an exception as its note, in place of one it has from an earlier call."""
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        notes[:] = [note for note in notes if not str(note).startswith(MARK)]
    error.add_note(text)


def chain(error: Exception, before: Exception) -> None:
    """Let an exception's traceback show the one before it, as if it had been raised while handling that one."""
    if error is not before and error.__context__ is None and error.__cause__ is None:
        error.__context__ = before

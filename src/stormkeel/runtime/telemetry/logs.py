"""JSON log lines, one a request: ids, names, numbers; never content, never a secret.

Lines are encoded when they happen and written together, at the latest a fifth of a second later, so that a log line costs no
system call.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

from ...errors import SettingsError
from ...ledger.losses import kept
from ...types.attempt import Attempt, Story
from ...types.failure import Failure, FailureKind
from ...types.request import Request

FLUSH_AFTER = 0.2  # seconds
FLUSH_AT = 64 * 1024  # bytes


class LogWriter:
    """Writes bytes to a file descriptor in batches; flushes by itself while its loop runs."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Add one line without its newline."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_AT:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER, self.flush)

    def flush(self) -> None:
        """Write what is waiting. A log that can't be written is counted, never waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        self._lines.append(b"")
        data = b"\n".join(self._lines)
        self._lines.clear()
        self._size = 0
        try:
            os.write(self._fd, data)
        except OSError:
            self.dropped += data.count(b"\n")


def open_logs(path: str, quiet: bool, profile: str = "") -> Logs:
    """Open the log: a file, made readable to its owner only, or standard error where the path is "".

    Args:
        path: the file.
        quiet: write failures only.
        profile: of the configuration; it stands in every line.

    Raises:
        SettingsError: the file can't be written.
    """
    if not path:
        return Logs(quiet=quiet, profile=profile)
    return Logs(_open(path), quiet, profile, path)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise SettingsError(f'the log file "{path}" can\'t be written: {error.strerror}; name another in telemetry.log') from None


class Records(logging.Handler):
    """Turns what our own rooms tell Python's logging (the server's drain, the ledger's faults) into lines of the same log."""

    def __init__(self, logs: Logs, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._logs = logs
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, from whichever thread it comes."""
        line = (record.levelname.lower(), record.name, {"message": record.getMessage()})
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._logs.say, *line)


class Line(msgspec.Struct, omit_defaults=True):
    """One request in the log."""

    time: str
    level: str
    event: str
    request_id: str
    route: str
    dialect: str
    model: str
    outcome: str
    latency_s: float
    attempts: int
    stream: bool = False
    ttft_s: float | None = None
    deployment: str = ""
    status: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: str | None = None
    key: str = ""
    task: str = ""
    error: str = ""
    profile: str = ""
    config: str = ""
    lost: tuple[str, ...] = ()
    joint: str = ""
    queued_s: float = 0.0
    claimed_in: int = 0
    claimed_out: int = 0


class Logs:
    """A sink that writes one JSON line a request; `quiet` writes failures only."""

    def __init__(self, fd: int | None = None, quiet: bool = False, profile: str = "", path: str = "") -> None:
        self._writer = LogWriter(sys.stderr.fileno() if fd is None else fd)
        self._file = fd
        self._encode = msgspec.json.Encoder().encode
        self._path = path
        self._profile = profile
        self.quiet = quiet

    def answered(self, story: Story) -> None:
        """Write the line of one request."""
        if self.quiet and story.failure is None:
            return
        line = line_of(story)
        line.profile = self._profile
        self._writer.write(self._encode(line))

    def broke(self, error: BaseException, request: Request) -> None:
        """Write a fault of ours with the places it passed, without values."""
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        self.say("error", "internal_fault", {"request_id": request.id, "error": type(error).__name__, "at": places})

    def say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        """Write one line about something other than a request."""
        said = {"time": _stamp_now(), "level": level, "event": event, **fields}
        self._writer.write(self._encode({**said, "profile": self._profile} if self._profile else said))

    def flush(self) -> None:
        """Write what is waiting."""
        self._writer.flush()

    def reopen(self) -> None:
        """Begin the file anew under its name, after the old one was moved away. Raises `SettingsError`; then that goes on."""
        if self._file is None:
            return
        fresh = _open(self._path)
        self._writer.flush()
        os.dup2(fresh, self._file, inheritable=False)
        os.close(fresh)

    def close(self) -> None:
        """Write what is waiting and let a file of our own go; standard error stays its process's. Safe to call twice."""
        self._writer.flush()
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def line_of(story: Story) -> Line:
    """Return the log line of one request."""
    request, failure, attempts = story.request, story.failure, story.attempts
    line = Line(
        _stamp(story.started),
        "info" if failure is None else "warning",
        "request",
        request.id,
        story.route,
        request.dialect,
        request.model,
        "ok" if failure is None else failure.kind.value,
        round(story.latency, 6),
        len(attempts),
        request.stream,
        key=request.options.key,
        task=request.options.task,
        config=story.config,
    )
    if story.queued:
        line.queued_s = round(story.queued, 6)
    if story.ttft is not None:
        line.ttft_s = round(story.ttft, 6)
    if attempts:
        _note(line, attempts[-1])
    cost = story.cost
    if cost is not None:
        line.cost_usd = f"{cost // 1_000_000_000}.{cost % 1_000_000_000:09d}"
    if failure is not None:
        line.status = failure.status or 0
        line.error = _words(failure, any(attempt.made for attempt in story.attempts))
    return line


def _note(line: Line, last: Attempt) -> None:
    """Write down what the last attempt came to."""
    line.deployment = last.deployment
    if last.lost and last.made:
        line.lost = kept(last.lost)
    line.joint = last.joint
    if last.usage is not None:
        line.tokens_in, line.tokens_out = last.usage.total_input, last.usage.total_output
    if last.claimed is not None:
        line.claimed_in, line.claimed_out = last.claimed.total_input, last.claimed.total_output


def _words(failure: Failure, was_asked: bool) -> str:
    """Say why in our own words; a provider's are left out: it may quote the request in them, and content stays out of logs."""
    if was_asked and failure.status and failure.kind is not FailureKind.EXHAUSTED:
        return failure.code or failure.kind.value
    return failure.message.split("\n", 1)[0][:200]


_second = (0, "")


def _stamp(wall: int) -> str:
    """Write a wall-clock moment in UTC to the millisecond; the whole second is formatted once."""
    global _second
    second, rest = divmod(wall, 1_000_000_000)
    if _second[0] != second:
        _second = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_second[1]}.{rest // 1_000_000:03d}Z"


def _stamp_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

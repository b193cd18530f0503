"""One provider in memory: its organisations with their limits, its pace, and what befalls a request by the weather of the moment.

Never waits and never sends: it says what it will do, moment by moment, as a `Script` that `transport.py` plays. Its dice are its
own, so what it does follows from the seed and the order in which it is asked.

    connection -> credential -> money -> limits of the organisation, in sub-windows -> the request itself -> trouble -> an answer
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import msgspec

from ..testing.clock import EPOCH
from ..types.wire import NO_HEADERS, Headers
from .evidence import Sending
from .loop import GRID, on_grid
from .speech import JSON, SSE, begun, garbage, refusal, steady, streamed, told, whole, words_of
from .weather import Episode, Place

NO_END = 1 << 40
"""Tokens that nobody sends."""
NEVER = 1e6
"""Seconds that are longer than anybody waits."""
BACKGROUND = {"errors": 0.003, "resets": 0.002, "cuts": 0.002, "overload": 0.002, "stalls": 0.001}
"""What befalls a request on a fine day."""
SLOWER = 20.0
BEFORE_HEAD = ("outage", "resets", "hang")
REFUSALS = ("errors", "overload")
CALLS = 0.6  # the share of answers to whoever offers tools that call one
SQUEEZED = 4
WIDE = 0.006  # the share of answers that are large
WIDE_WORD = 32 * 1024  # bytes a word of a large answer has more


class Script(msgspec.Struct, frozen=True):
    """What becomes of one request.

    Attributes:
        head: the moment the head comes, or the fault instead of it.
        fault: the stage at which the wire fails before any head, "" where it does not.
        status, headers: the head.
        pieces: the body, each piece with the moment it comes.
        end: how the body ends: "end" in good order, "cut", or "stall" for never.
        last: how many pieces make the answer whole, 0 where they never do.
    """

    head: float
    fault: str = ""
    status: int = 200
    headers: Headers = NO_HEADERS
    pieces: tuple[tuple[float, bytes], ...] = ()
    end: str = "end"
    last: int = 0


class Account(msgspec.Struct):
    """One organisation's limits at a provider, for one model: so many requests in each sub-window.

    Attributes:
        limit: requests a sub-window.
        window: its seconds.
        number, used: the present one, and what was used of it.
    """

    limit: int
    window: float
    number: int = -1
    used: int = 0

    def take(self, at: float, squeezed: bool) -> float:
        """Count one request; returns 0.0, or the seconds until the next sub-window where it is one too many."""
        number = int(at // self.window)
        if number != self.number:
            self.number, self.used = number, 0
        if self.used >= max(1, self.limit // SQUEEZED if squeezed else self.limit):
            return (number + 1) * self.window - at
        self.used += 1
        return 0.0

    def left(self) -> int:
        """Return how many more may come now."""
        return max(0, self.limit - self.used)


class Pace(msgspec.Struct, frozen=True):
    """How a provider is on a fine day.

    Attributes:
        first: the median of seconds to the first content.
        word: seconds from word to word, about.
        fails: how many times the usual share of requests meets a fault.
    """

    first: float = 0.4
    word: float = 0.25
    fails: float = 1.0


class Side(msgspec.Struct, frozen=True):
    """One provider as it really is, whatever the configuration thinks.

    Attributes:
        place: where it may fall ill.
        pace: how quick it is.
        limits: requests a sub-window and its seconds, by organisation.
        windows: tokens of the longest prompt each model reads, by model; one that is not there reads any.
        filters: does it refuse what its filter takes offence at?
    """

    place: Place
    pace: Pace
    limits: dict[str, tuple[int, float]]
    windows: dict[str, int] = {}
    filters: bool = False


class Upstream:
    """One provider.

    Args:
        side: how it is.
        seed: of its dice.
        episodes: its weather.
    """

    def __init__(self, side: Side, seed: int, episodes: tuple[Episode, ...]) -> None:
        self.name = side.place.provider
        self._rng = Random(f"upstream {self.name} {seed}")  # noqa: S311 - what befalls requests, no secret
        self._side = side
        self._pace = side.pace
        self._accounts: dict[tuple[str, str], Account] = {}
        self._episodes = tuple(one for one in episodes if one.provider == self.name)

    def answer(self, sending: Sending, organisation: str, body: bytes) -> Script:
        """Say what becomes of a request; notes on it what the provider will hold against us."""
        now = sending.at
        ill = {
            one.kind: one for one in self._episodes
            if one.begins <= now < one.ends and one.touches(sending.model, sending.credential, organisation, sending.region)
        }  # fmt: skip
        trouble = self._trouble(ill)
        sending.act = trouble or "served"
        if trouble in BEFORE_HEAD:
            return self._no_head(trouble, now)
        script = self._refuse(sending, organisation, ill, body)
        sending.starts = begun(body)
        return script or self._serve(sending, trouble, "slow" in ill)

    def list_models(self, sending: Sending, organisation: str) -> Script:
        """Answer the question for the list of models, which costs nothing and is how a credential is probed."""
        ill = {one.kind for one in self._episodes if one.holds(sending.at) and one.touches("", sending.credential, organisation)}
        head = on_grid(sending.at + 0.1)
        if "outage" in ill or "hang" in ill:
            return self._no_head("outage", sending.at)
        status, said = refusal(sending.dialect, "dead") if "dead" in ill else (200, b'{"object":"list","data":[]}')
        sending.status = status
        return Script(head, status=status, headers=JSON, pieces=((head, said),), last=1)

    # -- what befalls it -----------------------------------------------------------------------------------------------

    def _trouble(self, ill: dict[str, Episode]) -> str:
        point = self._rng.random()
        for kind, one in ill.items():
            if kind not in ("dead", "broke", "squeeze", "slow") and point < one.share:
                return kind
        for kind, share in BACKGROUND.items():
            point -= share * self._pace.fails
            if point < 0.0:
                return kind
        return ""

    def _no_head(self, trouble: str, now: float) -> Script:
        if trouble == "outage":
            return Script(on_grid(now + (GRID if self._rng.random() < 0.7 else 5.0)), "connect")
        return Script(on_grid(now + self._rng.uniform(0.05, 2.0)), "head") if trouble == "resets" else Script(now + NEVER)

    def _refuse(self, sending: Sending, organisation: str, ill: dict[str, Episode], body: bytes) -> Script | None:
        what, hint = self._objection(sending, organisation, ill, body)
        if not what:
            return None
        sending.act, sending.hint = what, round(hint, 3)  # as the header says it
        sending.status, said = refusal(sending.dialect, what)
        head = on_grid(sending.at + self._rng.uniform(0.02, 0.3))
        headers = (*JSON, ("retry-after", f"{hint:.3f}")) if hint else JSON
        return Script(head, status=sending.status, headers=headers, pieces=((head, said),))

    def _objection(self, sending: Sending, organisation: str, ill: dict[str, Episode], body: bytes) -> tuple[str, float]:
        """Say why it is refused, and for how long; "" where it is not."""
        if "dead" in ill:
            return "dead", 0.0
        if "broke" in ill:
            return "broke", 0.0
        account = self._account(organisation, sending.model)
        wait = account.take(sending.at, "squeeze" in ill)
        sending.room = account.left() / account.limit
        if wait:
            return "limited", wait if self._rng.random() < 0.8 else 0.0
        if b"nonsense" in body:
            return "bad", 0.0
        if sending.prompt > self._side.windows.get(sending.model, NO_END):
            return "too_long", 0.0
        if self._side.filters and b"forbidden" in body:
            return "filtered", 0.0
        if sending.act in REFUSALS:
            return sending.act, ill[sending.act].hints if sending.act in ill else 0.0
        return "", 0.0

    def _account(self, organisation: str, model: str) -> Account:
        found = self._accounts.get((organisation, model))
        if found is None:
            limit, window = self._side.limits[organisation]
            found = self._accounts[organisation, model] = Account(limit, window)
        return found

    # -- answers -------------------------------------------------------------------------------------------------------

    def _serve(self, sending: Sending, trouble: str, is_slow: bool) -> Script:
        rng, pace = self._rng, self._pace
        first = pace.first * rng.lognormvariate(0.0, 0.4) * (SLOWER if is_slow else 1.0)
        mark, count, padding = self._measure(sending)
        step = 0.02 if padding else pace.word * rng.uniform(0.3, 2.0)
        words = words_of(mark, range(sending.starts, sending.starts + count), padding)
        usage = (sending.prompt, 3 * count)
        start = on_grid(sending.at + first)
        sending.words, sending.status = count, 200
        sending.made = tuple(on_grid(start + number * step) for number in range(count))
        sending.act = trouble or ("slow" if is_slow else "served")
        sending.calls = sending.offers and rng.random() < CALLS
        if sending.stream:
            return self._stream(sending, words, usage, trouble)
        return self._whole(sending, whole(sending.dialect, sending.model, words, usage, sending.calls), trouble)

    def _measure(self, sending: Sending) -> tuple[str, int, str]:
        """Say under which mark it answers, with how many words, and what makes each of them long."""
        if total := steady(sending.request):
            return f"{sending.request}.0", max(1, total - sending.starts), ""
        if self._is_wide(sending):
            return sending.attempt, self._rng.randrange(20, 40), "~" * WIDE_WORD
        return sending.attempt, self._rng.randrange(2, 9), ""

    def _is_wide(self, sending: Sending) -> bool:
        """Is the answer a large one? One dialect says all of it four times over, in single events: not there."""
        return self._rng.random() < WIDE and sending.dialect != "openai_responses"

    def _whole(self, sending: Sending, body: bytes, trouble: str) -> Script:
        at = sending.made[-1]
        if trouble in ("cuts", "told"):
            return Script(at, headers=JSON, pieces=((at, body[: len(body) // 2]),), end="cut")
        if trouble == "stalls":
            return Script(at, headers=JSON, pieces=((at, body[: len(body) // 2]),), end="stall")
        if trouble in ("garbage", "endless"):
            return Script(at, headers=JSON, pieces=((at, body[: len(body) // 2]),))
        return Script(at, headers=self._headers(sending, JSON), pieces=((at, body),), last=1)

    def _stream(self, sending: Sending, words: list[str], usage: tuple[int, int], trouble: str) -> Script:
        speech = streamed(sending.dialect, sending.model, words, usage, sending.calls)
        made = sending.made
        pieces = [(made[0], speech.head + speech.words[0])]
        pieces += zip(made[1:], speech.words[1:], strict=True)
        pieces.append((on_grid(made[-1] + GRID), speech.tail))
        if self._rng.random() < 0.3:  # the head goes out long before the first content
            pieces[0] = (made[0], speech.words[0])
            pieces.insert(0, (on_grid(sending.at + 0.05), speech.head))
        head, headers = pieces[0][0], self._headers(sending, SSE)
        if trouble not in ("cuts", "stalls", "garbage", "told", "endless"):
            return Script(head, headers=headers, pieces=tuple(pieces), last=len(pieces))
        return self._broken(sending, headers, pieces, trouble)

    def _broken(self, sending: Sending, headers: Headers, pieces: list[tuple[float, bytes]], trouble: str) -> Script:
        """Break a stream off: between two pieces or in the middle of one, by whatever befell it."""
        keep = self._rng.randrange(len(pieces))
        if sending.calls and self._rng.random() < 0.5:
            keep = len(pieces) - 1  # right behind the call
        at, torn = pieces[keep]
        head, kept = pieces[0][0], pieces[:keep]
        said = keep - (len(pieces) - len(sending.made) - 1)
        sending.made = sending.made[: said if trouble == "told" else max(keep, 1)]  # what it told to have failed it does not bill
        end = {"cuts": "cut", "stalls": "stall"}.get(trouble, "end")
        if trouble == "garbage":
            kept = [*kept, (at, garbage(sending.dialect)), *pieces[keep:]]
        elif trouble == "told":
            kept.append((at, told(sending.dialect)))
        elif self._rng.random() < 0.5:
            kept.append((at, torn[: len(torn) // 3]))
        return Script(head, headers=headers, pieces=tuple(kept), end=end)

    def _headers(self, sending: Sending, base: Headers) -> Headers:
        """Say what is left of the limits, as of a whole minute, whatever the windows in which they are enforced."""
        account = self._accounts.get((sending.quota.rpartition("/")[0], sending.model))
        if account is None:
            return base
        scale = 60.0 / account.window
        left, limit = str(round(account.left() * scale)), str(round(account.limit * scale))
        reset = account.window - sending.at % account.window
        if sending.dialect == "anthropic_messages":
            moment = datetime.fromtimestamp(EPOCH + sending.at + reset, UTC).isoformat()
            told = (("limit", limit), ("remaining", left), ("reset", moment))
            return (*base, *((f"anthropic-ratelimit-requests-{name}", value) for name, value in told), ("request-id", "up-1"))
        return (
            *base, ("x-ratelimit-limit-requests", limit), ("x-ratelimit-remaining-requests", left),
            ("x-ratelimit-reset-requests", f"{reset:.3f}s"), ("x-request-id", "up-1"),
        )  # fmt: skip

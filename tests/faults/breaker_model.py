"""A model of the breaker that keeps everything and counts anew, and random traces through both (S-23)."""

from random import Random

from stormkeel.policies.base import Verdict
from stormkeel.policies.breaker import BEYOND, Breaker, BreakerSettings, State

SETTINGS = BreakerSettings(consecutive=4, least=8, permits=(1, 2, 4), lease=7.0, slow_share=0.75, slow_times=0.0, slow_after=1.0)
VERDICTS = (Verdict.OK, Verdict.FAULT, Verdict.IGNORED)


class Fixed:
    """Dice of one value, so that model and breaker throw the same."""

    def __init__(self, value):
        self.value = value

    def random(self):
        """Return it."""
        return self.value


class Model:
    """The breaker as a story: a list of outcomes since it closed, a list of probes since it half-opened, no counters."""

    def __init__(self):
        self.state, self.epoch, self.failed_revivals = "closed", 0, 0
        self.outcomes, self.head = [], 0  # (bucket, verdict) since closed; the newest bucket
        self.row = []
        self.probes = {}  # ticket -> "out", "ok", "ignored" since half-open, with the step it was settled in
        self.steps_done, self.oks = 0, 0
        self.timer = None  # (set at, span): open time or lease
        self.rare = None
        self.begun, self.late = [], 0  # (when, is late) of first contents since closed; late ones of this step
        self.slow = self.spared = False
        self.earned, self.beyond_row = 0, 0
        self.answered = None  # when last

    def over(self, now):
        """Has the timer run out? A clock before its setting restarts it."""
        at, span = self.timer
        if now < at:
            self.timer, at = (now, span), now
        return now - at >= span

    def admit(self, now):
        """Return whether it passes, and whether only as one beyond."""
        if self.state == "closed":
            return True
        return self.admit_rare(now) if self.spared else self.admit_by_state(now)

    def admit_by_state(self, now):
        """Return whether its state lets one through."""
        over = self.over(now)
        if self.state == "open":
            if not over:
                return False
            self.half_open()
        elif len(self.probes) >= SETTINGS.permits[self.steps_done] and not over:
            return False
        self.timer = (now, SETTINGS.lease)
        return True

    def admit_rare(self, now):
        """Return whether it passes as the last candidate: None where only as one beyond."""
        if self.state == "closed" or self.admit_by_state(now):
            return True
        if self.rare is not None and now < self.rare:
            self.rare = now
        if self.rare is None or now - self.rare >= SETTINGS.probe_every:
            self.rare = now
            return True
        if not self.slow and (not self.earned or self.is_stale(now)):
            return False
        self.earned -= not self.slow
        return None

    def is_stale(self, now):
        """Is the last answer too old to have earned anything?"""
        return self.answered is None or now - self.answered > SETTINGS.window

    def answer(self, now):
        """Take note of an answer, whoever gave it."""
        self.earned = 0 if self.is_stale(now) else self.earned
        self.answered = now

    def begin(self, epoch, is_late, now, draw):
        """Take a first content."""
        if epoch != self.epoch:
            return
        if self.state != "closed":
            self.late += is_late
            return
        self.begun.append((now, is_late))
        latest = [late for at, late in self.begun[-SETTINGS.least :] if abs(now - at) <= SETTINGS.window]
        if is_late and len(latest) == SETTINGS.least and latest.count(True) >= 0.75 * SETTINGS.least:
            self.beyond_row = 0
            self.open(now, draw, slow=True)

    def settle_beyond(self, verdict):
        """Take the outcome of one beyond; once it has closed, none of them counts."""
        if self.state == "closed":
            return
        if verdict is Verdict.OK:
            self.beyond_row = 0
            self.earned = min(100, self.earned + 3)
        elif verdict is Verdict.FAULT:
            self.beyond_row += 1
            if self.beyond_row >= SETTINGS.consecutive:
                self.slow = False

    def half_open(self):
        """Begin at the first step."""
        self.state, self.epoch, self.probes, self.steps_done, self.oks = "half_open", self.epoch + 1, {}, 0, 0
        self.late = 0

    def open(self, now, draw, slow=False):
        """Open for a drawn time."""
        if self.state == "closed":
            self.earned = 0
        self.late, self.slow = 0, slow
        longest = min(SETTINGS.open_cap, SETTINGS.open_time * 2**self.failed_revivals)
        self.state, self.epoch = "open", self.epoch + 1
        self.timer = (now, longest / 2 + draw * longest / 2)

    def settle(self, ticket, epoch, verdict, now, draw):
        """Take an outcome."""
        if epoch != self.epoch:
            return
        if self.state == "closed":
            self.note(verdict, now, draw)
            return
        self.probes.pop(ticket, None)
        if verdict is Verdict.OK:
            self.earned = min(100, self.earned + 3)
            if self.state == "open":
                late, self.late = self.late, 0
                if late and self.slow:
                    return
                self.half_open()
            self.oks += 1
            if self.oks == SETTINGS.permits[self.steps_done]:
                if self.late >= 0.75 * self.oks:
                    self.failed_revivals += 1
                    self.beyond_row = 0
                    self.open(now, draw, slow=True)
                    return
                self.oks, self.steps_done, self.late = 0, self.steps_done + 1, 0
            if self.steps_done == len(SETTINGS.permits):
                self.state, self.epoch, self.failed_revivals = "closed", self.epoch + 1, 0
                self.outcomes, self.row, self.head = [], [], int(now // 10)
                self.begun, self.slow, self.spared, self.beyond_row = [], False, False, 0
        elif verdict is Verdict.FAULT and self.state == "half_open":
            self.failed_revivals += 1
            self.open(now, draw)

    def note(self, verdict, now, draw):
        """Count an outcome while closed."""
        if verdict is Verdict.IGNORED:
            return
        bucket = int(now // 10)
        if abs(bucket - self.head) >= 6:
            self.outcomes, self.head = [], bucket
        self.head = max(self.head, bucket)
        self.outcomes.append((bucket, verdict))
        self.outcomes = [one for one in self.outcomes if one[0] > self.head - 6]
        self.row.append(verdict)
        faults = sum(one[1] is Verdict.FAULT for one in self.outcomes)
        in_a_row = self.row[-SETTINGS.consecutive :] == [Verdict.FAULT] * SETTINGS.consecutive
        if verdict is Verdict.FAULT and (in_a_row or (len(self.outcomes) >= 8 and 2 * faults >= len(self.outcomes))):
            self.beyond_row = next((n for n, one in enumerate(reversed(self.row)) if one is Verdict.OK), len(self.row))
            self.open(now, draw)


def step_time(rng, now):
    """Move the clock: mostly a little, now and then a lot, rarely an hour either way. Eighths of a second are exact."""
    kind = rng.random()
    if kind < 0.01:
        return now + rng.choice([-3600.0, 3600.0])
    return now + rng.randrange(0, 160 if kind < 0.1 else 16) / 8


def trace(seed, length):
    """Run one random trace through both; return the states it has seen."""
    rng, breaker, model = Random(seed), Breaker(SETTINGS), Model()
    now, number, out, seen = 10_000.0, 0, [], set()
    health, quickness = rng.random(), rng.random()
    for _ in range(length):
        now = step_time(rng, now)
        if rng.random() < 0.05:
            health, quickness = rng.random(), rng.random()
        if rng.random() < 0.55 or not out:
            number += 1
            rare = rng.random() < 0.3
            answer = breaker.admit_probe(now) if rare else breaker.admit(now)
            expected = model.admit_rare(now) if rare else model.admit(now)
            assert isinstance(answer, int) == (expected is not False), (seed, now, answer)
            assert (answer == BEYOND) == (expected is None), (seed, now, answer)
            if expected:
                model.probes[number] = "out"
            if expected is not False and rng.random() > 0.05:  # the rest is never settled
                out.append((number, model.epoch if expected else None, answer))
        elif rng.random() < 0.4:
            _, epoch, theirs = rng.choice(out)
            draw, is_late = rng.randrange(8) / 8, rng.random() > quickness
            breaker.begin(theirs, 2.0 if is_late else 0.5, now, Fixed(draw))
            model.begin(epoch, is_late, now, draw)
        else:
            ticket, epoch, theirs = out.pop(rng.randrange(len(out)))
            verdict = Verdict.IGNORED if rng.random() < 0.15 else VERDICTS[rng.random() > health]
            draw = rng.randrange(8) / 8
            breaker.settle(theirs, verdict, now, Fixed(draw))
            if verdict is Verdict.OK:
                model.answer(now)
            if epoch is None:
                model.settle_beyond(verdict)
            else:
                model.settle(ticket, epoch, verdict, now, draw)
        if breaker.state is State.OPEN and rng.random() < 0.2:
            breaker.spared = model.spared = rng.random() < 0.5
        if breaker.is_slow:
            seen.add("slow")
        assert breaker.state.value == model.state, (seed, now)
        seen.add(model.state)
    return seen

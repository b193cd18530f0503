"""A request that is answered at the first try: what is written down, in what order, and what it costs."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path

import pytest
from story_stage import ALONE, BENCHES, PRICE, WHOLE_STREAM, Bench, FullDisk, Reply, Taken, play, refused, streamed, whole
from test_alert_stories import listening
from test_own_price_stories import GPU

from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.ledger.lines import read_lines
from stormkeel.runtime.journal import FileJournal
from stormkeel.testing import VirtualClock
from stormkeel.types.alert import AlertKind
from stormkeel.types.failure import FailureKind
from stormkeel.types.usage import Usage
from stormkeel.types.wire import HttpRequest


def test_what_is_journaled_and_when():
    """The reservation is in the journal before the request leaves, the settlement comes after the answer, one of each (INV-2)."""

    async def story():
        seen: list[list[str]] = []

        def script(request: HttpRequest) -> Reply:
            seen.append([type(entry).__name__ for entry in bench.journal.entries])
            return whole()

        bench = Bench(script)
        answer = await bench.ask()
        assert answer.failure is None
        assert seen == [["Reserved"]]
        reserved, settled = bench.journal.entries
        assert isinstance(reserved, Reserved)
        assert isinstance(settled, Settled)
        assert reserved.attempt == settled.attempt == f"{answer.story.request.id}.1"
        assert (reserved.route, reserved.deployment, reserved.model) == ("fast", "openai/gpt-5.4-mini#main", "gpt-5.4-mini")
        assert (settled.outcome, settled.status, settled.usage_source, settled.provider_request) == (
            "ok",
            200,
            "provider",
            "up-1",
        )
        assert settled.amount == 10 * PRICE[0] + 5 * PRICE[1]
        assert reserved.amount is not None
        assert reserved.amount > settled.amount
        assert bench.told == [answer.story]

    play(story)


def test_what_is_sent():
    """The provider gets the client's body with the model renamed, our credential, and our attempt id; nothing else is added."""

    async def story():
        bench = Bench([whole()])
        await bench.ask(temperature=0.5)
        request = bench.transport.sent[0].request
        assert request.url == "https://api.openai.com/v1/chat/completions"
        assert json.loads(request.body) == {
            "model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hello"}], "temperature": 0.5,
        }  # fmt: skip
        assert request.body == bench.request("gpt-5.4-mini", temperature=0.5).raw
        assert bench.whom == ["openai#main"]

    play(story)


def test_a_stream_settles_before_its_last_frames_go_out():
    """A stream is booked with its own usage, and before the client is told that it is whole."""

    async def story():
        class Looking(Taken):
            settled_at_done = None

            async def write(self, data: bytes) -> None:
                if b"[DONE]" in data:
                    self.settled_at_done = len(bench.settled)
                await super().write(data)

        bench = Bench([streamed(*WHOLE_STREAM)])
        answer, taken = await bench.stream(out=Looking(), stream_options={"include_usage": True})
        assert answer.failure is None
        assert taken.settled_at_done == 1
        assert taken.body == b"".join(WHOLE_STREAM)
        assert bench.settled[0].amount == 10 * PRICE[0] + 5 * PRICE[1]
        assert bench.transport.sent[0].ended == "read"  # its connection can be used again

    play(story)


def test_a_journal_that_cannot_be_written_sends_nothing():
    """A full disk refuses the request before a byte leaves, and the next one passes as soon as there is room (S-13)."""

    async def story():
        journal = FullDisk()
        bench = Bench([whole()], journal=journal)
        answer = await bench.ask()
        assert answer.failure is not None
        assert answer.failure.kind is FailureKind.INTERNAL
        assert "ledger" in answer.failure.message
        assert bench.transport.sent == []
        assert bench.settled == []
        journal.room = True
        assert (await bench.ask()).failure is None

    play(story)


def test_a_journal_that_fails_between_two_tries_stops_the_request():
    """A disk that fills up while a request is being retried ends it: no try goes unledgered (S-13)."""

    async def story():
        class Filling(FullDisk):
            room = True

        journal = Filling()

        def script(request: HttpRequest) -> Reply:
            journal.room = False
            return refused(500)

        bench = Bench(script, journal=journal)
        answer = await bench.ask()
        assert answer.failure is not None
        assert "ledger can't be written" in answer.failure.message
        assert len(bench.transport.sent) == 1
        assert bench.outcomes == [("server", "none")]

    play(story)


class Failing(FileJournal):
    """A journal on a disk that refuses the writes whose numbers it is given."""

    def __init__(self, folder: Path, refuses: set[int]) -> None:
        self._refuses = refuses
        self._writes = 0
        super().__init__(folder, VirtualClock(asyncio.get_running_loop()), write=self._try)

    def _try(self, fd: int, data: bytes) -> int:
        self._writes += 1
        if self._writes in self._refuses:
            raise OSError(errno.EIO, "input/output error")
        return os.write(fd, data)

    @property
    def entries(self) -> list[Reserved | Settled]:
        """What is on the disk."""
        return list(read_lines(self.path.read_bytes(), 0, is_final=False).entries)


def test_a_settlement_that_cannot_be_written_is_kept(tmp_path):
    """An answer whose settlement meets a bad disk is still delivered, and is settled ahead of the next entry (S-13, INV-4)."""

    async def story():
        journal = Failing(tmp_path, refuses={2})
        bench = Bench([whole()], journal=journal)
        first = await bench.ask()
        assert first.failure is None
        assert (len(bench.reserved), len(bench.settled)) == (1, 0)
        second = await bench.ask()
        assert second.failure is None
        assert [entry.attempt for entry in journal.entries] == [
            f"{answer.story.request.id}.1" for answer in (first, first, second, second)
        ]
        journal.close()

    play(story)


def test_each_write_that_fails(tmp_path):
    """Whichever write of three requests fails, none is sent without its reservation, and every one that was is settled (S-13)."""

    async def story():
        for number in range(1, 8):
            journal = Failing(tmp_path / str(number), refuses={number})
            bench = Bench([refused(500), whole()], ALONE, journal=journal)
            for _ in range(3):
                await bench.ask()
            assert journal.flush()
            journal.close()

    play(story)


# -- money --------------------------------------------------------------------------------------------------------------


def test_reported_usage_is_priced_exactly():
    """Cached tokens cost the cached rate, reasoning the output rate, and each token is paid once (INV-25)."""

    async def story():
        reply = whole()
        told = json.loads(b"".join(piece for piece in reply.body if isinstance(piece, bytes)))
        told["usage"] = {
            "prompt_tokens": 60, "completion_tokens": 30, "total_tokens": 90,
            "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 20},
        }  # fmt: skip
        bench = Bench([Reply(200, (json.dumps(told).encode(),))], ALONE)
        answer = await bench.ask()
        settled = bench.settled[0]
        assert settled.usage == Usage(input=20, cache_read=40, output=10, reasoning=20)
        assert settled.amount == 20 * 750 + 40 * 75 + 30 * 4500
        assert answer.story.cost == settled.amount

    play(story)


def test_zero_usage_stays_zero():
    """A provider that reports zero tokens is believed: zero is a number, not an absence (S-8)."""

    async def story():
        bench = Bench([whole(prompt=0, completion=0)], ALONE)
        await bench.ask()
        assert (bench.settled[0].usage, bench.settled[0].usage_source, bench.settled[0].amount) == (Usage(), "provider", 0)

    play(story)


def without_usage() -> Reply:
    """A whole answer that reports no usage."""
    told = json.loads(b"".join(piece for piece in whole("w" * 300).body if isinstance(piece, bytes)))
    del told["usage"]
    return Reply(200, (json.dumps(told).encode(),))


def test_absent_usage_is_estimated():
    """An answer without usage is charged an estimate by what was seen, never nothing (INV-5)."""

    async def story():
        bench = Bench([without_usage()], ALONE)
        await bench.ask()
        settled = bench.settled[0]
        assert settled.usage_source == "estimated"
        assert settled.usage.output >= 300 // 4
        assert settled.amount == settled.usage.input * PRICE[0] + settled.usage.output * PRICE[1]

    play(story)


def test_nonsense_usage_is_no_usage():
    """Negative tokens and absurd numbers of them are not believed, and the answer is charged an estimate instead (S-8)."""

    async def story():
        for prompt, completion in ((-5, 5), (10, -1), (10, 10**12)):
            bench = Bench([whole(prompt=prompt, completion=completion)], ALONE)
            answer = await bench.ask()
            assert answer.failure is None
            assert bench.settled[0].usage_source == "estimated"

    play(story)


def test_more_than_was_held_is_believed_and_counted():
    """A report above its reservation is booked, as the bill will say the same; it is counted, and nobody is woken."""

    async def story():
        bench = Bench([whole(prompt=10, completion=60)], ALONE)
        BENCHES.remove(bench)  # its settlement is above its reservation, which is what is told
        answer = await bench.ask(max_completion_tokens=50)
        assert (bench.settled[0].usage, bench.settled[0].usage_source) == (Usage(input=10, output=60), "provider")
        assert answer.story.attempts[0].claimed == bench.settled[0].usage
        counted = b'stormkeel_usage_above_bound_total{believed="yes",model="gpt-5.4-mini",provider="openai"} 1.0'
        assert counted in bench.house.metrics.text()

    play(story)


def test_a_stream_without_usage_is_estimated():
    """A whole stream whose provider reports no usage is charged by the text that went by."""

    async def story():
        bench = Bench([streamed(*(piece for piece in WHOLE_STREAM if b'"usage"' not in piece))], ALONE)
        answer, _taken = await bench.stream()
        assert answer.failure is None
        assert bench.outcomes == [("ok", "estimated")]
        assert (bench.settled[0].amount or 0) > 0

    play(story)


def test_unknown_price_is_none():
    """A model without a price costs None, which is not 0, and its tokens are counted all the same."""

    async def story():
        bench = Bench([whole()])
        answer = await bench.ask("backup/some-model")
        assert answer.failure is None
        assert answer.story.cost is None
        assert (bench.reserved[0].amount, bench.settled[0].amount) == (None, None)
        assert bench.settled[0].usage == Usage(input=10, output=5)

    play(story)


SMALL = GPU + b'[models."gpu/*"]\nwindow = 2000\nmax_output = 100\ninput_price = "1"\noutput_price = "1"\n'
"""A model that can take two thousand tokens, and write a hundred."""


@pytest.mark.parametrize(
    ("settings", "asked", "said", "most"),
    [
        (SMALL, {}, "prompt", 20_000),
        (SMALL, {}, "completion", 1_000),
        (SMALL, {"n": 3}, "completion", 3_000),
        (SMALL, {"max_tokens": 40}, "completion", 1_000),
        (SMALL, {"max_tokens": 40, "n": 2}, "completion", 2_000),
        (SMALL, {"max_tokens": 500}, "completion", 5_000),
        (SMALL, {"max_tokens": 500, "n": 2}, "completion", 10_000),
        (GPU, {}, "prompt", 100_000_000),
        (GPU, {}, "completion", 1_310_720),
        (GPU, {"max_tokens": 40, "n": 2}, "completion", 2_621_440),
        (GPU, {"max_tokens": 200_000}, "completion", 2_000_000),
    ],
)
@pytest.mark.parametrize("beyond", [0, 1])
def test_ten_times_what_can_be_taken_is_believed_and_no_token_more(settings, asked, said, most, beyond):
    """Of what the model can take or write at all in so many answers, or of what was asked for, where that is more (S-8)."""

    async def story():
        bench = Bench([whole(**{said: most + beyond})], settings)
        BENCHES.remove(bench)  # its settlement is above its reservation
        ear = listening(bench)
        answer = await bench.ask(**asked)
        assert answer.failure is None
        (settled,), (attempt,) = bench.settled, answer.story.attempts
        claimed = {"prompt": 10, "completion": 5} | {said: most + beyond}
        assert (attempt.claimed.input, attempt.claimed.output) == (claimed["prompt"], claimed["completion"])
        assert settled.usage_source == ("estimated" if beyond else "provider")
        assert ear.kinds == [AlertKind.USAGE_ABSURD] * beyond
        if beyond:
            held = bench.reserved[0]
            assert (settled.usage.input <= held.input_bound, settled.usage.output <= held.output_bound) == (True, True)
            assert ear.heard[0].subject == held.deployment
            assert (
                f"reported {claimed['prompt']:,} input and {claimed['completion']:,} output tokens for a request that can have taken "
                f"{held.input_bound:,} and {held.output_bound:,}: not believed"
            ) in ear.heard[0].text
        else:
            assert settled.usage == attempt.claimed

    play(story)


@pytest.mark.parametrize("more", [0, 1])
def test_as_much_as_was_held_is_no_claim(more):
    """A report up to the last token of what was held is nobody's business; one more is noted."""

    async def story():
        length = len(Bench([], SMALL).request("fast", max_tokens=40).raw)
        for prompt, completion in ((length + more, 40), (length, 40 + more)):
            bench = Bench([whole(prompt=prompt, completion=completion)], SMALL)
            BENCHES.remove(bench)  # its settlement may be above its reservation
            answer = await bench.ask(max_tokens=40)
            assert (bench.reserved[0].input_bound, bench.reserved[0].output_bound) == (length, 40)
            assert bench.settled[0].usage == Usage(input=prompt, output=completion)
            assert (answer.story.attempts[0].claimed is None) is (not more)

    play(story)

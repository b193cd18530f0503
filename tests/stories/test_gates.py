"""Our own limits: refused or waited for, handed back, and spread over credentials by each strategy."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from story_stage import Bench, FullDisk, Reply, by, now, play, refused, streamed, whole

from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0


def limited(limits: str, strategy: str = "weighted", fallback: bool = False) -> bytes:
    """One deployment with limits, with a fallback or without."""
    second = ', ["backup/gpt-5.4-mini"]' if fallback else ""
    return f"""
    [providers.openai.credentials]
    main = "env:OPENAI_API_KEY"
    [providers.backup]
    kind = "compatible"
    base_url = "http://127.0.0.1:9/v1"
    [routes.fast]
    strategy = "{strategy}"
    groups = [[{{ provider = "openai", model = "gpt-5.4-mini", {limits} }}]{second}]
    """.encode()


def spread(strategy: str, *weights: float) -> bytes:
    """One group of three credentials, each with a weight."""
    targets = ", ".join(
        f'{{ provider = "openai", model = "gpt-5.4-mini", credential = "c{number}", weight = {weight} }}'
        for number, weight in enumerate(weights)
    )
    names = "\n".join(f'c{number} = "env:K{number}"' for number in range(len(weights)))
    return f"""
    [providers.openai.credentials]
    {names}
    [routes.fast]
    strategy = "{strategy}"
    groups = [[{targets}]]
    """.encode()


def test_concurrency_sends_the_overflow_elsewhere():
    """With two places taken the third request goes to the fallback at once, and a place given back is taken again."""

    async def story():
        slow = Reply(200, whole().body, delay=10.0)
        bench = Bench(by({"openai#main": [slow], "127.0.0.1:9": [whole()]}), limited("concurrency = 2", fallback=True))
        await asyncio.gather(*(bench.ask() for _ in range(5)))
        assert Counter(bench.whom) == {"openai#main": 2, "127.0.0.1:9": 3}
        await bench.ask()
        assert bench.whom[-1] == "openai#main"

    play(story)


def test_concurrency_refuses_where_nobody_else_is_left():
    """A full gate with no fallback refuses, saying which setting it was; what was refused left no trace in the journal."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=10.0)], limited("concurrency = 1"))
        answers = await asyncio.gather(bench.ask(), bench.ask())
        refusal = answers[1].failure
        assert answers[0].failure is None
        assert refusal.kind is K.CONCURRENCY_REACHED
        assert "`concurrency`" in refusal.message
        assert len(bench.reserved) == 1

    play(story)


@pytest.mark.parametrize("reply", [refused(500), refused(400, "x"), Reply(delay=LONG), streamed(LONG)])
def test_places_come_back_after_failures(reply):
    """However an attempt ends, its place is free again."""

    async def story():
        bench = Bench([reply], limited("concurrency = 1"))
        for _ in range(3):
            await bench.stream(timeout=5.0)
        assert bench.house.world.fleet.members[0].concurrency.in_flight == 0

    play(story)


def test_rpm_is_never_exceeded():
    """Sixty requests a minute and a burst of sixty: what comes on top waits, each just as long as it must (INV-12)."""

    async def story():
        bench = Bench([whole()], limited("rpm = 60"))
        answers = await asyncio.gather(*(bench.ask(timeout=60.0) for _ in range(64)))
        assert all(answer.failure is None for answer in answers)
        for first, later in zip(bench.times, bench.times[60:], strict=False):
            assert later - first >= 1.0 - 1e-6
        assert max(bench.times) < 8.0

    play(story)


def test_rpm_too_far_off_goes_to_the_fallback():
    """Where our own limit asks for more than five seconds of patience the fallback answers at once."""

    async def story():
        bench = Bench([whole()], limited("rpm = 6", fallback=True))
        for _ in range(8):
            assert (await bench.ask()).failure is None
        assert Counter(bench.whom) == {"openai#main": 6, "127.0.0.1:9": 2}
        assert now() == 0.0

    play(story)


def test_rpm_past_the_deadline_is_refused():
    """A request that would have to wait past its deadline is refused at once, with the time to come back."""

    async def story():
        bench = Bench([whole()], limited("rpm = 1"))
        await bench.ask()
        answer = await bench.ask(timeout=10.0)
        assert now() == 0.0
        assert answer.failure.kind is K.RATE_REACHED
        assert 59.9 < answer.failure.retry_after < 60.1
        assert len(bench.transport.sent) == 1

    play(story)


def test_tpm_waits_and_settles_the_truth():
    """Tokens are debited by estimate, and what was not used comes back: the next request needs not wait for it."""

    async def story():
        bench = Bench([whole(prompt=10, completion=5)], limited("tpm = 1000").replace(b'"openai", model', b'"backup", model'))
        for _ in range(20):  # each asks for 400 and uses 15
            assert (await bench.ask(max_tokens=400)).failure is None
        assert now() == 0.0
        both = await asyncio.gather(*(bench.ask(timeout=100.0, max_tokens=900) for _ in range(2)))
        assert all(answer.failure is None for answer in both)

    play(story)


def test_tokens_are_counted_as_the_provider_does():
    """OpenAI counts the most output that is asked for, used or not, and those of failed requests too (docs/reliability.md, Rates)."""

    async def story():
        bench = Bench([whole(prompt=10, completion=5), refused(400, "x"), whole()], limited("tpm = 1000"))
        for _ in range(2):
            await bench.ask(max_tokens=500)
        assert now() == 0.0
        assert (await bench.ask(timeout=100.0, max_tokens=500)).failure is None
        assert 29.0 < bench.times[2] < 31.0

    play(story)


@pytest.mark.parametrize(("group", "sends"), [("", 10), ("acme", 5)])
def test_credentials_of_one_organisation_share_one_limit(group, sends):
    """INV-12: two credentials of one quota group have the limit once; two of different organisations have it twice."""

    async def story():
        quota = f'quota = "{group}"' if group else ""
        settings = f"""
        [providers.openai.limits]
        rpm = 5
        [providers.openai.credentials.main]
        ref = "env:OPENAI_API_KEY"
        {quota}
        [providers.openai.credentials.second]
        ref = "env:OPENAI_API_KEY_2"
        {quota}
        [routes.fast]
        groups = [["openai/gpt-5.4-mini"]]
        strategy = "round_robin"
        """
        bench = Bench([whole()], settings.encode())
        answers = await asyncio.gather(*(bench.ask(timeout=1.0) for _ in range(12)))
        assert sum(answer.failure is None for answer in answers) == sends
        assert {answer.failure.kind for answer in answers if answer.failure is not None} == {K.RATE_REACHED}

    play(story)


def test_tpm_debts_delay_the_next():
    """A request that used more than was expected is answered, and the next one waits for what it took."""

    async def story():
        bench = Bench([whole(prompt=60, completion=540)], limited("tpm = 600"))
        assert (await bench.ask()).failure is None
        answer = await bench.ask(timeout=500.0)
        assert answer.failure is None
        assert bench.times[1] >= 3.0

    play(story)


def test_a_request_larger_than_tpm_can_never_pass():
    """A request that no waiting makes fit is refused at once, with what to change (docs/reliability.md, Rates)."""

    async def story():
        bench = Bench([whole()], limited("tpm = 100"))
        answer = await bench.ask(max_tokens=500)
        assert (answer.failure.kind, answer.failure.forever) == (K.RATE_REACHED, True)
        assert "`tpm`" in answer.failure.message
        assert bench.transport.sent == []

    play(story)


def test_an_admission_of_which_nothing_was_sent_is_undone():
    """Attempts that the journal stopped take nothing of the rate and no place, and are no evidence against the provider."""

    async def story():
        journal = FullDisk()
        bench = Bench([whole()], limited("rpm = 2, tpm = 1000, concurrency = 1"), journal=journal)
        for _ in range(10):
            assert (await bench.ask(max_tokens=400)).failure.kind is K.INTERNAL
        journal.room = True
        for _ in range(2):
            assert (await bench.ask(max_tokens=400)).failure is None
        assert now() == 0.0

    play(story)


# -- strategies ---------------------------------------------------------------------------------------------------------


def test_round_robin_takes_turns():
    """Round robin asks each credential equally often, whatever their weights."""

    async def story():
        bench = Bench([whole()], spread("round_robin", 1, 5, 1))
        for _ in range(30):
            await bench.ask()
        assert Counter(bench.whom) == {"openai#c0": 10, "openai#c1": 10, "openai#c2": 10}

    play(story)


def test_weighted_follows_the_weights():
    """Weighted choice asks in proportion to the weights."""

    async def story():
        bench = Bench([whole()], spread("weighted", 1, 2, 7))
        for _ in range(2000):
            await bench.ask()
        counts = Counter(bench.whom)
        for number, share in enumerate((0.1, 0.2, 0.7)):
            assert abs(counts[f"openai#c{number}"] / 2000 - share) < 0.04

    play(story)


def test_two_choices_avoids_the_busy():
    """Two choices keeps away from a deployment that holds its requests, and shares the rest evenly."""

    async def story():
        slow = Reply(200, whole().body, delay=100.0)
        quick = Reply(200, whole().body, delay=0.1)
        bench = Bench(by({"openai#c0": [slow], "openai#c1": [quick], "openai#c2": [quick]}), spread("two_choices", 1, 1, 1))
        tasks = []
        for _ in range(300):
            tasks.append(asyncio.ensure_future(bench.ask()))
            await asyncio.sleep(0.1)
        await asyncio.gather(*tasks)
        counts = Counter(bench.whom)
        assert counts["openai#c0"] < 40
        assert min(counts["openai#c1"], counts["openai#c2"]) > 90

    play(story)


@pytest.mark.parametrize("strategy", ["round_robin", "weighted", "two_choices"])
def test_a_dead_credential_is_left_out(strategy):
    """Every strategy chooses only among those that are well, and a request that met the dead one still succeeds."""

    async def story():
        dead = [refused(401, "invalid_api_key")]
        bench = Bench(by({"openai#c0": dead, "openai#c1": [whole()], "openai#c2": [whole()]}), spread(strategy, 1, 1, 1))
        for _ in range(40):
            assert (await bench.ask()).failure is None
        counts = Counter(bench.whom)
        assert counts["openai#c0"] == 1
        assert min(counts["openai#c1"], counts["openai#c2"]) > 5

    play(story)


def test_a_long_wait_at_our_own_limit_is_told_once():
    """However often a request is refused while it waits at a limit, its story holds one refusal, and its error stays short."""

    async def story():
        bench = Bench([whole()], limited("rpm = 60"))
        answers = await asyncio.gather(*(bench.ask(timeout=20.0) for _ in range(120)))
        late = [answer for answer in answers if answer.failure is not None]
        assert late
        assert max(len(answer.story.attempts) for answer in answers) == 1
        assert all(answer.failure.kind is K.RATE_REACHED for answer in late)
        assert len(bench.transport.sent) == len(answers) - len(late)

    play(story)

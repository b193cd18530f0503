"""Wherever a stream is cut, and whatever is said to go on with it: the client reads a splice that holds, or an error, never a mix.

    sent      what went out of the first answer: always a beginning of what the client reads in the end
    whole     only where the second one came to its own end
    restart   then the text is the second one's, to the letter
    continue  then it is what was sent, and what the second one says behind what it repeats of it
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recovery_stage import FOUR, MESSAGES, Seen, answered, ask, by_host, frames, house, said
from story_stage import SSE, Bench, Reply, play

from stormkeel.dialects.seams import ANCHOR, LEAST, Anew, Asked, Begun, Seam, anchor_of
from stormkeel.engine.ports import WireFault

CUT = WireFault("body", "reset")
dialects = st.sampled_from(FOUR)
letters = st.sampled_from("abc é漢🌊\n ,.")
words = st.lists(st.text(letters, min_size=1, max_size=6), min_size=1, max_size=8)
LAX = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cut(dialect: str, pieces: list[str], share: float, name: str = "a") -> Reply:
    """An answer whose bytes end at a share of them, by a reset."""
    body = b"".join(frames(dialect, said(*pieces, name=name), name=name))
    return Reply(200, (body[: int(len(body) * share)] or b"\n", CUT), SSE)


def holds(seen: Seen, bench: Bench) -> str:
    """Check what holds of every stream; return what was sent before the joint."""
    answer = seen.answer
    assert seen.is_whole == (answer.failure is None), "INV-9: whole, and only then told as whole"
    assert len(seen.taken.heads) <= 1
    assert len(bench.settled) == len([one for one in answer.story.attempts if one.made])
    return seen.text


@LAX
@given(dialects, dialects, words, st.floats(0.0, 1.0), words)
def test_a_restart_is_the_second_answer_or_an_error(client, second, pieces, share, others):
    """Restarted by the same answer or by another, the client reads one of the two whole, or the beginning of the first."""

    async def story():
        for told in (pieces, others, [*pieces, *others]):
            bench = Bench(by_host([cut(client, pieces, share)], [answered(second, *told)]), house("restart", client, second))
            seen = await ask(bench, client)
            text = holds(seen, bench)
            if seen.is_whole and len(bench.transport.sent) == 2:
                assert text == "".join(told)
            else:
                assert "".join(pieces).startswith(text)

    play(story)


@LAX
@given(dialects, words, st.floats(0.0, 1.0), words)
def test_a_turn_begun_goes_on_at_once(client, pieces, share, rest):
    """Continued by a model that goes on with a turn, the text is what was sent and what it says, but for blanks said twice."""

    async def story():
        bench = Bench(by_host([cut(client, pieces, share)], [answered(MESSAGES, *rest)]), house("continue", client, MESSAGES))
        seen = await ask(bench, client)
        text = holds(seen, bench)
        joints = [one.joint for one in seen.answer.story.attempts]
        if joints[-1] == "continue (prefill)" and seen.is_whole:
            sent = next(text[:at] for at in range(len(text), -1, -1) if "".join(pieces).startswith(text[:at]))
            assert any(text == "".join(pieces)[:at] + joined(Begun("".join(pieces)[:at]), rest) for at in range(len(sent) + 1))
        elif not seen.is_whole:
            assert "".join(pieces).startswith(text)

    play(story)


@LAX
@given(dialects, st.sampled_from(["restart", "continue"]), words, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_second_break_is_never_told_as_whole(client, recovery, pieces, first, second):
    """Whoever goes on may be cut as well, after any byte: the client reads a beginning of the text, once, and is told."""

    async def story():
        script = by_host([cut(client, pieces, first)], [cut(client, pieces, second, name="b")])
        bench = Bench(script, house("restart" if recovery == "restart" else "continue", client, client, "gpt-5.4-mini"))
        seen = await ask(bench, client)
        text = holds(seen, bench)
        if recovery == "restart":
            assert "".join(pieces).startswith(text)
            assert not seen.is_whole or text == "".join(pieces)

    play(story)


# -- the seams by themselves -------------------------------------------------------------------------------------------


def joined(seam: Seam, pieces: list[str]) -> str | None:
    """Return what a seam lets through of some pieces, None where they do not go on."""
    told = []
    for piece in pieces:
        passed = seam.feed(piece)
        if passed is None:
            return None
        told.append(passed)
    last = seam.end()
    return None if last is None else "".join(told) + last


def in_pieces(text: str, sizes: list[int]) -> list[str]:
    """Cut a text into pieces."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    return [*pieces, text[at:]]


texts = st.text(letters, max_size=120)
sizes = st.lists(st.integers(1, 9), max_size=12)


@given(texts, texts, sizes)
def test_anew_passes_what_follows_the_same_beginning(sent, more, cuts):
    """What repeats all that was sent passes what it says behind it, however it is cut; anything else does not."""
    assert joined(Anew(sent), in_pieces(sent + more, cuts)) == more
    if not more.startswith(sent):
        assert joined(Anew(sent), in_pieces(more, cuts)) is None


@given(texts, texts, sizes)
def test_begun_says_no_blank_twice(sent, more, cuts):
    """Nothing of a turn's rest is lost but blanks that the turn had at its end, and those once."""
    blanks = sent[len(sent.rstrip()) :]
    passed = joined(Begun(sent), in_pieces(more, cuts))
    assert passed is not None
    assert more.endswith(passed)
    assert blanks.startswith(more[: len(more) - len(passed)])


@given(texts, texts, sizes)
def test_asked_leaves_out_the_last_words(sent, more, cuts):
    """Whoever begins with the last words, as asked, says nothing twice and loses nothing, however it is cut."""
    told = f"{anchor_of(sent)}{sent[len(sent.rstrip()) :]}{more}"
    if anchor_of(sent):
        assert joined(Asked(sent), in_pieces(told, cuts)) == more
        assert joined(Asked(sent), in_pieces("\n " + told, cuts)) == more


@given(st.text("abcdefgh ", min_size=30, max_size=200), st.integers(LEAST, 25), st.text("ijklmnop ", min_size=1, max_size=40), sizes)
def test_asked_leaves_out_other_words_of_the_end(sent, count, more, cuts):
    """Whoever repeats more or less of the end, at least four characters of it, says it once."""
    sent = sent.rstrip() + "x"
    told = sent[-count:] + more
    passed = joined(Asked(sent), in_pieces(told, cuts))
    assert passed is not None
    assert (sent + passed).endswith(more)
    if told.lstrip() == told:
        assert sent + passed == sent + more


@given(texts, texts, sizes)
def test_asked_never_depends_on_how_it_is_cut(sent, told, cuts):
    """What passes follows from the text alone."""
    assert joined(Asked(sent), in_pieces(told, cuts)) == joined(Asked(sent), [told])


def test_the_last_words_are_words():
    """At most sixty characters, from the beginning of a word where there is one."""
    assert anchor_of("short ") == "short"
    long = "word " * 40 + "half-a-wo"
    assert anchor_of(long).startswith("word ")
    assert len(anchor_of(long)) <= ANCHOR
    assert anchor_of("漢" * 100) == "漢" * ANCHOR

"""What an attempt is charged, by what is known of it when it ends."""

import msgspec
import pytest

from stormkeel.engine.charge import NOTHING, Charged, Evidence, charge, is_absurd
from stormkeel.types.failure import RULES, Charge, Failure, FailureKind
from stormkeel.types.usage import Usage

K = FailureKind
SAID = Usage(input=11, output=7)


class Tariff:
    """A nano-dollar for each token in, ten for each out."""

    def price(self, usage):
        """What it costs."""
        return usage.input + 10 * usage.output

    def bound(self, tokens, output):
        """The most that it can cost."""
        return tokens + 10 * output


class Reader:
    """A stream's reader that has read so much."""

    def __init__(self, usage=None, usage_final=False, output_bytes=0):
        self.usage, self.usage_final, self.output_bytes = usage, usage_final, output_bytes


SENT = Evidence(
    raw=b"x" * 40, bounds=(100, 50), held=600, tariff=Tariff(), sent=True, committed=False, usage=None, answer_bytes=0, reader=None
)
CUT = Failure(K.TRUNCATED, "cut")


def charged(failure=None, **known):
    """What is charged where so much more is known."""
    return charge(failure, msgspec.structs.replace(SENT, **known))


def test_what_the_provider_reported_is_charged():
    """A whole answer's usage, and a stream's, at its price."""
    assert charged(usage=SAID, answer_bytes=400) == Charged(SAID, "provider", 81)
    assert charged(reader=Reader(SAID, output_bytes=400)) == Charged(SAID, "provider", 81)
    assert charged(usage=SAID, tariff=None) == Charged(SAID, "provider", None)


def test_a_failed_stream_is_charged_by_its_report_only_where_that_was_the_last():
    """Usage told before the end is a beginning: the output that was seen comes on top."""
    assert charged(CUT, reader=Reader(SAID, usage_final=True)).source == "provider"
    begun = charged(CUT, committed=True, reader=Reader(Usage(input=11, output=1), output_bytes=120))
    assert (begun.source, begun.usage.input) == ("estimated", 11)
    assert 1 < begun.usage.output <= 50
    assert begun.amount == Tariff().price(begun.usage)


def test_what_a_failed_answer_reported_is_no_report():
    """Usage beside a failure of a whole answer is estimated, at most what was reserved."""
    assert charged(CUT, usage=SAID, answer_bytes=8).source == "estimated"


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.charge is Charge.NO])
def test_a_refused_attempt_is_free_unless_content_had_come(kind):
    """Kinds that providers do not charge cost nothing before the first content, and before a stream has told of its tokens (INV-5)."""
    failure = Failure(kind, "no")
    assert charged(failure, reader=Reader()) == NOTHING
    begun = charged(failure, reader=Reader(Usage(input=11, output=1)))
    assert (begun.source, begun.usage.input) == ("estimated", 11)
    assert charged(failure, usage=SAID) == NOTHING == Charged(Usage(), "none", 0)
    assert charged(failure, committed=True, reader=Reader(output_bytes=9)) != NOTHING


def test_what_was_never_sent_is_free():
    """Whatever the failure, and whatever is guessed."""
    assert charged(CUT, sent=False, guess=Usage(input=5)) == NOTHING


def test_without_any_news_the_reservation_stands():
    """Nothing was seen, and nobody guesses: the tokens and the amount that were held."""
    assert charged(CUT) == Charged(Usage(input=100, output=50), "reserved", 600)
    assert charged(CUT, held=None).amount is None


def test_what_the_provider_ended_is_charged_by_its_time():
    """As many tokens as it can have taken by then, at what those cost; a better guess, or something seen, comes before."""
    timed = ((100, 20), 333)
    assert charged(CUT, timed=timed) == Charged(Usage(input=100, output=20), "estimated", 333)
    assert charged(CUT, timed=((100, 20), None)).amount is None
    assert charged(CUT, timed=timed, guess=Usage(input=60)).usage == Usage(input=60)
    assert charged(CUT, timed=timed, reader=Reader(output_bytes=9)).usage.input != 100


def test_a_guess_is_believed_up_to_the_reservation():
    """Input and output each, at their price."""
    assert charged(CUT, guess=Usage(input=60, output=20)) == Charged(Usage(input=60, output=20), "estimated", 260)
    assert charged(CUT, guess=Usage(input=600, output=200)).usage == Usage(input=100, output=50)


def test_counted_input_is_believed_up_to_the_reservation():
    """What has input only is charged by its texts where nobody reported it."""
    assert charged(counted=60) == Charged(Usage(input=60), "estimated", 60)
    assert charged(counted=600).usage == Usage(input=100)
    assert charged(counted=60, usage=SAID).source == "provider"


def test_a_stream_of_which_nothing_was_read_is_estimated():
    """The request went out, so its input is charged, and some output, never more than was held."""
    told = charged(CUT, reader=Reader())
    assert told.source == "estimated"
    assert 0 < told.usage.input <= 100 and 0 < told.usage.output <= 50


@pytest.mark.parametrize(
    ("usage", "absurd"),
    [
        (Usage(input=1000, output=500), False),
        (Usage(input=999, cache_read=2, output=1), True),
        (Usage(input=1, output=250, reasoning=251), True),
    ],
)
def test_ten_times_what_a_model_can_take_is_no_report(usage, absurd):
    """All buckets of a side together, up to ten times the most there is (S-8)."""
    assert is_absurd(usage, (100, 50)) is absurd


def test_what_is_no_report_is_not_charged_by():
    """Neither a whole answer's nor a stream's: it is estimated by what was seen."""
    assert charged(usage=SAID, answer_bytes=400, is_absurd=True).source == "estimated"
    assert charged(reader=Reader(SAID, usage_final=True), is_absurd=True).usage.output != SAID.output

"""Which alerts are news."""

from stormkeel.policies.alerting import MOST, News
from stormkeel.types.alert import Alert, AlertKind

K = AlertKind


def alert(kind, subject="a"):
    """One event."""
    return Alert(kind, subject, "text", 0)


def test_an_event_is_told_once_an_hour():
    """The same event of the same subject is told again only after the time; another subject's is another event."""
    news = News()
    assert news.take(alert(K.ACCOUNT_EMPTY), 0.0, 3600.0)
    assert not any(news.take(alert(K.ACCOUNT_EMPTY), at, 3600.0) for at in (1.0, 300.0, 3599.0))
    assert news.take(alert(K.ACCOUNT_EMPTY, "b"), 1.0, 3600.0)
    assert news.take(alert(K.CREDENTIAL_REFUSED), 1.0, 3600.0)
    assert news.take(alert(K.ACCOUNT_EMPTY), 3600.0, 3600.0)


def test_good_news_follow_bad_ones_only():
    """What was never told needs no end; after an end the beginning is news again."""
    news = News()
    assert not news.take(alert(K.BREAKER_CLOSED), 0.0, 3600.0)
    assert news.take(alert(K.BREAKER_OPEN), 1.0, 3600.0)
    assert news.take(alert(K.BREAKER_CLOSED), 2.0, 3600.0)
    assert not news.take(alert(K.BREAKER_CLOSED), 3.0, 3600.0)
    assert news.take(alert(K.BREAKER_OPEN), 4.0, 3600.0)


def test_a_test_is_always_told():
    """Who tries the alarm out twice hears it twice."""
    news = News()
    assert [news.take(alert(K.TEST), 0.0, 3600.0) for _ in range(3)] == [True] * 3


def test_what_is_remembered_is_bounded():
    """Subjects without number are forgotten from the oldest on (INV-14)."""
    news = News()
    for number in range(MOST + 10):
        news.take(alert(K.MODEL_GONE, str(number)), 0.0, 3600.0)
    assert len(news._told) == MOST
    assert news.take(alert(K.MODEL_GONE, "0"), 1.0, 3600.0)
    assert not news.take(alert(K.MODEL_GONE, str(MOST)), 1.0, 3600.0)


def test_the_same_is_told_again_after_its_time():
    """Counted from when it was told last, at whatever hour."""
    news = News()
    told = [news.take(alert(K.BREAKER_OPEN), now, 1500.0) for now in (1000.0, 2499.9, 2500.0, 3999.9, 4000.0)]
    assert told == [True, False, True, False, True]

"""What exceptions of users' own functions, and of the clients they use, mean."""

import errno
import socket
import ssl
import urllib.error
from datetime import timedelta
from email.message import Message
from email.utils import formatdate

import anthropic
import httpx2
import openai
import pytest

from stormkeel.errors import CircuitOpenError, CredentialError, SettingsError, error_of
from stormkeel.policies.base import Verdict
from stormkeel.resilience.failures import CLASSES, chosen_failure_of, failure_of, is_bug, verdict_of
from stormkeel.types.failure import RULES, Again, Failure, FailureKind

K = FailureKind
WALL = 1_795_000_000 * 10**9
REQUEST = httpx2.Request("GET", "http://127.0.0.1/secret")


def of(error):
    """Return what an exception means."""
    return failure_of(error, WALL)


def answered(status, headers=None, body=None):
    """Return an HTTP client's exception for a status."""
    response = httpx2.Response(status, headers=headers, json=body or {}, request=REQUEST)
    with pytest.raises(httpx2.HTTPStatusError) as caught:
        response.raise_for_status()
    return caught.value


class Library(OSError):
    """An HTTP library's own exception, derived from OSError and without a number, as those of requests are."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(), K.CONNECT),
        (socket.gaierror(-2, "unknown"), K.CONNECT),
        (OSError(errno.ENETUNREACH, "unreachable"), K.CONNECT),
        (ConnectionResetError(), K.RESET),
        (ssl.SSLEOFError(8, "eof"), K.RESET),
        (TimeoutError(), K.SERVER),
        (httpx2.ReadTimeout("late", request=REQUEST), K.SERVER),
        (openai.APIConnectionError(request=REQUEST), K.SERVER),
        (Library("broken pipe"), K.SERVER),
        (Exception("anything"), K.SERVER),
        (ssl.SSLCertVerificationError(1, "expired"), K.CALLER),
        (OSError(errno.ENOSPC, "disk full"), K.CALLER),
        (PermissionError(13, "no"), K.CALLER),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "no"), K.CALLER),
        (ZeroDivisionError(), K.CALLER),
        (RecursionError(), K.CALLER),
        (StopIteration(), K.CALLER),
        (ExceptionGroup("both", [ConnectionError(), TypeError()]), K.CALLER),
        (ExceptionGroup("both", [ConnectionRefusedError(), ConnectionResetError()]), K.RESET),
    ],
)
def test_a_class_has_a_kind(error, kind):
    """The wire's and unknown exceptions are faults; bugs, and what this machine says, are not."""
    assert of(error).kind is kind
    assert is_bug(of(error)) is (kind is K.CALLER)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, K.CALLER), (401, K.CREDENTIAL), (403, K.CREDENTIAL), (404, K.MODEL_UNAVAILABLE), (408, K.SERVER), (422, K.CALLER),
        (429, K.RATE_LIMIT), (500, K.SERVER), (502, K.SERVER), (503, K.SERVER), (504, K.SERVER), (529, K.SERVER),
    ],
)  # fmt: skip
def test_a_status_has_a_kind(status, kind):
    """An HTTP client's exception is read by the table of statuses."""
    failure = of(answered(status))
    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message == f"HTTPStatusError, status {status}"


def test_a_status_is_found_where_clients_put_it():
    """httpx, the SDKs built on it, and urllib."""
    sdk = openai.RateLimitError(
        "slow", response=httpx2.Response(429, headers={"retry-after-ms": "1500"}, request=REQUEST), body=None
    )
    old = urllib.error.HTTPError("http://127.0.0.1", 503, "no", Message(), None)
    assert (of(sdk).kind, of(sdk).retry_after) == (K.RATE_LIMIT, 1.5)
    assert (of(old).kind, of(old).status) == (K.SERVER, 503)
    other = anthropic.InternalServerError("no", response=httpx2.Response(529, request=REQUEST), body=None)
    assert of(other).kind is K.SERVER


def test_a_spent_quota_is_told_from_a_rate_limit_by_its_code():
    """The SDKs put the provider's code on the exception: an account without money is not tried again."""
    body = {"message": "no", "code": "insufficient_quota", "type": "insufficient_quota"}
    broke = openai.RateLimitError("no", response=httpx2.Response(429, request=REQUEST), body=body)
    assert of(broke).kind is K.QUOTA


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after": formatdate(1_795_000_030, usegmt=True)}, 30.0),
        ({"retry-after": "100000"}, 300.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_retry_after_header_is_a_hint(headers, seconds):
    """Seconds or a date; 300 s at most, as everywhere."""
    assert of(answered(503, headers)).retry_after == seconds


def test_a_retry_after_attribute_is_a_hint():
    """Seconds or a span make an unknown exception a rate limit; nonsense makes nothing."""

    class Slow(Exception):
        retry_after = 2

    class Span(Exception):
        retry_after = timedelta(seconds=3)

    class Nonsense(Exception):
        retry_after = float("nan")

        @property
        def response(self):
            """Raise, as some clients' properties do."""
            raise RuntimeError

    assert [(of(one).kind, of(one).retry_after) for one in (Slow(), Span(), Nonsense())] == [
        (K.RATE_LIMIT, 2.0),
        (K.RATE_LIMIT, 3.0),
        (K.SERVER, None),
    ]


def test_our_own_exceptions_keep_their_failure():
    """A call of our client inside a guarded function means what its failure's rule says; a wrong setting is a bug."""
    refused = error_of(Failure(K.BREAKER_OPEN, "open", retry_after=3.0))
    assert isinstance(refused, CircuitOpenError) and of(refused) is refused.failure
    denied = error_of(Failure(K.CREDENTIAL, "no"))
    assert isinstance(denied, CredentialError) and verdict_of(of(denied)) is Verdict.IGNORED
    assert is_bug(of(SettingsError("wrong")))


def test_nothing_is_worth_one_more_try_only():
    """With nobody else to ask, a policy's `attempts` hold for overloaded and broken answers too."""
    for kind in K:
        failure = of(error_of(Failure(kind, "no")))
        assert failure.rule.again is not Again.ONCE
        assert failure.rule.trips == RULES[kind].trips


def test_on_makes_a_fault_of_what_the_table_would_not_repeat():
    """Somebody's own word counts more than the table's: chosen ones are faults, and others are nobody's."""
    chosen = chosen_failure_of(ValueError(), WALL, ValueError)
    assert chosen.kind is K.SERVER
    assert chosen_failure_of(ConnectionError(), WALL, ValueError).kind is K.CALLER
    assert chosen_failure_of(answered(429, {"retry-after": "5"}), WALL, httpx2.HTTPStatusError).retry_after == 5.0


def test_every_known_class_is_reached():
    """No row of the table stands behind a wider one."""
    for place, (known, _) in enumerate(CLASSES):
        assert not any(issubclass(known, wider) for wider, _ in CLASSES[:place]), known

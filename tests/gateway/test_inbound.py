"""What a client says beside the body of how long it will wait."""

import pytest

from stormkeel.gateway.inbound import Inbound
from stormkeel.types.border import NO_BORDER


def said(*headers: tuple[str, str]) -> tuple[float | None, float | None]:
    """Timeout and patience of a client with these headers."""
    options = Inbound([(name.encode(), value.encode()) for name, value in headers]).options("k")
    return options.timeout, options.patience


@pytest.mark.parametrize(
    ("header", "value", "timeout", "patience"),
    [
        ("x-stormkeel-timeout", "3", 3.0, None),
        ("x-request-timeout-ms", "3000", 2.85, None),
        ("grpc-timeout", "3S", 2.85, None),
        ("grpc-timeout", "3000m", 2.85, None),
        ("grpc-timeout", "1M", 59.5, None),
        ("x-stainless-read-timeout", "600", None, 599.5),
        ("x-stainless-read-timeout", "20.0", None, 19.5),
        ("x-stainless-timeout", "60", None, 59.5),
        ("x-server-timeout", "10", None, 9.5),
        ("x-stainless-timeout", "NOT_GIVEN", None, None),
        ("x-stainless-timeout", "0", None, None),
        ("x-request-timeout-ms", "-5", None, None),
        ("x-request-timeout-ms", "1e400", None, None),
        ("grpc-timeout", "3", None, None),
        ("grpc-timeout", "S", None, None),
        ("grpc-timeout", "1.5S", None, None),
        ("grpc-timeout", "123456789S", None, None),
        ("x-stormkeel-timeout", "nan", None, None),
    ],
)
def test_how_long_a_client_waits(header: str, value: str, timeout: float | None, patience: float | None) -> None:
    """Spans for everything, and spans of silence, each in its own unit; what makes no sense is ignored (INV-10)."""
    found = said((header, value))
    assert found == (timeout and pytest.approx(timeout), patience and pytest.approx(patience))


def test_the_smallest_counts() -> None:
    """Of several timeouts the client is answered by the smallest."""
    assert said(("x-stormkeel-timeout", "3"), ("grpc-timeout", "2S")) == (pytest.approx(1.9), None)
    assert said(("x-stainless-timeout", "60"), ("x-stainless-read-timeout", "30")) == (None, 29.5)
    assert said(("x-stormkeel-task", "t"), ("x-stainless-timeout", "60")) == (None, 59.5)


def labelled(name: str, value: bytes) -> str:
    """What a label is read as."""
    options = Inbound([(name.encode(), value)]).options("k")
    return options.task or options.tags[0] if options.border == NO_BORDER else str(options.border)


@pytest.mark.parametrize("sent", ["Prüfung".encode(), "Prüfung".encode("latin-1")])
def test_labels_are_read_as_they_were_written(sent: bytes) -> None:
    """A label in UTF-8, as curl sends what is typed, stands as such in the ledger and the border; so does one in Latin-1."""
    assert labelled("x-stormkeel-task", sent) == labelled("x-stormkeel-tags", sent) == "Prüfung"
    assert "prüfung" in labelled("x-stormkeel-within", sent)

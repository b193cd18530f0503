"""A secret hides itself wherever it might be written down."""

import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest

from stormkeel.types.secret import Secret

CANARY = "sk-canary-4f9b1c77d2e84a01"
SECRET = Secret(CANARY)


class Holder(msgspec.Struct, frozen=True):
    key: Secret


@pytest.mark.parametrize(
    "text",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET:>40}",
        f"{SECRET!r}",
        repr([SECRET]),
        repr({"key": SECRET}),
        repr(Holder(SECRET)),
        SECRET.hint,
    ],
)
def test_a_secret_is_not_in_any_text_made_of_it(text: str):
    """S-37: no way of making text of a secret shows it."""
    assert CANARY not in text
    assert CANARY[7:] not in text


@pytest.mark.parametrize("write", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps])
def test_a_secret_cannot_be_written_down(write):
    """Writers of data refuse a secret, and say nothing of it."""
    with pytest.raises(TypeError) as caught:
        write(SECRET)
    assert CANARY not in str(caught.value)


def test_a_secret_is_not_in_a_traceback_with_locals():
    """S-37: a traceback that prints the locals of each frame hides it too."""

    def fail(key: Secret) -> None:
        raise ValueError("broken")

    try:
        fail(SECRET)
    except ValueError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(***)" in text
    assert CANARY not in text


def test_a_secret_is_not_in_a_log_record():
    """S-37: a log record that was given a secret does not show it."""
    record = logging.LogRecord("x", logging.DEBUG, "f", 1, "key=%s holder=%r", (SECRET, Holder(SECRET)), None)
    assert CANARY not in record.getMessage()


def test_secrets_are_equal_by_their_text():
    """Two secrets of the same text are the same, as keys of a mapping too; a text is no secret."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_copy_is_the_secret_itself():
    """Copying a settings tree does not write a secret down."""
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy({"k": SECRET})["k"] is SECRET


def test_an_empty_secret_is_false_and_a_short_one_has_no_hint():
    """Only a long secret shows its first few characters, so that they give nothing away."""
    assert not Secret("")
    assert Secret("x")
    assert Secret("short-key").hint == "***"
    assert SECRET.hint == "sk-cana..."
    assert SECRET.reveal() == CANARY

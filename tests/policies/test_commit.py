"""How much of an answer is held back for each commit point."""

from __future__ import annotations

from math import inf

import pytest

from stormkeel.policies.commit import bytes_held, commit_of
from stormkeel.policies.recovery import recovery_of


@pytest.mark.parametrize(
    ("commit", "held"), [("first_token", 0), ("complete", inf), ("tokens:1", 4), ("tokens:100000", 400_000), ("tokens:007", 28)]
)
def test_what_is_held_back(commit, held):
    """The first content holds nothing back, the whole answer everything, tokens four bytes each."""
    assert bytes_held(commit) == held


@pytest.mark.parametrize(
    "commit", ["", "tokens:", "tokens:x", "tokens:-1", "tokens:1.5", "tokens:²", "tokens", "first", "tokens:1234567"]
)
def test_what_is_no_commit_point(commit):
    """Anything else is refused with the words that may be given."""
    with pytest.raises(ValueError, match=r'`commit` is .*: give "first_token", "tokens:N" with a number for N, or "complete"'):
        bytes_held(commit)


@pytest.mark.parametrize("commit", ["tokens:0", "tokens:100001"])
def test_how_many_tokens(commit):
    """From one token to a hundred thousand may be held."""
    with pytest.raises(ValueError, match="give a number from 1 to 100000 tokens"):
        bytes_held(commit)


def test_a_request_may_not_ask_for_nonsense():
    """A word that is none is as if none had been said."""
    assert [commit_of(text) for text in ("", "complete", "tokens:5", "tokens:0", "later")] == ["", "complete", "tokens:5", "", ""]
    assert [recovery_of(text) for text in ("", "continue", "error", "resume")] == ["", "continue", "error", ""]

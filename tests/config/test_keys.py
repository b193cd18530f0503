"""Callers' keys: made, known again, never kept."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.keys import ALPHABET, CallerKey, KeyRing, hash_of, keep, make, public_id
from stormkeel.types.secret import Secret


def made(seed: int) -> str:
    """A key made of seeded bytes."""
    key = make(random.Random(seed).randbytes(64))
    assert key is not None
    return key.reveal()


def test_a_made_key_has_its_form():
    """A made key is `sk-storm-`, eight characters of id, a dash, 38 more; its public id can be read from it."""
    key = made(1)
    prefix, _, rest = key.partition("sk-storm-")
    public, _, body = rest.partition("-")
    assert prefix == ""
    assert len(public) == 8
    assert len(body) == 38
    assert public_id(key) == public


def test_a_made_key_uses_every_letter_alike():
    """No character of the alphabet is favoured: each comes within a fifth of its share in 2,000 keys."""
    letters = "".join(made(seed).removeprefix("sk-storm-").replace("-", "")[:40] for seed in range(2000))
    share = len(letters) / len(ALPHABET)
    assert all(0.8 * share < letters.count(letter) < 1.2 * share for letter in ALPHABET)


def test_bytes_that_do_not_suffice_make_no_key():
    """Where too many random bytes had to be thrown away nothing shorter or weaker is made."""
    assert make(b"\xff" * 64) is None
    assert make(b"") is None


@given(st.integers(0, 54), st.sampled_from(ALPHABET))
def test_one_changed_character_is_noticed(place: int, letter: str):
    """The checksum tells a key with one wrong character from a key."""
    key = made(7)
    changed = key[:place] + letter + key[place + 1 :]
    assert (public_id(changed) is None) == (changed != key)


def test_the_ring_knows_its_keys_and_nobody_elses():
    """A ring finds a key's owner by the whole key: a right id with another secret is nobody's."""
    ring = KeyRing([keep("a", Secret(made(1))), keep("b", Secret(made(2)))])
    assert [ring.find(made(seed)) and ring.find(made(seed)).name for seed in (1, 2, 3)] == ["a", "b", None]
    forged = make(b"\0" * 64)
    assert forged is not None
    same_id = KeyRing([CallerKey("a", public_id(forged.reveal()) or "", hash_of("another"))])
    assert same_id.find(forged.reveal()) is None
    assert len(ring) == 2


def test_a_key_of_ones_own_is_found_by_its_hash():
    """An operator may bring keys of any form."""
    ring = KeyRing([keep("mine", Secret("team-key-of-my-own-7"))])
    assert ring.find("team-key-of-my-own-7") == CallerKey("mine", "", hash_of("team-key-of-my-own-7"))
    assert ring.find("team-key-of-my-own-8") is None


@pytest.mark.parametrize("text", ["", "sk-storm-", "sk-storm-ABCDEFGH-", "\ud800", "ключ", "sk-storm-" + "A" * 500])
def test_odd_texts_are_nobodys_key(text: str):
    """Whatever a client sends as its key, looking it up never raises."""
    assert KeyRing([keep("a", Secret(made(1)))]).find(text) is None


def test_what_is_kept_holds_no_key():
    """S-37: the kept record shows the public id and the hash, never the key."""
    key = made(5)
    kept = keep("a", Secret(key))
    assert key not in repr(kept)
    assert key[18:] not in repr(kept)
    assert kept.id == public_id(key)

"""Where secrets come from, and the mistakes people make with them."""

import os
from pathlib import Path

import pytest

from stormkeel.config.load import from_environment, load
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS
from stormkeel.runtime.credentials.sources import LARGEST, read_environment, resolve, resolve_credentials, resolve_keys
from stormkeel.types.secret import Secret

CANARY = "q7Zt0canaryU2mX9aLw4"
OPENAI, CLAUDE = f"sk-proj-{CANARY}", f"sk-ant-api03-{CANARY}"


def of(environ: dict[str, str]) -> dict[tuple[str, str], Secret]:
    """The credentials an environment sets up."""
    return resolve_credentials(from_environment(environ, KINDS), environ)


def test_each_credential_is_resolved_by_its_name():
    """Every credential of every provider is there, by provider and name."""
    found = of({"OPENAI_API_KEY": OPENAI, "OPENAI_API_KEY_2": OPENAI + "2", "ANTHROPIC_API_KEY": CLAUDE})
    assert {key: secret.reveal() for key, secret in found.items()} == {
        ("openai", "main"): OPENAI,
        ("openai", "2"): OPENAI + "2",
        ("anthropic", "main"): CLAUDE,
    }


@pytest.mark.parametrize(
    ("name", "key", "fault"),
    [
        ("OPENAI_API_KEY", f'"{OPENAI}"', "still has its quotes around it"),
        ("OPENAI_API_KEY", f"'{OPENAI}", "still has its quotes around it"),
        ("OPENAI_API_KEY", f"Bearer {OPENAI}", "has a header's words before it"),
        ("OPENAI_API_KEY", f"authorization: bearer {OPENAI}", "has a header's words before it"),
        ("ANTHROPIC_API_KEY", f"x-api-key:{CLAUDE}", "has a header's words before it"),
        ("OPENAI_API_KEY", f"OPENAI_API_KEY={OPENAI}", "has its variable's name before it"),
        ("OPENAI_API_KEY", f"{OPENAI},", 'ends with ","'),
        ("OPENAI_API_KEY", f"AIza{CANARY}", "(AIzaq7Z...) looks like a key of gemini, not of openai"),
        ("OPENAI_API_KEY", f"AQ.{CANARY}", "(AQ.q7Zt...) looks like a key of gemini, not of openai"),
        ("ANTHROPIC_API_KEY", f"ghp_{CANARY}", "(ghp_q7Z...) looks like a key of GitHub, not of anthropic"),
        ("OPENAI_API_KEY", OPENAI + "\n", "has blanks or a line break in it"),
        ("OPENAI_API_KEY", f"sk-{CANARY} {CANARY}", "has blanks or a line break in it"),
        ("OPENAI_API_KEY", CANARY + "\u2026", "has characters no key has"),
        ("OPENAI_API_KEY", "sk-...", "is a placeholder, no key"),
        ("OPENAI_API_KEY", "changeme", "is a placeholder, no key"),
        ("OPENAI_API_KEY", "your-api-key", "is a placeholder, no key"),
        ("OPENAI_API_KEY", CLAUDE, "(sk-ant-...) looks like a key of anthropic, not of openai"),
        ("ANTHROPIC_API_KEY", OPENAI, "(sk-proj...) looks like a key of openai, not of anthropic"),
        ("ANTHROPIC_API_KEY", f"sk-{CANARY}xyz", "(sk-q7Zt...) looks like a key of openai or deepseek, not of anthropic"),
        ("TOGETHER_API_KEY", f"gsk_{CANARY}", "(gsk_q7Z...) looks like a key of groq, not of together"),
        ("OPENAI_API_KEY", f"sk-storm-{CANARY}", "(sk-stor...) is a key for callers of a Stormkeel gateway, not one of openai"),
    ],
)
def test_each_mistake_has_its_mend(name: str, key: str, fault: str):
    """A key that cannot be right is refused by its variable, provider and mend; S-37: 7 characters at most are shown."""
    with pytest.raises(SettingsError) as caught:
        of({name: key})
    provider = name.removesuffix("_API_KEY").lower()
    text, _, mend = str(caught.value).partition("; ")
    assert text == f'env:{name}, the credential "main" of provider "{provider}", {fault}'
    assert mend in {
        f"put {provider}'s own key there", "take them off", "take that off", "leave the key alone, without them",
        "leave the key alone, behind the =", "copy the key again", "copy the key again, on one line",
    }  # fmt: skip
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"OPENAI_API_KEY": "anything-at-all", "OPENAI_BASE_URL": "https://relay.example.com/v1"},
        {"ANTHROPIC_API_KEY": "sk-1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9999"},
        {"OPENAI_API_KEY": "sk-" + CANARY}, {"OPENAI_API_KEY": "a-new-form-" + CANARY}, {"DEEPSEEK_API_KEY": "sk-" + CANARY},
        {"MISTRAL_API_KEY": CANARY}, {"MISTRAL_API_KEY": "sk-" + CANARY}, {"GROQ_API_KEY": "gsk_" + CANARY},
        {"VLLM_API_KEY": "token"},
        {"OPENROUTER_API_KEY": "sk-or-v1-" + CANARY}, {"ANTHROPIC_AUTH_TOKEN": CLAUDE},
    ],
)  # fmt: skip
def test_keys_that_may_be_right_are_taken(environ: dict[str, str]):
    """Another address takes any key, and a form nobody knows is not refused."""
    assert len(of(environ)) == 1


def test_what_is_not_there_is_named():
    """A reference that leads nowhere says which, whose, and what to do."""
    with pytest.raises(SettingsError, match=r'^env:NOPE, the key "a", is not set; set NOPE in the environment or in \.env$'):
        resolve("env:NOPE", {}, 'key "a"')
    with pytest.raises(SettingsError, match=r'^env:E, the key "a", is empty; put the key there$'):
        resolve("env:E", {"E": " "}, 'key "a"')


def test_a_secret_may_stand_in_a_file(tmp_path: Path):
    """A file's text is the secret, without the line break editors leave; a link to it is fine."""
    (tmp_path / "real").write_text(CANARY + "\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert resolve(f"file:{tmp_path}/link", {}, "x").reveal() == CANARY


def test_files_that_are_none_are_refused(tmp_path: Path):
    """Missing files, folders, pipes, huge files and bytes that are no text: each has its words, none shows the content."""
    (tmp_path / "bytes").write_bytes(b"\xff" + CANARY.encode())
    (tmp_path / "huge").write_bytes(CANARY.encode() * LARGEST)
    os.mkfifo(tmp_path / "pipe")
    for name, words in {
        "none": "is not there; write the key into that file",
        "": "it is no regular file",
        "pipe": "it is no regular file",
        "huge": "it is larger than",
        "bytes": "is no text",
    }.items():
        with pytest.raises(SettingsError) as caught:
            resolve(f"file:{tmp_path}/{name}", {}, "x")
        assert words in str(caught.value)
        assert CANARY not in str(caught.value)


def test_a_dotenv_stands_behind_the_process(tmp_path: Path):
    """The `.env` of the folder completes the process's environment, which wins."""
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    assert read_environment(tmp_path, {"A": "process"}) == {"A": "process", "B": "file"}
    assert read_environment(tmp_path / "elsewhere", {"A": "process"}) == {"A": "process"}


def test_a_broken_dotenv_is_named(tmp_path: Path):
    """A `.env` that can't be read, or makes no sense, is an error that names it."""
    (tmp_path / ".env").write_text(f"A=1\n{CANARY}\n")
    with pytest.raises(SettingsError, match=rf"^{tmp_path}/\.env:2: ") as caught:
        read_environment(tmp_path, {})
    assert CANARY not in str(caught.value)
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match="it is no regular file; make it readable"):
        read_environment(tmp_path, {})


def test_callers_keys_are_resolved():
    """Keys of the operator's own making are read from their references; made ones stand in the file by their hash."""
    made = f'[[keys]]\nname = "made"\nid = "AAAAAAAA"\nhash = "{"0" * 64}"\n'
    settings = load(f'[[keys]]\nname = "own"\nkey = "env:OWN"\n{made}'.encode(), {}, KINDS)
    ring = resolve_keys(settings, {"OWN": CANARY})
    found = ring.find(CANARY)
    assert found is not None
    assert found.name == "own"
    assert len(ring) == 2
    assert ring.find(CANARY + "x") is None


def test_weak_and_double_keys_are_refused():
    """A caller's key must be long enough and its own."""
    with pytest.raises(SettingsError, match=r'^env:OWN, the key "a", is shorter than 16 characters; make one with '):
        resolve_keys(load(b'[[keys]]\nname = "a"\nkey = "env:OWN"\n', {}, KINDS), {"OWN": "short"})
    twins = b'[[keys]]\nname = "a"\nkey = "env:A"\n[[keys]]\nname = "b"\nkey = "env:B"\n'
    with pytest.raises(SettingsError, match=r'^keys "a" and "b" are the same key; give each caller one of its own$'):
        resolve_keys(load(twins, {}, KINDS), {"A": CANARY, "B": CANARY})

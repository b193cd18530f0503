"""What may stand in a configuration as a reference or an address."""

import pytest

from stormkeel.config.references import fault_of_reference, fault_of_url


@pytest.mark.parametrize("ref", ["env:OPENAI_API_KEY", "env:_x1", "file:/run/secrets/key", "file:~/key", "file:key.txt"])
def test_references_are_taken(ref: str):
    """The environment and files are where secrets may be."""
    assert fault_of_reference(ref, "X") is None


@pytest.mark.parametrize(
    "ref", ["", "sk-canary-1234567890abcdef", "env:", "env:1A", "env:A B", "env:sk-canary-1", "file:", "vault:x", "ENV:A"]
)
def test_anything_else_is_refused_and_not_shown(ref: str):
    """S-37: what is no reference may be the secret itself, so it is not shown."""
    fault = fault_of_reference(ref, "OPENAI_API_KEY")
    assert fault is not None
    assert "canary" not in fault
    assert ";" in fault


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.deepseek.com",
        "http://127.0.0.1:8000/v1",
        "http://localhost:11434/v1",
        "http://[::1]:8000",
        "http://10.1.2.3/v1",
        "http://vllm:8000/v1",
        "http://gpu.internal/v1",
        "https://[2001:db8::1]/v1",
        "https://x.example.com:8443/a/b",
    ],
)
def test_addresses_are_taken(url: str):
    """Encrypted addresses anywhere, plain ones in the neighbourhood."""
    assert fault_of_url(url, has_credential=True) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.openai.com/v1", "no http or https URL"),
        ("ftp://x/v1", "no http or https URL"),
        ("file:///etc/passwd", "no http or https URL"),
        ("https://", "no http or https URL"),
        ("https://x:99999/", "no URL"),
        ("https://x:0/", "no http or https URL"),
        ("https://[::1/v1", "no URL"),
        ("https://me:canary@api.openai.com/v1", "user name or password"),
        ("https://api.openai.com/v1?key=canary", "must end with its path"),
        ("https://api.openai.com/v1#x", "must end with its path"),
        ("https://api.openai.com/v1\r\nx: y", "must end with its path"),
        ("https://a b/", "no http or https URL"),
        ("http://api.openai.com/v1", "unencrypted"),
        ("http://8.8.8.8/v1", "unencrypted"),
    ],
)
def test_other_addresses_are_refused(url: str, words: str):
    """INV-17, INV-19: no other schemes, no passwords in it, no plain text to the world; what is secret in it is not shown."""
    fault = fault_of_url(url, has_credential=True)
    assert fault is not None
    assert words in fault
    assert "canary" not in fault


def test_plain_text_without_a_credential_is_allowed():
    """A public server that wants no credential may be asked without encryption."""
    assert fault_of_url("http://models.example.com/v1", has_credential=False) is None

"""Which proxy leads to a host."""

import pytest

from stormkeel.runtime.proxies import STRAIGHT, Proxies, Proxy, from_environment, is_match, read_proxy
from stormkeel.types.secret import Secret

A, B = read_proxy("http://a:1"), read_proxy("http://b:2")


@pytest.mark.parametrize(
    ("entry", "hosts", "others"),
    [
        ("localhost", ["localhost", "a.localhost"], ["notlocalhost", "localhost.example"]),
        (".internal", ["a.internal", "b.a.internal"], ["internal", "ainternal"]),
        ("Example.COM", ["example.com", "api.example.com"], ["example.org"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "10.example.com", "::1"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "localhost"]),
        ("fd00::/8", ["fd12::1"], ["fe80::1", "10.0.0.1"]),
        ("*", ["anything", "10.0.0.1"], []),
    ],
)
def test_what_an_entry_means(entry, hosts, others):
    """Names with what is below them, domains, addresses and networks; names are never looked up."""
    assert [host for host in hosts if not is_match(entry, host)] == []
    assert [host for host in others if is_match(entry, host)] == []


def test_a_proxy_for_each_kind_of_target():
    """Secure and plain targets may have proxies of their own, and hosts left out have none."""
    proxies = Proxies(A, B, ("skip.example",))
    assert [proxies.of(True, "x"), proxies.of(False, "x"), proxies.of(True, "skip.example"), STRAIGHT.of(True, "x")] == [
        A,
        B,
        None,
        None,
    ]


def test_a_credential_is_hidden_and_sent_as_it_is():
    """User and password, from the address or beside it, make the same field, and neither is shown."""
    inside, beside = read_proxy("http://me:p%40ss@h:3128"), read_proxy("http://h:3128", Secret("me:p@ss"))
    assert inside == beside
    assert inside.line == "proxy-authorization: Basic bWU6cEBzcw==\r\n"
    assert "bWU6" not in repr(inside) and inside.name == 'proxy "h:3128"'
    assert (A.line, read_proxy("[::1]:8").name) == ("", 'proxy "[::1]:8"')


@pytest.mark.parametrize("url", ["socks5://h:1", "https://h:1", "http://", "http://h:x", "http://h/path"])
def test_a_proxy_we_cannot_use_is_refused(url):
    """Only `http://host:port` proxies are known; the error shows nothing of the address."""
    with pytest.raises(ValueError, match="is no address") as caught:
        read_proxy(url)
    assert url not in str(caught.value)


def test_the_environment_s_proxies():
    """HTTPS_PROXY, HTTP_PROXY and ALL_PROXY with NO_PROXY, as other programs read them; small letters win."""
    environ = {"HTTPS_PROXY": "http://up:1", "https_proxy": "low:2", "ALL_PROXY": "http://all:3", "no_proxy": "a, .b ,c:80,, ::1"}
    proxies, wrong = from_environment(environ)
    assert (proxies, wrong) == (Proxies(Proxy("low", 2), Proxy("all", 3), ("a", ".b", "c", "::1")), "")
    assert from_environment({}) == (STRAIGHT, "")
    assert from_environment({"HTTP_PROXY": "socks5://h:1"}) == (STRAIGHT, "HTTP_PROXY")

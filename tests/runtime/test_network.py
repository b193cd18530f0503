"""From settings to how each provider is reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_stage import AUTHORITY, PEM, answer, post
from raw_server import RawServer

from stormkeel.config.load import load
from stormkeel.config.settings import Settings
from stormkeel.engine.ports import Transport
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS
from stormkeel.runtime.http import HttpSettings
from stormkeel.runtime.network import files_of_network, resolve_network
from stormkeel.runtime.proxies import STRAIGHT, Proxies, read_proxy
from stormkeel.runtime.transports import Transports
from stormkeel.types.secret import Secret

TWO = """
[providers.openai]
credentials = {{ main = "env:KEY" }}
{0}
[providers.groq]
credentials = {{ main = "env:KEY" }}
{1}
"""


def settings(network: str = "", openai: str = "", groq: str = "") -> Settings:
    """Two providers and a network."""
    return load((TWO.format(openai, groq) + f"[network]\n{network}").encode(), {}, KINDS)


def test_nothing_said_is_straight_whatever_the_environment_says():
    """Without a setting no proxy is taken, also where HTTPS_PROXY names one."""
    ways = resolve_network(settings(), {"HTTPS_PROXY": "http://proxy:1"})
    assert {way.proxies for way in ways.values()} == {STRAIGHT}
    assert ways["openai"] == ways["groq"]


def test_the_environment_s_proxies_where_they_are_asked_for():
    """`proxy = "env"` takes them, with NO_PROXY and `no_proxy` together."""
    way = resolve_network(settings('proxy = "env"\nno_proxy = ["x"]'), {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "y"})[
        "openai"
    ]
    assert way.proxies == Proxies(read_proxy("http://proxy:1"), None, ("x", "y"))
    with pytest.raises(SettingsError, match="environment variable HTTPS_PROXY is no address of an http proxy"):
        resolve_network(settings('proxy = "env"'), {"HTTPS_PROXY": "socks5://proxy:1"})


def test_a_provider_of_its_own():
    """A provider may go straight or by another proxy, and trust another authority beside the network's."""
    given = settings(
        f'proxy = "http://proxy:1"\nproxy_credential = "env:P"\nca_file = "{PEM}"',
        'proxy = ""',
        f'proxy = "http://other:2"\nca_file = "{PEM}"',
    )
    ways = resolve_network(given, {"P": "me:secret"})
    assert ways["openai"].proxies == STRAIGHT
    assert ways["groq"].proxies.secure == read_proxy("http://other:2"), "the network's credential is not for another proxy"
    assert ways["openai"].ca == AUTHORITY.cert_pem.bytes().decode()
    assert ways["groq"].ca == ways["openai"].ca * 2
    assert set(files_of_network(given)) == {str(PEM)}


def test_the_proxy_s_credential():
    """It comes from its reference, is "user:password", and is never shown."""
    given = settings('proxy = "http://proxy:1"\nproxy_credential = "env:P"')
    assert resolve_network(given, {"P": "me:p@ss"})["openai"].proxies.secure == read_proxy("http://proxy:1", Secret("me:p@ss"))
    with pytest.raises(SettingsError, match=r"env:P, the credential of the proxy of \[network\], is not set"):
        resolve_network(given, {})
    with pytest.raises(SettingsError, match='is not "user:password"') as caught:
        resolve_network(given, {"P": "CANARYsecret"})
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "can't be read: No such file"), ("", "no certificate"), ("nonsense", "no certificate")]
)
def test_a_file_of_authorities_that_is_none(content, said, tmp_path: Path):
    """A missing, empty or foreign file is told before anything is sent."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=said) as caught:
        resolve_network(settings(f'ca_file = "{path}"'), {})
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ('proxy = "socks5://h:1"', '"proxy" is no address of an http proxy'),
        ('proxy = "http://me:CANARY0secret@h:1"', '"proxy" has a user name or password in it'),
        ('proxy = "http://h:1/path"', '"proxy" is no address of an http proxy'),
        ('proxy = "http://h:1"\nproxy_credential = "me:CANARY0secret"', '"proxy_credential" must be a reference'),
        ('proxy_credential = "env:P"', '"proxy_credential" belongs to a "proxy"'),
        ('no_proxy = ["http://h"]', '"no_proxy" has "http://h"; write a name'),
        ("ca_only = true", '"ca_only" trusts nobody without "ca_file"'),
    ],
)
def test_what_may_not_stand_there(network, said):
    """Each mistake has its line and its mend, and shows no password."""
    with pytest.raises(SettingsError) as caught:
        settings(network)
    assert said in str(caught.value) and "stormkeel.toml:" in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_equal_ways_share_a_client():
    """Providers reached alike share one pool, and a reload keeps it; one that nobody uses any more is let go."""
    transports = Transports()
    first = transports.of(resolve_network(settings(), {}))
    again = transports.of(resolve_network(settings("", "headers = { x-a = 'b' }"), {}))
    assert first["openai"] is first["groq"] is again["openai"]
    other = transports.of(resolve_network(settings('proxy = "http://h:1"', "", 'proxy = ""'), {}))
    assert other["groq"] is first["groq"] and other["openai"] is not first["openai"]


def test_a_client_nobody_wants_is_closed(play):
    """After `keep` the clients left out hold no connection, and a provider reached that way again gets a new one."""

    async def act(server: RawServer, _transport: Transport) -> None:
        transports = Transports()
        first = transports.of({"a": HttpSettings(), "b": HttpSettings(idle_timeout=7.0)})
        for one in first.values():
            assert (await one.send(post(server.url))).body == b"ok"
        await transports.keep([first["a"]])
        again = transports.of({"a": HttpSettings(), "b": HttpSettings(idle_timeout=7.0)})
        assert again["a"] is first["a"] and again["b"] is not first["b"]
        await server.connections[1].gone.wait()
        assert (await again["a"].send(post(server.url))).body == b"ok"
        assert len(server.connections) == 2
        await transports.close()

    play(answer, act)
